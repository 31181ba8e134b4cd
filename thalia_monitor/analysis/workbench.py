"""What is computed from a growing history and kept between its versions, so that a refresh costs what is new."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

from thalia_monitor.analysis.pyramid import Pyramid
from thalia_monitor.analysis.smoothing import Smoother, smooth
from thalia_monitor.history import History, Lineage, Series

MOST_SMOOTHED: Final = 64
"""Smoothed series kept per run; each costs as much memory as its column."""


class Workbench:
    """The pyramids and smoothed columns of one log, extended with it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pyramids: dict[str, Pyramid] = {}
        self._smoothed: OrderedDict[tuple[str, float], tuple[Smoother, Pyramid]] = OrderedDict()

    def pyramid(self, series: Series) -> Pyramid:
        """The extremes of a series, by buckets, up to its newest point."""
        with self._lock:
            pyramid = self._pyramids.setdefault(series.name, Pyramid())
            pyramid.extend(series.value, series.time)
            return pyramid

    def smoothed(self, series: Series, weight: float) -> tuple[Series, Pyramid]:
        """The series smoothed over its full length, and the extremes of that."""
        key = series.name, weight
        with self._lock:
            smoother, pyramid = self._smoothed.setdefault(key, (Smoother(weight), Pyramid()))
            self._smoothed.move_to_end(key)
            while len(self._smoothed) > MOST_SMOOTHED:
                self._smoothed.popitem(last=False)
            smoother.extend(series.value, series.segment)
            values = smoother.values[: len(series)]
            pyramid.extend(values, series.time)
            return replace(series, value=values), pyramid


_benches: WeakKeyDictionary[Lineage, Workbench] = WeakKeyDictionary()
_making = Lock()


def _bench(history: History) -> Workbench:
    with _making:
        return _benches.setdefault(history.lineage, Workbench())


def pyramid(history: History, series: Series) -> Pyramid | None:
    """The pyramid of a series of this history; None where stragglers are sorted in, since then nothing is settled."""
    return _bench(history).pyramid(series) if history.ordered else None


def smoothed(history: History, series: Series, weight: float) -> tuple[Series, Pyramid | None]:
    """A series of this history, smoothed over its full length."""
    if not history.ordered:
        return replace(series, value=smooth(series, weight)), None
    return _bench(history).smoothed(series, weight)
