"""Consolidation charts: when the brain slept, what it replayed, and numbers that are those of the log."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.colours import contrast
from tests.figures.states import START, fixture_state, made
from tests.support import FIXTURES
from thalia_monitor.analysis.summary import last_sleep
from thalia_monitor.figures import consolidation, theme
from thalia_monitor.figures.chart import Axis, View
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState

VIEW = View()
CHARTS = (consolidation.timeline, consolidation.patterns, consolidation.frequency)


def slept(step: int | None, stage: str = "NREM", patterns: int | None = 100, **fields: Any) -> Event:
    """A consolidation event."""
    given = {"sleep_stage": stage, "patterns_replayed": patterns, "duration_steps": 2000}
    return Event(
        "consolidation", step, {key: value for key, value in (given | fields).items() if value is not None}
    )


def state_of(*events: Event) -> TrainingState:
    """A state of these events."""
    return TrainingState(events=events)


def totals_of(state: TrainingState) -> dict[str, str]:
    """The totals by their labels."""
    return {label: value for label, value, _ in consolidation.totals(state)}


def logged() -> list[dict[str, Any]]:
    """The consolidation lines of the healthy fixture, as the file has them."""
    text = (FIXTURES / "healthy/training_log.json").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line.get("event_type") == "consolidation"]


def test_the_totals_are_those_of_the_log() -> None:
    """NREM and REM at one step are one consolidation; patterns in total, and both averages, are of its phases."""
    lines = logged()
    patterns = [line["patterns_replayed"] for line in lines]
    steps = [line["duration_steps"] for line in lines]
    assert totals_of(fixture_state("healthy")) == {
        "Consolidations": f"{len({line['step'] for line in lines}):,}",
        "Patterns replayed": f"{sum(patterns):,}",
        "Average patterns": f"{sum(patterns) / len(lines):,.1f}",
        "Average duration": f"{sum(steps) / len(lines):,.1f} steps".replace(".0 ", " "),
    }


def test_what_no_event_says_is_a_dash_and_not_a_zero() -> None:
    """No patterns logged is another thing than no patterns replayed."""
    assert totals_of(state_of(slept(1, patterns=None, duration_steps=None))) == {
        "Consolidations": "1",
        "Patterns replayed": "–",
        "Average patterns": "–",
        "Average duration": "–",
    }
    assert totals_of(state_of())["Consolidations"] == "0"


def test_an_average_is_over_the_events_that_say() -> None:
    """One that does not say is no zero among them: two phases of one consolidation, of 2,000 steps."""
    totals = totals_of(state_of(slept(1, patterns=100), slept(2, patterns=None)))
    assert (totals["Consolidations"], totals["Average patterns"]) == ("1", "100")


def test_a_duration_in_seconds_is_shown_as_such() -> None:
    """Thalia's own logger says seconds; they are not taken for steps."""
    totals = totals_of(state_of(slept(1, duration_steps=None, duration_seconds=90.0)))
    assert totals["Average duration"] == "1 min 30 s"


@pytest.mark.parametrize(
    ("stage", "color"),
    [
        ("NREM", theme.PHASES["NREM"]),
        ("NREM3", theme.PHASES["NREM"]),
        ("nrem", theme.PHASES["NREM"]),
        ("REM", theme.PHASES["REM"]),
        ("rem", theme.PHASES["REM"]),
    ],
)
def test_nrem_and_rem_are_told_apart(stage: str, color: str) -> None:
    """By colour, by symbol and by lane."""
    assert consolidation.sleep_color(stage) == color
    for stage_of, lane in ((stage, stage), ("nap", "nap")):
        bars, *_ = consolidation.timeline(state_of(slept(5, stage_of)), "", VIEW).traces
        assert bars["y"] == [lane]
    [dots] = consolidation.patterns(state_of(slept(5, stage)), "", VIEW).traces
    assert dots["marker"]["color"] == color
    assert dots["marker"]["symbol"] == ("square" if color == theme.PHASES["REM"] else "circle")


def test_a_sleep_that_is_neither_is_grey() -> None:
    """An unknown stage is shown, not guessed."""
    assert consolidation.sleep_color("nap") not in (theme.PHASES["NREM"], theme.PHASES["REM"])


