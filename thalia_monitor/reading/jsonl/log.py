"""``training_log.json``: read as it grows, kept by column, and shared with other processes through an index.

Large additions are read by one process for all, under the index's lock, and committed. The few new lines of a
tick are read by every process: all write the same values to the same places, so no lock is needed.
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
from thalia_monitor.reading.jsonl.parallel import WORTH_IT, decode_ranges, helpers_here, ranges
from thalia_monitor.reading.jsonl.tail import Lines, Tail
from thalia_monitor.reading.log_index import EventFile, LogIndex, LogPosition, Manifest
from thalia_monitor.reading.rotated import RotatedParts

if TYPE_CHECKING:
    from thalia_monitor.model.history import History


WORTH_BULK: Final = 2**14
"""Bytes; a stretch shorter than this is read line by line."""


class Following:
    """State of a log after its complete lines so far; :meth:`read` reads on."""

    def __init__(self, path: Path, file: str, within: Path | None = None) -> None:
        self.path = path
        self.file = file
        self.lock = threading.Lock()
        """Held while anything here changes: a long reading may go on in another thread."""
        self.tail = Tail(path, within=within)
        self.contents = LogContents()
        self._bulk = BulkDecoder(file)
        self.before: Callable[[LogContents], object] = lambda _: None
        """Fills in what stands before the log, whenever it is read from its beginning."""

    def begin(self, store: Store, generation: int) -> None:
        """Forget everything, and keep what is read from now on in that store."""
        contents = LogContents(generation, store)
        self.before(contents)
        with self.lock:
            self.tail = Tail(self.path, self.tail.bytes_read, self.tail.within)
            self.contents = contents

    def read(
        self,
        size: int,
        new_store: Callable[[], Store] = Memory,
        progress: Callable[[], object] = lambda: None,
    ) -> None:
        """Take in what is new in the first so many bytes; into a ``new_store`` when the log was replaced.

        ``progress`` is called now and then while much is read. Raises OSError when the log cannot be read,
        StoreLost when the store cannot be written.
        """
        if self.tail.recognise():
            self._replace(new_store)
        if size - self.tail.offset >= WORTH_IT:
            self._read_at_once(size, progress)
        for lines in self.tail.follow(size):
            if lines.restarted:
                self._replace(new_store)
            self._take(lines)

    def _replace(self, new_store: Callable[[], Store]) -> None:
        contents = LogContents(self.contents.builder.generation + 1, new_store())
        self.before(contents)
        with self.lock:
            self.contents = contents

    def _read_at_once(self, size: int, progress: Callable[[], object]) -> None:
        """Read the bulk of a large log with the help of other processes."""
        todo = ranges(self.path, self.tail.offset, size, self.tail.within)
        for decoded in decode_ranges(todo, self.file, helpers_here()):
            with self.lock:
                self.contents.take(decoded.found, self.tail.lines)
                self.tail.skip(decoded.end, decoded.lines)
            progress()

    def _take(self, lines: Lines) -> None:
        with self.lock:
            if len(lines.data) < WORTH_BULK:
                self.contents.add(self._decoded(lines))
            else:
                self.contents.take(self._bulk.decode(lines.data, lines.first_number))

    def _decoded(self, lines: Lines) -> Iterator[Item]:
        for number, line in enumerate(lines.data.split(b"\n")[:-1], lines.first_number):
            yield from decode_line(line, number, self.file)


WORTH_SHARING: Final = 8 * 2**20
"""Bytes; a smaller log is read again faster than its index would be kept."""
FEW: Final = 2**18
"""Bytes; fewer than this behind the last manifest are not worth another one."""
STRIDE: Final = 64 * 2**20
"""Bytes of a large log between two manifests while it is read."""
LOOK_AGAIN: Final = 0.2
"""Seconds between two looks at the progress of another process."""
UNFINISHED: Final = (-1, -1)
HANGING: Final = 150
"""Looks without any progress after which the other process is not waited for any longer."""


class SharedFollowing:
    """A following that is kept in an index; without one it can be used for, in memory."""

    def __init__(self, path: Path, file: str, cache: Path | None, within: Path | None = None) -> None:
        self.following = Following(path, file, within)
        self._index = LogIndex(cache, path) if cache and hasattr(os, "pwrite") else None
        self.alone = False
        """Set where something stands before the log, which no index holds."""
        self._folder: Folder | None = None
        self._known = 0
        """Serial of the manifest that this following stands at."""
        self._examined = UNFINISHED
        self._kept_events = self._events_size = self._committed = 0

    @property
    def intact(self) -> bool:
        """Whether what was read can still be looked at; False where a file of the index was cut by somebody."""
        return self._folder is None or self._folder.intact

    def read(self, status: os.stat_result) -> None:
        """Take in what is new in the log, which has that status; raises OSError when it cannot be read."""
        if self._index is None or self.alone or status.st_size < WORTH_SHARING:
            self.following.read(status.st_size, self._begin_in_memory)
            return
        try:
            if not self.intact:
                raise StoreLost("a file of the index was cut")
            self._read_together(self._index, status)
        except StoreLost:  # what the log says is worth more than reading it fast
            self._index = None
            self.begin(self.following.contents.builder.generation)
            self.following.read(status.st_size)

    def begin(self, generation: int) -> None:
        """Forget everything that was read."""
        self.following.begin(self._begin_in_memory(), generation)

    def _begin_in_memory(self) -> Memory:
        """Leave the index: a log that was replaced by a small one is no longer the one that is kept there."""
        self._folder, self._known = None, 0
        return Memory()

    def _read_together(self, index: LogIndex, status: os.stat_result) -> None:
        if self._folder and status.st_size - self._committed < FEW and self.following.tail.continues():
            self.following.read(status.st_size, lambda: self._begin_alone(index))
            return
        waited = 0
        while waited < HANGING:
            waited = 0 if self._catch_up(index) else waited + 1
            same = self._examined == (status.st_size, status.st_mtime_ns)
            if self._folder and same and self.following.tail.continues():
                return
            with index.write_lock(LOOK_AGAIN) as alone:
                if alone:
                    self._read_for_all(index, status)
                    return
        raise StoreLost("another process holds the index and does not go on")

    def _read_for_all(self, index: LogIndex, status: os.stat_result) -> None:
        self._catch_up(index)
        if self._folder is None:
            self.following.begin(self._begin(index), self.following.contents.builder.generation)

        def commit_in_strides() -> None:
            if self.following.tail.offset - self._committed >= STRIDE:
                self._commit(index, UNFINISHED)

        self.following.read(status.st_size, lambda: self._begin(index), commit_in_strides)
        self._commit(index, (status.st_size, status.st_mtime_ns))

    def _begin_alone(self, index: LogIndex) -> Folder:
        with index.write_lock():
            return self._begin(index)

    def _begin(self, index: LogIndex) -> Folder:
        self._folder = index.new_folder()
        self._kept_events = self._events_size = self._committed = 0
        return self._folder

    def _commit(self, index: LogIndex, examined: tuple[int, int]) -> None:
        """Let what has been read count, for this process and all others."""
        assert self._folder
        tail, contents = self.following.tail, self.following.contents
        new = contents.events.since(self._kept_events)
        self._events_size = EventFile(self._folder).append(new, self._events_size)
        self._kept_events += len(new)
        self._known, self._examined = self._known + 1, examined
        self._committed = tail.offset
        index.commit(
            Manifest(
                self._folder.path.name,
                self._known,
                examined,
                LogPosition(*tail.place()),
                contents.builder.state(),
                self._kept_events,
                self._events_size,
                list(contents.problems.view()),
                contents.problems.total,
            )
        )

    def _catch_up(self, index: LogIndex) -> bool:
        """Take over what another process has read meanwhile; tell whether there was anything."""
        manifest = index.load(self._known)
        if manifest is None:
            return False
        try:
            self._restore(manifest, index.folder(manifest.folder))
        except StoreLost:  # damaged, or replaced just now
            self.begin(manifest.history.generation)
            self._known = manifest.serial
            return False
        return True

    def _restore(self, manifest: Manifest, folder: Folder) -> None:
        following, same = self.following, self._folder and self._folder.path == folder.path
        contents = following.contents if same else LogContents(manifest.history.generation)
        events = EventFile(folder).read(self._events_size if same else 0, manifest.events_size)
        builder, place = contents.builder, manifest.place
        with following.lock:
            rows, generation = len(builder), builder.generation
            builder.restore(manifest.history, folder)
            settled = max(min(rows, len(builder)) - 1, 0) if builder.generation == generation else 0
            step, segment = builder.step.view(), builder.segment.view()
            contents.events.cut(self._kept_events if same else 0)
            contents.events.place(settled, step, segment)
            contents.events.take_over(events, following.file, step, segment)
            contents.correct_event_times()
            contents.problems.restore(manifest.problems, manifest.total_problems)
            following.contents = contents
            following.tail.resume(place.identity, place.offset, place.lines, place.head, place.before)
        self._folder, self._known, self._examined = folder, manifest.serial, manifest.examined
        self._kept_events, self._events_size = manifest.events, manifest.events_size
        self._committed = place.offset


FORMAT: Final = "training log"


class TrainingLog:
    """A run's log: :meth:`refresh` takes in what is new, the properties tell what is known."""

    def __init__(
        self, path: Path, file: str = contract.LOG_NAME, cache: Path | None = None, within: Path | None = None
    ) -> None:
        self.path, self.file, self._within = path, file, within
        self._shared = SharedFollowing(path, file, cache, within)
        self._lines = self._shared.following
        self._rotated = RotatedParts(path, within)
        self._lines.before = self._rotated.fill
        self._array: LogContents | None = None
        self._array_items = 0
        """How many items were read, while the file is an array."""
        self._array_bytes = 0
        self._signature: tuple[int, ...] | None = None
        self._trouble: tuple[Problem, ...] = ()

    @property
    def lock(self) -> threading.Lock:
        """Held while the properties change: a long reading may go on in another thread."""
        return self._lines.lock

    @property
    def _contents(self) -> LogContents:
        return self._array or self._lines.contents

    @property
    def bytes_read(self) -> int:
        """Bytes of the log read so far."""
        return self._lines.tail.bytes_read + self._array_bytes

    @property
    def intact(self) -> bool:
        """Whether what was read can still be looked at, see :class:`SharedFollowing`."""
        return self._shared.intact

    def unread(self, status: os.stat_result | None) -> int:
        """How many bytes of the file, which has that status, are still to be read."""
        if status is None or self._array:
            return self._rotated.unread
        return self._rotated.unread + max(status.st_size - self._lines.tail.position, 0)

    def size(self, status: os.stat_result | None) -> int:
        """How many bytes there are to be read in all."""
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
        """What is wrong with the file now, then with the log as a whole, then with its lines (the first of them)."""
        contents = self._contents
        return (*self._trouble, *contents.remarks, *self._rotated.problems, *contents.problems.view())

    @property
    def total_problems(self) -> int:
        """How many problems there are in all."""
        whole = (*self._trouble, *self._contents.remarks, *self._rotated.problems)
        return len(whole) + self._contents.problems.total

    @property
    def sources(self) -> tuple[Source, ...]:
        """The file, once there has been one."""
        if self._signature is None and not self._lines.tail.lines:
            return self._rotated.sources
        history, lines = self.history, self._array_items if self._array else self._lines.tail.lines
        own = history.step[self._rotated.rows :]
        first, last = (int(own[0]), history.current_step) if len(own) else (None, None)
        return (*self._rotated.sources, Source(self.file, FORMAT, lines, first, last))

    def refresh(
        self, status: os.stat_result | None, beside: Mapping[str, os.stat_result] | None = None
    ) -> None:
        """Take in what is new in the file, which had that status; what was read before outlives the file.

        ``beside`` are the files whose names say that they are parts of it which were rotated away.
        """
        if self._rotated.notice(beside or {}) or not self._follow_rotated():
            self._shared.alone, self._signature = bool(self._rotated), None
            self._shared.begin(self._contents.builder.generation + 1)
            self._array = None
        if status is None:
            gone = Problem(self.file, None, "is gone; what was read of it before is still shown")
            self._trouble = (gone,) if self._signature else ()
            return
        signature = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if signature == self._signature and not self._trouble and self.intact:
            return
        try:
            if self._read(status):
                self._signature = signature
            self._trouble = ()
        except OSError as error:
            self._trouble = (Problem(self.file, None, f"cannot be read: {error.strerror}"),)

    def _follow_rotated(self) -> bool:
        if not self._rotated:
            return True
        with self.lock:
            return self._rotated.follow(self._contents)

    def _read(self, status: os.stat_result) -> bool:
        """Read on; False, and nothing done, where the file is another one by now: it may just have been rotated."""
        with open_regular(self.path, self._within) as file:
            opened = os.fstat(file.fileno())
            if not os.path.samestat(opened, status) and os.path.samestat(opened, self.path.stat()):
                return False
            if looks_like_array(file.read(SNIFFED)):
                file.seek(0)
                content = file.read(min(LARGEST, status.st_size))
                if looks_like_array(content[:SNIFFED]):  # it may have been rewritten in between
                    self._read_array(content, status.st_size)
                    return True
        if self._array:
            self._shared.begin(self._array.builder.generation + 1)
            self._array = None
        self._shared.read(status)
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
