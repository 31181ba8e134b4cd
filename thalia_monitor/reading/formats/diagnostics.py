"""Thalia's diagnostics scripts: a report on one simulation, a summary of a sweep over patterns, an older health file.

``diagnostics_report.json`` and ``sweep_summary.json`` lie in a folder named after the time of the script's start, or
in one ``sweep_<pattern>`` below it. They have no training step; their rates are in Hz, unlike those of every log, and
keep the names that Thalia gives them. Source: Thalia from 2026-03-24 on; ``comprehensive_diagnostics_health.json``
until then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final

from thalia_monitor import contract
from thalia_monitor.model.records import Event, Problem, Severity, Source
from thalia_monitor.reading.clock import own_offset, zone_offset
from thalia_monitor.reading.files import read_document
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.formats.problems import stated_severity
from thalia_monitor.reading.recording import MetricLine, Recording

NAME: Final = "diagnostics_report.json"
HEALTH_NAME: Final = "comprehensive_diagnostics_health.json"
SWEEP_NAME: Final = "sweep_summary.json"
FORMAT: Final = "Thalia diagnostics"
SNAPSHOT_FOLDER: Final = re.compile(r"\d{4}-\d\d-\d\dT\d{6}")
"""A folder that a script of Thalia's names after the local time of its start."""
SWEEP_FOLDER: Final = re.compile(r"sweep_[\w.-]{1,60}")
MOST_NUMBERS: Final = 1_900
"""Numbers taken of one report; Thalia's default brain has some 600."""
_DEEPEST: Final = 4
_MADE: Final = 30 * 60.0
"""Seconds that a report may lie on the disk before, or be older than, the time that it tells of itself."""


def read_diagnostics(path: Path, name: str, within: Path | None = None) -> Recording:
    """Read a report: its numbers as one line, itself and its issues as events; Torn while it is half-written."""
    found = read_document(path, within)
    document = found.fields
    health = json_values.table(document.get("health")) if path.name == NAME else document
    prefix = f"{path.parent.name}/" if SWEEP_FOLDER.fullmatch(path.parent.name) else ""
    numbers = dict(_numbers({key: each for key, each in document.items() if key != "health"}, prefix))
    for table, words in (("summary", "health/"), ("population_count", "health/populations_")):
        numbers |= {
            f"{prefix}{words}{key}": each
            for key, each in json_values.numbers(json_values.table(health.get(table))).items()
        }
    fields = {
        "criticals": json_values.count(json_values.table(health.get("summary")).get("n_critical")),
        "warnings": json_values.count(json_values.table(health.get("summary")).get("n_warning")),
        "brain_state": json_values.bounded(health.get("global_brain_state")),
        "inferred_brain_state": json_values.bounded(document.get("inferred_brain_state")),
        "population_status": _texts(health.get("population_status")),
    }
    time = _time(document.get("timestamp"), path, found.modified)
    recording = _recording(name, numbers, fields, time, _issues(health, name, time))
    if len(list(json_values.entries(health.get("issues")))) <= json_values.LARGEST_COLLECTION:
        return recording
    reason = f"has more than {json_values.LARGEST_COLLECTION:,} issues; the rest of them is left out"
    return replace(recording, problems=(*recording.problems, Problem(name, None, reason)))


def read_sweep(path: Path, name: str, within: Path | None = None) -> Recording:
    """Read a sweep's summary: the numbers of each pattern and population as one line, itself as an event."""
    found = read_document(path, within)
    document = found.fields
    patterns = {json_values.text(key): json_values.table(each) for key, each in document.items()}
    status = {
        f"{pattern}/{population}": entry.get("status")
        for pattern, each in patterns.items()
        for population, entry in json_values.table(each.get("populations")).items()
        if isinstance(entry, dict)
    }
    counts = {
        words: sum(json_values.count(each.get(key)) or 0 for each in patterns.values())
        for words, key in (("criticals", "n_critical"), ("warnings", "n_warnings"))
    }
    fields = {**counts, "patterns": list(patterns), "population_status": _texts(status)}
    return _recording(name, dict(_numbers(document, "sweep/")), fields, _time(None, path, found.modified), ())


