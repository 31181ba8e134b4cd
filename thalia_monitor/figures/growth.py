"""Growth charts: neurons by region and in total, capacity by region, and when each region grew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from thalia_monitor import contract
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import X_TITLES, Chart, View, numbers, times
from thalia_monitor.figures.curves import RUG_AXIS, drawn_sample, lines, positions
from thalia_monitor.figures.events import marks
from thalia_monitor.figures.marks import event_traces
from thalia_monitor.figures.metrics import BANDS, GROWTH_THRESHOLD, band
from thalia_monitor.history import Column, Floats, Ints, Series
from thalia_monitor.state import TrainingState


def neurons(state: TrainingState, _: str, view: View) -> Chart:
    """Draw the neuron count of each region and of all together."""
    chart = _by_region(state, contract.SERIES_NEURONS, state.history.neurons, view, "neurons")
    total = _total(state, view)
    if total and len(state.history.neurons) > 1:
        chart.traces.insert(0, total)
    return chart


def capacity(state: TrainingState, _: str, view: View) -> Chart:
    """Draw each region's capacity, and the band in which regions grow."""
    chart = _by_region(state, contract.SERIES_CAPACITY, state.history.capacity, view, "capacity")
    chart.layout["yaxis"] = chart.layout["yaxis"] | {"tickformat": ".0%", "rangemode": "tozero"}
    chart.layout["shapes"] = [band(*BANDS["capacity"])]
    return chart


def capacity_now(state: TrainingState, _: str, view: View) -> Chart:
    """Compare the regions' capacity as of the newest line that has it."""
    known = [each for each in state.capacity_by_region.items() if each[0] not in view.hidden]
    regions = sorted(known, key=lambda each: each[1])
    names = [theme.plain(region, 24) for region, _ in regions]
    layout = theme.layout(x_title="capacity", height=max(160, 34 * len(regions) + 60))
    layout["xaxis"] |= {"range": [0, 1.1], "tickformat": ".0%"}
    layout["yaxis"] |= {"automargin": True}
    layout["hovermode"] = "closest"
    layout["shapes"] = [_upright(GROWTH_THRESHOLD)]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": [round(value, 4) for _, value in regions],
        "marker": {"color": [theme.region_style(region)["color"] for region, _ in regions]},
        "text": [f"{value:.0%}" for _, value in regions],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{x:.1%}<extra></extra>",
    }
    words = ", ".join(f"{name} {value:.0%}" for name, (_, value) in zip(names, regions, strict=True))
    caption = "" if regions else "no line has capacity_by_region yet"
    return Chart([bars], layout, caption=caption, summary=f"Capacity by region: {words}." if words else "")


def timeline(state: TrainingState, _: str, view: View) -> Chart:
    """Show when each region grew, and by how many neurons."""
    grown = state.events_of(contract.GROWTH)
    events = [event for event in grown if event.fields.get("region") not in view.hidden]
    placed = marks(events, "region", "neurons_added", state.history, view)
    largest = float(np.nanmax(placed.amount, initial=1.0))
    size = 8 + 18 * np.sqrt(np.clip(np.nan_to_num(placed.amount), 0, None) / max(largest, 1.0))
    regions = sorted(set(placed.label.tolist()))
    layout = theme.layout(x_title=X_TITLES[view.x], height=max(150, 40 * len(regions) + 70))
    layout["hovermode"] = "closest"
    layout["yaxis"] |= {
        "automargin": True,
        "type": "category",
        "categoryorder": "array",
        "categoryarray": _labels(regions),
    }
    if view.x == "wall":
        layout["xaxis"] |= {"type": "date"}
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": times(placed.x),
        "y": _labels(placed.label.tolist()),
        "marker": {
            "size": [round(each, 1) for each in size.tolist()],
            "color": [theme.region_style(region)["color"] for region in placed.label.tolist()],
            "opacity": 0.8,
            "line": {"width": 0},
        },
        "text": [
            f"+{amount:,.0f} neurons" + (f" in {count:,} events" if count > 1 else "")
            for amount, count in zip(
                np.nan_to_num(placed.amount).tolist(), placed.count.tolist(), strict=True
            )
        ],
        "hovertemplate": "%{y}: %{text}<br>%{x}<extra></extra>",
    }
    return Chart([dots], layout, caption=_event_caption(len(events), placed.unplaced), total=len(events))


def _labels(regions: list[str]) -> list[str]:
    return [theme.plain(region, 24) for region in regions]


def _event_caption(total: int, unplaced: int) -> str:
    words = "no growth event yet" if not total else f"{total:,} growth event{'s' if total > 1 else ''}"
    return words + (f", {unplaced:,} without a step" if unplaced else "")


def _upright(x: float) -> dict[str, Any]:
    line = {"color": theme.CAUTION, "width": 1, "dash": "dash"}
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x, "line": line}


def _by_region(
    state: TrainingState, prefix: str, columns: Mapping[str, Column], view: View, unit: str
) -> Chart:
    layout = theme.layout(
        x_title=X_TITLES[view.x], y_title=unit, height=300, showlegend=True, yaxis2=RUG_AXIS
    )
    if view.x == "wall":
        layout["xaxis"] |= {"type": "date"}
    traces: list[dict[str, Any]] = []
    total = drawn = 0
    for region in columns:
        series = state.history.series(prefix + region)
        if series is None or region in view.hidden:
            continue
        points = drawn_sample(series, state.history, view)
        total += points.total
        drawn += min(len(points), points.total)
        name = theme.plain(region, 24)
        named = {"name": name, "legendgroup": name, "mode": "lines"}
        traces += [trace | named for trace in lines(points, state.history, view, theme.region_style(region))]
    traces += event_traces(state, view)
    caption = f"{drawn:,} of {total:,} points" if drawn < total else f"{total:,} points"
    words = f"{unit.capitalize()} of {len(columns)} regions." if columns else ""
    return Chart(
        traces,
        layout,
        caption=caption if columns else f"no line has {unit} by region yet",
        total=total,
        length=sum(len(column) for column in columns.values()),
        summary=words,
    )


def _total(state: TrainingState, view: View) -> dict[str, Any] | None:
    """Add the regions up where any of them is drawn; a region missing on a line counts as it last was."""
    history = state.history
    everything = [history.series(contract.SERIES_NEURONS + region) for region in history.neurons]
    known = [series for series in everything if series is not None and len(series)]
    if not known:
        return None
    samples = [drawn_sample(series, history, view) for series in known]
    at = np.unique(
        np.concatenate([np.stack([s.segment, s.step, s.time], axis=1).astype(np.float64) for s in samples]),
        axis=0,
    )
    segment, step, time = at[:, 0].astype(np.int64), at[:, 1].astype(np.int64), at[:, 2]
    total = np.sum([_value_at(series, segment, step) for series in known], axis=0)
    x = positions(step, time, history, view)
    breaks = np.flatnonzero(np.diff(segment) != 0) + 1
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "total",
        "x": times(np.insert(x, breaks, np.nan)),
        "y": numbers(np.insert(total, breaks, np.nan)),
        "line": {"width": 2.2, "color": theme.SECOND},
    }


def _value_at(series: Series, segment: Ints, step: Ints) -> Floats:
    """The series' newest value at or before each place; 0 before its first, when the region was not there yet."""
    span = int(max(series.step.max(), step.max())) + 1
    place = np.searchsorted(series.segment * span + series.step, segment * span + step, side="right") - 1
    value: Floats = np.where(place >= 0, series.value[np.maximum(place, 0)], 0.0)
    return value
