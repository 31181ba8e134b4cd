"""Health checks on learning: diverging loss, performance plateau, forgotten skills."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.findings import Finding, Kind, Thresholds
from thalia_monitor.analysis.formatting import number
from thalia_monitor.analysis.milestones import lost
from thalia_monitor.analysis.quantities import series_of
from thalia_monitor.analysis.recent import ENOUGH, recent
from thalia_monitor.contract import exact
from thalia_monitor.metric_info import LOSS, PERFORMANCE, MetricInfo
from thalia_monitor.model.records import Severity

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

MAINTAINED: Final = "_maintained"
"""Name suffix of milestones that check an earlier stage's skill."""
_STAGE_EVENTS: Final = (contract.STAGE_START, contract.TRANSITION)
_CLEARLY: Final = 4 * 1.4826
"""Multiple of the median deviation beyond noise (four standard deviations of a normal distribution)."""


def _named(quantity: MetricInfo, series: str) -> str:
    """Subject of a sentence about a quantity, with the series' name if it is an alias."""
    return quantity.title + (f" ({series})" if series != quantity.name else "")


def stage_start(state: TrainingState) -> float:
    """First step of the current stage, as far as known; earlier values belong to other tasks."""
    begun = [
        (event.segment, event.step)
        for event in state.events_of(*_STAGE_EVENTS)  # possibly from several files, so in no order
        if event.step is not None and event.step <= state.current_step
    ]
    if begun:
        return max(begun)[1]
    others = [each.step for each in state.checkpoints if each.stage != state.checkpoints[-1].stage]
    return max(others, default=float("-inf"))


def diverging(state: TrainingState, limits: Thresholds) -> Iterator[Finding]:
    """Find a loss that has risen to twice the stage's best, and stays there or rises on.

    Compares medians over 5,000 steps, so that neither a spike nor a bad quarter of an hour is a divergence.
    """
    series = series_of(state, LOSS.name)
    losses = recent(state.history, series, stage_start(state))
    if not len(losses):
        return
    last, span = int(losses.step[-1]), limits.loss_steps
    age = (last - losses.step) // span  # only blocks that have values: steps may jump
    whole = last - (age + 1) * span + 1 > losses.step[0]
    age, values = age[whole], losses.value[whole]
    if min(np.count_nonzero(age == 0), np.count_nonzero(age == 1)) < ENOUGH:
        return
    begins = np.flatnonzero(np.diff(age)) + 1
    blocks = np.split(values, begins)
    levels = np.array([np.median(block) for block in blocks])
    best = int(np.argmin(levels))
    level, least = float(levels[-1]), float(levels[best])
    noise = float(np.median(np.abs(blocks[-1] - level)))
    risen = level > limits.loss_factor * least if least > 0 else True
    falling = level < 0.9 * float(levels[best:].max())
    if not risen or falling or level - least <= _CLEARLY * noise:
        return
    step = int(last - age[begins[best] - 1 if best < len(begins) else -1] * span)
    text = f"{_named(LOSS, series)} is diverging: {number(level)}, up from {number(least)} at step {step:,}."
    evidence = (
        f"medians over {limits.loss_steps:,.0f} steps; more than {exact(limits.loss_factor)} times the best"
    )
    yield Finding(Kind.LOSS, Severity.WARNING, text, evidence, step, series)


def plateau(state: TrainingState, limits: Thresholds) -> Iterator[Finding]:
    """Find a performance that has fallen, or gained less than 2 % in 5,000 steps with much left to gain."""
    span = limits.plateau_steps
    series = series_of(state, PERFORMANCE.name)
    values = recent(state.history, series, stage_start(state))
    if not len(values) or values.step[-1] - values.step[0] < 2 * span:
        return
    end = int(values.step[-1]) + 1
    before, now = values.within(end - 2 * span, end - span), values.within(end - span)
    if min(len(before), len(now)) < ENOUGH:
        return
    level, earlier = float(np.median(now)), float(np.median(before))
    gain = (level - earlier) / abs(earlier) if earlier else 0.0
    if gain >= limits.plateau_gain or level >= limits.plateau_below or not earlier:
        return
    start = int(end - span)
    text = f"{_named(PERFORMANCE, series)} has hardly changed since step {start:,}: {number(level)}."
    severity = Severity.INFO
    if gain < -limits.plateau_gain:
        text = f"{_named(PERFORMANCE, series)} has fallen since step {start:,}, to {number(level)}."
        severity = Severity.WARNING if gain <= -limits.performance_drop else Severity.INFO
    evidence = (
        f"{number(gain, 'change')} in {span:,.0f} steps; {number(limits.plateau_gain, 'change')} is learning"
    )
    yield Finding(Kind.PLATEAU, severity, text, evidence, start, series)


def forgotten(state: TrainingState, limits: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - one shape for all
    """Find milestones that were passed once and no longer are, and earlier skills that are not maintained."""
    gone = {change.name: change.step for change in lost(state)}
    for name, step in gone.items():
        evidence = "an earlier check had passed it"
        text = f"Milestone {name} was lost at step {step:,}."
        yield Finding(Kind.FORGETTING, Severity.WARNING, text, evidence, step, name)
    for name, passed in state.milestones.items():
        if not passed and name.endswith(MAINTAINED) and name not in gone and state.checkpoint:
            skill = name.removesuffix(MAINTAINED)
            text = f"An earlier stage's skill is not maintained: {skill}."
            yield Finding(
                Kind.FORGETTING, Severity.WARNING, text, "newest checkpoint", state.checkpoint.step, name
            )
