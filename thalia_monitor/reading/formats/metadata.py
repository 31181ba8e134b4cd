"""``metadata_*.json``: one checkpoint each, every file parsed once for each time it is written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from thalia_monitor import contract
from thalia_monitor.metric_info import CORE_METRICS
from thalia_monitor.model.records import Checkpoint, HealthWarning, Problem, SavedFile, Source
from thalia_monitor.reading.files import open_regular
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.formats.problems import Repeated, severity_of, stated_severity
from thalia_monitor.reading.jsonl.line import Report, kind_of

FORMAT: Final = "checkpoint metadata"
LARGEST: Final = 16 * 2**20
"""Bytes; a larger metadata file is refused."""
MOST_WARNINGS: Final = 1_000

Signature = tuple[int, int, int]


class Unusable(Exception):
    """A metadata file that is no checkpoint as it is now; the text says why."""


@dataclass(frozen=True, slots=True)
class _Known:
    signature: Signature
    checkpoint: Checkpoint | None
    problems: tuple[Problem, ...]


class MetadataFolder:
    """The metadata files of a run; a file that became unreadable keeps its last good reading."""

    def __init__(self, directory: Path, within: Path | None = None) -> None:
        self.directory = directory
        self._within = within
        self.bytes_read = 0
        self.checkpoints: tuple[Checkpoint, ...] = ()
        """Ordered by step, then modification time."""
        self.files: tuple[SavedFile, ...] = ()
        """The same as files, those that cannot be read too."""
        self.problems: tuple[Problem, ...] = ()
        self._known: dict[str, _Known] = {}
        self._names = json_values.Names()

    @property
    def sources(self) -> tuple[Source, ...]:
        """All of them as one source."""
        points = self.checkpoints
        if not self._known:
            return ()
        first, last = (points[0].step, points[-1].step) if points else (None, None)
        return (Source(contract.METADATA_PATTERN, FORMAT, len(points), first, last),)

    def refresh(self, files: Mapping[str, os.stat_result]) -> None:
        """Read those of the run's metadata files that are new or have changed."""
        known = {name: self._look(name, status) for name, status in sorted(files.items())}
        if known == self._known:
            return
        self._known = known
        found = [each.checkpoint for each in known.values() if each.checkpoint]
        self.checkpoints = tuple(sorted(found, key=lambda point: (point.step, point.modified, point.file)))
        self.files = tuple(_saved(name, each) for name, each in known.items())
        self.problems = tuple(_once(problem for name in known for problem in known[name].problems))
        if self._names.full:
            self.problems = (Problem(contract.METADATA_PATTERN, None, json_values.TOO_MANY), *self.problems)

    def _look(self, name: str, status: os.stat_result) -> _Known:
        signature = (status.st_ino, status.st_size, status.st_mtime_ns)
        before = self._known.get(name)
        if before is not None and before.signature == signature:
            return before
        reasons: list[str] = []
        try:
            content = _content(self.directory / name, status.st_size, self._within)
            self.bytes_read += len(content)
            found = read_checkpoint(content, name, status.st_mtime, reasons.append)
            checkpoint: Checkpoint | None = replace(found, metrics=self._names.keep({**found.metrics}))
        except (Unusable, OSError) as error:
            checkpoint = before.checkpoint if before else None
            kept = "; the last good reading of it is shown" if checkpoint else ""
            why = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            reasons.append(why + kept)
        return _Known(signature, checkpoint, tuple(Problem(name, None, reason) for reason in reasons))


def _saved(name: str, known: _Known) -> SavedFile:
    point = known.checkpoint
    size, modified = known.signature[1], known.signature[2] / 1e9
    if point is None:
        reason = known.problems[0].reason if known.problems else ""
        return SavedFile(name, size, modified, status="unreadable", reason=reason)
    found = SavedFile(name, size, point.modified, point.step, point.stage)
    return replace(found, metrics=point.metrics, milestones=point.milestones)


