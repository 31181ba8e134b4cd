"""A column that grows at its end; what was handed out before stays as it was."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

N = TypeVar("N", bound=np.generic)

FIRST: Final = 16
"""Rows there is room for at first."""
SPARE: Final = 8
"""A room that is made anew has an eighth more than it needs: what is reused of other arrays' memory is all taken."""


class Buffer(Generic[N]):
    """Rows of numbers with room for more; views of it stay valid and unchanged, whatever happens to it."""

    __slots__ = ("_count", "_room")

    def __init__(self, kind: type[N], *width: int) -> None:
        self._room: NDArray[N] = np.empty((FIRST, *width), kind)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def view(self) -> NDArray[N]:
        """Every row so far, read-only. One thread may append while others take views, but not cut."""
        count = self._count  # before the room, which then holds them: it may be another one in a moment
        view = self._room[:count]
        view.flags.writeable = False
        return view

    def append(self, rows: NDArray[Any]) -> None:
        """Put more rows behind these."""
        end = self._count + len(rows)
        if end > len(self._room):
            self._move(end + end // SPARE + FIRST)
        self._room[self._count : end] = rows
        self._count = end

    def cut(self, count: int) -> None:
        """Forget all rows but the first so many; those that were handed out keep theirs."""
        if count < self._count:
            self._count = count
            self._move(len(self._room))

    def _move(self, size: int) -> None:
        room = np.empty((size, *self._room.shape[1:]), self._room.dtype)
        room[: self._count] = self._room[: self._count]
        self._room = room
