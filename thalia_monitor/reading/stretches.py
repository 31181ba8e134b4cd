"""The logs of Thalia's own logger, brought together: stage logs, and a text log that repeats them.

A stage log is exact, and written when its stage ends; the text log is rounded, and written as it goes. So a
stage that has ended is taken from its stage log, the one that runs from the text log, and so is an attempt
whose stage log a restart has erased. Nothing is taken from both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from thalia_monitor import contract
from thalia_monitor.reading.clock import zone_offset
from thalia_monitor.reading.recording import MetricLine, Recording, Stretch
from thalia_monitor.reading.text_stages import FORMAT as TEXT_FORMAT
from thalia_monitor.state import Event, Problem

Item = MetricLine | Event

_SAME_START: Final = 2.0
"""Seconds between a stage log's start time and the record of the same start in the text log."""
_TEXT_ONLY: Final = {contract.EXTENSION, contract.WARNING, contract.TRANSITION, "note"}
"""Kinds that Thalia writes into no stage log, or only when they come before the stage's end."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the logs tell together."""

    stretches: tuple[Recording, ...] = ()
    """One for each start of a stage, in the order of their starts."""
    problems: tuple[Problem, ...] = ()


def resolve(recordings: Sequence[Recording]) -> Resolved:
    """Bring the logs of one run together; every recording must have a stretch."""
    texts = [recording for recording in recordings if recording.source.format == TEXT_FORMAT]
    stages = [recording for recording in recordings if recording.source.format != TEXT_FORMAT]
    own, strangers = _own(texts, stages)
    partners = [_partner(stage, own) for stage in stages]
    own, partners = _same_clock(own, partners, stages)
    joined = [_join(stage, partner) for stage, partner in zip(stages, partners, strict=True)]
    left = [text for text in own if not any(text is partner for partner in partners)]
    return Resolved(tuple(sorted([*left, *joined], key=start_of)), tuple(_crosstalk(strangers)))


def start_of(recording: Recording) -> float:
    """Tell when a recording begins, in Unix seconds; -inf where nothing says so."""
    start = _stretch(recording).start
    first = recording.lines[0].time if recording.lines else None
    return next((time for time in (start, first) if time is not None), -inf)


def items(recording: Recording) -> Iterator[Item]:
    """Give lines and events of a recording in one order: by time where it is known, else by step."""
    times = [line.time for line in recording.lines if line.time is not None]
    steps = [line.step for line in recording.lines]
    timed = len(times) == len(steps)

    def place(event: Event) -> int:
        if timed and event.time is not None:
            return bisect_right(times, event.time)
        return len(steps) if event.step is None else bisect_right(steps, event.step)

    placed = sorted(((place(event), event) for event in recording.events), key=lambda each: each[0])
    done = 0
    for row, event in placed:
        yield from recording.lines[done:row]
        yield event
        done = max(done, row)
    yield from recording.lines[done:]


def _stretch(recording: Recording) -> Stretch:
    return recording.stretch or Stretch(None)


def _own(texts: list[Recording], stages: list[Recording]) -> tuple[list[Recording], list[Recording]]:
    """Part the text log's stretches into this run's and those of another logger.

    The logger writes a stage's own file when the stage starts; one without was started in another folder.
    """
    known = {_stretch(stage).stage for stage in stages}
    if not known:
        return texts, []
    own = [text for text in texts if _stretch(text).stage is None or _stretch(text).stage in known]
    return own, [text for text in texts if not any(text is each for each in own)]


def _crosstalk(strangers: list[Recording]) -> Iterator[Problem]:
    for stranger in strangers:
        line = stranger.events[0].line if stranger.events else None
        stage = _stretch(stranger).stage
        reason = (
            f"{stranger.source.records:,} records are left out: they are of stage {stage:g}, without a file "
            "of its own here, so another logger of the same process wrote them"
        )
        yield Problem(stranger.source.file, line, reason)


def _partner(stage: Recording, texts: list[Recording]) -> Recording | None:
    """Find the text log's stretch of the same start: by time in whatever zone, else the stage's last."""
    start = _stretch(stage).start
    candidates = [text for text in texts if _stretch(text).stage == _stretch(stage).stage]
    for text in reversed(candidates):
        begun = _stretch(text).start
        if start is not None and begun is not None and zone_offset(begun, start, _SAME_START) is not None:
            return text
    return candidates[-1] if candidates else None


def _same_clock(
    texts: list[Recording], partners: list[Recording | None], stages: list[Recording]
) -> tuple[list[Recording], list[Recording | None]]:
    """Set the text log's times right by a start that the stage logs know exactly."""
    for stage, partner in zip(stages, partners, strict=True):
        start, begun = _stretch(stage).start, _stretch(partner).start if partner else None
        if start is None or begun is None:
            continue
        if offset := zone_offset(begun, start, _SAME_START):
            moved = {id(text): _earlier(text, offset) for text in texts}
            return list(moved.values()), [partner and moved[id(partner)] for partner in partners]
    return texts, partners


def _earlier(recording: Recording, seconds: float) -> Recording:
    def moved(time: float | None) -> float | None:
        return None if time is None else time - seconds

    stretch = _stretch(recording)
    return replace(
        recording,
        lines=tuple(replace(line, time=moved(line.time)) for line in recording.lines),
        events=tuple(replace(event, time=moved(event.time)) for event in recording.events),
        stretch=replace(stretch, start=moved(stretch.start), end=moved(stretch.end)),
    )


def _join(stage: Recording, text: Recording | None) -> Recording:
    """Take a stage that has ended from its own file and what only the text has; else the reverse."""
    if text is None:
        return stage
    if _stretch(stage).end is not None:
        known = {event.kind for event in stage.events}
        more = (event for event in text.events if event.kind in _TEXT_ONLY and event.kind not in known)
        return replace(stage, events=(*stage.events, *more))
    known = {event.kind for event in text.events}
    more = (event for event in stage.events if event.kind not in known)
    told, also = _stretch(stage), _stretch(text)
    stretch = Stretch(told.stage, told.start or also.start, also.end, told.weeks or also.weeks)
    return replace(
        text,
        lines=text.lines or stage.lines,
        events=(*text.events, *more),
        criteria={**text.criteria, **stage.criteria},
        problems=(),
        stretch=stretch,
    )
