"""A NumPy array that grows at its end; views taken earlier stay valid and unchanged."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

N = TypeVar("N", bound=np.generic)

FIRST: Final = 16
"""Initial capacity in rows."""
SPARE: Final = 8
"""Spare capacity is one eighth on each reallocation: reused memory is fully resident, so more would be wasted."""


class Buffer(Generic[N]):
    """Growable array with spare capacity; views taken earlier stay valid and unchanged after append and cut."""

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
            self._move(end + end // SPARE + FIRST)
        self._room[self._count : end] = rows
        self._count = end

    def cut(self, count: int) -> None:
        """Keep only the first ``count`` rows; views taken earlier keep theirs."""
        if count < self._count:
            self._count = count
            self._move(len(self._room))

    def _move(self, size: int) -> None:
        room = np.empty((size, *self._room.shape[1:]), self._room.dtype)
        room[: self._count] = self._room[: self._count]
        self._room = room
