"""Families of metrics: series whose names begin with the same path, such as ``weights/``, summed up in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor import metric_info
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.model.series_key import metric

if TYPE_CHECKING:
    from thalia_monitor.model.history import Series
    from thalia_monitor.model.run import TrainingState

FIRST: Final = ("neuromodulator", "oscillator", "weights")
"""Families that are offered first."""
MAX_CHARTS: Final = 12
"""Number of charts of a family; the search has the other series."""
MAX_NAME: Final = 40
"""Characters of a name in a sentence."""
DRIFT_STEPS: Final = 50_000
"""Steps over which the drift of a mean is measured, from Thalia's ``bcm_convergence``."""
DRIFT_LIMIT: Final = 0.01
"""Drift from which a mean counts as moving, from Thalia's ``bcm_convergence``."""
NEAR_END: Final = 0.8
"""A mean is near an end of its range if it is further from the middle than this: 0 is the middle, 1 an end."""
MAX_MEANS: Final = 200
"""Number of means whose drift and range are looked at for a sentence."""
_PATH: Final = re.compile(r"([^/.]+)[/.].*", re.DOTALL)
_STATISTIC: Final = re.compile(r"(.+)_(mean|std|min|max)")


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """Series whose names begin with the same path."""

    name: str
    """The path: ``weights``."""
    members: tuple[str, ...]
    """Series with a chart of their own; the deviation, minimum and maximum of a mean have none."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Members whose charts are drawn."""
        return self.members[:MAX_CHARTS]


def metric_families(state: TrainingState) -> dict[str, MetricFamily]:
    """Return the families of at least two series, by name: neuromodulators, oscillators and weights first."""
    return state.memoized("metric families", lambda: _by_path(state.history.metrics))


def _by_path(names: Iterable[str]) -> dict[str, MetricFamily]:
    by_path: dict[str, list[str]] = {}
    for name in names:
        if path := _path(name):
            by_path.setdefault(path, []).append(name)
    several = (path for path, members in by_path.items() if len(members) > 1)
    ordered = sorted(several, key=lambda path: (FIRST.index(path) if path in FIRST else len(FIRST), path))
    return {path: MetricFamily(path, tuple(sorted(_with_chart(by_path[path])))) for path in ordered}


def _path(name: str) -> str:
    """Return the first part of a name with several; else an empty text."""
    match = _PATH.fullmatch(name)
    return match[1] if match else ""


def _with_chart(names: Iterable[str]) -> list[str]:
    """Leave out deviation, minimum and maximum of a mean: they are drawn around it, or put into words."""
    known = set(names)
    return [
        name
        for name in known
        if not (match := _STATISTIC.fullmatch(name)) or match[2] == "mean" or f"{match[1]}_mean" not in known
    ]


def family_of(state: TrainingState, name: str) -> MetricFamily | None:
    """Return the family of a metric; None if no other metric has its path."""
    return metric_families(state).get(_path(name))


def deviation_of(name: str) -> str | None:
    """Return the metric with the standard deviation of a mean, ``p_std`` of ``p_mean``; None for other metrics."""
    match = _STATISTIC.fullmatch(name)
    return f"{match[1]}_std" if match and match[2] == "mean" else None


def family_sentence(state: TrainingState, family: MetricFamily) -> str:
    """Say how many series a family has, which are out of their band, and how far its means drift."""
    parts = [f"{family.name[:MAX_NAME]}: {counted(len(family.members), 'series', 'series')}"]
    if len(family.members) > MAX_CHARTS:
        parts.append(f"the first {MAX_CHARTS} drawn, the others by the search below")
    parts += _bands_in_words(state, family)
    parts += _means_in_words(state, family)
    return "; ".join(parts) + "."


def _bands_in_words(state: TrainingState, family: MetricFamily) -> Iterator[str]:
    for name in family.shown:
        band, newest = metric_info.info(name).band, state.history.newest(metric(name))
        if band and newest:
            side = "in" if band.low <= newest.value <= band.high else "out of"
            value = f"{number(newest.value)} {metric_info.unit(name)}".rstrip()
            yield f"{name[:MAX_NAME]} {value}, {side} {band.low:g}–{band.high:g}"


def _means_in_words(state: TrainingState, family: MetricFamily) -> Iterator[str]:
    """Say how far the means among a family's series drift, and how many are near an end of their range."""
    statistics = (_STATISTIC.fullmatch(name) for name in family.members[:MAX_MEANS])
    means = [match[1] for match in statistics if match and match[2] == "mean"]
    drifts = {name: change for name in means if (change := _drift_of_mean(state, name)) is not None}
    if drifts:
        furthest = max(drifts, key=lambda name: abs(drifts[name]))
        moving = sum(abs(change) >= DRIFT_LIMIT for change in drifts.values())
        yield (
            f"largest drift {furthest[:MAX_NAME]} {number(drifts[furthest])} in {DRIFT_STEPS:,} steps, "
            f"{moving:,} of {len(drifts):,} at least {DRIFT_LIMIT}"
        )
    places = [place for name in means if (place := _place_in_range(state, name)) is not None]
    if places:
        near = sum(abs(place) > NEAR_END for place in places)
        yield f"{near:,} of {len(places):,} means near an end of their range"


def _drift_of_mean(state: TrainingState, name: str) -> float | None:
    series = state.history.series(metric(f"{name}_mean"))
    return drift(series) if series is not None and len(series) else None


def _place_in_range(state: TrainingState, name: str) -> float | None:
    """Return where the newest mean is in its range, -1 to 1; None if mean, minimum or maximum is not logged."""
    mean, low, high = (state.history.newest(metric(f"{name}_{each}")) for each in ("mean", "min", "max"))
    if not (mean and low and high and high.value > low.value):
        return None
    return 2 * (mean.value - low.value) / (high.value - low.value) - 1


def drift(series: Series) -> float | None:
    """Return the newest value less that of 50,000 steps before in its segment; None if the segment is shorter."""
    first = int(np.searchsorted(series.segment, series.segment[-1]))
    at = first + int(np.searchsorted(series.step[first:], series.step[-1] - DRIFT_STEPS, side="right")) - 1
    if at < first:
        return None
    change = float(series.value[-1] - series.value[at])
    return change if np.isfinite(change) else None
