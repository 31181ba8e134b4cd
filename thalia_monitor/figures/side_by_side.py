"""Two runs side by side: their stages in one chart; tasks, regions and consolidations in one for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor.analysis.comparison import RUN
from thalia_monitor.analysis.curriculum.stage_course import courses
from thalia_monitor.analysis.formatting import counted
from thalia_monitor.analysis.pairs import MOST_STAGES, Two, regions_of, stage_pairs, stage_sentence
from thalia_monitor.figures import consolidation, curriculum, growth, theme
from thalia_monitor.figures.chart import CAPTION_ONLY, Chart, View, ends, nothing
from thalia_monitor.figures.compare import origin_of, shifted, x_title
from thalia_monitor.figures.lanes import Lanes
from thalia_monitor.figures.shares import MOST_STACKED, shares

if TYPE_CHECKING:
    from thalia_monitor.analysis.comparison import Side
    from thalia_monitor.analysis.pairs import StagePair
    from thalia_monitor.model.run import TrainingState

BASELINE, BESIDE = "baseline", "beside"
"""Names of the charts that there are two of."""
PERCENT: Final = frozenset({BASELINE, BESIDE})
LONGEST_LANE: Final = 18
"""Characters of a lane's name: the pointer shows all of it, and the table above has it."""
ROOM: Final = 0.05
"""Share of the values' range that is left free above and below them; half of it beside single points."""
Draw = Callable[["TrainingState", str, View], Chart]


def timelines(two: Two, _: str, view: View, origin: str) -> Chart:
    """Draw the stages of two runs on one x axis, the lanes of the same stage below each other.

    The whole of each run, also where the runs are aligned at the start of a stage: x is 0 there.
    """
    pairs = stage_pairs((two[0].state, two[1].state))
    place = _places(pairs)
    rows: list[tuple[tuple[float, int, int], str]] = []
    traces, missing, hidden = [], [], []
    for at, side in enumerate(two):
        zero = origin_of(side.state, view, origin)
        found = courses(side.state)[-MOST_STAGES:]
        if side.run in view.hidden:
            hidden.append(side.name)
            continue
        if zero is None or not found:
            missing.append(side.name)
            continue
        lanes = Lanes(side.state, view)
        look = theme.side_style(side.look)
        curriculum.stage_bars(lanes, found, look["color"])
        named = {each: f"{theme.SYMBOLS[look['symbol']]} {each}" for each in lanes.names}
        rows += [
            ((place.get(each.partition(" ")[0], 0), at, number), named[each])
            for number, each in enumerate(lanes.names)
        ]
        run = theme.plain(side.name, 30)
        traces += [
            trace
            | {"y": [named[each] for each in trace["y"]], "base": shifted(trace["base"], zero)}
            | {
                "hovertext": [
                    f"{run}, {theme.plain(lane)}: {each}"
                    for lane, each in zip(trace["y"], trace["hovertext"], strict=True)
                ]
            }
            for trace in lanes.traces
        ]
    notes = _notes(missing, hidden, "no stage" if origin == RUN else f"no stage {origin}")
    if not traces:
        return replace(nothing("no stage to show", CAPTION_ONLY), notes=notes)
    both = Lanes(two[0].state, replace(view, markers=frozenset()))
    both.names, both.traces = [name for _, name in sorted(rows)], traces
    layout = both.layout(LONGEST_LANE)
    layout["xaxis"]["title"] = layout["xaxis"]["title"] | {"text": x_title(view, origin)}
    words = f"{counted(len(pairs), 'stage')}; light: plan, hatched: extension, grey: repeated after a resume"
    drawn = sum(len(trace["x"]) for trace in traces)
    return Chart(traces, layout, words, drawn, drawn, notes=notes, summary=stage_sentence(two, pairs))


def _places(pairs: Sequence[StagePair]) -> dict[str, int]:
    """Place of each stage, by its number as a lane begins with it."""
    return {
        f"{course.stage:g}": place for place, each in enumerate(pairs) for course in each.courses if course
    }


