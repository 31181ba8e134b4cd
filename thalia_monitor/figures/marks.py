"""Events on every chart: a vertical line where a stage begins, a short tick at the upper edge for all else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from thalia_monitor.analysis.formatting import number
from thalia_monitor.analysis.markers import CLUSTER, Marker, cell_width, markers
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import View, times
from thalia_monitor.figures.traces import HOUR, MILLISECONDS, positions

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

LOOKS: Final[dict[MarkerKind, tuple[str, str]]] = {
    MarkerKind.GROWTH: ("line-ns", theme.PALETTE[2]),
    MarkerKind.NREM: ("line-ne", theme.PALETTE[0]),
    MarkerKind.REM: ("line-nw", theme.PALETTE[5]),
    MarkerKind.SLEEP: ("y-up", theme.SECOND),
    MarkerKind.STAGE: ("", theme.PALETTE[6]),
    MarkerKind.MILESTONE: ("asterisk", theme.PALETTE[4]),
    MarkerKind.WARNING: ("x-thin", theme.PALETTE[3]),
    MarkerKind.RESUME: ("cross-thin", theme.PALETTE[7]),
}
"""Symbol and colour of each kind; no two share a symbol, so that colour never speaks alone."""
GLYPHS: Final = {
    MarkerKind.GROWTH: "|",
    MarkerKind.NREM: "/",
    MarkerKind.REM: "\\",
    MarkerKind.SLEEP: "Y",
    MarkerKind.STAGE: "┃",
    MarkerKind.MILESTONE: "*",
    MarkerKind.WARNING: "×",
    MarkerKind.RESUME: "+",
}
"""The symbols as letters, for the legend and for tables."""

TOP: Final = 0.97
LANE: Final = 0.06
"""Height of the first chosen kind's ticks and distance to those of the next, as shares of the plot's height."""
TICK: Final = 8
"""Pixels."""

PLACES: Final = {
    MarkerKind.GROWTH: "growth",
    MarkerKind.NREM: "consolidation",
    MarkerKind.REM: "consolidation",
    MarkerKind.SLEEP: "consolidation",
}
"""The page whose table lists a kind; every other kind is in the table of all events."""


def event_traces(state: TrainingState, view: View) -> list[dict[str, Any]]:
    """One trace for each chosen kind, on the second y axis, whether or not anything has happened yet.

    They are the same on every chart of a page, so they are made once. ``assets/event_links.js`` shows their text.
    """
    what = ("event traces", view.x, view.start, view.end, view.markers, view.hidden)
    return state.memoized(what, lambda: _event_traces(state, view))


def _event_traces(state: TrainingState, view: View) -> list[dict[str, Any]]:
    chosen = [kind for kind in MarkerKind if kind in view.markers]
    if not chosen:
        return []
    start, end = _range(state, view)
    axis: Literal["step", "time"] = "step" if view.x == "step" else "time"
    found = markers(state, chosen, start=start, end=end, x=axis, hidden=view.hidden)
    unit = {"step": 1.0, "wall": MILLISECONDS, "elapsed": 1 / HOUR}[view.x]
    room = CLUSTER * cell_width(state, start, end, axis) * unit / 2
    there = {each.kind for each in found}  # what has not happened takes no room
    ticked = [kind for kind in chosen if kind is not MarkerKind.STAGE]
    lanes = {kind: sum(other in there for other in ticked[:place]) for place, kind in enumerate(ticked)}
    traces = []
    for kind in chosen:
        these = [each for each in found if each.kind is kind]
        at = _positions(state, these, view)
        looks = _ticks(kind, these, at, lanes[kind], room) if kind in lanes else _lines(at)
        repeated = 1 if kind in lanes else 3
        traces.append(
            {
                "type": "scatter",
                "yaxis": "y2",
                "showlegend": False,
                "name": str(kind),
                "hoverinfo": "none",  # shown when the pointer is on them, not beside every value
                "hovertext": [_words(each) for each in these for _ in range(repeated)],
                "customdata": [_address(each) for each in these for _ in range(repeated)],
                **looks,
            }
        )
    return traces


def _range(state: TrainingState, view: View) -> tuple[float | None, float | None]:
    if view.start is None or view.end is None or view.x == "step":
        return view.start, view.end
    scale, origin = (HOUR, state.history.first_time) if view.x == "elapsed" else (1 / MILLISECONDS, 0.0)
    return view.start * scale + origin, view.end * scale + origin


def _positions(state: TrainingState, found: list[Marker], view: View) -> list[float | None]:
    step = np.array([0 if each.step is None else each.step for each in found], np.int64)
    time = np.array([np.nan if each.time is None else each.time for each in found], np.float64)
    return times(positions(step, time, state.history, view))


def _lines(at: list[float | None]) -> dict[str, Any]:
    """The vertical lines of stages."""
    return {
        "mode": "lines",
        "x": [value for x in at for value in (x, x, None)],
        "y": [0.0, 1.0, None] * len(at),
        "line": {"width": 1, "color": LOOKS[MarkerKind.STAGE][1]},
        "opacity": 0.6,
    }


def _ticks(
    kind: MarkerKind, found: list[Marker], at: list[float | None], lane: int, room: float
) -> dict[str, Any]:
    """Short ticks, each cluster with its count where there is room before the next."""
    symbol, color = LOOKS[kind]
    follows = [b is None or a is None or b - a >= room for a, b in pairwise([*at, None])]
    counts = [
        number(each.count, "count") if each.count > 1 and free else ""
        for each, free in zip(found, follows, strict=True)
    ]
    return {
        "mode": "markers+text",
        "x": at,
        "y": [round(TOP - LANE * lane, 3)] * len(at),
        "marker": {"symbol": symbol, "color": color, "size": TICK, "line": {"width": 2, "color": color}},
        "text": counts,
        "textposition": "middle right",
        "textfont": {"size": theme.SMALL, "color": color},
        "cliponaxis": False,
    }


def _words(marker: Marker) -> str:
    """What the pointer shows: event and position."""
    said = theme.plain(marker.label)
    if marker.step is None or f"{marker.step:,}" in said:
        return said
    return f"{'from ' if marker.count > 1 else ''}step {marker.step:,}: {said}"


def _address(marker: Marker) -> str:
    page = PLACES.get(marker.kind, "events")
    return f"{page}?find={marker.step}" if marker.step is not None else page
