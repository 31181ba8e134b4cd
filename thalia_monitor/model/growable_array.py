"""Arrays that grow: append-only buffers, and tables of log lines kept in order; earlier views never change.

A line whose step is below one that was logged before it (a *straggler*) is sorted into place. Sorting all lines
whenever the log grows would cost as much as the log is long; here it costs the new lines, plus, after a straggler,
sorting the lines of later steps and copying the others, since arrays returned earlier must not change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

N = TypeVar("N", bound=np.generic)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIRST: Final = 16
"""Initial capacity in rows, and the least that is added."""

REMEMBERED: Final = 64
"""Order changes kept; a reader that last looked before the oldest of them starts over."""


class GrowableArray(Generic[N]):
    """Growable array with spare capacity; views taken earlier stay valid and unchanged after append and cut."""

    GROWTH = 1.125
    """Factor of a reallocation: more would hold memory that may never be used."""
    __slots__ = ("_count", "_room")

    def __init__(self, kind: type[N], *width: int) -> None:
        self._room: NDArray[N] = np.empty((FIRST, *width), kind)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def view(self) -> NDArray[N]:
        """Read-only view of all rows. One thread may append while others take views, but not cut."""
        count = self._count  # read before _room: a concurrent append may replace the room at any time
        view = self._room[:count]
        view.flags.writeable = False
        return view

    def append(self, rows: NDArray[Any]) -> None:
        """Append rows, reallocating when the capacity is exceeded."""
        end = self._count + len(rows)
        if end > len(self._room):
            self._move(int(end * self.GROWTH) + FIRST)
        self._room[self._count : end] = rows
        self._count = end

    def cut(self, count: int) -> None:
        """Keep only the first ``count`` rows; views taken earlier keep theirs."""
        if count < self._count:
            self._count = count
            self._move(len(self._room))

    def replace_end(self, rows: NDArray[Any]) -> None:
        """Change the last rows; views taken earlier keep theirs."""
        self.cut(self._count - len(rows))
        self.append(rows)

    def _move(self, size: int) -> None:
        room = self._new_room((size, *self._room.shape[1:]))
        room[: self._count] = self._room[: self._count]
        self._room = room

    def _new_room(self, shape: tuple[int, ...]) -> NDArray[N]:
        return np.empty(shape, self._room.dtype)


@dataclass(frozen=True, slots=True)
class Order:
    """Version of a series' sort order, with the positions at which recent versions differ."""

    number: int = 0
    """Rises whenever any lines of the log are sorted again, and is never used twice; 0 for file order."""
    changes: tuple[tuple[int, int], ...] = ((0, 0),)
    """Of the newest orders of these lines: the number, and the first position that differs from the order before."""

    def settled_since(self, number: int) -> int | None:
        """Position before which all points equal those of an earlier order; None if the order is unchanged.

        0 where nothing is known to be equal: the order is no longer kept, or it was that of other lines, as when a
        series that was on every line is missing from a new one.
        """
        if number == self.number:
            return None
        later = [position for each, position in self.changes if each > number]
        return min(later) if any(each == number for each, _ in self.changes) else 0


IN_FILE_ORDER: Final = Order()


@dataclass(frozen=True, slots=True)
class SortedSeries:
    """One quantity sorted by segment and step, equal steps in file order; all arrays (n,)."""

    step: Ints
    value: Floats
    segment: Ints
    time: Floats
    order: Order


class SortedLog:
    """Sorted lines of one log: one table per distinct set of lines that quantities occur on."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tables: dict[str, _Table] = {}
        self._numbers = count(1)

    def sort(
        self, lines: str, name: str, step: Ints, value: Floats, segment: Ints, time: Floats
    ) -> SortedSeries | None:
        """Sort a quantity; None if the given version of the log is older than one already sorted.

        Args:
            lines: key of the set of lines; quantities on the same lines share one table.
            name: of the quantity.
            step: (n,) in file order, beginning with those given before.
            value: (n,)
            segment: (n,) never falls.
            time: (n,) Unix seconds.
        """
        with self._lock:
            table = self._tables.setdefault(lines, _Table(self._numbers))
            if len(step) < table.seen:
                return None
            table.extend(step, segment, time)
            # A quantity is in one table. When a line first lacks it, its set of lines is another one from then on.
            for each in self._tables.values():
                if each is not table:
                    each.forget(name)
            return SortedSeries(
                table.step.view, table.values(name, value), table.segment.view, table.time.view, table.order
            )


class _Table:
    """One set of lines of a log, sorted; input arrives in file order and only grows."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self.seen = 0
        self.order = IN_FILE_ORDER
        self.rows, self.step, self.segment = (
            GrowableArray(np.int64),
            GrowableArray(np.int64),
            GrowableArray(np.int64),
        )
        self.time = GrowableArray(np.float64)
        self._values: dict[str, tuple[int, GrowableArray[np.float64]]] = {}

    def extend(self, step: Ints, segment: Ints, time: Floats) -> None:
        """Sort in the lines beyond those already seen; all arrays (n,) in file order."""
        new = np.arange(self.seen, len(step))
        self.seen = len(step)
        if not len(new):
            return
        first = new[np.lexsort((step[new], segment[new]))[0]]
        place = self._place(int(segment[first]), int(step[first]))
        moved = np.concatenate((self.rows.view[place:], new))
        moved = moved[
            np.lexsort((step[moved], segment[moved]))
        ]  # stable: lines of equal step keep their order
        before = self.rows.view[place:] if len(self.rows) else new
        if len(astray := np.flatnonzero(moved[: len(before)] != before)):
            number = next(self._numbers)
            change = number, place + int(astray[0])
            self.order = Order(number, (*self.order.changes, change)[-REMEMBERED:])
        for buffer, column in ((self.step, step), (self.segment, segment), (self.time, time)):
            buffer.cut(place)
            buffer.append(column[moved])
        self.rows.cut(place)
        self.rows.append(moved)

    def _place(self, segment: int, step: int) -> int:
        """Insertion position for a segment and step, after equal ones."""
        low, high = np.searchsorted(self.segment.view, (segment, segment + 1))
        return int(low + np.searchsorted(self.step.view[low:high], step, side="right"))

    def forget(self, name: str) -> None:
        """Drop the stored values of a quantity."""
        self._values.pop(name, None)

    def values(self, name: str, value: Floats) -> Floats:
        """Return a quantity's values in sorted order, (n,), from values in file order."""
        number, buffer = self._values.get(name, (self.order.number, GrowableArray(np.float64)))
        settled = self.order.settled_since(number)
        if settled is not None:
            buffer.cut(settled)
        buffer.append(value[self.rows.view[len(buffer) :]])
        self._values[name] = self.order.number, buffer
        return buffer.view
