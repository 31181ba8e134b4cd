"""Small values for the tests of this folder: series, histories and states made in a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from thalia_monitor.history import Floats, Ints, Series


def series(
    values: Sequence[float] | Floats,
    *,
    step: Iterable[int] | None = None,
    segment: Iterable[int] | None = None,
    time: Iterable[float] | None = None,
    name: str = "loss",
) -> Series:
    """A series of these values at steps 0, 1, 2, ..., in one segment, a second apart, unless told else."""
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


class CountingFloats(np.ndarray[Any, np.dtype[np.float64]]):
    """An array that remembers the longest part of it that was looked at."""

    longest = 0

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        CountingFloats.longest = max(CountingFloats.longest, np.size(part))
        return part
