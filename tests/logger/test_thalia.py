from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

import pytest

from thalia_monitor import load_training_state
from thalia_monitor.figures import consolidation
from thalia_monitor.logger import CurriculumLogger


class Stage(IntEnum):
    """Thalia's stages."""

    SENSORIMOTOR = -1
    PHONOLOGY = 0
    TODDLER = 1


class Intervention(Enum):
    """What Thalia's safety system may do."""

    REDUCE_LOAD = "reduce_load"
    EMERGENCY_STOP = "emergency_stop"


class Decision(Enum):
    """What a gate may decide."""

    EXTEND = "extend_stage"


@dataclass
class Config:
    duration_steps: int


@dataclass
class Result:
    stage: Stage
    success: bool = False
    final_metrics: dict[str, Any] = field(default_factory=dict)
    milestone_results: dict[str, bool] = field(default_factory=dict)
    total_steps: int = 0
    growth_events: list[dict[str, Any]] = field(default_factory=list)
    consolidation_events: list[dict[str, Any]] = field(default_factory=list)
    failure_reasons: list[str] = field(default_factory=list)


@dataclass
class GateResult:
    decision: Decision
    passed: bool
    failures: list[str]
    metrics: dict[str, float]


class Gate:
    """The gate after stage 1: it never opens here."""

    def evaluate(self, _: Any) -> GateResult:
        """Judge the brain."""
        return GateResult(Decision.EXTEND, False, ["Insufficient oscillator data"], {"theta_hz": 5.5})


class Safety:
    """The parts of Thalia's safety system that a trainer calls."""

    def __init__(self) -> None:
        self.stage_gates = {1: Gate()}
        self.current_stage = -1

    def can_advance_stage(self) -> tuple[bool, GateResult | None]:
        """Ask the gate of the current stage."""
        gate = self.stage_gates.get(self.current_stage)
        result = gate.evaluate(None) if gate else None
        return result is None or result.passed, result

    def handle_intervention(self, intervention: Intervention, _: Any) -> dict[str, Any]:
        """List what is done."""
        return {"intervention": intervention.value, "actions": ["lower_learning_rates"]}


class First:
    """Thalia's trainer of 2025-12-08 (5f1a501): its order of doing things, and what it gives its callbacks."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[int, dict[str, Any]], None]] = []
        self.current_stage: Stage | None = None
        self.global_step = 0
        self.results: list[Result] = []

    def add_callback(self, callback: Callable[[int, dict[str, Any]], None]) -> None:
        """Call back at every thousandth step of a stage."""
        self.callbacks.append(callback)

    def train_stage(
        self, stage: Stage, config: Config, _task_loader: Any = None, _evaluator: Any = None
    ) -> Result:
        """Train one stage."""
        self.current_stage, result = stage, Result(stage)
        for step in range(config.duration_steps):
            self.check(stage, config, result, step)
            self.call_back(step)
            self.global_step += 1
        result.milestone_results = {"reaching_accuracy": True, "prediction_error": False}
        result.final_metrics, result.total_steps = self.metrics(), config.duration_steps
        self.results.append(result)
        return result

    def check(self, stage: Stage, config: Config, result: Result, step: int) -> None:
        """Grow and sleep: the first trainer's methods are empty."""

    def call_back(self, step: int) -> None:
        """Give the global step, and metrics."""
        if step % 1_000 == 0:
            for callback in self.callbacks:
                callback(self.global_step, self.metrics())

    def metrics(self) -> dict[str, Any]:
        """The step, and two placeholders."""
        return {"global_step": float(self.global_step), "firing_rate": 0.0, "capacity": 0.0}

    def extend_stage(
        self, stage: Stage, additional_steps: int = 20_000, reason: str = "Milestones not met"
    ) -> None:
        """Print that a stage is extended."""


