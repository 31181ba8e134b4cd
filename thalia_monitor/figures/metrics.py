"""Metric charts: the history of a metric, its small line in a card, and families of metrics in one scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor import metric_info
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.analysis.metric_families import deviation_of, family_of
from thalia_monitor.analysis.regions import round_width
from thalia_monitor.analysis.timeline import MarkerKind, marked_events
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import (
    X_LOOKS,
    X_TITLES,
    Chart,
    View,
    band_texts,
    below,
    notes,
    nothing,
    numbers,
    show_band,
    times,
)
from thalia_monitor.figures.marks import event_traces
from thalia_monitor.figures.traces import (
    RUG_AXIS,
    drawn_sample,
    four_digits,
    lines,
    positions,
    rug,
    smoothed_sample,
    unplaced,
    value_at,
    values_in_view,
)
from thalia_monitor.figures.traces import notes as untimed
from thalia_monitor.metric_info import Band, title
from thalia_monitor.model.history import EMPTY_FLOATS, Floats, Ints
from thalia_monitor.model.series_key import metric as metric_key
from thalia_monitor.model.series_key import parse

if TYPE_CHECKING:
    from thalia_monitor.analysis.metric_families import MetricFamily
    from thalia_monitor.analysis.series.sampling import Sample
    from thalia_monitor.model.history import History
    from thalia_monitor.model.run import TrainingState

COURSE_POINTS: Final = 60
FAMILY_HEIGHT: Final = 150
"""Height of a chart of a family, in pixels."""


@dataclass(frozen=True, slots=True)
class Course:
    """What a sparkline shows: a metric over the whole run."""

    values: list[float | int | None]
    """Medians of equal parts; None where a part has no finite value."""
    stages: tuple[float, ...] = ()
    """Places of the stage boundaries, as shares of the width, each above 0 and below 1."""
    band: Band | None = None
    """The range that Thalia states."""


def metric(state: TrainingState, name: str, view: View) -> Chart:
    """Draw one metric's history; the name is its public one, as in the view."""
    history, key = state.history, parse(name)
    series = history.series(key)
    if series is None or not len(series):
        return nothing("not logged in this run yet")
    log = name in view.log
    points, lost = drawn_sample(series, history, view), untimed([series], history, view)
    if lost and not points.length:
        return nothing("", notes=lost, length=len(series))
    style = {"color": theme.ACCENT} | ({"width": 1} if view.smooth else {})
    named = {"name": title(theme.plain(key.name))}
    hover = four_digits(points.value, metric_info.unit(key.name))
    traces = [trace | named for trace in lines(points, history, view, style, log=log, hover=hover)]
    if view.smooth:
        traces[0] |= {"opacity": 0.3}
        averaged = smoothed_sample(series, history, view)
        style = {"color": theme.ACCENT, "width": 2}
        named = {"name": f"smoothed {view.smooth:g}"}
        traces += [
            trace | named for trace in lines(averaged, history, view, style, log=log, few=0, hover=hover)
        ]
    traces += [*rug(points, history, view, log=log), *event_traces(state, view)]
    layout, stated = axes(view, name), limits(name)
    if stated:
        show_band(layout, stated, log=log)
    seen = values_in_view(series, history, view) if log or name in view.clip else EMPTY_FLOATS
    said = (*lost, *notes(points), *(below(seen) if log else ()))
    if name in view.clip and (inner := usual_range(seen, log)):
        layout["yaxis"] |= {"range": list(inner), "autorange": False}
        said += outside(seen, inner, log)
    return Chart(
        traces,
        layout,
        caption=caption(points),
        total=points.total,
        length=len(series),
        notes=said,
        summary=summary(key.name, points),
        **band_texts(stated),
    )


