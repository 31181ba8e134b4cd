"""Events as arrays a chart can place, bundled when there are more than a chart can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.figures.chart import View
from thalia_monitor.figures.curves import positions
from thalia_monitor.history import Floats, History, Ints
from thalia_monitor.state import Event

MOST_MARKS: Final = 400
"""More marks than this on one chart cannot be told apart; neighbours are bundled instead."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Events of one chart, by column; after bundling, a mark may stand for several."""

    x: Floats
    """(n,) where each mark is on the x axis in use."""
    step: Ints
    """(n,) the step of the first event of each mark."""
    label: NDArray[np.str_]
    """(n,) the row it belongs to: a region, a sleep stage."""
    amount: Floats
    """(n,) the sum over its events; NaN where none of them says."""
    count: Ints
    """(n,) how many events it stands for."""
    said: Ints
    """(n,) how many of them say their amount."""
    unplaced: int = 0
    """Events that say neither step nor time, and so are only in the table."""


def marks(events: Sequence[Event], label: str, amount: str, history: History, view: View) -> Marks:
    """Place events by their field ``label`` and sum up their field ``amount``."""
    placed = [event for event in events if event.step is not None]
    step = np.array([event.step for event in placed], np.int64)
    time = np.array([np.nan if event.time is None else event.time for event in placed], np.float64)
    labels = np.array([str(event.fields.get(label, "unknown")) for event in placed], np.str_)
    amounts = np.array([_number(event.fields.get(amount)) for event in placed], np.float64)
    x = positions(step, time, history, view)
    inside = ~np.isnan(x)
    if view.start is not None and view.end is not None:
        inside &= (x >= view.start) & (x <= view.end)
    amounts = amounts[inside]
    ones = np.ones(len(amounts), np.int64)
    every = Marks(
        x[inside], step[inside], labels[inside], amounts, ones, (~np.isnan(amounts)).astype(np.int64)
    )
    return bundle(every, unplaced=len(events) - len(placed))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def bundle(every: Marks, unplaced: int = 0) -> Marks:
    """Join neighbours of one label until there are few enough; the cells' width is an anchored power of two."""
    width = 1
    cells = _cells(every, width)
    while len(np.unique(cells)) > MOST_MARKS and width < 2**50:
        width *= 2
        cells = _cells(every, width)
    _, first, inverse, count = np.unique(cells, return_index=True, return_inverse=True, return_counts=True)
    if width == 1 and len(first) == len(every.x):
        first, inverse = np.arange(len(every.x)), np.arange(len(every.x))
        count = np.ones(len(every.x), np.int64)
    known = ~np.isnan(every.amount)
    amount = np.bincount(inverse[known], every.amount[known], len(first)).astype(np.float64)
    said = np.bincount(inverse[known], minlength=len(first))
    amount[said == 0] = np.nan
    return Marks(every.x[first], every.step[first], every.label[first], amount, count, said, unplaced)


def _cells(every: Marks, width: int) -> NDArray[np.int64]:
    _, row = np.unique(every.label, return_inverse=True)
    cells: NDArray[np.int64] = (every.step // width) * (int(row.max(initial=0)) + 1) + row
    return cells
