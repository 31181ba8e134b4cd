"""Several files that tell of the same run: the documented ones win, others fill what they leave out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from thalia_monitor.history import History
from thalia_monitor.reading.columns import extends
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.recording import MetricLine, Recording
from thalia_monitor.state import Checkpoint, Event, Problem, Source


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
    """What the files of other formats tell together, best first; computed anew only when one has changed."""

    def __init__(self) -> None:
        self._recordings: tuple[Recording, ...] = ()
        self.told = Told(History())

    @property
    def criteria(self) -> dict[str, float]:
        """Milestone thresholds that the run configured."""
        return {name: limit for each in self._recordings for name, limit in each.criteria.items()}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read in them."""
        return tuple(problem for each in self._recordings for problem in each.problems)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files themselves."""
        return tuple(each.source for each in self._recordings)

    def refresh(self, recordings: Iterable[Recording]) -> None:
        """Take the recordings as they are now, those of the format to be believed most first."""
        found = tuple(recordings)
        if len(found) == len(self._recordings) and all(map(_is, found, self._recordings)):
            return
        self._recordings = found
        before = self.told.history
        contents = LogContents(before.generation)
        contents.add(chain.from_iterable(_in_order(each) for each in _best(found)))
        if not extends(contents.builder.history(), before):
            contents.builder.generation += 1
        points = chain.from_iterable(each.checkpoints for each in found)
        self.told = Told(
            contents.builder.history(),
            contents.events.view() + _kinds_left_out(found, contents.events.view()),
            tuple(sorted(points, key=lambda point: (point.step, point.modified, point.file))),
        )


def _is(one: Recording, other: Recording) -> bool:
    return one is other


def _best(recordings: Sequence[Recording]) -> list[Recording]:
    """All recordings of the first format that has metric lines (or, without any, events)."""
    chosen = next((each for each in recordings if each.lines), None)
    if chosen is None:
        return []
    return [each for each in recordings if each.source.format == chosen.source.format]


def _kinds_left_out(recordings: Sequence[Recording], taken: Sequence[Event]) -> tuple[Event, ...]:
    """Events of kinds not told yet, each kind from the first format that tells it."""
    teller = {event.kind: "" for event in taken}
    found: list[Event] = []
    for recording in recordings:
        told_by = recording.source.format
        found += [each for each in recording.events if teller.setdefault(each.kind, told_by) == told_by]
    return tuple(found)


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
