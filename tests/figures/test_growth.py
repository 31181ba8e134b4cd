"""Growth charts: totals that add up, regions that keep their colour, and no more marks than can be distinguished."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.figures.states import fixture_state, made, points
from tests.support import FIXTURES
from thalia_monitor.figures import growth
from thalia_monitor.figures.chart import MANY_LINES, POINTS, View
from thalia_monitor.figures.events import MOST_MARKS, columns, marks
from thalia_monitor.figures.theme import region_style
from thalia_monitor.model.history import Column, History
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState

VIEW = View()


def column(values: list[float], rows: list[int] | None = None) -> Column:
    """A region's column; ``rows`` where it is not on every line."""
    return Column(np.array(values, np.float64), None if rows is None else np.array(rows, np.int64))


def grown(step: int | None, region: str = "cortex", added: int | None = 10) -> Event:
    """A growth event."""
    return Event("growth", step, {"region": region, "neurons_added": added})


def total(state: TrainingState, view: View = VIEW) -> dict[float, float]:
    """The total's newest value at each place."""
    traces = [trace for trace in growth.neurons(state, "", view).traces if trace["name"] == "total"]
    return dict(point for trace in traces for point in points(trace))


def test_the_total_is_the_sum_of_the_regions_on_every_line() -> None:
    """As the log itself adds up, line by line."""
    logged = [json.loads(line) for line in (FIXTURES / "healthy/training_log.json").read_text().splitlines()]
    sums = {line["step"]: sum(line["neuron_counts"].values()) for line in logged if "neuron_counts" in line}
    drawn = total(fixture_state("healthy"))
    assert len(drawn) > 100
    assert {step: sums[int(step)] for step in drawn} == drawn


def test_a_region_missing_on_a_line_counts_as_it_last_was() -> None:
    """The total does not fall because a line leaves a region out; before its first line it is not there."""
    state = made([0.0] * 4, neurons={"a": column([100, 110, 120, 130]), "b": column([50, 60], [1, 3])})
    assert total(state) == {0: 100, 10: 160, 20: 170, 30: 190}


def test_the_total_has_one_point_for_each_line_although_no_line_has_a_timestamp() -> None:
    """Two regions on one line are one place."""
    state = made([0.0] * 3, neurons={"a": column([1, 2, 3]), "b": column([1, 2, 3])}, timed=False)
    [trace] = [
        each for each in growth.neurons(state, "", VIEW).traces if each["name"] == "total" and each["x"]
    ]
    assert points(trace) == [(0, 2), (10, 4), (20, 6)]


def test_the_superseded_part_of_the_total_is_dim_and_dashed_too() -> None:
    """A resume is the same for every line of the chart."""
    neurons = {"a": column([1, 2, 3, 2, 4]), "b": column([1, 1, 1, 1, 1])}
    state = made([0.0] * 5, step=[0, 10, 20, 10, 20], neurons=neurons)
    current, gone = (each for each in growth.neurons(state, "", VIEW).traces if each["name"] == "total")
    assert points(current) == [(0, 2), (10, 3), (20, 5)]
    assert points(gone) == [(10, 3), (20, 4)]
    assert gone["line"]["dash"] == "dot"


def test_after_a_resume_a_region_counts_as_it_was_where_training_went_on() -> None:
    """Not as the abandoned attempt left it."""
    neurons = {"a": column([1, 2, 3, 2, 3]), "b": column([10, 500, 20], [0, 2, 4])}
    state = made([0.0] * 5, step=[0, 10, 20, 10, 20], neurons=neurons)
    assert total(state)[10] == 12


def test_a_region_counts_as_it_was_although_an_attempt_lies_between() -> None:
    """Resumed at 80 and then further back at 50: what 80 said of it is not known there yet."""
    steps = [0, 50, 80, 100, 80, 90, 50, 60]
    neurons = {"a": column([1.0] * 8), "b": column([10, 20, 30, 40], [0, 1, 2, 5])}
    assert total(made([0.0] * 8, step=steps, neurons=neurons))[60] == 21


def test_a_single_region_has_no_total() -> None:
    """It would be the same line twice."""
    state = made([0.0], neurons={"a": column([5])})
    assert [each["name"] for each in growth.neurons(state, "", VIEW).traces if each["x"]] == ["a"]


def test_what_is_not_finite_is_said_with_its_region() -> None:
    """A rug for each region, and the count with the first step."""
    neurons = {
        "cortex": Column(np.array([5.0, np.nan, np.nan])),
        "striatum": Column(np.array([1.0, 2.0, 3.0])),
    }
    chart = growth.neurons(made([1.0, 2.0, 3.0], neurons=neurons), "", VIEW)
    assert chart.notes == ("cortex: 2 not finite, first at step 10",)
    rugs = [trace["text"] for trace in chart.traces if trace["name"] == "not finite"]
    assert rugs == [["cortex: NaN at step 10", None, "cortex: NaN at step 20"], []]


