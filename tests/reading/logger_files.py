"""Files as Thalia's own logger writes them, built for the tests of everything that reads them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RULE = "=" * 80
BEGAN = 1_765_220_000.0
"""Unix seconds: when these runs began; the training machine's clock runs two hours ahead of UTC."""
AHEAD = 7200.0


def stage_log(stage: float, start: float, end: float | None = None, **lists: Any) -> dict[str, Any]:
    """Build a stage's own file; times are seconds after the run began."""
    return {
        "stage": stage,
        "start_time": BEGAN + start,
        "end_time": None if end is None else BEGAN + end,
        "duration_hours": None if end is None else (end - start) / 3600,
        "config": lists.pop("config", {"duration_weeks": 4, "success_criteria": {"n_back_2": 0.8}}),
        "step_metrics": [],
        "growth_events": [],
        "consolidation_events": [],
        "milestone_checks": [],
        "transitions": [],
    } | lists


def logged(steps: Iterable[int], start: float, **metrics: float) -> list[dict[str, Any]]:
    """Build step entries, one a second from ``start`` on."""
    return [
        {"step": step, "timestamp": BEGAN + start + second} | (metrics or {"loss": 0.12345})
        for second, step in enumerate(steps)
    ]


def record(second: float, body: str, level: str = "INFO") -> str:
    """Build a record of the text log, so many seconds after the run began."""
    stamp = datetime.fromtimestamp(BEGAN + AHEAD + second, UTC).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
    return f"{stamp} - CurriculumTrainer - {level} - {body}\n"


def started(second: float, stage: float, weeks: object = 4) -> str:
    """Build the record of a stage's start."""
    return record(second, f"\n{RULE}\n[Stage {stage} Start] A name\n  Duration: {weeks} weeks\n{RULE}\n")


def steps(numbers: Iterable[int], start: float, loss: float = 0.123) -> str:
    """Build step records, one a second from ``start`` on."""
    return "".join(
        record(start + second, f"[Step {step}] loss={loss:.3f}") for second, step in enumerate(numbers)
    )


def write_json(folder: Path, name: str, document: Mapping[str, Any]) -> Path:
    """Write a file as the logger does."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(document, indent=2))
    return path


def write_text(folder: Path, content: str, last: float) -> Path:
    """Write a text log whose last record came so many seconds after the run began."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "curriculum_training.log"
    path.write_text(content, encoding="utf-8")
    os.utime(path, (BEGAN + last, BEGAN + last))
    return path
