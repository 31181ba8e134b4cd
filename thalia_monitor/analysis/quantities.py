"""What a run's metrics are: quantities with a place on the page, and families of metrics under one path.

The places are those of cards, summary, first charts and health rules. A family has small charts in one scale.
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

LONGEST: Final = 80
"""Displayed characters of a name; logs may have longer ones."""


@dataclass(frozen=True, slots=True)
class Place:
    """Slot for a core metric (card, first chart, summary), and the series shown in it."""

    core: MetricInfo
    """Core metric of the slot."""
    series: str
    """Series shown: the core metric's own, an alias, or another metric if the run has neither."""
    filled: bool = True
    """Whether the run logs it; a placeholder constant 0 does not count."""

    @property
    def quantity(self) -> str:
        """Name of the core metric, or of the other metric in its slot."""
        return self.core.name if metric_info.info(self.series) is self.core else self.series

    @property
    def public(self) -> str:
        """Name of the quantity among those of all series: the public name of a metric that is no core one."""
        quantity = self.quantity
        return quantity if quantity == self.core.name else metric(quantity).public

    @property
    def title(self) -> str:
        """Display name."""
        return metric_info.title(self.quantity)[:LONGEST]

    @property
    def origin(self) -> str:
        """``best task, from accuracy`` if the series is an alias of the quantity; else empty."""
        meaning = metric_info.lookup(self.series)[1].detail
        words = ", ".join(each for each in (meaning, f"from {self.series[:LONGEST]}") if each)
        return words if self.series != self.quantity else ""

    @property
    def unit(self) -> str:
        """The unit of its values: ``Hz``; empty where it has none or is a share."""
        return metric_info.unit(self.series)

    @property
    def detail(self) -> str:
        """Caption below the value: unit or meaning, and the series' name if it is an alias."""
        meaning = "" if self.origin else metric_info.lookup(self.series)[1].detail
        return ", ".join(each for each in (self.unit, meaning, self.origin) if each)


def places(state: TrainingState) -> tuple[Place, ...]:
    """Slots of a run, in the order of the core metrics.

    A core metric has its place if the run logs it, under its own name or an alias. Another place goes to what the run
    does log: its most frequent metrics. Only without any does a core metric keep a place with nothing in it.
    """
    return state.memoized("places", lambda: _places(state))


def _places(state: TrainingState) -> tuple[Place, ...]:
    logged = _logged(state)
    found = {core.name: _source(state, core, logged) for core in metric_info.CORE}
    free = (name for name in logged if _may_fill(state, name, found))
    series = {core: found[core.name] or next(free, None) for core in metric_info.CORE}
    return tuple(Place(core, name or core.name, name is not None) for core, name in series.items())


def _logged(state: TrainingState) -> list[str]:
    """All metrics of a run: the most frequent first, then by rank, then by name."""
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
    quantity, known = metric_info.lookup(name)
    again = quantity.core and not known.apart and found[quantity.name] is not None
    placeholder = quantity.placeholder and not measured(state, name)
    return quantity.fills and not again and not placeholder and name not in found.values()


def measured(state: TrainingState, name: str) -> bool:
    """Whether a metric has a finite value, and a nonzero one where a constant 0 is a placeholder."""
    zero_counts = not metric_info.info(name).placeholder
    column = state.history.metrics.get(name)
    if column is not None and len(column):
        finite, other = first_values(state.history, name, column)
        return finite if zero_counts else other
    values = (point.metrics[name] for point in state.checkpoints if name in point.metrics)
    return any(math.isfinite(each) and (zero_counts or each != 0) for each in values)


def _finite_somewhere(state: TrainingState, name: str) -> bool:
    column = state.history.metrics.get(name)
    if column is not None and len(column):
        return first_values(state.history, name, column)[0]
    return any(math.isfinite(point.metrics.get(name, math.nan)) for point in state.checkpoints)


def first_to_last(state: TrainingState) -> list[Place]:
    """Filled slots in summary order: core metrics first, then their substitutes."""
    filled = (each for each in places(state) if each.filled)
    return sorted(filled, key=lambda each: (each.quantity != each.core.name, each.core.summary_rank))


def series_of(state: TrainingState, name: str) -> str:
    """Name of the series that holds a quantity in its own unit, for rules and comparisons.

    Returns ``name`` itself if it is not a core metric's, or the run logs no such series.
    """
    core = metric_info.BY_NAME.get(name)
    if core is None or not core.core:
        return name
    return state.memoized(("series of", name), lambda: _judged_series(state, core)) or name


def _judged_series(state: TrainingState, core: MetricInfo) -> str | None:
    return metric_info.source_of(core, _logged(state), lambda name: measured(state, name), judged=True)


def judgement(name: str, delta: float) -> str:
    """Tell whether a change of this metric is ``good``, ``bad`` or ``neutral``."""
    better = metric_info.info(name).better
    if delta == 0 or not better:
        return "neutral"
    return "good" if (delta > 0) == (better == "up") else "bad"
