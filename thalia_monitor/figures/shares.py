"""Where the brain grew: each region's share over time, why it grew, what that changed, and how much room is left."""

from __future__ import annotations

import re
from collections import Counter
from operator import add, or_
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from thalia_monitor import contract
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.analysis.regions import counting_segments, grid
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import (
    OWN_AXIS,
    X_LOOKS,
    X_TITLES,
    Chart,
    View,
    nothing,
    numbers,
    times,
    whole,
)
from thalia_monitor.figures.events import before_and_after
from thalia_monitor.figures.marks import event_traces
from thalia_monitor.figures.traces import HOUR, MILLISECONDS, RUG_AXIS, WHOLE, positions, value_at
from thalia_monitor.model.series_key import Kind, SeriesKey
from thalia_monitor.model.step_times import is_ordered, times_at
from thalia_monitor.stages import growth_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from thalia_monitor.model.history import Floats, History, Ints, Series
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

PLACES: Final = 100
"""Places at which the regions are summed up, at most."""
MOST_STACKED: Final = 24
"""Regions with an area of their own, the largest; the others are one area together."""
OTHERS: Final = "other regions"
MOST_EVENTS: Final = 200
"""Newest growth events whose capacity before and after is drawn."""
MOST_REASONS: Final = 8
MOST_DOTS: Final = 300
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?(?: %|%)?")
ROOM: Final = {
    "region": "Region",
    "capacity_now": "Capacity",
    "threshold": "Grows above",
    "left": "Distance to it",
    "neurons": "Neurons",
    "largest": "Size limit",
    "of_limit": "Share of the limit",
    "grown": "Last growth",
    "again": "Not again before",
}


def sizes(state: TrainingState, view: View) -> tuple[Ints, Ints, Floats, dict[str, Floats]] | None:
    """Neurons of each region at evenly spaced places: step, segment and time of each, and sizes; None without any.

    A size is the newest logged at or before its place. What a resume has repeated is left out on the step axis.
    """
    history = state.history
    placed = _places(history, view)
    every = {key.name: history.series(key) for key in history.series_keys(Kind.NEURONS)}
    known = {name: series for name, series in every.items() if series is not None and len(series)}
    if placed is None or not known:
        return None
    step, segment, time = placed
    return step, segment, time, {name: value_at(each, history, segment, step) for name, each in known.items()}


def _places(history: History, view: View) -> tuple[Ints, Ints, Floats] | None:
    origin = history.first_time if view.x == "elapsed" else 0.0
    start, end = view.start, view.end
    if view.x != "step":
        if not is_ordered(history.time):
            return None
        unit = 1 / MILLISECONDS if view.x == "wall" else HOUR
        start, end = (None if each is None else each * unit + origin for each in (start, end))
    cut = grid(history, "step" if view.x == "step" else "time", start, end, PLACES, origin)
    if cut is None:
        return None
    inner = np.arange(cut.first + 1, cut.last + 1) * cut.width + cut.origin
    at = np.concatenate(([cut.start], inner[(inner > cut.start) & (inner < cut.end)], [cut.end]))
    if view.x != "step":
        rows = np.maximum(np.searchsorted(history.time, at, side="right") - 1, 0)
        return history.step[rows], history.segment[rows], at
    counting = counting_segments(history, "step")
    begun = np.array([history.segments[each].first_step for each in counting])
    step = np.ceil(at).astype(np.int64)
    # The newest segment that has begun by then: it has repeated what others did there.
    newest = np.array([max(np.flatnonzero(begun <= each), default=0) for each in step.tolist()])
    segment = np.array(counting)[newest]
    return step, segment, times_at(history, step, segment)


def shares(state: TrainingState, name: str, view: View, order: Sequence[str] = ()) -> Chart:
    """Stack the regions' neurons over time, as amounts or as shares of all that are drawn.

    ``order``: the regions with an area of their own, from the bottom; the largest of the run where none are given.
    """
    found = sizes(state, view)
    if found is None:
        words = "no line has neurons by region yet" if not state.history.neurons else "nothing in this view"
        return nothing(words, 300)
    step, _, time, every = found
    shown = {region: each for region, each in every.items() if region not in view.hidden}
    if not shown:
        return nothing("every region is hidden", 300)
    largest = sorted(shown, key=lambda region: -shown[region][-1])[:MOST_STACKED]
    own = [each for each in order if each in shown] or [each for each in shown if each in largest]
    stacked = {region: shown[region] for region in own}
    if rest := [each for region, each in shown.items() if region not in stacked]:
        stacked[OTHERS] = np.sum(rest, axis=0)
    total = np.sum(list(stacked.values()), axis=0)
    percent = name in view.percent
    layout = theme.layout(
        x_title=X_TITLES[view.x], y_title="" if percent else "neurons", height=300, yaxis2=RUG_AXIS
    )
    layout["xaxis"] |= X_LOOKS[view.x]
    if percent:
        layout["yaxis"] |= {"tickformat": ".0%", "range": [0, 1], "autorange": False}
    x = times(positions(step, time, state.history, view))
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": theme.plain(region, 24),
            "x": x,
            "y": numbers(np.round(values / np.maximum(total, 1), 4) if percent else values),
            "stackgroup": "regions",
            "line": {"width": 0.5, "shape": "hv", "color": _color(region)},
            "hovertemplate": "%{y:.1%}" if percent else WHOLE,
        }
        for region, values in stacked.items()
    ]
    return Chart(
        [*traces, *event_traces(state, view)],
        layout,
        caption=f"{counted(len(shown), 'region')} at {len(step):,} places",
        total=len(step),
        length=sum(map(len, state.history.neurons.values())),
        summary=_changes(shown),
    )


