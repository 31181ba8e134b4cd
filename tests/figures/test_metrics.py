"""Metric charts: what is drawn is said, and the raw values stay in sight."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.analysis.build import history, state
from tests.figures.states import EVERY_KIND, fixture_state, made, points, rug_of, stands_for
from thalia_monitor.figures import metrics
from thalia_monitor.figures.chart import POINTS, View
from thalia_monitor.figures.metrics import metric
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState

LOSS = frozenset({"loss"})


def wave(count: int) -> TrainingState:
    """A long run whose loss goes up and down."""
    return made(np.sin(np.arange(count) / 50))


def test_a_short_series_is_drawn_whole_and_says_so() -> None:
    """No "of": nothing was left out."""
    chart = metric(made([1.0, 2.0, 3.0]), "loss", View())
    assert (chart.caption, chart.total, chart.length) == ("3 points", 3, 3)
    assert points(chart.traces[0]) == [(0, 1), (10, 2), (20, 3)]


def test_a_long_series_says_how_many_of_how_many_points_are_drawn() -> None:
    """The number in the caption is the number of points in the figure."""
    chart = metric(wave(84_310), "loss", View())
    drawn = len(points(chart.traces[0]))
    assert chart.caption == f"{drawn:,} of 84,310 points"
    assert POINTS / 3 < drawn <= 1.5 * POINTS


def test_zooming_shows_more_of_less() -> None:
    """A range that fits is drawn in full, with a neighbour at either side so that lines reach the edge."""
    chart = metric(wave(50_000), "loss", View(start=100_000, end=102_000))
    assert chart.caption == "201 points"
    assert (chart.total, chart.length) == (201, 50_000)
    assert [x for x, _ in points(chart.traces[0])] == list(range(99_990, 102_011, 10))


def test_a_zoom_by_the_clock_shows_the_same_points() -> None:
    """Milliseconds and hours are other words for the same lines."""
    state = wave(50_000)
    start = state.history.time[10_000]
    wall = metric(state, "loss", View(x="wall", start=start * 1000, end=(start + 200) * 1000))
    elapsed = metric(state, "loss", View(x="elapsed", start=10_000 / 3600, end=10_200.0001 / 3600))
    assert wall.caption == elapsed.caption == "201 points"
    assert [y for _, y in points(wall.traces[0])] == [y for _, y in points(elapsed.traces[0])]


def test_a_metric_that_was_never_logged_says_so() -> None:
    """It has no axes, since there is nothing to measure."""
    chart = metric(TrainingState(), "loss", View())
    assert (chart.traces, chart.caption) == ([], "not logged in this run yet")
    assert chart.layout["xaxis"] == chart.layout["yaxis"] == {"visible": False}


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=200), st.sampled_from([0.1, 0.6, 0.99]))
def test_smoothing_keeps_the_raw_line_in_sight(values: list[float], weight: float) -> None:
    """The raw points are the same as without smoothing, fainter; the smoothed line is a trace of its own."""
    state = made(values)
    raw = metric(state, "loss", View()).traces
    both = metric(state, "loss", View(smooth=weight)).traces
    assert points(both[0]) == points(raw[0])
    assert both[0]["opacity"] < 1
    [smoothed] = [trace for trace in both if trace["name"] == f"smoothed {weight:g}" and points(trace)]
    assert len(points(smoothed)) == len(values)
    assert points(smoothed)[0][1] == points(raw[0])[0][1]


def test_a_constant_is_smoothed_to_itself() -> None:
    """From the first point on."""
    chart = metric(made([3.25] * 500), "loss", View(smooth=0.99))
    [smoothed] = [trace for trace in chart.traces if trace["name"] == "smoothed 0.99" and points(trace)]
    assert {y for _, y in points(smoothed)} == {3.25}


def test_smoothing_does_not_depend_on_the_zoom() -> None:
    """It is computed over the full series: the same value at the same step, however much is drawn."""
    state = made(np.random.default_rng(7).normal(size=20_000))
    whole = metric(state, "loss", View(smooth=0.9)).traces
    part = metric(state, "loss", View(smooth=0.9, start=100_000, end=101_000)).traces
    [every], [some] = (
        [dict(points(trace)) for trace in traces if trace["name"] == "smoothed 0.9" and points(trace)]
        for traces in (whole, part)
    )
    shared = every.keys() & some.keys()
    assert shared and all(every[step] == some[step] for step in shared)


def test_values_that_are_not_finite_are_counted_with_the_first_step() -> None:
    """The card says it, since a line cannot."""
    chart = metric(made([1, math.nan, 2, math.inf, 3]), "loss", View())
    assert chart.notes == ("2 not finite, first at step 10",)
    assert metric(fixture_state("nan"), "loss", View()).notes[0].startswith("20 not finite, first at step ")
    assert metric(made([1, 2]), "loss", View()).notes == ()


def test_not_finite_values_outside_the_zoom_are_not_of_the_view() -> None:
    """Nor is one that is drawn only so that the line reaches the edge."""
    state = made([math.nan, 1, 2, 3, 4, math.nan])
    chart = metric(state, "loss", View(start=10, end=40))
    assert chart.notes == ()


def test_a_logarithmic_axis_says_how_many_points_it_cannot_show() -> None:
    """They are at its lower edge, and counted, drawn or not."""
    chart = metric(made([1.0, 0.0, -1.0, 2.0]), "loss", View(log=LOSS))
    assert chart.layout["yaxis"]["type"] == "log"
    assert chart.notes == ("2 not positive, below the axis",)
    assert "type" not in metric(made([1.0]), "loss", View()).layout["yaxis"]
    endless = metric(made([1.0, -math.inf, -1.0]), "loss", View(log=LOSS))
    assert endless.notes == ("1 not finite, first at step 10", "1 not positive, below the axis")
    many = metric(made(np.where(np.arange(50_000) % 2, 1.0, -1.0)), "loss", View(log=LOSS))
    assert many.notes == ("25,000 not positive, below the axis",)


def test_clipping_is_off_until_asked_for_and_counts_what_leaves_the_view() -> None:
    """All points are still drawn; the badge says how many lie above and below."""
    values = [*np.linspace(0, 1, 1000).tolist(), 50.0, 60.0, -40.0]
    plain = metric(made(values), "loss", View())
    clipped = metric(made(values), "loss", View(clip=LOSS))
    low, high = clipped.layout["yaxis"]["range"]
    assert "range" not in plain.layout["yaxis"] and plain.notes == ()
    assert -1 < low < 0.05 and 0.95 < high < 2
    assert clipped.notes == ("2 points above the view", "1 point below the view")
    assert points(clipped.traces[0]) == points(plain.traces[0])


def test_clipping_leaves_ordinary_noise_in_the_view() -> None:
    """A few outliers are not 2 % of the points."""
    noise = np.random.default_rng(4).normal(5, 1, 50_000)
    noise[[100, 20_000]] = 1000
    assert metric(made(noise), "loss", View(clip=LOSS)).notes == ("2 points above the view",)


def test_the_badge_counts_what_lies_above_the_part_that_is_looked_at() -> None:
    """An outlier elsewhere is not of this view."""
    values = np.sin(np.arange(10_000.0))
    values[[500, 9000, 9500]] = 90.0
    zoomed = metric(made(values), "loss", View(clip=LOSS, start=80_000, end=99_000))
    assert zoomed.notes == ("2 points above the view",)


def test_a_flood_of_values_that_are_not_finite_is_counted_like_a_few() -> None:
    """However many there are, the number is that of all of them; and the marks stand for as many."""
    odd = metric(made(np.where(np.arange(40_000) % 2, math.nan, 1.0)), "loss", View())
    assert odd.notes == ("20,000 not finite, first at step 10",)
    assert stands_for(rug_of(odd)) == 20_000
    assert len(rug_of(odd)["x"]) < 3 * POINTS


def test_clipping_does_not_count_what_has_no_place_on_the_axis_anyway() -> None:
    """An infinity is reported as not finite, once."""
    values = [*np.linspace(0, 1, 1000).tolist(), math.inf, -math.inf, math.nan, 9.0]
    notes = metric(made(values), "loss", View(clip=LOSS)).notes
    assert notes == ("3 not finite, first at step 10,000", "1 point above the view")


@given(st.lists(st.floats(), min_size=1, max_size=100))
@example([1e308, -1e308] * 8)
def test_clipping_never_makes_an_impossible_axis(values: list[float]) -> None:
    """Its range is finite and rises, or there is none; on a logarithmic axis it is one of positive values."""
    for log in (frozenset[str](), LOSS):
        chart = metric(made(values), "loss", View(clip=LOSS, log=log))
        if edges := chart.layout["yaxis"].get("range"):
            assert all(math.isfinite(edge) for edge in edges)
            assert edges[0] < edges[1]


def test_a_logarithmic_axis_can_be_clipped_although_its_room_reaches_below_zero() -> None:
    """The usual range of a falling loss has its lower edge near zero; a logarithm of less does not exist."""
    values = [*np.geomspace(1, 1e-6, 2000).tolist(), 5e6]
    chart = metric(made(values), "loss", View(clip=LOSS, log=LOSS))
    low, high = chart.layout["yaxis"]["range"]
    assert low < high < math.log10(5e6)


def test_the_firing_rate_has_its_healthy_band() -> None:
    """0.05 to 0.15, as Thalia states it, in words beside the title and not on the plot; no other metric gets one."""
    chart = metric(made([0.1], name="firing_rate"), "firing_rate", View())
    [shape] = chart.layout["shapes"]
    assert (shape["y0"], shape["y1"], shape.get("label")) == (0.05, 0.15, None)
    assert (chart.band, "Thalia" in chart.band_source) == ("normal 0.05–0.15", True)
    low, high = chart.layout["yaxis"]["autorangeoptions"]["include"]
    assert low < 0.05 and high > 0.15, "both edges are in sight"
    log = metric(made([0.1], name="firing_rate"), "firing_rate", View(log=frozenset({"firing_rate"})))
    assert all(edge > 0 for edge in log.layout["yaxis"]["autorangeoptions"]["include"])
    assert metric(made([0.1]), "loss", View()).band == ""
    assert "shapes" not in metric(made([0.1]), "loss", View()).layout


def test_markers_are_drawn_by_kind_and_lead_to_their_row() -> None:
    """One trace for each chosen kind, none for the others; a click has the table's address."""
    events = (Event("growth", 20, {"region": "cortex", "neurons_added": 5}),)
    state = made([1.0, 2.0, 3.0], events=events)
    plain = metric(state, "loss", View())
    marked = metric(state, "loss", View(markers=frozenset({"growth"})))
    heads = [trace for trace in marked.traces if trace["name"] == "growth"]
    assert len(marked.traces) == len(plain.traces) + 1
    assert [(trace["x"], trace["customdata"]) for trace in heads] == [([20], ["growth?find=20"])]
    assert heads[0]["hovertext"] == ["step 20: cortex, +5 neurons"]


