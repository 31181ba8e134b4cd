"""What was read of a log so far: columns of its lines, events with the segment of each, and problems."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from thalia_monitor import contract
from thalia_monitor.model.history import Ints, first_timed
from thalia_monitor.model.records import Event, Problem
from thalia_monitor.reading.batch import Batch, Broken, gather
from thalia_monitor.reading.clock import TrainerClock, believable
from thalia_monitor.reading.columns import HistoryBuilder
from thalia_monitor.reading.formats.json_values import TOO_MANY
from thalia_monitor.reading.formats.problems import ProblemList
from thalia_monitor.reading.jsonl.line import Item, TextField
from thalia_monitor.reading.segments import SEVERAL_WRITERS

if TYPE_CHECKING:
    from thalia_monitor.reading.arrays import MappedArrays
    from thalia_monitor.reading.snapshot import EventRow, Snapshot


class EventList:
    """Events in file order, each placed by the metric lines around it.

    An event belongs to the segment of the metric line before it. One that stands between the last line of a
    segment and the first of the next, with a step below that last line's, belongs to the next: a resumed
    trainer often logs a consolidation before its first metrics.
    """

    def __init__(self) -> None:
        self.log_start = 0
        """Place of the log's first event; those before were logged before it began, by another logger."""
        self._events: list[Event] = []
        self._rows: list[int] = []
        self.kinds: set[str] = set()
        """Kinds of all of them."""
        self._shown: tuple[Event, ...] = ()
        self._looked = 0
        """Number of events whose time has been looked at."""
        self._wrong: list[int] = []
        """Of these, the places of those whose time cannot be right, until another time shows that."""

    def __len__(self) -> int:
        return len(self._events)

    def extend(self, events: Sequence[tuple[int, Event]], first_row: int) -> None:
        """Append the events of a stretch, each with the number of its metric lines before it."""
        self._events += [event for _, event in events]
        self.kinds.update(event.kind for _, event in events)
        self._rows += [first_row + row for row, _ in events]

    def assign_segments(self, from_row: int, step: Ints, segment: Ints, settled: int = 0) -> None:
        """Assign the events at or after a row to segments, but not the first ``settled`` events.

        Args:
            from_row: number of lines before the first event that may be in another segment now.
            step: (rows,) of all lines.
            segment: (rows,)
            settled: number of events that stay where they are.
        """
        for index in range(len(self._events) - 1, settled - 1, -1):
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
        """Remove the times that cannot be right, once another of the same clock can."""
        new = range(self._looked, len(self._events))
        times = np.array([self._events[at].time for at in new], np.float64)
        clock.examine(times)
        good = believable(times)
        self._wrong += [
            at for at, fine, time in zip(new, good, times, strict=True) if not fine and time == time
        ]
        self._looked = len(self._events)
        if clock.was_set and self._wrong:
            for at in self._wrong:
                self._events[at] = replace(self._events[at], time=None)
            self._wrong, self._shown = [], ()

    def packed(self) -> list[EventRow]:
        """All events, as a snapshot holds them."""
        return [
            (row, e.kind, e.step, e.fields, e.time, e.line)
            for row, e in zip(self._rows, self._events, strict=True)
        ]

    def add_packed(self, rows: Sequence[EventRow], file: str, step: Ints, segment: Ints) -> None:
        """Append those events of a snapshot that are not here yet, each with the segment it falls into by now."""
        rows = rows[len(self) :]
        segments = _segments_at(rows, step, segment)
        self.kinds.update(row[1] for row in rows)
        self._events += [
            Event(kind, own_step, fields, found, time, file, line)
            for (_, kind, own_step, fields, time, line), found in zip(rows, segments, strict=True)
        ]
        self._rows += [row[0] for row in rows]

    def placed_after(self, earlier: EventList, rows: int, segments: int) -> EventList:
        """The log's own events behind earlier ones, moved by so many rows and segments."""
        found, own = EventList(), self.log_start
        found.log_start = len(earlier)
        found._events = [
            *earlier._events,
            *(replace(event, segment=event.segment + segments) for event in self._events[own:]),
        ]
        found.kinds = earlier.kinds | {event.kind for event in self._events[own:]}
        found._rows = [*earlier._rows, *(row + rows for row in self._rows[own:])]
        found._looked = self._looked + len(earlier) - own
        found._wrong = [at + len(earlier) - own for at in self._wrong]
        return found

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


def _renumbered(batch: Batch, before: int) -> Batch:
    events = (
        (row, Event(e.kind, e.step, e.fields, e.segment, e.time, e.file, (e.line or 0) + before))
        for row, e in batch.events
    )
    return replace(batch, events=tuple(events))


