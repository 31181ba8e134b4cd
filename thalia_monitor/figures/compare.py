"""Several runs in one chart, aligned by step, by time, or at the start of a stage: values, or differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor.analysis.comparison import RUN, Side, Start, interpolated, stage_starts
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.analysis.quantities import series_of
from thalia_monitor.analysis.series.series_cache import smoothed
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import (
    POINTS,
    X_LOOKS,
    X_TITLES,
    Chart,
    View,
    below,
    notes,
    nothing,
    numbers,
    times,
)
from thalia_monitor.figures.traces import (
    HOUR,
    RUG_AXIS,
    drawn_sample,
    lines,
    positions,
    rug,
    smoothed_sample,
    total_traces,
    values_in_view,
)
from thalia_monitor.figures.traces import notes as untimed
from thalia_monitor.metric_info import info, title
from thalia_monitor.model.series_key import ALL_NEURONS, Kind, parse

if TYPE_CHECKING:
    from thalia_monitor.model.history import Floats, Series
    from thalia_monitor.model.run import TrainingState

MOST_NOTES: Final = 3
HEIGHT: Final = 400
SMALL_HEIGHT: Final = 190
SMALL_POINTS: Final = 200
"""Points of a line in a chart of a quarter of the page."""
DIFFERENCE_HEIGHT: Final = 240
SPREAD: Final = 7
"""Symbols along a line: it is recognized without its colour."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Part of a run that is drawn, in the units of its own x axis."""

    origin: float = 0.0
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What is drawn of one run."""

    traces: list[dict[str, Any]]
    """Its line, and superseded attempts."""
    raw: list[dict[str, Any]]
    """The values under a smoothed line."""
    marks: list[dict[str, Any]]
    """Values that have no place on the y axis."""
    words: tuple[str, ...]


def overlay(sides: Sequence[Side], name: str, view: View, origin: str = RUN, *, small: bool = False) -> Chart:
    """Draw one quantity of several runs over each other.

    Args:
        sides: the runs.
        name: a series' name, or ``neurons`` for all regions together.
        view: the x axis, the smoothing, the hidden runs and the part that is looked at.
        origin: ``run``, or the number of the stage at whose start every run is at x = 0.
        small: for a chart of a quarter of the page.
    """
    shown = _shown(sides, view)
    drawn: list[_Drawn] = []
    missing, total = [], 0
    lost, said, courses = [], [], []
    for side in shown:
        part = _part(side.state, view, origin)
        made = _drawn(side, name, view, part, SMALL_POINTS if small else POINTS) if part else None
        known = [series for series in _logged(side.state, name) if len(series)]
        gone = untimed(known, side.state.history, view)
        lost += [f"{side.name[:30]}: {note}" for note in gone]
        if made is None and not gone:
            missing.append(side.name)
        if made:
            courses.append(f"{side.name[:30]} {_course(made.traces[0]['y'])}")
            said += [f"{side.name[:30]}: {each}" for each in made.words]
            drawn.append(made)
        total += 0 if name == ALL_NEURONS else sum(map(len, known))
    curves = [trace for each in drawn for trace in each.traces]
    marks = [mark for each in drawn for mark in each.marks]
    count = sum(x is not None for trace in curves + marks for x in trace["x"])
    height = SMALL_HEIGHT if small else HEIGHT
    layout = _axes(view, origin, height)
    if name in view.log:
        layout["yaxis"] = layout["yaxis"] | {"type": "log"}
    how = f", smoothed {view.smooth:g} over the raw values" if view.smooth and name != ALL_NEURONS else ""
    counts = f"{count:,} of {total:,} points" if total > count else counted(count, "point")
    return Chart(
        [trace for each in drawn for trace in each.raw] + curves + marks,
        layout if curves else theme.layout(height=height, **theme.NO_AXES),
        caption="" if small else f"{counts}{how}",
        total=total,
        length=total,
        notes=(*said, *_few(lost), *_missing(missing, name, origin)),
        summary=f"{title(name)} of {counted(len(courses), 'run')}: {'; '.join(courses) or 'nothing to show'}.",
    )


def differences(sides: Sequence[Side], name: str, view: View, origin: str = RUN) -> Chart:
    """Draw each run's difference from the baseline, over the x axis that both have: the baseline is the line at 0.

    Where one of the two logged no value, its neighbours are interpolated.
    """
    base = next((side for side in sides if side.baseline), None)
    others = [side for side in _shown(sides, view) if not side.baseline]
    if base is None or not others:
        return nothing("only the baseline is shown", DIFFERENCE_HEIGHT)
    traces: list[dict[str, Any]] = []
    raw: list[dict[str, Any]] = []
    missing, courses = [], []
    for side in others:
        made = [
            _difference(side, base, name, replace(view, smooth=weight), origin)
            for weight in dict.fromkeys((view.smooth if name != ALL_NEURONS else 0.0, 0.0))
        ]
        x, y = made[0]
        if not np.isfinite(y).any():
            missing.append(side.name)
            continue
        traces.append(_line(side, x, y) | {"hovertemplate": "%{y:+,.4~g}"})
        courses.append(f"{side.name[:30]} {_course(numbers(y))}")
        if len(made) > 1:
            raw.append(_line(side, *made[1]) | _faint(side))
    layout = _axes(view, origin, DIFFERENCE_HEIGHT)
    layout["yaxis"] = layout["yaxis"] | {"zeroline": True, "zerolinecolor": theme.SECOND, "zerolinewidth": 2}
    better = "" if name == ALL_NEURONS else info(parse(name).name).better
    count = sum(x is not None for trace in traces for x in trace["x"])
    return Chart(
        raw + traces,
        layout if traces else theme.layout(height=DIFFERENCE_HEIGHT, **theme.NO_AXES),
        caption={"up": "above 0 is better", "down": "below 0 is better", "": ""}[better],
        total=count,
        length=sum(len(series) for side in sides for series in _logged(side.state, name)),
        notes=(f"nothing to compare: {_named(missing)}",) if missing else (),
        summary=f"{title(name)} minus that of {base.name[:30]}: {'; '.join(courses) or 'nothing to show'}.",
    )


def _shown(sides: Sequence[Side], view: View) -> list[Side]:
    return [side for side in sides if side.run not in view.hidden]


def _axes(view: View, origin: str, height: int) -> dict[str, Any]:
    layout = theme.layout(x_title=x_title(view, origin), height=height, yaxis2=RUG_AXIS)
    layout["xaxis"] |= X_LOOKS[view.x]
    return layout


def _logged(state: TrainingState, name: str) -> list[Series]:
    keys = state.history.series_keys(Kind.NEURONS) if name == ALL_NEURONS else [parse(series_of(state, name))]
    return [series for each in keys if (series := state.history.series(each)) is not None]


def _course(values: Sequence[float | None]) -> str:
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


def _drawn(side: Side, name: str, view: View, part: _Part, budget: int) -> _Drawn | None:
    """Draw a run; None if it has nothing in this part."""
    history, log = side.state.history, name in view.log
    local = replace(view, start=part.start, end=part.end)
    if view.x != "step" and math.isnan(history.first_time):
        return None
    raw: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    words: tuple[str, ...] = ()
    style = {"color": theme.side_style(side.look)["color"]}
    if name == ALL_NEURONS:
        made = total_traces(history, local)
    else:
        logged = series_of(side.state, name)
        series = history.series(logged)
        points = drawn_sample(series, history, local, budget) if series is not None else None
        if series is None or points is None or not points.length:
            return None
        made = lines(points, history, local, style, log=log, few=0)
        if view.smooth:
            raw = [made[0] | _faint(side)]
            made = lines(
                smoothed_sample(series, history, local, budget), history, local, style, log=log, few=0
            )
        marks = rug(points, history, local, log=log, name=theme.plain(side.name, 40), color=style["color"])
        origin = (f"from {logged}",) if logged != name else ()
        words = (*origin, *notes(points), *(below(values_in_view(series, history, local)) if log else ()))
    if not made:
        return None
    made = [made[0] | _look(side, alone="markers" in made[0]["mode"]), *made[1:]]
    named, group = (
        {"name": theme.plain(side.name, 40)},
        {"legendgroup": theme.key(theme.plain(side.name, 40))},
    )

    def placed(traces: list[dict[str, Any]], known: dict[str, Any]) -> list[dict[str, Any]]:
        return [trace | known | {"x": shifted(trace["x"], part.origin)} for trace in traces]

    return _Drawn(placed(made, named | group), placed(raw, named | group), placed(marks, group), words)


def _look(side: Side, *, alone: bool = False) -> dict[str, Any]:
    """The run's line: solid, thick for the baseline, with a few symbols; all of them where a point stands alone."""
    style = theme.side_style(side.look)
    marker = {"color": style["color"], "symbol": style["symbol"], "size": 7}
    return {
        "mode": "lines+markers",
        "line": {"color": style["color"], "width": 2.6 if side.baseline else 1.7},
        "marker": marker if alone else marker | {"maxdisplayed": SPREAD},
    }


