"""Incremental reader of a log in JSON Lines; values are stored by column and shared through a snapshot on disk.

Large additions are parsed by one process, which holds the snapshot's lock and then writes a new snapshot; the others
map it. Small additions each process parses for itself, into its own memory, until they are a few percent of the log.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.jsonl.bulk_decode import BulkDecoder
from thalia_monitor.reading.jsonl.line import Item, decode_line
from thalia_monitor.reading.jsonl.parallel import MIN_PARALLEL_BYTES, decode_ranges, helpers_here, ranges
from thalia_monitor.reading.jsonl.tail import Lines, Tail
from thalia_monitor.reading.snapshot import Snapshot, SnapshotFolder, SnapshotUnavailable

MIN_BULK_BYTES: Final = 2**14
"""Additions smaller than this are parsed line by line."""


class LogReader:
    """Contents of a log's complete lines so far; :meth:`read` parses the lines added since."""

    def __init__(self, path: Path, file: str, within: Path | None = None) -> None:
        self.path, self.file = path, file
        self.lock = threading.Lock()
        """Held while attributes change: another thread may be reading a large log."""
        self.tail = Tail(path, within=within)
        self.contents = LogContents()
        self._bulk = BulkDecoder(file)
        self.prepend_rotated: Callable[[LogContents], object] = lambda _: None
        """Adds the rotated parts to empty contents, whenever the log is read from its beginning."""

    def reset(self) -> None:
        """Discard all contents and the read position."""
        contents = LogContents()
        self.prepend_rotated(contents)
        with self.lock:
            self.tail = Tail(self.path, self.tail.bytes_read, self.tail.within)
            self.contents = contents

    def read(self, size: int, progress: Callable[[], None] = lambda: None) -> None:
        """Parse what is new in the first ``size`` bytes; all of them, into new contents, if the log was replaced.

        ``progress`` is called repeatedly during a large read. Raises OSError if the log cannot be read.
        """
        if self.tail.recognise():
            self._start_again()
        if size - self.tail.offset >= MIN_PARALLEL_BYTES:
            self._read_in_parallel(size, progress)
        for lines in self.tail.follow(size):
            if lines.restarted:
                self._start_again()
            self._add_lines(lines)

    def adopt(self, snapshot: Snapshot) -> bool:
        """Continue where a snapshot ends; returns False if it is of another log, or does not reach as far.

        Raises OSError if the log cannot be read, ValueError if the snapshot's file is too short.
        """
        tail = Tail(self.path, self.tail.bytes_read, self.tail.within)
        tail.resume(snapshot.bookmark)
        if not tail.continues():
            return False
        same_log = self.tail.continues()
        if same_log and tail.offset < self.tail.offset:
            return False
        contents = self.contents if same_log else LogContents()
        with self.lock:
            contents.adopt(snapshot, self.file)
            self.tail, self.contents = tail, contents
        return True

    def _start_again(self) -> None:
        contents = LogContents()
        self.prepend_rotated(contents)
        with self.lock:
            self.contents = contents

    def _read_in_parallel(self, size: int, progress: Callable[[], None]) -> None:
        """Parse most of a large log with helper processes; the last part is left to the caller."""
        todo = ranges(self.path, self.tail.offset, size, self.tail.within)
        for decoded in decode_ranges(todo, self.file, helpers_here()):
            with self.lock:
                self.contents.add_decoded(decoded.found, self.tail.lines)
                self.tail.skip(decoded.end, decoded.lines)
            progress()

    def _add_lines(self, lines: Lines) -> None:
        with self.lock:
            if len(lines.data) < MIN_BULK_BYTES:
                self.contents.add_items(self._decode_lines(lines))
            else:
                self.contents.add_decoded(self._bulk.decode(lines.data, lines.first_number))

    def _decode_lines(self, lines: Lines) -> Iterator[Item]:
        for number, line in enumerate(lines.data.split(b"\n")[:-1], lines.first_number):
            yield from decode_line(line, number, self.file)


MIN_SHARED_BYTES: Final = 8 * 2**20
"""Smaller logs have no snapshot: parsing them again is faster."""
MIN_ADDED_BYTES: Final = 2**18
MIN_ADDED_SHARE: Final = 0.05
"""A new snapshot is written where more than both was added: these bytes, and this share of those in the last one."""
PROGRESS_BYTES: Final = 128 * 2**20
PROGRESS_SHARE: Final = 1.0
"""While a large log is read, one is written where so much was added, and as much is left to be read: the processes
that wait can adopt it, and little is in private memory."""
LOCK_TIMEOUT: Final = 0.2
"""Seconds to wait for the lock before looking for a newer snapshot again."""
MAX_IDLE_CHECKS: Final = 150
"""Checks in a row at which the holder of the lock has not gone on, after which the log is read without it."""
PAUSE: Final = 300.0
"""Seconds without snapshots after one could not be written, or its writer was waited for too long."""


