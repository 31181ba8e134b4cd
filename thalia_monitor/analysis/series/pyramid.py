"""Min/max levels over one growing column: zooming costs by the points drawn, not by the column's length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor.model.growable_array import GrowableArray
from thalia_monitor.model.step_times import is_ordered

if TYPE_CHECKING:
    from thalia_monitor.model.history import Floats, Ints

BASE: Final = 64
"""Points per bucket of the lowest level; below it the raw values are read, which is as cheap."""

_BLOCK: Final = 1 << 20
"""Points processed at a time, to bound temporary memory on a long column."""


def extremes(values: Floats, start: int, stop: int, bucket: int) -> Ints:
    """Positions of the smallest and greatest finite value of each bucket: (buckets, 2) indexes into ``values``.

    ``stop - start`` is a whole number of buckets. Of equal values the first counts; a bucket without a
    finite value has -1. NumPy's argmin finds them as fast as tsdownsample (10,000,000 points by 64: 16 ms
    against 12 ms; by 4: 0.18 s against 0.29 s), keeps the two apart and does not fall for infinities.
    """
    room = max(_BLOCK // bucket, 1) * bucket
    parts = [_extremes_at_once(values, at, min(at + room, stop), bucket) for at in range(start, stop, room)]
    return np.concatenate(parts) if parts else np.empty((0, 2), np.int64)


def _extremes_at_once(values: Floats, start: int, stop: int, bucket: int) -> Ints:
    table = values[start:stop].reshape(-1, bucket)
    finite = np.isfinite(table)
    if finite.all():
        low, high, empty = table, table, None
    else:
        low, high = np.where(finite, table, np.inf), np.where(finite, table, -np.inf)
        empty = ~finite.any(axis=1)
    places = np.stack((low.argmin(axis=1), high.argmax(axis=1)), axis=1).astype(np.int64, copy=False)
    places += np.arange(start, stop, bucket)[:, np.newaxis]
    if empty is not None:
        places[empty] = -1
    return places


def _merged(values: Floats, pairs: Ints) -> Ints:
    """Merge the extremes of each two neighbouring buckets: (2n, 2) indexes to (n, 2)."""
    left, right = pairs[0::2], pairs[1::2]
    better = np.empty(left.shape, np.bool_)
    better[:, 0] = values[right[:, 0]] < values[left[:, 0]]
    better[:, 1] = values[right[:, 1]] > values[left[:, 1]]
    return np.where((right >= 0) & (better | (left < 0)), right, left)


class Pyramid:
    """Positions of a column's extremes, by buckets of 64, 128, 256, ... points, and of its non-finite values.

    Only complete buckets are stored and never change: an append costs the new points.
    It needs about half a byte for each value of the column. One writer at a time calls :meth:`extend`.
    """

    __slots__ = ("_levels", "_nonfinite", "_seen", "clock_ordered")

    def __init__(self) -> None:
        self._levels: list[GrowableArray[np.int64]] = []
        self._nonfinite = GrowableArray(np.int64)
        self._seen = 0
        self.clock_ordered = True
        """Whether every timestamp seen so far is known and none is before its predecessor's."""

    def __len__(self) -> int:
        return self._seen

    def extend(self, values: Floats, time: Floats | None = None) -> None:
        """Process the new values at the end of a column, and its timestamps if given.

        ``values`` is the whole column, (n,), and starts with the values of earlier calls.
        """
        if time is not None and self.clock_ordered:
            self.clock_ordered = is_ordered(time[max(self._seen - 1, 0) :])
        self._nonfinite.append(np.flatnonzero(~np.isfinite(values[self._seen :])) + self._seen)
        self._grow(values)
        self._seen = max(self._seen, len(values))

    def beginning(self, count: int) -> Pyramid:
        """Copy of the pyramid over the first ``count`` points only; this one is unchanged."""
        found = Pyramid()
        for level, rows in enumerate(self._levels):
            found._levels.append(GrowableArray(np.int64, 2))
            found._levels[level].append(rows.view[: count // (BASE << level)])
        found._nonfinite.append(self._nonfinite.view[: np.searchsorted(self._nonfinite.view, count)])
        found._seen = min(self._seen, count)
        found.clock_ordered = self.clock_ordered
        return found

    def _grow(self, values: Floats) -> None:
        level = 0
        while (whole := len(values) // (BASE << level)) > 0:
            if level == len(self._levels):
                self._levels.append(GrowableArray(np.int64, 2))
            rows = self._levels[level]
            if len(rows) >= whole:  # nothing new, or an older version of the column
                return
            if level == 0:
                rows.append(extremes(values, len(rows) * BASE, whole * BASE, BASE))
            else:
                below = self._levels[level - 1].view
                rows.append(_merged(values, below[2 * len(rows) : 2 * whole]))
            level += 1

    def level(self, bucket: int) -> Ints:
        """Extremes of every complete bucket of that size, (buckets, 2); empty if there is none."""
        level = (bucket // BASE).bit_length() - 1
        if 0 <= level < len(self._levels):
            return self._levels[level].view
        return np.empty((0, 2), np.int64)

    def nonfinite(self, start: int, stop: int) -> Ints:
        """Positions of non-finite values in ``start:stop``, among the points processed so far."""
        places = self._nonfinite.view
        low, high = np.searchsorted(places, (start, stop))
        return places[low:high]
