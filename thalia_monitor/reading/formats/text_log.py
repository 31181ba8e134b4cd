"""``curriculum_training.log``: the only file that Thalia's own logger writes while a stage runs.

It is read as it grows. Its last record has no end but the end of the file, so that one is read again whenever
more arrives. Its stamps are local time without a zone.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Final

from thalia_monitor.model.records import Problem, Source
from thalia_monitor.reading.clock import own_offset, zone_offset
from thalia_monitor.reading.files import Signature, open_regular, signature_of
from thalia_monitor.reading.formats.text_records import HEADER, Record, read_record, seconds
from thalia_monitor.reading.formats.text_stages import FORMAT, TextStages
from thalia_monitor.reading.jsonl.tail import Tail
from thalia_monitor.reading.recording import Recording, Written

NAME: Final = "curriculum_training.log"

LARGEST_RECORD: Final = 1024 * 1024
"""Bytes; what a record has beyond this is left out, so that a file of another kind cannot fill the memory."""

_END: Final = 64 * 1024


class TextLog:
    """One text log, read on from where the last reading stopped."""

    def __init__(self, path: Path, name: str, within: Path | None = None) -> None:
        self._path = path
        self._within = within
        self._name = name
        self._tail = Tail(path, within=within)
        self._signature: Signature | None = None
        self._recordings: tuple[Recording, ...] = ()
        self._start_over()

    @property
    def bytes_read(self) -> int:
        """Bytes of the log read so far."""
        return self._tail.bytes_read

    def read(self) -> tuple[Recording, ...]:
        """Give one recording for each start of a stage, in file order; an unchanged file is not opened."""
        signature = signature_of(self._path)
        if signature is None or signature != self._signature:
            try:
                self._read_on()
            except OSError as error:
                return (*self._recordings, self._unreadable(error))
            last = self._splitter.last()
            stages = self._stages.with_last(last) if last else self._stages
            self._recordings = stages.recordings(self._splitter.orphans, self._written(last))
            self._signature = signature
        return self._recordings

    def _start_over(self) -> None:
        self._splitter = Splitter()
        self._stages = TextStages(self._name)

    def _read_on(self) -> None:
        for lines in self._tail.follow():
            if lines.restarted:
                self._start_over()
            if self._stages.offset is None:
                self._stages.offset = _offset(self._path, self._within)
            for record in self._splitter.feed(lines.data):
                self._stages.add(record)

    def _written(self, last: Record | None) -> Written | None:
        try:
            return Written.of(self._path.stat(), last.clock if last else None)
        except OSError:  # gone since it was read
            return None

    def _unreadable(self, error: OSError) -> Recording:
        problem = Problem(self._name, None, f"cannot be opened: {error.strerror}")
        return Recording(Source(self._name, FORMAT, 0), problems=(problem,))


def _offset(path: Path, within: Path | None) -> float | None:
    """Find how far the log's clock is from UTC: its last record was written when the file last changed."""
    with open_regular(path, within) as file:
        status = os.fstat(file.fileno())
        file.seek(max(0, status.st_size - _END))
        headers = HEADER.findall(file.read(_END))
    clock = seconds(headers[-1][0].decode()) if headers else None
    if clock is None:
        return None
    offset = zone_offset(clock, status.st_mtime)
    return own_offset(clock) if offset is None else offset


class Splitter:
    """The bytes of a text log, cut into records."""

    def __init__(self) -> None:
        self.rest = b""
        """The last record, as far as it has come: at most :data:`LARGEST_RECORD` bytes of it."""
        self._line = 1
        self._cut_lines = 0
        self.orphans = 0
        """Lines before the first header: what is left of a record whose beginning is gone."""

    def feed(self, chunk: bytes) -> list[Record]:
        """Take in more bytes, and give every record that they complete: the last one there is stays back."""
        content = self.rest + chunk
        headers = list(HEADER.finditer(content))
        if headers and (first := headers[0].start()):
            before = content.count(b"\n", 0, first) + self._cut_lines
            self._line, self.orphans, self._cut_lines = self._line + before, self.orphans + before, 0
        records = []
        for header, following in pairwise(headers):
            records.append(self._record(header, content[header.end() : following.start()]))
            self._line += content.count(b"\n", header.start(), following.start()) + self._cut_lines
            self._cut_lines = 0
        rest = content[headers[-1].start() :] if headers else content
        self._cut_lines += rest.count(b"\n", LARGEST_RECORD)
        self.rest = rest[:LARGEST_RECORD]
        return records

    def last(self) -> Record | None:
        """Give the record at the end of the file, as far as it has come."""
        header = HEADER.match(self.rest)
        return self._record(header, self.rest[header.end() :]) if header else None

    def _record(self, header: re.Match[bytes], body: bytes) -> Record:
        return read_record(header[1], header[2], body, self._line)