def kept(two: Two, name: str, view: View, origin: str) -> Chart:
    """Draw what one of two runs keeps of each task, in the scales of both."""
    return _one_of(two, name, view, origin, curriculum.retention)


def grown(two: Two, name: str, view: View, origin: str) -> Chart:
    """Draw each region's share of one of two runs, in one order from the bottom, in percent."""
    largest = regions_of((two[0].state, two[1].state))[:MOST_STACKED]
    order = [each.name for each in largest]
    return _one_of(two, name, replace(view, percent=PERCENT), origin, partial(shares, order=order))


def neurons(two: Two, name: str, view: View, origin: str) -> Chart:
    """Draw the neurons of each region of one of two runs and their total, in the scales of both."""
    return _one_of(two, name, view, origin, growth.neurons)


def replayed(two: Two, name: str, view: View, origin: str) -> Chart:
    """Draw the patterns that each phase of one of two runs replayed, in the scales of both."""
    return _one_of(two, name, view, origin, consolidation.patterns)


def _one_of(two: Two, name: str, view: View, origin: str, draw: Draw) -> Chart:
    """The chart of one run, with the ends of its axes taken from those of both."""
    side = two[name == BESIDE]
    if side.run in view.hidden:
        return nothing(f"{theme.short(side.name, 30)} is hidden", CAPTION_ONLY)
    local = replace(view, hidden=frozenset(), markers=frozenset(), log=frozenset())
    charts = [_placed(each, name, local, origin, draw) for each in two]
    chart = charts[name == BESIDE]
    if not chart.scaled:
        return chart
    scaled = [each for each in charts if each.scaled]
    first, last = ends(*scaled) or (0.0, 0.0)
    single = all(each.get("mode") == "markers" for each in chart.traces)
    beside = ROOM * (last - first) / 2 if single else 0
    layout = chart.layout | {"xaxis": chart.layout["xaxis"] | _exactly(first - beside, last + beside)}
    if "range" not in layout["yaxis"]:
        low, high = _y_ends(scaled)
        room = ROOM * (high - low)
        layout["yaxis"] = layout["yaxis"] | _exactly(low - room, high + room)
    return replace(chart, layout=layout)


def _exactly(first: float, last: float) -> dict[str, Any]:
    """An axis that ends exactly here: the ends that Plotly chooses depend on the size of the outermost symbols."""
    return {"autorangeoptions": {"minallowed": first, "maxallowed": last} if first < last else {}}


def _placed(side: Side, name: str, view: View, origin: str, draw: Draw) -> Chart:
    """The chart of one run, moved so that its x is that of the common axis."""
    zero = origin_of(side.state, view, origin)
    if zero is None:
        return nothing(f"{theme.short(side.name, 30)} has no stage {origin}", CAPTION_ONLY)
    if view.start is not None and view.end is not None:
        view = replace(view, start=view.start + zero, end=view.end + zero)
    chart = draw(side.state, name, view)
    if not chart.scaled:
        return chart
    axis = chart.layout["xaxis"]
    axis = axis | {"title": axis["title"] | {"text": x_title(view, origin)}}
    # A click on a point would open a table of the run on screen, which may be another.
    traces = [
        {key: each for key, each in trace.items() if key != "customdata"} | {"x": shifted(trace["x"], zero)}
        for trace in chart.traces
    ]
    return replace(chart, traces=traces, layout=chart.layout | {"xaxis": axis})


def _y_ends(charts: list[Chart]) -> tuple[float, float]:
    """The least and the greatest value of these charts, or of what each shows whatever its values are."""
    traces = [trace for chart in charts for trace in chart.traces if trace.get("yaxis", "y") == "y"]
    values = [y for trace in traces for y in trace["y"] if y is not None]
    for chart in charts:
        axis = chart.layout["yaxis"]
        values += axis.get("autorangeoptions", {}).get("include", [])
        values += [0] if axis.get("rangemode") == "tozero" else []
    return min(values), max(values)


def _notes(missing: list[str], hidden: list[str], what: str) -> tuple[str, ...]:
    said = ((what, missing), ("hidden", hidden))
    return tuple(f"{words}: {', '.join(each[:30] for each in names)}" for words, names in said if names)
