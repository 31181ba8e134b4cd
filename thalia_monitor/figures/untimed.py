"""Points whose lines have no timestamp: where x is a time they have no place, and a chart says how many they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.analysis.pyramid import Pyramid
from thalia_monitor.analysis.workbench import pyramid
from thalia_monitor.figures.chart import View
from thalia_monitor.history import History, Series

ADVICE: Final = "choose step as the x axis"


def placeable(series: Series, levels: Pyramid | None, view: View) -> tuple[Series, Pyramid | None]:
    """The points that have a place on the x axis in use, with their pyramid where they are all of them.

    What is drawn is chosen among these: a point that cannot be drawn must not stand for others, nor break the line.
    """
    lost = _lost(series, levels, view)
    if lost is None:
        return series, levels
    known = ~lost
    placed = replace(
        series,
        step=series.step[known],
        value=series.value[known],
        segment=series.segment[known],
        time=series.time[known],
    )
    return placed, None


def notes(every: Sequence[Series], history: History, view: View) -> tuple[str, ...]:
    """Say how many points of these series have no place, and how many of them are not finite: nobody sees those."""
    gone = [(each, _lost(each, pyramid(history, each), view)) for each in every]
    lost = [each.value[places] for each, places in gone if places is not None]
    count = sum(map(len, lost))
    odd = sum(int((~np.isfinite(values)).sum()) for values in lost)
    said = note(count, sum(map(len, every)), "points")
    return tuple(f"{each}, {odd:,} of them not finite" if odd else each for each in said)


def note(lost: int, total: int, things: str) -> tuple[str, ...]:
    """Say how many of how many have no timestamp, and what to do where that is all of them."""
    if not lost:
        return ()
    if lost < total:
        return (f"{lost:,} of {total:,} {things} have no timestamp",)
    return (f"none of {total:,} {things} has a timestamp: {ADVICE}",)


def _lost(series: Series, levels: Pyramid | None, view: View) -> NDArray[np.bool_] | None:
    """Which points have no place, (n,); None where the clock is known of all of them, which costs nothing to tell."""
    if view.x == "step" or (levels is not None and levels.clock_ordered):
        return None
    gone: NDArray[np.bool_] = np.isnan(series.time)
    return gone
