"""The files of a run's directory, and where the run is by the newest of them: few bytes from each of many runs."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.errors import RunUnreadable
from thalia_monitor.reading.clock import believable
from thalia_monitor.reading.files import Look, leads_outside, open_regular, scan
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.formats.json_values import END_OF_TIME
from thalia_monitor.reading.formats.metadata import LARGEST, Unusable, read_checkpoint
from thalia_monitor.reading.rotated import may_be_part

if TYPE_CHECKING:
    from thalia_monitor.model.records import Checkpoint

END: Final = 64 * 1024
"""Bytes of the log's end that are looked at; a line has some 400."""
STEP_IN_NAME: Final = re.compile(r"metadata_(\d{1,18})\.json")


@dataclass(frozen=True)
class Listing:
    """The files of a directory as they are at one moment."""

    log: os.stat_result | None = None
    metadata: dict[str, os.stat_result] = field(default_factory=dict)
    rotated: dict[str, os.stat_result] = field(default_factory=dict)
    """Files beside the log whose names begin as its does."""
    others: Look = field(default_factory=Look)
    outside: tuple[str, ...] = ()
    """Files that are links out of the directory, and therefore not read."""

    @cached_property
    def version(self) -> str:
        """A signature of the files: equal ones mean equal contents."""
        others = self.metadata | self.rotated
        names = sorted(others)
        files = [*(others[name] for name in names), *([self.log] if self.log else [])]
        numbers = [(each.st_mode, each.st_ino, each.st_size, each.st_mtime_ns) for each in files]
        signature = repr((names, numbers, self.others.version, self.outside))
        return hashlib.blake2b(signature.encode(errors="replace"), digest_size=12).hexdigest()

    @property
    def last_update(self) -> datetime | None:
        """When one of the files last changed."""
        logs = [self.log] if self.log else [*self.rotated.values()]
        times = [status.st_mtime for status in (*logs, *self.metadata.values())]
        times += [self.others.modified] if self.others.modified is not None else []
        latest = max(times, default=None)
        return None if latest is None else datetime.fromtimestamp(min(max(latest, 0), END_OF_TIME - 1), UTC)


def list_directory(directory: Path, within: Path | None = None) -> Listing:
    """Take the status of every documented file; raises RunUnreadable where there is no such directory.

    Links that lead out of ``within`` are left out and named.
    """
    log, metadata, outside = None, {}, []
    rotated: dict[str, os.stat_result] = {}
    try:
        with scan(directory, within) as entries:
            for entry in entries:
                name = entry.name
                beside = may_be_part(name)
                documented = name.startswith("metadata_") and name.endswith(".json")
                if not (beside or documented or name == contract.LOG_NAME):
                    continue
                if within and entry.is_symlink() and leads_outside(directory / name, within):
                    outside.append(name)
                elif name == contract.LOG_NAME:
                    log = _status(entry)
                elif status := _status(entry):
                    if not beside:
                        metadata[name] = status
                    elif stat.S_ISREG(status.st_mode):
                        rotated[name] = status
    except FileNotFoundError as error:
        raise RunUnreadable(f"There is no directory {directory}. Check --checkpoint-dir.") from error
    except NotADirectoryError as error:
        raise RunUnreadable(
            f"{directory} is not a directory. Give the run's checkpoint directory."
        ) from error
    except OSError as error:
        raise RunUnreadable(f"{directory} cannot be read: {error.strerror}.") from error
    return Listing(log, metadata, rotated, outside=tuple(sorted(outside)))


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:  # gone since it was listed, or a dangling link
        return None


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in one line of a list."""

    stage: int | None = None
    step: int | None = None
    last_update: datetime | None = None
    """When one of the files last changed."""
    first_line: tuple[int, float] | None = None
    """Step and time (Unix seconds) of the first line of the log that has both."""
    last_line: tuple[int, float] | None = None
    saved: tuple[tuple[int, float], ...] = ()
    """Step and time of change of the checkpoints' files that are named by their step, in order."""
    usual_gap: float | None = None
    """Median seconds between the last lines of the log that have a time."""
    losses: tuple[float, ...] = ()
    """The last values of the loss in the log."""