def _faint(side: Side) -> dict[str, Any]:
    line = {"color": theme.side_style(side.look)["color"], "width": 1}
    return {"mode": "lines", "line": line, "opacity": 0.22, "hoverinfo": "skip", "showlegend": False}


def _line(side: Side, x: Floats, y: Floats) -> dict[str, Any]:
    label = theme.plain(side.name, 40)
    known = {"type": "scatter", "x": times(x), "y": numbers(y), "name": label, "connectgaps": False}
    return known | {"legendgroup": theme.key(label)} | _look(side)


def _difference(side: Side, base: Side, name: str, view: View, origin: str) -> tuple[Floats, Floats]:
    """Positions on the common axis and the run's value minus the baseline's there, (n,) each.

    The positions are those at which one of the two is drawn, so that the extremes of both are among them.
    """
    known = [_curve(each, name, view, origin) for each in (side, base)]
    if any(each is None for each in known):
        return np.empty(0), np.empty(0)
    (places, x, y), (base_places, base_x, base_y) = [each for each in known if each is not None]
    at = np.unique(np.concatenate((places, base_places)))
    if len(x) and len(base_x):
        at = at[(at >= max(x[0], base_x[0])) & (at <= min(x[-1], base_x[-1]))]
    with np.errstate(invalid="ignore", over="ignore"):
        return at, interpolated(at, x, y) - interpolated(at, base_x, base_y)


