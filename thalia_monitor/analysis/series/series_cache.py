"""Results over a growing history, extended from version to version: a refresh costs only the new lines."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.analysis.series.pyramid import Pyramid
from thalia_monitor.analysis.series.smoothing import Smoother, smooth
from thalia_monitor.model.growable_array import GrowableArray

if TYPE_CHECKING:
    from thalia_monitor.model.growable_array import Order
    from thalia_monitor.model.history import Column, Floats, History, Ints, Lineage, Series

BLOCK: Final = 4_096
"""Values searched at a time for the first match."""
MOST_SMOOTHED: Final = 64
"""Smoothed series kept per run; each costs as much memory as its column."""


@dataclass(slots=True)
class _Smoothed:
    """A series smoothed with one weight."""

    smoother: Smoother
    pyramid: Pyramid
    number: int
    """:attr:`Order.number` of its points."""


class SeriesCache:
    """Pyramids and smoothed columns of one log, extended as it grows."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pyramids: dict[str, tuple[int, Pyramid]] = {}
        self._nonfinite: dict[str, tuple[int, GrowableArray[np.int64]]] = {}
        self._smoothed: OrderedDict[tuple[str, float], _Smoothed] = OrderedDict()
        self._first: dict[str, tuple[int, float, float]] = {}

    def pyramid(self, series: Series, order: Order) -> Pyramid | None:
        """Pyramid of a series up to its newest point; None for an outdated order."""
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
        """Positions of a column's non-finite values, in file order."""
        with self._lock:
            seen, places = self._nonfinite.get(name, (0, GrowableArray(np.int64)))
            places.append(np.flatnonzero(~np.isfinite(values[seen:])) + seen)
            self._nonfinite[name] = max(seen, len(values)), places
            return places.view[: np.searchsorted(places.view, len(values))]

    def first_values(self, name: str, values: Floats) -> tuple[bool, bool]:
        """Whether a column has a finite value, and a nonzero one; stops at the first match."""
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
        """Series smoothed over its full length, with its pyramid; None for an outdated order."""
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
    """Position of the first True; infinity if there is none."""
    return float(np.argmax(true)) if true.any() else math.inf


_caches: WeakKeyDictionary[Lineage, SeriesCache] = WeakKeyDictionary()
_making = Lock()


def _cache_of(history: History) -> SeriesCache:
    with _making:
        return _caches.setdefault(history.lineage, SeriesCache())


def pyramid(history: History, series: Series) -> Pyramid | None:
    """Pyramid of a series of this history; None for an older version with another order of lines."""
    return _cache_of(history).pyramid(series, series.order) if series.order else None


def nonfinite(history: History, name: str, column: Column) -> Ints:
    """Positions of a column's non-finite values, (n,), in file order; incremental."""
    return _cache_of(history).nonfinite(name, column.values)


def first_values(history: History, name: str, column: Column) -> tuple[bool, bool]:
    """Whether a column has a finite value, and a nonzero one; incremental."""
    return _cache_of(history).first_values(name, column.values)


def smoothed(history: History, series: Series, weight: float) -> tuple[Series, Pyramid | None]:
    """Series of this history smoothed over its full length, with its pyramid if there is one."""
    found = _cache_of(history).smoothed(series, series.order, weight) if series.order else None
    return found or (replace(series, value=smooth(series, weight)), None)
