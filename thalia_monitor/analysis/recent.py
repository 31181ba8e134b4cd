"""The newest part of a series: what judgements of the present look at, at a cost that does not grow."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.analysis.formatting import number
from thalia_monitor.metric_info import title
from thalia_monitor.model.history import EMPTY_FLOATS, EMPTY_INTS, Floats, History, Ints
from thalia_monitor.model.series_key import SeriesKey, metric

if TYPE_CHECKING:
    from thalia_monitor.analysis.quantities import Place
    from thalia_monitor.model.run import TrainingState

MOST: Final = 20_000
"""Values looked at, at most."""
ENOUGH: Final = 3
"""Values that anything is said from, at least."""
NEWEST: Final = 10
"""The newest values; most of them must still be bad for something to be going on."""


@dataclass(frozen=True, slots=True)
class Recent:
    """The newest finite values of one series, within its newest segment, by step."""

    step: Ints
    value: Floats

    def __len__(self) -> int:
        return len(self.step)

    def within(self, start: float, stop: float = float("inf")) -> Floats:
        """The values at steps from ``start`` to before ``stop``."""
        values: Floats = self.value[(self.step >= start) & (self.step < stop)]
        return values


def recent(history: History, key: SeriesKey | str, first_step: float = -np.inf) -> Recent:
    """Take the newest values of a series, from ``first_step`` on and 20,000 at most."""
    column = history.column(key)
    if column is None or not len(column):
        return Recent(EMPTY_INTS, EMPTY_FLOATS)
    value = column.values[-MOST:]
    rows = slice(max(len(history) - MOST, 0), None) if column.rows is None else column.rows[-MOST:]
    step, segment = history.step[rows], history.segment[rows]
    kept = (segment == history.segment[-1]) & (step >= first_step) & np.isfinite(value)
    step, value = step[kept], value[kept]
    if not history.ordered:
        order = np.argsort(step, kind="stable")
        step, value = step[order], value[order]
    return Recent(step, value)


def since(values: Recent, bad: NDArray[np.bool_], steps: float, share: float = 0.9) -> int | None:
    """Tell the step since which ``share`` of the values have been bad, if that is ``steps`` ago at least.

    None when it is not: too short, too few values, or over again (most of the last ten are good; with a
    share of 1, the last one).
    """
    over = not bad[-1:].all() if share == 1 else bad[-NEWEST:].sum() * 2 < len(bad[-NEWEST:])
    if len(values) < ENOUGH or over:
        return None
    backwards = bad[::-1]
    shares = np.cumsum(backwards) / np.arange(1, len(bad) + 1)
    enough = np.flatnonzero((shares >= share) & backwards)
    if not len(enough):
        return None
    first = len(bad) - 1 - int(enough[-1])
    long_enough = values.step[-1] - values.step[first] >= steps and len(bad) - first >= 2
    return int(values.step[first]) if long_enough else None


SPANS: Final = (1_000, 10_000, 100_000, 100)
"""Steps that a change is measured over: the first that hold three values, and three before them.

Runs whose step is a trial (``trials.csv``) end after a few hundred: 100 is for those that the usual spans do not fit.
"""
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
