"""The lines of a log that came out of order, where their steps say, kept so while the log grows.

A line whose step is below one that was logged before it (a *straggler*) belongs earlier. Sorting all lines anew at
every version would cost what is there; here a version costs its new lines, and one with a straggler also sorting what
has to stand behind it and copying what stands before it, since whoever was given that keeps it as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.model.growable_array import Buffer

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REMEMBERED: Final = 64
"""Changes of the order that are remembered; who last looked before them begins anew."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which arrangement of a series this is; of the next one, the beginning is the same."""

    number: int = 0
    """Greater than that of any order before it, of these lines or others of the log; 0 for that of the file."""
    changes: tuple[tuple[int, int], ...] = ((0, 0),)
    """Number of each of the newest orders of these lines, and from which position it differs from the one before."""

    def settled_since(self, number: int) -> int | None:
        """The position before which every point of an earlier order is the same; None where all are.

        0 for an order that is not remembered, or was one of other lines: the series was on every line then.
        """
        if number == self.number:
            return None
        later = [position for each, position in self.changes if each > number]
        return min(later) if any(each == number for each, _ in self.changes) else 0


IN_FILE_ORDER: Final = Order()


@dataclass(frozen=True, slots=True)
class Arranged:
    """One quantity over the lines that have it, by segment and step; lines of equal step in file order."""

    step: Ints
    value: Floats
    segment: Ints
    time: Floats
    order: Order


class Arrangement:
    """One log's lines in order: all that every quantity is on, and once each those that only some are on."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tables: dict[str, _Table] = {}
        self._numbers = count(1)

    def take(
        self, lines: str, name: str, step: Ints, value: Floats, segment: Ints, time: Floats
    ) -> Arranged | None:
        """Arrange a quantity; None for an older version of the log than has been arranged already.

        Args:
            lines: which lines these are: quantities on the same lines share what is known of them.
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
            for each in self._tables.values():
                if (
                    each is not table
                ):  # a line lacked what others on it had: from then on it is not one of them
                    each.forget(name)
            return Arranged(
                table.step.view, table.values(name, value), table.segment.view, table.time.view, table.order
            )


class _Table:
    """Some lines of a log, in order; they were looked at as they are in the file before."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self.seen = 0
        self.order = IN_FILE_ORDER
        self.rows, self.step, self.segment = Buffer(np.int64), Buffer(np.int64), Buffer(np.int64)
        self.time = Buffer(np.float64)
        self._values: dict[str, tuple[int, Buffer[np.float64]]] = {}

    def extend(self, step: Ints, segment: Ints, time: Floats) -> None:
        """Take in the lines that are new."""
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
        """Where a line of that segment and step belongs, behind those of the same."""
        low, high = np.searchsorted(self.segment.view, (segment, segment + 1))
        return int(low + np.searchsorted(self.step.view[low:high], step, side="right"))

    def forget(self, name: str) -> None:
        """Keep a quantity no longer."""
        self._values.pop(name, None)

    def values(self, name: str, value: Floats) -> Floats:
        """One quantity over these lines."""
        number, buffer = self._values.get(name, (self.order.number, Buffer(np.float64)))
        settled = self.order.settled_since(number)
        if settled is not None:
            buffer.cut(settled)
        buffer.append(value[self.rows.view[len(buffer) :]])
        self._values[name] = self.order.number, buffer
        return buffer.view
