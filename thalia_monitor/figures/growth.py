"""Growth charts: neurons and capacity by region, their total, and growth events."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import (
    OWN_AXIS,
    TOTAL,
    X_LOOKS,
    X_TITLES,
    Chart,
    View,
    band_texts,
    notes,
    nothing,
    points_of_each,
    show_band,
    times,
)
from thalia_monitor.figures.events import Marks, by_label, caption, columns_of, marks, row_addresses
from thalia_monitor.figures.events import notes as notes_of
from thalia_monitor.figures.marks import event_traces
from thalia_monitor.figures.traces import RUG_AXIS, WHOLE, drawn_sample, lines, rug, total_traces
from thalia_monitor.figures.traces import notes as untimed
from thalia_monitor.metric_info import GROWING
from thalia_monitor.model.history import Column
from thalia_monitor.model.series_key import Kind

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState


LONGEST_GROUP: Final = 200
"""Characters that distinguish legend entries of regions, though fewer are shown."""
MOST_NAMED: Final = 20
"""Maximum regions named in a chart's description; the table of raw values has all."""


def neurons(state: TrainingState, _: str, view: View) -> Chart:
    """Draw the neuron count of each region and of all together."""
    if not state.history.neurons:
        return nothing("no line has neurons by region yet", 300)
    chart = _by_region(state, Kind.NEURONS, view)
    if len(state.history.neurons) < 2 or not chart.scaled or TOTAL in view.hidden:
        return chart
    total = total_traces(state.history, view, log=Kind.NEURONS.family in view.log)
    return replace(chart, traces=[*total, *chart.traces])


def capacity(state: TrainingState, _: str, view: View) -> Chart:
    """Draw each region's capacity, and the band in which regions grow."""
    if not state.history.capacity:
        return nothing("no line has capacity by region yet", 300)
    chart = _by_region(state, Kind.CAPACITY, view)
    if not chart.scaled:
        return chart
    chart.layout["yaxis"] = chart.layout["yaxis"] | {"tickformat": ".3~p"}
    if Kind.CAPACITY.family not in view.log:
        chart.layout["yaxis"] |= {"rangemode": "tozero"}
    show_band(chart.layout, GROWING, log=Kind.CAPACITY.family in view.log)
    return replace(chart, **band_texts(GROWING))


def capacity_now(state: TrainingState, _: str, view: View) -> Chart:
    """Compare the regions' capacity as of the newest line that has it."""
    if not state.capacity_by_region:
        return nothing("no line has capacity_by_region yet", 160)
    known = [each for each in state.capacity_by_region.items() if each[0] not in view.hidden]
    regions = sorted(known, key=lambda each: each[1] if math.isfinite(each[1]) else -math.inf)
    names = list(theme.categories(region for region, _ in regions).values())
    layout = theme.layout(x_title="capacity", height=max(160, 34 * len(regions) + 60), **OWN_AXIS)
    layout["xaxis"] |= {"range": [0, 1.1], "tickformat": ".0%"}
    layout["yaxis"] |= {"automargin": True}
    layout["hovermode"] = "closest"
    layout["shapes"] = [_upright(GROWING.low)]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": [round(value, 4) if math.isfinite(value) else None for _, value in regions],
        "marker": {"color": [theme.region_style(region)["color"] for region, _ in regions]},
        "text": [_percent(value) for _, value in regions],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{x:.1%}<extra></extra>",
    }
    words = ", ".join(f"{theme.short(region, 24)} {_percent(value)}" for region, value in regions)
    caption = "" if regions else "no line has capacity_by_region yet"
    summary = f"Capacity by region: {words}." if words else ""
    return Chart([bars], layout, caption=caption, summary=summary, **band_texts(GROWING))


