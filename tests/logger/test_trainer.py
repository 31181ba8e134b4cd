from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from thalia_monitor import load_training_state
from thalia_monitor.logger import CurriculumLogger


class CurriculumStage(Enum):
    SENSORIMOTOR = -1
    PHONOLOGY = 0


@dataclass
class StageConfig:
    duration_steps: int
    success_criteria: dict[str, float] = field(default_factory=dict)


@dataclass
class TrainingResult:
    growth_events: list[dict[str, Any]] = field(default_factory=list)
    consolidation_events: list[dict[str, Any]] = field(default_factory=list)
    milestone_results: dict[str, bool] = field(default_factory=dict)


class Trainer:
    """The parts of Thalia's trainer that a logger meets, in its order of doing things (2025-12-08)."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[int, dict[str, Any]], None]] = []
        self.current_stage: CurriculumStage | None = None
        self.global_step = 0

    def add_callback(self, callback: Callable[[int, dict[str, Any]], None]) -> None:
        """Call back at every thousandth step."""
        self.callbacks.append(callback)

    def train_stage(self, stage: CurriculumStage, config: StageConfig) -> TrainingResult:
        """Train, with growth and sleep on the way and an evaluation at the end."""
        self.current_stage, result = stage, TrainingResult()
        for step in range(config.duration_steps):
            if step % 5_000 == 0:
                self._check_and_trigger_growth(stage, result)
            if step % 10_000 == 0:
                self._check_and_trigger_consolidation(stage, config, result)
            self.report(step)
            self.global_step += 1
        result.milestone_results = {"reaching_accuracy": True, "prediction_error": False}
        return result

    def report(self, step: int) -> None:
        """Call back with the global step."""
        if step % 1_000 == 0:
            for callback in self.callbacks:
                callback(self.global_step, {"firing_rate": 0.1, "capacity": 0.5})

    def _check_and_trigger_growth(self, stage: CurriculumStage, result: TrainingResult) -> None:
        if self.global_step:
            event = {"step": self.global_step, "stage": stage.name, "component_name": "cortex"}
            size = {"n_neurons_added": 64, "new_size": 1664, "reason": "Capacity 0.86"}
            result.growth_events.append(event | size)

    def _check_and_trigger_consolidation(
        self, stage: CurriculumStage, config: StageConfig, result: TrainingResult
    ) -> None:
        cycles = min(5, config.duration_steps)
        event = {"step": self.global_step, "stage": stage.name, "cycles": cycles, "total_replayed": 150}
        result.consolidation_events.append(event)


class LaterTrainer(Trainer):
    """As it is from 2025-12-16 on: called back at each step with the stage's own, mostly with nothing."""

    def report(self, step: int) -> None:
        """Call back with the local step and, at every thousandth, with metrics."""
        metrics = {
            "global_step": float(self.global_step),
            "firing_rate": 0.1,
            "region_firing_rates": {"cortex": 0.1},
        }
        for callback in self.callbacks:
            callback(step, metrics if step % 1_000 == 0 else {})


@pytest.fixture
def logger(tmp_path: Path) -> CurriculumLogger:
    """A logger in a new directory."""
    return CurriculumLogger(tmp_path, console_output=False)


def log_lines(logger: CurriculumLogger) -> list[dict[str, Any]]:
    """Every line of the documented log."""
    return [json.loads(line) for line in (logger.log_dir / "training_log.json").read_bytes().splitlines()]


def train(trainer: Trainer, steps: int = 12_000) -> list[TrainingResult]:
    """Train two stages."""
    return [trainer.train_stage(stage, config=StageConfig(steps)) for stage in CurriculumStage]


