"""Health findings from a run's own numbers, in addition to the trainer's warnings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from thalia_monitor import contract, metric_info
from thalia_monitor.analysis.curriculum.retention import forgetting
from thalia_monitor.analysis.findings import Finding, Kind, Thresholds
from thalia_monitor.analysis.formatting import beyond, counted, number
from thalia_monitor.analysis.milestones import lost, verdicts
from thalia_monitor.analysis.quantities import measured, series_of
from thalia_monitor.analysis.recent import ENOUGH, NEWEST, Recent, recent, since, stage_start
from thalia_monitor.analysis.regions import NOT_REGIONS
from thalia_monitor.analysis.series.series_cache import nonfinite
from thalia_monitor.contract import exact
from thalia_monitor.metric_info import CAPACITY, FIRING_RATE, LOSS, PERFORMANCE, MetricInfo
from thalia_monitor.model.history import EMPTY_INTS, History, Ints
from thalia_monitor.model.records import Severity
from thalia_monitor.model.run import TrainingState
from thalia_monitor.model.series_key import Kind as SeriesKind
from thalia_monitor.model.series_key import SeriesKey, metric, parse

MAINTAINED: Final = "_maintained"
"""How milestones end that check for an earlier stage's skill."""
_CLEARLY: Final = 4 * 1.4826
"""Times the median deviation (four standard deviations, if normal) that is more than noise."""


def _named(quantity: MetricInfo, series: str) -> str:
    """The subject of a sentence about a quantity; names the series where that is not the quantity's own."""
    return quantity.title + (f" ({series})" if series != quantity.name else "")


def diverging(state: TrainingState, limits: Thresholds) -> Iterator[Finding]:
    """Find a loss that has risen to twice the stage's best, and stays there or rises on.

    Compares medians over 5,000 steps, so that neither a spike nor a bad quarter of an hour is a divergence.
    """
    series = series_of(state, LOSS.name)
    losses = recent(state.history, series, stage_start(state))
    if not len(losses):
        return
    last, span = int(losses.step[-1]), limits.loss_steps
    age = (last - losses.step) // span  # of only those blocks that have values: steps may leap
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
    since = verdicts(state)
    for name, passed in state.milestones.items():
        if not passed and name.endswith(MAINTAINED) and name not in gone:
            skill = name.removesuffix(MAINTAINED)
            text = f"An earlier stage's skill is not maintained: {skill}."
            yield Finding(Kind.FORGETTING, Severity.WARNING, text, "the newest check", since[name].step, name)


_LATEST_GROWTHS: Final = 5_000


def not_finite(state: TrainingState, limits: Thresholds) -> Iterator[Finding]:
    """Find every series with NaN or infinities: critical while they last, a warning for a while after."""
    history = state.history
    for key in history.series_keys():
        name, column = key.public, history.column(key)
        places = nonfinite(history, name, column) if column else EMPTY_INTS
        if column is None or not len(places):
            continue
        rows = places if column.rows is None else column.rows[places]
        steps = history.step[rows]
        evidence = f"{counted(len(places), 'value')} of {len(column):,} not finite"
        if places[-1] == len(column) - 1:
            step = int(steps[_stretch(places)])
            word = number(float(column.values[-1]))
            text = f"{name} has been {word} since step {step:,}."
            yield Finding(Kind.NONFINITE, Severity.CRITICAL, text, evidence, step, name)
            continue
        fresh = history.current_step - steps[-1] <= limits.recent_steps
        fresh = bool(fresh) or len(column) - int(places[-1]) <= NEWEST
        severity = Severity.WARNING if fresh else Severity.INFO
        text = f"{name} was not finite, last at step {int(steps[-1]):,}."
        yield Finding(Kind.NONFINITE, severity, text, evidence, int(steps[0]), name)


def _stretch(places: Ints) -> int:
    """Which of these places begins the unbroken stretch that the last of them ends."""
    breaks = np.flatnonzero(np.diff(places) > 1)
    return int(breaks[-1]) + 1 if len(breaks) else 0


@dataclass(frozen=True, slots=True)
class Rate:
    """A firing rate that a run logs."""

    series: str
    region: str = ""
    """Empty for the whole brain."""
    judged: bool = True
    """Whether the limits of rates hold for it; a region counted in spikes can only be silent."""

    @property
    def whose(self) -> str:
        """The subject of a sentence about it."""
        if self.region:
            return f"The firing rate of {self.region}"
        return "The firing rate" + (f" ({self.series})" if self.series != FIRING_RATE.name else "")


def rates(state: TrainingState) -> list[Rate]:
    """The firing rates that a run logs: the brain's, then one for each region."""
    brain = series_of(state, FIRING_RATE.name)
    # Thalia's first trainers wrote a constant 0 for what they did not measure.
    found = [Rate(brain)] if measured(state, brain) else []
    regions: dict[str, Rate] = {}
    for series in state.history.metrics:
        quantity, name = metric_info.lookup(series)
        region = series.replace(".", "/", 1).partition("/")[2]
        if not quantity.regional_rate or region in NOT_REGIONS:
            continue
        # What Thalia's trainer logs twice, flat and in an object, is a count of spikes under both names.
        if region not in regions or not name.judged:
            regions[region] = Rate(series, region, name.judged)
    return found + list(regions.values())


