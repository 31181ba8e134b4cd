"""``curriculum_training.log``: the only file that Thalia's own logger writes while a stage runs.

It is read as it grows. Its last record has no end but the end of the file, so that one is read again whenever
more arrives. Its stamps are local time without a zone.

All loggers of one process write into every log file that any of them has opened, and no record says which
logger it is from. What can be noticed of that in this file alone is among the problems; see also
:mod:`~thalia_monitor.reading.formats.stage_spans`.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PureWindowsPath
from typing import Final, Self

from thalia_monitor import contract
from thalia_monitor.metric_info import CORE
from thalia_monitor.model.records import Event, Problem, Source
from thalia_monitor.reading.clock import own_offset, zone_offset
from thalia_monitor.reading.files import FoundFile, Signature, open_regular, signature_of
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.formats.text_records import (
    HEADER,
    MISUSE,
    SESSION,
    STEP,
    Record,
    read_record,
    seconds,
)
from thalia_monitor.reading.jsonl.tail import Tail
from thalia_monitor.reading.recording import MetricLine, Recording, Stretch, Written

NAME: Final = "curriculum_training.log"
FORMAT: Final = "CurriculumLogger text log"
ROTATED_FORMAT: Final = "rotated log"
ROTATED_NAME: Final = re.compile(rf"(?:{re.escape(NAME)}|trials\.csv|events\.log)[._-]\d[\w.:+-]*")
"""Parts of logs that are text, which a rotation has cut off."""

LARGEST_RECORD: Final = 1024 * 1024
"""Bytes; what a record has beyond this is left out, so that a file of another kind cannot fill the memory."""

_END: Final = 64 * 1024
_PLACED_AFTER_STEP: Final = {contract.WARNING, contract.MILESTONE, contract.EXTENSION}
"""Kinds that name no step of their own: they happened right after the step logged before them."""
_ROUNDED: Final = 0.0005
_UNHEALTHY: Final = (
    *((each.name, each.warn_above + _ROUNDED, 9.0) for each in CORE if each.warn_above is not None),
    *((each.name, -9.0, each.warn_below - _ROUNDED) for each in CORE if each.warn_below is not None),
)
"""Metrics and ranges for which the logger surely warns, printed as they are with three decimals."""


def follow(
    folder: Path, prefix: str, within: Path | None
) -> Callable[[Sequence[FoundFile], float], tuple[Recording, ...]]:
    """Make the reader of a folder's text log, which reads on from where it stopped."""
    log = TextLog(folder / NAME, prefix + NAME, within)
    return lambda _, __: log.read()


def refuse_rotated(_: Path, name: str, __: Path | None = None) -> Recording:
    """Report a rotated part of a log, which is not read."""
    problem = Problem(name, None, "is a rotated part of its log, and is not read")
    return Recording(Source(name, ROTATED_FORMAT, 0), problems=(problem,))


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


@dataclass(slots=True)
class _Part:
    """What stands between one start of a stage and the next."""

    stage: float | None = None
    start: float | None = None
    end: float | None = None
    weeks: float | None = None
    criteria: dict[str, float] = field(default_factory=dict)
    lines: list[MetricLine] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    records: int = 0
    falls: list[int] = field(default_factory=list)
    """Lines at which the step went back."""

    def fork(self) -> Self:
        twin = copy(self)
        twin.lines, twin.events, twin.falls = [*self.lines], [*self.events], [*self.falls]
        return twin


