"""Checks on what the brain does: values that are not finite, firing rates, capacity without growth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.finding import Finding, Kind
from thalia_monitor.analysis.recent import ENOUGH, NEWEST, recent, since
from thalia_monitor.analysis.thresholds import Thresholds
from thalia_monitor.analysis.wording import beyond, counted, number
from thalia_monitor.analysis.workbench import nonfinite
from thalia_monitor.contract import exact
from thalia_monitor.history import EMPTY_INTS, History, Ints
from thalia_monitor.series_key import Kind as SeriesKind
from thalia_monitor.series_key import metric
from thalia_monitor.state import Severity, TrainingState

_REGION_RATE: Final = re.compile(r"(?:region_)?firing_rates?[/.](?P<region>.+)")
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
    """Which of these places begins the unbroken stretch that the last of them ends."""
    breaks = np.flatnonzero(np.diff(places) > 1)
    return int(breaks[-1]) + 1 if len(breaks) else 0


def rate_series(history: History) -> dict[str, str]:
    """The firing rates that a run logs: the region of each by series name, "" for the whole brain."""
    found = {name: "" for name in ("firing_rate",) if name in history.metrics}
    for name in history.metrics:
        match = _REGION_RATE.fullmatch(name)
        if match and match["region"] not in _NOT_REGIONS:
            found[name] = match["region"]
    return found


def firing(state: TrainingState, limits: Thresholds) -> Iterator[Finding]:
    """Find rates that run away, regions that are silent, and rates that stay outside the healthy range."""
    for name, region in rate_series(state.history).items():
        rates = recent(state.history, metric(name))
        column = state.history.metrics.get(name)
        never_measured = column is None or not (column.values[:1000].any() or rates.value.any())
        if len(rates) < ENOUGH or (never_measured and not region):
            continue  # Thalia's first logger wrote a constant 0 for what it did not measure
        whose = f"The firing rate of {region}" if region else "The firing rate"
        value = float(np.median(rates.value[-NEWEST:]))
        if (rates.value[-2:] > limits.runaway).all():
            step = since(rates, rates.value > limits.runaway, 0, share=1)
            text = f"{whose} is running away: {beyond(value, limits.runaway)}."
            healthy = f"above {exact(limits.runaway)}"
            yield Finding(Kind.RUNAWAY, Severity.CRITICAL, text, healthy, step, name)
            continue
        silent = since(rates, rates.value < limits.silent, limits.silent_steps, share=1)
        if silent is not None:
            text = f"{region or 'The brain'} has been silent since step {silent:,}."
            rate, limit = beyond(value, limits.silent), exact(limits.silent)
            evidence = f"firing rate {rate}, below {limit} for {limits.silent_steps:,.0f} steps"
            yield Finding(Kind.SILENT, Severity.CRITICAL, text, evidence, silent, name)
            continue
        for outside, word, bound in (
            (rates.value < limits.firing_low, "low", limits.firing_low),
            (rates.value > limits.firing_high, "high", limits.firing_high),
        ):
            step = since(rates, outside, limits.firing_steps)
            if step is not None:
                text = f"{whose} has been too {word} since step {step:,}: {beyond(value, bound)}."
                evidence = f"healthy is {exact(limits.firing_low)} to {exact(limits.firing_high)}"
                yield Finding(Kind.FIRING, Severity.WARNING, text, evidence, step, name)


def full(state: TrainingState, limits: Thresholds) -> Iterator[Finding]:
    """Find regions whose capacity has long been above the growth threshold without any growth."""
    history = state.history
    regions = {key: key.name for key in history.series_keys(SeriesKind.CAPACITY)}
    for key, region in (regions or {metric("capacity"): ""}).items():
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
