"""Region activity: a map of regions over time for each family of rates, and its regions as a table and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.analysis.recent import recent
from thalia_monitor.analysis.regions import (
    FURTHEST,
    MOST_CELLS,
    Axis,
    Family,
    Grid,
    RegionCells,
    families,
    family_of,
    grid,
    region_cells,
    round_width,
)
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import X_LOOKS, X_TITLES, Chart, View, nothing, numbers, times
from thalia_monitor.figures.marks import event_traces
from thalia_monitor.figures.traces import HOUR, MILLISECONDS, RUG_AXIS
from thalia_monitor.firing_ranges import HYPERACTIVE
from thalia_monitor.metric_info import HEALTHY_RATE
from thalia_monitor.model.series_key import metric

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

DISTANCE: Final = (
    (0.0, "rgb(11,63,138)"),
    (0.499, "rgb(143,182,221)"),
    (0.4999, "rgba(128,136,148,0.28)"),
    (0.5001, "rgba(128,136,148,0.28)"),
    (0.501, "rgb(227,174,147)"),
    (1.0, "rgb(176,42,0)"),
)
"""Below the range blue, within it grey, above it vermilion: distinguished with any common colour blindness."""
VALUE: Final = ((0.0, "#d5dde6"), (1.0, "#1d3f72"))
BAR: Final = {
    "orientation": "h",
    "thickness": 8,
    "outlinewidth": 0,
    "len": 1,
    "ypad": 4,
    "tickangle": 0,
    "yref": "container",
    "y": 0,
    "yanchor": "bottom",
    "tickfont": {"size": theme.SMALL},
}
"""Below the map: beside it, it would take a third of a phone's width."""
LONGEST_ROW: Final = 18
HEIGHT: Final = 22
"""Pixels of a row."""
COLUMNS: Final = {
    "region": "Region",
    "family": "Logged as",
    "unit": "Unit",
    "now": "Newest",
    "median": "Median",
    "least": "Least",
    "greatest": "Greatest",
    "where": "Where it is",
    "silent": "Cells with silence",
    "step": "Step",
}


def height(regions: int) -> int:
    """Pixels of a map of so many regions."""
    return regions * HEIGHT + 90


