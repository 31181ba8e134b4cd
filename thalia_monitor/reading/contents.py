"""What a log has said so far: lines by column, events, problems; it only ever grows at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from thalia_monitor import contract
from thalia_monitor.reading.arrays import Store
from thalia_monitor.reading.batch import Batch, gather
from thalia_monitor.reading.columns import MOST_SERIES, HistoryBuilder
from thalia_monitor.reading.decode import Item
from thalia_monitor.reading.event_list import EventList
from thalia_monitor.reading.problem_list import ProblemList
from thalia_monitor.reading.recording import MetricLine
from thalia_monitor.state import Event, Problem

SHARED: Final = (
    "is written by several writers at once: its steps go back and forth. Let only one process log (rank 0 of a "
    "data-parallel training), or give each a directory of its own"
)


def _renumbered(batch: Batch, before: int) -> Batch:
    events = (
        (row, Event(e.kind, e.step, e.fields, e.segment, e.time, e.file, (e.line or 0) + before))
        for row, e in batch.events
    )
    return replace(batch, events=tuple(events))


class LogContents:
    """A history with its events and problems."""

    def __init__(self, generation: int = 0, store: Store | None = None) -> None:
        self.builder = HistoryBuilder(generation, store)
        self.events = EventList()
        self.problems = ProblemList()

    def add(self, items: Iterable[Item]) -> None:
        """Append what lines said, in file order."""
        self.extend(gather(self._without_problems(items)))

    def take(self, found: Iterable[Batch | Problem], lines_before: int = 0) -> None:
        """Append what a bulk decoder found, behind so many lines that it did not know of."""
        for each in found:
            if isinstance(each, Batch):
                self.extend(_renumbered(each, lines_before) if lines_before else each)
            else:
                self.problems.add(replace(each, line=(each.line or 0) + lines_before))

    def extend(self, batch: Batch) -> None:
        """Append a stretch by column."""
        first_row, full = len(self.builder), self.builder.full
        changed = self.builder.extend(batch)
        if self.builder.full and not full:
            reason = f"names more than {MOST_SERIES:,} different metrics; the rest of them is left out"
            self.problems.add(Problem(contract.LOG_NAME, None, reason))
        self.events.extend(batch.events, first_row)
        self.correct_event_times()
        self.events.place(changed, self.builder.step.view(), self.builder.segment.view())

    def correct_event_times(self) -> None:
        """Take the time from those events that have one of a clock that was not set."""
        self.builder.event_clock.was_set |= self.builder.clock.was_set
        self.events.correct_times(self.builder.event_clock)

    @property
    def remarks(self) -> tuple[Problem, ...]:
        """What is wrong with the log as a whole: the same however it was read, so apart from its lines' problems."""
        clock = self.builder.clock.remark or self.builder.event_clock.remark
        reasons = [SHARED if self.builder.shared else "", clock]
        return tuple(Problem(contract.LOG_NAME, None, reason) for reason in reasons if reason)

    def _without_problems(self, items: Iterable[Item]) -> Iterator[MetricLine | Event]:
        for item in items:
            if isinstance(item, Problem):
                self.problems.add(item)
            else:
                yield item
