"""``stage_<N>_log.json`` and ``session_*.json``: what Thalia's own CurriculumLogger leaves of a stage.

The logger rewrites a stage's file in place when the stage starts (all lists empty) and when it ends; while it
runs only the text log grows. Source: ``src/thalia/training/curriculum_logger.py``, 2025-12 to 2026-02.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from thalia_monitor import contract
from thalia_monitor.model.records import Event, Problem, Source
from thalia_monitor.reading.files import read_document
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.formats.json_values import thresholds
from thalia_monitor.reading.jsonl.line import Report, checked
from thalia_monitor.reading.recording import MetricLine, Recording, Stretch, Written

FORMAT: Final = "CurriculumLogger stage log"
SESSION_FORMAT: Final = "CurriculumLogger session"
NAME: Final = re.compile(r"stage_(?P<stage>-?\d+(?:\.\d+)?)_log\.json")
SESSION_NAME: Final = re.compile(r"session_.*\.json")
"""``save_session`` also takes any other name; a file of another name is not looked for."""

_CLOCK_ERROR: Final = 86_400.0
"""Seconds by which a clock may have been set back since the stage began."""
_OWN_FIELDS: Final = {contract.STEP, contract.TIMESTAMP, contract.NEURON_COUNTS, contract.CAPACITY_BY_REGION}


def read_stage_log(path: Path, name: str, within: Path | None = None) -> Recording:
    """Read one stage's file, shown under that name; raises Torn while it is half-written."""
    document = read_document(path, within).fields
    stage = json_values.finite(document.get("stage"))
    if stage is None and (named := NAME.fullmatch(path.name)):
        stage = float(named["stage"])
    start = json_values.unix_time(document.get("start_time"))
    config = json_values.table(document.get("config"))
    logged = list(json_values.entries(document.get("step_metrics")))
    names = _Names()
    lines = [line for entry in logged if (line := _line(entry, stage, start or 0.0, names))]
    reasons: list[str] = []
    events = list(_events(document, stage, name, reasons.append))
    steps = [line.step for line in lines]
    return Recording(
        Source(name, FORMAT, len(logged) + len(events), min(steps, default=None), max(steps, default=None)),
        tuple(lines),
        tuple(sorted(events, key=lambda event: float("inf") if event.time is None else event.time)),
        criteria=thresholds(config),
        problems=(
            *_lost(name, len(logged) - len(lines)),
            *(Problem(name, None, reason) for reason in dict.fromkeys(reasons)),
            *((Problem(name, None, json_values.TOO_MANY),) if names.full else ()),
        ),
        stretch=Stretch(
            stage,
            start,
            json_values.unix_time(document.get("end_time")),
            json_values.finite(config.get("duration_weeks")),
        ),
        written=Written.of(path.stat()),
    )


def read_session(path: Path, name: str, within: Path | None = None) -> Recording:
    """Read a session's summary: it counts what the stage logs hold, and holds nothing else of its own.

    Its stages become ``stage_end`` events: a stage whose own file was erased by a restart still appears.
    """
    document = read_document(path, within).fields
    stages = json_values.table(document.get("stages"))
    events = []
    for key, summary in islice(stages.items(), json_values.LARGEST_COLLECTION):
        entry, stage = json_values.table(summary), _stage_number(key)
        fields = {"stage": stage, "duration_hours": json_values.finite(entry.get("duration_hours"))}
        fields |= {
            json_values.text(key): json_values.count(each)
            for key, each in entry.items()
            if key.startswith("n_")
        }
        events.append(
            Event(
                contract.STAGE_END, None, fields, time=json_values.unix_time(entry.get("end_time")), file=name
            )
        )
    reason = f"has more than {json_values.LARGEST_COLLECTION:,} stages; the rest of them is left out"
    problems = (Problem(name, None, reason),) if len(stages) > json_values.LARGEST_COLLECTION else ()
    return Recording(Source(name, SESSION_FORMAT, len(stages)), events=tuple(events), problems=problems)


def _stage_number(key: str) -> float | None:
    try:
        return float(key)
    except ValueError:
        return None


def _lost(name: str, entries: int) -> tuple[Problem, ...]:
    reason = f"{entries:,} of its step_metrics have no usable step and are left out"
    return (Problem(name, None, reason),) if entries else ()


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of one file's metrics and regions."""

    metrics: json_values.Names = field(default_factory=json_values.Names)
    neurons: json_values.Names = field(default_factory=json_values.Names)
    capacity: json_values.Names = field(default_factory=json_values.Names)

    @property
    def full(self) -> bool:
        return self.metrics.full or self.neurons.full or self.capacity.full


def _line(entry: Mapping[str, Any], stage: float | None, start: float, names: _Names) -> MetricLine | None:
    step = json_values.count(entry.get(contract.STEP))
    if step is None:
        return None
    time = json_values.unix_time(entry.get(contract.TIMESTAMP))
    if time is not None and time < start - _CLOCK_ERROR:
        time = None  # a metric called "timestamp" overwrites the real one
    return MetricLine(
        step,
        names.metrics.keep(
            json_values.numbers({name: value for name, value in entry.items() if name not in _OWN_FIELDS})
        ),
        names.neurons.keep(json_values.numbers(json_values.table(entry.get(contract.NEURON_COUNTS)))),
        names.capacity.keep(json_values.numbers(json_values.table(entry.get(contract.CAPACITY_BY_REGION)))),
        time,
        stage,
    )


def _events(document: Mapping[str, Any], stage: float | None, file: str, report: Report) -> Iterator[Event]:
    """Take every event of the file, its fields renamed to the documented ones."""
    config = json_values.table(document.get("config"))
    started = {
        "stage": stage,
        "weeks": json_values.finite(config.get("duration_weeks")),
        "steps": json_values.finite(config.get("duration_steps")),
        "tasks": json_values.bounded(config.get("tasks")),
    }
    yield Event(
        contract.STAGE_START, None, started, time=json_values.unix_time(document.get("start_time")), file=file
    )
    for key, kind, names in _LISTS:
        for entry in json_values.entries(document.get(key)):
            fields = {
                names.get(name, name): value for name, value in entry.items() if name not in _OWN_FIELDS
            }
            if kind == contract.MILESTONE:
                fields["stage"], fields["results"] = stage, json_values.flags(entry.get("results"))
            step, time = (
                json_values.count(entry.get(contract.STEP)),
                json_values.unix_time(entry.get(contract.TIMESTAMP)),
            )
            yield Event(kind, step, json_values.bounded(checked(kind, fields, report)), time=time, file=file)
    if (end := json_values.unix_time(document.get("end_time"))) is not None:
        ended = {"stage": stage, "duration_hours": json_values.finite(document.get("duration_hours"))}
        yield Event(contract.STAGE_END, None, ended, time=end, file=file)


_LISTS: Final[tuple[tuple[str, str, Mapping[str, str]], ...]] = (
    ("growth_events", contract.GROWTH, {"n_added": "neurons_added"}),
    (
        "consolidation_events",
        contract.CONSOLIDATION,
        {"stage": "sleep_stage", "n_patterns": "patterns_replayed"},
    ),
    ("milestone_checks", contract.MILESTONE, {}),
    ("transitions", contract.TRANSITION, {}),
)
"""The file's lists of events, the kind each becomes, and the fields that are documented by another name."""
