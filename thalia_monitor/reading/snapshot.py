"""Snapshot of a parsed log, in the user's cache directory, so that other processes need not parse the log again.

A snapshot is one file: a description (what the log's events and problems are, how far the log was read, and where
each column is) and the columns. It never changes: whoever has parsed much more of the log writes a new one under a
lock, and deletes the old one. Every process maps it, so that workers share one copy in memory, and keeps
what it reads after it in memory of its own.

The description identifies the log: device and inode, the first bytes, and the bytes just before the read offset. A
snapshot of another file, with a damaged description, or too short for its columns is replaced without a message.
Those of an earlier boot (on Linux) are ignored, since files are not fsynced and a crash can lose data, as are those
of another version of the monitor; both are deleted where all snapshots together take too much. Nothing is written to
the directory of the log.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from filelock import FileLock, Timeout

from thalia_monitor._version import __version__
from thalia_monitor.model.records import Problem
from thalia_monitor.reading.arrays import ArrayLayout, MappedArrays, aligned
from thalia_monitor.reading.columns import HistoryExtents
from thalia_monitor.reading.jsonl.tail import Bookmark

if TYPE_CHECKING:
    from thalia_monitor.reading.contents import LogContents

SNAPSHOT_FORMAT: Final = f"3-{__version__}"
"""Each version of the monitor has its own snapshots, since versions may parse the same log differently."""
MAX_TOTAL_BYTES: Final = 8 * 2**30
"""Maximum total size of all other logs' snapshots; beyond that, the least recently modified are deleted."""
EventRow = tuple[int, str, int | None, Mapping[str, Any], float | None, int | None]
"""An event as a snapshot holds it: metric lines before it, kind, step, fields, time, line."""
SUFFIX: Final = ".snapshot"
SPARE_SHARE: Final = 0.125
"""Room behind the columns for what is added to a log, as a share of them."""
_HEADER: Final = struct.Struct("<QL")
"""Header of a snapshot: length in bytes and CRC-32 of the encoded description that follows."""
_BOOT_ID_FILE: Final = Path("/proc/sys/kernel/random/boot_id")
_FOLDER_NAME: Final = re.compile(r"\w{1,8}-[0-9a-f]{20}")
"""Name of a log's folder: start of the boot id, and a hash of format and log path."""


class SnapshotUnavailable(Exception):
    """A snapshot cannot be written, or its writer was waited for too long: a full disk, a deleted cache."""


@contextmanager
def snapshot_errors() -> Iterator[None]:
    """Raise SnapshotUnavailable for errors of the snapshot's files, to distinguish them from errors of the log."""
    try:
        yield
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise SnapshotUnavailable(str(error)) from error


