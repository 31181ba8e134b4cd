"""Columns of a log that grow at their end: in memory, or behind the values of a file that several processes map."""

from __future__ import annotations

import mmap
import platform
import sys
from typing import Any, BinaryIO, Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from thalia_monitor.model.growable_array import GrowableArray

Number = TypeVar("Number", np.float64, np.int64)

WIDTH: Final = 8
"""Bytes of a value."""
MIN_MAPPED: Final = 2**20
"""A room of so many bytes is taken from the system itself, which gets it back as soon as nothing uses it."""


_COPY_ON_WRITE: dict[str, Any] = {"access": mmap.ACCESS_COPY}
_MEMORY: dict[str, Any] = {}
if hasattr(mmap, "MAP_PRIVATE"):  # not on Windows
    # Linux would refuse what is larger than its memory, though most of it is never written to. Python 3.12 has no
    # name for this flag, and some processors have another number.
    _UNRESERVED = 0x4000 if sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64") else 0
    _COPY_ON_WRITE = {"flags": mmap.MAP_PRIVATE | _UNRESERVED, "prot": mmap.PROT_READ | mmap.PROT_WRITE}
    # Private, so that a forked process has its own.
    _MEMORY = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _UNRESERVED}


class ColumnArray(GrowableArray[Number]):
    """Growable array of a log's column, perhaps behind the values of a file."""

    GROWTH = 4.0
    """Generous, since a log may be read from its beginning: memory that was never written to is not taken."""
    __slots__ = ()

    @classmethod
    def behind(cls, room: NDArray[Number], count: int) -> ColumnArray[Number]:
        """An array of the first ``count`` values of a room, which goes on in the rest of it."""
        array = cls(room.dtype.type)
        array._room, array._count = room, count
        return array

    def _new_room(self, shape: tuple[int, ...]) -> NDArray[Number]:
        if shape[0] * WIDTH < MIN_MAPPED:
            return np.empty(shape, self._room.dtype)
        return np.frombuffer(mmap.mmap(-1, shape[0] * WIDTH, **_MEMORY), self._room.dtype)


class Extent(msgspec.Struct, frozen=True):
    """Where an array is in a file."""

    start: int
    """Bytes from the first array."""
    size: int
    """Number of values."""
    room: int
    """Number of values that there is room for."""


def aligned(size: int) -> int:
    """The least whole number of pages, in bytes, that is not below ``size``."""
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


class ArrayLayout:
    """Arrays that are to be written into one file."""

    def __init__(self, room: float) -> None:
        """Give each array room for ``room`` times its values, and for one page of them more."""
        self._room = room
        self._arrays: list[tuple[Extent, ColumnArray[Any]]] = []
        self._end = 0

    def add(self, array: ColumnArray[Any]) -> Extent:
        """Add an array behind the others."""
        size = aligned(int(len(array) * self._room) * WIDTH + mmap.PAGESIZE)
        extent = Extent(self._end, len(array), size // WIDTH)
        self._arrays.append((extent, array))
        self._end += size
        return extent

    def write(self, file: BinaryIO, first: int) -> None:
        """Write them, the first at so many bytes; their room is left as holes, which take no space on the disk."""
        for extent, array in self._arrays:
            file.seek(first + extent.start)
            file.write(array.view.data.cast("B"))
            release(array.view)
        file.truncate(first + self._end)


class MappedArrays(mmap.mmap):
    """A file of arrays, mapped copy-on-write.

    All processes that map it share its pages. What one of them appends goes to pages of its own, not to the file.
    """

    _first: int
    _address: int
    _ends: dict[int, int]

    @classmethod
    def of(cls, file: int, first: int) -> MappedArrays:
        """Map a file, given its descriptor and where its arrays begin; raises OSError or ValueError."""
        mapped = cls(file, 0, **_COPY_ON_WRITE)
        mapped._first, mapped._ends = first, {}
        mapped._address = np.frombuffer(mapped, np.uint8).ctypes.data
        return mapped

    def array(self, kind: type[Number], extent: Extent) -> ColumnArray[Number]:
        """The array of an extent, to be read and appended to; raises ValueError if the file is too short for it."""
        start = self._first + extent.start
        self._ends[start] = start + extent.size * WIDTH
        return ColumnArray.behind(np.frombuffer(self, kind, extent.room, start), extent.size)

    @property
    def intact(self) -> bool:
        """Whether the file is still as long as what is mapped: reading behind its end would kill the process."""
        return self.size() >= len(self)

    def drop_pages(self, array: NDArray[Any]) -> None:
        """Take an array's pages out of this process's memory, but for the last, to which values may be appended."""
        start = array.ctypes.data - self._address
        whole_pages = (self._ends.get(start, start) - start) // mmap.PAGESIZE * mmap.PAGESIZE
        if whole_pages:
            self.madvise(mmap.MADV_DONTNEED, start, whole_pages)


def release(array: NDArray[Any]) -> None:
    """Take what an array has in a file out of this process's memory; a later look brings it back from the file."""
    base: Any = array
    while base is not None and not isinstance(base, MappedArrays):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    if base is not None and hasattr(mmap, "MADV_DONTNEED"):
        base.drop_pages(array)
