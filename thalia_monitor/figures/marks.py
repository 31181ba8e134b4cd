"""Event markers on every chart: a thin line and a symbol per growth, sleep, milestone, resume; many are bundled."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.analysis.timeline import (
    MarkedEvents,
    MarkerKind,
    StepFinder,
    marked_events,
    time_at,
    times_at,
)
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import View, times
from thalia_monitor.figures.traces import HOUR, MILLISECONDS, positions

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

MOST: Final = 32
"""Maximum markers of one kind per chart; more could not be distinguished or hovered."""

NAMED: Final = 4
"""Maximum distinct names listed in a bundle's label."""

EVERY_KIND: Final = frozenset(MarkerKind)

_NOUNS: Final = {
    MarkerKind.GROWTH: ("growth", "growths", "neurons"),
    MarkerKind.NREM: ("NREM sleep", "NREM sleeps", "patterns"),
    MarkerKind.REM: ("REM sleep", "REM sleeps", "patterns"),
    MarkerKind.SLEEP: ("other sleep", "other sleeps", "patterns"),
    MarkerKind.STAGE: ("stage change", "stage changes", ""),
    MarkerKind.MILESTONE: ("milestone", "milestones", ""),
    MarkerKind.WARNING: ("warning", "warnings", ""),
    MarkerKind.RESUME: ("resume", "resumes", ""),
}

LOOKS: Final[dict[MarkerKind, tuple[str, str]]] = {
    MarkerKind.GROWTH: ("triangle-up", theme.PALETTE[2]),
    MarkerKind.NREM: ("circle", theme.PALETTE[0]),
    MarkerKind.REM: ("square", theme.PALETTE[5]),
    MarkerKind.SLEEP: ("pentagon", theme.SECOND),
    MarkerKind.STAGE: ("star", theme.PALETTE[6]),
    MarkerKind.MILESTONE: ("diamond", theme.PALETTE[4]),
    MarkerKind.WARNING: ("x", theme.PALETTE[3]),
    MarkerKind.RESUME: ("triangle-left", theme.PALETTE[7]),
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


@dataclass(frozen=True, slots=True)
class Marker:
    """One marker on a chart; may represent several events."""

    kind: MarkerKind
    step: int | None
    """Of the first of them; None where only the time is known."""
    time: float | None
    """Of the first of them, in Unix seconds; None where only the step is known."""
    label: str
    count: int = 1
    event: int | None = None
    """Index of the first in the state's events; None if it is not from an event."""
    alarming: bool = False
    """Whether a milestone lost or a critical warning is among them."""


def markers(
    state: TrainingState,
    kinds: Collection[MarkerKind | str] = EVERY_KIND,
    *,
    start: float | None = None,
    end: float | None = None,
    x: Literal["step", "time"] = "step",
    most: int = MOST,
) -> list[Marker]:
    """Place the events of these kinds that lie within the range, at most ``most`` marks of each kind.

    ``start`` and ``end`` are steps, or Unix seconds where ``x`` is ``time``. Neighbours of one kind are bundled in
    cells whose width (in steps or seconds) is a power of two and whose edges never move, so that a new event joins
    a bundle or begins one, and moves none. An event that cannot be placed on the axis is left out.
    """
    low, high = float("-inf") if start is None else start, float("inf") if end is None else end
    found = []
    every = marked_events(state)
    for kind in (kind for kind in MarkerKind if kind in kinds and kind in every):
        these, bundle = every[kind], partial(_bundled, kind, every[kind], state, low, high, x, most)
        known = these.placed or (
            x == "step" and bool(these.stepped.all())
        )  # then metric lines are not needed
        bundles = these.memoized(("marks", low, high, x, most), bundle) if known else bundle()
        found += [_completed(mark, segment, state) for mark, segment in bundles]
    return sorted(found, key=lambda mark: ((mark.step if x == "step" else mark.time) or 0, mark.kind))


def _bundled(
    kind: MarkerKind,
    every: MarkedEvents,
    state: TrainingState,
    low: float,
    high: float,
    x: Literal["step", "time"],
    most: int,
) -> list[tuple[Marker, int]]:
    """Markers with the logged step and time, each with the segment of its first event."""
    placed = _placed(every, state, x)
    at = placed.step if x == "step" else placed.time
    inside = np.flatnonzero((placed.stepped if x == "step" else ~np.isnan(at)) & (low <= at) & (at <= high))
    order = inside[np.argsort(at[inside], kind="stable")]
    edges = _edges(at[order], most)
    return [_mark(kind, placed.where(order[first:last])) for first, last in pairwise(edges)]


def _finder(state: TrainingState) -> StepFinder:
    return state.memoized("steps by time", lambda: StepFinder(state.history))


def _placed(every: MarkedEvents, state: TrainingState, x: Literal["step", "time"]) -> MarkedEvents:
    """Fill in missing positions on the axis from the neighbouring metric lines."""
    timed = ~np.isnan(every.time)
    if x == "step" and not every.stepped.all() and timed.any():
        lost = np.flatnonzero(~every.stepped & timed)
        step, stepped = every.step.copy(), every.stepped.copy()
        finder = _finder(state)
        step[lost], stepped[lost] = finder.steps_at(every.time[lost]), finder.usable
        return replace(every, step=step, stepped=stepped)
    if x == "time" and not timed.all() and every.stepped.any():
        lost = np.flatnonzero(~timed & every.stepped)
        time = every.time.copy()
        time[lost] = times_at(state.history, every.step[lost], every.segment[lost])
        return replace(every, time=time)
    return every


def _edges(at: NDArray[Any], most: int) -> list[int]:
    """Boundaries of bundles, for positions in ascending order.

    Equal positions form one bundle; if those are too many, so does each cell whose width is the smallest power of
    two that leaves few enough.
    """
    width, begins = 1, np.flatnonzero(np.diff(at)) + 1
    while len(begins) >= most and width < 2**62:
        begins = np.flatnonzero(np.diff(at // width)) + 1
        width *= 2
    return [0, *begins.tolist(), len(at)] if len(at) else []


def _mark(kind: MarkerKind, group: MarkedEvents) -> tuple[Marker, int]:
    event = int(group.event[0])
    mark = Marker(
        kind,
        int(group.step[0]) if group.stepped[0] else None,
        None if math.isnan(group.time[0]) else float(group.time[0]),
        _label(kind, group),
        len(group),
        None if event < 0 else event,
        bool(group.alarming.any()),
    )
    return mark, int(group.segment[0])


def _completed(mark: Marker, segment: int, state: TrainingState) -> Marker:
    """Fill in a marker's missing step or time from the neighbouring metric lines."""
    if mark.step is not None and mark.time is None:
        return replace(mark, time=time_at(state.history, mark.step, segment))
    if mark.step is None and mark.time is not None:
        return replace(mark, step=_finder(state).step_at(mark.time))
    return mark


def _label(kind: MarkerKind, group: MarkedEvents) -> str:
    singular, plural, unit = _NOUNS[kind]
    amounts = group.amount[~np.isnan(group.amount)].tolist()
    plus = "+" if kind is MarkerKind.GROWTH and sum(amounts) > 0 else ""
    what = f"{plus}{number(sum(amounts), 'count')} {unit}" if amounts else ""
    if len(group) == 1:
        return ", ".join(word for word in (group.label[0], what) if word)
    labels = sorted(set(group.label.tolist()))
    names = ", ".join(labels) if len(labels) <= NAMED else f"{len(labels)} different"
    return "; ".join(word for word in (counted(len(group), singular, plural), names, what) if word)


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
