"""One series as Plotly traces: the line that counts, the superseded attempt behind it, and what is not finite."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, TypedDict

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.analysis.pieces import Axis
from thalia_monitor.analysis.pyramid import Pyramid
from thalia_monitor.analysis.sampling import Sample, sample, within
from thalia_monitor.analysis.wording import number
from thalia_monitor.analysis.workbench import pyramid, smoothed
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import POINTS, View, numbers, times
from thalia_monitor.figures.untimed import placeable
from thalia_monitor.history import Floats, History, Series

MILLISECONDS: Final = 1000.0
HOUR: Final = 3600.0
RUG_AXIS: Final = {
    "overlaying": "y",
    "range": [0, 1],
    "fixedrange": True,
    "visible": False,
}
"""A second y axis in units of the plot's own height, for what has a place in time but no value."""


def positions(step: NDArray[Any], time: Floats, history: History, view: View) -> Floats:
    """Place points on the x axis in use; NaN where a point has no timestamp to be placed by."""
    if view.x == "step":
        return step.astype(np.float64)
    if view.x == "wall":
        return time * MILLISECONDS
    return (time - history.first_time) / HOUR


def drawn_sample(series: Series, history: History, view: View) -> Sample:
    """Choose the points that stand for a series in the reader's view."""
    return _sample(*placeable(series, pyramid(history, series), view), history, view)


def smoothed_sample(series: Series, history: History, view: View) -> Sample:
    """Choose the points that stand for the series smoothed over its full length."""
    return _sample(*placeable(*smoothed(history, series, view.smooth), view), history, view)


def values_in_view(series: Series, history: History, view: View) -> Floats:
    """Every value of the part that the reader looks at, drawn or not."""
    placed, levels = placeable(series, pyramid(history, series), view)
    return within(placed, pyramid=levels, **_range(history, view))


def _sample(series: Series, levels: Pyramid | None, history: History, view: View) -> Sample:
    return sample(series, POINTS, pyramid=levels, **_range(history, view))


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
    """Tell which points a later resume has repeated."""
    gone: NDArray[np.bool_] = points.step >= history.supersessions()[points.segment]
    return gone


def lines(
    points: Sample, history: History, view: View, style: dict[str, Any], *, log: bool = False
) -> list[dict[str, Any]]:
    """Draw sampled points as two traces: the line that counts and, dim and dashed, the superseded attempts."""
    if log:
        points = replace(points, value=np.where(points.value > 0, points.value, np.nan))
    x = positions(points.step, points.time, history, view)
    gone = superseded(points, history)
    current = _trace(points, x, ~gone, style)
    dim = style | {"dash": "dot", "width": 1}
    return [
        current,
        _trace(points, x, gone, dim) | {"opacity": 0.45, "hoverinfo": "skip", "showlegend": False},
    ]


def _trace(points: Sample, x: Floats, chosen: NDArray[np.bool_], style: dict[str, Any]) -> dict[str, Any]:
    at = np.flatnonzero(chosen)
    # A gap wherever two neighbours belong to different attempts: no line may run backwards.
    breaks = np.flatnonzero(np.diff(points.segment[at]) != 0) + 1
    where = np.insert(x[at], breaks, np.nan)
    value = np.insert(points.value[at], breaks, np.nan)
    return {
        "type": "scatter",
        "mode": "lines" if len(at) > 60 else "lines+markers",
        "x": times(where),
        "y": numbers(value),
        "line": {"width": 1.6} | style,
        "marker": {"size": 4, "color": style.get("color")},
        "connectgaps": False,
    }


def rug(points: Sample, history: History, view: View, log: bool) -> dict[str, Any]:
    """Mark at the lower edge what has no place on the y axis: not finite, or not positive on a log axis."""
    at = np.flatnonzero(unplaced(points.value, log))
    x = positions(points.step[at], points.time[at], history, view)
    values = points.value[at].tolist()
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "no place on this axis",
        "x": times(x),
        "y": [0.03] * len(at),
        "yaxis": "y2",
        "text": [number(value) for value in values],
        "hovertemplate": "%{text} at %{x}<extra></extra>",
        "marker": {
            "symbol": ["triangle-down" if np.isfinite(value) else "triangle-up" for value in values],
            "size": 8,
            "color": theme.BAD,
        },
        "showlegend": False,
    }


def unplaced(values: Floats, log: bool) -> NDArray[np.bool_]:
    """Tell which values a y axis cannot show; a line must not pretend to."""
    outside = ~np.isfinite(values)
    return outside | (values <= 0) if log else outside
