"""Zooming to any range of a very long series, beside the same on a short one."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Final

import numpy as np

from benchmarks.row import Bench, Row, seconds
from thalia_monitor.figures.chart import View
from thalia_monitor.figures.metrics import metric
from thalia_monitor.model.history import Column, Floats, History, Segment
from thalia_monitor.model.run import TrainingState

LENGTHS: Final = (100_000, 10_000_000)
RANGES: Final = 60
SHARES: Final = (1.0, 0.3, 0.02)
"""Widths of the ranges, as a share of the run: those of which either series has more points than are drawn."""


def rows(_bench: Bench) -> Iterator[Row]:
    """The same ranges, by their share of the run, on both series in turn: the whole chart, ready to be sent."""
    states = [_state(length) for length in LENGTHS]
    for state in states:
        metric(state, "loss", View())  # the extremes by buckets are found once, while a log is read
    short, long = f"{LENGTHS[0]:,} points", f"{LENGTHS[1]:,} points"
    for share in SHARES:
        random = np.random.default_rng(5)
        times: tuple[list[float], ...] = ([], [])
        for _turn in range(RANGES):
            begin = random.random() * (1 - share)
            for state, found in zip(states, times, strict=True):
                last = state.current_step
                view = View(start=begin * last, end=(begin + share) * last)
                found.append(1e3 * seconds(lambda state=state, view=view: metric(state, "loss", view)))  # type: ignore[misc]
        middle = [statistics.median(each) for each in times]
        low, _, high = statistics.quantiles(times[1], n=4)
        work = f"zoom to {share:.1%} of {long}, anywhere"
        yield Row(work, middle[1], "ms", short, middle[0], 2.0, (low, high))


def _state(length: int) -> TrainingState:
    values = np.random.default_rng(3).normal(size=length).cumsum()
    step, segment = np.arange(length) * 10, np.zeros(length, np.int64)
    time: Floats = 1.7e9 + np.arange(float(length)) * 0.5
    history = History(step, segment, time, {"loss": Column(values)}, segments=(Segment(0, 0, 0),))
    return TrainingState(history=history)