def _color(region: str) -> str:
    return theme.SECOND if region == OTHERS else theme.region_style(region)["color"]


def _changes(every: dict[str, Floats]) -> str:
    first, last = (float(sum(each[at] for each in every.values())) for at in (0, -1))
    words = [f"{number(first, 'count')} neurons became {number(last, 'count')}"]
    if first and last:
        moved = {region: each[-1] / last - each[0] / first for region, each in every.items()}
        for sign, verb in ((1, "gained"), (-1, "lost")):
            region = max(moved, key=lambda each: sign * moved[each])
            if sign * moved[region] >= 0.0005:
                ends = f"{_percent(every[region][0] / first)} to {_percent(every[region][-1] / last)}"
                words.append(f"{theme.short(region, 24)} {verb} most: {ends} of all")
    return "; ".join(words) + "."


def _percent(share: float) -> str:
    return number(float(share), "percent")


def facts(state: TrainingState) -> list[tuple[str, str, str]]:
    """Where the brain grew, in numbers: the region with most of the added neurons, and the shares that moved."""
    found: list[tuple[str, str, str]] = []
    added: Counter[str] = Counter()
    for (_reason, region, more), count in _by_reason(state).items():
        added[region] += int((more or 0) * count)
    if (total := added.total()) > 0:
        [(region, most)] = added.most_common(1)
        found.append(
            ("Grew most", region[:40], f"+{most:,.0f} neurons, {_percent(most / total)} of all added")
        )
    places = sizes(state, View())
    if places and len(places[3]) > 1:
        words = _changes(places[3])
        found.append(("Shares", counted(len(places[3]), "region"), words))
    return found


def reasons(state: TrainingState, _: str, view: View) -> Chart:
    """Draw what each event added against its reason, the numbers in it left out; equal events are one dot."""
    kept = {
        what: count
        for what, count in _by_reason(state).items()
        if what[1] not in view.hidden and what[2] is not None
    }
    if not kept:
        return nothing("no growth event yet", 200)
    if len(kept) > MOST_DOTS:
        merged: Counter[tuple[str, str, float | None]] = Counter()
        for (reason, region, more), count in kept.items():
            merged[reason, region, float(f"{more:.1g}")] += count
        kept = dict(merged.most_common(MOST_DOTS))
    totals: Counter[str] = Counter()
    for (reason, _region, more), count in kept.items():
        totals[reason] += int((more or 0) * count)
    named = [reason for reason, _ in totals.most_common(MOST_REASONS)]
    lanes = theme.categories([*named, *(["other reasons"] if len(totals) > len(named) else [])], 44)
    rows = sorted(kept.items(), key=lambda each: (each[0][0], each[0][1], each[0][2] or 0))
    lane = [lanes.get(reason, lanes.get("other reasons", "")) for (reason, *_), _count in rows]
    layout = theme.layout(x_title="neurons added", height=34 * len(lanes) + 70, **OWN_AXIS)
    layout["hovermode"] = "closest"
    layout["yaxis"] |= {
        "showticklabels": False,
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(lanes.values())[::-1],
    }
    # Above its dots: beside them, a reason would take half of a phone.
    named_at = {"xref": "paper", "x": 0, "xanchor": "left", "yshift": 12, "showarrow": False}
    layout["annotations"] = [
        {**named_at, "y": label, "text": label, "font": {"size": theme.SMALL}} for label in lanes.values()
    ]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": [more for (_, _, more), _ in rows],
        "y": lane,
        "text": [
            f"{theme.plain(region, 24)} +{more:,.0f}" + (f", {count:,} times" if count > 1 else "")
            for (_, region, more), count in rows
        ],
        "marker": {
            "size": [min(7 + 2 * (count - 1) ** 0.5, 20) for _, count in rows],
            "color": [theme.region_style(region)["color"] for (_, region, _more), _ in rows],
            "opacity": 0.8,
        },
        "hovertemplate": "%{text}<br>%{y}<extra></extra>",
        "cliponaxis": False,
    }
    counts: Counter[str] = Counter()
    for (reason, _region, _more), count in kept.items():
        counts[reason] += count
    each = "; ".join(
        f"{theme.short(reason, 44)}: {counted(counts[reason], 'event')}, +{totals[reason]:,} neurons"
        for reason in named
    )
    count = sum(counts.values())
    return Chart([dots], layout, counted(count, "event"), total=count, length=count, summary=f"{each}.")