def test_a_sleep_whose_stage_nobody_says_is_unknown() -> None:
    """On the charts, in the table and in the summary: NREM is not made up."""
    event = Event("consolidation", 5_000, {"cycles": 5, "patterns_replayed": 103}, time=100.0)
    state = state_of(slept(100), event)

    assert consolidation.sleeps(state)["sleep_stage"].tolist() == ["NREM", "unknown"]
    bars, *_ = consolidation.timeline(state, "", VIEW).traces
    assert bars["y"] == ["NREM", "unknown"]
    assert [trace["name"] for trace in consolidation.patterns(state, "", VIEW).traces] == ["NREM", "unknown"]
    newest = last_sleep(state, 160.0)
    assert newest is not None
    assert (newest.stage, newest.patterns, newest.age) == ("unknown", 103, 60.0)


def test_the_timeline_has_every_sleep_at_its_step() -> None:
    """As the log says, in its order."""
    bars, *_ = consolidation.timeline(fixture_state("healthy"), "", VIEW).traces
    lines = logged()
    assert sorted(zip(bars["base"], bars["x"], bars["y"], strict=True)) == sorted(
        (line["step"], line["duration_steps"], line["sleep_stage"]) for line in lines
    )


def test_an_interval_is_coloured_by_the_patterns_replayed() -> None:
    """On one scale from none to the most; grey where they are not logged."""
    state = state_of(slept(0, patterns=50), slept(5000, patterns=200), slept(9000, patterns=None))
    bars, key = consolidation.timeline(state, "", VIEW).traces
    [few], most = consolidation.pattern_colors(np.array([0.25])), consolidation.PATTERNS[-1][1]
    assert bars["base"] == [0, 5000, 9000]
    assert bars["marker"]["color"] == [few, most, theme.SECOND]
    assert (key["marker"]["cmin"], key["marker"]["cmax"]) == (0, 200)
    assert few not in (most, consolidation.PATTERNS[0][1])


def test_the_scale_of_patterns_is_seen_on_both_themes() -> None:
    """Each of its tones has 3:1 to white and to the dark card."""
    for _, colour in consolidation.PATTERNS:
        assert min(contrast(str(colour), ground) for ground in ("#ffffff", "#171b21")) >= 3


@pytest.mark.parametrize(
    ("x", "fields", "length"),
    [
        ("step", {"duration_steps": 2000}, 2000),
        ("step", {"duration_steps": None, "duration_seconds": 40.0}, 400),
        ("wall", {"duration_steps": None, "duration_seconds": 40.0}, 40_000),
        ("wall", {"duration_steps": 200}, 20_000),
        ("elapsed", {"duration_steps": None, "duration_seconds": 36.0}, 0.01),
        ("step", {"duration_steps": None}, 0),
        ("step", {"duration_steps": -5}, 0),
        ("wall", {"duration_steps": math.inf}, 0),
    ],
)
def test_an_interval_is_as_long_as_its_duration_on_each_axis(
    x: Axis, fields: dict[str, Any], length: float
) -> None:
    """Steps are converted to time and back by the metric lines; one of no known length is a tick."""
    event = replace(slept(300, **fields), time=START + 30)
    bars, *_ = consolidation.timeline(made([0.0] * 200, events=(event,)), "", View(x=x)).traces
    assert bars["x"] == pytest.approx([length])


def test_a_consolidation_that_began_before_the_zoom_is_still_seen() -> None:
    """It reaches into what is looked at."""
    chart = consolidation.timeline(state_of(slept(0, duration_steps=500)), "", View(start=100, end=200))
    assert chart.traces[0]["base"] == [0]


def test_the_pointer_shows_patterns_duration_and_step() -> None:
    """Never a bare pair of coordinates."""
    state = state_of(slept(203_760, patterns=150))
    for draw, shown in ((consolidation.timeline, "hovertext"), (consolidation.patterns, "text")):
        trace = draw(state, "", VIEW).traces[0]
        assert trace[shown] == ["150 patterns<br>2,000 steps<br>from step 203,760"]
        assert f"%{{{shown}}}" in trace["hovertemplate"]


def test_patterns_are_drawn_per_event() -> None:
    """Each stage in a trace of its own, with what was replayed."""
    chart = consolidation.patterns(fixture_state("healthy"), "", VIEW)
    for trace in chart.traces:
        assert sorted(zip(trace["x"], trace["y"], strict=True)) == sorted(
            (line["step"], line["patterns_replayed"])
            for line in logged()
            if line["sleep_stage"] == trace["name"]
        )
    assert chart.caption == f"{len(logged())} phases"


def test_an_event_that_does_not_say_how_much_is_no_zero_on_the_chart() -> None:
    """It has no height; the table lists it."""
    [trace] = consolidation.patterns(state_of(slept(5, patterns=None), slept(9, patterns=7)), "", VIEW).traces
    assert trace["y"] == [None, 7]


