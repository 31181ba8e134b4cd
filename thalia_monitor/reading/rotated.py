"""The parts of a log that were rotated away: found by their names, put in order, and read in front of the log.

Python's handlers and logrotate number them (``.1`` is the newest) or date them, and logrotate compresses them. A part
that is not compressed may still grow: its writer goes on in it until it opens the new log.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from thalia_monitor import contract
from thalia_monitor.model.records import Problem, Source
from thalia_monitor.reading.files import LONGEST_LINE, open_regular
from thalia_monitor.reading.formats.binary import DECOMPRESSOR, Beginning, TooLong
from thalia_monitor.reading.formats.json_array import LARGEST, SNIFFED, decode_array, looks_like_array
from thalia_monitor.reading.jsonl.bulk_decode import BulkDecoder
from thalia_monitor.reading.jsonl.line import decode_line
from thalia_monitor.reading.jsonl.tail import CHUNK, FINGERPRINT, Tail, count_lines

if TYPE_CHECKING:
    from thalia_monitor.reading.contents import LogContents

FORMAT: Final = "rotated training log"
PREFIX: Final = contract.LOG_NAME.removesuffix(".json")
LARGEST_PACKED: Final = 2**30
"""Bytes of a compressed part that are read."""
LARGEST_UNPACKED: Final = 2 * 2**30
"""Bytes that are read of what a compressed part holds."""

_NAME: Final = re.compile(
    re.escape(PREFIX)
    + r"(?:\.json)?[._-](?P<place>\d[\d._T:+Z-]*?)(?:\.json)?(?P<packed>\.(?:gz|bz2|xz|zst))?"
)
_TEMPORARY: Final = re.compile(r".*(?:~|\.(?:tmp|lock|swp|swo|part))")
_COUNT: Final = re.compile(r"\d{1,5}")
_OPENERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": lambda file: DECOMPRESSOR.open(file) if DECOMPRESSOR else None,
}
_DAMAGED: Final = (
    *(EOFError, OSError, zlib.error, lzma.LZMAError),
    *((DECOMPRESSOR.error,) if DECOMPRESSOR else ()),
)

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One file that was rotated away."""

    name: str
    packed: str
    """The ending that says how it is compressed; empty where it is not."""
    status: os.stat_result
    order: tuple[int, int, str]
    """Smaller is older."""

    @property
    def written(self) -> tuple[int, int]:
        """Bytes, and when it was last written in ns."""
        return self.status.st_size, self.status.st_mtime_ns

    @property
    def key(self) -> Key:
        """What makes it another part; one that is not compressed may grow."""
        written = self.written if self.packed else ()
        return self.name, self.status.st_dev, self.status.st_ino, *written


def is_part(name: str) -> bool:
    """Whether a file of that name is a part of the log that was rotated away."""
    return _NAME.fullmatch(name) is not None


def may_be_part(name: str) -> bool:
    """Whether a name is the log's with something added, so that it is a part or else to be named as not read."""
    return name.startswith(PREFIX) and name != contract.LOG_NAME and not _TEMPORARY.fullmatch(name)


def _parts(files: Mapping[str, os.stat_result]) -> Iterator[Part]:
    for name, status in files.items():
        if found := _NAME.fullmatch(name):
            place = found["place"]
            counted = _COUNT.fullmatch(place)
            order = (1, -int(place), "") if counted else (0, 0, re.sub(r"\D", "", place).ljust(24, "0"))
            yield Part(name, found["packed"] or "", status, order)