class SharedLogReader:
    """A LogReader whose contents begin with the log's snapshot; all in memory if there cannot be one.

    There is none of a log that other lines precede, its rotated parts or those of another logger: a snapshot holds
    only the log's own.
    """

    def __init__(self, path: Path, file: str, cache: Path | None, within: Path | None = None) -> None:
        self.reader = LogReader(path, file, within)
        self._folder = SnapshotFolder(cache, path) if cache else None
        self.parts_precede = False
        """Whether rotated parts precede the log."""
        self._paused_until = -math.inf
        """No snapshot is used before that time of the monotonic clock."""
        self._seen: tuple[int, ...] = ()
        """Version of the snapshot that was looked at last."""

    @property
    def intact(self) -> bool:
        """Whether the contents can be accessed safely: False once another program has shortened the snapshot."""
        snapshot = self.reader.contents.snapshot
        return snapshot is None or snapshot.intact

    def read(self, status: os.stat_result) -> None:
        """Parse what is new in the log, given its status; raises OSError if it cannot be read."""
        if not self.intact:
            self._pause()
            self.reset()
        others_precede = self.parts_precede or self.reader.contents.earlier is not None
        large = status.st_size >= MIN_SHARED_BYTES
        if self._folder and large and not others_precede and time.monotonic() >= self._paused_until:
            try:
                self._read_with_snapshot(self._folder, status.st_size)
            except SnapshotUnavailable:
                self._pause()
        self.reader.read(status.st_size)

    def _pause(self) -> None:
        self._paused_until = time.monotonic() + PAUSE

    def reset(self) -> None:
        """Discard all contents."""
        self._seen = ()
        self.reader.reset()

    def _read_with_snapshot(self, folder: SnapshotFolder, size: int) -> None:
        """Take over what other processes have parsed; parse the rest, under the lock, unless it is little."""
        idle_checks, beat = 0, 0
        while not self._little_added(size):
            if self._adopt_newer(folder):
                continue
            with folder.write_lock(LOCK_TIMEOUT) as acquired:
                if acquired:
                    self._read_and_write(folder, size)
                    return
            before, beat = beat, folder.last_beat
            idle_checks = idle_checks + 1 if beat == before else 0
            if idle_checks >= MAX_IDLE_CHECKS:
                raise SnapshotUnavailable("another process holds the lock and does nothing")

    def _little_added(self, size: int) -> bool:
        contents = self.reader.contents
        if contents.snapshot is None or not self.reader.tail.continues():
            return False
        offset = contents.snapshot_offset
        return size - offset <= max(MIN_ADDED_BYTES, MIN_ADDED_SHARE * offset)

    def _read_and_write(self, folder: SnapshotFolder, size: int) -> None:
        """Parse everything new and write a snapshot of all; the caller holds the lock."""
        self._adopt_newer(folder)
        if self._little_added(size):
            return

        def write_progress() -> None:
            folder.beat()
            offset, written = self.reader.tail.offset, self.reader.contents.snapshot_offset
            least = max(PROGRESS_BYTES, PROGRESS_SHARE * written)
            if offset - written >= least and size - offset >= least:
                self._write(folder, size)

        self.reader.read(size, write_progress)
        contents = self.reader.contents
        if contents.snapshot is None or self.reader.tail.offset > contents.snapshot_offset:
            self._write(folder, size)

    def _write(self, folder: SnapshotFolder, size: int) -> None:
        """Write a snapshot and continue with that, whose pages are shared."""
        folder.write(self.reader.tail.bookmark(), self.reader.contents, size)
        if not self._adopt_newer(folder):
            raise SnapshotUnavailable("the snapshot that was just written cannot be mapped")

    def _adopt_newer(self, folder: SnapshotFolder) -> bool:
        """Adopt the snapshot on disk; return False if it was looked at before, or is of no use."""
        snapshot = folder.load(self._seen)
        if snapshot is None:
            return False
        self._seen = snapshot.version
        try:
            return self.reader.adopt(snapshot)
        except ValueError:
            return False
