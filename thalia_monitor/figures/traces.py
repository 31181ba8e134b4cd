"""Line traces of a series: sampling, positions on the x axis, gaps, and notes on points without a position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypedDict

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.analysis.formatting import number
from thalia_monitor.analysis.series.sampling import Axis, Sample, sample, within
from thalia_monitor.analysis.series.series_cache import pyramid, smoothed
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import POINTS, View, numbers, points_of_each, times
from thalia_monitor.model.history import EMPTY_INTS
from thalia_monitor.model.series_key import Kind

if TYPE_CHECKING:
    from thalia_monitor.analysis.series.pyramid import Pyramid
    from thalia_monitor.model.history import Floats, History, Ints, Series

ADVICE: Final = "choose step as the x axis"


def placeable(series: Series, levels: Pyramid | None, view: View) -> tuple[Series, Pyramid | None]:
    """Points with a position on the current x axis, with their pyramid if that is all of them.

    What is drawn is chosen among these: a point without a timestamp must not stand for others, nor break the line.
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
    """Note on how many points have no position, and how many of those are not finite."""
    gone = [(each, _lost(each, pyramid(history, each), view)) for each in every]
    lost = [each.value[places] for each, places in gone if places is not None]
    count = sum(map(len, lost))
    odd = sum(int((~np.isfinite(values)).sum()) for values in lost)
    said = note(count, sum(map(len, every)), "points")
    return tuple(f"{each}, {odd:,} of them not finite" if odd else each for each in said)


def note(lost: int, total: int, things: str) -> tuple[str, ...]:
    """Note on how many lack a timestamp, with advice if all do."""
    if not lost:
        return ()
    if lost < total:
        return (f"{lost:,} of {total:,} {things} have no timestamp",)
    return (f"none of {total:,} {things} has a timestamp: {ADVICE}",)


def _lost(series: Series, levels: Pyramid | None, view: View) -> NDArray[np.bool_] | None:
    """Mask of points without a position, (n,); None if all timestamps are known (no scan needed)."""
    if view.x == "step" or (levels is not None and levels.clock_ordered):
        return None
    gone: NDArray[np.bool_] = np.isnan(series.time)
    return gone


MILLISECONDS: Final = 1000.0
HOUR: Final = 3600.0
FEW: Final = 60
"""A line of at most this many points has markers, too."""
RUG: Final = {
    "type": "scatter",
    "mode": "lines+markers",
    "yaxis": "y2",
    "hovertemplate": "%{text}<extra></extra>",
}
RUG_AXIS: Final = {
    "overlaying": "y",
    "range": [0, 1],
    "fixedrange": True,
    "visible": False,
}
"""A second y axis in units of the plot's own height, for marks of what the first one cannot show."""


def positions(step: NDArray[Any], time: Floats, history: History, view: View) -> Floats:
    """Place points on the x axis in use; NaN where a point has no timestamp to be placed by."""
    if view.x == "step":
        return step.astype(np.float64)
    if view.x == "wall":
        return time * MILLISECONDS
    return (time - history.first_time) / HOUR


def drawn_sample(series: Series, history: History, view: View, points: int = POINTS) -> Sample:
    """Choose the points that stand for a series in the reader's view."""
    return _sample(*placeable(series, pyramid(history, series), view), history, view, points)


def smoothed_sample(series: Series, history: History, view: View, points: int = POINTS) -> Sample:
    """Choose the points that stand for the series smoothed over its full length."""
    return _sample(*placeable(*smoothed(history, series, view.smooth), view), history, view, points)


def values_in_view(series: Series, history: History, view: View) -> Floats:
    """Every value of the part that the reader looks at, drawn or not."""
    placed, levels = placeable(series, pyramid(history, series), view)
    return within(placed, pyramid=levels, **_range(history, view))


def _sample(
    series: Series, levels: Pyramid | None, history: History, view: View, points: int = POINTS
) -> Sample:
    return sample(series, points, pyramid=levels, **_range(history, view))


