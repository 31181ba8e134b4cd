"""What a training can report: one immutable value for each thing that happens at a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainingEvent:
    """Something that happened at a step; one subclass for each thing a training can report."""

    step: int


@dataclass(frozen=True, slots=True)
class StageStart(TrainingEvent):
    """A stage begins, with the configuration that Thalia's logger is given."""

    stage: int
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StageEnd(TrainingEvent):
    """A stage is over."""

    stage: int


@dataclass(frozen=True, slots=True)
class Logged(TrainingEvent):
    """A metric line, with ``neuron_counts`` and ``capacity_by_region`` among the metrics."""

    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Growth(TrainingEvent):
    """A region got new neurons."""

    region: str
    neurons_added: int
    new_total: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sleep(TrainingEvent):
    """One phase of a consolidation."""

    sleep_stage: str
    patterns_replayed: int
    duration_steps: int


@dataclass(frozen=True, slots=True)
class MilestoneCheck(TrainingEvent):
    """The stage's checklist was evaluated."""

    stage: int
    week: int
    results: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Transition(TrainingEvent):
    """Training moves on to another stage."""

    old_stage: int
    new_stage: int
    reason: str


@dataclass(frozen=True, slots=True)
class Extension(TrainingEvent):
    """A stage is given more weeks."""

    stage: int
    additional_weeks: int
    reason: str


@dataclass(frozen=True, slots=True)
class Alert(TrainingEvent):
    """A health warning was raised."""

    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class Evaluation(TrainingEvent):
    """A task was probed, of this stage or an earlier one."""

    task: str
    stage: int
    accuracy: float
    n: int


@dataclass(frozen=True, slots=True)
class Intervention(TrainingEvent):
    """The safety system intervened."""

    intervention: str
    reason: str


@dataclass(frozen=True, slots=True)
class Condition(TrainingEvent):
    """The safety system's health score, and the cognitive load."""

    score: float
    load: float


@dataclass(frozen=True, slots=True)
class Gate(TrainingEvent):
    """Whether the stage may end, with the conditions that fail."""

    stage: int
    failures: tuple[str, ...]
    metrics: Mapping[str, float]