class Third(First):
    """Thalia's trainer of 2025-12-16 (f2811a3), with growth, sleep, a safety system, and gates."""

    def __init__(self) -> None:
        super().__init__()
        self.safety_system = Safety()
        self.intervene: dict[int, Intervention] = {}

    def check(self, stage: Stage, config: Config, result: Result, step: int) -> None:
        """Intervene where that is planned, grow each 5,000 steps and sleep each 10,000."""
        if self.global_step in self.intervene:
            self._handle_safety_intervention(self.intervene[self.global_step], stage, config)
        if step % 5_000 == 0:
            self._check_and_trigger_growth(stage, result)
        if step % 10_000 == 0:
            self._check_and_trigger_consolidation(stage, config, result)

    def call_back(self, step: int) -> None:
        """Give the stage's step, at each of them, and metrics at every thousandth."""
        for callback in self.callbacks:
            callback(step, self.metrics() if step % 1_000 == 0 else {})

    def metrics(self) -> dict[str, Any]:
        """The step, and what is measured."""
        return {"global_step": float(self.global_step), "avg_firing_rate": 0.1 + self.global_step / 1e6}

    def _check_and_trigger_growth(self, stage: Stage, result: Result) -> None:
        size = {"old_size": 1_000, "new_size": 1_200, "n_neurons_added": 200, "utilization_before": 0.91}
        event = {"step": self.global_step, "stage": stage.name, "component_name": "cortex"}
        result.growth_events.append(event | size | {"component_type": "region", "reason": "Capacity 0.91"})

    def _check_and_trigger_consolidation(self, stage: Stage, _: Config, result: Result) -> None:
        event = {"step": self.global_step, "stage": stage.name, "cycles": 5}
        result.consolidation_events.append(event | {"total_replayed": 103, "her_enabled": False})

    def _handle_safety_intervention(self, intervention: Intervention, *_: Any) -> None:
        actions = self.safety_system.handle_intervention(intervention, None)
        if intervention is Intervention.EMERGENCY_STOP:
            raise RuntimeError(f"Emergency stop triggered: {actions}")

    def transition_to_stage(self, new_stage: Stage, old_stage: Stage, _weeks: int = 4) -> None:
        """Ask the gate, analyze, and move on."""
        can_advance, gate = self.safety_system.can_advance_stage()
        if not can_advance:
            assert gate
            raise RuntimeError(f"Cannot transition: {gate.failures}")
        self.analyze_transition(old_stage, new_stage, phase="before")
        self.safety_system.current_stage += 1
        self.analyze_transition(old_stage, new_stage, phase="after")

    def analyze_transition(self, from_stage: Stage, to_stage: Stage, phase: str = "after") -> dict[str, Any]:
        """Measure the brain on either side of a transition."""
        names = {"from_stage": from_stage.name, "to_stage": to_stage.name, "phase": phase}
        return names | {
            "global_step": self.global_step,
            "timestamp": 0.0,
            "capacity": {"total_neurons": 1_200},
        }

    def evaluate_stage_readiness(self, _stage: Stage, _evaluator: Any = None) -> bool:
        """Judge by the newest milestones."""
        return all(self.results[-1].milestone_results.values())


@pytest.fixture
def logger(tmp_path: Path) -> CurriculumLogger:
    """A logger in a new directory."""
    return CurriculumLogger(tmp_path, console_output=False)


def log_lines(logger: CurriculumLogger, kind: str | None = "") -> list[dict[str, Any]]:
    """The lines of the documented log, without their times: all, the metric lines (None), or the events of a kind.

    All are those of the training: what an attached logger offers for control stands before them.
    """
    lines = map(json.loads, (logger.log_dir / "training_log.json").read_bytes().splitlines())
    of_training = (line for line in lines if kind or line.get("event_type") != "declare")
    found = [line for line in of_training if kind == "" or line.get("event_type") == kind]
    return [{name: line[name] for name in line if name not in ("timestamp", "event_type")} for line in found]


