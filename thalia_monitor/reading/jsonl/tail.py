"""Following a file that a training run appends to, by byte offset; and a block of its bytes with the lines in it.

Assumptions about the writer: it appends whole lines, each ended by a newline, to one file. A last line without
its newline is still being written, so it is held back, and is no problem until its newline comes. Any prefix of
a log, cut at any byte, therefore reads the same as the complete lines in it, even where the unfinished rest
happens to be whole JSON already (``{"step": 12}`` may become ``{"step": 12}garbage``). A file that is cut
short, replaced or rewritten in place is read from its beginning again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from thalia_monitor import contract
from thalia_monitor.reading.files import LONGEST_LINE, data_after, open_regular

if TYPE_CHECKING:
    from thalia_monitor.model.history import Ints

CHUNK: Final = 8 * 2**20
FINGERPRINT: Final = 256
"""Bytes remembered from the start of the file and from before the offset, to know it again."""

_NEWLINE: Final = b"\n"[0]


@dataclass(frozen=True, slots=True)
class Lines:
    """A stretch of complete lines, or the notice that the file was replaced."""

    data: bytes
    """Whole lines, the last newline included; may be empty."""
    first_number: int
    """The line number, from 1, of the first of them."""
    restarted: bool = False
    """The file is not the one read before: what was read of that no longer counts."""


class Bookmark(msgspec.Struct, frozen=True):
    """How far a file has been read, and the bytes by which it is known again."""

    identity: tuple[int, int]
    """Device and inode."""
    offset: int
    """Bytes up to the end of the last line that was read."""
    lines: int
    """Number of lines before ``offset``."""
    head: bytes
    """First bytes of the file."""
    before: bytes
    """Bytes just before ``offset``."""


class Tail:
    """One append-only file, each of whose complete lines is handed out exactly once."""

    def __init__(self, path: Path, bytes_read: int = 0, within: Path | None = None) -> None:
        self.path = path
        self.within = within
        """No link that leads out of this directory is followed."""
        self.bytes_read = bytes_read
        """Content read so far, without the few bytes by which the file is known again."""
        self._identity: tuple[int, int] | None = None
        self._begin()

    @property
    def position(self) -> int:
        """How far the file has been read: behind the offset by an unfinished line."""
        return self._position

    def _begin(self) -> None:
        self.offset = 0
        """Where the complete lines that were handed out end."""
        self.lines = 0
        """How many they are."""
        self._head = b""
        self._before = b""
        self._forget_pending()

    def _forget_pending(self) -> None:
        self._position = self.offset
        self._pending = bytearray()
        self._last = b""

    def follow(self, until: int | None = None) -> Iterator[Lines]:
        """Hand out what has been completed since the last call, up to the offset ``until``.

        Raises OSError when the file cannot be read (it is missing, forbidden, or not a regular file); what
        was handed out before stays valid then, and following goes on when the file is back.
        """
        with open_regular(self.path, self.within) as file:
            if self._recognise(file):
                yield Lines(b"", 1, restarted=True)
            status = os.fstat(file.fileno())
            end = status.st_size if until is None else min(until, status.st_size)
            file.seek(self._position)
            while self._position < end:
                chunk = file.read(min(CHUNK, end - self._position))
                if not chunk:
                    break
                self.bytes_read += len(chunk)
                if not chunk.strip(b"\0"):  # a hole, of which a small file may have gigabytes
                    behind = min(data_after(file, self._position + len(chunk)), end)
                    self._hold_nothing(behind - self._position)
                    file.seek(behind)
                    continue
                if complete := self._take(chunk):
                    number = self.lines + 1
                    self.lines += count_lines(complete)
                    yield Lines(complete, number)

    def recognise(self) -> bool:
        """Return True if the file was replaced and is read from its start; reads no new content."""
        with open_regular(self.path, self.within) as file:
            return self._recognise(file)

    def _recognise(self, file: BinaryIO) -> bool:
        status = os.fstat(file.fileno())
        if self._continues(file, status):
            return False
        known, self._identity = self._identity, (status.st_dev, status.st_ino)
        self._begin()
        return known is not None

    def continues(self) -> bool:
        """Return whether the file is still the one read so far; changes no state."""
        with open_regular(self.path, self.within) as file:
            return self._continues(file, os.fstat(file.fileno()))

    def bookmark(self) -> Bookmark:
        """How far the file has been read, for another reader to go on there."""
        return Bookmark(self._identity or (0, 0), self.offset, self.lines, self._head, self._before)

    def resume(self, bookmark: Bookmark) -> None:
        """Go on where another reader of the same file has been."""
        self._identity, self.offset, self.lines = bookmark.identity, bookmark.offset, bookmark.lines
        self._head, self._before = bookmark.head, bookmark.before
        self._forget_pending()

    def skip(self, offset: int, lines: int) -> None:
        """Go on behind complete lines that were read by other means, ending there."""
        with open_regular(self.path, self.within) as file:
            self.bytes_read += offset - self.offset
            self.offset, self.lines = offset, self.lines + lines
            self._head = _at(file, 0, min(offset, FINGERPRINT))
            self._before = _at(file, max(offset - FINGERPRINT, 0), min(offset, FINGERPRINT))
            self._forget_pending()

    def _continues(self, file: BinaryIO, status: os.stat_result) -> bool:
        if self._identity != (status.st_dev, status.st_ino) or status.st_size < self.offset:
            return False
        if not _has(file, self._head, 0) or not _has(file, self._before, self.offset - len(self._before)):
            return False
        # An unfinished line may be withdrawn (a writer that repairs its file): only that line is read again.
        if not _has(file, self._last, self._position - len(self._last)):
            self._forget_pending()
        return True

    def _take(self, chunk: bytes) -> bytes:
        """Add a chunk to what is pending and cut off the complete lines."""
        self._position += len(chunk)
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._hold(chunk)
            return b""
        self.offset = self._position - (len(chunk) - end)
        self._before = (self._before + self._last + chunk[:end])[-min(FINGERPRINT, self.offset) :]
        first = chunk.find(b"\n") + 1
        self._hold(chunk[:first])
        complete = bytes(self._pending) + chunk[first:end]
        if len(self._head) < FINGERPRINT:
            self._head = (self._head + complete[:FINGERPRINT])[:FINGERPRINT]
        self._pending, self._last = bytearray(), b""
        self._hold(chunk[end:])
        return complete

    def _hold_nothing(self, size: int) -> None:
        """Hold so many NUL bytes, however many they are."""
        self._position += size
        self._hold(bytes(min(size, LONGEST_LINE + 1)))

    def _hold(self, part: bytes) -> None:
        room = max(LONGEST_LINE + 1 - len(self._pending), 0)
        self._pending += part[:room]
        if len(part) > room and part.endswith(b"\n"):
            self._pending += b"\n"
        self._last = (self._last + part)[-FINGERPRINT:]


def count_lines(data: bytes) -> int:
    """Count newlines, three times as fast as ``bytes.count`` does."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE))