class Description(msgspec.Struct, frozen=True):
    """Beginning of a snapshot: everything but the values of the columns.

    Encoded as a map, so the names of its fields and of those within are part of the file format.
    """

    bookmark: Bookmark
    history: HistoryExtents
    events: list[EventRow]
    problems: list[Problem]
    """The problems that are listed; ``total_problems`` also counts the others."""
    total_problems: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that is mapped."""

    description: Description
    arrays: MappedArrays
    version: tuple[int, ...]
    """Device, inode, size and modification time of its file."""

    @property
    def bookmark(self) -> Bookmark:
        """How far the log had been read."""
        return self.description.bookmark


class SnapshotFolder:
    """Where the snapshot of one log is."""

    def __init__(self, cache: Path, log: Path) -> None:
        key = hashlib.blake2s(SNAPSHOT_FORMAT.encode() + os.fsencode(log.absolute()), digest_size=10)
        self.path = cache / f"{_boot_id()}-{key.hexdigest()}"  # must match _FOLDER_NAME
        self._lock = FileLock(self.path / "lock")
        self._heartbeat = self.path / "heartbeat"
        self._decoder = msgspec.msgpack.Decoder(Description)

    def load(self, known: tuple[int, ...] = ()) -> Snapshot | None:
        """Map the newest snapshot that is usable; None if there is none, or its version is ``known``."""
        for path in self._newest_first():
            with suppress(OSError, ValueError, struct.error, msgspec.MsgspecError), path.open("rb") as file:
                status = os.fstat(file.fileno())
                version = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                if version == known:
                    return None
                size, checksum = _HEADER.unpack(file.read(_HEADER.size))
                packed = file.read(min(size, status.st_size))
                if zlib.crc32(packed) == checksum:
                    arrays = MappedArrays.of(file.fileno(), aligned(_HEADER.size + size))
                    return Snapshot(self._decoder.decode(packed), arrays, version)
        return None

    def _newest_first(self) -> list[Path]:
        found = []
        for path in self.path.glob(f"*{SUFFIX}"):
            with suppress(OSError):
                found.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(found, reverse=True)]

    def beat(self) -> None:
        """Show those who wait for the lock that its holder goes on."""
        with snapshot_errors():
            self._heartbeat.touch()

    @property
    def last_beat(self) -> int:
        """When the holder of the lock has shown that it goes on, in ns; 0 if never."""
        try:
            return self._heartbeat.stat().st_mtime_ns
        except OSError:
            return 0

    @contextmanager
    def write_lock(self, timeout: float) -> Iterator[bool]:
        """Hold the lock for a block; yields False, without it, if not acquired within ``timeout`` seconds.

        Creates the folder.
        """
        with snapshot_errors():
            if not self.path.is_dir():
                self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            acquired = self._try_acquire(timeout)
        try:
            yield acquired
        finally:
            if acquired:
                self._lock.release()

    def _try_acquire(self, timeout: float) -> bool:
        try:
            self._lock.acquire(timeout=timeout, poll_interval=0.005)
        except Timeout:
            return False
        return True

    def write(self, bookmark: Bookmark, contents: LogContents, log_size: int) -> None:
        """Write a new snapshot and delete the old one; processes that map that keep it. The caller holds the lock.

        Each column has room for what a log of ``log_size`` bytes would hold, if it goes on like the part that was
        read, and for SPARE_SHARE more.
        """
        layout = ArrayLayout(SPARE_SHARE + max(log_size / max(bookmark.offset, 1), 1))
        packed = msgspec.msgpack.encode(
            Description(
                bookmark,
                contents.builder.add_to(layout),
                contents.events.packed(),
                list(contents.problems.view()),
                contents.problems.total,
            )
        )
        with snapshot_errors():
            for unfinished in self.path.glob("*.new"):  # of a process that was killed
                unfinished.unlink()
            self._delete_oldest()
            new = self.path / f"{secrets.token_hex(6)}.new"
            try:
                with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(_HEADER.pack(len(packed), zlib.crc32(packed)) + packed)
                    layout.write(file, aligned(_HEADER.size + len(packed)))
                before = self._newest_first()
                # A name of its own: ext4 flushes a file to disk that replaces another, which takes long.
                new.rename(new.with_suffix(SUFFIX))
            finally:
                new.unlink(missing_ok=True)  # a part of one would fill a disk that is full
        for old in before:
            with suppress(OSError):  # Windows keeps a file that is mapped; the next writer deletes it
                old.unlink()

    def _delete_oldest(self) -> None:
        """Delete the least recently modified of the other snapshots until the rest is within MAX_TOTAL_BYTES."""
        newest_first = sorted(_other_folders(self.path.parent, self.path), reverse=True)
        total = 0
        for _, size, path in newest_first:
            total += size
            if total > MAX_TOTAL_BYTES:
                shutil.rmtree(path, ignore_errors=True)


def _boot_id() -> str:
    """Start of the id that Linux generates at each boot; ``any`` on other systems."""
    try:
        return _BOOT_ID_FILE.read_text().strip()[:8]
    except OSError:
        return "any"


def _other_folders(cache: Path, own: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield last modification (Unix seconds), bytes and path of every log's folder but ``own``."""
    for path in cache.iterdir():
        if path == own or not _FOLDER_NAME.fullmatch(path.name) or not (path / "lock").exists():
            continue  # the cache directory may hold files of other programs
        with suppress(OSError):
            files = [each.stat() for each in path.rglob("*")]
            yield max(each.st_mtime for each in files), sum(each.st_size for each in files), path