def usual_range(values: Floats, log: bool = False) -> tuple[float, float] | None:
    """The range that 98 % of the values lie in, and half of it again on either side; None where it would be empty.

    That much room keeps ordinary noise in the view; it ends where the values do. On a logarithmic axis it is one of
    decimal logarithms, as Plotly takes it. The quantiles are those of at most some 20,000 evenly spread values.
    """
    placed = values[~unplaced(values, log)]
    some = placed[:: max(1, len(placed) // 20_000)]
    if len(some) < 10:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = np.quantile(np.log10(some) if log else some, (0.01, 0.99)).tolist()
        ends = (np.log10(placed.min()), np.log10(placed.max())) if log else (placed.min(), placed.max())
        room, rim = 0.5 * (high - low), 0.05 * (high - low)
        inner = (max(low - room, float(ends[0]) - rim), min(high + room, float(ends[1]) + rim))
    return inner if room > 0 and np.isfinite(inner).all() else None


def outside(values: Floats, inner: tuple[float, float], log: bool = False) -> tuple[str, ...]:
    """Note on how many points a clipped view leaves out, among those that fit the axis."""
    placed = values[~unplaced(values, log)]
    placed = np.log10(placed) if log else placed
    counts = ((int((placed > inner[1]).sum()), "above"), (int((placed < inner[0]).sum()), "below"))
    return tuple(f"{counted(count, 'point')} {where} the view" for count, where in counts if count)


def axes(view: View, name: str) -> dict[str, Any]:
    """The layout of a metric's chart."""
    start = theme.layout(x_title=X_TITLES[view.x], y_title=metric_info.unit(name), yaxis2=RUG_AXIS)
    start["xaxis"] |= X_LOOKS[view.x]
    if name in view.log:
        start["yaxis"] = start["yaxis"] | {"type": "log"}
    return start


def limits(name: str) -> Band | None:
    """The range that Thalia states for the values of a series."""
    quantity, its = metric_info.lookup(name)
    return quantity.band if its.judged else None


def caption(points: Sample) -> str:
    """Say how many of how many points are drawn."""
    return counted(points.total, "point") if points.exact else f"{len(points):,} of {points.total:,} points"


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


def course(state: TrainingState, name: str) -> Course:
    """A metric over the whole run, each point the median of some hundred evenly spread values.

    What a resume has repeated is left out.
    """
    series = state.history.series(metric_key(name))
    if series is None:
        return Course([])
    each = slice(None, None, max(1, len(series) // (100 * COURSE_POINTS)))
    step, segment = series.step[each], series.segment[each]
    kept = step < state.history.supersessions()[segment]
    some = series.value[each][kept]
    values = numbers(_medians(some, min(COURSE_POINTS, len(some))) if len(some) else np.array([np.nan]))
    return Course(values, _boundaries(state, step[kept], segment[kept]), limits(name))


def _medians(values: Floats, count: int) -> Floats:
    """The medians of ``count`` successive parts of almost the same length, as ``np.array_split`` makes them."""
    size, longer = divmod(len(values), count)
    cut = longer * (size + 1)
    parts = values[:cut].reshape(longer, size + 1), values[cut:].reshape(count - longer, size)
    return np.concatenate([np.median(each, axis=1) for each in parts])


def _boundaries(state: TrainingState, step: Ints, segment: Ints) -> tuple[float, ...]:
    """Where among these points stages begin, as shares of their number."""
    stages = marked_events(state).get(MarkerKind.STAGE)
    if stages is None or not len(step):
        return ()
    newest = stages.where(np.flatnonzero(stages.stepped)[-COURSE_POINTS:])
    starts = zip(newest.step, newest.segment, strict=True)
    first = (int(np.argmax(np.append((segment >= its) & (step >= at), True))) for at, its in starts)
    return tuple(sorted({round(place / len(step), 3) for place in first if 0 < place < len(step)}))


def family_member(state: TrainingState, name: str, view: View) -> Chart:
    """Draw one series of a family, in the scale that all series of its family and unit share."""
    chart = metric(state, name, view)
    layout = chart.layout | {"height": FAMILY_HEIGHT}
    own = parse(name).name
    family = family_of(state, own)
    if not chart.scaled or not family:
        return replace(chart, layout=layout)
    spread = _spread(state, own, view) if name not in view.log else []
    ends = _family_scale(state, family, metric_info.unit(own), view)
    if ends and name not in view.log and name not in view.clip:
        axis = {key: each for key, each in layout["yaxis"].items() if key != "autorangeoptions"}
        layout["yaxis"] = axis | {"range": list(ends), "autorange": False}
    return replace(chart, traces=[*spread, *chart.traces], layout=layout)


def _family_scale(
    state: TrainingState, family: MetricFamily, unit: str, view: View
) -> tuple[float, float] | None:
    """The range that the drawn series of a family in one unit need, with their bands, rounded outwards."""

    def needed() -> tuple[float, float] | None:
        low, high = np.inf, -np.inf
        for name in family.shown:
            series = state.history.series(metric_key(name))
            if series is None or metric_info.unit(name) != unit:
                continue
            values = drawn_sample(series, state.history, view).value
            values = values[np.isfinite(values)]
            band = metric_info.info(name).band
            around = [
                float(each)
                for each in _ribbon(state.history, name, view)[1:]
                for each in (each.min(), each.max())
            ]
            ends = [*values.tolist(), *around, *((band.low, band.high) if band else ())]
            low, high = min([low, *ends]), max([high, *ends])
        if not low <= high:
            return None
        step = round_width(max((high - low) / 8, abs(high) * 1e-3, 1e-9))
        return float(np.floor(low / step) * step), float(np.ceil(high / step + 1e-9) * step)

    what = ("family scale", family.name, unit, view.x, view.start, view.end)
    return state.memoized(what, needed)


def _ribbon(history: History, name: str, view: View) -> tuple[Any, ...]:
    """Places, lower and upper edge of a mean's standard deviation; nothing where no deviation is logged."""
    beside = deviation_of(name)
    if beside is None:
        return ()
    mean, deviation = (history.series(metric_key(each)) for each in (name, beside))
    if mean is None or deviation is None or not len(deviation):
        return ()
    points = drawn_sample(mean, history, view, 200)
    spread = value_at(deviation, history, points.segment, points.step)
    known = np.isfinite(points.value) & np.isfinite(spread)
    if not known.any():
        return ()
    x = positions(points.step, points.time, history, view)[known]
    value, spread = points.value[known], spread[known]
    return x, value - spread, value + spread


def _spread(state: TrainingState, name: str, view: View) -> list[dict[str, Any]]:
    ribbon = _ribbon(state.history, name, view)
    if not ribbon:
        return []
    x, low, high = ribbon
    edge = {
        "type": "scatter",
        "mode": "lines",
        "line": {"width": 0, "color": theme.ACCENT},
        "hoverinfo": "skip",
    }
    fill = {"fill": "tonexty", "fillcolor": "rgba(61,134,198,0.22)"}
    return [
        edge | {"x": times(x), "y": numbers(low), "name": "mean − sd"},
        edge | fill | {"x": times(x), "y": numbers(high), "name": "mean + sd"},
    ]