def test_a_mean_of_bundled_events_is_over_those_that_say() -> None:
    """Two sleeps at one step are one mark; the one that does not say is no zero in it."""
    [trace] = consolidation.patterns(state_of(slept(5, patterns=None), slept(5, patterns=8)), "", VIEW).traces
    assert trace["y"] == [8]


def test_how_often_it_sleeps_is_the_steps_between_sleeps() -> None:
    """NREM and REM at one step are one sleep; the median is said."""
    state = state_of(*(slept(step, stage) for step in (0, 10, 20, 40) for stage in ("NREM", "REM")))
    chart = consolidation.frequency(state, "", VIEW)
    assert sum(chart.traces[0]["y"]) == 3
    assert chart.caption == "a consolidation every 10 steps (median of 3)"


def test_a_constant_distance_is_a_sentence() -> None:
    """One bar would say no more, and take a chart's room."""
    chart = consolidation.frequency(state_of(slept(0), slept(5000), slept(10_000)), "", VIEW)
    assert (chart.traces, chart.caption) == ([], "one every 5,000 steps, all 2 times")
    assert chart.layout["height"] <= 60
    two = state_of(slept(0, duration_steps=20), slept(50))
    assert consolidation.frequency(two, "", VIEW).caption == "one every 50 steps"


@pytest.mark.parametrize("events", [[], [slept(5)], [slept(5), slept(5, "REM")], [slept(None)]])
def test_one_sleep_has_no_frequency(events: list[Event]) -> None:
    """It says what is missing."""
    chart = consolidation.frequency(state_of(*events), "", VIEW)
    assert (chart.traces, chart.caption) == ([], "needs two consolidations at different steps")


@pytest.mark.parametrize("draw", CHARTS)
@pytest.mark.parametrize("events", [(), (slept(None),)])
def test_where_nothing_can_be_placed_there_is_no_scale(draw: Any, events: tuple[Event, ...]) -> None:
    """An axis without a mark on it would suggest a measurement."""
    chart = draw(state_of(*events), "", VIEW)
    assert (chart.traces, chart.layout["xaxis"]["visible"]) == ([], False)
    assert chart.caption


def test_each_chart_says_in_a_sentence_what_it_shows() -> None:
    """For those who do not see it: real numbers, by stage."""
    phases = ((10, "NREM", 100), (40, "REM", 20), (100, "NREM", None), (130, "NREM", 200))
    state = state_of(*(slept(*each, duration_steps=20) for each in phases))
    assert [draw(state, "", VIEW).summary for draw in CHARTS] == [
        "4 phases, the newest at step 130: NREM 3, REM 1.",
        "Patterns replayed in 4 phases: NREM 300 in 2 of 3, 150 on average; REM 20 in 1, 20 on average.",
        "Steps between one consolidation and the next, 3 times: from 30 to 60, half of them at most 30.",
    ]


def test_of_a_zoomed_chart_the_words_are_about_what_is_in_the_view() -> None:
    """The caption says of how many."""
    state = state_of(*(slept(step, duration_steps=2) for step in (10, 20, 30, 40)))
    for draw in CHARTS[:2]:
        chart = draw(state, "", View(start=15, end=35))
        assert (chart.caption, chart.length) == ("2 of 4 phases", 4)
    assert consolidation.timeline(state, "", View(start=15, end=35)).summary.startswith(
        "2 phases, the newest at step 30"
    )


def test_each_mark_knows_the_row_it_leads_to() -> None:
    """In the table of the same page."""
    state = state_of(slept(10), slept(40, "REM"))
    for draw in CHARTS[:2]:
        found = [each for trace in draw(state, "", VIEW).traces for each in trace.get("customdata", ())]
        assert found == ["consolidation?find=10", "consolidation?find=40"]


def test_the_lanes_of_sleep_are_bounded_whatever_their_names() -> None:
    """Of 3,000 names the 39 most frequent have lanes, and all others one together."""
    names = [f"stage {each:04}" for each in range(3_000)] + [f"often {each % 39:02}" for each in range(78)]
    events = tuple(Event("consolidation", step, {"sleep_stage": each}) for step, each in enumerate(names))
    chart = consolidation.timeline(made(np.ones(400), events=events), "", View())
    assert sorted(set(chart.traces[0]["y"])) == [*(f"often {each:02}" for each in range(39)), "others"]
    assert chart.layout["height"] == 36 * 40 + 70
