"""A series for programs: within the range that was asked for, and never more points than were asked for."""

from __future__ import annotations

from typing import Final

import numpy as np

from thalia_monitor.analysis.sampling import Sample, sample
from thalia_monitor.history import Ints, Series

MOST_ODD: Final = 10_000
"""Points listed that are not finite; of a flood, the first."""


def excerpt(
    series: Series, points: int, start: float | None = None, end: float | None = None
) -> tuple[Ints, Sample]:
    """Choose at most ``points`` finite points between two steps, and beside them every one that is not finite.

    Returns their positions, ascending, and the sample that tells how many there are; of more than 10,000 that are
    not finite the first are among them. The choice is
    :func:`~thalia_monitor.analysis.sampling.sample`'s, so extremes stay, unless so few points are asked for that
    they have no room: those left are evenly spread then, the newest among them.
    """
    budget = points
    while True:
        drawn = sample(series, budget, start=start, end=end)
        inside = np.ones(len(drawn), bool)  # a chart's lines reach beyond its edges, an answer does not
        if start is not None:
            inside &= drawn.step >= start
        if end is not None:
            inside &= drawn.step <= end
        finite = drawn.index[inside & np.isfinite(drawn.value)]
        if len(finite) <= points or budget <= 1:
            break
        budget //= 2
    if len(finite) > points:
        finite = finite[np.linspace(len(finite) - 1, 0, points).round().astype(np.int64)]
    return np.union1d(finite, drawn.nonfinite[:MOST_ODD]), drawn