def _has(file: BinaryIO, expected: bytes, offset: int) -> bool:
    return _at(file, offset, len(expected)) == expected


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


WINDOW: Final = 256 * 2**10
"""Bytes tried at once: so many that calls do not count, so few that the objects stay in the processor's cache."""

_EVENT: Final = f'"{contract.EVENT_TYPE}"'.encode()
_STEP: Final = f'"{contract.STEP}"'.encode()
_NEWLINE_BYTE, _OPEN, _CLOSE = b"\n{}"
_BLANK: Final = np.isin(np.arange(256), list(b" \t\r\n"))
"""Which bytes are white space."""


class Block:
    """Complete lines that are not blank, and where each of them ends."""

    def __init__(self, data: bytes, *, hopeful: bool = False) -> None:
        """Find the lines; where they have to be ``hopeful``, of those alone that may be a metric line or an event."""
        if data.endswith(b"\r\n"):
            data = data.replace(b"\r\n", b"\n")
        self._data = data
        content = np.frombuffer(data, np.uint8)
        self._ends: Ints = np.flatnonzero(content == _NEWLINE_BYTE)
        self._starts: Ints = np.concatenate([[0], self._ends[:-1] + 1]).astype(np.int64)
        self._numbers: Ints | None = None
        self._whole, self._whole_starts = data, self._starts
        self.hopeful = hopeful
        self.left_out = 0
        """Lines left out that are not blank."""
        if _BLANK[content[self._starts]].any():
            content = self._keep(np.logical_or.reduceat(~_BLANK[content], self._starts))
        if hopeful and len(self._ends):
            kept = np.isin(np.arange(len(self._ends)), self._lines_with(_STEP, _EVENT))
            self.left_out = int((~kept).sum())
            content = self._keep(kept)
        if not len(self._ends):
            self._special: Ints = np.empty(0, np.int64)
            return
        # A line that opens and closes with braces next to its newlines cannot be a part of an object on several.
        odd = (content[self._starts] != _OPEN) | (content[self._ends - 1] != _CLOSE)
        odd |= self._ends - self._starts > LONGEST_LINE
        self._special = np.union1d(np.flatnonzero(odd), self._events())

    def __len__(self) -> int:
        return len(self._ends)

    def _keep(self, kept: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Leave out the other lines, of which millions may stand one after another."""
        content = np.frombuffer(self._data, np.uint8)
        lengths = self._ends + 1 - self._starts
        self._numbers = np.flatnonzero(kept) if self._numbers is None else self._numbers[kept]
        self._data = content[np.repeat(kept, lengths)].tobytes()
        self._ends = np.cumsum(lengths[kept]) - 1
        self._starts = self._ends + 1 - lengths[kept]
        return np.frombuffer(self._data, np.uint8)

    def rest(self, line: int) -> tuple[bytes, int]:
        """Everything from that line on, and which line of the data it is."""
        number = self.number(line)
        return self._whole[self._whole_starts[number] :], number

    def number(self, line: int) -> int:
        """Which line of the data it is, the blank ones counted, from 0."""
        return line if self._numbers is None else int(self._numbers[line])

    def _events(self) -> Ints:
        return self._lines_with(_EVENT)

    def _lines_with(self, *keys: bytes) -> Ints:
        places = list[int]()
        for key in keys:
            place = -1
            while (place := self._data.find(key, place + 1)) >= 0:
                places.append(place)
        return np.unique(np.searchsorted(self._ends, np.array(places, np.int64)))

    def window(self, first: int, last: int) -> int:
        """The last line, at most, of a window that begins with the first."""
        end = int(np.searchsorted(self._ends, self._starts[first] + WINDOW))
        return min(max(end, first + 1), last)

    def special_within(self, first: int, last: int) -> list[int]:
        """The lines of a window that no template is for: events, and what does not look like an object."""
        low, high = np.searchsorted(self._special, [first, last])
        found: list[int] = self._special[low:high].tolist()
        return found

    def line(self, number: int) -> bytes:
        """One line, without its newline."""
        return self._data[self._starts[number] : self._ends[number]]

    def without(self, special: Sequence[int], first: int, last: int) -> bytes:
        """The lines of a window without the special ones."""
        if first == last:
            return b""
        start, parts = int(self._starts[first]), []
        for line in special:
            parts.append(self._data[start : self._starts[line]])
            start = int(self._ends[line]) + 1
        parts.append(self._data[start : int(self._ends[last - 1]) + 1])
        return b"".join(parts)
