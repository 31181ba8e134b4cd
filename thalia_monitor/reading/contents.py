"""What a log has said so far: lines by column, events, problems; it only ever grows at its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from thalia_monitor import contract
from thalia_monitor.reading.arrays import Store
from thalia_monitor.reading.batch import Batch, Broken, gather
from thalia_monitor.reading.columns import HistoryBuilder
from thalia_monitor.reading.decode import Item, TextField
from thalia_monitor.reading.event_list import EventList
from thalia_monitor.reading.plain import TOO_MANY
from thalia_monitor.reading.problem_list import ProblemList
from thalia_monitor.records import Event, Problem

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


def _moved(found: Problem | TextField, before: int) -> Problem | TextField:
    if isinstance(found, TextField):
        return replace(found, problem=replace(found.problem, line=(found.problem.line or 0) + before))
    return replace(found, line=(found.line or 0) + before)


class LogContents:
    """A history with its events and problems."""

    def __init__(self, generation: int = 0, store: Store | None = None) -> None:
        self.builder = HistoryBuilder(generation, store)
        self.events = EventList()
        self.problems = ProblemList()

    def add(self, items: Iterable[Item]) -> None:
        """Append what lines said, in file order."""
        every = list(items)
        self.extend(gather(each for each in every if not isinstance(each, Problem | TextField)))
        for each in every:
            if isinstance(each, Problem | TextField):
                self._report(each)

    def take(self, found: Iterable[Batch | Broken | Problem | TextField], lines_before: int = 0) -> None:
        """Append what a bulk decoder found, behind so many lines that it did not know of."""
        for each in found:
            if isinstance(each, Batch):
                self.extend(_renumbered(each, lines_before) if lines_before else each)
            elif isinstance(each, Broken):
                self.problems.count(each.count)
            else:
                self._report(_moved(each, lines_before))

    def extend(self, batch: Batch) -> None:
        """Append a stretch by column."""
        first_row, full = len(self.builder), self.builder.full
        changed = self.builder.extend(batch)
        if self.builder.full and not full:
            self.problems.add(Problem(contract.LOG_NAME, None, TOO_MANY))
        known = 0 if len(batch) else len(self.events)  # without a new row, only new events are to be placed
        self.events.extend(batch.events, first_row)
        self.correct_event_times()
        self.events.place(changed, self.builder.step.view(), self.builder.segment.view(), known)

    def _report(self, problem: Problem | TextField) -> None:
        """Add a problem; a text under a name that no number was logged under is none, but a note."""
        if isinstance(problem, Problem):
            self.problems.add(problem)
        elif self.builder.has_metric(problem.name):
            self.problems.add(problem.problem)

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
