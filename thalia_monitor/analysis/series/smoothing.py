"""Debiased exponential moving average over every logged value."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from thalia_monitor.model.history import Floats, Ints, Series

GREATEST_WEIGHT: Final = 0.999

FORMULA: Final = (
    "Debiased exponential moving average over every logged value of the segment, as TensorBoard's: "
    "y(t) = Σ w^(t−i)·x(i) / Σ w^(t−i), i = 0 … t. Values that are not finite are left out. "
    "Source: classicSmoothing in tensorboard/webapp/widgets/line_chart_v2/data_transformer.ts"
)
"""Text of the tooltip; ``w`` is the chosen weight."""

_BLOCK: Final = 4096
_HUGE: Final = 1e280
_SCALE: Final = 2.0**-64


class _Carry(NamedTuple):
    """State passed between blocks: the average so far, and the number of finite values in it."""

    mean: float = 0.0
    finite: int = 0


def smooth(series: Series, weight: float) -> Floats:
    """Smooth a series over its full length, each segment on its own: (n,), NaN where the value is not finite.

    ``weight`` is 0 (no smoothing) to 0.999. See :class:`Smoother` for the formula.
    """
    smoother = Smoother(weight)
    smoother.extend(series.value, series.segment)
    return smoother.values


class Smoother:
    """Incremental smoothing of a growing column.

    ``y_t = sum(w**(t - i) * x_i) / sum(w**(t - i))`` over the finite values ``x_0 ... x_t`` of the segment:
    TensorBoard's ``classicSmoothing`` (tensorboard/webapp/widgets/line_chart_v2/data_transformer.ts), and
    what pandas calls ``ewm(alpha=1 - w, adjust=True, ignore_na=True)``, which does the arithmetic. A
    constant stays exactly that constant.

    Blocks are cut at fixed positions and an unfinished one is averaged again from its start, so that a
    value once computed stays the same to the last bit, however the log was read.
    """

    __slots__ = ("_carry", "_length", "_room", "_settled", "weight")

    def __init__(self, weight: float) -> None:
        if not 0 <= weight <= GREATEST_WEIGHT:
            raise ValueError(f"a smoothing weight is 0 to {GREATEST_WEIGHT}, not {weight}")
        self.weight = weight
        self._room: Floats = np.empty(0)
        self._length = 0
        self._settled = 0
        """Start of the incomplete block."""
        self._carry = _Carry()
        """State before that block within its segment."""

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> Floats:
        """All smoothed values, (n,), read-only."""
        view = self._room[: self._length]
        view.flags.writeable = False
        return view

    def extend(self, values: Floats, segment: Ints) -> None:
        """Smooth the new values at the end of a column; ``values`` and ``segment`` are whole, (n,)."""
        length = len(values)
        if length <= self._length:
            return
        if length > len(self._room):
            room = np.empty(max(length, 2 * len(self._room) if self._length else 0))
            room[: self._length] = self._room[: self._length]
            self._room = room
        after = self._carry
        for start, stop in _blocks(segment, self._settled, length):
            fresh = start > 0 and segment[start] != segment[start - 1]
            self._settled, self._carry = start, _Carry() if fresh else after
            smoothed, after = _continue(values[start:stop], self._carry, self.weight)
            self._room[start:stop] = smoothed
        self._length = length


def _blocks(segment: Ints, start: int, length: int) -> list[tuple[int, int]]:
    """(start, stop) of blocks, cut at fixed positions and at the start of each segment."""
    starts = np.flatnonzero(segment[start + 1 : length] != segment[start : length - 1]) + start + 1
    fixed = np.arange((start // _BLOCK + 1) * _BLOCK, length, _BLOCK)
    return list(pairwise([start, *np.union1d(starts, fixed).tolist(), length]))


def _continue(values: Floats, carry: _Carry, weight: float) -> tuple[Floats, _Carry]:
    """Smooth one block, mixing in the carried average by its remaining weight."""
    finite = np.isfinite(values)
    values = np.where(finite, values, np.nan)
    counts = np.cumsum(finite)
    if not counts[-1]:
        return values, carry
    # Sums of values near the largest float would overflow, and stay infinite from there on.
    scale = _SCALE if max(np.nanmax(np.abs(values)), abs(carry.mean)) > _HUGE else 1.0
    own = pd.Series(values * scale).ewm(alpha=1 - weight, adjust=True, ignore_na=True).mean().to_numpy()
    if carry.finite and weight:
        before = weight**counts * (1 - weight**carry.finite)
        share = before / (before + (1 - weight**counts))
        mixed = own + (carry.mean * scale - own) * share
    else:
        mixed = own
    smoothed = np.where(finite, mixed / scale, np.nan)
    last = int(np.flatnonzero(finite)[-1])
    return smoothed, _Carry(float(smoothed[last]), carry.finite + int(counts[-1]))
