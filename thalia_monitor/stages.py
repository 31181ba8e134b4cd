"""The curriculum's stages: numbers, names and the milestones each one ends with.

Source: Thalia's ``docs`` and ``stage_evaluation.py`` (stages -1 to 1) as of 2025-12, and the same file from
2025-12-23 on for stages 2 to 4. In February 2026 Thalia renumbered its stages; ``SCHEMES`` holds both tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from thalia_monitor.contract import exact
from thalia_monitor.metric_info import lower_is_better


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a milestone asks for: a threshold with its direction, or just that a check holds."""

    name: str
    threshold: float | None = None
    description: str = ""

    @property
    def below(self) -> bool:
        """Whether the value must stay below the threshold rather than above it."""
        return lower_is_better(self.name) or "ECE" in self.description

    def __str__(self) -> str:
        if self.threshold is None:
            return self.description or "check holds"
        return f"{'<' if self.below else '>'} {exact(self.threshold)}"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the curriculum."""

    number: float
    name: str
    milestones: tuple[Criterion, ...] = ()


HEALTH: Final = (
    Criterion("firing_stability", description="every region fires at 0.05–0.15 over 10,000 steps"),
    Criterion("no_runaway", description="no region above 0.8 over 20,000 steps"),
    Criterion("bcm_convergence", description="BCM threshold drift below 0.01 over 50,000 steps"),
    Criterion("weight_health", description="fewer than 80 % of weights saturated"),
    Criterion("no_silence", description="no region below 0.01 for 1,000 steps"),
)
"""The health checks that Thalia evaluates at the end of every stage."""


def _criteria(**thresholds: float | None) -> tuple[Criterion, ...]:
    return tuple(Criterion(name, threshold) for name, threshold in thresholds.items())


_SENSORIMOTOR: Final = (
    *_criteria(
        basic_movements=0.95, reaching_accuracy=0.90, manipulation_success=0.85, prediction_error=0.05
    ),
    Criterion("cerebellum_functional", description="cerebellum forward model works"),
)
_FOUNDATIONS: Final = (
    *_criteria(mnist_accuracy=0.95, sequence_prediction=0.90, phoneme_discrimination=0.90),
    Criterion("categorical_perception", description="phonemes are perceived in categories"),
    *_criteria(gaze_following=0.80, sensorimotor_maintained=0.85),
)
_PERMANENCE: Final = _criteria(
    cifar10_accuracy=0.70,
    n_back_2=0.80,
    object_permanence=0.85,
    binary_confidence=0.70,
    mnist_maintained=0.90,
    phoneme_maintained=0.85,
)

DOCUMENTED: Final[Mapping[float, Stage]] = {
    stage.number: stage
    for stage in (
        Stage(-1, "Sensorimotor", _SENSORIMOTOR + HEALTH),
        Stage(0, "Sensory Foundations", _FOUNDATIONS + HEALTH),
        Stage(1, "Object Permanence & Working Memory", _PERMANENCE + HEALTH),
        Stage(2, "Language & Executive Function", HEALTH),
        Stage(3, "Reading & Planning", HEALTH),
        Stage(4, "Abstract Reasoning", HEALTH),
        Stage(5, "Expert Knowledge"),
        Stage(6, "LLM-Level Capabilities"),
    )
}
"""The numbering of Thalia's dashboard and of its code from 2025-12 to 2026-02: the default."""

RENUMBERED: Final[Mapping[float, Stage]] = {0: Stage(0, "Bootstrap")} | {
    stage.number + 2: Stage(stage.number + 2, stage.name, stage.milestones) for stage in DOCUMENTED.values()
}
"""The numbering from 2026-02 on: 0 Bootstrap, 1 Sensorimotor, 2 Sensory Foundations, ..."""

SCHEMES: Final[Mapping[str, Mapping[float, Stage]]] = {"documented": DOCUMENTED, "2026": RENUMBERED}


def stage_of(number: float | None, scheme: str = "documented") -> Stage | None:
    """Look a stage up by its number; -0.5 is Thalia's other name for -1, an unknown number has no entry."""
    if number is None:
        return None
    return SCHEMES[scheme].get(-1 if number == -0.5 else number)


def criterion_of(name: str, stage: float | None, scheme: str = "documented") -> Criterion | None:
    """Look a milestone's criterion up: that of its own stage, else of another stage that asks for it."""
    own = stage_of(stage, scheme)
    stages = [own] if own else []
    every = (each for one in [*stages, *SCHEMES[scheme].values()] for each in one.milestones)
    return next((each for each in every if each.name == name), None)


def stage_name(number: float | None, scheme: str = "documented") -> str:
    """Name a stage: ``"Sensory Foundations"``, ``"Stage 9"`` for one unknown, ``"Unknown"`` for none."""
    if number is None:
        return "Unknown"
    stage = stage_of(number, scheme)
    return stage.name if stage else f"Stage {number:g}"


@dataclass(frozen=True, slots=True)
class GrowthRule:
    """When Thalia grows a region, and how far."""

    threshold: float
    """Capacity above which it grows."""
    cooldown: int | None
    """Steps between two growths at least; None where Thalia states none."""
    largest: float
    """Greatest size, as a multiple of the first."""


_GROWTH_STAGES: Final = (-1, 0, 1, 2, 3, 4)
_GROWTH: Final[Mapping[str, tuple[float, tuple[float, ...], tuple[int | None, ...]]]] = {
    "prefrontal": (4.0, (0.80, 0.80, 0.75, 0.80, 0.85, 0.90), (8_000, 10_000, 8_000, 12_000, 15_000, 20_000)),
    "hippocampus": (
        3.5,
        (0.80, 0.85, 0.80, 0.80, 0.85, 0.90),
        (10_000, 12_000, 10_000, 12_000, 15_000, 20_000),
    ),
    "cortex": (2.5, (0.85, 0.90, 0.85, 0.85, 0.90, 0.95), (12_000, 15_000, 12_000, 12_000, 15_000, 25_000)),
    "striatum": (2.5, (0.80, 0.85, 0.80, 0.85, 0.90, 0.95), (10_000, 15_000, 10_000, 12_000, 15_000, 20_000)),
    "": (3.0, (0.80, 0.80, 0.80, 0.85, 0.85, 0.90), (10_000, None, None, None, None, None)),
}
"""Thalia's growth configuration by component, the first whose name is part of the region's, and by stage -1 to 4."""


def growth_rule(region: str, stage: float | None, scheme: str = "documented") -> GrowthRule | None:
    """Look up when a region grows in a stage; None where the stage is unknown or has no rule."""
    if stage is None:
        return None
    number = -1 if stage == -0.5 else stage - (2 if scheme == "2026" else 0)
    if number not in _GROWTH_STAGES:
        return None
    at = _GROWTH_STAGES.index(int(number))
    largest, thresholds, cooldowns = next(rule for part, rule in _GROWTH.items() if part in region.lower())
    return GrowthRule(thresholds[at], cooldowns[at], largest)
