"""Event markers on charts, bundled where there are too many to distinguish."""

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
    MarkerKind.NREM: ("NREM sleep", "NREM sleeps", "patterns"),
    MarkerKind.REM: ("REM sleep", "REM sleeps", "patterns"),
    MarkerKind.SLEEP: ("other sleep", "other sleeps", "patterns"),
    MarkerKind.STAGE: ("stage change", "stage changes", ""),
    MarkerKind.MILESTONE: ("milestone", "milestones", ""),
    MarkerKind.WARNING: ("warning", "warnings", ""),
    MarkerKind.RESUME: ("resume", "resumes", ""),
}


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
