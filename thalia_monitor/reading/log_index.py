"""On-disk index of a parsed log, in the user's cache directory, so that other processes need not parse the log again.

Processes append to the column files: large additions under a lock, small ones without (see ``jsonl/log.py``). Every
process maps these files, so workers share one copy in memory. A *manifest* records how much of them is valid; it
is written alternately to two files, each with a checksum, so one complete manifest always remains. It also
identifies the log: device and inode, the first bytes, and the bytes just before the read offset.

An index that belongs to another file, is damaged, or was written before the last boot (on Linux) is rebuilt without
a message: files are not fsynced, so a crash can lose data. Nothing is written to the directory of the log.
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

INDEX_FORMAT: Final = f"2-{__version__}"
"""Each version of the monitor has its own index, since versions may parse the same log differently."""
MAX_TOTAL_BYTES: Final = 8 * 2**30
"""Maximum total bytes of all other logs' indexes; the least recently modified are deleted beyond that."""
_HEADER: Final = struct.Struct("<QQL")
"""Header of a manifest file: serial, length in bytes and CRC-32 of the encoded manifest."""
_BOOT_ID_FILE: Final = Path("/proc/sys/kernel/random/boot_id")
_FOLDER_NAME: Final = re.compile(r"\w{1,8}-[0-9a-f]{20}")
"""Name of an index's folder: start of the boot id, and a hash of format and log path."""


class LogPosition(msgspec.Struct, frozen=True):
    """Read position in a log, and the bytes that identify the log."""

    identity: tuple[int, int]
    """Device and inode."""
    offset: int
    """Bytes up to the end of the last line that was parsed."""
    lines: int
    """Number of lines before ``offset``."""
    head: bytes
    """First bytes of the log."""
    before: bytes
    """Bytes just before ``offset``."""


class Manifest(msgspec.Struct, frozen=True):
    """Valid part of an index, and the position in the log that it corresponds to.

    Encoded as a map, so the names of its fields and of those within are part of the file format.
    """

    folder: str
    """Name of the folder with the column files; a replaced log gets a new one."""
    serial: int
    """Increases by one with each manifest written, by any process."""
    examined: tuple[int, int]
    """Size and modification time (ns) of the log once all its complete lines are included; until then (-1, -1)."""
    place: LogPosition
    history: HistoryState
    events: int
    """Number of events."""
    events_size: int
    """Number of valid bytes in the events file."""
    problems: list[Problem]
    """The problems that are listed; ``total_problems`` also counts the others."""
    total_problems: int


class LogIndex:
    """The index of one log."""

    def __init__(self, cache: Path, log: Path) -> None:
        key = hashlib.blake2s(INDEX_FORMAT.encode() + os.fsencode(log.absolute()), digest_size=10)
        self.path = cache / f"{_boot_id()}-{key.hexdigest()}"  # must match _FOLDER_NAME
        self._manifest_files = (self.path / "manifest.0", self.path / "manifest.1")
        self._decoder = msgspec.msgpack.Decoder(Manifest)
        self._lock = FileLock(self.path / "lock")

    def load(self, known: int = 0) -> Manifest | None:
        """Read the newest manifest; None if there is no usable one, or its serial is ``known``."""
        newest, packed = 0, b""
        for path in self._manifest_files:
            with suppress(OSError, struct.error):
                content = path.read_bytes()
                serial, size, checksum = _HEADER.unpack_from(content)
                body = content[_HEADER.size : _HEADER.size + size]
                # A wrong checksum: the file is being written or was never completed, and the other one is used.
                if serial > newest and zlib.crc32(body) == checksum:
                    newest, packed = serial, body
        if not packed or newest == known:
            return None
        try:
            return self._decoder.decode(packed)
        except (msgspec.MsgspecError, ValueError):
            return None

    @contextmanager
    def write_lock(self, timeout: float = -1) -> Iterator[bool]:
        """Hold the index's lock for a block; yields False, without it, if not acquired within ``timeout`` seconds.

        A negative timeout waits indefinitely. Creates the index's folder.
        """
        with storing():
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

    def commit(self, manifest: Manifest) -> None:
        """Overwrite the older of the two manifest files; the newer stays valid until this write is complete."""
        packed = msgspec.msgpack.encode(manifest)
        path = self._manifest_files[manifest.serial % len(self._manifest_files)]
        # Not written to a temporary file and renamed: on ext4 each rename over an existing file forces a flush to
        # disk, which is too slow for every refresh.
        with storing(), os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.write(_HEADER.pack(manifest.serial, len(packed), zlib.crc32(packed)) + packed)

    def folder(self, name: str) -> Folder:
        """The folder of column files with this name."""
        return Folder(self.path / Path(name).name)

    def new_folder(self) -> Folder:
        """Create an empty folder for column files and delete the older ones; processes that map these keep them."""
        with storing():
            for old in self.path.iterdir():
                if old.is_dir():
                    shutil.rmtree(old, ignore_errors=True)
            self._delete_oldest()
            folder = self.path / secrets.token_hex(6)
            folder.mkdir(mode=0o700)
            return Folder(folder)

    def _delete_oldest(self) -> None:
        """Delete the least recently modified of the other indexes until the rest is within MAX_TOTAL_BYTES."""
        newest_first = sorted(_other_indexes(self.path.parent, self.path), reverse=True)
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


def _other_indexes(cache: Path, own: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield last modification (Unix seconds), bytes and path of every index but ``own``."""
    for path in cache.iterdir():
        if path == own or not _FOLDER_NAME.fullmatch(path.name) or not (path / "lock").exists():
            continue  # the cache directory may hold files of other programs
        with suppress(OSError):
            files = [each.stat() for each in path.rglob("*")]
            yield max(each.st_mtime for each in files), sum(each.st_size for each in files), path


class EventFile:
    """The events of an index: MessagePack frames one after another, each preceded by its length in 8 bytes."""

    NAME: Final = "events"
    _frames: Final = msgspec.msgpack.Decoder(list[EventRow])

    def __init__(self, folder: Folder) -> None:
        self._path = folder.path / self.NAME

    def append(self, events: Sequence[EventRow], offset: int) -> int:
        """Write one frame of events at ``offset``, the end of the valid bytes; return the new end."""
        if not events:
            return offset
        frame = msgspec.msgpack.encode(events)
        with storing(), os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.seek(offset)
            file.write(len(frame).to_bytes(8, "little") + frame)
            return file.tell()

    def read(self, start: int, end: int) -> list[EventRow]:
        """Read the events between two offsets; raises StoreLost if they cannot be read."""
        events: list[EventRow] = []
        if start < end:
            with storing(), self._path.open("rb") as file:
                file.seek(start)
                content, offset = file.read(end - start), 0
                while offset < end - start:
                    size = int.from_bytes(content[offset : offset + 8], "little")
                    events += self._frames.decode(content[offset + 8 : offset + 8 + size])
                    offset += 8 + size
        return events