def test_only_stages_are_lines_across_the_chart() -> None:
    """Everything else is a short tick at its upper edge; a cluster has its count beside it."""
    events = (
        Event("stage_start", 500, {"stage": 0}),
        *(Event("growth", step, {"region": "cortex"}) for step in (*range(0, 200, 10), 8000)),
    )
    state = made(np.zeros(1000), events=events)
    stage, growth = (
        next(
            trace for trace in metric(state, "loss", View(markers=EVERY_KIND)).traces if trace["name"] == kind
        )
        for kind in ("stage", "growth")
    )
    assert (stage["mode"], stage["x"], stage["y"]) == ("lines", [500, 500, None], [0, 1, None])
    assert growth["mode"] == "markers+text"
    assert set(growth["y"]) == {0.97}
    assert growth["text"][-1] == "" and sum(int(count) for count in growth["text"][:-1]) == 20


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.071812345, 203_760.0], "%{y:,.4~r}"),
        ([1e-20, 1.0], "%{y:.4~g}"),
        ([1e12], "%{y:.4~g}"),
        ([0.0], "%{y:,.4~r}"),
    ],
)
def test_the_pointer_shows_four_digits(values: list[float], shown: str) -> None:
    """Written out, or with an exponent where that would be endless."""
    for trace in metric(made(values), "loss", View(smooth=0.5)).traces:
        if trace.get("yaxis") != "y2" and trace.get("hoverinfo") != "skip":
            assert trace["hovertemplate"] == shown


