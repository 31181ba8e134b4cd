"""Several files that tell of the same run: the documented ones win, others fill what they leave out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from thalia_monitor.history import History
from thalia_monitor.reading.columns import extends
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.recording import MetricLine, Recording
from thalia_monitor.state import Checkpoint, Event


@dataclass(frozen=True, slots=True)
class Told:
    """A run's history, events and checkpoints, as one kind of file or several together tell them."""

    history: History
    events: tuple[Event, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()


def merge(documented: Told, others: Told) -> Told:
    """Fill what the documented files do not tell: nothing that they tell is counted a second time.

    The history is taken whole from one or the other; of the others' events only the kinds that no documented
    line has; their checkpoints only where there is no metadata.
    """
    known = {event.kind for event in documented.events}
    filling = tuple(event for event in others.events if event.kind not in known)
    return Told(
        documented.history if len(documented.history) else others.history,
        documented.events + filling if filling else documented.events,
        documented.checkpoints or others.checkpoints,
    )


class OtherFormats:
    """What the files of other formats tell together, laid out like a log; anew only when one has changed."""

    def __init__(self) -> None:
        self.told = Told(History())
        self._stretches: tuple[Recording, ...] = ()

    def refresh(self, stretches: tuple[Recording, ...], checkpoints: tuple[Checkpoint, ...]) -> None:
        """Take the recordings as they are now, in the order of time, and the checkpoints by step."""
        if stretches == self._stretches and checkpoints == self.told.checkpoints:
            return
        before = self.told.history
        contents = LogContents(before.generation)
        contents.add(chain.from_iterable(_in_order(each) for each in stretches))
        if not extends(contents.builder.history(), before):
            contents.builder.generation += 1
        self._stretches = stretches
        self.told = Told(contents.builder.history(), contents.events.view(), checkpoints)


def _in_order(recording: Recording) -> list[MetricLine | Event]:
    """Lay the events of a recording among its lines: by time where both have it, else by step."""
    ordered: list[MetricLine | Event] = []
    waiting = list(reversed(recording.events))
    for line in recording.lines:
        while waiting and _is_before(waiting[-1], line):
            ordered.append(waiting.pop())
        ordered.append(line)
    return ordered + waiting[::-1]


def _is_before(event: Event, line: MetricLine) -> bool:
    if event.time is not None and line.time is not None:
        return event.time < line.time
    return event.step is not None and event.step < line.step
