"""The events of a log while it grows, each with the segment it falls into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from thalia_monitor.history import Ints
from thalia_monitor.reading.clock import TrainerClock, believable
from thalia_monitor.records import Event

EventRow = tuple[int, str, int | None, Mapping[str, Any], float | None, int | None]
"""An event as it is kept: metric lines before it, kind, step, fields, time, line."""


class EventList:
    """Events in file order, each placed by the metric lines around it.

    An event belongs to the segment of the metric line before it. One that stands between the last line of a
    segment and the first of the next, with a step below that last line's, belongs to the next: a resumed
    trainer often logs a consolidation before its first metrics.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._rows: list[int] = []
        self._shown: tuple[Event, ...] = ()
        self._looked = 0
        """Events whose time was looked at."""
        self._wrong: list[int] = []
        """Those of them whose time cannot be right, while none can."""

    def __len__(self) -> int:
        return len(self._events)

    def extend(self, events: Sequence[tuple[int, Event]], first_row: int) -> None:
        """Append the events of a stretch, each with the number of its metric lines before it."""
        self._events += [event for _, event in events]
        self._rows += [first_row + row for row, _ in events]

    def place(self, from_row: int, step: Ints, segment: Ints, first: int = 0) -> None:
        """Settle the segments of the events at or after that row, given every row's; not of the ``first`` ones."""
        for index in range(len(self._events) - 1, first - 1, -1):
            if self._rows[index] < from_row:
                break
            event, found = (
                self._events[index],
                _segment_at(self._events[index], self._rows[index], step, segment),
            )
            if event.segment != found:
                self._events[index] = replace(event, segment=found)
                self._shown = ()

    def correct_times(self, clock: TrainerClock) -> None:
        """Take the time from those events whose time cannot be right where another can; all are from that clock."""
        new = range(self._looked, len(self._events))
        times = np.array([self._events[at].time for at in new], np.float64)
        clock.look(times)
        good = believable(times)
        self._wrong += [
            at for at, fine, time in zip(new, good, times, strict=True) if not fine and time == time
        ]
        self._looked = len(self._events)
        if clock.was_set and self._wrong:
            for at in self._wrong:
                self._events[at] = replace(self._events[at], time=None)
            self._wrong, self._shown = [], ()

    def since(self, count: int) -> list[EventRow]:
        """The events after the first so many, to be kept."""
        return [
            (row, e.kind, e.step, e.fields, e.time, e.line)
            for row, e in zip(self._rows[count:], self._events[count:], strict=True)
        ]

    def cut(self, count: int) -> None:
        """Forget the events after the first so many."""
        del self._events[count:], self._rows[count:]
        self._looked = min(self._looked, count)
        self._wrong = [at for at in self._wrong if at < count]
        self._shown = ()

    def take_over(self, rows: Sequence[EventRow], file: str, step: Ints, segment: Ints) -> None:
        """Append events that another process has kept, each with the segment it falls into by now."""
        segments = _segments_at(rows, step, segment)
        self._events += [
            Event(kind, place, fields, found, time, file, line)
            for (_, kind, place, fields, time, line), found in zip(rows, segments, strict=True)
        ]
        self._rows += [row[0] for row in rows]

    def view(self) -> tuple[Event, ...]:
        """Every event so far; the same tuple while nothing is new."""
        if len(self._shown) != len(self._events):
            self._shown = tuple(self._events)
        return self._shown


def _segment_at(event: Event, row: int, step: Ints, segment: Ints) -> int:
    if not row:
        return 0
    before = int(segment[row - 1])
    if row < len(segment) and segment[row] > before and event.step is not None and event.step < step[row - 1]:
        return int(segment[row])
    return before


def _segments_at(rows: Sequence[EventRow], step: Ints, segment: Ints) -> list[int]:
    """Tell for many events at once what ``_segment_at`` tells for one."""
    if not len(segment):
        return [0] * len(rows)
    row = np.array([each[0] for each in rows], np.int64)
    own = np.array([-1 if each[2] is None else each[2] for each in rows], np.int64)
    last = len(segment) - 1
    before = np.where(row > 0, segment[np.maximum(row - 1, 0)], 0)
    after = np.where(row <= last, segment[np.minimum(row, last)], before)
    belongs_after = (row > 0) & (after > before) & (own >= 0) & (own < step[np.maximum(row - 1, 0)])
    found: list[int] = np.where(belongs_after, after, before).tolist()
    return found
