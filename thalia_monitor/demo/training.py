"""The course of a simulated training: growth checks, sleep, weekly milestones, extensions and transitions.

A stage is extended by two weeks where a milestone is missed at its end, and sleep replays 50 to 200 patterns,
NREM before REM, as in Thalia's own demo.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, Final

from thalia_monitor.demo.brain import WEEKS, Brain, Simulation
from thalia_monitor.demo.events import (
    Alert,
    Extension,
    Logged,
    MilestoneCheck,
    Sleep,
    StageEnd,
    StageStart,
    TrainingEvent,
    Transition,
)
from thalia_monitor.stages import DOCUMENTED, stage_name

EXTENSION_WEEKS: Final = 2

TASKS: Final[Mapping[int, Mapping[str, float]]] = {
    -1: {"motor_control": 0.40, "reaching": 0.35, "manipulation": 0.25},
    0: {"mnist": 0.40, "temporal": 0.25, "phonology": 0.35},
    1: {"cifar10": 0.40, "n_back": 0.35, "object_permanence": 0.25},
}


def training(simulation: Simulation) -> Iterator[TrainingEvent]:
    """Yield everything that happens in a simulated training, from step 0 and without end."""
    brain = Brain(simulation, Random(simulation.seed))
    yield StageStart(0, brain.stage, _config(brain.stage))
    while True:
        if brain.step and brain.step % simulation.growth_interval == 0:
            yield from _grow(brain)
        if brain.step and brain.step % simulation.consolidation_interval == 0:
            yield from _sleep(brain)
        yield from _measure(brain)
        brain.step += simulation.log_interval
        for region in brain.regions:
            region.learn(simulation.log_interval)
        if (brain.step - brain.stage_start) % simulation.steps_per_week == 0:
            yield from _week_over(brain)


def _measure(brain: Brain) -> Iterator[TrainingEvent]:
    metrics = brain.metrics()
    yield Logged(brain.step, metrics)
    high = metrics["firing_rate"] > 0.28 if brain.firing_was_high else metrics["firing_rate"] > 0.30
    if high and not brain.firing_was_high:
        yield Alert(
            brain.step, "critical", f"Seizure-like activity: firing rate {metrics['firing_rate']:.3f} > 0.3"
        )
    brain.firing_was_high = high


def _grow(brain: Brain) -> Iterator[TrainingEvent]:
    for region in brain.regions:
        if region.may_grow(brain.step):
            yield Alert(brain.step, "warning", f"High capacity in {region.name}: {region.capacity:.3f}")
            yield region.grow(brain.step, brain.random)


def _sleep(brain: Brain) -> Iterator[TrainingEvent]:
    pressure = brain.random.uniform(0.55, 0.85)
    if pressure > 0.75:
        yield Alert(brain.step, "info", f"Memory pressure {pressure:.2f}: consolidating")
    yield Sleep(brain.step, "NREM", brain.random.randint(110, 200), 5_000)
    yield Sleep(brain.step, "REM", brain.random.randint(50, 110), 2_000)
    for region in brain.regions:
        region.capacity *= 0.985  # replay frees some of what the day has filled


def _week_over(brain: Brain) -> Iterator[TrainingEvent]:
    results = brain.evaluate()
    yield MilestoneCheck(brain.step, brain.stage, brain.week, results)
    if brain.week < brain.total_weeks:
        return
    missed = [name for name, passed in results.items() if not passed]
    last = brain.stage == max(WEEKS)
    if missed or last:
        brain.total_weeks += EXTENSION_WEEKS
        reason = f"Not reached: {', '.join(missed)}" if missed else "The last stage goes on"
        yield Extension(brain.step, brain.stage, EXTENSION_WEEKS, reason)
        return
    yield StageEnd(brain.step, brain.stage)
    yield Transition(brain.step, brain.stage, brain.stage + 1, "Milestones passed")
    brain.stage += 1
    brain.stage_start = brain.step
    brain.total_weeks = WEEKS[brain.stage]
    yield StageStart(brain.step, brain.stage, _config(brain.stage))


def _config(stage: int) -> dict[str, Any]:
    tasks = TASKS.get(stage, {stage_name(stage).lower().replace(" ", "_"): 1.0})
    criteria = DOCUMENTED[stage].milestones
    return {
        "duration_weeks": WEEKS[stage],
        "tasks": list(tasks),
        "task_weights": dict(tasks),
        "success_criteria": {each.name: each.threshold for each in criteria if each.threshold is not None},
    }
