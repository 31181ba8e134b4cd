"""Newest values and trends of a series, at a cost independent of its length."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from thalia_monitor import contract
from thalia_monitor.analysis.formatting import number
from thalia_monitor.metric_info import title
from thalia_monitor.model.history import EMPTY_FLOATS, EMPTY_INTS, Floats, History, Ints
from thalia_monitor.model.series_key import SeriesKey, metric
from thalia_monitor.model.stage_begin import stage_number

if TYPE_CHECKING:
    from thalia_monitor.analysis.quantities import Place
    from thalia_monitor.model.run import TrainingState

MOST: Final = 20_000
"""Maximum number of values."""
ENOUGH: Final = 3
"""Minimum number of values for a judgement."""
NEWEST: Final = 10
"""Newest values, most of which must still be bad for a problem to be ongoing."""


@dataclass(frozen=True, slots=True)
class Recent:
    """Newest finite values of one series within its newest segment, with their steps."""

    step: Ints
    value: Floats

    def __len__(self) -> int:
        return len(self.step)

    def within(self, start: float, stop: float = float("inf")) -> Floats:
        """Values at steps in ``start <= step < stop``."""
        values: Floats = self.value[(self.step >= start) & (self.step < stop)]
        return values


def stage_start(state: TrainingState) -> float:
    """The step at which the present stage began, as far as the files tell: a new stage has new tasks."""
    events = state.counting(
        contract.STAGE_START, contract.TRANSITION
    )  # of several files, perhaps: in no order
    begun = [
        (event.segment, event.step, event.stage_begun)
        for event in events
        if event.step is not None and event.step <= state.current_step
    ]
    _, step, stage = max(begun, key=lambda each: each[:2], default=(0, float("-inf"), None))
    if begun and stage_number(stage) in (None, state.current_stage):
        return step
    saved = state.valid_checkpoints  # they tell of a stage that no event begins
    others = [each.step for each in saved if stage_number(each.stage) not in (None, state.current_stage)]
    return max([*others, step])


def recent(history: History, key: SeriesKey | str, first_step: float = -np.inf) -> Recent:
    """Newest values of a series from ``first_step`` on, at most 20,000."""
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
    """Step since which ``share`` of the values have been bad, if at least ``steps`` ago.

    None otherwise: too short, too few values, or over again (most of the last ten are good; with a
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
    """Newest value of a metric and its recent change."""

    name: str
    value: float
    """Newest value, possibly not finite (:meth:`TrainingState.current`)."""
    change: float | None = None
    """Relative change of the median over the last ``steps`` steps from the ``steps`` before; None if unknown."""
    steps: int | None = None
    place: Place | None = None
    """Slot of the metric in a summary."""
    step: int | None = None
    """Step of the value."""
    as_of: str = ""
    """``as of step 90`` if training has gone on since, else empty."""

    @property
    def moved(self) -> bool:
        """Whether it changed by at least half a percent."""
        return self.change is not None and abs(self.change) >= _STEADY

    @property
    def course(self) -> str:
        """Direction in words: ``down 4 % in the last 1,000 steps``; empty if unknown."""
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
    """Trend of a metric; None if it was never logged."""
    now = state.current(metric(name))
    if now is None:
        return None
    unchanged = Trend(name, now.value, step=now.step, as_of=now.as_of)
    values = recent(state.history, metric(name))
    for span in SPANS if math.isfinite(now.value) else ():
        change = _change(values, span)
        if change is not None and now.step - values.step[-1] < span:
            return replace(unchanged, change=change, steps=span)
    return unchanged


def _change(values: Recent, span: int) -> float | None:
    if not len(values):
        return None
    end = int(values.step[-1]) + 1
    now, before = values.within(end - span), values.within(end - 2 * span, end - span)
    if min(len(now), len(before)) < ENOUGH or values.step[0] > end - span - 0.75 * span:
        return None
    earlier = float(np.median(before))
    return (float(np.median(now)) - earlier) / abs(earlier) if earlier else None
