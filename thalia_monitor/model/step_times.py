"""Times of steps, and steps of times, by the timestamps of a run's metric lines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from thalia_monitor.model.history import Floats, History, Ints


NEWEST_ROWS: Final = 2_000
"""Newest metric lines among which one with a timestamp is looked for."""


def newest_time(history: History) -> float | None:
    """Time of the newest line that has one, in Unix seconds; None if none of the newest 2,000 has."""
    recent = history.time[-NEWEST_ROWS:]
    known = recent[~np.isnan(recent)]
    return float(known[-1]) if len(known) else None


def is_ordered(time: Floats) -> bool:
    """Whether all timestamps are known and never decrease."""
    return not len(time) or bool(np.all(time[1:] >= time[:-1]) and not np.isnan(time[0]))


def time_at(history: History, step: int, segment: int | None = None) -> float | None:
    """Time of the first line from this step on, in Unix seconds; None if unknown.

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


def times_at(history: History, step: Ints, segment: Ints) -> Floats:
    """Times of steps in their segments, (n,), like :func:`time_at`; NaN if unknown."""
    found = np.full(len(step), np.nan)
    if not history.segments or not history.ordered:
        return found
    segment = np.minimum(segment, len(history.segments) - 1)
    edges = [*(each.first_row for each in history.segments), len(history)]
    for index in np.unique(segment).tolist():
        here, first, last = segment == index, edges[index], edges[index + 1]
        rows = first + np.searchsorted(history.step[first:last], step[here])
        found[here] = history.time[np.minimum(rows, last - 1)]
    return found


class StepFinder:
    """Finds the step at a time; not usable if timestamps are missing or go back."""

    def __init__(self, history: History) -> None:
        rows = np.flatnonzero(~np.isnan(history.time))
        time = history.time[rows]
        usable = is_ordered(time)
        self._time = time if usable else time[:0]
        self._step = history.step[rows] if usable else history.step[:0]

    @property
    def usable(self) -> bool:
        """Whether the timestamps are complete and never decrease."""
        return bool(len(self._time))

    def steps_at(self, time: Floats) -> Ints:
        """Steps of the first lines from these times on, (n,); the last line's after that, 0 if not usable."""
        if not self.usable:
            return np.zeros(len(time), np.int64)
        return self._step[np.minimum(np.searchsorted(self._time, time), len(self._step) - 1)]

    def step_at(self, time: float) -> int | None:
        """Step of the first line from this time on; the last line's after that; None if not usable."""
        return int(self.steps_at(np.array([time]))[0]) if self.usable else None