@pytest.mark.parametrize("kind", [First, Third])
def test_the_end_step_is_the_trainers(logger: CurriculumLogger, kind: type[First]) -> None:
    """Not the last step that was called back: 3,600 and not 3,000, in the log, its metadata, and what is shown."""
    trainer = kind()
    logger.attach(trainer)
    trainer.train_stage(Stage.SENSORIMOTOR, Config(3_600))
    assert load_training_state(logger.log_dir).current_step == trainer.global_step == 3_600
    trainer.train_stage(Stage.PHONOLOGY, config=Config(6_500))

    assert [line["step"] for line in log_lines(logger, "stage_start")] == [0, 3_600]
    assert [line["step"] for line in log_lines(logger, "stage_end")] == [3_600, 10_100]
    steps = [line["step"] for line in log_lines(logger)]
    assert steps == sorted(steps)
    state = load_training_state(logger.log_dir)
    assert (state.current_stage, state.current_step) == (0, trainer.global_step)
    assert state.history.step.tolist() == [*range(0, 3_600, 1_000), *range(3_600, 10_100, 1_000)]
    assert len(state.history.segments) == 1
    assert list(state.problems) == []
    assert logger.write_errors == 0


def test_a_stage_never_ends_before_one_of_its_own_lines(logger: CurriculumLogger) -> None:
    """An event may have a higher step than what the trainer says at the end."""
    trainer = Third()
    logger.attach(trainer)
    logger.log_stage_start(Stage.SENSORIMOTOR)
    logger.log_growth_event("cortex", 1, "", step=5_000)
    logger.log_stage_end(Stage.SENSORIMOTOR, step=3_600)
    logger.log_stage_start(Stage.PHONOLOGY, {})

    assert [line["step"] for line in log_lines(logger)] == [0, 5_000, 5_000, 5_000]


def test_a_trainer_that_goes_back_begins_there(logger: CurriculumLogger) -> None:
    """After a rollback the stage starts at the trainer's step, and metadata beyond it are set aside."""
    trainer = Third()
    logger.attach(trainer)
    trainer.train_stage(Stage.SENSORIMOTOR, Config(8_100))
    trainer.global_step = 5_000
    trainer.train_stage(Stage.SENSORIMOTOR, Config(1_500))

    assert [line["step"] for line in log_lines(logger, "stage_start")] == [0, 5_000]
    state = load_training_state(logger.log_dir)
    assert [each.step for each in state.checkpoints] == [0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 6_500]
    assert len(state.history.segments) == 2


def test_the_metrics_at_the_end_are_the_newest(logger: CurriculumLogger) -> None:
    """They are measured once more after the last step, and belong to it."""
    trainer = Third()
    logger.attach(trainer)
    trainer.train_stage(Stage.SENSORIMOTOR, Config(3_600))

    (end,) = log_lines(logger, "stage_end")
    assert end == {
        "step": 3_600,
        "stage": -1,
        "success": False,
        "total_steps": 3_600,
        "failure_reasons": [],
        "final_metrics": {"avg_firing_rate": pytest.approx(0.1036)},
    }
    files = logger.log_dir.glob("metadata_*.json")
    passed = {path.name: json.loads(path.read_bytes())["milestones"] for path in files}
    assert {name for name in passed if passed[name]} == {"metadata_000000003600.json"}
    assert load_training_state(logger.log_dir).metrics == pytest.approx({"avg_firing_rate": 0.1036})


def test_placeholders_are_no_measurements(logger: CurriculumLogger) -> None:
    """The first trainers say 0.0 for what they do not measure: no metric, no warning."""
    trainer = First()
    logger.attach(trainer)
    trainer.train_stage(Stage.SENSORIMOTOR, Config(2_500))

    assert log_lines(logger, None) == [{"step": 0}, {"step": 1_000}, {"step": 2_000}]
    assert log_lines(logger, "warning") == []
    state = load_training_state(logger.log_dir)
    assert (state.metrics, list(state.warnings), state.current_step) == ({}, [], 2_500)
    assert "Low firing rate" not in (logger.log_dir / "curriculum_training.log").read_text()


