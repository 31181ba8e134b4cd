"""Compare runs: each one's values of a quantity, and their difference from the baseline's."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from thalia_monitor import contract, metric_info
from thalia_monitor.analysis.event_counts import neurons_added
from thalia_monitor.analysis.formatting import NONE, duration, number
from thalia_monitor.analysis.milestones import verdicts
from thalia_monitor.analysis.quantities import series_of
from thalia_monitor.analysis.sleep.consolidations import how_many
from thalia_monitor.analysis.sleep.effects import amounts
from thalia_monitor.model.history import Floats, History, Series
from thalia_monitor.model.series_key import ALL_NEURONS, Kind, parse

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

RUN: Final = "run"
"""The origin that is the start of the run; any other is the start of a stage."""
MOST_SHARE: Final = 10.0
"""Difference from the baseline (10 is 1,000 %) above which its share is left out."""
MOST: Final = 12
"""Runs in one chart: as many as can be told apart."""
COLOURS: Final = 8
"""Colours of the palette."""
LONGEST_NAME: Final = 40
"""Characters of a run's or a region's name in a sentence."""
FURTHEST_APART: Final = 4
"""Its first colours: blue, pink, green and olive; later ones have the hue of one of them, lighter or darker."""


@dataclass(frozen=True, slots=True)
class Side:
    """One run of a comparison."""

    state: TrainingState
    name: str
    look: int = 0
    """Number of its colour and symbol, from :func:`looks`."""
    baseline: bool = False
    run: str = ""
    """The run's id."""


def looks(runs: Iterable[str]) -> dict[str, int]:
    """Number of the colour and symbol of each run, by its id: the same for the same runs in any order.

    A run keeps its own number, one of the first four, whose hues are furthest apart, unless another run here has the
    same; colours repeat only after ``COLOURS`` runs.
    """
    found: dict[str, int] = {}
    for run in sorted(set(runs)):
        own = zlib.crc32(run.encode("utf-8", "replace")) % FURTHEST_APART
        near = ((own + away) % FURTHEST_APART for away in range(FURTHEST_APART))
        free = chain(near, count(FURTHEST_APART))
        found[run] = next(each for each in free if each not in found.values())
    return found


Verdict = Literal["better", "worse", "same", ""]


@dataclass(frozen=True, slots=True)
class RunValues:
    """Newest, best and chosen value of one quantity in one run; None where not available."""

    last: float | None = None
    last_step: int | None = None
    best: float | None = None
    best_step: int | None = None
    there: float | None = None
    """Newest value at or before the chosen step."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of a value from the baseline's."""

    absolute: float
    percent: float | None
    """Share of the baseline's absolute value (1 is 100 %); None above MOST_SHARE, and where that is 0."""
    verdict: Verdict


def run_values(state: TrainingState, name: str, step: int) -> RunValues:
    """Newest, best, and newest value up to ``step``; superseded points are ignored."""
    history = state.history
    if name == ALL_NEURONS:
        return _all_neurons(history, step)
    logged = series_of(state, name)
    series, now = history.series(logged), state.current(logged)
    if series is None or not len(series):
        return RunValues(now.value, now.step) if now else RunValues()
    counts = valid_points(series, history)
    best = _best(name, counts)
    return RunValues(
        last=now.value if now else None,
        last_step=now.step if now else None,
        best=None if best is None else float(counts.value[best]),
        best_step=None if best is None else int(counts.step[best]),
        there=value_at(counts, step),
    )


def valid_points(series: Series, history: History) -> Series:
    """Points not superseded by a later resume."""
    if len(history.segments) < 2:
        return series
    kept = series.step < history.supersessions()[series.segment]
    if kept.all():
        return series
    return Series(series.name, series.step[kept], series.value[kept], series.segment[kept], series.time[kept])


def _last(series: Series) -> float | None:
    return float(series.value[-1]) if len(series) else None


def _best(name: str, series: Series) -> int | None:
    if not directed(name):
        return None
    finite = np.flatnonzero(np.isfinite(series.value))
    if not len(finite):
        return None
    values = series.value[finite]
    return int(finite[np.argmin(values) if metric_info.info(name).better == "down" else np.argmax(values)])


def value_at(series: Series, step: int) -> float | None:
    """Newest value at or before a step, in the newest segment that has one; None if there is none."""
    for segment in reversed(range(int(series.segment[-1]) + 1 if len(series) else 0)):
        first, last = np.searchsorted(series.segment, (segment, segment + 1))
        found = first + np.searchsorted(series.step[first:last], step, side="right")
        if found > first:
            return float(series.value[found - 1])
    return None