def test_the_pointer_shows_the_unit() -> None:
    """Of a rate in Hz; a share has none."""
    rate = metric(made([5.0], name="firing_rate_hz"), "firing_rate_hz", View())
    assert rate.traces[0]["hovertemplate"] == "%{y:,.4~r} Hz"


def test_markers_of_a_kind_do_not_come_and_go_with_its_events() -> None:
    """The number of traces depends on what the reader chose alone, so that a refresh stays small."""
    view = View(markers=EVERY_KIND)
    quiet, eventful = made([1.0, 2.0]), made([1.0, 2.0], events=(Event("growth", 10, {}),))
    assert len(metric(quiet, "loss", view).traces) == len(metric(eventful, "loss", view).traces)


@pytest.mark.parametrize("fixture", ["healthy", "resumed", "nan"])
def test_the_summary_says_in_words_what_the_line_shows(fixture: str) -> None:
    """For those who do not see it."""
    summary = metric(fixture_state(fixture), "loss", View()).summary
    assert summary.startswith("Loss from step ")
    assert "lowest" in summary and "highest" in summary


def test_a_series_without_any_finite_value_is_summed_up_as_that() -> None:
    """And drawing it is no error."""
    assert metric(made([math.nan, math.inf]), "loss", View(smooth=0.5)).summary == "Loss: no finite value."


