"""The log that grows, behind what was logged before it began: joined once, and then by what is new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from operator import is_
from typing import Final

import numpy as np

from thalia_monitor.buffer import Buffer
from thalia_monitor.history import EMPTY_FLOATS, EMPTY_INTS, Column, History, Ints, Lineage, Segment
from thalia_monitor.reading.told import Told
from thalia_monitor.records import Event

NOTHING: Final = Column(EMPTY_FLOATS, EMPTY_INTS)


class Joining:
    """One log behind another; the second then begins with a stage of its own."""

    def __init__(self, before: Told, documented: Told) -> None:
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

    def goes_on(self, before: Told, documented: Told) -> bool:
        """Whether this is a later version of the same two logs."""
        rows = self._rows + len(documented.history)
        return (
            before is self._before and documented.history.lineage is self._source and rows >= len(self._step)
        )

    def told(self, documented: Told) -> Told:
        """Both together, as the second one is now."""
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
        return Told(history, self._with(documented.events))

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
    """One column of both logs."""

    def __init__(self, first: Column, rows: int) -> None:
        self._first, self._offset = first, rows
        self._values: Buffer[np.float64] = Buffer(np.float64)
        self._values.append(first.values)
        self._places: Buffer[np.int64] | None = None

    def with_(self, then: Column, later: Ints) -> Column:
        """It behind the first log's, which it only ever gets longer behind; ``later`` are the second log's rows."""
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
