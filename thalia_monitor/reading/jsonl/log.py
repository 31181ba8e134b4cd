"""Incremental reader of ``training_log.json``; values are stored by column and shared through an on-disk index.

Large additions are parsed by one process, which holds the index's lock and then commits a manifest. Small additions
are parsed by every process; all write identical bytes at identical offsets, so they need no lock. What may differ (a
column that first appears there, a segment still in doubt) each process writes to a new file of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thalia_monitor import contract
from thalia_monitor.model.records import Event, Problem, Source
from thalia_monitor.reading.arrays import Folder, Memory, Store, StoreLost
from thalia_monitor.reading.columns import extends
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.files import open_regular
from thalia_monitor.reading.formats.json_array import LARGEST, SNIFFED, decode_array, looks_like_array
from thalia_monitor.reading.jsonl.bulk_decode import BulkDecoder
from thalia_monitor.reading.jsonl.line import Item, decode_line
from thalia_monitor.reading.jsonl.parallel import MIN_PARALLEL_BYTES, decode_ranges, helpers_here, ranges
from thalia_monitor.reading.jsonl.tail import Lines, Tail
from thalia_monitor.reading.log_index import EventFile, LogIndex, LogPosition, Manifest
from thalia_monitor.reading.rotated import RotatedParts

if TYPE_CHECKING:
    from thalia_monitor.model.history import History

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

    def reset(self, store: Store, generation: int) -> None:
        """Discard all contents and the read position; what is read from now on is kept in ``store``."""
        contents = LogContents(generation, store)
        self.prepend_rotated(contents)
        with self.lock:
            self.tail = Tail(self.path, self.tail.bytes_read, self.tail.within)
            self.contents = contents

    def read(
        self, size: int, new_store: Callable[[], Store] = Memory, progress: Callable[[], None] = lambda: None
    ) -> None:
        """Parse what is new in the first ``size`` bytes; if the log was replaced, into a store from ``new_store``.

        ``progress`` is called repeatedly during a large read. Raises OSError if the log cannot be read, StoreLost
        if the store cannot be written.
        """
        if self.tail.recognise():
            self._start_next_generation(new_store)
        if size - self.tail.offset >= MIN_PARALLEL_BYTES:
            self._read_in_parallel(size, progress)
        for lines in self.tail.follow(size):
            if lines.restarted:
                self._start_next_generation(new_store)
            self._add_lines(lines)

    def _start_next_generation(self, new_store: Callable[[], Store]) -> None:
        contents = LogContents(self.contents.builder.generation + 1, new_store())
        self.prepend_rotated(contents)
        with self.lock:
            self.contents = contents

    def _read_in_parallel(self, size: int, progress: Callable[[], None]) -> None:
        """Parse most of a large log with helper processes; the last part is left to the caller."""
        todo = ranges(self.path, self.tail.offset, size, self.tail.within)
        for decoded in decode_ranges(todo, self.file, helpers_here()):
            with self.lock:
                self.contents.take(decoded.found, self.tail.lines)
                self.tail.skip(decoded.end, decoded.lines)
            progress()

    def _add_lines(self, lines: Lines) -> None:
        with self.lock:
            if len(lines.data) < MIN_BULK_BYTES:
                self.contents.add(self._decode_lines(lines))
            else:
                self.contents.take(self._bulk.decode(lines.data, lines.first_number))

    def _decode_lines(self, lines: Lines) -> Iterator[Item]:
        for number, line in enumerate(lines.data.split(b"\n")[:-1], lines.first_number):
            yield from decode_line(line, number, self.file)


MIN_INDEXED_BYTES: Final = 8 * 2**20
"""Smaller logs have no index: parsing them again is faster."""
MIN_COMMIT_BYTES: Final = 2**18
"""Additions since the last manifest smaller than this are parsed without a lock and not committed."""
COMMIT_INTERVAL_BYTES: Final = 64 * 2**20
"""Bytes parsed between two manifests while a large log is read."""
LOCK_TIMEOUT: Final = 0.2
"""Seconds to wait for the lock before looking for a newer manifest again."""
UNFINISHED: Final = (-1, -1)
"""``Manifest.examined`` while a log is still being read."""
MAX_IDLE_CHECKS: Final = 150
"""Checks in a row without a newer manifest, after which the process that holds the lock is given up."""


class IndexedLogReader:
    """A LogReader whose contents are kept in the log's index; in memory if the index cannot be used."""

    def __init__(self, path: Path, file: str, cache: Path | None, within: Path | None = None) -> None:
        self.reader = LogReader(path, file, within)
        self._index = LogIndex(cache, path) if cache and hasattr(os, "pwrite") else None
        self.index_disabled = False
        """True while rotated parts precede the log: an index cannot hold these."""
        self._folder: Folder | None = None
        """The index's folder that holds the contents; None if they are in memory."""
        self._serial, self._examined = 0, UNFINISHED
        """Of the manifest that was loaded or committed last."""
        self._committed_events = self._events_size = self._committed_offset = 0

    @property
    def intact(self) -> bool:
        """Whether the contents can be accessed safely: False once another program has shortened a column file."""
        return self._folder is None or self._folder.intact

    def read(self, status: os.stat_result) -> None:
        """Parse what is new in the log, given its status; raises OSError if it cannot be read."""
        if self._index is None or self.index_disabled or status.st_size < MIN_INDEXED_BYTES:
            self.reader.read(status.st_size, self._use_memory)
            return
        try:
            if not self.intact:
                raise StoreLost("a file of the index was cut")
            self._read_with_index(self._index, status)
        except StoreLost:  # the index cannot be used: parse the whole log into memory, from now on
            self._index = None
            self.reset(self.reader.contents.builder.generation)
            self.reader.read(status.st_size)

    def reset(self, generation: int) -> None:
        """Discard all contents."""
        self.reader.reset(self._use_memory(), generation)

    def _use_memory(self) -> Memory:
        """Leave the index's folder, whose contents are no longer those of the log, and continue in memory."""
        self._folder, self._serial = None, 0
        return Memory()

    def _read_with_index(self, index: LogIndex, status: os.stat_result) -> None:
        """Parse small additions without the lock; others only if no process that holds it has parsed them."""
        added = status.st_size - self._committed_offset
        if self._folder and added < MIN_COMMIT_BYTES and self.reader.tail.continues():
            self.reader.read(status.st_size, lambda: self._new_folder_locked(index))
            return
        idle_checks = 0
        while idle_checks < MAX_IDLE_CHECKS:
            idle_checks = 0 if self._load_newer_manifest(index) else idle_checks + 1
            complete = self._examined == (status.st_size, status.st_mtime_ns)
            if self._folder and complete and self.reader.tail.continues():
                return
            with index.write_lock(LOCK_TIMEOUT) as acquired:
                if acquired:
                    self._read_and_commit(index, status)
                    return
        raise StoreLost("another process holds the index and does not go on")

    def _read_and_commit(self, index: LogIndex, status: os.stat_result) -> None:
        """Parse everything new; the caller holds the index's lock."""
        self._load_newer_manifest(index)
        if self._folder is None:
            self.reader.reset(self._new_folder(index), self.reader.contents.builder.generation)

        def commit_periodically() -> None:
            if self.reader.tail.offset - self._committed_offset >= COMMIT_INTERVAL_BYTES:
                self._commit(index, UNFINISHED)

        self.reader.read(status.st_size, lambda: self._new_folder(index), commit_periodically)
        self._commit(index, (status.st_size, status.st_mtime_ns))

    def _new_folder_locked(self, index: LogIndex) -> Folder:
        with index.write_lock():
            return self._new_folder(index)

    def _new_folder(self, index: LogIndex) -> Folder:
        self._folder = index.new_folder()
        self._committed_events = self._events_size = self._committed_offset = 0
        return self._folder

    def _commit(self, index: LogIndex, examined: tuple[int, int]) -> None:
        """Write the new events and a manifest of everything parsed so far."""
        assert self._folder
        tail, contents = self.reader.tail, self.reader.contents
        new = contents.events.since(self._committed_events)
        self._events_size = EventFile(self._folder).append(new, self._events_size)
        self._committed_events += len(new)
        self._serial, self._examined = self._serial + 1, examined
        self._committed_offset = tail.offset
        manifest = Manifest(
            folder=self._folder.path.name,
            serial=self._serial,
            examined=examined,
            place=LogPosition(*tail.place()),
            history=contents.builder.state(),
            events=self._committed_events,
            events_size=self._events_size,
            problems=list(contents.problems.view()),
            total_problems=contents.problems.total,
        )
        index.commit(manifest)

    def _load_newer_manifest(self, index: LogIndex) -> bool:
        """Take over what another process has committed; return False if there is nothing new or it is damaged."""
        manifest = index.load(self._serial)
        if manifest is None:
            return False
        try:
            self._restore(manifest, index.folder(manifest.folder))
        except StoreLost:  # damaged, or replaced at this moment
            self.reset(manifest.history.generation)
            self._serial = manifest.serial
            return False
        return True

    def _restore(self, manifest: Manifest, folder: Folder) -> None:
        reader, same_folder = self.reader, self._folder and self._folder.path == folder.path
        contents = reader.contents if same_folder else LogContents(manifest.history.generation)
        events = EventFile(folder).read(self._events_size if same_folder else 0, manifest.events_size)
        builder, place = contents.builder, manifest.place
        with reader.lock:
            rows, generation = len(builder), builder.generation
            builder.restore(manifest.history, folder)
            # Within a generation, only the last of the rows that both have can be in another segment now.
            first_changed = max(min(rows, len(builder)) - 1, 0) if builder.generation == generation else 0
            step, segment = builder.step.view(), builder.segment.view()
            contents.events.cut(self._committed_events if same_folder else 0)
            contents.events.place(first_changed, step, segment)
            contents.events.take_over(events, reader.file, step, segment)
            contents.correct_event_times()
            contents.problems.restore(manifest.problems, manifest.total_problems)
            reader.contents = contents
            reader.tail.resume(place.identity, place.offset, place.lines, place.head, place.before)
        self._folder, self._serial, self._examined = folder, manifest.serial, manifest.examined
        self._committed_events, self._events_size = manifest.events, manifest.events_size
        self._committed_offset = place.offset


