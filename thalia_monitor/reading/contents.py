"""What a log has said so far: lines by column, events, problems; it only ever grows at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from thalia_monitor import contract
from thalia_monitor.reading.arrays import Store
from thalia_monitor.reading.batch import Batch, Broken, gather
from thalia_monitor.reading.columns import HistoryBuilder
from thalia_monitor.reading.decode import Item
from thalia_monitor.reading.event_list import EventList
from thalia_monitor.reading.plain import TOO_MANY
from thalia_monitor.reading.problem_list import ProblemList
from thalia_monitor.reading.recording import MetricLine
from thalia_monitor.state import Event, Problem


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

    def take(self, found: Iterable[Batch | Broken | Problem], lines_before: int = 0) -> None:
        """Append what a bulk decoder found, behind so many lines that it did not know of."""
        for each in found:
            if isinstance(each, Batch):
                self.extend(_renumbered(each, lines_before) if lines_before else each)
            elif isinstance(each, Broken):
                self.problems.count(each.count)
            else:
                self.problems.add(replace(each, line=(each.line or 0) + lines_before))

    def extend(self, batch: Batch) -> None:
        """Append a stretch by column."""
        first_row = len(self.builder)
        full = self.builder.full
        changed = self.builder.extend(batch)
        if self.builder.full and not full:
            self.problems.add(Problem(contract.LOG_NAME, None, TOO_MANY))
        known = 0 if len(batch) else len(self.events)  # without a new row, only new events are to be placed
        self.events.extend(batch.events, first_row)
        self.events.place(changed, self.builder.step.view(), self.builder.segment.view(), known)

    def _without_problems(self, items: Iterable[Item]) -> Iterator[MetricLine | Event]:
        for item in items:
            if isinstance(item, Problem):
                self.problems.add(item)
            else:
                yield item