def test_regions_can_be_drawn_on_a_logarithmic_axis() -> None:
    """Each chart for itself, the total with the regions."""
    log = View(log=frozenset({"neurons."}))
    state = fixture_state("healthy")
    assert growth.neurons(state, "", log).layout["yaxis"]["type"] == "log"
    assert "type" not in growth.capacity(state, "", log).layout["yaxis"]


def test_regions_are_drawn_in_their_colour_and_hidden_on_demand() -> None:
    """On each chart of the page; the total stays what it is."""
    state = fixture_state("healthy")
    shown = growth.neurons(state, "", VIEW)
    curves = [each for each in shown.traces if each.get("yaxis") != "y2" and each["name"] != "total"]
    styles = {each["name"]: each["line"]["color"] for each in curves}
    assert styles == {region: region_style(region)["color"] for region in state.history.neurons}
    hidden = View(hidden=frozenset({"cortex"}))
    for draw in (growth.neurons, growth.capacity, growth.capacity_now, growth.timeline):
        drawn = json.dumps(draw(state, "", hidden).figure)
        assert "cortex" in json.dumps(draw(state, "", VIEW).figure)
        assert "cortex" not in drawn, draw
    assert total(state, hidden) == total(state)


def test_the_caption_counts_the_points_of_all_regions() -> None:
    """How many of how many, as on every other chart."""
    state = fixture_state("healthy")
    chart = growth.neurons(state, "", VIEW)
    assert chart.total == sum(len(each) for each in state.history.neurons.values())
    assert chart.caption == f"{chart.total:,} points"
    long = made([0.0] * 9000, neurons={name: column(list(range(9000))) for name in ("a", "b")})
    chart = growth.neurons(long, "", VIEW)
    drawn = sum(len(points(trace)) for trace in chart.traces if trace["name"] in ("a", "b"))
    assert chart.caption == f"{drawn:,} of 18,000 points"


def test_a_chart_of_many_regions_is_drawn_from_fewer_points_of_each() -> None:
    """Together about as many as eight lines have, and no line without its lowest and highest value."""
    noise = np.random.default_rng(3).random((40, 9000))
    regions = {f"r{place}": column(values.tolist()) for place, values in enumerate(noise)}
    traces = growth.neurons(made([0.0] * 9000, neurons=regions), "", VIEW).traces
    drawn = {trace["name"]: points(trace) for trace in traces if trace["name"].startswith("r") and trace["x"]}
    assert sum(map(len, drawn.values())) <= 1.5 * MANY_LINES * POINTS
    for place, values in enumerate(noise):
        shown = [value for _, value in drawn[f"r{place}"]]
        assert (min(shown), max(shown)) == pytest.approx((values.min(), values.max()), rel=1e-5)


@pytest.mark.parametrize("draw", [growth.neurons, growth.capacity])
def test_without_any_region_the_chart_says_so(draw: object) -> None:
    """In words, and without axes drawn from nothing."""
    assert callable(draw)
    chart = draw(TrainingState(), "", VIEW)
    assert chart.caption.startswith("no line has ")
    assert chart.traces == []


def test_capacity_now_is_the_newest_line_sorted_with_percentages() -> None:
    """The number is written beside its bar; the threshold that Thalia grows at is marked."""
    state = fixture_state("healthy")
    [bars] = growth.capacity_now(state, "", VIEW).traces
    assert dict(zip(bars["y"], bars["x"], strict=True)) == {
        region: round(value, 4) for region, value in state.capacity_by_region.items()
    }
    assert bars["x"] == sorted(bars["x"])
    assert bars["text"] == [f"{value:.0%}" for value in bars["x"]]


def test_capacity_that_is_not_a_number_is_named_not_drawn() -> None:
    """NaN has no length; the figure stays strict JSON."""
    history = History(
        step=np.array([1]),
        segment=np.array([0]),
        time=np.array([1.0]),
        capacity={"cortex": column([math.nan]), "striatum": column([0.5])},
    )
    chart = growth.capacity_now(TrainingState(history=history), "", VIEW)
    json.dumps(chart.figure, allow_nan=False)
    [bars] = chart.traces
    texts = dict(zip(bars["y"], bars["text"], strict=True))
    assert texts == {"cortex": "NaN", "striatum": "50%"}


def test_the_timeline_has_a_mark_for_each_event_while_they_can_be_told_apart() -> None:
    """Where it happened, on its region's lane, the larger the more neurons were added."""
    state = fixture_state("healthy")
    [dots] = growth.timeline(state, "", VIEW).traces
    events = state.growth_events
    drawn = Counter(zip(dots["x"], dots["y"], strict=True))
    assert drawn == Counter(zip(events["step"].tolist(), events["region"].tolist(), strict=True))
    added = events["neurons_added"].tolist()
    assert dots["marker"]["size"][int(np.argmax(added))] == max(dots["marker"]["size"])


