"""Merge of a run's files by precedence: nothing counts twice.

:func:`compose` makes one run of the files of other formats: the logs of Thalia's own logger come first, then its
trials, then results, then binary checkpoints; each fills only what those before it leave open. :class:`Merger` puts
the documented files (``training_log.json`` and ``metadata_*.json``, docs/data-contract.md) above all of these. What
another logger had logged before the documented log began is in front of its lines already
(:meth:`~thalia_monitor.reading.contents.LogContents.placed_after`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import chain, groupby
from threading import Lock

import numpy as np

from thalia_monitor.model.history import History
from thalia_monitor.model.records import Checkpoint, Event, Problem, SavedFile, Source
from thalia_monitor.model.spike_window import SpikeFile
from thalia_monitor.reading.formats import checkpoints
from thalia_monitor.reading.formats.registry import precedence
from thalia_monitor.reading.formats.stage_spans import progress, resolve, start_of
from thalia_monitor.reading.recording import Recording, RunParts


@dataclass(frozen=True, slots=True)
class Composed:
    """One run, as all its files together tell it that are not the documented ones."""

    stretches: tuple[Recording, ...] = ()
    """Lines and events in the order of time, cut where a stage starts."""
    saved: tuple[Checkpoint, ...] = ()
    """What the run's checkpoints and results tell, ordered by step."""
    progress: tuple[Checkpoint, ...] = ()
    """What the logs tell of the newest stage, as checkpoints would; the last is where training stands."""
    criteria: Mapping[str, float] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    sources: tuple[Source, ...] = ()
    files: tuple[SavedFile, ...] = ()
    spikes: tuple[SpikeFile, ...] = ()

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Every checkpoint saved. Where the logs have reached a later step, their progress is one more at the end;
        else it only fills the fields that the newest one lacks.
        """
        if not self.saved or not self.progress:
            return self.saved or self.progress
        newest, here = self.saved[-1], self.progress[-1]
        if here.step > newest.step:
            return (*self.saved, completed(here, newest))
        return (*self.saved[:-1], completed(newest, here))


def compose(recordings: Sequence[Recording]) -> Composed:
    """Make one run of the recordings of its files."""
    logs = resolve([recording for recording in recordings if recording.stretch])
    others = sorted((each for each in recordings if not each.stretch), key=_rank)
    stretches = _filled(logs.stretches, others)
    problems = chain(logs.problems, *(each.problems for each in recordings))
    criteria: dict[str, float] = {}
    for recording in logs.stretches:
        criteria |= recording.criteria
    return Composed(
        stretches,
        tuple(_by_step(others).values()),
        tuple(progress(logs.stretches[-1])) if logs.stretches else (),
        criteria,
        tuple(problems),
        tuple(_sources(recordings)),
        tuple(file for each in recordings for file in each.files),
        tuple(file for each in recordings for file in each.spikes),
    )


def _rank(recording: Recording) -> int:
    return precedence(recording.source.format)


def _filled(stretches: tuple[Recording, ...], others: Sequence[Recording]) -> tuple[Recording, ...]:
    """Add lines where there are none, and events of the kinds that are missing, in order of rank."""
    logged = any(stretch.lines for stretch in stretches)
    for _, ranked in groupby(others, _rank):
        group = list(ranked)
        if logged:
            stretches = _with_numbers(stretches, [each for each in group if each.own and each.lines])
        elif any(recording.lines for recording in group):
            logged = True
            stretches = (*stretches, *sorted((replace(each, events=()) for each in group), key=start_of))
        known = [event for stretch in stretches for event in stretch.events]
        kinds = {event.kind for event in known}
        own = [event for each in group if each.own for event in each.events]
        others_events = [event for each in group if not each.own for event in each.events]
        events = [*own, *missing(kinds, known, others_events)]
        stretches = _with_events(stretches, events)
    return stretches


def missing(kinds: Set[str], known: Sequence[Event], others: Sequence[Event]) -> list[Event]:
    """The others of kinds that no known event has; of known kinds, those that end the run as no known one does."""
    ends = [event for event in others if event.kind in kinds and event.ending]
    known_ends = (
        {event.ending for event in known if event.kind in {end.kind for end in ends}} if ends else set()
    )
    ends = [event for event in ends if event.ending not in known_ends]
    return [event for event in others if event.kind not in kinds or any(event is end for end in ends)]


def _with_numbers(stretches: tuple[Recording, ...], reports: Sequence[Recording]) -> tuple[Recording, ...]:
    """Add the numbers of reports, which have no step, to the line that was the newest when each was made."""
    for report in reports:
        made = report.lines[0].time
        timed = [
            (at, row)
            for at, stretch in enumerate(stretches)
            for row, line in enumerate(stretch.lines)
            if made is None or line.time is None or line.time <= made
        ]
        rows = timed or [(at, 0) for at, stretch in enumerate(stretches) if stretch.lines][:1]
        at, row = rows[-1]
        lines = list(stretches[at].lines)
        lines[row] = replace(lines[row], metrics={**lines[row].metrics, **report.lines[0].metrics})
        changed = replace(stretches[at], lines=tuple(lines))
        stretches = (*stretches[:at], changed, *stretches[at + 1 :])
    return stretches


def _with_events(stretches: tuple[Recording, ...], events: Sequence[Event]) -> tuple[Recording, ...]:
    """Put events into the stretch that had begun when they happened; into the last where no time tells."""
    if not events:
        return stretches
    if not stretches:
        return (Recording(Source(events[0].file, "", 0), events=tuple(events)),)
    added: list[list[Event]] = [[] for _ in stretches]
    starts = [start_of(stretch) for stretch in stretches]
    for event in events:
        begun = [
            index for index, start in enumerate(starts) if event.time is not None and start <= event.time
        ]
        added[begun[-1] if begun else 0 if event.time is not None else -1].append(event)
    return tuple(
        replace(stretch, events=(*stretch.events, *more)) if more else stretch
        for stretch, more in zip(stretches, added, strict=True)
    )


def _by_step(others: Iterable[Recording]) -> dict[int, Checkpoint]:
    """Keep one checkpoint for each step: of the best rank, then the newest, completed by the others."""
    ranked = [(_rank(each), -point.modified, point) for each in others for point in each.checkpoints]
    latest: dict[int, Checkpoint] = {}
    for _, _, point in sorted(ranked, key=lambda each: each[:2]):
        latest[point.step] = completed(latest[point.step], point) if point.step in latest else point
    return dict(sorted(latest.items()))


def completed(point: Checkpoint, other: Checkpoint) -> Checkpoint:
    """A checkpoint with the fields that it lacks taken from another of the same stage."""
    if point.stage is not None and other.stage is not None and _number(point.stage) != _number(other.stage):
        return point
    takes_metrics = not point.metrics and other.metrics
    return replace(
        point,
        stage=other.stage if point.stage is None else point.stage,
        week=other.week if point.week is None else point.week,
        total_weeks=other.total_weeks if point.total_weeks is None else point.total_weeks,
        metrics=point.metrics or other.metrics,
        metrics_step=min(other.measured_at, point.step) if takes_metrics else point.metrics_step,
        milestones=point.milestones or other.milestones,
        warnings=point.warnings or other.warnings,
        training_seconds=other.training_seconds if point.training_seconds is None else point.training_seconds,
        stage_name=point.stage_name or other.stage_name,
        progress=other.progress if point.progress is None else point.progress,
    )


def _number(stage: float) -> float:
    return -1 if stage == -0.5 else stage


def _sources(recordings: Iterable[Recording]) -> Iterator[Source]:
    """Give one source for each file, summed up over the recordings of its parts."""
    by_file: dict[str, list[Source]] = {}
    for recording in recordings:
        by_file.setdefault(recording.source.file, []).append(recording.source)
    for parts in by_file.values():
        first = [part.first_step for part in parts if part.first_step is not None]
        last = [part.last_step for part in parts if part.last_step is not None]
        records = sum(part.records for part in parts)
        notes = dict.fromkeys(part.note for part in parts if part.note)
        yield Source(
            *(parts[0].file, parts[0].format, records),
            *(min(first, default=None), max(last, default=None)),
            "; ".join(notes),
        )


class Merger:
    """Merges all files of a run; each version costs only what is new in it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._filling: tuple[Event, ...] = ()

    def merge(self, documented: RunParts, others: RunParts) -> RunParts:
        """Add what the documented files lack; nothing that they contain counts twice.

        The history is the documented log's; where there is none, the others'. Of the others, kinds of events and
        steps of checkpoints count that are documented nowhere.
        """
        checkpoints = _checkpoints(documented.checkpoints, others)
        missing_events = _missing(documented, others)
        if not len(documented.history):
            return RunParts(others.history, documented.events + missing_events, checkpoints)
        filling = _placed(missing_events, documented.history)
        with self._lock:  # while one thread reads a large log, another may merge its beginning
            if filling == self._filling:
                filling = self._filling  # the very same events, of which something may be known
            self._filling = filling
        # In front, so that all events only ever get more at their end.
        events = filling + documented.events if filling else documented.events
        return RunParts(documented.history, events, checkpoints)


