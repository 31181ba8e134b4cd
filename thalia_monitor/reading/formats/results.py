"""Result files of Thalia's scripts: of the birth script and its notebook, and of sequence learning.

``results/<time>.json`` and ``training_results.json`` are written once, and only when training came to its end; the
``logs/<time>.jsonl`` that the birth script announces is never written. Source:
``training/thalia_birth_sensorimotor.py``, 2025-12-10 to 2026-02.

``metrics.json`` of the sequence-learning script of February 2026 holds a list of numbers under each name. It is
rewritten whole whenever the script saves; the n-th number of a list is that of its n-th evaluation. ``config.json``
beside it holds the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from thalia_monitor import contract
from thalia_monitor.model.records import Checkpoint, Event, Problem, Source
from thalia_monitor.reading.clock import own_offset, zone_offset
from thalia_monitor.reading.files import read_document
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.recording import MetricLine, Recording

FORMAT: Final = "birth result"
NOTEBOOK_NAME: Final = "training_results.json"
"""The notebook's name for it; the script's is a time, and lies in a folder ``results``."""

STAGE_WORDS: Final[Mapping[str, float]] = {
    "sensorimotor": -1,
    "phonology": 0,
    "toddler": 1,
    "grammar": 2,
    "reading": 3,
    "abstract": 4,
}
"""Thalia's names of the stages in lower case, for the notebook, which leaves the number out."""
SEQUENCE_NAME: Final = "metrics.json"
SEQUENCE_FORMAT: Final = "Thalia sequence results"
_SEQUENCE_LISTS: Final = ("train_accuracy", "train_dopamine", "test_accuracy", "violation_detection")
MOST_LINES: Final = 1_000_000


def read_result(path: Path, name: str, within: Path | None = None) -> Recording | None:
    """Read the result of a stage; None for a JSON file that is none, Torn while it is half-written."""
    found = read_document(path, within)
    document = found.fields
    step = json_values.count(document.get("total_steps"))
    if step is None or not document.keys() & {"milestone_results", "stage", "success"}:
        return None
    stage, end = _stage(document), _local_seconds(document.get("end_time"), found.modified)
    names = json_values.Names()
    metrics = names.keep(json_values.numbers(json_values.table(document.get("final_metrics"))))
    seconds = json_values.seconds(document.get("training_time_seconds"))
    checkpoint = Checkpoint(
        name,
        step,
        stage,
        metrics=metrics,
        milestones=json_values.flags(document.get("milestone_results")),
        training_seconds=seconds,
        modified=found.modified if end is None else end,
    )
    ended = {"stage": stage, "success": document.get("success"), "total_steps": step}
    hours = {} if seconds is None else {"duration_hours": seconds / 3600}
    return Recording(
        Source(name, FORMAT, 1, step, step),
        (MetricLine(step, metrics, time=end),) if metrics else (),
        (
            Event(contract.STAGE_END, step, ended | hours, time=end, file=name),
            Event(contract.TRAINING_END, step, ended | _reason(document), time=end, file=name),
        ),
        (checkpoint,),
        problems=(Problem(name, None, json_values.TOO_MANY),) if names.full else (),
    )


def _stage(document: Mapping[str, Any]) -> float | None:
    number = json_values.finite(document.get("stage_number"))
    return STAGE_WORDS.get(str(document.get("stage")).lower()) if number is None else number


def _reason(document: Mapping[str, Any]) -> dict[str, str]:
    """Why training ended, where the result says so."""
    given = (document.get(name) for name in ("stop_reason", "reason", "checkpoint_reason", "error"))
    found = next((json_values.text(each) for each in given if isinstance(each, str) and each), "")
    stopped = "emergency stop" if document.get("emergency_stop") is True else ""
    return {"reason": found or stopped} if found or stopped else {}


def _local_seconds(stamp: object, written: float) -> float | None:
    """Read a time without a zone: by the file's own, written at that moment, else by this machine's zone."""
    try:
        clock = (
            datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp() if isinstance(stamp, str) else None
        )
        if clock is None:
            return None
        offset = zone_offset(clock, written)
        return clock - (own_offset(clock) if offset is None else offset)
    except (ValueError, OverflowError, OSError):
        return None


def read_sequence(path: Path, name: str, within: Path | None = None) -> Recording | None:
    """Read the lists as lines, one an evaluation; None for a file of another program's, Torn while half-written."""
    document = read_document(path, within).fields
    lists = {
        key: document[key][:MOST_LINES] for key in _SEQUENCE_LISTS if isinstance(document.get(key), list)
    }
    if not lists:
        return None
    lines = []
    for step in range(max(map(len, lists.values()))):
        here = ((key, json_values.number(each[step])) for key, each in lists.items() if step < len(each))
        lines.append(MetricLine(step, {key: number for key, number in here if number is not None}))
    last = len(lines) - 1 if lines else None
    return Recording(Source(name, SEQUENCE_FORMAT, len(lines), 0 if lines else None, last), tuple(lines))
