"""Where a run stands that has logs and no checkpoints: its last stage, told as checkpoints would tell it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from thalia_monitor import contract
from thalia_monitor.reading import plain, values
from thalia_monitor.reading.recording import MetricLine, Recording
from thalia_monitor.records import Checkpoint, Event, HealthWarning, Severity


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
        plain.finite(check.fields.get("week")) if check else None,
        stretch.weeks if stretch else None,
        metrics,
        values.flags(check.fields.get("results")) if check else {},
        tuple(_warnings(recording, step)),
        modified=time or 0.0,
    )


def _warnings(recording: Recording, step: int) -> Iterator[HealthWarning]:
    """Take the health warnings that were given at that very step."""
    for event in recording.events:
        if event.kind == contract.WARNING and event.step == step:
            yield HealthWarning(Severity(event.fields["severity"]), str(event.fields["message"]))
