"""The logs of Thalia's own logger combined: stage logs, and the text log that repeats them.

A stage log is exact, and written when its stage ends; the text log is rounded, and written continuously. So a
stage that has ended is taken from its stage log, the running one from the text log, and so is an attempt whose
stage log was erased by a restart. Nothing is taken from both.

All loggers of one process write into every text log that any of them has opened, and no record names its
logger. A stage's own file shows which records are its logger's: it is rewritten at each start of the stage, so
it belongs to the newest start, and once the stage has ended it holds all of the stage.

A run that has logs and no checkpoints gets its position from its last stage, in the form of a checkpoint.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor, inf
from typing import Final

from thalia_monitor import contract
from thalia_monitor.model.records import Checkpoint, Event, HealthWarning, Problem, Severity
from thalia_monitor.reading.clock import zone_offset
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.formats.text_log import FORMAT as TEXT_FORMAT
from thalia_monitor.reading.formats.text_records import STEPS_BETWEEN_TEXT_LINES, health_value
from thalia_monitor.reading.recording import MetricLine, Recording, Stretch


def progress(recording: Recording) -> Iterator[Checkpoint]:
    """Tell a stage's milestone checks, and then its newest line, as checkpoints of the recording's file.

    Week and milestones are those of the last check before; metrics are the newest of each name.
    """
    lines = _newest_attempt(recording.lines)
    checks = [event for event in recording.events if event.kind == contract.MILESTONE]
    last = lines[-1].step if lines else max((check.step or 0 for check in checks), default=0)
    for check in checks:
        if check.step is not None and check.step < last:
            yield _point(recording, lines, check.step, check)
    yield _point(recording, lines, last, checks[-1] if checks else None)


def _newest_attempt(lines: Sequence[MetricLine]) -> Sequence[MetricLine]:
    falls = [row for row in range(1, len(lines)) if lines[row].step < lines[row - 1].step]
    return lines[falls[-1] :] if falls else lines


def _point(recording: Recording, lines: Sequence[MetricLine], step: int, check: Event | None) -> Checkpoint:
    metrics: dict[str, float] = {}
    stretch = recording.stretch
    time = stretch.start if stretch else None
    for line in lines:
        if line.step <= step:
            metrics.update(line.metrics)
            time = line.time or time
    return Checkpoint(
        recording.source.file,
        step,
        stretch.stage if stretch else None,
        json_values.finite(check.fields.get("week")) if check else None,
        stretch.weeks if stretch else None,
        metrics,
        json_values.flags(check.fields.get("results")) if check else {},
        tuple(_warnings(recording, step)),
        modified=time or 0.0,
    )


def _warnings(recording: Recording, step: int) -> Iterator[HealthWarning]:
    """Take the health warnings that were given at that very step."""
    for event in recording.events:
        if event.kind == contract.WARNING and event.step == step:
            yield HealthWarning(Severity(event.fields["severity"]), str(event.fields["message"]))


Item = MetricLine | Event

_SAME_START: Final = 2.0
"""Seconds between a stage log's start time and the record of the same start in the text log."""
_TICK: Final = 0.002
"""Seconds; the text log cuts its times to milliseconds, and a file's time may be one tick of the kernel behind."""
_LONGEST_WRITE: Final = 600.0
"""Seconds that a logger may need to write a stage's file."""
_ONE_COPY: Final = 60.0
"""Seconds between two files of a directory that were copied together."""
_TEXT_ONLY: Final = {contract.EXTENSION, contract.WARNING, contract.TRANSITION, "note"}
"""Kinds that Thalia writes into no stage log, or only when they come before the stage's end."""


_COUNTED: Final = (contract.GROWTH, contract.CONSOLIDATION, contract.MILESTONE)
"""Kinds that a finished stage log holds as often as its logger has written them into the text log."""


@dataclass(frozen=True, slots=True)
class _Match:
    """The stretch of a text log that is of the same start of a stage as the stage's own file."""

    row: int
    """Its place among the stretches of the text logs."""
    ahead: float | None = None
    """Seconds its clock is ahead of the file's; None where it is only the likeliest one, and no time says so."""


