"""Small values for the tests of this folder: series, histories and states made in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from thalia_monitor.model.history import Column, Floats, History, Ints, Segment, Series
from thalia_monitor.model.records import Checkpoint, Event
from thalia_monitor.model.run import TrainingState


def series(
    values: Sequence[float] | Floats,
    *,
    step: Iterable[int] | None = None,
    segment: Iterable[int] | None = None,
    time: Iterable[float] | None = None,
    name: str = "loss",
) -> Series:
    """A series of these values at steps 0, 1, 2, ..., in one segment, a second apart, by default."""
    value: Floats = np.asarray(values, np.float64)
    count = len(value)
    steps: Ints = np.arange(count) if step is None else np.asarray(list(step), np.int64)
    segments: Ints = np.zeros(count, np.int64) if segment is None else np.asarray(list(segment), np.int64)
    times: Floats = np.arange(1000.0, 1000.0 + count) if time is None else np.asarray(list(time), np.float64)
    return Series(name, steps, value, segments, times)


def restarted(values: Sequence[float] | Floats, *lengths: int) -> Series:
    """A series cut into segments of these lengths, each of which begins again at step 0."""
    return series(
        values,
        step=[step for length in lengths for step in range(length)],
        segment=[segment for segment, length in enumerate(lengths) for _ in range(length)],
    )


def beginning(whole: Series, length: int) -> Series:
    """The first points of a series, as it was before the others were logged."""
    part = slice(length)
    return Series(whole.name, whole.step[part], whole.value[part], whole.segment[part], whole.time[part])


def history(
    step: Iterable[int],
    *,
    time: Iterable[float] | None = None,
    **metrics: Sequence[float] | Floats,
) -> History:
    """A history of lines at these steps, with a resume wherever the step falls; without times unless given."""
    steps: Ints = np.asarray(list(step), np.int64)
    falls = np.diff(steps, prepend=steps[:1]) < 0
    starts = [0, *np.flatnonzero(falls).tolist()] if len(steps) else []
    return History(
        step=steps,
        segment=np.cumsum(falls),
        time=np.full(len(steps), np.nan) if time is None else np.asarray(list(time), np.float64),
        metrics={name: Column(np.asarray(values, np.float64)) for name, values in metrics.items()},
        segments=tuple(
            Segment(number, row, int(steps[row]), "resume" if number else "start")
            for number, row in enumerate(starts)
        ),
    )


def state(
    lines: History | None = None,
    *checkpoints: Checkpoint,
    events: Iterable[Event] = (),
    changed: float | None = None,
) -> TrainingState:
    """A state of these lines, checkpoints and events, whose files last changed at ``changed`` (Unix seconds)."""
    return TrainingState(
        history=lines or History(),
        checkpoints=checkpoints,
        events=tuple(events),
        last_update=None if changed is None else datetime.fromtimestamp(changed, UTC),
    )


def checkpoint(
    step: int,
    *,
    stage: float | None = 0,
    week: float | None = None,
    total_weeks: float | None = None,
    modified: float = 0.0,
    training_seconds: float | None = None,
    metrics: Mapping[str, float] | None = None,
    milestones: Mapping[str, bool] | None = None,
) -> Checkpoint:
    """A checkpoint of stage 0 by default."""
    return Checkpoint(
        file=f"metadata_{step}.json",
        step=step,
        stage=stage,
        week=week,
        total_weeks=total_weeks,
        metrics=metrics or {},
        milestones=milestones or {},
        training_seconds=training_seconds,
        modified=modified,
    )


class CountingFloats(np.ndarray[Any, np.dtype[np.float64]]):
    """An array that remembers the longest part of it that was looked at."""

    longest = 0

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        CountingFloats.longest = max(CountingFloats.longest, np.size(part))
        return part