def summarize(directory: Path, within: Path | None = None) -> Summary:
    """Look at a run's newest checkpoint and the end of its log (no link out of ``within``); raises RunUnreadable."""
    listing = list_directory(directory, within)
    point = _newest(directory, listing.metadata, within)
    log = _ends(directory / contract.LOG_NAME, listing.log, within) if listing.log else _Ends()
    steps = [step for step in (log.step, point.step if point else None) if step is not None]
    stage = point.stage if point else None
    return Summary(
        None if stage is None else -1 if stage == -0.5 else int(stage),
        max(steps, default=None),
        listing.last_update,
        log.first,
        log.last,
        tuple(
            sorted(
                (int(number[1]), status.st_mtime)
                for name, status in listing.metadata.items()
                if (number := STEP_IN_NAME.fullmatch(name))
            )
        ),
        log.usual_gap,
        log.losses,
    )


def _newest(directory: Path, files: Mapping[str, os.stat_result], within: Path | None) -> Checkpoint | None:
    def by_step(name: str) -> tuple[int, float]:
        number = STEP_IN_NAME.fullmatch(name)
        return (int(number[1]) if number else -1, files[name].st_mtime)

    for name in sorted(files, key=by_step, reverse=True)[:3]:  # the newest may be half-written
        try:
            with open_regular(directory / name, within) as file:
                return read_checkpoint(file.read(LARGEST), name, files[name].st_mtime, lambda _: None)
        except (Unusable, OSError):
            continue
    return None


@dataclass(frozen=True, slots=True)
class _Line:
    """What a list of runs needs of one line of a log."""

    step: int | None
    time: float | None
    loss: float | None


@dataclass(frozen=True, slots=True)
class _Ends:
    """What the first and the last lines of a log tell."""

    first: tuple[int, float] | None = None
    last: tuple[int, float] | None = None
    """Step and time of the first and of the last line that have both."""
    step: int | None = None
    usual_gap: float | None = None
    losses: tuple[float, ...] = ()


def _ends(path: Path, status: os.stat_result, within: Path | None) -> _Ends:
    """Read both ends of a log; nothing where it cannot be read."""
    try:
        with open_regular(path, within) as file:
            begin = file.read(END).split(b"\n")
            file.seek(max(status.st_size - END, 0))
            end = file.read(END).split(b"\n")
    except OSError:
        return _Ends()
    lines = [each for each in map(_line, reversed(end)) if each and each.step is not None][:_TRIED]
    times = [each.time for each in lines if each.time is not None]
    gaps = [later - earlier for later, earlier in pairwise(times) if later > earlier]
    return _Ends(
        _timed(map(_line, begin[:_TRIED])),
        _timed(lines),
        lines[0].step if lines else None,
        median(gaps) if gaps else None,
        tuple(each.loss for each in reversed(lines) if each.loss is not None),
    )


_TRIED: Final = 100
"""Lines at either end that are looked at for a time."""


def _timed(lines: Iterable[_Line | None]) -> tuple[int, float] | None:
    return next(
        (
            (each.step, each.time)
            for each in lines
            if each and each.step is not None and each.time is not None
        ),
        None,
    )


def _line(line: bytes) -> _Line | None:
    try:
        given: Any = json.loads(line.strip().rstrip(b",]").decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict):
        return None
    time, loss = json_values.unix_time(given.get(contract.TIMESTAMP)), json_values.number(given.get("loss"))
    believed = time is not None and bool(believable(np.array([time]))[0])
    finite = loss is not None and math.isfinite(loss)
    return _Line(
        json_values.count(given.get(contract.STEP)), time if believed else None, loss if finite else None
    )
