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
