"""A run's ``training_log.json``, lines or one array, behind its rotated parts and what another logger had logged."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thalia_monitor import contract
from thalia_monitor.model.records import Event, Problem, Source
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.files import open_regular
from thalia_monitor.reading.formats.json_array import LARGEST, SNIFFED, decode_array, looks_like_array
from thalia_monitor.reading.jsonl.log import SharedLogReader
from thalia_monitor.reading.rotated import RotatedParts

if TYPE_CHECKING:
    from thalia_monitor.model.history import History

FORMAT: Final = "training log"


class TrainingLog:
    """A run's log with its rotated parts: :meth:`refresh` reads what is new, the properties give the contents."""

    def __init__(
        self, path: Path, file: str = contract.LOG_NAME, cache: Path | None = None, within: Path | None = None
    ) -> None:
        self.path, self.file, self._within = path, file, within
        self._shared = SharedLogReader(path, file, cache, within)
        self._reader = self._shared.reader
        self._rotated = RotatedParts(path, within)
        self._reader.prepend_rotated = self._rotated.fill
        self._array: LogContents | None = None
        """Contents if the file is one JSON array instead of lines; it is parsed in full whenever it changes."""
        self._array_items = self._array_bytes = 0
        self._signature: tuple[int, ...] | None = None
        """Device, inode, size and modification time of the file when it was last read; None before that."""
        self._failure: tuple[Problem, ...] = ()
        self._listed: tuple[os.stat_result, Mapping[str, os.stat_result]] | None = None
        """What :meth:`refresh` was last given."""

    @property
    def lock(self) -> threading.Lock:
        """Held while the contents change: another thread may be reading a large log."""
        return self._reader.lock

    @property
    def _contents(self) -> LogContents:
        return self._array or self._reader.contents

    @property
    def bytes_read(self) -> int:
        """Bytes that this process has read from the log so far, again where it was read again."""
        return self._reader.tail.bytes_read + self._array_bytes

    @property
    def intact(self) -> bool:
        """Whether the contents can be accessed safely, see :class:`SharedLogReader`."""
        return self._shared.intact

    def unread(self, status: os.stat_result | None) -> int:
        """Number of bytes still to be read, given the file's status; of an array, those of its rotated parts."""
        if status is None or self._array:
            return self._rotated.unread
        return self._rotated.unread + max(status.st_size - self._reader.tail.position, 0)

    def size(self, status: os.stat_result | None) -> int:
        """Total bytes of the file, given its status, and its rotated parts."""
        return self._rotated.size + (status.st_size if status else 0)

    @property
    def first_time(self) -> float:
        """First timestamp of the log and its rotated parts, in Unix seconds; NaN if there is none."""
        return self._contents.first_time

    def place_after(self, earlier: LogContents | None) -> None:
        """Put the log's contents behind what another logger had logged before."""
        if self._contents.earlier is earlier:
            return
        if self._contents.earlier and self._contents.builder.names_left_out and self._listed:
            self._shared.reset()  # names of the log may have had no room behind those of the other
            self._array = self._signature = None
            self.refresh(*self._listed)
        contents = self._contents.placed_after(earlier)
        with self.lock:
            if self._array:
                self._array = contents
            else:
                self._reader.contents = contents

    @property
    def history(self) -> History:
        """The metric lines so far."""
        return self._contents.builder.history()

    @property
    def events(self) -> tuple[Event, ...]:
        """The events so far, in file order."""
        return self._contents.events.view()

    @property
    def event_kinds(self) -> Set[str]:
        """Kinds of the events so far."""
        return self._contents.events.kinds

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
        own = history.step[self._contents.builder.log_start + self._rotated.rows :]
        first, last = (int(own[0]), history.current_step) if len(own) else (None, None)
        return (*self._rotated.sources, Source(self.file, FORMAT, lines, first, last))

    def refresh(
        self, status: os.stat_result | None, rotated_files: Mapping[str, os.stat_result] | None = None
    ) -> None:
        """Read what is new, given the file's status; None, if it is missing, keeps what was read of it.

        ``rotated_files``: name and status of the files that may be rotated parts of the log.
        """
        if self._rotated.update_parts(rotated_files or {}) or not self._follow_rotated():
            self._shared.parts_precede, self._signature = bool(self._rotated), None
            self._shared.reset()
            self._array = None
        if status is None:
            gone = Problem(self.file, None, "is gone; what was read of it before is still shown")
            self._failure = (gone,) if self._signature else ()
            return
        self._listed = status, rotated_files or {}
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
        """Read the file; returns False, without reading, if another has taken its place since ``status`` was taken.

        Perhaps the log was rotated: the next listing has the part.
        """
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
            self._shared.reset()
            self._array = None
        self._shared.read(status)
        return True

    def _read_array(self, content: bytes, size: int) -> None:
        items = list(decode_array(content, self.file))
        contents = LogContents()
        self._rotated.fill(contents)
        contents.add_items(items)
        if size > LARGEST:
            reason = f"is one array of more than {LARGEST // 2**20} MB; only its beginning is read"
            contents.problems.add(Problem(self.file, None, reason))
        if self._contents.earlier:
            contents = contents.placed_after(self._contents.earlier)
        contents.builder.continue_lineage(self.history)
        with self.lock:
            self._array, self._array_items = contents, len(items)
            self._array_bytes += len(content)