Pair = tuple[Recording, _Match | None]


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
    ahead = _clock(stages, texts)
    pairs = [(stage, _match(stage, texts, ahead)) for stage in stages]
    texts = _on_one_clock(texts, pairs)
    surplus = {match.row: _surplus(stage, texts[match.row]) for stage, match in pairs if match}
    others = _others(texts, pairs, surplus)
    joined = [
        _join(stage, texts[match.row], mixed=surplus[match.row] > 0) if match else stage
        for stage, match in pairs
    ]
    left = [text for row, text in enumerate(texts) if row not in surplus and row not in others]
    reasons = {**others, **{row: _MIXED for row, count in surplus.items() if count}}
    counts = {row: surplus.get(row, text.source.records) for row, text in enumerate(texts)}
    problems = (_left_out(texts[row], counts[row], why) for row, why in sorted(reasons.items()))
    return Resolved(tuple(sorted([*left, *joined], key=start_of)), tuple(problems))


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


def _clock(stages: Sequence[Recording], texts: Sequence[Recording]) -> float:
    """How many seconds the text logs are ahead of the stage logs: what brings most starts and ends together.

    Not 0 where a text log was copied, so that its file's time does not give away the zone of its clock.
    """
    offsets: Counter[float] = Counter()
    for stage in map(_stretch, stages):
        for text in map(_stretch, texts):
            if text.stage == stage.stage:
                for clock, moment in ((text.start, stage.start), (text.end, stage.end)):
                    if (offset := _ahead(clock, moment)) is not None:
                        offsets[offset] += 1
    return min(offsets, key=lambda offset: (-offsets[offset], abs(offset)), default=0.0)


def _ahead(clock: float | None, moment: float | None) -> float | None:
    return None if clock is None or moment is None else zone_offset(clock, moment, _SAME_START)


def _match(stage: Recording, texts: Sequence[Recording], ahead: float) -> _Match | None:
    """Find the text log's stretch of the same start: by time, else the stage's last.

    The clock may be off by an hour between two starts (summer time). Among starts within two seconds of the
    file's, one that has the same lines counts for more than one that is nearer.
    """
    start = _stretch(stage).start
    rows = [row for row, text in enumerate(texts) if _stretch(text).stage == _stretch(stage).stage]
    same = {row: offset for row in rows if (offset := _ahead(_stretch(texts[row]).start, start)) is not None}
    if start is None or not same:
        return _Match(rows[-1]) if rows else None

    def fitness(row: int) -> tuple[float, int, float, int]:
        clock = (_stretch(texts[row]).start or 0.0) - same[row]
        apart = round(abs(clock - floor(start * 1000) / 1000), 4)
        return abs(same[row] - ahead), -_common_lines(stage, texts[row]), apart, -row

    row = min(same, key=fitness) if len(same) > 1 else next(iter(same))
    return _Match(row, same[row])


def _common_lines(stage: Recording, text: Recording) -> int:
    """Count the text log's lines that are those of the stage log, rounded."""
    exact = {line.step: line.metrics for line in stage.lines if line.step % STEPS_BETWEEN_TEXT_LINES == 0}
    return sum(
        _printed(exact[line.step]) == _printed(line.metrics) for line in text.lines if line.step in exact
    )


def _printed(metrics: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:.3f}" for name, value in metrics.items()}


def _on_one_clock(texts: Sequence[Recording], pairs: Sequence[Pair]) -> list[Recording]:
    """Set the text logs' times right by the starts that the stage logs know exactly.

    What follows such a start is as far off as that one; what stands before the first, as far as the first. The
    end of a log whose newest record is as old as its file is right already, whatever summer time did before.
    """
    known = {match.row: match.ahead for _, match in pairs if match and match.ahead is not None}
    ahead = known[min(known)] if known else 0.0
    moved = []
    for row, text in enumerate(texts):
        ahead = known.get(row, ahead)
        at_end = row + 1 == len(texts) or texts[row + 1].source.file != text.source.file
        moved.append(text if not ahead or (at_end and _is_right(text)) else _earlier(text, ahead))
    return moved


def _is_right(text: Recording) -> bool:
    """Whether the newest record of a text log's last stretch is as old as the file."""
    newest: tuple[Item, ...] = (*text.lines[-1:], *text.events[-1:])
    times = [each.time for each in newest if each.time is not None]
    return bool(times and text.written and abs(text.written.modified - max(times)) <= _SAME_START)


