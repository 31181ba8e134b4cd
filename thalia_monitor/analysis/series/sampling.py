"""Downsampling of a series for drawing: about as many points as a chart has pixels, extremes always included.

Buckets are 2**k consecutive points of the series, cut at multiples of 2**k; drawn are the smallest and greatest
point of each, and its first and last non-finite one, the ends of a stretch that stands for all of those. As the
edges depend on nothing but the position, new points never move an older one: it stays, or is thinned when k
rises. Min/max decimation is that of MinMaxLTTB's first pass (Van Der Donckt et al., 2023,
https://arxiv.org/abs/2305.00332); the anchored edges are this project's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from thalia_monitor.analysis.series.pyramid import Pyramid, extremes
from thalia_monitor.model.history import EMPTY_FLOATS, EMPTY_INTS, Floats, Ints, Series
from thalia_monitor.model.step_times import is_ordered

Axis = Literal["step", "time", "elapsed"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of one segment: the points within the range, plus one neighbour on each side if there is one."""

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
    """Part of each segment within the range; a segment without a line crossing the view has none."""
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
    """First known timestamp; 0 if there is none."""
    if len(time) and not np.isnan(time[0]):
        return float(time[0])
    known = time[~np.isnan(time)]
    return float(known[0]) if len(known) else 0.0


def _steps_within(step: Ints, low: float, high: float) -> tuple[int, int]:
    """Positions of the first point at or after ``low`` and the first after ``high``; steps never decrease."""
    # Integer bounds: for a float bound NumPy would convert the whole column to floats first.
    first = int(np.searchsorted(step, _whole(low, math.ceil), side="left"))
    last = int(np.searchsorted(step, _whole(high, math.floor), side="right"))
    return first, max(first, last)


def _whole(bound: float, rounding: Callable[[float], int]) -> np.int64:
    limits = np.iinfo(np.int64)
    if math.isinf(bound):
        return np.int64(limits.max if bound > 0 else limits.min)
    return np.int64(min(max(rounding(bound), limits.min), limits.max))