class _Range(TypedDict):
    start: float | None
    end: float | None
    x: Axis


def _range(history: History, view: View) -> _Range:
    if view.x == "step":
        return {"start": view.start, "end": view.end, "x": "step"}
    scale, origin = (HOUR, history.first_time) if view.x == "elapsed" else (1 / MILLISECONDS, 0.0)
    start = None if view.start is None else view.start * scale + origin
    end = None if view.end is None else view.end * scale + origin
    return {"start": start, "end": end, "x": "time"}


def superseded(points: Sample, history: History) -> NDArray[np.bool_]:
    """Mask of points superseded by a later resume, (n,)."""
    gone: NDArray[np.bool_] = points.step >= history.supersessions()[points.segment]
    return gone


def lines(
    points: Sample,
    history: History,
    view: View,
    style: dict[str, Any],
    *,
    log: bool = False,
    few: int = FEW,
    hover: str = "",
) -> list[dict[str, Any]]:
    """Draw sampled points as two traces: the line that counts and, dim and dashed, the superseded attempts.

    Points are drawn as such where there are not more than ``few``, or where one stands alone between two gaps.
    ``hover`` is how the pointer shows a value, four significant digits by default: without a template Plotly writes
    a point beside the pointer as "(203,760, 0.0718)".
    """
    if log:
        points = replace(points, value=np.where(points.value > 0, points.value, np.nan))
    x = positions(points.step, points.time, history, view)
    gone = superseded(points, history)
    current = _trace(points, x, ~gone, style, few) | {"hovertemplate": hover or four_digits(points.value)}
    dim = style | {"dash": "dot", "width": 1}
    return [
        current,
        _trace(points, x, gone, dim, few) | {"opacity": 0.45, "hoverinfo": "skip", "showlegend": False},
    ]


ORDINARY: Final = (1e-6, 1e9)
"""Values of this size are written out; others with an exponent."""


def four_digits(values: Floats, unit: str = "") -> str:
    """Template that shows a value with four significant digits and its unit."""
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    ordinary = not len(size) or (size.min() >= ORDINARY[0] and size.max() < ORDINARY[1])
    return f"%{{y:{',.4~r' if ordinary else '.4~g'}}}{f' {theme.plain(unit)}' if unit else ''}"


WHOLE: Final = "%{y:,.0f}"
"""Template for counts: neurons are not rounded."""


def _trace(
    points: Sample, x: Floats, chosen: NDArray[np.bool_], style: dict[str, Any], few: int
) -> dict[str, Any]:
    placed = np.isfinite(points.value) & np.isfinite(x)
    at = np.flatnonzero(chosen & placed)
    # The line is broken between two points of different segments, as it may not run backwards, and where a point
    # between them is not finite, whether the sample has that one or not.
    breaking = (points.segment, np.cumsum(chosen & ~placed), np.searchsorted(points.nonfinite, points.index))
    gaps = np.any([np.diff(each[at]) != 0 for each in breaking], axis=0)
    breaks = np.flatnonzero(gaps) + 1
    where = np.insert(x[at], breaks, np.nan)
    value = np.insert(points.value[at], breaks, np.nan)
    ends = np.pad(gaps, 1, constant_values=True)
    alone = len(at) > 0 and bool((ends[:-1] & ends[1:]).any())
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(at) <= few or alone else "lines",
        "x": times(where),
        "y": numbers(value),
        "line": {"width": 1.6} | style,
        "marker": {"size": 4 if len(at) <= few else 3, "color": style.get("color")},
        "connectgaps": False,
    }