def _all_neurons(history: History, step: int) -> RunValues:
    every = [history.series(key) for key in history.series_keys(Kind.NEURONS)]
    known = [valid_points(series, history) for series in every if series is not None and len(series)]
    there = [value for series in known if (value := value_at(series, step)) is not None]
    last = [value for series in known if (value := _last(series)) is not None]
    steps = [int(series.step[-1]) for series in known if len(series)]
    return RunValues(
        last=sum(last) if last else None,
        last_step=max(steps, default=None),
        there=sum(there) if there else None,
    )


def interpolated(x: Floats, known_x: Floats, known: Floats) -> Floats:
    """Values between known points, (n,): linear, NaN outside of them and beside one that is not finite.

    ``known_x`` never falls; of several values at one place the last counts.
    """
    if not len(known_x):
        return np.full(len(x), np.nan)
    left = np.maximum(np.searchsorted(known_x, x, side="right") - 1, 0)
    right = np.minimum(left + 1, len(known_x) - 1)
    between = (x > known_x[left]) & (right > left)
    with np.errstate(invalid="ignore", over="ignore"):
        share = np.where(
            between, (x - known_x[left]) / np.where(between, known_x[right] - known_x[left], 1), 0
        )
        values = np.where(between, known[left] * (1 - share) + known[right] * share, known[left])
    values[(x < known_x[0]) | (x > known_x[-1]) | ~np.isfinite(values)] = np.nan
    return values


def directed(name: str) -> bool:
    """Whether the quantity has a better direction: up, or down for a loss."""
    key = parse(name)
    return name != ALL_NEURONS and key.kind is Kind.METRIC and bool(metric_info.info(key.name).better)


def difference(name: str, value: float | None, baseline: float | None) -> Difference | None:
    """Compare a value with the baseline's; None where one of them is missing or not finite."""
    if value is None or baseline is None or not np.isfinite((value, baseline)).all():
        return None
    absolute = value - baseline
    share = absolute / abs(baseline) if baseline else math.inf
    return Difference(absolute, share if abs(share) <= MOST_SHARE else None, verdict(name, absolute))


def verdict(name: str, absolute: float) -> Verdict:
    """``better`` or ``worse`` for a difference from the baseline; empty for neither."""
    if not directed(name):
        return ""
    if absolute == 0:
        return "same"
    return "better" if (absolute > 0) == (metric_info.info(name).better == "up") else "worse"


def run_totals(state: TrainingState) -> dict[str, str]:
    """Growth, consolidation, milestones and time of a run in numbers, by what each is."""
    neurons = state.history.latest(state.history.neurons)
    checked = verdicts(state)
    passed = sum(each.passed for each in checked.values())
    seconds = state.training_duration.total_seconds()
    return {
        "Neurons now": number(sum(neurons.values()), "count") if neurons else NONE,
        "Neurons added": f"{neurons_added(state):,}",
        "Growth events": f"{len(state.counting(contract.GROWTH)):,}",
        "Consolidations": f"{how_many(state):,}",
        "Patterns replayed": number(sum(amounts(state).get("patterns", {}).values()), "count"),
        "Milestones passed, all stages": f"{passed} of {len(checked)}" if checked else NONE,
        "Training time": duration(seconds) if seconds else NONE,
    }


def common_step(states: Sequence[TrainingState]) -> int:
    """Greatest step that every run with a history has reached; 0 without any history."""
    reached = [state.history.current_step for state in states if len(state.history)]
    return min(reached, default=0)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a stage begins in a run."""

    step: int
    time: float | None
    """Unix seconds; None if not logged."""


def stage_starts(state: TrainingState) -> dict[int, Start]:
    """Start of each stage, by number: from its events, else its first checkpoint."""
    found: dict[int, Start] = {}
    for event in state.counting(contract.STAGE_START, contract.TRANSITION):
        if event.stage_begun is not None and event.step is not None:
            found.setdefault(_whole(event.stage_begun), Start(event.step, event.time))
    for point in state.valid_checkpoints:
        if point.stage is not None:
            found.setdefault(_whole(point.stage), Start(point.step, _time_of(state.history, point.step)))
    return dict(sorted(found.items()))


def _whole(stage: float) -> int:
    return -1 if stage == -0.5 else int(stage)


def _time_of(history: History, step: int) -> float | None:
    reached = np.flatnonzero(history.step >= step)
    time: Floats = history.time[reached[:1]]
    return float(time[0]) if len(time) and np.isfinite(time[0]) else None
