"""Where a metric is, and where it is going."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from thalia_monitor.analysis.quantities import Place
from thalia_monitor.analysis.recent import ENOUGH, Recent, recent
from thalia_monitor.analysis.wording import number
from thalia_monitor.metric_info import title
from thalia_monitor.series_key import metric
from thalia_monitor.state import TrainingState

SPANS: Final = (1_000, 10_000, 100_000)
"""Steps that a change is told over: the fewest that hold three values, and three before them."""
_STEADY: Final = 0.005


@dataclass(frozen=True, slots=True)
class Trend:
    """The newest value of a metric and its change."""

    name: str
    value: float
    """The newest value, which may not be finite (:meth:`TrainingState.current`)."""
    change: float | None = None
    """Relative change of the median over the last ``steps`` steps to that of those before; None if not known."""
    steps: int | None = None
    place: Place | None = None
    """The place that the metric has in a summary."""
    step: int | None = None
    """The step that the value is of."""
    as_of: str = ""
    """Which step that is, in words, where training is further."""

    @property
    def moved(self) -> bool:
        """Whether it changed by half a percent at least."""
        return self.change is not None and abs(self.change) >= _STEADY

    @property
    def course(self) -> str:
        """Where it is going: ``down 4 % in the last 1,000 steps``; empty where that is not known."""
        if self.change is None:
            return ""
        way = "steady" if not self.moved else ("up " if self.change > 0 else "down ")
        much = "" if not self.moved else number(abs(self.change), "change").removeprefix("+")
        return f"{way}{much} in the last {self.steps:,} steps"

    def __str__(self) -> str:
        named, unit, origin = title(self.name), "", ""
        if self.place:
            named, unit = self.place.title, self.place.unit
            origin = f"({self.place.origin})" if self.place.origin else ""
        text = " ".join(filter(None, (named, number(self.value), unit, origin, self.as_of)))
        return f"{text}, {self.course}" if self.course else text


def trend(state: TrainingState, name: str) -> Trend | None:
    """Tell where a metric is going; None where it was never logged."""
    now = state.current(metric(name))
    if now is None:
        return None
    told = Trend(name, now.value, step=now.step, as_of=now.as_of)
    values = recent(state.history, metric(name))
    for span in SPANS if math.isfinite(now.value) else ():
        change = _change(values, span)
        if change is not None and now.step - values.step[-1] < span:
            return replace(told, change=change, steps=span)
    return told


def _change(values: Recent, span: int) -> float | None:
    if not len(values):
        return None
    end = int(values.step[-1]) + 1
    now, before = values.within(end - span), values.within(end - 2 * span, end - span)
    if min(len(now), len(before)) < ENOUGH or values.step[0] > end - span - 0.75 * span:
        return None
    earlier = float(np.median(before))
    return (float(np.median(now)) - earlier) / abs(earlier) if earlier else None