FORMAT: Final = "training log"


class TrainingLog:
    """A run's log with its rotated parts: :meth:`refresh` reads what is new, the properties give the contents."""

    def __init__(
        self, path: Path, file: str = contract.LOG_NAME, cache: Path | None = None, within: Path | None = None
    ) -> None:
        self.path, self.file, self._within = path, file, within
        self._indexed = IndexedLogReader(path, file, cache, within)
        self._reader = self._indexed.reader
        self._rotated = RotatedParts(path, within)
        self._reader.prepend_rotated = self._rotated.fill
        self._array: LogContents | None = None
        """Contents if the file is one JSON array instead of lines; it is parsed in full whenever it changes."""
        self._array_items = self._array_bytes = 0
        self._signature: tuple[int, ...] | None = None
        """Device, inode, size and modification time of the file when it was last read; None before that."""
        self._failure: tuple[Problem, ...] = ()

    @property
    def lock(self) -> threading.Lock:
        """Held while the contents change: another thread may be reading a large log."""
        return self._reader.lock

    @property
    def _contents(self) -> LogContents:
        return self._array or self._reader.contents

    @property
    def bytes_read(self) -> int:
        """Bytes of the log read so far."""
        return self._reader.tail.bytes_read + self._array_bytes

    @property
    def intact(self) -> bool:
        """Whether the contents can be accessed safely, see :class:`IndexedLogReader`."""
        return self._indexed.intact

    def unread(self, status: os.stat_result | None) -> int:
        """Number of bytes still to be read, given the file's status."""
        if status is None or self._array:
            return self._rotated.unread
        return self._rotated.unread + max(status.st_size - self._reader.tail.position, 0)

    def size(self, status: os.stat_result | None) -> int:
        """Total bytes of the file, given its status, and its rotated parts."""
        return self._rotated.size + (status.st_size if status else 0)

    @property
    def history(self) -> History:
        """The metric lines so far."""
        return self._contents.builder.history()

    @property
    def events(self) -> tuple[Event, ...]:
        """The events so far, in file order."""
        return self._contents.events.view()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The current failure to read the file, problems of the log as a whole, of rotated parts, and of lines."""
        contents = self._contents
        return (*self._failure, *contents.log_problems, *self._rotated.problems, *contents.problems.view())

    @property
    def total_problems(self) -> int:
        """Number of problems, including those that are not listed."""
        whole = (*self._failure, *self._contents.log_problems, *self._rotated.problems)
        return len(whole) + self._contents.problems.total

    @property
    def sources(self) -> tuple[Source, ...]:
        """The rotated parts, and the file if it was ever read."""
        if self._signature is None and not self._reader.tail.lines:
            return self._rotated.sources
        history, lines = self.history, self._array_items if self._array else self._reader.tail.lines
        own = history.step[self._rotated.rows :]
        first, last = (int(own[0]), history.current_step) if len(own) else (None, None)
        return (*self._rotated.sources, Source(self.file, FORMAT, lines, first, last))

    def refresh(
        self, status: os.stat_result | None, rotated_files: Mapping[str, os.stat_result] | None = None
    ) -> None:
        """Read what is new, given the file's status; None, if it is missing, keeps what was read of it.

        ``rotated_files``: name and status of the files that may be rotated parts of the log.
        """
        if self._rotated.update_parts(rotated_files or {}) or not self._follow_rotated():
            self._indexed.index_disabled, self._signature = bool(self._rotated), None
            self._indexed.reset(self._contents.builder.generation + 1)
            self._array = None
        if status is None:
            gone = Problem(self.file, None, "is gone; what was read of it before is still shown")
            self._failure = (gone,) if self._signature else ()
            return
        signature = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if signature == self._signature and not self._failure and self.intact:
            return
        try:
            if self._read(status):
                self._signature = signature
            self._failure = ()
        except OSError as error:
            self._failure = (Problem(self.file, None, f"cannot be read: {error.strerror}"),)

    def _follow_rotated(self) -> bool:
        if not self._rotated:
            return True
        with self.lock:
            return self._rotated.follow(self._contents)

    def _read(self, status: os.stat_result) -> bool:
        """Read the file; returns False, without reading, if it was replaced since ``status`` (perhaps rotated)."""
        with open_regular(self.path, self._within) as file:
            opened = os.fstat(file.fileno())
            if not os.path.samestat(opened, status) and os.path.samestat(opened, self.path.stat()):
                return False
            if looks_like_array(file.read(SNIFFED)):
                file.seek(0)
                content = file.read(min(LARGEST, status.st_size))
                if looks_like_array(content[:SNIFFED]):  # it may have been rewritten between the two reads
                    self._read_array(content, status.st_size)
                    return True
        if self._array:
            self._indexed.reset(self._array.builder.generation + 1)
            self._array = None
        self._indexed.read(status)
        return True

    def _read_array(self, content: bytes, size: int) -> None:
        items = list(decode_array(content, self.file))
        contents = LogContents(self._contents.builder.generation)
        self._rotated.fill(contents)
        contents.add(items)
        if size > LARGEST:
            reason = f"is one array of more than {LARGEST // 2**20} MB; only its beginning is read"
            contents.problems.add(Problem(self.file, None, reason))
        if not extends(contents.builder.history(), self.history):
            contents.builder.generation += 1
        with self.lock:
            self._array, self._array_items = contents, len(items)
            self._array_bytes += len(content)
