"""The smallest change of a chart: what it must do, and what it must never touch."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
from dash import NoUpdate, Patch, no_update
from hypothesis import given
from hypothesis import strategies as st

from tests.figures.states import made
from thalia_monitor.figures.chart import Chart, View
from thalia_monitor.figures.metrics import metric
from thalia_monitor.web.live.charts import LONGEST_TAIL, difference, replacement

VALUES = st.lists(st.one_of(st.none(), st.integers(0, 5)), max_size=12)


def applied(change: Patch | NoUpdate, figure: dict[str, Any]) -> dict[str, Any]:
    """What a browser makes of a patch."""
    result = copy.deepcopy(figure)
    if isinstance(change, NoUpdate):
        return result
    for step in json.loads(json.dumps(change.to_plotly_json()))["operations"]:
        *path, last = step["location"]
        target: Any = result
        for key in path:
            target = target[key]
        if step["operation"] == "Assign":
            target[last] = step["params"]["value"]
        elif step["operation"] == "Delete":
            del target[last]
        elif step["operation"] == "Extend":
            target[last].extend(step["params"]["value"])
        else:
            raise AssertionError(f"not expected in a chart's patch: {step['operation']}")
    return result


def chart(*traces: dict[str, Any], **layout: Any) -> Chart:
    """A chart of these traces."""
    return Chart(list(traces), {"xaxis": {}, "yaxis": {}} | layout)


@st.composite
def traces(draw: st.DrawFn) -> dict[str, Any]:
    """A line of any length, sometimes with another look, sometimes with words for all its points or for each."""
    x = draw(VALUES)
    y = draw(st.lists(st.integers(0, 3), min_size=len(x), max_size=len(x)))
    each = st.lists(st.sampled_from(["a", "b", None]), min_size=len(x), max_size=len(x))
    words = draw(st.one_of(st.just({}), st.fixed_dictionaries({"text": st.one_of(st.just("a"), each)})))
    return {"x": x, "y": y, "mode": draw(st.sampled_from(["lines", "lines+markers"]))} | words


CHARTS = st.lists(traces(), max_size=3).map(lambda each: chart(*each))


@given(before=CHARTS, now=CHARTS)
def test_a_difference_turns_one_chart_into_the_other(before: Chart, now: Chart) -> None:
    """Whatever two charts there are: what the browser held, changed by the difference, is what it should show."""
    assert applied(difference(before, now), before.figure) == now.figure


@given(now=CHARTS)
def test_a_replacement_needs_to_know_nothing(now: Chart) -> None:
    """Whatever the browser holds, a replacement makes it right."""
    held = chart({"x": [1], "y": [2]}, {"x": [], "y": []})
    assert applied(replacement(now), held.figure)["data"] == now.traces


def test_a_line_that_grew_is_sent_as_its_new_end() -> None:
    """A thousand points that stay are not sent again, however many there are."""
    long = list(range(1000))
    before, now = chart({"x": long, "y": long}), chart({"x": [*long, 1000], "y": [*long, 7]})
    assert len(json.dumps(difference(before, now).to_plotly_json())) < 400


def test_a_flood_of_nan_sends_its_newest_marks_only() -> None:
    """Twenty more lines are the last bar, which has grown, and perhaps another; also words grow at their end."""
    state = made(np.full(100_020, np.nan))
    grown = metric(state, "loss", View())
    before = metric(made(np.full(100_000, np.nan)), "loss", View())
    change = difference(before, grown)
    assert len(json.dumps(change.to_plotly_json())) < 2000
    assert applied(change, before.figure) == grown.figure


def test_a_line_whose_past_changed_is_sent_whole() -> None:
    """When a bucket's width doubles, the line is another one."""
    long = list(range(LONGEST_TAIL + 5))
    before, now = chart({"x": long, "y": long}), chart({"x": long[1:], "y": long[1:]})
    operations = difference(before, now).to_plotly_json()["operations"]
    assert [each["operation"] for each in operations] == ["Assign"]


def test_nothing_new_is_nothing() -> None:
    """Of an unchanged chart nothing is sent."""
    one, same = (chart({"x": [1], "y": [None]}, shapes=[{"type": "rect"}]) for _ in range(2))
    assert difference(one, same) is no_update


def test_ranges_are_left_to_the_reader() -> None:
    """No patch names an axis' range, unless outliers are clipped on purpose."""
    before = chart({"x": [1], "y": [1]}, shapes=[], height=200)
    now = chart({"x": [1, 2], "y": [1, 2]}, shapes=[1], height=300)
    for change in (difference(before, now), replacement(now)):
        assert all("range" not in each["location"] for each in change.to_plotly_json()["operations"])


def test_the_ends_that_an_axis_has_where_it_is_not_zoomed_follow_the_chart() -> None:
    """Else a new value beyond them would be cut off; the same ends are not sent again."""
    ends = [{"autorangeoptions": {"minallowed": 0, "maxallowed": last}} for last in (1, 2)]
    before, now = (chart({"x": [1], "y": [1]}, xaxis=each, yaxis=each) for each in ends)
    assert applied(difference(before, now), before.figure) == now.figure
    half = chart({"x": [1], "y": [1]}, xaxis=ends[0], yaxis=ends[1])
    sent = [each["location"] for each in difference(before, half).to_plotly_json()["operations"]]
    assert sent == [["layout", "yaxis", "autorangeoptions"]]