def test_a_course_shows_the_whole_run_its_stages_and_its_range() -> None:
    """60 medians of equal parts; boundaries as shares of the width, none at the start; the charts' band."""
    begun = [Event("stage_start", at, {"stage": stage}) for stage, at in enumerate((0, 300, 900))]
    long = replace(made(np.arange(120.0)), events=tuple(begun))
    course = metrics.course(long, "loss")
    assert course.values == [0.5 + 2 * place for place in range(60)]
    assert (course.stages, course.band) == ((0.25, 0.75), None)
    rate = metrics.course(state(history([0, 1], firing_rate=[0.1, 0.2])), "firing_rate")
    assert rate.band is not None and (rate.band.low, rate.band.high) == (0.05, 0.15)


@given(st.lists(st.integers(-9999, 9999).map(float) | st.just(math.nan), min_size=1, max_size=200))
def test_a_course_has_the_medians_of_parts_of_almost_the_same_length(values: list[float]) -> None:
    """As many parts as it has points; of fewer values, each is its own."""
    course = metrics.course(state(history(range(len(values)), loss=values)), "loss")
    parts = np.array_split(np.array(values), min(60, len(values)))
    assert course.values == [number_or_gap(float(np.median(part))) for part in parts]


def number_or_gap(value: float) -> float | None:
    """What a chart is given of a value."""
    return value if math.isfinite(value) else None


def test_a_course_is_that_of_the_attempt_which_counts() -> None:
    """What ran away and was repeated from an earlier checkpoint is no part of it."""
    steps = [*range(20), *range(10, 30)]
    resumed = state(history(steps, loss=[1.0] * 10 + [9.0] * 10 + [2.0] * 20))
    assert metrics.course(resumed, "loss").values == [1.0] * 10 + [2.0] * 20
    assert metrics.course(resumed, "capacity").values == []
