"""Several runs in one chart: a line each, aligned by step, by time, or at the start of a stage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor.analysis.comparison import RUN, Side, Start, stage_starts
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.analysis.quantities import series_of
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import X_LOOKS, X_TITLES, Chart, View
from thalia_monitor.figures.metrics import below, notes
from thalia_monitor.figures.traces import (
    HOUR,
    RUG_AXIS,
    drawn_sample,
    lines,
    rug,
    smoothed_sample,
    total_traces,
    values_in_view,
)
from thalia_monitor.figures.traces import notes as untimed
from thalia_monitor.metric_info import title
from thalia_monitor.model.series_key import ALL_NEURONS, Kind, parse

if TYPE_CHECKING:
    from thalia_monitor.model.history import Series
    from thalia_monitor.model.run import TrainingState

MOST_NOTES: Final = 3


@dataclass(frozen=True, slots=True)
class _Part:
    """Part of a run that is drawn, in the units of its own x axis."""

    origin: float = 0.0
    start: float | None = None
    end: float | None = None


def overlay(sides: Sequence[Side], name: str, view: View, origin: str = RUN) -> Chart:
    """Draw one quantity of several runs over each other.

    Args:
        sides: the runs.
        name: a series' name, or ``neurons`` for all regions together.
        view: the x axis, the smoothing and the part that is looked at.
        origin: ``run``, or the number of the stage at whose start every run is at x = 0.
    """
    traces: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    missing, total = [], 0
    lost, said, courses = [], [], []
    for side in sides:
        part = _part(side.state, view, origin)
        made, unplaced, words = _drawn(side, name, view, part) if part else ([], [], ())
        known = [series for series in _logged(side.state, name) if len(series)]
        gone = untimed(known, side.state.history, view)
        lost += [f"{side.name[:30]}: {note}" for note in gone]
        if not made and not gone:
            missing.append(side.name)
        if made:
            courses.append(f"{side.name[:30]} {_course(made[0]['y'])}")
        said += [f"{side.name[:30]}: {each}" for each in words]
        traces += made
        marks += unplaced
        total += 0 if name == ALL_NEURONS else sum(map(len, known))
    drawn = sum(x is not None for trace in traces + marks for x in trace["x"])
    layout = theme.layout(x_title=_x_title(view, origin), height=420, showlegend=True, yaxis2=RUG_AXIS)
    layout["xaxis"] |= X_LOOKS[view.x]
    if name in view.log:
        layout["yaxis"] = layout["yaxis"] | {"type": "log"}
    return Chart(
        traces + marks,
        layout if traces else theme.layout(height=420, **theme.NO_AXES),
        caption=f"{drawn:,} of {total:,} points" if total > drawn else counted(drawn, "point"),
        total=total,
        length=total,
        notes=(*said, *_few(lost), *_notes(missing, name, view, origin)),
        summary=f"{title(name)} of {counted(len(courses), 'run')}: {'; '.join(courses) or 'nothing to show'}.",
    )


def _logged(state: TrainingState, name: str) -> list[Series]:
    keys = state.history.series_keys(Kind.NEURONS) if name == ALL_NEURONS else [parse(series_of(state, name))]
    return [series for each in keys if (series := state.history.series(each)) is not None]


def _course(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "no finite value"
    ends = (known[0], known[-1], min(known), max(known))
    return "from {} to {}, lowest {}, highest {}".format(*map(number, ends))


def _few(notes: list[str]) -> list[str]:
    return [
        *notes[:MOST_NOTES],
        *([f"and {len(notes) - MOST_NOTES} more runs like this"] if notes[MOST_NOTES:] else []),
    ]


def _drawn(
    side: Side, name: str, view: View, part: _Part
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], tuple[str, ...]]:
    """Traces of a run, marks of values outside the y axis, and notes on them."""
    history, log = side.state.history, name in view.log
    local = replace(view, start=part.start, end=part.end)
    label, style = theme.plain(side.name, 40), theme.side_style(side.position, side.baseline)
    marks: list[dict[str, Any]] = []
    words: tuple[str, ...] = ()
    if view.x != "step" and math.isnan(history.first_time):
        return [], marks, words
    if name == ALL_NEURONS:
        made = [trace | {"line": trace["line"] | style} for trace in total_traces(history, local)]
    else:
        logged = series_of(side.state, name)
        series = history.series(logged)
        if series is None:
            return [], marks, words
        points = drawn_sample(series, history, local)
        if not points.length:
            return [], marks, words
        shown = smoothed_sample(series, history, local) if view.smooth else points
        made = lines(shown, history, local, style, log=log, few=0)
        marks = rug(points, history, local, log=log, name=label, color=style["color"])
        origin = (f"from {logged}",) if logged != name else ()
        words = (*origin, *notes(points), *(below(values_in_view(series, history, local)) if log else ()))
    group = {"legendgroup": theme.key(label)}
    return (
        [trace | group | {"name": label, "x": _shifted(trace["x"], part.origin)} for trace in made],
        [mark | group | {"x": _shifted(mark["x"], part.origin)} for mark in marks],
        words,
    )


def _shifted(x: list[float | None], origin: float) -> list[float | None]:
    return [value if value is None else value - origin for value in x] if origin else x


def _part(state: TrainingState, view: View, origin: str) -> _Part | None:
    """Origin and visible part of a run; None if it never reached the stage."""
    if origin == RUN or view.x == "wall":
        return _Part(0.0, view.start, view.end)
    starts = stage_starts(state)
    number = int(origin)
    if number not in starts:
        return None
    later = [start for stage, start in starts.items() if stage > number]
    zero = _place(state, view, starts[number])
    if zero is None:
        return None
    if view.zoomed and view.start is not None and view.end is not None:
        return _Part(zero, view.start + zero, view.end + zero)
    return _Part(zero, zero, _place(state, view, later[0]) if later else None)


def _place(state: TrainingState, view: View, start: Start) -> float | None:
    if view.x == "step":
        return float(start.step)
    return None if start.time is None else (start.time - state.history.first_time) / HOUR


def _x_title(view: View, origin: str) -> str:
    if origin == RUN or view.x == "wall":
        return X_TITLES[view.x]
    unit = "steps" if view.x == "step" else "hours"
    return f"{unit} since the start of stage {origin}"


def _notes(missing: list[str], name: str, view: View, origin: str) -> tuple[str, ...]:
    notes = []
    if missing:
        where = "" if origin == RUN else f" in stage {origin}"
        names = ", ".join(each[:30] for each in missing[:3]) + (" …" if len(missing) > 3 else "")
        notes.append(f"no {title(name).lower()}{where}: {names}")
    if view.smooth and name != ALL_NEURONS:
        notes.append(f"smoothed {view.smooth:g}, raw lines left out")
    return tuple(notes)