def _times_within(time: Floats, low: float, high: float, ordered: bool) -> tuple[int, int]:
    """Positions of the first point from ``low`` on and the one after the last up to ``high``.

    If a clock was set back or a line has no timestamp, all points between those two are in the range.
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


_FINEST: Final = 4
"""Below four points a bucket, its two extremes are all or most of it: the points themselves are drawn."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Points of a series chosen for drawing, in the order of the series."""

    step: Ints
    value: Floats
    segment: Ints
    time: Floats
    """Unix seconds, NaN where unknown."""
    index: Ints
    """Position of each drawn point in the series, ascending."""
    total: int
    """Points of the series in the requested range."""
    nonfinite: Ints
    """Positions in the series of all non-finite points of the range, ascending, drawn or not."""
    exact: bool
    """Whether every point of the range is drawn."""
    bucket: int
    """Points per bucket, a power of two; 1 when exact."""
    first: int
    """Position of the first point of the range."""
    length: int
    """Length of the whole series when sampled."""

    def __len__(self) -> int:
        return len(self.index)

    def stretches(self) -> tuple[Ints, Ints, Ints]:
        """Non-finite stretches: first and last point of each in the sample, and its count; (n,) arrays.

        Each of :attr:`nonfinite` is in exactly one of them: on its own where every point is drawn, else with the
        others of its bucket and segment, with finite points between them perhaps.
        """
        before = np.searchsorted(self.nonfinite, self.index)
        until = np.searchsorted(self.nonfinite, self.index, side="right")
        drawn = np.flatnonzero(until > before)
        another = np.diff(self.index[drawn] // self.bucket, prepend=-1) != 0
        another[1:] |= np.diff(self.segment[drawn]) != 0
        start = np.flatnonzero(another)
        stop = np.append(start, len(drawn))[1:]
        first, last = drawn[start], drawn[stop - 1]
        return first, last, until[last] - before[first]


def sample(
    series: Series,
    points: int,
    *,
    start: float | None = None,
    end: float | None = None,
    x: Axis = "step",
    origin: float | None = None,
    pyramid: Pyramid | None = None,
) -> Sample:
    """Choose about ``points`` points (at most one and a half times as many) that preserve a series' shape.

    Always among them: each segment's first, last, smallest and greatest point in the range, the ends of the
    stretches that stand for every non-finite one (two for a bucket, beside those ``points``), one point
    beyond either end of the range (so that lines reach the edge of the view), and all points if there
    are no more than ``points``.

    ``start`` and ``end`` are on the axis ``x``: steps, Unix seconds, or seconds since ``origin`` (the
    series' first timestamp unless given). ``pyramid`` must have been extended with this series' values, in
    its order; with it the cost depends on what is drawn, not on the length.
    """
    stretches = list(pieces(series, start, end, x, origin, pyramid))
    total = sum(piece.last - piece.first for piece in stretches)
    bucket = _bucket(total, points)
    parts: list[Ints] = []
    nonfinite: list[Ints] = []
    for piece in stretches:
        parts.append(np.array((piece.start, piece.first, piece.last - 1, piece.stop - 1)))
        if bucket == 1:
            parts.append(np.arange(piece.start, piece.stop))
        else:
            parts.append(_extremes(series.value, piece.first, piece.last, bucket, pyramid))
        odd = _nonfinite(series.value, piece.first, piece.last, pyramid)
        parts.append(_ends(odd, bucket))
        nonfinite.append(odd)
    index = np.unique(np.concatenate(parts)) if parts else EMPTY_INTS
    return Sample(
        step=series.step[index],
        value=series.value[index],
        segment=series.segment[index],
        time=series.time[index],
        index=index,
        total=total,
        nonfinite=np.concatenate(nonfinite) if nonfinite else EMPTY_INTS,
        exact=bucket == 1,
        bucket=bucket,
        first=stretches[0].first if stretches else len(series),
        length=len(series),
    )


def within(
    series: Series,
    *,
    start: float | None = None,
    end: float | None = None,
    x: Axis = "step",
    origin: float | None = None,
    pyramid: Pyramid | None = None,
) -> Floats:
    """Values in the range that :func:`sample` chooses from, (total,), without copying the whole column."""
    found = [series.value[each.first : each.last] for each in pieces(series, start, end, x, origin, pyramid)]
    if sum(map(len, found)) == len(series):
        return series.value
    return np.concatenate(found) if found else EMPTY_FLOATS


def tail_after(new: Sample, old_length: int, old_bucket: int) -> int | None:
    """Difference between ``new`` and the sample that a client drew of the first ``old_length`` points.

    Returns the position in ``new`` up to which both are identical, so that the rest replaces what the
    client has from ``new.index[position]`` on; None when all of it must be drawn again. Both must be of the
    same view (range, axis, number of points) of a series that only grew at its end.
    """
    if new.bucket != old_bucket or old_length > new.length:
        return None
    unfinished = max(old_length - 1, 0) // old_bucket * old_bucket
    return int(np.searchsorted(new.index, unfinished))


def _bucket(total: int, points: int) -> int:
    """Choose the smallest bucket of which two points each make at most one and a half times ``points``."""
    points = max(points, 2)
    if 2 * total <= 3 * points:
        return 1
    needed = -(-4 * total // (3 * points))
    return max(int(1 << (needed - 1).bit_length()), _FINEST)


def _extremes(values: Floats, start: int, stop: int, bucket: int, pyramid: Pyramid | None) -> Ints:
    """Extremes of each bucket; the first and last bucket are cut at the range's ends."""
    low, high = -(-start // bucket) * bucket, stop // bucket * bucket
    if low > high:  # the range lies within one bucket
        return _extremes_of_part(values, start, stop)
    ready = pyramid.level(bucket)[low // bucket : high // bucket] if pyramid is not None else EMPTY_INTS
    fresh = extremes(values, low + len(ready) * bucket, high, bucket)
    places = np.concatenate(
        (
            _extremes_of_part(values, start, low),
            ready.ravel(),
            fresh.ravel(),
            _extremes_of_part(values, high, stop),
        )
    )
    return places[places >= 0]


def _extremes_of_part(values: Floats, start: int, stop: int) -> Ints:
    if start >= stop:
        return EMPTY_INTS
    places = extremes(values, start, stop, stop - start).ravel()
    return places[places >= 0]


def _nonfinite(values: Floats, start: int, stop: int, pyramid: Pyramid | None) -> Ints:
    """Positions of NaN and infinite values in ``start:stop``."""
    known = pyramid.nonfinite(start, stop) if pyramid is not None else EMPTY_INTS
    begin = max(start, min(len(pyramid), stop)) if pyramid is not None else start
    fresh = np.flatnonzero(~np.isfinite(values[begin:stop])) + begin
    return np.concatenate((known, fresh)) if len(fresh) else known


def _ends(places: Ints, bucket: int) -> Ints:
    """First and last of these positions in each bucket, ascending."""
    if bucket == 1 or not len(places):
        return places
    edges = np.arange(places[0] // bucket * bucket, places[-1] + 1, bucket)
    # An empty bucket yields a neighbour's position, which is chosen anyway.
    return places[
        np.concatenate((np.searchsorted(places, edges), np.searchsorted(places, edges + bucket) - 1))
    ]


MOST_ODD: Final = 10_000
"""Maximum number of non-finite points listed, the first ones."""


def excerpt(
    series: Series, points: int, start: float | None = None, end: float | None = None
) -> tuple[Ints, Sample]:
    """Choose at most ``points`` finite points between two steps, plus every non-finite one.

    Returns their positions, ascending, and the sample that tells how many there are; of more than 10,000 that are
    not finite the first are among them. The choice is
    :func:`~thalia_monitor.analysis.series.sampling.sample`'s, so extremes stay, unless ``points`` is so small that
    they do not fit: then the points are evenly spread, including the newest.
    """
    budget = points
    while True:
        drawn = sample(series, budget, start=start, end=end)
        inside = np.ones(len(drawn), bool)  # a chart's lines reach beyond its edges; an API response must not
        if start is not None:
            inside &= drawn.step >= start
        if end is not None:
            inside &= drawn.step <= end
        finite = drawn.index[inside & np.isfinite(drawn.value)]
        if len(finite) <= points or budget <= 1:
            break
        budget //= 2
    if len(finite) > points:
        finite = finite[np.linspace(len(finite) - 1, 0, points).round().astype(np.int64)]
    return np.union1d(finite, drawn.nonfinite[:MOST_ODD]), drawn