@pytest.mark.parametrize("kind", [Trainer, LaterTrainer])
def test_three_lines_show_an_existing_trainer(logger: CurriculumLogger, kind: type[Trainer]) -> None:
    """Steps, stages, growth, sleep and milestones of both kinds of trainer reach the monitor."""
    trainer = kind()
    logger.attach(trainer)
    results = train(trainer)

    state = load_training_state(logger.log_dir)
    assert state.history.step.tolist() == list(range(0, 24_000, 1_000))
    assert (state.current_stage, state.current_step) == (0, 24_000)
    assert state.milestones == results[-1].milestone_results
    assert list(state.growth_events["step"]) == [5_000, 10_000, 12_000, 17_000, 22_000]
    assert set(state.growth_events["new_total"]) == {1664}
    assert list(state.consolidation_events["step"]) == [0, 10_000, 12_000, 22_000]
    assert list(state.problems) == []
    assert logger.write_errors == 0


def test_growth_is_told_when_it_happens(logger: CurriculumLogger) -> None:
    """Not at the end of the stage: its line stands between the steps before and after it."""
    trainer = Trainer()
    logger.attach(trainer)
    trainer.train_stage(CurriculumStage.SENSORIMOTOR, StageConfig(7_000))

    kinds = [(line["step"], line.get("event_type", "metrics")) for line in log_lines(logger)]
    assert kinds.index((5_000, "growth")) == kinds.index((4_000, "metrics")) + 1


def test_a_trainer_that_has_only_callbacks_is_enough(logger: CurriculumLogger) -> None:
    """The stage is read from it where it says, and is Sensorimotor where nobody does."""

    class Bare:
        current_stage: CurriculumStage | None = None

        def add_callback(self, callback: Callable[[int, Mapping[str, Any]], None]) -> None:
            self.callback = callback

    trainer = Bare()
    logger.attach(trainer)
    trainer.callback(0, {"loss": 0.5})
    assert logger.current_stage == -1
    trainer.current_stage = CurriculumStage.PHONOLOGY
    trainer.callback(1_000, {"loss": 0.4})
    assert logger.current_stage == 0


def test_a_stage_that_the_script_announces_is_left_as_it_is(logger: CurriculumLogger) -> None:
    """Where the trainer does not say otherwise."""

    class Silent:
        def add_callback(self, callback: Callable[[int, Mapping[str, Any]], None]) -> None:
            self.callback = callback

    trainer = Silent()
    logger.attach(trainer)
    logger.log_stage_start(1, {"duration_weeks": 8})
    trainer.callback(0, {"loss": 0.5})

    assert list(logger.stage_logs) == [1]
    assert len(logger.stage_logs[1].step_metrics) == 1


def test_nothing_the_logger_meets_kills_the_training(
    logger: CurriculumLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception in a callback would: whatever goes wrong is counted, and results are passed on."""

    def broken(*_arguments: Any, **_named: Any) -> None:
        raise RuntimeError("broken")

    for name in ("log_stage_start", "log_training_step", "log_growth_event", "log_stage_end"):
        monkeypatch.setattr(logger, name, broken)
    trainer = Trainer()
    logger.attach(trainer)
    results = train(trainer)

    assert [len(result.consolidation_events) for result in results] == [2, 2]
    assert logger.write_errors > 0


@pytest.mark.parametrize("metrics", [None, {}, 0, "text", [1]])
def test_a_callback_with_strange_metrics_is_passed_over(logger: CurriculumLogger, metrics: Any) -> None:
    """Nothing is logged, nothing raised."""
    trainer = Trainer()
    logger.attach(trainer)
    trainer.callbacks[0](0, metrics)

    assert [line for line in log_lines_or_none(logger) if "event_type" not in line] == []


def log_lines_or_none(logger: CurriculumLogger) -> list[dict[str, Any]]:
    """Every line of the log, none where there is no log yet."""
    return log_lines(logger) if (logger.log_dir / "training_log.json").exists() else []


def test_the_trainers_own_errors_stay_its_own(logger: CurriculumLogger) -> None:
    """What the training raises is raised."""
    trainer = Trainer()

    def fail(step: int, metrics: dict[str, Any]) -> None:
        raise RuntimeError("out of memory")

    logger.attach(trainer)
    trainer.add_callback(fail)

    with pytest.raises(RuntimeError, match="out of memory"):
        trainer.train_stage(CurriculumStage.SENSORIMOTOR, StageConfig(10))
