"""``results/<time>.json`` and ``training_results.json``: what the birth script and its notebook leave.

Written once, and only when training came to its end; the ``logs/<time>.jsonl`` that the script announces is
never written. Source: ``training/thalia_birth_sensorimotor.py``, 2025-12-10 to 2026-02.
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
