"""Which series of a run stand for which quantities, for cards, summary, first charts and health rules.

A *series* is what a run logs under one name. A *quantity* is what is measured, whatever it is called
(:mod:`~thalia_monitor.metric_info`): ``loss``. A *place* is where the page shows a core quantity; if a run does not
log that, another of its series is shown there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from thalia_monitor import metric_info
from thalia_monitor.analysis.series.series_cache import first_values
from thalia_monitor.model.series_key import metric

if TYPE_CHECKING:
    from thalia_monitor.metric_info import MetricInfo
    from thalia_monitor.model.run import TrainingState

MAX_NAME: Final = 80
"""Characters of a name that are displayed; logs may have longer ones."""


@dataclass(frozen=True, slots=True)
class Place:
    """Place of a core quantity in cards, first charts and summary, and the series shown there."""

    core: MetricInfo
    """The core quantity."""
    series: str
    """The series shown: the quantity's own, an alias, or another one if the run has neither."""
    filled: bool = True
    """Whether any series is shown; one that is constantly 0 as a placeholder is not."""

    @property
    def quantity(self) -> str:
        """Name of the quantity shown: the core quantity's, or that of the other series."""
        return self.core.name if metric_info.info(self.series) is self.core else self.series

    @property
    def public(self) -> str:
        """Name in addresses and in the API: that of a core quantity, else the public name of the series."""
        quantity = self.quantity
        return quantity if quantity == self.core.name else metric(quantity).public

    @property
    def title(self) -> str:
        """Name on the page."""
        return metric_info.title(self.quantity)[:MAX_NAME]

    @property
    def origin(self) -> str:
        """Which series it is if the quantity is shown under an alias: ``best task, from accuracy``; else empty."""
        detail = metric_info.lookup(self.series)[1].detail
        words = ", ".join(each for each in (detail, f"from {self.series[:MAX_NAME]}") if each)
        return words if self.series != self.quantity else ""

    @property
    def unit(self) -> str:
        """Unit of the values, such as ``Hz``; empty for a share, or if there is none."""
        return metric_info.unit(self.series)

    @property
    def detail(self) -> str:
        """Caption below the value: unit, detail, and the series if it is an alias."""
        detail = "" if self.origin else metric_info.lookup(self.series)[1].detail
        return ", ".join(each for each in (self.unit, detail, self.origin) if each)


def places(state: TrainingState) -> tuple[Place, ...]:
    """Return the places of a run, in the order of the core quantities.

    If a run does not log a core quantity, under its own name or an alias, its place shows the most frequent of the
    other series; it is empty only if there is none.
    """
    return state.memoized("places", lambda: _places(state))


def _places(state: TrainingState) -> tuple[Place, ...]:
    logged = _logged(state)
    found = {core.name: _source(state, core, logged) for core in metric_info.CORE}
    free = (name for name in logged if _may_fill(state, name, found))
    series = {core: found[core.name] or next(free, None) for core in metric_info.CORE}
    return tuple(Place(core, name or core.name, name is not None) for core, name in series.items())


def _logged(state: TrainingState) -> list[str]:
    """Return all metrics of a run: the most frequent first, then by rank, then by name."""
    return state.memoized("metrics by count", lambda: _by_count(state))


def _by_count(state: TrainingState) -> list[str]:
    counts = {name: len(column) for name, column in state.history.metrics.items() if len(column)}
    counts |= {name: 1 for name in state.metrics if name not in counts}
    return sorted(counts, key=lambda name: (-counts[name], metric_info.info(name).rank, name))


def _source(state: TrainingState, core: MetricInfo, logged: Iterable[str]) -> str | None:
    logged = list(logged)
    found = metric_info.source_of(core, logged, lambda name: measured(state, name))
    # If all values are NaN, the page must show that.
    return found or metric_info.source_of(core, logged, lambda name: not _finite_somewhere(state, name))


def _may_fill(state: TrainingState, name: str, found: Mapping[str, str | None]) -> bool:
    """Whether a series may be shown in the place of a quantity that is not logged."""
    quantity, logged_as = metric_info.lookup(name)
    repeated = quantity.core and not logged_as.apart and found[quantity.name] is not None
    placeholder = quantity.placeholder and not measured(state, name)
    return quantity.fills and not repeated and not placeholder and name not in found.values()


def measured(state: TrainingState, name: str) -> bool:
    """Whether a metric has a finite value, and a nonzero one where a constant 0 is a placeholder."""
    zero_counts = not metric_info.info(name).placeholder
    column = state.history.metrics.get(name)
    if column is not None and len(column):
        has_finite, has_nonzero = first_values(state.history, name, column)
        return has_finite if zero_counts else has_nonzero
    values = (point.metrics[name] for point in state.checkpoints if name in point.metrics)
    return any(math.isfinite(each) and (zero_counts or each != 0) for each in values)


def _finite_somewhere(state: TrainingState, name: str) -> bool:
    column = state.history.metrics.get(name)
    if column is not None and len(column):
        return first_values(state.history, name, column)[0]
    return any(math.isfinite(point.metrics.get(name, math.nan)) for point in state.checkpoints)


def filled_places(state: TrainingState) -> list[Place]:
    """Return the places that show a series, in the order of a summary: core quantities first."""
    filled = (each for each in places(state) if each.filled)
    return sorted(filled, key=lambda each: (each.quantity != each.core.name, each.core.summary_rank))


def series_of(state: TrainingState, name: str) -> str:
    """Return the series to which the limits of a core quantity apply (not one in Hz), for rules and comparisons.

    Returns ``name`` itself if it is not a core quantity's, or the run logs no such series.
    """
    core = metric_info.BY_NAME.get(name)
    if core is None or not core.core:
        return name
    return state.memoized(("series of", name), lambda: _judged_series(state, core)) or name


def _judged_series(state: TrainingState, core: MetricInfo) -> str | None:
    return metric_info.source_of(core, _logged(state), lambda name: measured(state, name), judged=True)


def judgement(name: str, delta: float) -> str:
    """Return whether a change of this metric is ``good``, ``bad`` or ``neutral``."""
    better = metric_info.info(name).better
    if delta == 0 or not better:
        return "neutral"
    return "good" if (delta > 0) == (better == "up") else "bad"
