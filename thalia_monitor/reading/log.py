"""``training_log.json``: followed as it grows, kept by column."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from thalia_monitor import contract
from thalia_monitor.history import History
from thalia_monitor.reading.array_log import LARGEST, SNIFFED, decode_array, looks_like_array
from thalia_monitor.reading.bulk import BulkDecoder
from thalia_monitor.reading.columns import extends
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.decode import Item, decode_line
from thalia_monitor.reading.parallel import WORTH_IT, decode_ranges, helpers_here, ranges
from thalia_monitor.reading.tail import Lines, Tail, open_regular
from thalia_monitor.state import Event, Problem, Source

FORMAT: Final = "training log"
FEW: Final = 2**14
"""Bytes; a stretch shorter than this is read line by line."""


class TrainingLog:
    """A run's log: :meth:`refresh` takes in what is new, the properties tell what is known."""

    def __init__(self, path: Path, file: str = contract.LOG_NAME) -> None:
        self.path = path
        self.file = file
        self._tail = Tail(path)
        self.lock = threading.Lock()
        """Held while the properties change: a long reading may go on in another thread."""
        self._bulk = BulkDecoder(file)
        self._contents = LogContents()
        self._array_items: int | None = None
        """How many items were read, while the file is an array."""
        self._signature: tuple[int, ...] | None = None
        self._trouble: tuple[Problem, ...] = ()

    @property
    def bytes_read(self) -> int:
        """Bytes of the log read so far."""
        return self._tail.bytes_read

    def unread(self, status: os.stat_result | None) -> int:
        """How many bytes of the file, which has that status, are still to be read."""
        if status is None or self._array_items is not None:
            return 0
        return max(status.st_size - self._tail.position, 0)

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
        """What is wrong with the file now, then what was wrong in its lines (the first of them)."""
        return (*self._trouble, *self._contents.problems.view())

    @property
    def total_problems(self) -> int:
        """How many problems there are in all."""
        return len(self._trouble) + self._contents.problems.total

    @property
    def sources(self) -> tuple[Source, ...]:
        """The file, once there has been one."""
        if self._signature is None and not self._tail.lines:
            return ()
        history, lines = self.history, self._tail.lines if self._array_items is None else self._array_items
        first = int(history.step[0]) if len(history) else None
        return (Source(self.file, FORMAT, lines, first, history.current_step if len(history) else None),)

    def refresh(self, status: os.stat_result | None) -> None:
        """Take in what is new in the file, which had that status; what was read before outlives the file."""
        if status is None:
            gone = Problem(self.file, None, "is gone; what was read of it before is still shown")
            self._trouble = (gone,) if self._signature else ()
            return
        signature = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if signature == self._signature and not self._trouble:
            return
        try:
            self._read(status)
            self._trouble = ()
            self._signature = signature
        except OSError as error:
            self._trouble = (Problem(self.file, None, f"cannot be read: {error.strerror}"),)

    def _read(self, status: os.stat_result) -> None:
        with open_regular(self.path) as file:
            is_array = looks_like_array(file.read(SNIFFED))
            if is_array:
                file.seek(0)
                self._read_array(file.read(min(LARGEST, status.st_size)), status.st_size)
                return
        if self._array_items is not None:
            self._begin_anew()
        if self._tail.recognise():
            self._begin_anew()
        if status.st_size - self._tail.offset >= WORTH_IT:
            self._read_at_once(status.st_size)
        for lines in self._tail.follow(status.st_size):
            if lines.anew:
                self._begin_anew()
            self._take(lines)

    def _read_at_once(self, size: int) -> None:
        """Read the bulk of a large log with the help of other processes."""
        todo = ranges(self.path, self._tail.offset, size)
        for decoded in decode_ranges(todo, self.file, helpers_here()):
            with self.lock:
                self._contents.take(decoded.found, self._tail.lines)
                self._tail.skip(decoded.end, decoded.lines)

    def _take(self, lines: Lines) -> None:
        with self.lock:
            if len(lines.data) < FEW:
                self._contents.add(self._decoded(lines))
            else:
                self._contents.take(self._bulk.decode(lines.data, lines.first_number))

    def _decoded(self, lines: Lines) -> Iterator[Item]:
        for number, line in enumerate(lines.data.split(b"\n")[:-1], lines.first_number):
            yield from decode_line(line, number, self.file)

    def _begin_anew(self) -> None:
        self._contents = LogContents(self._contents.builder.generation + 1)
        self._array_items = None

    def _read_array(self, content: bytes, size: int) -> None:
        items = list(decode_array(content, self.file))
        contents = LogContents(self._contents.builder.generation)
        contents.add(items)
        if size > LARGEST:
            reason = f"is one array of more than {LARGEST // 2**20} MB; only its beginning is read"
            contents.problems.add(Problem(self.file, None, reason))
        if not extends(contents.builder.history(), self.history):
            contents.builder.generation += 1
        with self.lock:
            self._tail = Tail(self.path, self.bytes_read + len(content))
            self._contents, self._array_items = contents, len(items)