def _missing(known: RunParts, others: RunParts) -> tuple[Event, ...]:
    if not others.events:
        return ()
    return tuple(missing(known.kinds, known.events, others.events))


def _placed(events: tuple[Event, ...], history: History) -> tuple[Event, ...]:
    """Find the segments in which events of other files happened: by time, or else by step."""
    timed = bool(events) and not np.isnan(history.time).any()

    def segment(event: Event) -> int:
        if timed and event.time is not None:
            row = int(np.searchsorted(history.time, event.time, side="right")) - 1
            return int(history.segment[max(row, 0)])
        begun = (
            each.index for each in history.segments if event.step is None or each.first_step <= event.step
        )
        return max(begun, default=0)

    return tuple(replace(event, segment=segment(event)) for event in events)


def _without_totals(point: Checkpoint) -> Checkpoint:
    """Leave out the sizes of a binary checkpoint's header where it has no other metrics."""
    return point if point.metrics.keys() - checkpoints.TOTALS else replace(point, metrics={})


def _checkpoints(documented: tuple[Checkpoint, ...], others: RunParts) -> tuple[Checkpoint, ...]:
    """Take the documented ones, completed at the same step, and the steps that only others saved.

    One of a later step than the newest documented one is completed by that: a page shows the newest only.
    """
    if not documented:
        return others.checkpoints
    saved = {point.step: point for point in others.checkpoints}
    known = {point.step for point in documented}
    points = [completed(point, saved[point.step]) if point.step in saved else point for point in documented]
    if others.progress:
        points[-1] = completed(points[-1], others.progress[0])
    newest = points[-1]
    for step, point in saved.items():
        if step not in known:
            points.append(point if step < newest.step else completed(_without_totals(point), newest))
    return tuple(sorted(points, key=lambda point: (point.step, point.modified, point.file)))
