"""What is computed from a growing history and kept between its versions, so that a refresh costs what is new."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.analysis.pyramid import Pyramid
from thalia_monitor.analysis.smoothing import Smoother, smooth
from thalia_monitor.model.growable_array import Buffer

if TYPE_CHECKING:
    from thalia_monitor.model.history import Column, Floats, History, Ints, Lineage, Series
    from thalia_monitor.model.ordering import Order

BLOCK: Final = 4_096
"""Values looked at in one go for the first that counts."""
MOST_SMOOTHED: Final = 64
"""Smoothed series kept per run; each costs as much memory as its column."""


@dataclass(slots=True)
class _Smoothed:
    """A series smoothed by one weight."""

    smoother: Smoother
    pyramid: Pyramid
    number: int
    """Of the order that its points are in."""


class SeriesCache:
    """The pyramids and smoothed columns of one log, extended with it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pyramids: dict[str, tuple[int, Pyramid]] = {}
        self._nonfinite: dict[str, tuple[int, Buffer[np.int64]]] = {}
        self._smoothed: OrderedDict[tuple[str, float], _Smoothed] = OrderedDict()
        self._first: dict[str, tuple[int, float, float]] = {}

    def pyramid(self, series: Series, order: Order) -> Pyramid | None:
        """The extremes of a series, by buckets, up to its newest point; None for an order that has passed."""
        with self._lock:
            number, pyramid = self._pyramids.get(series.name, (order.number, Pyramid()))
            if order.number < number:
                return None
            settled = order.settled_since(number)
            if settled is not None:
                pyramid = pyramid.beginning(settled)
            pyramid.extend(series.value, series.time)
            self._pyramids[series.name] = order.number, pyramid
            return pyramid

    def nonfinite(self, name: str, values: Floats) -> Ints:
        """Where a column is not finite, in file order."""
        with self._lock:
            seen, places = self._nonfinite.get(name, (0, Buffer(np.int64)))
            places.append(np.flatnonzero(~np.isfinite(values[seen:])) + seen)
            self._nonfinite[name] = max(seen, len(values)), places
            return places.view[: np.searchsorted(places.view, len(values))]

    def first_values(self, name: str, values: Floats) -> tuple[bool, bool]:
        """Whether a column has a finite value, and one that is not 0; looks only as far as it has to."""
        with self._lock:
            seen, finite, other = self._first.get(name, (0, math.inf, math.inf))
            while other == math.inf and seen < len(values):
                new = values[seen : seen + BLOCK]
                finite = min(finite, seen + _first(np.isfinite(new)))
                other = seen + _first(np.isfinite(new) & (new != 0))
                seen += len(new)
            self._first[name] = seen, finite, other
            return finite < len(values), other < len(values)

    def smoothed(self, series: Series, order: Order, weight: float) -> tuple[Series, Pyramid] | None:
        """The series smoothed over its full length, and the extremes of that; None for an order that has passed."""
        key = series.name, weight
        with self._lock:
            kept = self._smoothed.get(key)
            if kept and order.number < kept.number:
                return None
            if kept is None or order.number > kept.number:  # each value depends on all before it
                kept = self._smoothed[key] = _Smoothed(Smoother(weight), Pyramid(), order.number)
            self._smoothed.move_to_end(key)
            while len(self._smoothed) > MOST_SMOOTHED:
                self._smoothed.popitem(last=False)
            kept.smoother.extend(series.value, series.segment)
            values = kept.smoother.values[: len(series)]
            kept.pyramid.extend(values, series.time)
            return replace(series, value=values), kept.pyramid


def _first(true: NDArray[np.bool_]) -> float:
    """The place of the first True; infinity where there is none."""
    return float(np.argmax(true)) if true.any() else math.inf


_caches: WeakKeyDictionary[Lineage, SeriesCache] = WeakKeyDictionary()
_making = Lock()


def _cache_of(history: History) -> SeriesCache:
    with _making:
        return _caches.setdefault(history.lineage, SeriesCache())


def pyramid(history: History, series: Series) -> Pyramid | None:
    """The pyramid of a series of this history; None of an older version whose lines stood in another order."""
    return _cache_of(history).pyramid(series, series.order) if series.order else None


def nonfinite(history: History, name: str, column: Column) -> Ints:
    """Where a column of this history is not finite, (n,) positions in file order, at the cost of what is new."""
    return _cache_of(history).nonfinite(name, column.values)


def first_values(history: History, name: str, column: Column) -> tuple[bool, bool]:
    """Whether a column of this history has a finite value, and one that is not 0, at the cost of what is new."""
    return _cache_of(history).first_values(name, column.values)


def smoothed(history: History, series: Series, weight: float) -> tuple[Series, Pyramid | None]:
    """A series of this history, smoothed over its full length."""
    found = _cache_of(history).smoothed(series, series.order, weight) if series.order else None
    return found or (replace(series, value=smooth(series, weight)), None)