class RotatedParts:
    """Rotated parts of one log: :meth:`update_parts` finds them, :meth:`fill` reads them, before the log itself."""

    def __init__(self, log: Path, within: Path | None = None) -> None:
        self._log = log
        self._within = within
        self._parts: tuple[Part, ...] = ()
        self._tails: dict[str, tuple[Tail, tuple[int, int]]] = {}
        """How far each part that may grow was read, and what it was then (:attr:`Part.written`)."""
        self._read = 0
        self.rows = 0
        """Metric lines of all of them together, when they were last filled in."""
        self.sources: tuple[Source, ...] = ()
        self._unread: tuple[Problem, ...] = ()
        self._problems: tuple[Problem, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._parts)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Which files are not read, and why."""
        return self._unread + self._problems

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(part.status.st_size for part in self._parts)

    @property
    def unread(self) -> int:
        """Bytes of them that are still to be filled in."""
        return max(self.size - self._read, 0)

    def update_parts(self, files: Mapping[str, os.stat_result]) -> bool:
        """Update the parts from the files next to the log; return whether they changed."""
        by_place: dict[tuple[int, int, str], Part] = {}
        for part in sorted(_parts(files), key=lambda each: (each.order, each.packed)):
            by_place.setdefault(part.order, part)  # while it is being compressed, both are there
        parts = tuple(by_place.values())
        used = {part.name for part in parts}
        self._unread = tuple(
            Problem(name, None, _SAME if is_part(name) else _UNKNOWN) for name in sorted(files.keys() - used)
        )
        changed = [part.key for part in parts] != [part.key for part in self._parts]
        self._parts = parts
        if changed:
            self._read = 0
        return changed

    def fill(self, contents: LogContents) -> None:
        """Append everything that the parts hold, the oldest first."""
        self._tails, self._read = {}, 0
        sources, problems = [], []
        for part in self._parts:
            before = len(contents.builder)
            try:
                lines = self._fill_part(contents, part)
                sources.append(_source(part.name, lines, contents, before))
            except _Left as left:
                problems.append(Problem(part.name, None, str(left)))
                if left.lines:
                    sources.append(_source(part.name, left.lines, contents, before))
            except OSError as error:
                problems.append(Problem(part.name, None, f"cannot be read: {error.strerror}"))
            self._read += part.status.st_size
        self.rows = len(contents.builder)
        self.sources, self._problems = tuple(sources), tuple(problems)

    def follow(self, contents: LogContents) -> bool:
        """Append what has come to a part since: its writer has not opened the new log yet.

        False where a part was replaced, so that all have to be filled in again.
        """
        for part in self._parts:
            tail, written = self._tails.get(part.name, (None, part.written))
            if tail is None or written == part.written:
                continue
            try:
                if not tail.continues():
                    return False
                _follow(tail, contents, BulkDecoder(part.name))
                self._tails[part.name] = tail, part.written
            except OSError:  # renamed just now: the next listing says so
                continue
        self._read = self.size
        return True

    def _fill_part(self, contents: LogContents, part: Part) -> int:
        path = self._log.with_name(part.name)
        if part.packed:
            return self._fill_packed(contents, part, path)
        with open_regular(path, self._within) as file:
            head = file.read(SNIFFED)
            if looks_like_array(head):
                items = list(decode_array(head + file.read(LARGEST), part.name))
                contents.add_items(items)
                return len(items)
            if self._is_copy(file, head):
                raise _Left("is a copy of the log's beginning, and is not read a second time")
        tail = Tail(path, within=self._within)
        _follow(tail, contents, BulkDecoder(part.name))
        self._tails[part.name] = tail, part.written
        return tail.lines

    def _is_copy(self, part: BinaryIO, head: bytes) -> bool:
        """Whether a part is the beginning of the log itself: logrotate's copytruncate copies it before it cuts it."""
        size = os.fstat(part.fileno()).st_size
        try:
            with open_regular(self._log, self._within) as log:
                if not size or os.fstat(log.fileno()).st_size < size or log.read(len(head)) != head:
                    return False
                end = max(size - FINGERPRINT, 0)
                return _at(log, end, size - end) == _at(part, end, size - end)
        except OSError:
            return False

    def _fill_packed(self, contents: LogContents, part: Part, path: Path) -> int:
        lines, rest, unpacked = 0, b"", 0
        decoder = BulkDecoder(part.name)
        with open_regular(path, self._within) as file:
            try:
                stream = _OPENERS[part.packed](Beginning(file, LARGEST_PACKED))
                if stream is None:
                    raise _Left("is compressed with zstd; to read it: pip install thalia-monitor[zstd]")
                while chunk := stream.read1(CHUNK):  # one read at a time: damage costs only what is behind it
                    unpacked += len(chunk)
                    if unpacked > LARGEST_UNPACKED:
                        raise TooLong
                    whole, newline, begun = chunk.rpartition(b"\n")
                    if newline:
                        data = rest + whole + newline
                        contents.add_decoded(decoder.decode(data, lines + 1))
                        lines, rest = lines + count_lines(data), b""
                    rest += begun[: LONGEST_LINE + 1 - len(rest)]
            except TooLong:
                raise _Left(
                    "holds more than this monitor unpacks; only its beginning is read", lines
                ) from None
            except _DAMAGED as error:
                raise _Left(f"is damaged ({error}); what stands before is read", lines) from None
        contents.add_items(decode_line(rest, lines + 1, part.name))
        return lines + bool(rest)


class _Left(Exception):
    """A part, or the rest of one, is left out; the text says why."""

    def __init__(self, reason: str, lines: int = 0) -> None:
        super().__init__(reason)
        self.lines = lines


_SAME: Final = "is not read: another file is the same part of the log"
_UNKNOWN: Final = (
    "is not read: its name does not say which part of the log it is (training_log.json.1 and "
    "training_log.json-20261128 do, with .gz, .bz2, .xz or .zst behind)"
)


def _follow(tail: Tail, contents: LogContents, decoder: BulkDecoder) -> None:
    for lines in tail.follow():
        contents.add_decoded(decoder.decode(lines.data, lines.first_number))


def _source(name: str, lines: int, contents: LogContents, before: int) -> Source:
    steps = contents.builder.step.view[before:]
    first, last = (int(steps.min()), int(steps.max())) if len(steps) else (None, None)
    return Source(name, FORMAT, lines, first, last)


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
