"""Performance before and after each consolidation."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.quantities import series_of
from thalia_monitor.analysis.sleep.consolidations import Consolidation, consolidations
from thalia_monitor.metric_info import PERFORMANCE
from thalia_monitor.model.series_key import metric

if TYPE_CHECKING:
    from thalia_monitor.model.history import Floats, Ints, Series
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


def effects(state: TrainingState) -> list[Effect]:
    """Every consolidation with at least three lines of performance on either side, and no new stage among them.

    Performance of one stage's tasks says nothing about that of another's.
    """
    return state.memoized("consolidation effects", lambda: _effects(state))


def _effects(state: TrainingState) -> list[Effect]:
    series: Series | None = state.history.series(metric(series_of(state, PERFORMANCE.name)))
    if series is None:
        return []
    begun: dict[int, list[int]] = {}
    for event in state.events_of(contract.STAGE_START, contract.TRANSITION):
        if event.step is not None:
            begun.setdefault(event.segment, []).append(event.step)
    begun = {segment: sorted(steps) for segment, steps in begun.items()}
    found = []
    for each in consolidations(state):
        first, last = np.searchsorted(series.segment, (each.segment, each.segment + 1)).tolist()
        start = first + int(np.searchsorted(series.step[first:last], each.step))
        end = first + int(np.searchsorted(series.step[first:last], each.last_step, side="right"))
        around = series.step[max(first, start - LINES) : min(end + LINES, last)]
        if _within(begun.get(each.segment, []), around):
            continue
        lines = np.full(2 * LINES, np.nan)
        before, after = (
            series.value[max(first, start - LINES) : start],
            series.value[end : min(end + LINES, last)],
        )
        lines[LINES - len(before) : LINES] = before
        lines[LINES : LINES + len(after)] = after
        lines[~np.isfinite(lines)] = np.nan
        if min(np.isfinite(lines[:LINES]).sum(), np.isfinite(lines[LINES:]).sum()) >= FEWEST:
            means = (float(np.nanmean(part)) for part in (lines[:LINES], lines[LINES:]))
            found.append(Effect(each, lines, *means))
    return found


def _within(steps: list[int], lines: Ints) -> bool:
    """Whether any of these ascending steps is after the first of these lines and not after the last."""
    return len(lines) > 0 and bisect_right(steps, lines[0]) < bisect_right(steps, lines[-1])
