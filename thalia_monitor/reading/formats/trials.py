"""``trials.csv`` and ``events.log``: what Thalia's newest training loop writes, one line per trial.

Both files are flushed after every line and new for every run; a trial is the step. Clocks are seconds since
the start of the run, which the first line of ``events.log`` tells in local time without a zone. Source:
Thalia's ``TrainingLogger`` as of 2026-03-25.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from thalia_monitor import contract
from thalia_monitor.model.records import (
    Checkpoint,
    Event,
    HealthWarning,
    Problem,
    SavedFile,
    Severity,
    Source,
)
from thalia_monitor.reading.clock import own_offset, zone_offset
from thalia_monitor.reading.files import FoundFile, open_regular
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.jsonl.tail import Lines, Tail
from thalia_monitor.reading.recording import MetricLine, Recording

TRIALS_NAME: Final = "trials.csv"
EVENTS_NAME: Final = "events.log"
SAVED_NAME: Final = re.compile(r"checkpoint_trial_(\d+)\.pt")
FORMAT: Final = "Thalia trials"
EVENTS_FORMAT: Final = "Thalia trial events"
SAVED_FORMAT: Final = "PyTorch checkpoint"

DIAGNOSTICS: Final = "diagnostics"
TASK_LEARNED: Final = "task_learned"

_HEADER: Final = re.compile(r"# Training events log \S+ (\S+)")
_EVENT: Final = re.compile(r"\[trial\s+(\d+) \|\s+([\d.]+)s\] (.*)")
_DIAGNOSTICS: Final = re.compile(r"DIAGNOSTICS\s+criticals=(\d+)\s+warnings=(\d+)\s+brain_state=(.*)")
_TAIL: Final = 4096
_WIDEST: Final = json_values.MOST_SERIES + 2
"""Columns: the metrics, the trial and its clock."""

_Reader = Callable[[Sequence[FoundFile], float], tuple[Recording, ...]]


def follow(folder: Path, prefix: str, within: Path | None) -> _Reader:
    """Make the reader of a folder's trials and events, which reads on from where it stopped."""
    trials = Trials(folder, prefix, within)

    def read(_: Sequence[FoundFile], __: float) -> tuple[Recording, ...]:
        try:
            return trials.read()
        except OSError as error:
            problem = Problem(prefix + TRIALS_NAME, None, f"cannot be read: {error.strerror}")
            return (Recording(Source(problem.file, FORMAT, 0), problems=(problem,)),)

    return read


def follow_saved(_: Path, prefix: str, __: Path | None) -> _Reader:
    """Make the reader of a folder's PyTorch checkpoints, which lists them by name."""
    family = f"{prefix}checkpoint_trial_*.pt"

    def read(files: Sequence[FoundFile], _: float) -> tuple[Recording]:
        listed = saved_trials([file.path.name for file in files], family)
        return (replace(listed, files=tuple(map(_saved_file, files))),)

    return read


def _saved_file(file: FoundFile) -> SavedFile:
    step = _trial(file.path.name)
    reason = "its content is a pickle, which is never opened"
    return SavedFile(file.name, file.signature[1], file.modified, step, status="not opened", reason=reason)