def timeline(state: TrainingState, _: str, view: View) -> Chart:
    """Show when each region grew, and by how many neurons."""
    grown = columns_of(state, contract.GROWTH, "region", "neurons_added")
    if not len(grown):
        return nothing("no growth event yet", 160)
    grown = grown.without(view.hidden)
    placed = marks(grown.bounded(), state.history, view)
    said, lost = caption(len(grown), placed, "growth event"), notes_of(placed, len(grown), "growth events")
    if (placed.unplaced or placed.untimed) and not placed.total:
        return nothing(said, 160, total=len(grown), length=len(grown), notes=lost)
    largest = float(np.nanmax(placed.amount, initial=1.0))
    size = 8 + 18 * np.sqrt(np.clip(np.nan_to_num(placed.amount), 0, None) / max(largest, 1.0))
    lanes = theme.categories(sorted(set(placed.label.tolist())))
    layout = theme.layout(x_title=X_TITLES[view.x], height=max(150, 40 * len(lanes) + 70))
    layout["hovermode"] = "closest"
    layout["yaxis"] |= {
        "automargin": True,
        "ticklabelstandoff": 14,  # room for half of the largest dot
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(lanes.values()),
    }
    layout["xaxis"] |= X_LOOKS[view.x]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": times(placed.x),
        "y": [lanes[region] for region in placed.label.tolist()],
        "marker": {
            "size": [round(each, 1) for each in size.tolist()],
            "color": [theme.region_style(region)["color"] for region in placed.label.tolist()],
            "opacity": 0.8,
            "line": {"width": 0},
        },
        "cliponaxis": False,
        "text": [
            f"+{amount:,.0f} neurons" + (f" in {count:,} events" if count > 1 else "")
            for amount, count in zip(
                np.nan_to_num(placed.amount).tolist(), placed.count.tolist(), strict=True
            )
        ],
        "customdata": row_addresses("growth", placed.step),
        "hovertemplate": "%{y}: %{text}<br>%{x}<extra></extra>",
    }
    return Chart(
        [dots],
        layout,
        caption=said,
        total=len(grown),
        length=len(grown),
        notes=lost,
        summary=_growths(placed),
    )


def _growths(placed: Marks) -> str:
    each = [
        f"{region} {counted(count, 'time')}, +{number(added, 'count')} neurons"
        for region, count, added, _ in by_label(placed)[:MOST_NAMED]
    ]
    ends = f", the newest at step {placed.newest:,}: {'; '.join(each)}." if each else "."
    return counted(placed.total, "growth event") + ends


def _course(region: str, column: Column, unit: str) -> str:
    ends = [number(float(column.values[at]), "percent" if unit == "capacity" else "count") for at in (0, -1)]
    return f"{theme.short(region, 24)} from {ends[0]} to {ends[1]}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if math.isfinite(share) else number(share)


def _upright(x: float) -> dict[str, Any]:
    line = {"color": theme.CAUTION, "width": 1, "dash": "dash"}
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x, "line": line}


def _by_region(state: TrainingState, kind: Kind, view: View) -> Chart:
    columns, unit = state.history.table(kind), str(kind)
    layout = theme.layout(x_title=X_TITLES[view.x], y_title=unit, height=300, yaxis2=RUG_AXIS)
    layout["xaxis"] |= X_LOOKS[view.x]
    log = kind.family in view.log
    if log:
        layout["yaxis"] |= {"type": "log"}
    hover = WHOLE if kind is Kind.NEURONS else "%{y:,.4~p}"
    traces: list[dict[str, Any]] = []
    shown_keys = [key for key in state.history.series_keys(kind) if key.name not in view.hidden]
    every = {key.name: state.history.series(key) for key in shown_keys}
    known = {region: series for region, series in every.items() if series is not None}
    lost = untimed(list(known.values()), state.history, view)
    said = [*lost]
    length = sum(len(column) for column in columns.values())
    budget = points_of_each(len(known))
    total = drawn = placed = 0
    for region, series in known.items():
        points = drawn_sample(series, state.history, view, budget)
        total += points.total
        placed += points.length
        drawn += min(len(points), points.total)
        name = theme.plain(region, 24)
        group = {"legendgroup": theme.key(theme.plain(region, LONGEST_GROUP))}
        named = {"name": name} | group
        style = theme.region_style(region)
        traces += [
            trace | named for trace in lines(points, state.history, view, style, log=log, few=0, hover=hover)
        ]
        marks = rug(points, state.history, view, log=log, name=name)
        traces += [trace | group for trace in marks]
        said += [f"{name}: {note}" for note in notes(points)]
    if lost and not placed:
        return nothing("", 300, length=length, notes=lost)
    traces += event_traces(state, view)
    words = f"{drawn:,} of {total:,} points" if drawn < total else f"{total:,} points"
    shown = {
        region: column for region, column in columns.items() if region not in view.hidden and len(column)
    }
    ends = [_course(*each, unit) for each in list(shown.items())[:MOST_NAMED]]
    summary = f"{unit.capitalize()} of {counted(len(shown), 'region')}: {'; '.join(ends)}." if shown else ""
    return Chart(
        traces,
        layout,
        caption=words if columns else f"no line has {unit} by region yet",
        total=total,
        length=length,
        notes=tuple(said),
        summary=summary,
    )
