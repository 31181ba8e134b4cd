"""Metric charts: the history of any metric a run logs, and the small trend in its card."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from thalia_monitor.analysis.sampling import Sample
from thalia_monitor.analysis.wording import counted, number
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import X_TITLES, Chart, View, numbers
from thalia_monitor.figures.curves import RUG_AXIS, drawn_sample, lines, rug
from thalia_monitor.state import TrainingState

HEALTHY_FIRING: Final = (0.05, 0.15)
"""Thalia's target band of the firing rate (its ``firing_stability`` check, ``stage_evaluation.py``)."""
TREND_POINTS: Final = 60


def title(name: str) -> str:
    """Name a metric for people: ``firing_rate`` becomes ``Firing rate``; names with a path keep it."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def metric(state: TrainingState, name: str, view: View) -> Chart:
    """Draw one metric's history."""
    series = state.history.series(name)
    if series is None or not len(series):
        return Chart([], axes(view, name), caption="not logged in this run yet")
    points = drawn_sample(series, state.history, view)
    style = {"color": theme.ACCENT}
    traces = [trace | {"name": theme.plain(name)} for trace in lines(points, state.history, view, style)]
    traces.append(rug(points, state.history, view, theme.BAD))
    return Chart(
        traces,
        axes(view, name),
        caption=caption(points),
        total=points.total,
        length=points.length,
        notes=notes(points),
        summary=summary(name, points),
    )


def axes(view: View, name: str) -> dict[str, Any]:
    """The layout of a metric's chart."""
    start = theme.layout(x_title=X_TITLES[view.x], yaxis2=RUG_AXIS)
    if view.x == "wall":
        start["xaxis"] = start["xaxis"] | {"type": "date"}
    if name in view.log:
        start["yaxis"] = start["yaxis"] | {"type": "log"}
    if name == "firing_rate":
        low, high = HEALTHY_FIRING
        start["shapes"] = [band(low, high, theme.GOOD)]
    return start


def band(low: float, high: float, color: str) -> dict[str, Any]:
    """A healthy range, drawn behind the curve over the whole width."""
    return {
        "type": "rect",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": low,
        "y1": high,
        "fillcolor": color,
        "opacity": 0.09,
        "line": {"width": 0},
        "layer": "below",
    }


def caption(points: Sample) -> str:
    """Say how many of how many points are drawn."""
    return counted(points.total, "point") if points.exact else f"{len(points):,} of {points.total:,} points"


def notes(points: Sample) -> tuple[str, ...]:
    """Say what a line cannot show: values that are not finite, and where the first one is."""
    if not points.nonfinite:
        return ()
    first = int(points.step[~np.isfinite(points.value)][0])
    return (f"{points.nonfinite:,} not finite, first at step {first:,}",)


def summary(name: str, points: Sample) -> str:
    """Tell in a sentence what the line shows, for those who do not see it."""
    finite = points.value[np.isfinite(points.value)]
    if not len(finite):
        return f"{title(name)}: no finite value."
    return (
        f"{title(name)} from step {int(points.step[0]):,} to {int(points.step[-1]):,}: "
        f"from {number(finite[0])} to {number(finite[-1])}, "
        f"lowest {number(finite.min())}, highest {number(finite.max())}."
    )


def trend(state: TrainingState, name: str) -> list[float | int | None]:
    """The last values of a metric, for a card's small trend line."""
    column = state.history.metrics.get(name)
    return numbers(column.values[-TREND_POINTS:]) if column is not None else []
