"""What a log has said so far: lines by column, events, problems; it only ever grows at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from thalia_monitor.reading.batch import Batch, gather
from thalia_monitor.reading.columns import HistoryBuilder
from thalia_monitor.reading.decode import Item
from thalia_monitor.reading.event_list import EventList
from thalia_monitor.reading.problem_list import ProblemList
from thalia_monitor.reading.recording import MetricLine
from thalia_monitor.state import Event, Problem


class LogContents:
    """A history with its events and problems."""

    def __init__(self, generation: int = 0) -> None:
        self.builder = HistoryBuilder(generation)
        self.events = EventList()
        self.problems = ProblemList()

    def add(self, items: Iterable[Item]) -> None:
        """Append what lines said, in file order."""
        self.extend(gather(self._without_problems(items)))

    def take(self, found: Iterable[Batch | Problem]) -> None:
        """Append what a bulk decoder found."""
        for each in found:
            if isinstance(each, Batch):
                self.extend(each)
            else:
                self.problems.add(each)

    def extend(self, batch: Batch) -> None:
        """Append a stretch by column."""
        first_row = len(self.builder)
        changed = self.builder.extend(batch)
        self.events.extend(batch.events, first_row)
        self.events.place(changed, self.builder.step.view(), self.builder.segment.view())

    def _without_problems(self, items: Iterable[Item]) -> Iterator[MetricLine | Event]:
        for item in items:
            if isinstance(item, Problem):
                self.problems.add(item)
            else:
                yield item