def firing(state: TrainingState, limits: Thresholds) -> Iterator[Finding]:
    """Find rates that run away, regions that are silent, and rates that stay outside the healthy range."""
    for rate in rates(state):
        values = recent(state.history, metric(rate.series))
        found = next(filter(None, (check(rate, values, limits) for check in _RATE_CHECKS)), None)
        if found:
            yield found


def _runaway(rate: Rate, values: Recent, limits: Thresholds) -> Finding | None:
    if not rate.judged or len(values) < ENOUGH or not (values.value[-2:] > limits.runaway).all():
        return None
    step = since(values, values.value > limits.runaway, 0, share=1)
    now, healthy = beyond(_now(values), limits.runaway), f"above {exact(limits.runaway)}"
    text = f"{rate.whose} is running away: {now}."
    return Finding(Kind.RUNAWAY, Severity.CRITICAL, text, healthy, step, rate.series)


def _silent(rate: Rate, values: Recent, limits: Thresholds) -> Finding | None:
    step = since(values, values.value < limits.silent, limits.silent_steps, share=1)
    if step is None:
        return None
    text = f"{rate.region or 'The brain'} has been silent since step {step:,}."
    now, limit = beyond(_now(values), limits.silent), exact(limits.silent)
    evidence = f"firing rate {now}, below {limit} for {limits.silent_steps:,.0f} steps"
    return Finding(Kind.SILENT, Severity.CRITICAL, text, evidence, step, rate.series)


def _outside(rate: Rate, values: Recent, limits: Thresholds) -> Finding | None:
    evidence = f"healthy is {exact(limits.firing_low)} to {exact(limits.firing_high)}"
    for outside, word, bound in (
        (values.value < limits.firing_low, "low", limits.firing_low),
        (values.value > limits.firing_high, "high", limits.firing_high),
    ):
        step = since(values, outside, limits.firing_steps) if rate.judged else None
        if step is not None:
            now = beyond(_now(values), bound)
            text = f"{rate.whose} has been too {word} since step {step:,}: {now}."
            return Finding(Kind.FIRING, Severity.WARNING, text, evidence, step, rate.series)
    return None


def _never_within(rate: Rate, values: Recent, limits: Thresholds) -> Finding | None:
    """A run too short for the rule above, all of it beyond the limits of Thalia's logger: one value is enough."""
    if not rate.judged or not len(values):
        return None
    for outside, word, side, bound in (
        (values.value < limits.firing_least, "low", "below", limits.firing_least),
        (values.value > limits.firing_most, "high", "above", limits.firing_most),
    ):
        if outside.all():
            step, now = int(values.step[0]), beyond(_now(values), bound)
            text = f"{rate.whose} has been too {word} since step {step:,}: {now}."
            evidence = f"{side} {exact(bound)}, the limit of Thalia's logger, in every value so far"
            return Finding(Kind.FIRING, Severity.WARNING, text, evidence, step, rate.series)
    return None


_RATE_CHECKS: Final = (_runaway, _silent, _outside, _never_within)


def _now(values: Recent) -> float:
    return float(np.median(values.value[-NEWEST:]))


def full(state: TrainingState, limits: Thresholds) -> Iterator[Finding]:
    """Find regions whose capacity has long been above the growth threshold without any growth."""
    history = state.history
    regions = {key: key.name for key in history.series_keys(SeriesKind.CAPACITY)}
    whole: dict[SeriesKey, str] = {parse(series_of(state, CAPACITY.name)): ""}
    for key, region in (regions or whole).items():
        used = recent(history, key)
        if len(used) < ENOUGH:
            continue
        step = since(used, used.value > limits.capacity, limits.growth_steps)
        if step is None or _grown_since(state, region, history.current_step - limits.growth_steps):
            continue
        size = _times_grown(history, region)
        grown_up = size is not None and size >= limits.full_grown
        whose = f"Capacity of {region}" if region else "Capacity"
        text = f"{whose} has been above {exact(limits.capacity)} since step {step:,} without growth."
        evidence = f"{number(float(used.value[-1]), 'percent')} in use"
        if grown_up and size is not None:
            evidence += f"; {number(size, 'rate')}x initial size, which may be its limit"
        severity = Severity.INFO if grown_up else Severity.WARNING
        yield Finding(Kind.CAPACITY, severity, text, evidence, step, key.public)


def _grown_since(state: TrainingState, region: str, step: float) -> bool:
    return any(
        (not region or event.fields.get("region") == region) and (event.step is None or event.step >= step)
        for event in state.counting(contract.GROWTH)[-_LATEST_GROWTHS:]
    )


def _times_grown(history: History, region: str) -> float | None:
    neurons = history.neurons.get(region)
    if neurons is None or not len(neurons) or not neurons.values[0] > 0:
        return None
    return float(neurons.values[-1] / neurons.values[0])


Check = Callable[[TrainingState, Thresholds], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (not_finite, firing, full, diverging, plateau, forgotten, forgetting)
DEFAULTS: Final = Thresholds()

_ORDER: Final = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


def findings(state: TrainingState, thresholds: Thresholds = DEFAULTS) -> list[Finding]:
    """Run all health checks; findings are sorted by severity, worst first.

    Looks at the newest 20,000 values of a series at most, and counts only what is new, so that the cost does not
    grow with the run.
    """
    found = [finding for check in CHECKS for finding in check(state, thresholds)]
    return sorted(found, key=lambda each: (_ORDER.index(each.severity), each.kind, each.series or ""))