def _surplus(stage: Recording, text: Recording) -> int:
    """Count what the text log has of a finished stage and the stage's own file has not: others' records."""
    end = _stretch(stage).end
    if end is None:
        return 0
    own = Counter(event.kind for event in stage.events)
    found = Counter(event.kind for event in text.events if (event.time or end) <= end)
    lines = Counter(line.step for line in text.lines if (line.time or end) <= end)
    lines -= Counter(line.step for line in stage.lines)
    events = (found[kind] - own[kind] for kind in _COUNTED)
    return lines.total() + sum(count for count in events if count > 0)


def _others(texts: Sequence[Recording], pairs: Sequence[Pair], surplus: Mapping[int, int]) -> dict[int, str]:
    """Find the stretches of other loggers, by row, each with what shows that it is another's."""
    stages = {_stretch(stage).stage for stage, _ in pairs}
    found = {}
    for row, text in enumerate(texts):
        stage = _stretch(text).stage
        if stages and stage is not None and stage not in stages:
            found[row] = _NO_FILE.format(stage=f"{stage:g}")
    for stage_log, match in pairs:
        if match is None or match.ahead is None:
            continue
        for row, text in enumerate(texts):
            stretch = _stretch(text)
            if row == match.row or stretch.stage != _stretch(stage_log).stage:
                continue
            if text.source.file != texts[match.row].source.file:
                continue
            if row > match.row and _tells_of_newest_start(stage_log, text):
                found[row] = _LATER.format(file=stage_log.source.file)
            elif row < match.row and stretch.end is None and surplus[match.row]:
                found[row] = _MIXED
    return found


def _tells_of_newest_start(stage: Recording, later: Recording) -> bool:
    """Whether a stage's file would be of that later start, too, had its own logger written it.

    Not where the file alone was copied here, and may be older than what the text log tells.
    """
    own, log = stage.written, later.written
    started, end, begun = _stretch(stage).start, _stretch(stage).end, _stretch(later).start
    if own is None or log is None or started is None or begun is None or (end is not None and begun < end):
        return True
    latest = min(begun + _TICK, (end or started) + _LONGEST_WRITE)
    if not own.was_moved and own.modified <= latest:
        return True
    return log.was_copied and abs(own.placed - log.placed) <= _ONE_COPY


def _left_out(text: Recording, count: int, why: str) -> Problem:
    line = text.events[0].line if text.events else None
    reason = f"{count:,} records are left out: {why}, so another logger of the same process wrote them"
    return Problem(text.source.file, line, reason)


_NO_FILE: Final = "they are of stage {stage}, without a file of its own here"
_LATER: Final = "{file}, which is rewritten at each start of the stage, is of an earlier start"
_MIXED: Final = "the finished stage's own file does not hold them"


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


def _join(stage: Recording, text: Recording, *, mixed: bool) -> Recording:
    """Take a stage that has ended from its own file and what only the text has; else the reverse.

    ``mixed``: the text log holds records of other loggers, too.
    """
    if _stretch(stage).end is not None:
        known = {event.kind for event in stage.events}
        more = [event for event in text.events if event.kind in _TEXT_ONLY and event.kind not in known]
        return replace(stage, events=(*stage.events, *(_of_stage(more, stage) if mixed else more)))
    known = {event.kind for event in text.events}
    others = (event for event in stage.events if event.kind not in known)
    started = next((each.fields for each in stage.events if each.kind == contract.STAGE_START), {})
    events = (
        replace(each, fields={**each.fields, **_known(started)})
        if each.kind == contract.STAGE_START
        else each
        for each in text.events
    )
    span, also = _stretch(stage), _stretch(text)
    stretch = Stretch(span.stage, span.start or also.start, also.end, span.weeks or also.weeks)
    return replace(
        text,
        lines=text.lines or stage.lines,
        events=(*events, *others),
        criteria={**text.criteria, **stage.criteria},
        problems=(),
        stretch=stretch,
    )


def _known(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _of_stage(events: Sequence[Event], stage: Recording) -> Iterator[Event]:
    """Leave out what other loggers wrote: the same once more, and warnings of values that the stage never had."""
    values = {line.step: {*_printed(line.metrics).values()} for line in stage.lines}
    seen: list[tuple[str, Mapping[str, object]]] = []
    for event in events:
        if event.kind == contract.WARNING:
            value = health_value(str(event.fields["message"]))
            if value is None or value in values.get(event.step or 0, ()):
                yield event
        elif (event.kind, event.fields) not in seen:
            seen.append((event.kind, event.fields))
            yield event
