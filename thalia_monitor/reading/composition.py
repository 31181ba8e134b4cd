"""Merge the recordings of several files of one run by precedence, and drop duplicates.

The logs of Thalia's own logger come first, then its trials, then results, then binary checkpoints: each fills
only what those before it leave open. The documented files stand above all of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from thalia_monitor.model.records import Checkpoint, Event, Problem, Source
from thalia_monitor.reading.formats import (
    checkpoints,
    diagnostics,
    results,
    sequence,
    stage_log,
    text_stages,
    trials,
)
from thalia_monitor.reading.formats.stage_spans import progress, resolve, start_of
from thalia_monitor.reading.recording import Recording

_AFTER_THE_LOGS: Final = (
    trials.FORMAT,
    trials.EVENTS_FORMAT,
    results.FORMAT,
    sequence.FORMAT,
    checkpoints.FORMAT,
    stage_log.SESSION_FORMAT,
    diagnostics.FORMAT,
)


LOGS: Final = frozenset({stage_log.FORMAT, text_stages.FORMAT, trials.FORMAT})
"""Formats that record what happens, rather than save where training stands."""


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

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """All of them: the logs' progress fills the newest one saved, or stands behind it where it is further."""
        if not self.saved or not self.progress:
            return self.saved or self.progress
        newest, here = self.saved[-1], self.progress[-1]
        if here.step > newest.step:
            return (*self.saved, filled(here, newest))
        return (*self.saved[:-1], filled(newest, here))


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
    )


def _rank(recording: Recording) -> int:
    known = recording.source.format in _AFTER_THE_LOGS
    return _AFTER_THE_LOGS.index(recording.source.format) if known else len(_AFTER_THE_LOGS)


def _filled(stretches: tuple[Recording, ...], others: Sequence[Recording]) -> tuple[Recording, ...]:
    """Add lines where there are none, and events of the kinds that are missing, in order of rank."""
    logged = any(stretch.lines for stretch in stretches)
    for rank in range(len(_AFTER_THE_LOGS) + 1):
        group = [recording for recording in others if _rank(recording) == rank]
        if not group:
            continue
        if logged:
            stretches = _with_numbers(stretches, [each for each in group if each.own and each.lines])
        elif any(recording.lines for recording in group):
            logged = True
            stretches = (*stretches, *sorted((replace(each, events=()) for each in group), key=start_of))
        known = [event for stretch in stretches for event in stretch.events]
        own = [event for each in group if each.own for event in each.events]
        others_events = [event for each in group if not each.own for event in each.events]
        events = [*own, *missing(known, others_events)]
        stretches = _with_events(stretches, events)
    return stretches


def missing(known: Sequence[Event], others: Sequence[Event]) -> list[Event]:
    """Take the events of kinds that are not known yet, and what ends the run, whatever its kind, once."""
    kinds = {event.kind for event in known} if others else set()
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
            (place, row)
            for place, stretch in enumerate(stretches)
            for row, line in enumerate(stretch.lines)
            if made is None or line.time is None or line.time <= made
        ]
        rows = timed or [(place, 0) for place, stretch in enumerate(stretches) if stretch.lines][:1]
        place, row = rows[-1]
        lines = list(stretches[place].lines)
        lines[row] = replace(lines[row], metrics={**lines[row].metrics, **report.lines[0].metrics})
        changed = replace(stretches[place], lines=tuple(lines))
        stretches = (*stretches[:place], changed, *stretches[place + 1 :])
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
        latest[point.step] = filled(latest[point.step], point) if point.step in latest else point
    return dict(sorted(latest.items()))


def filled(point: Checkpoint, other: Checkpoint) -> Checkpoint:
    """Give a checkpoint with what it leaves open taken from another of the same stage."""
    if point.stage is not None and other.stage is not None and _number(point.stage) != _number(other.stage):
        return point
    completed = not point.metrics and other.metrics
    return replace(
        point,
        stage=other.stage if point.stage is None else point.stage,
        week=other.week if point.week is None else point.week,
        total_weeks=other.total_weeks if point.total_weeks is None else point.total_weeks,
        metrics=point.metrics or other.metrics,
        metrics_step=min(other.measured_at, point.step) if completed else point.metrics_step,
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