@pytest.mark.parametrize(
    ("metrics", "written"),
    [
        ([{"firing_rate": 0.1, "capacity": 0.0}], [{"firing_rate": 0.1, "capacity": 0.0}]),
        ([{"firing_rate": 0.0}], [{"firing_rate": 0.0}]),
        ([{"firing_rate": 0.0, "capacity": 0.0, "loss": 0.5}], [{"loss": 0.5}]),
        (
            [{"firing_rate": 0.1, "capacity": 0.2}, {"firing_rate": 0.0, "capacity": 0.0}],
            [{"firing_rate": 0.1, "capacity": 0.2}, {"firing_rate": 0.0, "capacity": 0.0}],
        ),
    ],
)
def test_a_silent_brain_is_a_measurement(
    logger: CurriculumLogger, metrics: list[dict[str, float]], written: list[dict[str, float]]
) -> None:
    """Zeros count where one of the two is measured, or ever was."""
    trainer = First()
    logger.attach(trainer)
    for each in metrics:
        trainer.callbacks[0](0, each)

    assert [
        {name: line[name] for name in line if name != "step"} for line in log_lines(logger, None)
    ] == written


def test_all_that_a_trainer_says_of_growth_and_sleep_is_written(logger: CurriculumLogger) -> None:
    """And nothing else: it does not say which phase of sleep it was."""
    trainer = Third()
    logger.attach(trainer)
    trainer.train_stage(Stage.SENSORIMOTOR, Config(10_001))

    assert log_lines(logger, "growth")[1] == {
        "step": 5_000,
        "stage_name": "SENSORIMOTOR",
        "component_type": "region",
        "old_size": 1_000,
        "utilization_before": 0.91,
        "region": "cortex",
        "neurons_added": 200,
        "new_total": 1_200,
        "reason": "Capacity 0.91",
    }
    sleep = {"stage_name": "SENSORIMOTOR", "cycles": 5, "her_enabled": False, "patterns_replayed": 103}
    assert log_lines(logger, "consolidation") == [{"step": 0} | sleep, {"step": 10_000} | sleep]
    state = load_training_state(logger.log_dir)
    assert list(state.growth_events["step"]) == [event["step"] for event in trainer.results[0].growth_events]
    assert state.consolidation_events["patterns_replayed"].sum() == 206
    assert state.consolidation_events["sleep_stage"].isna().all()
    assert list(state.problems) == []
    assert set(consolidation.sleeps(state)["sleep_stage"]) == {"unknown"}
    assert "[Consolidation] Step 0 - unknown" in (logger.log_dir / "curriculum_training.log").read_text()


def test_extensions_transitions_and_readiness_are_written(logger: CurriculumLogger) -> None:
    """What a script asks of the trainer between two stages."""
    trainer = Third()
    logger.attach(trainer)
    trainer.train_stage(Stage.SENSORIMOTOR, Config(2_600))
    trainer.extend_stage(Stage.SENSORIMOTOR, additional_steps=2_000, reason="not yet")
    assert trainer.evaluate_stage_readiness(Stage.SENSORIMOTOR) is False
    trainer.transition_to_stage(Stage.PHONOLOGY, Stage.SENSORIMOTOR)

    assert log_lines(logger, "extension") == [
        {"step": 2_600, "stage": -1, "additional_steps": 2_000, "reason": "not yet"}
    ]
    assert log_lines(logger, "readiness") == [{"step": 2_600, "stage": -1, "ready": False}]
    assert [(line["phase"], line["capacity"]) for line in log_lines(logger, "transition_analysis")] == [
        ("before", {"total_neurons": 1_200}),
        ("after", {"total_neurons": 1_200}),
    ]
    (transition,) = log_lines(logger, "transition")
    assert transition == {"step": 2_600, "weeks": 4, "old_stage": -1, "new_stage": 0, "reason": ""}
    text = (logger.log_dir / "curriculum_training.log").read_text()
    assert "[Stage Extension] Stage -1\n  Adding 2000 steps\n  Reason: not yet" in text


