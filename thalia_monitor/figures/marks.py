"""Events on every chart: a vertical line where a stage begins, a short tick at the upper edge for all else.

Ticks that are denser than a few pixels are one, with their count.
"""

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
from thalia_monitor.analysis.timeline import MarkedEvents, MarkerKind, marked_events
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import View, times
from thalia_monitor.figures.traces import HOUR, MILLISECONDS, positions
from thalia_monitor.model.step_times import StepFinder, time_at, times_at

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

CELLS: Final = 96
"""A chart is divided into at least half as many cells, each a few pixels wide: two events in one are one mark."""
CLUSTER: Final = 4
"""Cells that a cluster takes up, so that its count has room beside it."""

NAMED: Final = 4
"""Maximum distinct names listed in a bundle's label."""

EVERY_KIND: Final = frozenset(MarkerKind)

_NOUNS: Final = {
    MarkerKind.GROWTH: ("growth", "growths", "neurons"),
    MarkerKind.NREM: ("NREM phase", "NREM phases", "patterns"),
    MarkerKind.REM: ("REM phase", "REM phases", "patterns"),
    MarkerKind.SLEEP: ("other phase of sleep", "other phases of sleep", "patterns"),
    MarkerKind.STAGE: ("stage change", "stage changes", ""),
    MarkerKind.MILESTONE: ("milestone", "milestones", ""),
    MarkerKind.WARNING: ("warning", "warnings", ""),
    MarkerKind.RESUME: ("resume", "resumes", ""),
    MarkerKind.CONTROL: ("change by hand", "changes by hand", ""),
    MarkerKind.NOTE: ("note", "notes", ""),
    MarkerKind.OTHER: ("other event", "other events", ""),
}

LOOKS: Final[dict[MarkerKind, tuple[str, str]]] = {
    MarkerKind.GROWTH: ("line-ns", theme.PALETTE[2]),
    MarkerKind.NREM: ("line-ne", theme.PALETTE[0]),
    MarkerKind.REM: ("line-nw", theme.PALETTE[5]),
    MarkerKind.SLEEP: ("y-up", theme.SECOND),
    MarkerKind.STAGE: ("", theme.PALETTE[6]),
    MarkerKind.MILESTONE: ("asterisk", theme.PALETTE[4]),
    MarkerKind.WARNING: ("x-thin", theme.PALETTE[3]),
    MarkerKind.RESUME: ("cross-thin", theme.PALETTE[7]),
    MarkerKind.CONTROL: ("hash", theme.PALETTE[1]),
    MarkerKind.NOTE: ("diamond-open", theme.ACCENT),
    MarkerKind.OTHER: ("circle-open", theme.SECOND),
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
    MarkerKind.CONTROL: "#",
    MarkerKind.NOTE: "◇",
    MarkerKind.OTHER: "○",
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


def legend(state: TrainingState, kinds: Collection[MarkerKind]) -> list[tuple[str, str, str]]:
    """Colour, glyph and name of those of these kinds that the run has events of."""
    there = marked_events(state)
    return [
        (LOOKS[kind][1], GLYPHS[kind], _NOUNS[kind][1])
        for kind in MarkerKind
        if kind in kinds and len(there.get(kind, ()))
    ]


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


def markers(
    state: TrainingState,
    kinds: Collection[MarkerKind | str] = EVERY_KIND,
    *,
    start: float | None = None,
    end: float | None = None,
    x: Literal["step", "time"] = "step",
    cells: int = CELLS,
    hidden: frozenset[str] = frozenset(),
) -> list[Marker]:
    """Place the events of these kinds that lie within the range: one mark each, or a cluster where they are dense.

    ``start`` and ``end`` are steps, or Unix seconds where ``x`` is ``time``. Cells have a width (in steps or seconds)
    that is a power of two and edges that never move, so that a new event joins a cluster or begins a mark, and moves
    none. An event that cannot be placed on the axis is left out, and so is the growth of a region that is ``hidden``.
    """
    low, high = float("-inf") if start is None else start, float("inf") if end is None else end
    found = []
    every = marked_events(state)
    cell = cell_width(state, start, end, x, cells)
    for kind in (kind for kind in MarkerKind if kind in kinds and kind in every):
        these = _without(every[kind], hidden) if kind is MarkerKind.GROWTH and hidden else every[kind]
        bundle = partial(_bundled, kind, these, state, low, high, x, cell, cells)
        known = these.placed or (
            x == "step" and bool(these.stepped.all())
        )  # then metric lines are not needed
        bundles = these.memoized(("marks", low, high, x, cell, cells), bundle) if known else bundle()
        found += [_completed(mark, segment, state) for mark, segment in bundles]
    return sorted(found, key=lambda mark: ((mark.step if x == "step" else mark.time) or 0, mark.kind))


def _without(grown: MarkedEvents, hidden: frozenset[str]) -> MarkedEvents:
    """Growth events of the other regions."""

    def others() -> MarkedEvents:
        return grown.where(~np.isin(grown.label.astype(np.str_), sorted(hidden)))

    return grown.memoized(("without", hidden), others)


def _bundled(
    kind: MarkerKind,
    every: MarkedEvents,
    state: TrainingState,
    low: float,
    high: float,
    x: Literal["step", "time"],
    cell: float,
    cells: int,
) -> list[tuple[Marker, int]]:
    """Markers with the logged step and time, each with the segment of its first event."""
    placed = _placed(every, state, x)
    at = placed.step if x == "step" else placed.time
    inside = np.flatnonzero((placed.stepped if x == "step" else ~np.isnan(at)) & (low <= at) & (at <= high))
    order = inside[np.argsort(at[inside], kind="stable")]
    own = _power_of_two(float(at[order[-1]]) - float(at[order[0]]) if len(order) else 0.0, cells)
    edges = _edges(at[order], max(cell, own))
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


def cell_width(
    state: TrainingState,
    start: float | None,
    end: float | None,
    x: Literal["step", "time"] = "step",
    cells: int = CELLS,
) -> float:
    """Width of a cell of a chart of this range, or else of the whole run, in steps or seconds."""
    return _power_of_two(end - start if start is not None and end is not None else _length(state, x), cells)


def _power_of_two(width: float, cells: int) -> float:
    """The smallest power of two, from 1 on, of which no more than ``cells`` cover the width."""
    return 2.0 ** math.ceil(math.log2(width / cells)) if cells < width < math.inf else 1.0


def _length(state: TrainingState, x: Literal["step", "time"]) -> float:
    """Steps or seconds from the first metric line to the last."""
    history = state.history
    if not history.segments:
        return 0.0
    if x == "step":
        return history.current_step - min(each.first_step for each in history.segments)
    return float(history.time[-1]) - history.first_time


def _edges(at: NDArray[Any], cell: float) -> list[int]:
    """Boundaries of marks, for positions in ascending order.

    Equal positions are one mark; where two others lie in one cell, so are all of that cluster's cells.
    """
    if not len(at):
        return []
    place, cluster = at // cell, at // (CLUSTER * cell)
    moved = np.diff(at) != 0
    dense = np.isin(cluster, cluster[1:][moved & (np.diff(place) == 0)])
    begins = np.flatnonzero(moved & (~dense[1:] | (np.diff(cluster) != 0))) + 1
    return [0, *begins.tolist(), len(at)]


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
