"""A log of lines: followed by its tail, decoded, and kept by column."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from thalia_monitor.reading.arrays import Memory, Store
from thalia_monitor.reading.bulk import BulkDecoder
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.decode import Item, decode_line
from thalia_monitor.reading.parallel import WORTH_IT, decode_ranges, helpers_here, ranges
from thalia_monitor.reading.tail import Lines, Tail

FEW: Final = 2**14
"""Bytes; a stretch shorter than this is read line by line."""


class Following:
    """What a log's complete lines have said so far; :meth:`read` takes in more."""

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
        anew: Callable[[], Store] = Memory,
        progress: Callable[[], object] = lambda: None,
    ) -> None:
        """Take in what is new in the first so many bytes; into a store made ``anew`` when the log was replaced.

        ``progress`` is called now and then while much is read. Raises OSError when the log cannot be read,
        StoreLost when the store cannot be written.
        """
        if self.tail.recognise():
            self._replace(anew)
        if size - self.tail.offset >= WORTH_IT:
            self._read_at_once(size, progress)
        for lines in self.tail.follow(size):
            if lines.anew:
                self._replace(anew)
            self._take(lines)

    def _replace(self, anew: Callable[[], Store]) -> None:
        contents = LogContents(self.contents.builder.generation + 1, anew())
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
            if len(lines.data) < FEW:
                self.contents.add(self._decoded(lines))
            else:
                self.contents.take(self._bulk.decode(lines.data, lines.first_number))

    def _decoded(self, lines: Lines) -> Iterator[Item]:
        for number, line in enumerate(lines.data.split(b"\n")[:-1], lines.first_number):
            yield from decode_line(line, number, self.file)
