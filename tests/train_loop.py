"""A stand-in for Thalia's ``thalia.training.trainer`` of March 2026: its names and signatures, and no brain."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class LoggerConfig:
    log_dir: str = "data/training"


@dataclass
class TrainConfig:
    n_trials: int
    log_dir: str


@dataclass
class TrialResult:
    correct: bool
    reward: float
    metrics: dict[str, Any] = field(default_factory=dict)


class TrainingLogger:
    """Writes one row for each trial."""

    def __init__(self, config: LoggerConfig | None = None) -> None:
        self.run_dir = Path((config or LoggerConfig()).log_dir)
        self.rows: list[int] = []
        made.append(self)

    def log_trial(
        self, trial_idx: int, result: TrialResult, health: Any, all_results: list[TrialResult]
    ) -> None:
        """Write a row."""
        assert all_results[trial_idx] is result
        assert health is not None
        self.rows.append(trial_idx)

    def close(self) -> None:
        """Close the files."""


made: list[TrainingLogger] = []
"""Every logger that a loop has made."""


def train_loop(brain: Any, task: Any, readout_groups: list[Any], config: TrainConfig) -> list[TrialResult]:
    """Run the trials of a task, each logged with its result."""
    logger = TrainingLogger(LoggerConfig(log_dir=config.log_dir))
    results: list[TrialResult] = []
    for trial_idx in range(config.n_trials):
        results.append(task(brain, trial_idx, readout_groups))
        logger.log_trial(trial_idx, results[-1], {"silent": 0}, results)
    logger.close()
    return results