def test_interventions_and_an_emergency_stop_are_written(logger: CurriculumLogger) -> None:
    """With what was done; the stage ends where the trainer stopped, and its error is the trainer's own."""
    trainer = Third()
    trainer.intervene = {1_500: Intervention.REDUCE_LOAD, 3_400: Intervention.EMERGENCY_STOP}
    logger.attach(trainer)
    with pytest.raises(RuntimeError, match="Emergency stop triggered"):
        trainer.train_stage(Stage.SENSORIMOTOR, Config(8_000))

    assert log_lines(logger, "intervention") == [
        {"step": step, "intervention": name, "stage": -1, "actions": ["lower_learning_rates"]}
        for step, name in ((1_500, "reduce_load"), (3_400, "emergency_stop"))
    ]
    warnings = [(line["step"], line["severity"]) for line in log_lines(logger, "warning")]
    assert warnings == [(1_500, "warning"), (3_400, "critical"), (3_400, "critical")]
    (end,) = log_lines(logger, "stage_end")
    assert (end["step"], end["success"]) == (3_400, False)
    assert load_training_state(logger.log_dir).current_step == 3_400


def test_a_gate_that_stays_closed_is_written_once(logger: CurriculumLogger) -> None:
    """With its decision and reasons, and the transition that failed for it."""
    trainer = Third()
    logger.attach(trainer)
    trainer.current_stage, trainer.safety_system.current_stage = Stage.TODDLER, 1
    with pytest.raises(RuntimeError, match="Cannot transition"):
        trainer.transition_to_stage(Stage.TODDLER, Stage.PHONOLOGY)

    assert log_lines(logger, "gate") == [
        {
            "step": 0,
            "stage": 1,
            "decision": "extend_stage",
            "passed": False,
            "failures": ["Insufficient oscillator data"],
            "metrics": {"theta_hz": 5.5},
        }
    ]
    assert log_lines(logger, "transition") == []
    assert log_lines(logger, "warning")[0]["severity"] == "critical"


def test_whatever_fails_in_reporting_stays_with_the_logger(
    logger: CurriculumLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every method returns, and raises, what the trainer's own does."""

    def broken(*_arguments: Any, **_named: Any) -> None:
        raise RuntimeError("broken")

    for name in dir(logger):
        if name.startswith("log_") and name != "log_dir":
            monkeypatch.setattr(logger, name, broken)
    trainer = Third()
    trainer.intervene = {1_500: Intervention.REDUCE_LOAD}
    logger.attach(trainer)
    result = trainer.train_stage(Stage.SENSORIMOTOR, Config(2_600))
    trainer.extend_stage(Stage.SENSORIMOTOR)
    trainer.transition_to_stage(Stage.PHONOLOGY, Stage.SENSORIMOTOR)

    assert (result.total_steps, len(result.growth_events)) == (2_600, 1)
    assert trainer.analyze_transition(Stage.SENSORIMOTOR, Stage.PHONOLOGY)["phase"] == "after"
    assert trainer.evaluate_stage_readiness(Stage.SENSORIMOTOR) is False
    assert logger.write_errors >= 8


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda trainer: pickle.loads(pickle.dumps(trainer))])
def test_a_trainer_can_be_copied_and_pickled_with_its_logger(
    logger: CurriculumLogger, duplicate: Callable[[Third], Third]
) -> None:
    """The copy trains itself, and not the trainer that it was made of."""
    trainer = Third()
    logger.attach(trainer)
    trainer.train_stage(Stage.SENSORIMOTOR, Config(2_000))
    other = duplicate(trainer)
    other.train_stage(Stage.PHONOLOGY, Config(1_500))

    assert (trainer.global_step, other.global_step) == (2_000, 3_500)
    assert load_training_state(logger.log_dir).current_step == 3_500
    assert logger.write_errors == 0


def test_two_loggers_can_follow_one_trainer(logger: CurriculumLogger, tmp_path: Path) -> None:
    """Each reports around what was there before it."""
    second = CurriculumLogger(tmp_path / "second", console_output=False)
    trainer = Third()
    logger.attach(trainer)
    second.attach(trainer)
    trainer.train_stage(Stage.SENSORIMOTOR, Config(2_600))

    assert log_lines(logger) == log_lines(second)


def test_a_plain_mapping_is_a_callbacks_metrics_too(logger: CurriculumLogger) -> None:
    """A step that the metrics do not say is the trainer's."""
    trainer = Third()
    logger.attach(trainer)
    trainer.global_step = 4_000
    trainer.callbacks[0](0, {"loss": 0.5})

    assert log_lines(logger, None) == [{"step": 4_000, "loss": 0.5}]
