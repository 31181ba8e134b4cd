"""Files as Thalia's own logger writes them, built for the tests of everything that reads them."""

from __future__ import annotations

import json
import os
import time
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


class Logger:
    """Thalia's own logger as far as its files go, in real time: all loggers of a process share its handlers."""

    def __init__(self, folder: Path, handlers: list[Path]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._handlers = folder, handlers
        handlers.append(folder / "curriculum_training.log")
        self._stages: dict[float, dict[str, Any]] = {}
        self._stage = 0.0

    def start(self, stage: float) -> None:
        """Begin a stage: the text log first, then the stage's file, as Thalia does."""
        self._stage, self._stages[stage] = stage, stage_log(stage, time.time() - BEGAN)
        self._say(f"\n{RULE}\n[Stage {stage} Start] A name\n  Duration: 4 weeks\n{RULE}\n")
        self._save(stage)

    def step(self, step: int, loss: float) -> None:
        """Log a step; the text log gets every thousandth."""
        self._add("step_metrics", step=step, loss=loss)
        if step % 1000 == 0:
            self._say(f"[Step {step}] loss={loss:.3f}")

    def grow(self, step: int, region: str = "cortex") -> None:
        """Log growth."""
        self._add("growth_events", step=step, region=region, n_added=100, reason="full")
        self._say(f"\n[Growth Event] Step {step} - {region} +100 neurons\n  Reason: full\n")

    def sleep(self, step: int) -> None:
        """Log a consolidation."""
        self._add("consolidation_events", step=step, stage="REM", n_patterns=10, duration_seconds=3.0)
        self._say(f"\n[Consolidation] Step {step} - REM\n  Patterns replayed: 10\n  Duration: 3.0s\n")

    def check(self, step: int) -> None:
        """Log a milestone check."""
        self._add("milestone_checks", step=step, week=4, results={"n_back_2": True})
        self._say(f"\n[Milestone Check] Stage {self._stage} Week 4 - 1/1 passed\n  ✅ n_back_2\n")

    def end(self, stage: float) -> None:
        """End a stage."""
        self._stages[stage] |= {"end_time": time.time(), "duration_hours": 0.0}
        self._say(f"\n[Stage {stage} End] Duration: 0.0 hours\n")
        self._save(stage)

    def _add(self, name: str, **entry: Any) -> None:
        self._stages[self._stage][name].append({"timestamp": time.time()} | entry)

    def _say(self, body: str) -> None:
        now = datetime.now().strftime("%Y-%m-%d %H:%M:%S,%f")[
            :-3
        ]  # local time without a zone, as logging does
        for path in self._handlers:
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{now} - CurriculumTrainer - INFO - {body}\n")

    def _save(self, stage: float) -> None:
        write_json(self._folder, f"stage_{stage}_log.json", self._stages[stage])