def _renumbered_problem(found: Problem | TextField, before: int) -> Problem | TextField:
    if isinstance(found, TextField):
        return replace(found, problem=replace(found.problem, line=(found.problem.line or 0) + before))
    return replace(found, line=(found.line or 0) + before)


class LogContents:
    """A history with its events and problems."""

    def __init__(self) -> None:
        self.builder = HistoryBuilder()
        self.events = EventList()
        self.problems = ProblemList()
        self.earlier: LogContents | None = None
        """What another logger had logged before the log began, which stands before its lines; None if nothing."""
        self.snapshot: MappedArrays | None = None
        """The snapshot whose columns these continue; None if everything is in this process's own memory."""
        self.snapshot_offset = 0
        """Bytes of the log that it holds."""
        self._first_timed = 0
        """Row before which no line of the log itself has a timestamp."""

    @property
    def first_time(self) -> float:
        """First timestamp of the log's own lines, in Unix seconds; NaN if there is none."""
        time = self.builder.history().time
        row = self._first_timed = first_timed(time, max(self._first_timed, self.builder.log_start))
        return float(time[row]) if row < len(time) else math.nan

    def placed_after(self, earlier: LogContents | None) -> LogContents:
        """The log's own contents behind those of another logger: lines and events are copied, problems shared.

        The log's first line begins a stage: the other logger's had ended.
        """
        before = earlier or LogContents()
        found = LogContents()
        found.builder = self.builder.placed_after(before.builder)
        rows = found.builder.log_start - self.builder.log_start
        segments = found.builder.first_own_segment - self.builder.first_own_segment
        found.events = self.events.placed_after(before.events, rows, segments)
        found.problems, found.earlier = self.problems, earlier
        return found

    def adopt(self, snapshot: Snapshot, file: str) -> None:
        """Continue where a snapshot ends: of the same log, and with the same lines and perhaps more.

        Raises ValueError, and changes nothing, if the snapshot's file is too short for its columns.
        """
        description, builder = snapshot.description, self.builder
        changed = builder.map_arrays(description.history, snapshot.arrays)
        step, segment = builder.step.view, builder.segment.view
        self.events.assign_segments(changed, step, segment)
        self.events.add_packed(description.events, file, step, segment)
        self.correct_event_times()
        self.problems.restore(description.problems, description.total_problems)
        self.snapshot, self.snapshot_offset = snapshot.arrays, description.bookmark.offset

    def add_items(self, items: Iterable[Item]) -> None:
        """Append what lines hold, in file order."""
        every = list(items)
        self.add_batch(gather(each for each in every if not isinstance(each, Problem | TextField)))
        for each in every:
            if isinstance(each, Problem | TextField):
                self._report(each)

    def add_decoded(
        self, found: Iterable[Batch | Broken | Problem | TextField], line_offset: int = 0
    ) -> None:
        """Append what a bulk decoder found; ``line_offset`` is added to its line numbers."""
        for each in found:
            if isinstance(each, Batch):
                self.add_batch(_renumbered(each, line_offset) if line_offset else each)
            elif isinstance(each, Broken):
                self.problems.count(each.count)
            else:
                self._report(_renumbered_problem(each, line_offset))

    def add_batch(self, batch: Batch) -> None:
        """Append a batch of lines by column, and its events."""
        first_row = len(self.builder)
        changed = self.builder.extend(batch)
        settled = 0 if len(batch) else len(self.events)  # without a new line, no event moves
        self.events.extend(batch.events, first_row)
        self.correct_event_times()
        self.events.assign_segments(changed, self.builder.step.view, self.builder.segment.view, settled)

    def _report(self, problem: Problem | TextField) -> None:
        """Add a problem. A text is one only under a name that has had numbers so far; else it is ignored."""
        if isinstance(problem, Problem):
            self.problems.add(problem)
        elif self.builder.has_metric(problem.name):
            self.problems.add(problem.problem)

    def correct_event_times(self) -> None:
        """Remove the times of a clock that was not set from events."""
        self.builder.event_clock.was_set |= self.builder.clock.was_set
        self.events.correct_times(self.builder.event_clock)

    @property
    def log_problems(self) -> tuple[Problem, ...]:
        """Problems of the log as a whole, apart from those of its lines: derived from the contents, never stored."""
        clock = self.builder.clock.remark or self.builder.event_clock.remark
        too_many = TOO_MANY if self.builder.names_left_out else ""
        reasons = [SEVERAL_WRITERS if self.builder.has_several_writers else "", clock, too_many]
        return tuple(Problem(contract.LOG_NAME, None, reason) for reason in reasons if reason)
