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
    MarkerKind.CONTROL: ("change by hand", "changes by hand", ""),
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
