"""The parts of a series that lie in a range of its x axis: one of each segment that the range crosses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from thalia_monitor.analysis.pyramid import Pyramid, is_ordered
from thalia_monitor.history import Floats, Ints, Series

Axis = Literal["step", "time", "elapsed"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one segment: the points within the range, and one more on each side where there is one."""

    start: int
    first: int
    last: int
    stop: int


def pieces(
    series: Series,
    start: float | None,
    end: float | None,
    x: Axis,
    origin: float | None,
    pyramid: Pyramid | None,
) -> Iterator[Piece]:
    """Cut the range out of each segment; a segment of which no line crosses the view has no piece."""
    if not len(series):
        return
    offset = (_first_time(series.time) if origin is None else origin) if x == "elapsed" else 0.0
    low_x = -math.inf if start is None else start + offset
    high_x = math.inf if end is None else end + offset
    ordered = pyramid is not None and len(pyramid) >= len(series) and pyramid.clock_ordered
    ids = np.arange(series.segment[0], series.segment[-1] + 2)
    edges = np.unique(np.searchsorted(series.segment, ids)).tolist()
    for begin, stop in pairwise(edges):
        if x == "step":
            low, high = _steps_within(series.step[begin:stop], low_x, high_x)
        else:
            low, high = _times_within(series.time[begin:stop], low_x, high_x, ordered)
        first, last = begin + low, begin + high
        if first < last or begin < first < stop:
            yield Piece(max(first - 1, begin), first, last, min(last + 1, stop))


def _first_time(time: Floats) -> float:
    """The first timestamp there is; 0 where there is none."""
    if len(time) and not np.isnan(time[0]):
        return float(time[0])
    known = time[~np.isnan(time)]
    return float(known[0]) if len(known) else 0.0


def _steps_within(step: Ints, low: float, high: float) -> tuple[int, int]:
    """Find the first point at or after ``low`` and the first after ``high``; steps never fall."""
    # As whole numbers: for a float bound NumPy would copy the entire column to floats first.
    first = int(np.searchsorted(step, _whole(low, math.ceil), side="left"))
    last = int(np.searchsorted(step, _whole(high, math.floor), side="right"))
    return first, max(first, last)


def _whole(bound: float, rounding: Callable[[float], int]) -> np.int64:
    limits = np.iinfo(np.int64)
    if math.isinf(bound):
        return np.int64(limits.max if bound > 0 else limits.min)
    return np.int64(min(max(rounding(bound), limits.min), limits.max))


def _times_within(time: Floats, low: float, high: float, ordered: bool) -> tuple[int, int]:
    """Find the first point from ``low`` on and the one after the last up to ``high``.

    Where a clock was set back or a line has no timestamp, what lies between those two is in the range too.
    """
    if low == -math.inf and high == math.inf:
        return 0, len(time)
    if ordered or is_ordered(time):
        first = int(np.searchsorted(time, low, side="left"))
        return first, max(first, int(np.searchsorted(time, high, side="right")))
    within = np.flatnonzero((time >= low) & (time <= high))
    if len(within):
        return int(within[0]), int(within[-1]) + 1
    after = np.flatnonzero(time > high)
    between = int(after[0]) if len(after) else len(time)
    return between, between
