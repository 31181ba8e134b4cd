"""The events of a log while it grows, each with the segment it falls into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from thalia_monitor.history import Ints
from thalia_monitor.state import Event


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

    def extend(self, events: Sequence[tuple[int, Event]], first_row: int) -> None:
        """Append the events of a stretch, each with the number of its metric lines before it."""
        self._events += [event for _, event in events]
        self._rows += [first_row + row for row, _ in events]

    def place(self, from_row: int, step: Ints, segment: Ints) -> None:
        """Settle the segments of the events that stand at or after that row, given every row's."""
        for index in range(len(self._events) - 1, -1, -1):
            if self._rows[index] < from_row:
                break
            event, found = (
                self._events[index],
                _segment_at(self._events[index], self._rows[index], step, segment),
            )
            if event.segment != found:
                self._events[index] = replace(event, segment=found)
                self._shown = ()

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
