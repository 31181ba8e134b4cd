"""Event markers on every chart: a thin line and a symbol per growth, sleep, milestone, resume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor.analysis.markers import Marker, markers
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import View, times
from thalia_monitor.figures.traces import HOUR, MILLISECONDS, positions

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

LOOKS: Final[dict[MarkerKind, tuple[str, str]]] = {
    MarkerKind.GROWTH: ("triangle-up", theme.PALETTE[2]),
    MarkerKind.NREM: ("circle", theme.PALETTE[0]),
    MarkerKind.REM: ("square", theme.PALETTE[5]),
    MarkerKind.SLEEP: ("pentagon", theme.SECOND),
    MarkerKind.STAGE: ("star", theme.PALETTE[6]),
    MarkerKind.MILESTONE: ("diamond", theme.PALETTE[4]),
    MarkerKind.WARNING: ("x", theme.PALETTE[3]),
    MarkerKind.RESUME: ("triangle-left", theme.PALETTE[7]),
    MarkerKind.CONTROL: ("cross", theme.PALETTE[1]),
}
"""Symbol and colour of each kind; no two share a symbol, so that colour never speaks alone."""

HEIGHTS: Final = {MarkerKind.NREM: 0.925, MarkerKind.REM: 0.88, MarkerKind.SLEEP: 0.835}
"""Where a kind's symbols stand, as a share of the plot's height; sleep comes often, and would cover the others."""

PLACES: Final = {
    MarkerKind.GROWTH: "growth",
    MarkerKind.NREM: "consolidation",
    MarkerKind.REM: "consolidation",
    MarkerKind.SLEEP: "consolidation",
}
"""The page whose table lists a kind; every other kind is in the table of all events."""


def event_traces(state: TrainingState, view: View) -> list[dict[str, Any]]:
    """Two traces for each chosen kind, on the second y axis, whether or not anything has happened yet.

    They are the same on every chart of a page, so they are made once.
    """
    what = ("event traces", view.x, view.start, view.end, view.markers)
    return state.memoized(what, lambda: _event_traces(state, view))


def _event_traces(state: TrainingState, view: View) -> list[dict[str, Any]]:
    chosen = [kind for kind in MarkerKind if kind in view.markers]
    if not chosen:
        return []
    start, end = _range(state, view)
    found = markers(state, chosen, start=start, end=end, x="step" if view.x == "step" else "time")
    return [
        trace
        for kind in chosen
        for trace in _traces(state, kind, [each for each in found if each.kind is kind], view)
    ]


def _range(state: TrainingState, view: View) -> tuple[float | None, float | None]:
    if view.start is None or view.end is None or view.x == "step":
        return view.start, view.end
    scale, origin = (HOUR, state.history.first_time) if view.x == "elapsed" else (1 / MILLISECONDS, 0.0)
    return view.start * scale + origin, view.end * scale + origin


def _traces(state: TrainingState, kind: MarkerKind, found: list[Marker], view: View) -> list[dict[str, Any]]:
    symbol, color = LOOKS[kind]
    height = HEIGHTS.get(kind, 0.97)
    step = np.array([0 if each.step is None else each.step for each in found], np.int64)
    time = np.array([np.nan if each.time is None else each.time for each in found], np.float64)
    at = times(positions(step, time, state.history, view))
    both = {"type": "scatter", "yaxis": "y2", "showlegend": False, "name": str(kind)}
    lines = {
        "mode": "lines",
        "x": [value for x in at for value in (x, x, None)],
        "y": [0.0, height - 0.03, None] * len(at),
        "line": {"width": 1, "color": color, "dash": "dot"},
        "opacity": 0.25,
        "hoverinfo": "skip",
    }
    heads = {
        "mode": "markers",
        "x": at,
        "y": [height] * len(at),
        "marker": {"symbol": symbol, "color": color, "size": 8},
        "text": [_words(each) for each in found],
        "customdata": [_address(each) for each in found],
        "hovertemplate": "%{text}<extra></extra>",
    }
    return [both | lines, both | heads]


def _words(marker: Marker) -> str:
    """Hover text: event and position, since a hover shows what is near the pointer, not only under it."""
    said = theme.plain(marker.label).replace("; ", "<br>")  # a narrow box hides less of the line
    if marker.step is None or f"{marker.step:,}" in said:
        return said
    return f"{'from ' if marker.count > 1 else ''}step {marker.step:,}: {said}"


def _address(marker: Marker) -> str:
    page = PLACES.get(marker.kind, "events")
    return f"{page}?find={marker.step}" if marker.step is not None else page