def test_an_event_without_a_step_is_counted_in_words() -> None:
    """It cannot be placed, and is not forgotten."""
    state = TrainingState(events=(grown(10), grown(None)))
    chart = growth.timeline(state, "", VIEW)
    assert (chart.caption, chart.total) == ("2 growth events, 1 without a step", 2)
    assert chart.traces[0]["x"] == [10]
    chart = growth.timeline(TrainingState(events=(grown(None),)), "", VIEW)
    assert (chart.caption, chart.traces) == ("1 growth event, 1 without a step", [])
    assert chart.layout["xaxis"]["visible"] is False


def test_no_growth_is_said() -> None:
    """An empty timeline is not an unexplained one."""
    assert growth.timeline(TrainingState(), "", VIEW).caption == "no growth event yet"


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.sampled_from("abc"), st.none() | st.integers(0, 500)),
        max_size=900,
    )
)
def test_bundling_bounds_the_marks_and_loses_no_event(events: list[tuple[int, str, int | None]]) -> None:
    """However many events there are: at most MOST_MARKS marks, which together stand for all of them."""
    every = columns([grown(*each) for each in events], "region", "neurons_added")
    placed = marks(every, History(), VIEW)
    assert len(placed.x) <= MOST_MARKS
    assert placed.count.sum() == len(events)
    assert np.nansum(placed.amount) == sum(added or 0 for _, _, added in events)
    for label in "abc":
        assert placed.count[placed.label == label].sum() == sum(each[1] == label for each in events)


def test_a_hundred_thousand_events_are_bundled() -> None:
    """And the hover says how many one mark stands for."""
    events = tuple(grown(step, "cortex" if step % 2 else "striatum", 1) for step in range(100_000))
    [dots] = growth.timeline(TrainingState(events=events), "", VIEW).traces
    assert len(dots["x"]) <= MOST_MARKS
    assert " events" in dots["text"][0]


def test_few_events_are_bundled_only_where_they_would_hide_each_other() -> None:
    """Two at one step and region are one mark that says so; a step further is another."""
    [dots] = growth.timeline(TrainingState(events=(grown(5), grown(5), grown(6))), "", VIEW).traces
    assert (dots["x"], dots["text"]) == ([5, 6], ["+20 neurons in 2 events", "+10 neurons"])


def test_a_zoom_shows_the_events_of_its_range() -> None:
    """And bundles only those."""
    events = tuple(grown(step) for step in range(0, 1000, 10))
    [dots] = growth.timeline(TrainingState(events=events), "", View(start=100, end=200)).traces
    assert dots["x"] == list(range(100, 201, 10))


def test_a_chart_of_all_regions_is_told_in_words() -> None:
    """Each region that is drawn from where to where, for those who do not see the lines."""
    run = fixture_state("healthy")
    words = growth.neurons(run, "", View(hidden=frozenset({"cortex"}))).summary
    drawn = [region for region in run.history.neurons if region != "cortex"]
    assert words.startswith(f"Neurons of {len(drawn)} regions: ")
    assert all(f"{region} from " in words for region in drawn)
    assert "cortex" not in words
    assert " %" in growth.capacity(run, "", View()).summary


def test_the_timeline_says_in_a_sentence_what_it_shows_and_where_each_mark_leads() -> None:
    """Of what is in the view; the caption says of how many."""
    state = TrainingState(events=(grown(10), grown(20, "striatum", 5), grown(30), grown(90)))
    chart = growth.timeline(state, "", View(start=0, end=50))
    assert chart.caption == "3 of 4 growth events"
    assert chart.summary == (
        "3 growth events, the newest at step 30: cortex 2 times, +20 neurons; striatum 1 time, +5 neurons."
    )
    assert chart.traces[0]["customdata"] == [f"growth?find={step}" for step in (10, 20, 30)]


def test_the_lanes_of_regions_are_bounded_whatever_their_names() -> None:
    """Of 3,000 regions the 39 that grew most often have lanes, and all others one together; none is lost."""
    names = [f"region {each:04}" for each in range(3_000)] + [f"often {each % 39:02}" for each in range(78)]
    events = tuple(
        Event("growth", step, {"region": each, "neurons_added": 1}) for step, each in enumerate(names)
    )
    chart = growth.timeline(made(np.ones(400), events=events), "", View())
    assert sorted(set(chart.traces[0]["y"])) == [*(f"often {each:02}" for each in range(39)), "others"]
    assert chart.layout["height"] == 40 * 40 + 70
    assert chart.total == len(names)
