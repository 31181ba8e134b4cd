"""What each region did over time: rates in cells of equal width, with the band or range that they belong in.

The cells are cut at multiples of a round width (1, 2 or 5 times a power of ten), so that new lines never move an
older cell: only the newest one is computed again. What a resume has repeated is left out.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal
from weakref import WeakKeyDictionary

import numpy as np

from thalia_monitor import metric_info
from thalia_monitor.firing_ranges import HYPERACTIVE, range_hz
from thalia_monitor.metric_info import HEALTHY_RATE
from thalia_monitor.model.history import EMPTY_FLOATS, EMPTY_INTS, Floats, History, Ints, Lineage, Series
from thalia_monitor.model.series_key import metric

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

Axis = Literal["step", "time"]
MOST_CELLS: Final = 1_250
"""Cells of one family together: an opened page has some 45 bytes of each."""
MOST_REGIONS: Final = 40
MOST_FAMILIES: Final = 4
SILENT: Final = 0.01
"""A share below which a region is silent (Thalia's ``no_silence``); of spikes or Hz only 0 is."""
FURTHEST: Final = 3.0
"""Halvings or doublings from the range beyond which the colour no longer changes; silence is as far below."""
NOT_REGIONS: Final = frozenset({"average", "avg", "mean", "overall"})
"""Names beside those of regions, of the whole brain."""


@dataclass(frozen=True, slots=True)
class Family:
    """The rates of several regions that were logged in one unit, under names that begin alike."""

    name: str
    """What the names begin with: ``region_firing_rates``."""
    unit: str
    """``share`` (0 to 1), ``spikes/100`` or ``Hz``."""
    series: tuple[tuple[str, str], ...]
    """Region and name of its series, in the order of first appearance, 40 at most."""
    left_out: int = 0
    """Regions beyond those 40."""

    @property
    def judged(self) -> bool:
        """Whether there is a range that its values belong in."""
        return self.unit != "spikes/100"

    @property
    def silent_below(self) -> float:
        """The value below which a region is silent."""
        return SILENT if self.unit == "share" else math.ulp(0.0)

    def band(self, region: str) -> tuple[float, float] | None:
        """The range that a region's values belong in; None where none is stated."""
        if self.unit == "share":
            return HEALTHY_RATE.low, HEALTHY_RATE.high
        return range_hz(region) if self.unit == "Hz" else None

    def distance(self, region: str, values: Floats) -> Floats:
        """Halvings below (negative) or doublings above the range, (n,): 0 within it, at most 3 either way.

        Where no range is known, only silence, and more than 100 Hz, are out of it.
        """
        low, high = self.band(region) or (0.0, HYPERACTIVE)
        with np.errstate(divide="ignore", invalid="ignore"):
            below = np.log2(np.maximum(values, 0) / low) if low else np.where(values > 0, 0.0, -np.inf)
            above = np.log2(np.maximum(values, 0) / high)
        far = np.where(values < low, below, np.where(values > high, above, 0.0))
        far = np.where(values < self.silent_below, -FURTHEST, far)
        far = np.clip(far, -FURTHEST, FURTHEST)
        far[np.isnan(values)] = np.nan
        return far


def families(state: TrainingState) -> tuple[Family, ...]:
    """The families of regional rates that a run logs, four at most; each has its own unit."""
    return state.memoized("families of rates", lambda: _families(state))


def _families(state: TrainingState) -> tuple[Family, ...]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    counted: set[str] = set()
    for series in state.history.metrics:
        quantity, name = metric_info.lookup(series)
        hertz = name.unit == "Hz" and "firing_rate" in series
        if not (quantity.regional_rate or hertz):
            continue
        prefix, region = _parts(series, hertz)
        if not region or region in NOT_REGIONS:
            continue
        unit = "Hz" if hertz else name.unit
        found.setdefault((prefix, unit), {})[region] = series
        if unit == "spikes/100":
            counted.add(region)
    # What Thalia's trainer logs twice, flat and in an object, is a count of spikes under both names.
    kept = {
        which: {
            region: each for region, each in series.items() if which[1] != "share" or region not in counted
        }
        for which, series in found.items()
    }
    every = [
        Family(prefix, unit, tuple(series.items())[:MOST_REGIONS], max(len(series) - MOST_REGIONS, 0))
        for (prefix, unit), series in kept.items()
        if series
    ]
    return tuple(every[:MOST_FAMILIES])


def _parts(series: str, hertz: bool) -> tuple[str, str]:
    """What a name begins with, and the region: ``firing_rate`` and ``cortex`` of ``firing_rate/cortex``."""
    path = series.replace(".", "/")
    at = path.find("_hz/") + len("_hz") if hertz else path.find("/")
    return series[:at], series[at + 1 :]


def family_of(state: TrainingState, name: str) -> Family | None:
    """The family of this name; None where the run logs none."""
    return next((each for each in families(state) if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Cells:
    """One series in cells of equal width, by column; a cell without a line is left out."""

    number: Ints
    """(n,) of the cell, ascending: it begins at this many widths from the origin."""
    median: Floats
    """(n,) NaN where a cell has no finite value."""
    least: Floats
    greatest: Floats
    count: Ints
    """(n,) finite values."""
    odd: Ints
    """(n,) values that are not finite."""

    def replaced(self, low: int, high: int, new: Cells) -> Cells:
        """These cells, with new ones for those of the numbers from low to high."""
        at, after = np.searchsorted(self.number, (low, high + 1)).tolist()
        parts = ((getattr(self, each), getattr(new, each)) for each in self.__slots__)
        return Cells(*(np.concatenate((old[:at], its, old[after:])) for old, its in parts))


NO_CELLS: Final = Cells(EMPTY_INTS, EMPTY_FLOATS, EMPTY_FLOATS, EMPTY_FLOATS, EMPTY_INTS, EMPTY_INTS)


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a view: where the first begins, and how wide each is, in steps or seconds."""

    x: Axis
    origin: float
    width: float
    start: float
    """Left end of the view."""
    end: float

    @property
    def first(self) -> int:
        """Number of the first cell."""
        return math.floor((self.start - self.origin) / self.width)

    @property
    def last(self) -> int:
        """Number of the last cell."""
        return max(math.floor((self.end - self.origin) / self.width), self.first)


def grid(
    history: History, x: Axis, start: float | None, end: float | None, most: int, origin: float = 0.0
) -> Grid | None:
    """Cut what counts of a run, or a view of it, into at most ``most`` cells; None where there is nothing."""
    counting = counting_segments(history, x)
    if not counting:
        return None
    if x == "step":
        first = float(min(history.segments[each].first_step for each in counting))
        last = float(history.current_step)
    else:
        first, last = history.first_time, history.first_time + history.time_span
    if not math.isfinite(first + last):
        return None
    low, high = max(first, first if start is None else start), min(last, last if end is None else end)
    if high < low:
        return None
    width = round_width((high - low) / max(most - 1, 1), whole=x == "step")
    return Grid(x, origin, width, low, high)


def round_width(least: float, *, whole: bool = False) -> float:
    """The smallest of 1, 2, 5, 10, 20, 50, ... and their tenths that is at least this much."""
    if whole:
        least = max(least, 1.0)
    power = 10.0 ** math.floor(math.log10(least)) if least > 0 else 1.0
    return next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= least * (1 - 1e-12))


def counting_segments(history: History, x: Axis) -> list[int]:
    """Segments that count on an axis: where steps begin again at each stage, those of the newest one."""
    begun = max((each.index for each in history.segments if each.kind == "stage"), default=0)
    return [each.index for each in history.segments if x == "time" or each.index >= begun]


@dataclass(slots=True)
class _Kept:
    """Cells of a series, and how much of it they were made of."""

    cells: Cells
    segments: int
    order: int
    length: int
    redo: int
    """Position of the first point of the newest cell since the clock was last set back; -1 if all is read again."""
    newest: int
    """Number of that cell."""
    behind: tuple[Ints, Floats]
    """Cell number and value of each earlier point in that cell or a later one, by number."""


class _Cache:
    """Cells of the series of one log, extended as it grows."""

    MOST: Final = 400

    def __init__(self) -> None:
        self.lock = Lock()
        self.kept: OrderedDict[tuple[str, str, float, float, float | None, float | None], _Kept] = (
            OrderedDict()
        )


_caches: WeakKeyDictionary[Lineage, _Cache] = WeakKeyDictionary()
_making = Lock()


def cells(
    history: History, series: Series, cut: Grid, start: float | None = None, end: float | None = None
) -> Cells:
    """Cells of a series of this history, between ``start`` and ``end``; costs what is new since the last call."""
    with _making:
        cache = _caches.setdefault(history.lineage, _Cache())
    key = (series.name, cut.x, cut.width, cut.origin, start, end)
    order = series.order.number if series.order else -1
    with cache.lock:
        kept = cache.kept.get(key)
        if kept and (kept.segments, kept.order) == (len(history.segments), order) and order >= 0:
            if kept.length == len(series):
                return kept.cells
            fresh = _continued(history, series, cut, kept, start, end)
        else:
            fresh = None
        fresh = fresh or _whole(history, series, cut, start, end, order)
        cache.kept[key] = fresh
        cache.kept.move_to_end(key)
        while len(cache.kept) > cache.MOST:
            cache.kept.popitem(last=False)
        return fresh.cells


def _pieces(history: History, series: Series, x: Axis) -> Iterator[tuple[int, int]]:
    """First and last position of each stretch that counts."""
    limits = history.supersessions()
    for each in counting_segments(history, x):
        first, last = np.searchsorted(series.segment, (each, each + 1)).tolist()
        if np.isfinite(limits[each]):
            last = first + int(np.searchsorted(series.step[first:last], int(limits[each])))
        if first < last:
            yield first, last


def _numbers(series: Series, first: int, last: int, cut: Grid) -> tuple[Ints, Floats, Ints]:
    """Cell number, value and position of each point that has a place."""
    if cut.x == "step":
        return series.step[first:last] // int(cut.width), series.value[first:last], np.arange(first, last)
    time = series.time[first:last]
    known = np.flatnonzero(np.isfinite(time))
    number = np.floor((time[known] - cut.origin) / cut.width).astype(np.int64)
    return number, series.value[first:last][known], known + first


def _between(
    number: Ints, value: Floats, cut: Grid, start: float | None, end: float | None
) -> tuple[Ints, Floats]:
    if start is None or end is None:
        return number, value
    kept = (number >= math.floor((start - cut.origin) / cut.width)) & (
        number <= math.floor((end - cut.origin) / cut.width)
    )
    return number[kept], value[kept]


def _whole(
    history: History, series: Series, cut: Grid, start: float | None, end: float | None, order: int
) -> _Kept:
    nothing = (EMPTY_INTS, EMPTY_FLOATS)
    pieces = list(_pieces(history, series, cut.x))
    raw = [_numbers(series, *piece, cut) for piece in pieces]
    number, value = (np.concatenate(each) for each in zip(nothing, *(each[:2] for each in raw), strict=True))
    made = _summed(*_between(number, value, cut, start, end))
    # To go on, the newest stretch must be that of the newest segment.
    if not pieces or pieces[-1][1] < len(series):
        return _Kept(made, len(history.segments), order, len(series), -1, 0, nothing)
    earlier = len(number) - len(raw[-1][0])
    going_on = _to_go_on((number[:earlier], value[:earlier]), *raw[-1], pieces[-1][0])
    return _Kept(made, len(history.segments), order, len(series), *going_on)


def _to_go_on(
    before: tuple[Ints, Floats], own: Ints, value: Floats, place: Ints, first: int
) -> tuple[int, int, tuple[Ints, Floats]]:
    """From which position on to read again when points are new, its cell, and the earlier points from that on."""
    at, newest = 0, int(before[0].max(initial=np.iinfo(np.int64).min))
    if len(own):
        falls, newest = np.flatnonzero(own[1:] < own[:-1]), int(own[-1])
        at = int(falls[-1]) + 1 if len(falls) else 0
        at += int(np.searchsorted(own[at:], newest))
        first = int(place[at])
    number, value = np.concatenate((before[0], own[:at])), np.concatenate((before[1], value[:at]))
    late = np.flatnonzero(number >= newest)
    late = late[np.argsort(number[late], kind="stable")]
    return first, newest, (number[late], value[late])


def _continued(
    history: History, series: Series, cut: Grid, kept: _Kept, start: float | None, end: float | None
) -> _Kept | None:
    """The cells with the points that are new; None where one is in an older cell than the newest."""
    if kept.redo < 0 or len(series) < kept.length:
        return None
    own, value, place = _numbers(series, kept.redo, len(series), cut)
    if not len(own):
        return replace(kept, length=len(series))
    low, high = int(own.min()), int(own.max())
    if low < kept.newest:
        return None
    shared = slice(*np.searchsorted(kept.behind[0], (low, high + 1)).tolist())
    every = np.concatenate((kept.behind[0][shared], own)), np.concatenate((kept.behind[1][shared], value))
    new = _summed(*_between(*every, cut, start, end))
    made = kept.cells.replaced(low, high, new)
    going_on = _to_go_on(kept.behind, own, value, place, kept.redo)
    return _Kept(made, len(history.segments), kept.order, len(series), *going_on)


def _summed(number: Ints, value: Floats) -> Cells:
    if not len(number):
        return NO_CELLS
    if not np.all(number[1:] >= number[:-1]):
        order = np.argsort(number, kind="stable")
        number, value = number[order], value[order]
    starts = np.concatenate(([0], np.flatnonzero(np.diff(number)) + 1))
    stops = np.append(starts[1:], len(number))
    finite = np.isfinite(value)
    if finite.all():
        parts = [value[a:b] for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]
    else:
        parts = [value[a:b][finite[a:b]] for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]
    count = np.array([len(each) for each in parts], np.int64)
    nan = float("nan")
    three = [
        (float(np.median(each)), float(each.min()), float(each.max())) if len(each) else (nan, nan, nan)
        for each in parts
    ]
    median, least, greatest = (np.array(each, np.float64) for each in zip(*three, strict=True))
    return Cells(number[starts], median, least, greatest, count, (stops - starts) - count)


@dataclass(frozen=True, slots=True)
class RegionCells:
    """A region of a family and its cells."""

    region: str
    series: str
    cells: Cells
    total: int
    """Points of its series."""


def region_cells(
    state: TrainingState, family: Family, cut: Grid, start: float | None, end: float | None
) -> list[RegionCells]:
    """Cells of every region of a family."""
    made = []
    for region, name in family.series:
        series = state.history.series(metric(name))
        if series is not None:
            made.append(RegionCells(region, name, cells(state.history, series, cut, start, end), len(series)))
    return made
