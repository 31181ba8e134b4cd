"""``training_log.json``: followed as it grows, kept by column."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thalia_monitor import contract
from thalia_monitor.model.records import Event, Problem, Source
from thalia_monitor.reading.columns import extends
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.files import open_regular
from thalia_monitor.reading.formats.json_array import LARGEST, SNIFFED, decode_array, looks_like_array
from thalia_monitor.reading.jsonl.shared_log import SharedFollowing
from thalia_monitor.reading.rotated import RotatedParts

if TYPE_CHECKING:
    from thalia_monitor.model.history import History

FORMAT: Final = "training log"


class TrainingLog:
    """A run's log: :meth:`refresh` takes in what is new, the properties tell what is known."""

    def __init__(
        self,
        path: Path,
        file: str = contract.LOG_NAME,
        cache: Path | None = None,
        within: Path | None = None,
    ) -> None:
        self.path = path
        self._within = within
        self.file = file
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
