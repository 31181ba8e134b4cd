"""The documented files and all others, made one run: the documented ones win, nothing counts twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from thalia_monitor.history import EMPTY_FLOATS, EMPTY_INTS, Column, History
from thalia_monitor.reading.composition import filled
from thalia_monitor.state import Checkpoint, Event


@dataclass(frozen=True, slots=True)
class Told:
    """A run's history, events and checkpoints, as one kind of file or several together tell them."""

    history: History
    events: tuple[Event, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    progress: tuple[Checkpoint, ...] = ()
    """Where training stands by its logs, as a checkpoint would tell it; none or one."""


def merge(documented: Told, others: Told, before: Told) -> Told:
    """Fill what the documented files do not tell: nothing that they tell is counted a second time.

    The history is the documented one, with what was logged ``before`` it began in front; without any, the
    others'. Of the others' events only the kinds that no documented line has; of their checkpoints those between the
    documented ones.
    """
    checkpoints = _checkpoints(documented.checkpoints, others)
    if not len(documented.history):
        return Told(others.history, documented.events + _missing(documented, others), checkpoints)
    joined = _joined(before, documented) if len(before.history) else documented
    filling = _placed(_missing(joined, others), joined.history)
    return Told(joined.history, joined.events + filling if filling else joined.events, checkpoints)


def _missing(known: Told, others: Told) -> tuple[Event, ...]:
    if not others.events:
        return ()
    kinds = {event.kind for event in known.events}
    return tuple(event for event in others.events if event.kind not in kinds)


def _placed(events: tuple[Event, ...], history: History) -> tuple[Event, ...]:
    """Find the segments in which events of other files happened: by time, or else by step."""
    timed = bool(events) and not np.isnan(history.time).any()

    def segment(event: Event) -> int:
        if timed and event.time is not None:
            row = int(np.searchsorted(history.time, event.time, side="right")) - 1
            return int(history.segment[max(row, 0)])
        begun = (
            each.index for each in history.segments if event.step is None or each.first_step <= event.step
        )
        return max(begun, default=0)

    return tuple(replace(event, segment=segment(event)) for event in events)


def _checkpoints(documented: tuple[Checkpoint, ...], others: Told) -> tuple[Checkpoint, ...]:
    """Take the documented ones, completed at the same step, and the steps between that only others saved.

    Nothing of the others stands behind the newest documented one: it would hide what that one tells.
    """
    if not documented:
        return others.checkpoints
    saved = {point.step: point for point in others.checkpoints}
    known = {point.step for point in documented}
    points = [filled(point, saved[point.step]) if point.step in saved else point for point in documented]
    if others.progress:
        points[-1] = filled(points[-1], others.progress[0])
    points += [point for step, point in saved.items() if step not in known and step < documented[-1].step]
    return tuple(sorted(points, key=lambda point: (point.step, point.modified, point.file)))


def _joined(before: Told, documented: Told) -> Told:
    """Put what was logged before in front; the documented log then begins with a stage of its own."""
    first, then = before.history, documented.history
    rows, segments = len(first), len(first.segments)
    moved = (
        replace(each, index=each.index + segments, first_row=each.first_row + rows) for each in then.segments
    )
    stages = (replace(each, kind="stage") if each.kind == "start" else each for each in moved)
    history = History(
        np.concatenate([first.step, then.step]),
        np.concatenate([first.segment, then.segment + segments]),
        np.concatenate([first.time, then.time]),
        _columns(first.metrics, then.metrics, rows),
        _columns(first.neurons, then.neurons, rows),
        _columns(first.capacity, then.capacity, rows),
        (*first.segments, *stages),
        first.ordered and then.ordered,
        first.generation + then.generation,
    )
    events = tuple(replace(event, segment=event.segment + segments) for event in documented.events)
    return Told(history, before.events + events)


def _columns(first: Mapping[str, Column], then: Mapping[str, Column], rows: int) -> dict[str, Column]:
    """Append columns to those of a history of that many rows."""
    nothing = Column(EMPTY_FLOATS, EMPTY_INTS)
    return {
        name: _column(first.get(name, nothing), then.get(name, nothing), rows) for name in {**first, **then}
    }


def _column(first: Column, then: Column, rows: int) -> Column:
    values = np.concatenate([first.values, then.values])
    if first.rows is None and then.rows is None:
        return Column(values)
    places = [np.arange(len(each)) if each.rows is None else each.rows for each in (first, then)]
    return Column(values, np.concatenate([places[0], places[1] + rows]))
