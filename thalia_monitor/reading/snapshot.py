"""What was read of a large log, kept in the user's cache directory: the next process need not read it again.

A log's columns lie in files that every process maps, so that several workers share one copy in memory. The
process that first sees new bytes appends to them, under a lock; a *manifest*, replaced in one piece, says how
far they count. It also says of which file: device and inode, the first bytes, and those before the place that
was reached. An index that is of another file, or damaged, or from before the machine was started (what had not
reached the disk then is lost) is rebuilt silently. The directory of the log itself is never written to.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock, Timeout

from thalia_monitor._version import __version__
from thalia_monitor.model.records import Problem
from thalia_monitor.reading.arrays import Folder, storing
from thalia_monitor.reading.columns import HistoryState
from thalia_monitor.reading.contents import EventRow

FORMAT: Final = f"2-{__version__}"
"""Another version of the monitor may read a log otherwise: it makes its own index."""
LARGEST: Final = 8 * 2**30
"""Bytes of all indexes together; of those used longest ago, the ones beyond are removed."""
_HEADER: Final = struct.Struct("<QQL")
"""Serial, length and checksum of a manifest."""
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_NAME: Final = re.compile(r"\w{1,8}-[0-9a-f]{20}")


class Place(msgspec.Struct, frozen=True):
    """Read position in a log, and the log's fingerprint."""

    identity: tuple[int, int]
    offset: int
    lines: int
    head: bytes
    before: bytes


class Manifest(msgspec.Struct, frozen=True):
    """Description of the valid part of an index."""

    folder: str
    """Name of the folder with the columns; another one when the log was replaced."""
    serial: int
    """Increases by one with each write, by any process."""
    examined: tuple[int, int]
    """Size and modification time (ns) of the log of which every complete line is in."""
    place: Place
    history: HistoryState
    events: int
    events_size: int
    """Bytes of the events file that count."""
    problems: list[Problem]
    total_problems: int


class LogIndex:
    """The index of one log."""

    def __init__(self, cache: Path, log: Path) -> None:
        key = hashlib.blake2s(FORMAT.encode() + os.fsencode(log.absolute()), digest_size=10)
        self.path = cache / f"{_boot()}-{key.hexdigest()}"  # like _NAME
        self._slots = (self.path / "manifest.0", self.path / "manifest.1")
        self._decoder = msgspec.msgpack.Decoder(Manifest)
        self._lock = FileLock(self.path / "lock")

    def load(self, known: int = 0) -> Manifest | None:
        """Read the manifest as it is now; None where there is none that can be used, or it is the known one."""
        newest, packed = 0, b""
        for slot in self._slots:
            with suppress(OSError, struct.error):
                content = slot.read_bytes()
                serial, size, checksum = _HEADER.unpack_from(content)
                body = content[_HEADER.size : _HEADER.size + size]
                # A checksum that is wrong: being written, or never finished; the other one counts then.
                if serial > newest and zlib.crc32(body) == checksum:
                    newest, packed = serial, body
        if not packed or newest == known:
            return None
        try:
            return self._decoder.decode(packed)
        except (msgspec.MsgspecError, ValueError):
            return None

    @contextmanager
    def locked(self, timeout: float = -1) -> Iterator[bool]:
        """Be the only one to write, for the length of a block; False where another was for all that time."""
        with storing():
            if not self.path.is_dir():
                self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            alone = self._acquired(timeout)
        try:
            yield alone
        finally:
            if alone:
                self._lock.release()

    def _acquired(self, timeout: float) -> bool:
        try:
            self._lock.acquire(timeout=timeout, poll_interval=0.005)
        except Timeout:
            return False
        return True

    def commit(self, manifest: Manifest) -> None:
        """Put a manifest in the place of the one before the last, which counts until this one is whole.

        Not by renaming: some file systems (ext4) write the whole file to the disk first then, at every tick.
        """
        packed = msgspec.msgpack.encode(manifest)
        slot = self._slots[manifest.serial % len(self._slots)]
        with storing(), os.fdopen(os.open(slot, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.write(_HEADER.pack(manifest.serial, len(packed), zlib.crc32(packed)) + packed)

    def folder(self, name: str) -> Folder:
        """The folder of that name."""
        return Folder(self.path / Path(name).name)

    def begin(self) -> Folder:
        """Make a new, empty folder; the old ones are removed, which does not disturb those who map them."""
        with storing():
            for old in self.path.iterdir():
                if old.is_dir():
                    shutil.rmtree(old, ignore_errors=True)
            self._make_room()
            folder = self.path / secrets.token_hex(6)
            folder.mkdir(mode=0o700)
            return Folder(folder)

    def _make_room(self) -> None:
        """Remove the indexes that were used longest ago, until the rest is within bounds."""
        used = sorted(_sizes(self.path.parent, self.path), reverse=True)
        total = 0
        for _, size, path in used:
            total += size
            if total > LARGEST:
                shutil.rmtree(path, ignore_errors=True)


def _boot() -> str:
    """Name the time since the machine was started, so that no index outlives it; on Linux, elsewhere one for all."""
    try:
        return _BOOT.read_text().strip()[:8]
    except OSError:
        return "any"


def _sizes(cache: Path, own: Path) -> Iterator[tuple[float, int, Path]]:
    """Tell of every other index when it was last used, its size, and where it is."""
    for path in cache.iterdir():
        if path == own or not _NAME.fullmatch(path.name) or not (path / "lock").exists():
            continue  # the folder may hold what is not ours
        with suppress(OSError):
            files = [each.stat() for each in path.rglob("*")]
            yield max(each.st_mtime for each in files), sum(each.st_size for each in files), path


class EventFile:
    """The events of an index: frames of MessagePack one after another, each behind its length."""

    NAME: Final = "events"
    _frames: Final = msgspec.msgpack.Decoder(list[EventRow])

    def __init__(self, folder: Folder) -> None:
        self._path = folder.path / self.NAME

    def append(self, events: Sequence[EventRow], size: int) -> int:
        """Write events behind that many bytes, and return how many bytes there are then."""
        if not events:
            return size
        frame = msgspec.msgpack.encode(events)
        with storing(), os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.seek(size)
            file.write(len(frame).to_bytes(8, "little") + frame)
            return file.tell()

    def read(self, first: int, last: int) -> list[EventRow]:
        """Read the events between two places; StoreLost where there are none."""
        found: list[EventRow] = []
        if first < last:
            with storing(), self._path.open("rb") as file:
                file.seek(first)
                content, place = file.read(last - first), 0
                while place < last - first:
                    size = int.from_bytes(content[place : place + 8], "little")
                    found += self._frames.decode(content[place + 8 : place + 8 + size])
                    place += 8 + size
        return found