def rug(
    points: Sample, history: History, view: View, *, log: bool = False, name: str = "", color: str = theme.BAD
) -> list[dict[str, Any]]:
    """Mark at the lower edge what has no place on the y axis: not finite, and not positive on a logarithmic one.

    Every point that is not finite is covered by a mark, which says how many it stands for: a bar from the first
    to the last of its stretch, or one triangle. What is not positive is a trace of its own.
    """
    first, last, count = points.stretches()
    said = f"{name}: " if name else ""
    words = [
        f"{said}{number(value)} at step {a:,}"
        if total == 1
        else f"{said}{total:,} not finite, steps {a:,} to {b:,}"
        for value, a, b, total in zip(
            points.value[first].tolist(),
            points.step[first].tolist(),
            points.step[last].tolist(),
            count.tolist(),
            strict=True,
        )
    ]
    marks = _marks(_places(points, first, history, view), _places(points, last, history, view), words)
    made = [RUG | marks | {"name": "not finite", **_look("triangle-up", color)}]
    if log:
        at = np.flatnonzero(np.isfinite(points.value) & (points.value <= 0))
        values, steps = points.value[at].tolist(), points.step[at].tolist()
        words = [f"{said}{number(value)} at step {step:,}" for value, step in zip(values, steps, strict=True)]
        where = _places(points, at, history, view)
        marks = _marks(where, where, words)
        made.append(RUG | marks | {"name": "not positive", **_look("triangle-down", color)})
    return made


def _places(points: Sample, at: Ints, history: History, view: View) -> list[float | None]:
    return times(positions(points.step[at], points.time[at], history, view))


def _marks(first: list[float | None], last: list[float | None], words: list[str]) -> dict[str, Any]:
    """One point, or two that are joined, for each of the marks, and a gap between them."""
    at: list[float | None] = []
    text: list[str | None] = []
    for a, b, said in zip(first, last, words, strict=True):
        if at:
            at.append(None)
            text.append(None)
        at += [a] if a == b else [a, b]
        text += [said] if a == b else [said, said]
    return {"x": at, "y": [None if each is None else 0.03 for each in at], "text": text}


def _look(symbol: str, color: str) -> dict[str, Any]:
    return {
        "marker": {"symbol": symbol, "size": 8, "color": color},
        "line": {"width": 6, "color": color},
        "showlegend": False,
    }


def unplaced(values: Floats, log: bool) -> NDArray[np.bool_]:
    """Mask of values that the y axis cannot show, (n,)."""
    outside = ~np.isfinite(values)
    return outside | (values <= 0) if log else outside


def total_traces(history: History, view: View, *, log: bool = False) -> list[dict[str, Any]]:
    """Draw the sum of the regions wherever one of them is drawn: the line that counts, and superseded attempts."""
    every = [history.series(key) for key in history.series_keys(Kind.NEURONS)]
    known = [series for series in every if series is not None and len(series)]
    if not known:
        return []
    budget = points_of_each(len(known))
    samples = [drawn_sample(series, history, view, budget) for series in known]
    segment, step, time = (
        np.concatenate([getattr(each, part) for each in samples]) for part in ("segment", "step", "time")
    )
    # A line of the log has several regions and counts once. Its time is no part of the key: NaN is not equal to NaN.
    _, first = np.unique(np.stack([segment, step]), axis=1, return_index=True)
    segment, step, time = segment[first], step[first], time[first]
    total = np.sum([value_at(series, history, segment, step) for series in known], axis=0)
    order = np.arange(len(step))
    points = replace(
        samples[0], step=step, value=total, segment=segment, time=time, index=order, nonfinite=EMPTY_INTS
    )
    style = {"color": theme.SECOND, "width": 2.2}
    named = {"name": "total", "legendgroup": " total "}  # no region is called so
    return [trace | named for trace in lines(points, history, view, style, log=log, few=0, hover=WHOLE)]


def value_at(series: Series, history: History, segment: Ints, step: Ints) -> Floats:
    """The series' newest value at or before each place, (n,); 0 before its first, when the region was not there yet.

    Before the first value of its own, a segment has the one that it began with: a resume that of its first step, a
    stage the last one before it.
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
    """The value that each segment begins with, (segments,); 0 where the series has none before it."""
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