def in_order(recordings: Sequence[Recording]) -> Iterator[Recording]:
    """Make one line of what each folder tells, numbered by time: the reports of a run are its only steps.

    Args:
        recordings: of one directory, from its own files and from those of its snapshot folders.
    """
    groups = [list(group) for _, group in groupby(sorted(recordings, key=_folder), _folder)]
    groups.sort(key=lambda group: (group[0].lines[0].time or 0.0, group[0].source.file))
    for step, group in enumerate(groups):
        merged = {name: value for each in group for name, value in each.lines[0].metrics.items()}
        for place, each in enumerate(group):
            events = tuple(
                replace(event, fields={**event.fields, "report": step})
                if event.kind == contract.REPORT
                else event
                for event in each.events
            )
            lines = (MetricLine(step, merged, time=each.lines[0].time),) if place == 0 else ()
            source = each.source
            if len(groups) > 1:
                source = replace(source, first_step=step, last_step=step)
            if len(groups) > 1 and (folder := _folder(each)):
                source = replace(source, file=f"*{each.source.file.removeprefix(folder)}")
            yield replace(each, source=source, lines=lines if merged else (), events=events)


def _folder(recording: Recording) -> str:
    """The snapshot folder that a recording is from; empty for the directory itself."""
    first = recording.source.file.partition("/")[0]
    return first if SNAPSHOT_FOLDER.fullmatch(first) else ""


def _recording(
    name: str, numbers: dict[str, float], fields: dict[str, Any], time: float, issues: Iterable[Event]
) -> Recording:
    kept = json_values.well_named(dict(list(numbers.items())[:MOST_NUMBERS]), lambda _: None)
    lost = len(numbers) - len(kept)
    reason = f"holds {len(numbers):,} numbers; {lost:,} of them are left out"
    present = {key: each for key, each in fields.items() if each not in (None, {})}
    report = Event(contract.REPORT, None, present | {"numbers": kept}, time=time, file=name)
    return Recording(
        Source(name, FORMAT, 1),
        (MetricLine(0, kept, time=time),),
        (*((report,) if present or kept else ()), *issues),
        problems=(Problem(name, None, reason),) if lost else (),
        own=True,
    )


def _numbers(table: Mapping[str, Any], prefix: str, depth: int = _DEEPEST) -> Iterator[tuple[str, float]]:
    """Name every number of an object by its path: ``region_firing_rates_hz/cortex``."""
    for key, value in table.items():
        if isinstance(value, dict) and depth:
            yield from _numbers(value, f"{prefix}{key}/", depth - 1)
        elif (
            not (key == "timestamp" and depth == _DEEPEST)
            and (number := json_values.number(value)) is not None
        ):
            yield f"{prefix}{key}", number


def _texts(given: object) -> dict[str, str]:
    found = {
        json_values.text(key): each for key, each in json_values.table(given).items() if isinstance(each, str)
    }
    return {key: each[:20] for key, each in list(found.items())[: json_values.LARGEST_COLLECTION]}


def _issues(health: Mapping[str, Any], file: str, time: float) -> Iterator[Event]:
    for issue in islice(json_values.entries(health.get("issues")), json_values.LARGEST_COLLECTION):
        texts = [issue.get(name) for name in ("message", "region", "population")]
        message, *where = [json_values.text(part) if isinstance(part, str) else "" for part in texts]
        place = ", ".join(filter(None, where))
        words = f"{message} ({place})" if place else message
        severity = stated_severity(issue.get("severity")) or Severity.WARNING
        yield _issue(words, severity, file, time, category=json_values.bounded(issue.get("category")))
    for key, severity in (("critical_issues", Severity.CRITICAL), ("warnings", Severity.WARNING)):
        listed = health.get(key)
        for each in listed[: json_values.LARGEST_COLLECTION] if isinstance(listed, list) else ():
            if isinstance(each, str):
                yield _issue(json_values.text(each), severity, file, time)


def _issue(message: str, severity: Severity, file: str, time: float, **more: Any) -> Event:
    return Event(
        contract.WARNING, None, {"severity": str(severity), "message": message} | more, time=time, file=file
    )


def _time(stamp: object, path: Path, modified: float) -> float:
    """When a report was made, in Unix seconds: as it says, else as its folder's name does, else as the file does."""
    exact = json_values.unix_time(stamp)
    if exact is not None:
        return exact
    folder = path.parent.parent if SWEEP_FOLDER.fullmatch(path.parent.name) else path.parent
    for text in (stamp, folder.name):
        if isinstance(text, str) and (clock := _clock(text)) is not None:
            offset = (
                zone_offset(clock, modified, _MADE) if text is not stamp else zone_offset(clock, modified)
            )
            return clock - (own_offset(clock) if offset is None else offset)
    return modified


def _clock(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        return json_values.unix_time(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        return None
