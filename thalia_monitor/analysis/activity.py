"""Checks on what the brain does: values that are not finite, firing rates, capacity without growth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor import contract, metric_info
from thalia_monitor.analysis.findings import Finding, Kind, Thresholds
from thalia_monitor.analysis.formatting import beyond, counted, number
from thalia_monitor.analysis.quantities import measured, series_of
from thalia_monitor.analysis.recent import ENOUGH, NEWEST, Recent, recent, since
from thalia_monitor.analysis.series_cache import nonfinite
from thalia_monitor.contract import exact
from thalia_monitor.metric_info import CAPACITY, FIRING_RATE
from thalia_monitor.model.history import EMPTY_INTS, History, Ints
from thalia_monitor.model.records import Severity
from thalia_monitor.model.series_key import Kind as SeriesKind
from thalia_monitor.model.series_key import SeriesKey, metric, parse

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

_NOT_REGIONS: Final = frozenset({"average", "avg", "mean", "overall"})
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
    """First position of the unbroken run of consecutive positions that ends at the last one."""
    breaks = np.flatnonzero(np.diff(places) > 1)
    return int(breaks[-1]) + 1 if len(breaks) else 0


@dataclass(frozen=True, slots=True)
class Rate:
    """A firing rate that a run logs."""

    series: str
    region: str = ""
    """Empty for the whole brain."""
    judged: bool = True
    """Whether the rate limits apply; a region logged as a spike count can only be silent."""

    @property
    def whose(self) -> str:
        """Subject of a sentence, such as ``The firing rate``."""
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
        if not quantity.regional_rate or region in _NOT_REGIONS:
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
    """Judge a run too short for :func:`_outside`: all values are beyond the limits of Thalia's logger."""
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
            evidence += f"; {number(size, 'rate')} times its first size, which may be its limit"
        severity = Severity.INFO if grown_up else Severity.WARNING
        yield Finding(Kind.CAPACITY, severity, text, evidence, step, key.public)


def _grown_since(state: TrainingState, region: str, step: float) -> bool:
    return any(
        (not region or event.fields.get("region") == region) and (event.step is None or event.step >= step)
        for event in state.events_of(contract.GROWTH)[-_LATEST_GROWTHS:]
    )


def _times_grown(history: History, region: str) -> float | None:
    neurons = history.neurons.get(region)
    if neurons is None or not len(neurons) or not neurons.values[0] > 0:
        return None
    return float(neurons.values[-1] / neurons.values[0])