class Trials:
    """The two files of one run, read on from where the last reading stopped."""

    def __init__(self, folder: Path, prefix: str = "", within: Path | None = None) -> None:
        self._folder = folder
        self._within = within
        self._table_name = prefix + TRIALS_NAME
        self._events_name = prefix + EVENTS_NAME
        self._table = Tail(folder / TRIALS_NAME, within=within)
        self._log = Tail(folder / EVENTS_NAME, within=within)
        self._start: float | None = None
        self._begin_table()
        self._begin_events()

    def read(self) -> tuple[Recording, ...]:
        """Give one recording for each file that is there; raises OSError for one that cannot be read."""
        if self._start is None:
            self._start = _start(self._folder, self._within)
        found = []
        if (self._folder / EVENTS_NAME).exists():
            for lines in self._log.follow():
                self._take_events(lines)
            found.append(self._events_recording())
        if (self._folder / TRIALS_NAME).exists():
            for lines in self._table.follow():
                self._take_trials(lines)
            found.append(self._table_recording())
        return tuple(found)

    def _begin_table(self) -> None:
        self._start = None
        self._columns: list[str] = []
        self._wide = False
        """Whether it has more columns than are kept."""
        self._names = json_values.Names()
        self._lines: list[MetricLine] = []
        self._clock = 0.0
        self._bad: list[int] = []

    def _begin_events(self) -> None:
        self._happened: list[Event] = []

    def _take_trials(self, lines: Lines) -> None:
        if lines.restarted:
            self._begin_table()
            self._start = _start(self._folder, self._within)
        for number, text in enumerate(_texts(lines), lines.first_number):
            if not text:
                continue
            row = _cells(text)
            if not self._columns:
                self._columns, self._wide = row[:_WIDEST], len(row) > _WIDEST
            elif row and (line := self._line(dict(zip(self._columns, row, strict=False)))):
                self._lines.append(line)
            elif row:
                self._bad.append(number)

    def _line(self, row: Mapping[str, str]) -> MetricLine | None:
        values = {name: value for name, text in row.items() if (value := _number(text)) is not None}
        trial, clock = (
            json_values.count(values.pop("trial", None)),
            json_values.seconds(values.pop("wall_clock_s", None)),
        )
        if trial is None:
            return None
        self._clock = clock or self._clock
        return MetricLine(trial, self._names.keep(values), time=self._time(clock))

    def _time(self, clock: float | None) -> float | None:
        return None if clock is None or self._start is None else json_values.unix_time(self._start + clock)

    def _take_events(self, lines: Lines) -> None:
        if lines.restarted:
            self._begin_events()
        for number, text in enumerate(_texts(lines), lines.first_number):
            if found := _EVENT.fullmatch(text):
                kind, fields = _meaning(found[3])
                step, time = (
                    json_values.count(_number(found[1])),
                    self._time(json_values.seconds(_number(found[2]))),
                )
                self._happened.append(Event(kind, step, fields, 0, time, self._events_name, number))

    def _table_recording(self) -> Recording:
        steps = [line.step for line in self._lines]
        source = Source(
            self._table_name, FORMAT, len(steps), min(steps, default=None), max(steps, default=None)
        )
        reason = f"{len(self._bad):,} rows have no usable trial number"
        problems = [Problem(self._table_name, self._bad[0], reason)] if self._bad else []
        problems += (
            [Problem(self._table_name, 1, json_values.TOO_MANY)] if self._wide or self._names.full else []
        )
        points = (self._checkpoint(self._lines[-1]),) if self._lines else ()
        return Recording(source, tuple(self._lines), (), points, problems=tuple(problems))

    def _checkpoint(self, last: MetricLine) -> Checkpoint:
        """Where the run stands: the newest trial, what it has learned, and what stopped it."""
        alerts = [event for event in self._happened if event.kind == contract.WARNING]
        learned = any(event.kind == TASK_LEARNED for event in self._happened)
        return Checkpoint(
            self._table_name,
            last.step,
            metrics=last.metrics,
            milestones={TASK_LEARNED: learned},
            warnings=tuple(HealthWarning(Severity.CRITICAL, event.fields["message"]) for event in alerts),
            training_seconds=self._clock,
            modified=last.time or 0.0,
        )

    def _events_recording(self) -> Recording:
        steps = [event.step for event in self._happened if event.step is not None]
        source = Source(
            *(self._events_name, EVENTS_FORMAT, len(self._happened)),
            *(min(steps, default=None), max(steps, default=None)),
        )
        return Recording(source, events=tuple(self._happened))


def _trial(name: str) -> int | None:
    named = SAVED_NAME.fullmatch(name)
    return json_values.count(int(named[1])) if named else None


def saved_trials(names: Sequence[str], family: str) -> Recording:
    """List PyTorch checkpoints by their names: their content is a pickle, which is never opened."""
    trials = [found for name in names if (found := _trial(name)) is not None]
    return Recording(
        Source(
            family,
            SAVED_FORMAT,
            len(trials),
            min(trials, default=None),
            max(trials, default=None),
            "listed by name, never opened",
        )
    )


def _texts(lines: Lines) -> list[str]:
    return [text.rstrip("\r") for text in lines.data.decode("utf-8", "replace").split("\n")[:-1]]


def _cells(text: str) -> list[str]:
    try:
        return next(csv.reader([text]), [])
    except csv.Error:
        return [""]


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _meaning(message: str) -> tuple[str, dict[str, object]]:
    if found := _DIAGNOSTICS.fullmatch(message):
        return DIAGNOSTICS, {
            "criticals": json_values.count(_number(found[1])),
            "warnings": json_values.count(_number(found[2])),
            "brain_state": json_values.text(found[3]),
        }
    if message.startswith("ALERT"):
        return contract.WARNING, {"severity": "critical", "message": message.removeprefix("ALERT").strip()}
    return (TASK_LEARNED, {}) if message == "TASK_LEARNED" else ("note", {"message": message})


def _start(folder: Path, within: Path | None) -> float | None:
    """Find when the run began, in Unix seconds: its local time, set right by the file's own time."""
    stamp = _stamp(folder, within)
    if stamp is None:
        return None
    try:
        with open_regular(folder / TRIALS_NAME, within) as file:
            status = os.fstat(file.fileno())
            file.seek(max(0, status.st_size - _TAIL))
            last = file.read(_TAIL).decode("utf-8", "replace").splitlines()[-1:]
        clock = json_values.seconds(_number(last[0].rpartition(",")[2])) if last else None
        offset = zone_offset(stamp, status.st_mtime - (clock or 0.0))
    except OSError:
        offset = None
    return stamp - (own_offset(stamp) if offset is None else offset)


def _stamp(folder: Path, within: Path | None) -> float | None:
    try:
        with open_regular(folder / EVENTS_NAME, within) as file:
            found = _HEADER.match(file.readline(_TAIL).decode("utf-8", "replace"))
        stamp = found[1] if found else folder.name
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp()
    except (OSError, ValueError):
        return None
