"""All regions added up, as they stood together on every line that names any of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import View
from thalia_monitor.figures.curves import drawn_sample, lines
from thalia_monitor.history import EMPTY_INTS, Floats, History, Ints, Series
from thalia_monitor.series_key import Kind


def total_traces(history: History, view: View, *, log: bool = False) -> list[dict[str, Any]]:
    """Draw the sum of the regions wherever one of them is drawn: the line that counts, and superseded attempts."""
    every = [history.series(key) for key in history.series_keys(Kind.NEURONS)]
    known = [series for series in every if series is not None and len(series)]
    if not known:
        return []
    samples = [drawn_sample(series, history, view) for series in known]
    segment, step, time = (
        np.concatenate([getattr(each, part) for each in samples]) for part in ("segment", "step", "time")
    )
    # A line names several regions; without a timestamp its places would differ, since no NaN equals another.
    _, first = np.unique(np.stack([segment, step]), axis=1, return_index=True)
    segment, step, time = segment[first], step[first], time[first]
    total = np.sum([value_at(series, history, segment, step) for series in known], axis=0)
    order = np.arange(len(step))
    points = replace(
        samples[0], step=step, value=total, segment=segment, time=time, index=order, nonfinite=EMPTY_INTS
    )
    style = {"color": theme.SECOND, "width": 2.2}
    named = {"name": "total", "legendgroup": " total "}  # no region is called so
    return [trace | named for trace in lines(points, history, view, style, log=log, few=0)]


def value_at(series: Series, history: History, segment: Ints, step: Ints) -> Floats:
    """The series' newest value at or before each place, (n,); 0 before its first, when the region was not there yet.

    A segment that has none yet goes on from where it began: a resume from that step of the attempt before.
    """
    carried = _carried(series, history)
    value: Floats = carried[segment]
    for each in np.unique(segment):
        first, last = np.searchsorted(series.segment, (each, each + 1))
        here = np.flatnonzero(segment == each)
        place = first + np.searchsorted(series.step[first:last], step[here], side="right")
        value[here[place > first]] = series.value[place[place > first] - 1]
    return value


def _carried(series: Series, history: History) -> Floats:
    """What each segment begins with, (segments,)."""
    carried = np.zeros(len(history.segments))
    edges = np.searchsorted(series.segment, np.arange(len(history.segments) + 1))
    for each in history.segments[1:]:
        until = each.first_step if each.kind == "resume" else np.inf
        for before in reversed(history.segments[: each.index]):
            first, last = edges[before.index], edges[before.index + 1]
            last = first + np.searchsorted(series.step[first:last], until, side="right")
            if last > first:
                carried[each.index] = series.value[last - 1]
            if last > first or not first:
                break
            if before.kind == "stage":
                until = np.inf
    return carried