class TextStages:
    """Stages, events and problems of the records read so far."""

    def __init__(self, name: str) -> None:
        self.offset: float | None = None
        """Seconds that the log's clock runs ahead of UTC; None until a record is there to tell it by."""
        self._name = name
        self._parts: list[_Part] = []
        self._folders: dict[str, int] = {}
        self._misuse: Counter[str] = Counter()
        self._first_misuse: dict[str, int] = {}
        self._lossy: list[int] = []
        self._symbols = 0
        self._unwarned = 0
        self._names = json_values.Names()
        self._expecting_warning = False

    def add(self, record: Record) -> None:
        """Take in the next record."""
        self._watch(record)
        if record.kind == contract.STAGE_START or not self._parts:
            self._parts.append(_Part())
        part = self._parts[-1]
        part.records += 1
        if record.kind == STEP and record.step is not None:
            self._add_step(part, record, record.step)
        elif record.kind not in (SESSION, MISUSE, STEP):
            self._add_event(part, record)

    def with_last(self, record: Record) -> TextStages:
        """Return a copy with one more record, which may still change."""
        twin = copy(self)
        twin._parts = [*self._parts[:-1], *(part.fork() for part in self._parts[-1:])]
        twin._folders, twin._misuse = {**self._folders}, self._misuse.copy()
        twin._first_misuse, twin._lossy = {**self._first_misuse}, [*self._lossy]
        twin.add(record)
        return twin

    def recordings(self, orphans: int = 0, written: Written | None = None) -> tuple[Recording, ...]:
        """Give one recording for each part; what is wrong with the file as a whole stands with the first."""
        parts = [part for part in self._parts if part.lines or part.events] or [_Part()]
        problems = self._problems(orphans)
        return tuple(
            Recording(
                self._source(part),
                tuple(part.lines),
                tuple(part.events),
                criteria=part.criteria,
                problems=(problems if part is parts[0] else ()) + self._mixed(part),
                stretch=Stretch(part.stage, part.start, part.end, part.weeks),
                written=written,
            )
            for part in parts
        )

    def _time(self, record: Record) -> float | None:
        return None if record.clock is None else record.clock - (self.offset or 0.0)

    def _add_step(self, part: _Part, record: Record, step: int) -> None:
        if part.lines and step < part.lines[-1].step:
            part.falls.append(record.line)
        metrics = self._names.keep({**record.fields})
        part.lines.append(MetricLine(step, metrics, time=self._time(record), stage=part.stage))

    def _add_event(self, part: _Part, record: Record) -> None:
        time, fields = self._time(record), record.fields
        if record.kind == contract.STAGE_START:
            part.stage, part.weeks, part.start = fields["stage"], fields["weeks"], time
            part.criteria = fields["criteria"]
        elif record.kind == contract.STAGE_END:
            part.stage = fields["stage"] if part.stage is None else part.stage
            if fields["stage"] == part.stage:
                part.end = time
        placed = record.kind in _PLACED_AFTER_STEP and part.lines
        step = part.lines[-1].step if placed else record.step
        part.events.append(Event(record.kind, step, fields, time=time, file=self._name, line=record.line))

    def _watch(self, record: Record) -> None:
        """Notice what no single record tells: lost characters, other loggers, warnings that are missing."""
        if record.lossy:
            self._lossy.append(record.line)
        self._unwarned += self._expecting_warning and not record.health
        self._symbols += record.health or record.kind in (contract.MILESTONE, contract.TRANSITION)
        self._expecting_warning = record.kind == STEP and any(
            low < record.fields.get(name, low) < high for name, low, high in _UNHEALTHY
        )
        if record.kind == SESSION:
            self._folders.setdefault(str(PureWindowsPath(record.fields["path"]).parent), record.line)
        elif record.kind == MISUSE:
            message = record.fields["message"]
            self._misuse[message] += 1
            self._first_misuse.setdefault(message, record.line)

    def _problems(self, orphans: int) -> tuple[Problem, ...]:
        found: list[tuple[int | None, str]] = []
        if orphans:
            found.append((1, f"{orphans:,} lines stand before the first record: the beginning is missing"))
        for message, count in self._misuse.items():
            lost = "; what it was given is in no file" if message.startswith("No active") else ""
            found.append((self._first_misuse[message], f"Thalia's logger says, {count:,} ×: {message}{lost}"))
        if len(self._folders) > 1:
            folders = ", ".join(self._folders)
            reason = (
                f"sessions of several loggers were saved ({folders}): not all of these records are this run's"
            )
            found.append((list(self._folders.values())[1], reason))
        if self._lossy:
            found.append((self._lossy[0], f"{len(self._lossy):,} records hold characters that are no UTF-8"))
        if self._names.full:
            found.append((None, json_values.TOO_MANY))
        if self._unwarned and not self._symbols:
            found.append((None, _SYMBOLS_LOST))
        return tuple(Problem(self._name, line, reason) for line, reason in found)

    def _mixed(self, part: _Part) -> tuple[Problem, ...]:
        """Tell of records that several loggers wrote in turns; a step that goes back once is a resume."""
        if len(part.falls) < 2:
            return ()
        reason = (
            f"the step goes back {len(part.falls):,} times within one stage: several loggers write this file"
        )
        return (Problem(self._name, part.falls[0], reason),)

    def _source(self, part: _Part) -> Source:
        steps = [line.step for line in part.lines]
        return Source(self._name, FORMAT, part.records, min(steps, default=None), max(steps, default=None))


_SYMBOLS_LOST: Final = (
    "health warnings, milestone checks and transitions are missing: the log was written in an encoding that "
    "lacks their symbols (Windows); set PYTHONUTF8=1 for the training"
)