def cut_for(
    state: TrainingState, family: Family, view: View
) -> tuple[Grid | None, float | None, float | None]:
    """The cells that a view of a family is drawn in, and the view's ends in steps or seconds."""
    axis: Axis = "step" if view.x == "step" else "time"
    origin = state.history.first_time if view.x == "elapsed" else 0.0
    start, end = view.start, view.end
    if view.x != "step" and start is not None and end is not None:
        unit = 1 / MILLISECONDS if view.x == "wall" else HOUR
        start, end = start * unit + origin, end * unit + origin
    most = min(max(MOST_CELLS // max(len(family.series), 1), 12), 120)
    return grid(state.history, axis, start, end, most, origin), start, end


def heatmap(state: TrainingState, name: str, view: View) -> Chart:
    """Draw the regions of one family over time: the median of each cell, coloured by its distance from the range."""
    family = family_of(state, name)
    if family is None:
        return nothing("no rate of this family is logged", 120)
    cut, start, end = cut_for(state, family, view)
    if cut is None:
        return nothing("nothing in this view: choose step as the x axis, or reset the zoom", 120)
    rows = [each for each in region_cells(state, family, cut, start, end) if each.region not in view.hidden]
    filled = [each for each in rows if len(each.cells.number)]
    if not filled:
        return nothing("no line with a place in this view", 120)
    layout = theme.layout(
        x_title=X_TITLES[view.x], height=height(len(rows)), yaxis2=RUG_AXIS, hovermode="closest"
    )
    labels = [theme.key(theme.plain(each.region, LONGEST_ROW)) for each in rows]
    layout["margin"] = layout["margin"] | {"b": 78}
    layout["yaxis"] |= {
        "tickvals": list(range(len(rows))),
        "ticktext": labels,
        "range": [len(rows) - 0.5, -0.5],
        "autorange": False,
        "automargin": True,
        "showgrid": False,
        "fixedrange": True,
    }
    layout["xaxis"] |= X_LOOKS[view.x] | {"showgrid": False}
    traces = [*_cell_traces(family, cut, rows, view), *event_traces(state, view)]
    width = f"{cut.width:,.0f} steps" if cut.x == "step" else f"{cut.width:,.6g} s"
    drawn = sum(len(each.cells.number) for each in filled)
    odd = sum(int(each.cells.odd.sum()) for each in filled)
    notes = [f"{counted(odd, 'value')} not finite"] if odd else []
    notes += [f"{family.left_out:,} more regions not drawn"] if family.left_out else []
    return Chart(
        traces,
        layout,
        caption=f"{counted(len(filled), 'region')}, {drawn:,} cells of {width}, in {UNITS[family.unit]}",
        total=sum(each.total for each in rows),
        length=sum(each.total for each in rows),
        notes=tuple(notes),
        summary=sentence(family, filled),
        band=BANDS[family.unit],
        band_source=SOURCES[family.unit],
    )


UNITS: Final = {"share": "shares of neurons active per step", "spikes/100": "spikes / 100", "Hz": "Hz"}
BANDS: Final = {
    "share": f"healthy {HEALTHY_RATE.low:g}–{HEALTHY_RATE.high:g}",
    "spikes/100": "",
    "Hz": "biological range of each region",
}
SOURCES: Final = {
    "share": HEALTHY_RATE.words,
    "spikes/100": "",
    "Hz": "Thalia's bio_firing_ranges; without one, only 0 Hz and more than 100 Hz are out of range",
}


def _cell_traces(family: Family, cut: Grid, rows: list[RegionCells], view: View) -> list[dict[str, Any]]:
    """The map, the cells with silence, and those with values that are not finite: by time, so that they grow."""
    every = [each.cells for each in rows]
    row = np.repeat(np.arange(len(rows)), [len(each.number) for each in every])
    number_, median, least, greatest, count, odd = (
        np.concatenate([getattr(each, part) for each in every])
        for part in ("number", "median", "least", "greatest", "count", "odd")
    )
    distance = np.concatenate(
        [family.distance(each.region, each.cells.median) for each in rows]
        if family.judged
        else [each.cells.median for each in rows]
    )
    order = np.lexsort((row, number_))
    unit = {"step": 1.0, "wall": MILLISECONDS, "elapsed": 1 / HOUR}[view.x]
    shift = cut.origin if view.x == "wall" else 0.0
    left = (number_ * cut.width + shift) * unit
    middle = left + cut.width * unit / 2
    words = [
        f"{a:.4g} ({b:.4g}–{c:.4g}), {n:,}" if n else "no finite value"
        for a, b, c, n in zip(
            *(each[order].tolist() for each in (median, least, greatest, count)), strict=True
        )
    ]
    cells = {
        "type": "heatmap",
        "x": times(middle[order]),
        "y": row[order].tolist(),
        "z": numbers(np.round(distance[order], 3)),
        "text": words,
        "xgap": 1,
        "ygap": 2,
        "hoverongaps": False,
        "hovertemplate": f"median %{{text}} lines<br>around %{{x}}<extra>{UNITS[family.unit]}</extra>",
        "meta": {"width": cut.width * unit, "series": [metric(each.series).public for each in rows]},
        **_scale(family, median),
    }
    edges = {
        "type": "scatter",
        "mode": "markers",
        "x": times(np.array([left.min(), left.max() + cut.width * unit])),
        "y": [None, None],
        "hoverinfo": "skip",
    }
    quiet = order[(least[order] < family.silent_below) & (median[order] >= family.silent_below)]
    wrong = order[odd[order] > 0]
    return [
        cells,
        edges,
        _marks("with silence", middle[quiet], row[quiet], "circle-open", theme.PALETTE[0]),
        _marks("not finite", middle[wrong], row[wrong], "x", theme.BAD),
    ]


def _marks(name: str, x: Any, y: Any, symbol: str, color: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": times(x),
        "y": y.tolist(),
        "hoverinfo": "skip",
        "marker": {"symbol": symbol, "size": 7, "color": color, "line": {"width": 2, "color": color}},
    }


def _scale(family: Family, median: Any) -> dict[str, Any]:
    if not family.judged:
        known = median[np.isfinite(median)]
        most = round_width(float(known.max())) if len(known) and known.max() > 0 else 1.0
        return {
            "colorscale": [list(each) for each in VALUE],
            "zmin": 0,
            "zmax": most,
            "colorbar": BAR | {"nticks": 3},
        }
    words = ["silent", "½", "2×", "8×"]
    return {
        "colorscale": [list(each) for each in DISTANCE],
        "zmin": -FURTHEST,
        "zmax": FURTHEST,
        "colorbar": BAR | {"tickvals": [-FURTHEST, -1, 1, FURTHEST], "ticktext": words},
    }


def sentence(family: Family, rows: list[RegionCells]) -> str:
    """The map in numbers: how many regions are in range in the newest cell, which are not, and which were silent.

    A region whose newest cell has no finite value is none of them.
    """
    newest = max(int(each.cells.number[-1]) for each in rows)
    now = [
        each for each in rows if int(each.cells.number[-1]) == newest and np.isfinite(each.cells.median[-1])
    ]
    far = {each.region: float(family.distance(each.region, each.cells.median[-1:])[0]) for each in now}
    silent = [each for each in rows if np.nanmin(each.cells.least, initial=np.inf) < family.silent_below]
    parts = []
    if family.judged:
        known = [region for region in far if family.band(region)]
        inside = sum(far[region] == 0 for region in known)
        parts.append(f"{inside:,} of {counted(len(known), 'region')} in range in the newest cell")
        if len(known) < len(far):
            parts.append(f"{len(far) - len(known):,} without a known range")
        furthest = max(far, key=lambda region: abs(far[region]), default="")
        if furthest and far[furthest]:
            value = next(float(each.cells.median[-1]) for each in now if each.region == furthest)
            side = "above" if far[furthest] > 0 else "below"
            parts.append(f"furthest {side}: {theme.short(furthest, 24)} at {number(value)}")
    else:
        parts.append(f"{counted(len(now), 'region')} in the newest cell, no range is stated for this unit")
    if silent:
        names = ", ".join(theme.short(each.region, 24) for each in silent[:4])
        more = f" and {len(silent) - 4:,} more" if len(silent) > 4 else ""
        parts.append(f"lines without activity in {names}{more}")
    else:
        parts.append("no silent line")
    return "; ".join(parts) + "."


def facts(state: TrainingState) -> list[tuple[str, str, str]]:
    """One fact for each family: its regions, how many are in range, and what is not, in words."""
    found = []
    for family in families(state):
        cut, start, end = cut_for(state, family, View())
        rows = region_cells(state, family, cut, start, end) if cut else []
        filled = [each for each in rows if len(each.cells.number)]
        if cut and filled:
            title = f"{theme.short(family.name, 40)} ({UNITS[family.unit]})"
            found.append((title, counted(len(filled), "region"), sentence(family, filled)))
    return found


def table(state: TrainingState) -> pd.DataFrame:
    """One row for each region of each family: the newest value, the whole run's cells, and where it is now."""
    return state.memoized("region table", lambda: _table(state))


def _table(state: TrainingState) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for family in families(state):
        cut, start, end = cut_for(state, family, View())
        for each in region_cells(state, family, cut, start, end) if cut else ():
            if not len(each.cells.number):
                continue
            values = recent(state.history, metric(each.series))
            now = float(values.value[-1]) if len(values) else None
            rows.append(
                {
                    "region": each.region,
                    "family": family.name,
                    "unit": family.unit,
                    "now": now,
                    "median": float(np.median(values.value)) if len(values) else None,
                    "least": float(np.nanmin(each.cells.least)) if each.cells.count.any() else None,
                    "greatest": float(np.nanmax(each.cells.greatest)) if each.cells.count.any() else None,
                    "where": where(family, each.region, now),
                    "silent": int((each.cells.least < family.silent_below).sum()),
                    "step": int(values.step[-1]) if len(values) else None,
                }
            )
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"silent": "Int64", "step": "Int64"})


def where(family: Family, region: str, value: float | None) -> str:
    """Where a value is: ``in range``, ``silent``, ``2.1 × the upper end``; ``no range`` where none is stated."""
    if value is None:
        return "no finite value"
    if value < family.silent_below:
        return "silent"
    stated = family.band(region)
    if stated is None:
        return "above 100 Hz" if family.unit == "Hz" and value > HYPERACTIVE else "no range"
    low, high = stated
    if value > high:
        return f"{value / high:.1f} × the upper end"
    return f"{value / low:.2f} × the lower end" if value < low else "in range"
