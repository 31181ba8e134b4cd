"""Where in time a step was, and at which step a time was, by the metric lines beside it."""

from __future__ import annotations

import math

import numpy as np

from thalia_monitor.analysis.pyramid import is_ordered
from thalia_monitor.history import History


def time_at(history: History, step: int, segment: int | None = None) -> float | None:
    """The time of the first line from this step on, in Unix seconds; None where no line tells.

    Looks in the given segment, else in the newest one that began at or before the step; a step after the
    segment's last line has that line's time.
    """
    if not history.segments or not history.ordered:
        return None
    if segment is None:
        began = [each.index for each in history.segments if each.first_step <= step]
        segment = began[-1] if began else 0
    segment = min(segment, len(history.segments) - 1)
    first = history.segments[segment].first_row
    later = history.segments[segment + 1 :]
    last = later[0].first_row if later else len(history)
    row = first + int(np.searchsorted(history.step[first:last], np.int64(step)))
    time = float(history.time[min(row, last - 1)])
    return None if math.isnan(time) else time


class StepFinder:
    """Finds the step of a time; finds none where the lines' timestamps are missing or go back."""

    def __init__(self, history: History) -> None:
        rows = np.flatnonzero(~np.isnan(history.time))
        time = history.time[rows]
        usable = is_ordered(time)
        self._time = time if usable else time[:0]
        self._step = history.step[rows] if usable else history.step[:0]

    def step_at(self, time: float) -> int | None:
        """The step of the first line from this time on; the last line's after that."""
        if not len(self._time):
            return None
        return int(self._step[min(int(np.searchsorted(self._time, time)), len(self._step) - 1)])
