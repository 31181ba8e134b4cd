"""Merge of a run's documented files with its files in other formats: the documented ones win, nothing counts twice.

What was logged before the documented log began is put in front of it once, and then extended by the new lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import is_
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor.model.growable_array import Buffer
from thalia_monitor.model.history import (
    EMPTY_FLOATS,
    EMPTY_INTS,
    Column,
    History,
    Ints,
    Lineage,
    Segment,
)
from thalia_monitor.reading.composition import filled, missing
from thalia_monitor.reading.formats.checkpoints import TOTALS

if TYPE_CHECKING:
    from thalia_monitor.model.records import Checkpoint, Event


@dataclass(frozen=True, slots=True)
class RunParts:
    """History, events and checkpoints of a run, from one kind of file or from several."""

    history: History
    events: tuple[Event, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    progress: tuple[Checkpoint, ...] = ()
    """Position of the training according to its logs, in the form of a checkpoint; none or one."""


NOTHING: Final = Column(EMPTY_FLOATS, EMPTY_INTS)


class Joining:
    """Concatenation of two logs, updated as the second grows; the second one starts a new stage."""

    def __init__(self, before: RunParts, documented: RunParts) -> None:
        self._before, self._source = before, documented.history.lineage
        self._rows, self._segments = len(before.history), len(before.history.segments)
        self._lineage = Lineage()
        self._step, self._segment, self._time = Buffer(np.int64), Buffer(np.int64), Buffer(np.float64)
        first = before.history
        for buffer, column in (
            (self._step, first.step),
            (self._segment, first.segment),
            (self._time, first.time),
        ):
            buffer.append(column)
        self._later = Buffer(np.int64)
        """The second log's rows: those of each column that is on all of its lines, and on none of the first's."""
        self._columns: dict[tuple[str, str], _Joined] = {}
        self._events: tuple[Event, ...] = ()
        self._moved: tuple[Event, ...] = before.events

    def goes_on(self, before: RunParts, documented: RunParts) -> bool:
        """Whether this is a later version of the same two logs."""
        rows = self._rows + len(documented.history)
        return (
            before is self._before and documented.history.lineage is self._source and rows >= len(self._step)
        )

    def combined(self, documented: RunParts) -> RunParts:
        """Return both logs concatenated, for the current state of the second."""
        first, then = self._before.history, documented.history
        new = len(self._step) - self._rows
        self._step.append(then.step[new:])
        self._segment.append(then.segment[new:] + self._segments)
        self._time.append(then.time[new:])
        self._later.append(np.arange(new, len(then)) + self._rows)
        history = History(
            self._step.view,
            self._segment.view,
            self._time.view,
            self._joined("metrics", first.metrics, then.metrics),
            self._joined("neurons", first.neurons, then.neurons),
            self._joined("capacity", first.capacity, then.capacity),
            (*first.segments, *self._stages(then)),
            first.ordered and then.ordered,
            first.generation + then.generation,
            self._lineage,
        )
        return RunParts(history, self._with(documented.events))

    def _stages(self, then: History) -> Iterator[Segment]:
        for each in then.segments:
            kind = "stage" if each.kind == "start" else each.kind
            yield replace(
                each, index=each.index + self._segments, first_row=each.first_row + self._rows, kind=kind
            )

    def _joined(
        self, kind: str, first: Mapping[str, Column], then: Mapping[str, Column]
    ) -> dict[str, Column]:
        found, later = {}, self._later.view
        for name in {**first, **then}:
            joined = self._columns.get((kind, name))
            if joined is None:
                joined = self._columns[kind, name] = _Joined(first.get(name, NOTHING), self._rows)
            found[name] = joined.with_(then.get(name, NOTHING), later)
        return found

    def _with(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """The first log's events and these, each moved behind the first log's segments once."""
        if len(events) < len(self._events) or not all(map(is_, self._events, events)):
            self._events, self._moved = (), self._before.events
        new = events[len(self._events) :]
        if new:
            self._moved += tuple(replace(each, segment=each.segment + self._segments) for each in new)
            self._events = events
        return self._moved


class _Joined:
    """Concatenation of one column of both logs."""

    def __init__(self, first: Column, rows: int) -> None:
        self._first, self._offset = first, rows
        self._values: Buffer[np.float64] = Buffer(np.float64)
        self._values.append(first.values)
        self._places: Buffer[np.int64] | None = None

    def with_(self, then: Column, later: Ints) -> Column:
        """Append what is new in ``then``, the second log's column; ``later`` are the second log's rows."""
        self._values.append(then.values[len(self._values) - len(self._first) :])
        if self._first.rows is None and then.rows is None:
            return Column(self._values.view)
        if then.rows is None and not len(self._first):
            return Column(self._values.view, later)
        if self._places is None:  # until now every line had it
            self._places = Buffer(np.int64)
            self._places.append(_rows(self._first))
        placed = len(self._places) - len(self._first)
        self._places.append(_rows(then, placed) + self._offset)
        return Column(self._values.view, self._places.view)


def _rows(column: Column, first: int = 0) -> Ints:
    return np.arange(first, len(column)) if column.rows is None else column.rows[first:]


class Merger:
    """Merges all files of a run; each version costs only what is new in it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._joining: Joining | None = None
        self._filling: tuple[Event, ...] = ()

    def merge(self, documented: RunParts, others: RunParts, before: RunParts) -> RunParts:
        """Add what the documented files lack; nothing that they contain counts twice.

        The history is the documented one, with what was logged ``before`` it began in front; without any, the
        others'. Of the others' events only the kinds that no documented line has; of their checkpoints those
        between the documented ones.
        """
        checkpoints = _checkpoints(documented.checkpoints, others)
        if not len(documented.history):
            return RunParts(others.history, documented.events + _missing(documented, others), checkpoints)
        with self._lock:  # while one thread reads a large log, another may merge its beginning
            joined = self._joined(before, documented)
            filling = _placed(_missing(joined, others), joined.history)
            if filling == self._filling:
                filling = self._filling  # the very same events, of which something may be known
            self._filling = filling
        # In front, so that all events only ever get more at their end.
        return RunParts(joined.history, filling + joined.events if filling else joined.events, checkpoints)

    def _joined(self, before: RunParts, documented: RunParts) -> RunParts:
        if not len(before.history):
            self._joining = None
            return documented
        if self._joining is None or not self._joining.goes_on(before, documented):
            self._joining = Joining(before, documented)
        return self._joining.combined(documented)


def _missing(known: RunParts, others: RunParts) -> tuple[Event, ...]:
    if not others.events:
        return ()
    return tuple(missing(known.events, others.events))


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


def _without_totals(point: Checkpoint) -> Checkpoint:
    """Leave out the sizes of a binary checkpoint's header where it has no other metrics."""
    return point if point.metrics.keys() - TOTALS else replace(point, metrics={})


def _checkpoints(documented: tuple[Checkpoint, ...], others: RunParts) -> tuple[Checkpoint, ...]:
    """Take the documented ones, completed at the same step, and the steps that only others saved.

    One that stands behind the newest documented one is completed by that, so that it hides nothing of it.
    """
    if not documented:
        return others.checkpoints
    saved = {point.step: point for point in others.checkpoints}
    known = {point.step for point in documented}
    points = [filled(point, saved[point.step]) if point.step in saved else point for point in documented]
    if others.progress:
        points[-1] = filled(points[-1], others.progress[0])
    newest = points[-1]
    for step, point in saved.items():
        if step not in known:
            points.append(point if step < newest.step else filled(_without_totals(point), newest))
    return tuple(sorted(points, key=lambda point: (point.step, point.modified, point.file)))
