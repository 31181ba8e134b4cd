"""Arrays that grow at their end: in memory, or in files that several processes map."""

from __future__ import annotations

import mmap
import os
import secrets
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar
from weakref import WeakSet

import msgspec
import numpy as np
from numpy.typing import NDArray

from thalia_monitor import system

Number = TypeVar("Number", np.float64, np.int64)

FIRST_ROOM: Final = 64
FIRST_FILE_ROOM: Final = 2**16
OPEN_SHARE: Final = 0.35
"""File arrays for each file that a process may have open (often 1,024): one takes up to two."""
WIDTH: Final = 8
"""Bytes of a value."""


class StoreLost(Exception):
    """The files of an index cannot be written, or not be read: a full disk, an emptied cache, damage."""


@contextmanager
def storing() -> Iterator[None]:
    """Raise StoreLost for errors of the index's files, to distinguish them from errors of the log."""
    try:
        yield
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise StoreLost(str(error)) from error


class GrowingArray(Generic[Number]):
    """Append-only array with spare room at its end; views returned earlier never change."""

    __slots__ = ("_room", "_size")
    GROWTH = 4.0
    """Generous, because memory that was never written to is not taken."""

    def __init__(self, kind: type[Number]) -> None:
        self._room: NDArray[Number] = np.empty(FIRST_ROOM, kind)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def extend(self, values: NDArray[Number]) -> None:
        """Append values; the room is multiplied when it is used up."""
        needed = self._size + len(values)
        if needed > len(self._room):
            self._enlarge(max(needed, int(len(self._room) * self.GROWTH)))
        self._write(values)
        self._size = needed

    def replace_end(self, values: NDArray[Number]) -> None:
        """Change the last values in a copy: views handed out before keep the old ones."""
        self._room = self._room.copy()
        self._room[self._size - len(values) : self._size] = values

    def detach(self) -> None:
        """Continue in a private copy, where another process may write to the same places."""

    def view(self) -> NDArray[Number]:
        """All values, read-only, without copying."""
        view = self._room[: self._size]
        view.flags.writeable = False
        return view

    def _enlarge(self, room: int) -> None:
        larger = np.empty(room, self._room.dtype)
        larger[: self._size] = self._room[: self._size]
        self._room = larger

    def _write(self, values: NDArray[Number]) -> None:
        self._room[self._size : self._size + len(values)] = values


_open: WeakSet[FileArray[Any]] = WeakSet()


def _most_open() -> float:
    return OPEN_SHARE * system.open_file_limit()


class ArrayState(msgspec.Struct, frozen=True):
    """A file array as another process can open it."""

    file: str
    size: int


class FileArray(GrowingArray[Number]):
    """A growing array in a file, mapped read-only: its pages are shared with every process that maps it.

    It is written by ``write``, never through the map, and its room is allocated beforehand: a full disk is a
    StoreLost then, where writing to a map would kill the process. A file is never cut, for the same reason.
    """

    __slots__ = ("__weakref__", "_kind", "_mapped", "_path", "_writing")
    GROWTH = 1.5

    def __init__(self, kind: type[Number], path: Path, size: int | None = None) -> None:
        if len(_open) >= _most_open():
            raise StoreLost("this process maps too many files already")
        _open.add(self)
        self._kind: type[Number] = kind
        self._path = path
        self._writing: int | None = None
        self._size = 0
        if size is None:
            self._create(FIRST_FILE_ROOM)
        else:
            self._map()
            self.grown(size)

    @property
    def state(self) -> ArrayState:
        """What another process needs to open it."""
        return ArrayState(self._path.name, self._size)

    @property
    def intact(self) -> bool:
        """Whether the file still is as long as what is mapped: reading behind its end would kill the process."""
        return self._mapped.size() >= len(self._mapped)

    def grown(self, size: int) -> None:
        """Extend the array to a size that another process has written; raises StoreLost if the file is shorter."""
        if size > len(self._room):
            self._map()
        if not 0 <= size <= len(self._room):
            raise StoreLost(f"{self._path} is too short")
        self._size = size

    def replace_end(self, values: NDArray[Number]) -> None:
        """Change the last values in a copy, which is another file."""
        self._copy(self._room[: self._size - len(values)])
        self.extend(values)

    def detach(self) -> None:
        """Go on in another file; this one is left to the processes that map it."""
        self._copy(self._room[: self._size])

    def _copy(self, values: NDArray[Number]) -> None:
        self._path, self._size, self._writing = self._path.with_name(secrets.token_hex(6)), 0, None
        self._create(len(self._room))
        self.extend(values)

    def _create(self, room: int) -> None:
        with storing():
            self._path.open("xb").close()
        self._enlarge(room)

    def _enlarge(self, room: int) -> None:
        with storing(), self._path.open("r+b") as file:
            _allocate(file.fileno(), room * WIDTH)
        self._map()

    def _map(self) -> None:
        with storing(), self._path.open("rb") as file:
            self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._room = np.frombuffer(self._mapped, self._kind)

    def _write(self, values: NDArray[Number]) -> None:
        with storing():
            if self._writing is None:
                self._writing = os.open(self._path, os.O_RDWR)
                weakref.finalize(self, os.close, self._writing)
            os.pwrite(self._writing, np.ascontiguousarray(values, self._kind).data, self._size * WIDTH)


def release(array: NDArray[Any]) -> None:
    """Take the pages of a file array out of this process's memory; a later look brings them back from the file."""
    base: Any = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    if base is not None and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def _allocate(file: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.write(file, bytes(max(size - os.fstat(file).st_size, 0)))


class Store(Protocol):
    """Where the arrays of a history are kept."""

    def array(self, kind: type[Number]) -> GrowingArray[Number]:
        """Make a new, empty array."""
        ...


class Memory:
    """A store in this process's own memory."""

    def array(self, kind: type[Number]) -> GrowingArray[Number]:
        """Make a new, empty array."""
        return GrowingArray(kind)


class Folder:
    """A store in files of a folder, shared between processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._arrays: list[weakref.ref[FileArray[Any]]] = []

    @property
    def intact(self) -> bool:
        """Whether every array can be read without harm; a file of the folder may have been cut by somebody."""
        arrays = [each() for each in tuple(self._arrays)]
        return all(each.intact for each in arrays if each is not None)

    def array(self, kind: type[Number]) -> GrowingArray[Number]:
        """Make a new, empty array, under a name that no other process will choose."""
        return self._noted(FileArray(kind, self.path / secrets.token_hex(6)))

    def _noted(self, array: FileArray[Number]) -> FileArray[Number]:
        self._arrays.append(weakref.ref(array))
        return array

    def reopen(
        self, known: GrowingArray[Number] | None, kind: type[Number], state: ArrayState
    ) -> GrowingArray[Number]:
        """Open an array that another process has written, or bring the one that is known up to date."""
        if isinstance(known, FileArray) and known.state.file == state.file:
            known.grown(state.size)
            return self._noted(known)
        return self._noted(FileArray(kind, self.path / Path(state.file).name, state.size))


def state_of(array: GrowingArray[Any]) -> ArrayState:
    """Return the file name and size by which another process opens a folder's array."""
    assert isinstance(array, FileArray)
    return array.state
