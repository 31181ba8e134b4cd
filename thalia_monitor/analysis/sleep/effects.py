"""What consolidations did: patterns, steps and seconds by phase, and performance before and after each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from thalia_monitor import contract
from thalia_monitor.analysis.sleep.consolidations import Consolidation, consolidations, phase_of
from thalia_monitor.model.series_key import metric

if TYPE_CHECKING:
    from thalia_monitor.model.history import Floats, Ints, Series
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

LINES: Final = 20
"""Lines before and after a consolidation that are compared."""
FEWEST: Final = 3
"""Lines on either side that a comparison needs."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The performance of the 20 lines before a consolidation and of the 20 after it."""

    consolidation: Consolidation
    lines: Floats
    """(40,) NaN where there is no line."""
    before: float
    """Mean of the lines before."""
    after: float
    """Mean of the lines after."""


def effects(state: TrainingState, name: str) -> list[Effect]:
    """Every consolidation with at least three lines of performance on either side, and no new stage among them.

    Performance of one stage's tasks says nothing about that of another's.

    Args:
        state: the run.
        name: the metric that is its performance.
    """
    return state.memoized(("consolidation effects", name), lambda: _effects(state, name))


def _effects(state: TrainingState, name: str) -> list[Effect]:
    found = consolidations(state)
    series: Series | None = state.history.series(metric(name)) if found else None
    if series is None or not len(series):
        return []
    segment = np.array([each.segment for each in found])
    first, last = np.searchsorted(series.segment, segment), np.searchsorted(series.segment, segment + 1)
    start, end = _places(series, segment, found)
    index = np.hstack([start[:, None] + np.arange(-LINES, 0), end[:, None] + np.arange(LINES)])
    there = (index >= first[:, None]) & (index < last[:, None])
    lines = np.where(there, series.value[np.clip(index, 0, len(series) - 1)], np.nan)
    lines[~np.isfinite(lines)] = np.nan
    logged = np.isfinite(lines).reshape(-1, 2, LINES).sum(axis=2)
    whole = (logged.min(axis=1) >= FEWEST) & ~_with_new_stage(state, series, segment, index, there)
    means = np.nanmean(lines[whole].reshape(-1, 2, LINES), axis=2).tolist()
    return [
        Effect(found[at], lines[at], *means[place]) for place, at in enumerate(np.flatnonzero(whole).tolist())
    ]


def _places(series: Series, segment: Ints, found: list[Consolidation]) -> tuple[Ints, Ints]:
    """Index of the first line of the series at or after the beginning of each, and of the first after its end."""
    start, end = np.zeros(len(found), np.int64), np.zeros(len(found), np.int64)
    step = np.array([[each.step, each.last_step] for each in found])
    for each in np.unique(segment).tolist():
        inside = np.flatnonzero(segment == each)
        first, last = np.searchsorted(series.segment, (each, each + 1)).tolist()
        steps = series.step[first:last]
        start[inside] = first + np.searchsorted(steps, step[inside, 0])
        end[inside] = first + np.searchsorted(steps, step[inside, 1], side="right")
    return start, end


def _with_new_stage(
    state: TrainingState, series: Series, segment: Ints, index: Ints, there: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether a stage begins after the first and not after the last of these lines, (consolidations, lines)."""
    begun: dict[int, list[int]] = {}
    for event in state.events_of(contract.STAGE_START, contract.TRANSITION):
        if event.step is not None:
            begun.setdefault(event.segment, []).append(event.step)
    among = np.zeros(len(segment), bool)
    some = there.any(axis=1)
    line = np.clip(index, 0, len(series) - 1)
    ends = [
        line[np.arange(len(line)), at] for at in (there.argmax(axis=1), -1 - there[:, ::-1].argmax(axis=1))
    ]
    for each, steps in begun.items():
        inside = np.flatnonzero((segment == each) & some)
        before, after = (
            np.searchsorted(np.sort(steps), series.step[at[inside]], side="right") for at in ends
        )
        among[inside] = before < after
    return among


AMOUNTS: Final[Mapping[str, Callable[[Event], Any]]] = {
    "phases": lambda _: 1,
    "patterns": lambda event: event.fields.get("patterns_replayed"),
    "steps": lambda event: event.fields.get("duration_steps"),
    "seconds": lambda event: event.fields.get("duration_seconds"),
}


def sums(events: Iterable[Event]) -> dict[str, dict[str, float]]:
    """Sum of each amount by NREM, REM and other."""
    found: dict[str, dict[str, float]] = {}
    for event in events:
        for name, amount in AMOUNTS.items():
            value = amount(event)
            if isinstance(value, int | float) and math.isfinite(value):
                row = found.setdefault(name, {})
                row[phase_of(event)] = row.get(phase_of(event), 0.0) + float(value)
    return found


def _added(
    one: dict[str, dict[str, float]], other: dict[str, dict[str, float]]
) -> dict[str, dict[str, float]]:
    names = {**one, **other}
    phases = {name: {**one.get(name, {}), **other.get(name, {})} for name in names}
    return {
        name: {
            each: one.get(name, {}).get(each, 0) + other.get(name, {}).get(each, 0) for each in phases[name]
        }
        for name in names
    }


def amounts(state: TrainingState) -> dict[str, dict[str, float]]:
    """The sums over all consolidation events of a run that count; costs what is new, unless a resume has begun."""
    return state.extended_counting(
        "consolidation sums",
        lambda new: sums(each for each in new if each.kind == contract.CONSOLIDATION),
        _added,
    )