def _by_reason(state: TrainingState) -> Counter[tuple[str, str, float | None]]:
    """How often each reason, region and amount was logged, without what a resume has repeated."""
    return state.extended_counting(
        "growth reasons", lambda new: Counter(map(_reason, filter(_is_growth, new))), add
    )


def _is_growth(event: Event) -> bool:
    return event.kind == contract.GROWTH


def _reason(event: Event) -> tuple[str, str, float | None]:
    reason = _NUMBER.sub("#", str(event.fields.get("reason") or "no reason logged")[:200])
    more = event.fields.get("neurons_added")
    usable = isinstance(more, int | float) and not isinstance(more, bool) and abs(more) < 2**53
    return reason, str(event.fields.get("region", "unknown")), float(more or 0) if usable else None


def around(state: TrainingState, event: Event) -> tuple[float, float] | None:
    """A region's capacity on the newest line before a growth and on the first after it; None where one is missing."""
    region, step = str(event.fields.get("region", "")), event.step
    series: Series | None = state.history.series(SeriesKey(Kind.CAPACITY, region))
    if series is None or step is None:
        return None
    first, last = np.searchsorted(series.segment, (event.segment, event.segment + 1)).tolist()
    before = first + int(np.searchsorted(series.step[first:last], step)) - 1
    after = first + int(np.searchsorted(series.step[first:last], step, side="right"))
    if before < first or after >= last:
        return None
    found = float(series.value[before]), float(series.value[after])
    return found if np.isfinite(found).all() else None


def utilization(state: TrainingState, _: str, view: View) -> Chart:
    """Draw each growth as a line from the region's capacity before it to that after it."""
    grown = [each for each in state.events_of(contract.GROWTH) if each.step is not None]
    grown = [each for each in grown if str(each.fields.get("region")) not in view.hidden]
    if not grown:
        return nothing("no growth event yet", 240)
    known = [(each, found) for each in grown[-MOST_EVENTS:] if (found := around(state, each))]
    if not known:
        return nothing("no line has capacity by region around a growth", 240)
    step = np.array([each.step for each, _ in known], np.int64)
    segment = np.array([each.segment for each, _ in known], np.int64)
    x = times(positions(step, times_at(state.history, step, segment), state.history, view))
    layout = theme.layout(x_title=X_TITLES[view.x], y_title="capacity", height=260)
    layout["xaxis"] |= X_LOOKS[view.x]
    layout["yaxis"] |= {"tickformat": ".3~p"}
    layout["hovermode"] = "closest"
    ends = [each for _, each in known]
    colors = [theme.region_style(str(each.fields["region"]))["color"] for each, _ in known]
    texts = [
        f"{theme.plain(event.fields['region'], 24)}: {_percent(a)} before, {_percent(b)} after"
        for event, (a, b) in known
    ]
    traces = before_and_after("growth", x, step, ends, texts, colors)
    before, after = (float(np.mean([each[at] for each in ends])) for at in (0, 1))
    notes = (
        (f"{len(grown) - len(known):,} without capacity around them, or older",)
        if len(known) < len(grown)
        else ()
    )
    mean = f"capacity {_percent(before)} before and {_percent(after)} after on average"
    words = f"{mean}, {counted(len(known), 'growth')}"
    return Chart(traces, layout, words, len(known), len(grown), notes, f"{words[:1].upper()}{words[1:]}.")


def room(state: TrainingState) -> pd.DataFrame:
    """Each region's distance to the capacity at which it grows, and to the size at which it no longer does."""
    return state.memoized("room to grow", lambda: _room(state))


def _last_growths(events: Iterable[Event]) -> dict[str, int]:
    """The step of each region's newest growth among these events."""
    grown = (each for each in events if each.kind == contract.GROWTH and each.step is not None)
    return {str(each.fields.get("region")): each.step or 0 for each in grown}


def _room(state: TrainingState) -> pd.DataFrame:
    history, stage = state.history, state.current_stage
    last = state.extended_counting("last growths", _last_growths, or_)
    capacity = state.capacity_by_region
    rows: list[dict[str, Any]] = []
    neurons = history.latest(history.neurons)
    for region in dict.fromkeys([*history.neurons, *history.capacity]):
        rule = growth_rule(region, stage, state.scheme)
        first = history.neurons[region].values[0] if region in neurons else None
        now, size = capacity.get(region), neurons.get(region)
        largest = float(first) * rule.largest if rule and first else None
        grown = last.get(region)
        rows.append(
            {
                "region": region,
                "capacity_now": now,
                "threshold": rule.threshold if rule else None,
                "left": rule.threshold - now if rule and now is not None else None,
                "neurons": size,
                "largest": largest,
                "of_limit": size / largest if size is not None and largest else None,
                "grown": grown,
                "again": grown + rule.cooldown if rule and rule.cooldown and grown is not None else None,
            }
        )
    frame = pd.DataFrame(rows, columns=list(ROOM))
    counts = ("neurons", "largest", "grown", "again")
    return frame.assign(**{each: pd.array([whole(row[each]) for row in rows], "Int64") for each in counts})
