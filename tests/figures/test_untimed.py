"""Lines without a timestamp have no place where x is a time: the chart says so, and draws the others whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.figures.states import EVERY_KIND, START, made, points, strokes
from thalia_monitor.analysis.comparison import Side
from thalia_monitor.figures import compare, consolidation, growth, metrics
from thalia_monitor.figures.chart import Chart, View
from thalia_monitor.model.history import Column, Floats, History
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState
from thalia_monitor.model.series_key import ALL_NEURONS

WALL, ELAPSED = View(x="wall", markers=EVERY_KIND), View(x="elapsed", markers=EVERY_KIND)
ADVICE = "has a timestamp: choose step as the x axis"


def grown(step: int, **given: Any) -> Event:
    """A growth event."""
    return Event("growth", step, {"region": "cortex", "neurons_added": 10}, **given)


def slept(step: int, **given: Any) -> Event:
    """A consolidation event."""
    return Event("consolidation", step, {"sleep_stage": "NREM", "patterns_replayed": 100}, **given)


def partly(values: Floats | list[float], timed: np.ndarray, **given: Any) -> TrainingState:
    """A run in which only some lines have a timestamp."""
    state = made(values, **given)
    return replace(state, history=replace(state.history, time=np.where(timed, state.history.time, np.nan)))


def bare() -> TrainingState:
    """A run with everything in it but timestamps."""
    regions = {"cortex": Column(np.array([0.5, 0.6, 0.7])), "striatum": Column(np.array([0.5, 0.5, 0.5]))}
    state = made([3.0, 2.0, 1.0], neurons=regions, events=(grown(10), slept(20)), timed=False)
    return replace(state, history=replace(state.history, capacity=regions))


def charts(state: TrainingState, view: View) -> dict[str, Chart]:
    """Every chart with a time on its x axis."""
    side = Side(state, "night")
    return {
        "3 points": metrics.metric(state, "loss", view),
        "6 points": growth.neurons(state, "", view),
        " 6 points": growth.capacity(state, "", view),
        "1 growth events": growth.timeline(state, "", view),
        "1 phases": consolidation.timeline(state, "", view),
        " 1 phases": consolidation.patterns(state, "", view),
        "  3 points": compare.overlay([side], "loss", view),
        "  6 points": compare.overlay([side], ALL_NEURONS, view),
    }


@pytest.mark.parametrize("view", [WALL, ELAPSED], ids=["wall", "elapsed"])
def test_a_run_without_timestamps_has_no_scale_but_words(view: View) -> None:
    """Why it is empty and what to do, on each chart; an axis from January 2000 would be made up."""
    for things, chart in charts(bare(), view).items():
        assert (chart.traces, chart.layout["xaxis"]["visible"]) == ([], False), things
        assert f"none of {things.strip()} {ADVICE}" in chart.notes[0], things
        assert len(chart.notes) == 1, things


def test_by_step_it_lacks_nothing() -> None:
    """No timestamp is needed there."""
    for things, chart in charts(bare(), View()).items():
        assert chart.traces, things
        assert chart.notes == (), things


def test_the_lines_with_a_timestamp_are_drawn_and_the_others_counted() -> None:
    """In one unbroken line from the first of them to the last, and how many of the others nobody would look for."""
    values = np.arange(9.0)
    values[1], values[3] = np.nan, np.inf
    chart = metrics.metric(partly(values, np.arange(9) % 3 == 0), "loss", WALL)
    assert points(chart.traces[0]) == [(1000 * (START + at), at) for at in (0, 6)]
    assert chart.notes == (
        "6 of 9 points have no timestamp, 1 of them not finite",
        "1 not finite, first at step 30",
    )
    assert (chart.caption, chart.length) == ("3 points", 9)


@pytest.mark.parametrize("smooth", [0.0, 0.6])
def test_a_long_line_is_chosen_among_the_points_that_can_be_drawn(smooth: float) -> None:
    """Every extreme of theirs is on it, and no point without a place takes the place of one, nor breaks the line."""
    values = np.random.default_rng(5).normal(size=30_000)
    timed = np.arange(30_000) % 3 == 1
    state = partly(values, timed)
    chart = metrics.metric(state, "loss", View(x="elapsed", smooth=smooth))
    [stroke] = strokes(chart.traces[0])
    drawn = [y for _, y in stroke]
    assert len(drawn) > 400
    assert (min(drawn), max(drawn)) == pytest.approx((values[timed].min(), values[timed].max()), rel=1e-5)
    assert chart.notes == ("20,000 of 30,000 points have no timestamp",)
    assert chart.caption == f"{len(drawn):,} of 10,000 points"


def test_hours_are_counted_from_the_first_timestamp_wherever_it_is() -> None:
    """A trainer that learns to write timestamps late is placed from then on."""
    chart = metrics.metric(partly(np.zeros(5000), np.arange(5000) >= 3000), "loss", ELAPSED)
    assert points(chart.traces[0])[0] == (0.0, 0.0)
    assert chart.notes == ("3,000 of 5,000 points have no timestamp",)


def test_the_first_timestamp_is_found_as_the_log_grows() -> None:
    """An older version of it does not know of a later one."""
    time = np.full(6, np.nan)
    time[4:] = (40.0, 50.0)
    whole = History(step=np.arange(6), segment=np.zeros(6, np.int64), time=time)
    before = replace(whole, step=whole.step[:3], segment=whole.segment[:3], time=time[:3])
    assert np.isnan(before.first_time)
    assert whole.first_time == 40.0
    assert np.isnan(before.first_time)
    assert whole.first_time == 40.0


def test_an_event_without_a_timestamp_stands_at_the_line_beside_it() -> None:
    """As its mark on the other charts does; what no line tells the time of is counted."""
    state = partly([0.0] * 4, np.array([False, True, True, True]), events=(grown(0), grown(20), slept(20)))
    chart = growth.timeline(state, "", WALL)
    assert (chart.traces[0]["x"], chart.traces[0]["y"]) == ([1000 * (START + 2)], ["cortex"])
    assert (chart.caption, chart.notes) == ("2 growth events", ("1 of 2 growth events have no timestamp",))
    bars, *_ = consolidation.timeline(state, "", WALL).traces
    assert (bars["base"], bars["y"]) == ([1000 * (START + 2)], ["NREM"])


def test_of_several_runs_each_says_what_it_lacks() -> None:
    """One run has no timestamps, one lacks some, one has all: the notes name the first two."""
    some = partly([3.0, 2.0, 1.0], np.array([True, False, True]))
    sides = [Side(bare(), "bare"), Side(some, "some", 1), Side(made([3.0, 2.0, 1.0]), "full", 2)]
    chart = compare.overlay(sides, "loss", WALL)
    assert {trace["name"] for trace in chart.traces} == {"some", "full", "not finite"}
    assert chart.notes == (f"bare: none of 3 points {ADVICE}", "some: 1 of 3 points have no timestamp")
    assert chart.caption == "5 of 9 points"


def test_what_many_runs_lack_is_summed_up() -> None:
    """Twelve notes would push the chart off the screen."""
    sides = [Side(bare(), f"run {number}", number) for number in range(5)]
    assert compare.overlay(sides, "loss", WALL).notes[3:] == ("and 2 more runs like this",)