def _curve(side: Side, name: str, view: View, origin: str) -> tuple[Floats, Floats, Floats] | None:
    """Positions that are drawn, and every position and value of a run, on the common axis; None without any.

    Superseded attempts do not count; where steps restarted by design, only the newest stage does.
    """
    part, history = _part(side.state, view, origin), side.state.history
    if part is None or (view.x != "step" and math.isnan(history.first_time)):
        return None
    local = replace(view, start=part.start, end=part.end)
    if name == ALL_NEURONS:
        made = total_traces(history, local)
        x, y = (np.array(made[0][axis] if made else [], np.float64) for axis in "xy")
        kept = ~np.isnan(x)
        return x[kept] - part.origin, x[kept] - part.origin, y[kept]
    series = history.series(series_of(side.state, name))
    if series is None or not len(series):
        return None
    sampled = smoothed_sample(series, history, local) if view.smooth else drawn_sample(series, history, local)
    places = positions(sampled.step, sampled.time, history, view) - part.origin
    if view.smooth:
        series = smoothed(history, series, view.smooth)[0]
    newest = max((each.index for each in history.segments if each.kind == "stage"), default=0)
    valid = (series.segment >= newest) & (series.step < history.supersessions()[series.segment])
    x = positions(series.step, series.time, history, view) - part.origin
    valid &= ~np.isnan(x)
    x, y = x[valid], series.value[valid]
    if (np.diff(x) < 0).any():  # a clock was set back
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return places[~np.isnan(places)], x, y


def shifted(x: list[float | None], origin: float) -> list[float | None]:
    """Positions of a run on the common axis, None for a gap."""
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


def origin_of(state: TrainingState, view: View, origin: str) -> float | None:
    """What is 0 on the common axis, in units of the run's own; None if it never reached the stage."""
    part = _part(state, view, origin)
    return None if part is None else part.origin


def x_title(view: View, origin: str) -> str:
    """Title of the common axis."""
    if origin == RUN or view.x == "wall":
        return X_TITLES[view.x]
    unit = "steps" if view.x == "step" else "hours"
    return f"{unit} since the start of stage {origin}"


def _missing(missing: list[str], name: str, origin: str) -> tuple[str, ...]:
    where = "" if origin == RUN else f" in stage {origin}"
    return (f"no {title(name).lower()}{where}: {_named(missing)}",) if missing else ()


def _named(runs: list[str]) -> str:
    return ", ".join(each[:30] for each in runs[:3]) + (" …" if len(runs) > 3 else "")
