"""The newest part of a series: what judgements of the present look at, at a cost that does not grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.history import EMPTY_FLOATS, EMPTY_INTS, Floats, History, Ints
from thalia_monitor.series_key import SeriesKey

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
