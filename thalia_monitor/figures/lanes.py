"""Charts with a lane for each thing that happens, and lines through what events measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor.analysis.formatting import number
from thalia_monitor.analysis.series.sampling import sample
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import X_LOOKS, X_TITLES, View, numbers, times
from thalia_monitor.figures.traces import RUG_AXIS, positions
from thalia_monitor.model.history import Series
from thalia_monitor.model.step_times import times_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thalia_monitor.figures.events import Marks
    from thalia_monitor.model.history import Floats
    from thalia_monitor.model.run import TrainingState

POINTS: Final = 600
"""Points of all lines of a chart together, or a little more."""
MOST_LANES: Final = 24
LONGEST_LANE: Final = 22
"""Characters of a lane's name: on a phone the plot needs the room."""
Bar = tuple[str, float, float, int, int, str]
"""A bar: its lane, the steps of both ends, the segments of both, and its text."""


class Lanes:
    """Bars and marks on named lanes, the first at the top."""

    def __init__(self, state: TrainingState, view: View) -> None:
        self.state, self.view = state, view
        self.names: list[str] = []
        self.traces: list[dict[str, Any]] = []

    def lane(self, name: str) -> str:
        """Add a lane, or return the one there is."""
        if name not in self.names:
            self.names.append(name)
        return name

    def place(self, step: Sequence[float], segment: Sequence[int]) -> Floats:
        """Positions of steps on the x axis, (n,); NaN where unknown."""
        steps = np.asarray(step, np.float64)
        if self.view.x == "step":
            return steps
        at, of = steps.astype(np.int64), np.asarray(segment, np.int64)
        return positions(at, times_at(self.state.history, at, of), self.state.history, self.view)

    def bars(self, name: str, spans: Sequence[Bar], width: float, **look: Any) -> None:
        """One trace of bars."""
        if not spans:
            return
        lanes, first, last, segment, until, text = (list(each) for each in zip(*spans, strict=True))
        start, end = self.place(first, segment), self.place(last, until)
        shown = np.flatnonzero(np.isfinite(start) & np.isfinite(end))
        if not len(shown):
            return
        self.traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": name,
                "base": times(start[shown]),
                "x": times(np.maximum(end[shown] - start[shown], 0)),
                "y": [lanes[each] for each in shown.tolist()],
                "width": width,
                "marker": look,
                "hovertext": [text[each] for each in shown.tolist()],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )

    def points(self, name: str, lane: str, x: Floats, texts: Sequence[str], **more: Any) -> None:
        """One trace of marks on a lane."""
        if not len(x):
            return
        self.traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": times(x),
                "y": [lane] * len(x),
                "text": list(texts),
                "hovertemplate": "%{text}<extra></extra>",
                "cliponaxis": False,
                **more,
            }
        )

    def layout(self, longest: int = LONGEST_LANE) -> dict[str, Any]:
        """The layout with a category for each lane, its name cut to ``longest`` characters."""
        labels = theme.categories(self.names, longest)
        for trace in self.traces:
            if trace.get("yaxis") is None:
                trace["y"] = [labels[each] for each in trace["y"]]
        height = max(110, 30 * len(self.names) + 60)
        made = theme.layout(
            x_title=X_TITLES[self.view.x],
            height=height,
            barmode="overlay",
            hovermode="closest",
        )
        made["yaxis"] |= {
            "automargin": True,
            "ticklabelstandoff": 10,  # room for half of a mark
            "type": "category",
            "categoryorder": "array",
            "categoryarray": list(labels.values())[::-1],
            "range": [-0.6, len(labels) - 0.4],
        }
        made["xaxis"] |= X_LOOKS[self.view.x]
        if self.view.markers:
            made["yaxis2"] = RUG_AXIS
        return made


def mark_texts(placed: Marks, unit: str) -> list[str]:
    """What the pointer shows of each mark, (n,): its step, and what it stands for."""
    rows = zip(placed.step.tolist(), placed.count.tolist(), placed.amount.tolist(), strict=True)
    return [
        f"step {step:,}"
        + (f", {count:,} events" if count > 1 else "")
        + ("" if np.isnan(amount) else f", {number(amount, 'count')} {unit}")
        for step, count, amount in rows
    ]


def line(
    state: TrainingState,
    series: Series,
    view: View,
    name: str,
    style: dict[str, Any],
    hover: str,
    of: int = 1,
) -> dict[str, Any]:
    """A line through what events measured, one ``of`` several of its chart, sampled with its extremes."""
    time, lost = series.time, np.isnan(series.time)
    if lost.any() and view.x != "step":
        time = np.where(lost, times_at(state.history, series.step, series.segment), time)
    x = positions(series.step, time, state.history, view)
    inside = np.isfinite(x)
    if view.start is not None and view.end is not None:
        inside &= (x >= view.start) & (x <= view.end)
    at = np.flatnonzero(inside)
    part = Series(name, series.step[at], series.value[at], series.segment[at], time[at], None)
    points = sample(part, max(POINTS // of, 20))
    where = x[at][points.index]
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(where) <= 60 else "lines",
        "name": theme.plain(name, 32),
        "x": times(where),
        "y": numbers(points.value),
        "line": {"width": 1.6} | style,
        "marker": {"size": 5, "color": style.get("color")},
        "hovertemplate": hover,
    }


def frame(view: View, y_title: str) -> dict[str, Any]:
    """The layout of a chart of such lines."""
    layout = theme.layout(x_title=X_TITLES[view.x], y_title=y_title, height=280, showlegend=True)
    layout["xaxis"] |= X_LOOKS[view.x]
    if view.markers:
        layout["yaxis2"] = RUG_AXIS
    return layout


def level(value: float) -> dict[str, Any]:
    """A dashed line across the plot at a limit."""
    line = {"color": theme.CAUTION, "width": 1, "dash": "dash"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value, "line": line}
