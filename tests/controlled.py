"""A run whose training has declared something, written by the logger itself."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from thalia_monitor.logger import CurriculumLogger
from thalia_monitor.logger import control as logger_control


class Training:
    """A training of a few lines a second that a test takes from step to step."""

    def __init__(self, directory: Path) -> None:
        self.logger = CurriculumLogger(directory, console_output=False, file_log=False, json_log=True)
        self.directory = directory
        self.logger.declare("learning_rate", 1e-3, 1e-6, 1e-1, unit="1/step", help="Size of an update")
        self.logger.declare("noise", False)
        self.logger.declare("schedule", "cosine", choices=["cosine", "constant"])
        self.logger.declare_command("pause")
        self.logger.declare_command("stop_after_stage")
        self.step = 0
        self.steps(20)

    def steps(self, count: int = 1) -> None:
        """Log so many metric lines, each after a look at the requests."""
        for _ in range(count):
            logger_control.INTERVAL = 0.0  # type: ignore[misc]
            self.logger.control(self.step, wait=False)
            self.logger.record(self.step, {"loss": 1 / (1 + self.step)})
            self.step += 10

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What waits in the folder."""
        folder = self.directory / "control"
        return [json.loads(path.read_bytes()) for path in folder.glob("*.json")]

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of one kind in the log."""
        lines = (self.directory / "training_log.json").read_text("utf-8").splitlines()
        return [line for line in map(json.loads, lines) if line.get("event_type") == kind]


def tree(directory: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder below a directory, with its size and the time of its last change."""
    return {
        str(path.relative_to(directory)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted([directory, *directory.rglob("*")])
    }


def now() -> float:
    """Unix seconds."""
    return time.time()