def _once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Leave out what one field gives again in every file."""
    seen: set[str] = set()
    for problem in problems:
        if not isinstance(problem.reason, Repeated) or problem.reason not in seen:
            seen.add(problem.reason)
            yield problem


def _content(path: Path, size: int, within: Path | None) -> bytes:
    if size > LARGEST:
        raise Unusable(f"is larger than {LARGEST // 2**20} MB, too large for a checkpoint's metadata")
    with open_regular(path, within) as file:
        return file.read(LARGEST)


def read_checkpoint(content: bytes, file: str, modified: float, report: Report) -> Checkpoint:
    """Build a checkpoint from a metadata file's content; raises Unusable where there is none in it."""
    given = _object(content)
    step = json_values.count(given.get("step"))
    if step is None:
        raise Unusable("has no usable step (a whole number of at least 0)")
    return Checkpoint(
        file,
        step,
        _number(given, "current_stage", report),
        _number(given, "current_week", report),
        _number(given, "total_weeks", report),
        _metrics(_table(given, "metrics", report), report),
        _milestones(_table(given, "milestones", report), report),
        _warnings(given.get("warnings"), report),
        _training_seconds(given, report),
        modified,
    )


def _object(content: bytes) -> dict[str, Any]:
    if not content.strip(b" \t\r\n\0"):
        raise Unusable("is empty: it is being written, or the save failed")
    try:
        given = json.loads(content.decode("utf-8-sig", "replace"))
    except json.JSONDecodeError as error:
        raise Unusable(
            f"is not whole JSON ({error.msg} in line {error.lineno:,}): half-written, or a save that failed"
        ) from error
    except (ValueError, RecursionError) as error:
        raise Unusable("cannot be parsed: nested too deeply, or a number too long") from error
    if not isinstance(given, dict):
        raise Unusable(f"should hold a JSON object, and holds {json_values.kind_of(given)}")
    return given


def _number(given: Mapping[str, Any], name: str, report: Report) -> float | None:
    value = given.get(name)
    found = json_values.finite(value)
    if found is None and value is not None:
        report(f"{name} should be a number, and is {json_values.shown(value)}")
    return found


def _table(given: Mapping[str, Any], name: str, report: Report) -> Mapping[str, Any]:
    value = given.get(name)
    if value is None or isinstance(value, dict):
        return value or {}
    report(f"{name} should be an object, and is {json_values.kind_of(value)}")
    return {}


def _metrics(given: Mapping[str, Any], report: Report) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in given.items():
        if len(found) > json_values.MOST_SERIES:  # the rest is left out in any case
            break
        if (plain_value := json_values.number(value)) is not None:
            found[name] = plain_value
        elif isinstance(value, dict):
            inner = ((f"{name}/{key}", json_values.number(each)) for key, each in value.items())
            found.update((key, each) for key, each in inner if each is not None)
        elif value is not None and (not isinstance(value, bool) or name in CORE_METRICS):
            report(Repeated(f"metric {json_values.text(name)!r} should be a number, and is {kind_of(value)}"))
    names = json_values.Names()
    found = names.keep(json_values.well_named(found, report))
    if names.full:
        report(json_values.TOO_MANY)
    return found


def _milestones(given: Mapping[str, Any], report: Report) -> dict[str, bool]:
    found: dict[str, bool] = {}
    if len(given) > json_values.LARGEST_COLLECTION:
        report(f"has more than {json_values.LARGEST_COLLECTION:,} milestones; the rest of them is left out")
    for name, value in islice(given.items(), json_values.LARGEST_COLLECTION):
        if value is None:  # not evaluated
            continue
        found[json_values.text(name)] = value is True
        if not isinstance(value, bool):
            report(
                f"milestone {json_values.text(name)!r} should be true or false, and is {json_values.shown(value)}"
            )
    return found


def _warnings(given: object, report: Report) -> tuple[HealthWarning, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        report(f"warnings should be a list, and is {json_values.kind_of(given)}")
        given = [given]
    if len(given) > MOST_WARNINGS:
        report(f"has more than {MOST_WARNINGS:,} warnings; the rest of them is left out")
    found = (_warning(each, report) for each in given[:MOST_WARNINGS])
    return tuple(warning for warning in found if warning is not None)


def _warning(given: object, report: Report) -> HealthWarning | None:
    message = given.get("message") if isinstance(given, dict) else given
    if not isinstance(message, str):
        report(f"a warning should be a text or have a message, and is {json_values.kind_of(given)}")
        return None
    message = json_values.text(message)
    stated = stated_severity(given.get("severity")) if isinstance(given, dict) else None
    return HealthWarning(stated or severity_of(message), message)


def _training_seconds(given: Mapping[str, Any], report: Report) -> float | None:
    value = given.get("training_time_seconds")
    found = json_values.seconds(value)
    if found is None and value is not None:
        report(f"training_time_seconds should be a number of seconds, and is {json_values.shown(value)}")
    return found
