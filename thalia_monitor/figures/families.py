"""Families of metrics: series under one path, drawn as small charts in one scale; weights with their spread."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor import metric_info
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.analysis.regions import round_width
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import Chart, View, numbers, times
from thalia_monitor.figures.metrics import metric
from thalia_monitor.figures.traces import drawn_sample, positions, value_at
from thalia_monitor.model.series_key import metric as metric_key
from thalia_monitor.model.series_key import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from thalia_monitor.model.history import History, Series
    from thalia_monitor.model.run import TrainingState

FIRST: Final = ("neuromodulator", "oscillator", "weights")
"""Families that are offered first."""
MOST_MEMBERS: Final = 12
"""Charts of a family; the search has the others."""
HEIGHT: Final = 150
DRIFT_STEPS: Final = 50_000
"""Steps that a drift is measured over: Thalia's ``bcm_convergence``."""
DRIFT: Final = 0.01
OUTER: Final = 0.8
"""Share of the way from the middle of a pathway's weights to their ends, beyond which a mean is near an end."""
_PART: Final = re.compile(r"[/.]")
_STATISTIC: Final = re.compile(r"(.+)_(mean|std|min|max)")
MOST_PATHWAYS: Final = 200
"""Pathways whose drift is put into words."""


@dataclass(frozen=True, slots=True)
class Family:
    """Series whose names begin with the same path."""

    name: str
    members: tuple[str, ...]
    """Series that have a chart each; of weights the means."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Those that are drawn."""
        return self.members[:MOST_MEMBERS]


def families(state: TrainingState) -> dict[str, Family]:
    """Paths with at least two series, by name: neuromodulators, oscillators and weights first."""
    return state.memoized("metric families", lambda: _families(state.history.metrics))


def _families(names: Iterable[str]) -> dict[str, Family]:
    found: dict[str, list[str]] = {}
    for name in names:
        first, separator, _ = _split(name)
        if separator:
            found.setdefault(first, []).append(name)
    means = {
        first: [each for each in members if _is_member(each, members)] for first, members in found.items()
    }
    order = sorted(means, key=lambda first: (FIRST.index(first) if first in FIRST else len(FIRST), first))
    return {first: Family(first, tuple(sorted(means[first]))) for first in order if len(found[first]) > 1}


def _split(name: str) -> tuple[str, str, str]:
    at = _PART.search(name)
    return (name[: at.start()], at[0], name[at.end() :]) if at and at.start() else ("", "", name)


def _is_member(name: str, members: list[str]) -> bool:
    """Whether a series has a chart of its own: the spread and ends of a mean are drawn around it."""
    found = _STATISTIC.fullmatch(name)
    return not found or found[2] == "mean" or f"{found[1]}_mean" not in members


def member(state: TrainingState, name: str, view: View) -> Chart:
    """Draw one series of a family, in the scale that all series of its family and unit share."""
    chart = metric(state, name, view)
    key = parse(name)
    first, separator, _ = _split(key.name)
    layout = chart.layout | {"height": HEIGHT}
    if not chart.scaled or not separator:
        return replace(chart, layout=layout)
    family = families(state).get(first)
    spread = _spread(state, key.name, view) if name not in view.log else []
    ends = _scale(state, family, metric_info.unit(key.name), view) if family else None
    if ends and name not in view.log and name not in view.clip:
        axis = {key: each for key, each in layout["yaxis"].items() if key != "autorangeoptions"}
        layout["yaxis"] = axis | {"range": list(ends), "autorange": False}
    return replace(chart, traces=[*spread, *chart.traces], layout=layout)


def _scale(state: TrainingState, family: Family, unit: str, view: View) -> tuple[float, float] | None:
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
    found = _STATISTIC.fullmatch(name)
    if not found or found[2] != "mean":
        return ()
    mean, deviation = (history.series(metric_key(f"{found[1]}_{each}")) for each in ("mean", "std"))
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


def sentence(state: TrainingState, family: Family) -> str:
    """A family in numbers: its series, those out of their band, and drift and saturation of weights."""
    parts = [f"{family.name[:40]}: {counted(len(family.members), 'series', 'series')}"]
    if len(family.members) > MOST_MEMBERS:
        parts.append(f"the first {MOST_MEMBERS} drawn, the others by the search below")
    for name in family.shown:
        band, now = metric_info.info(name).band, state.history.newest(metric_key(name))
        if band and now:
            side = "in" if band.low <= now.value <= band.high else "out of"
            unit = metric_info.unit(name)
            parts.append(
                f"{name[:40]} {number(now.value)} {unit}, {side} {band.low:g}–{band.high:g}".replace(
                    " ,", ","
                )
            )
    parts += _weights(state, family)
    return "; ".join(parts) + "."


def _weights(state: TrainingState, family: Family) -> list[str]:
    drifts: dict[str, float] = {}
    near = known = 0
    for name in family.members[:MOST_PATHWAYS]:
        found = _STATISTIC.fullmatch(name)
        mean = state.history.series(metric_key(name))
        if not found or found[2] != "mean" or mean is None or not len(mean):
            continue
        if (drifted := drift(mean)) is not None:
            drifts[found[1]] = drifted
        ends = [state.history.newest(metric_key(f"{found[1]}_{each}")) for each in ("mean", "min", "max")]
        if all(ends):
            now, least, greatest = (each.value for each in ends if each)
            known += greatest > least
            near += greatest > least and abs(2 * (now - least) / (greatest - least) - 1) > OUTER
    parts = []
    if drifts:
        most = max(drifts, key=lambda each: abs(drifts[each]))
        moving = sum(abs(each) >= DRIFT for each in drifts.values())
        words = f"{moving:,} of {len(drifts):,} at least {DRIFT}"
        parts.append(f"largest drift {most[:40]} {number(drifts[most])} in {DRIFT_STEPS:,} steps, {words}")
    if known:
        parts.append(f"{near:,} of {known:,} means near an end of their range")
    return parts


def drift(series: Series) -> float | None:
    """Newest value minus that of 50,000 steps before in its segment; None where it is shorter."""
    first = int(np.searchsorted(series.segment, series.segment[-1]))
    at = first + int(np.searchsorted(series.step[first:], series.step[-1] - DRIFT_STEPS, side="right")) - 1
    if at < first:
        return None
    change = float(series.value[-1] - series.value[at])
    return change if np.isfinite(change) else None
