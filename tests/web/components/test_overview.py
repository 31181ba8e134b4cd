"""The blocks of the overview: what they say, and where they lead."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from dash import Dash, html, no_update
from dash._get_app import app_context
from dash.development.base_component import Component

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.analysis import report
from thalia_monitor.analysis.findings import Finding, Kind
from thalia_monitor.analysis.summary import Summary, summarize
from thalia_monitor.model.records import Event, Severity, Source
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.app import create_app
from thalia_monitor.web.components import header, metric_cards, overview

NOW = 1_000_000.0


@pytest.fixture(autouse=True)
def answering(app: Dash) -> Iterator[None]:
    """Links are made for the application that is answering."""
    token = app_context.set(app)
    yield
    app_context.reset(token)


def words(part: Any) -> str:
    """Everything that a part of a page says."""
    if isinstance(part, Component):
        return words(getattr(part, "children", None))
    if isinstance(part, list | tuple):
        return " ".join(filter(None, map(words, part)))
    return "" if part is None else str(part)


def links(part: Any) -> list[str]:
    """Every address that a part of a page leads to."""
    every = [part, *part._traverse()] if isinstance(part, Component) else list(part)
    return [each.href for each in every if getattr(each, "href", None)]


def blocks(summary: Summary) -> list[Any]:
    """Every block of the overview."""
    return [
        *overview.status(summary),
        *overview.metric_blocks(summary),
        overview.health(summary),
        overview.milestones(summary),
        overview.growth(summary),
        overview.sleep(summary),
    ]


def a_run() -> TrainingState:
    """A run with something of everything, live."""
    steps = range(0, 4000, 20)
    times = [NOW - 2 - 0.5 * (199 - number) for number in range(200)]
    return state(
        history(steps, time=times, loss=[0.5] * 200, firing_rate=[0.1] * 200),
        checkpoint(3000, week=1, total_weeks=4, milestones={"mnist_accuracy": True, "reach": False}),
        events=[
            Event("growth", 1000, {"region": "cortex", "neurons_added": 50, "new_total": 250}, time=NOW - 90),
            Event("consolidation", 2000, {"sleep_stage": "REM", "patterns_replayed": 80}, time=NOW - 60),
        ],
        changed=NOW - 2,
    )


def test_an_empty_run_says_what_is_missing_in_every_block() -> None:
    """No block is blank or shows a zero that was never measured."""
    summary = summarize(state(), NOW)
    said = [words(block) for block in blocks(summary)]
    assert all(said)
    assert "Nothing has been written yet" in said[0]
    assert "not logged in this run yet" in said[4]
    assert "no training log" in said[8]
    assert "No growth yet" in said[10]
    assert "No consolidation yet" in said[11]


def test_a_run_without_a_curriculum_never_grows_or_sleeps() -> None:
    """Its files never have growth or sleep: the blocks say so, and not that there is none yet."""
    table = Source("trials.csv", "Thalia trials", 250)
    summary = summarize(replace(state(), sources=(table,)), NOW)
    growth, sleep = words(overview.growth(summary)), words(overview.sleep(summary))
    assert growth.endswith("the files of this run (Thalia trials) never tell of growth.")
    assert sleep.endswith("the files of this run (Thalia trials) never tell of consolidation.")


def test_a_run_is_told_in_numbers() -> None:
    """Status, loss, growth and sleep stand in their blocks."""
    said = [words(block) for block in blocks(summarize(a_run(), NOW))]
    assert "Live" in said[0]
    assert "Last line  2 s ago , usually every 0.5 s." in said[0]
    assert said[1].startswith("Pace 40 steps/s")
    assert "0.5" in said[7]
    assert "Nothing found wrong" in said[8]
    assert "reach" in said[9]
    assert "+50 in 1 event" in said[10]
    assert "80 patterns" in said[11]


def test_a_metric_that_is_not_a_number_has_no_course() -> None:
    """It is not for want of values that no change is told."""
    run = state(history(range(0, 4000, 20), loss=[0.5] * 199 + [math.nan]))
    assert words(overview.metric_blocks(summarize(run, NOW))[3]).endswith(
        "not a finite number: no change to tell no checkpoint yet"
    )


def test_a_run_that_stands_still_is_not_told_a_time_of_its_end() -> None:
    """Live it ends about some time; stale it would take so long if it went on."""
    times = [NOW - 2 - 20 * (60 - number) for number in range(61)]
    weekly = [checkpoint(step, week=step // 25_000, total_weeks=8) for step in range(0, 60_001, 5000)]
    run = state(history(range(0, 61_000, 1000), time=times), *weekly, changed=NOW - 2)
    assert "; ends about " in words(overview.status(summarize(run, NOW))[2])
    assert words(overview.status(summarize(run, NOW + 3600))[2]).endswith("; if it goes on")


def test_every_block_leads_to_its_page() -> None:
    """The addresses are those of the sections."""
    summary = summarize(a_run(), NOW)
    assert [links(block) for block in overview.metric_blocks(summary)] == [["/metrics"]] * 4
    assert links(overview.milestones(summary)) == ["/milestones"]
    assert links(overview.growth(summary)) == ["/growth"]
    assert links(overview.sleep(summary)) == ["/consolidation"]


@pytest.mark.parametrize(
    ("kind", "series", "expected"),
    [
        (Kind.LOSS, "loss", "/metrics?x=step&from=2000&to=4250"),
        (Kind.CAPACITY, "capacity.cortex", "/growth?x=step&from=2000&to=4250"),
        (Kind.NONFINITE, "a/b,c", "/metrics?x=step&from=2000&to=4250&pin=a%2Fb%252Cc"),
        (Kind.FORGETTING, "mnist_accuracy", "/milestones"),
    ],
)
def test_a_finding_leads_to_its_chart_at_the_steps_in_question(
    kind: Kind, series: str, expected: str
) -> None:
    """The link zooms from before the trouble began to now, on the page that has the chart."""
    run = state(history(range(0, 4001, 100), loss=[0.5] * 41))
    found = Finding(kind, Severity.WARNING, "It diverges.", "numbers", 3000, series)
    assert overview.place(found, run) == expected


def test_what_the_files_say_is_never_an_address() -> None:
    """Names from a log end up percent-encoded in a query, not in a scheme or a path."""
    run = state(history(range(10), loss=[0.5] * 10))
    found = Finding(Kind.NONFINITE, Severity.WARNING, "m", "e", 3, "javascript:alert(1)//")
    assert overview.place(found, run).startswith("/metrics?")
    assert "javascript:" not in overview.place(found, run)


def test_links_keep_the_base_path(run: Any) -> None:
    """Under a sub-path every link stays below it."""
    app_context.set(create_app(run.directory, base_path="/lab/thalia/"))
    assert links(overview.milestones(summarize(a_run(), NOW))) == ["/lab/thalia/milestones"]


def test_the_standing_changes_only_when_something_is_to_be_told(app: Dash) -> None:
    """An age that grows is no news; a run gone stale, or a new critical finding, is."""
    run = a_run()
    live = header.standing(summarize(run, NOW), "r")
    assert live == header.standing(summarize(run, NOW + 1), "r")
    assert live["criticals"] == []
    stale = header.standing(summarize(run, NOW + 3600), "r")
    assert stale["status"] == "stale"
    assert len(stale["criticals"]) == 1
    bad = state(history(range(20), loss=[0.5] * 19 + [math.nan]))
    assert "loss has been NaN" in header.standing(summarize(bad, NOW), "r")["criticals"][0]


def test_colour_is_never_alone() -> None:
    """Every status has a shape and a word of its own."""
    assert len(set(report.STATUS_ICONS.values())) == len(report.STATUS_ICONS) == len(report.STATUS_KINDS)


def test_a_plan_in_steps_gives_the_time_left_as_one_number_where_the_pace_is_even() -> None:
    """At 40 steps a second, 20,000 of 50,000 steps are followed by 12 and a half minutes more."""
    planned = Event("stage_start", 0, {"stage": 0, "config": {"duration_steps": 50_000}}, time=NOW - 500)
    lines = history(
        range(0, 20_001, 500), time=[NOW - 500 + 12.5 * row for row in range(41)], loss=[0.5] * 41
    )
    said = words(overview.status(summarize(state(lines, events=[planned], changed=NOW), NOW)))
    assert "Left in this stage about 12 min ends about" in said
    assert "12 min to 12 min" not in said


def test_a_run_that_was_stopped_says_why_and_has_no_time_left() -> None:
    """The word, the reason, and no stage to wait for."""
    stop = Event("warning", 3980, {"message": "EARLY STOP: 5 critical issues"}, time=NOW - 2)
    run = a_run()
    said = words(
        overview.status(summarize(state(run.history, *run.checkpoints, events=[stop], changed=NOW), NOW))
    )
    assert "▣  Stopped" in said
    assert "Training was stopped: EARLY STOP: 5 critical issues; last change" in said
    assert "It was stopped." in said


def test_the_big_number_is_the_newest_logged_value_on_every_page() -> None:
    """The metrics' card and the overview's show the same three things: value, checkpoint, line."""
    points = tuple(checkpoint(step, metrics={"loss": value}) for step, value in ((90, 0.5), (100, 0.25)))
    run = replace(state(history([90, 100, 110], loss=[0.5, 0.3, 0.1])), checkpoints=points)
    shown = metric_cards.metric_cards(run)[3], overview.metric_blocks(summarize(run, NOW))[3]
    for card in shown:
        assert "0.1" in [each.children for each in card._traverse() if isinstance(each, html.Span)]
        assert "checkpoint 100: 0.25 (\u22120.25, better)" in words(card)
    lines = [
        str(each)
        for card in shown
        for each in card._traverse()
        if getattr(each, "className", "") == "sparkline"
    ]
    assert lines[0] == lines[1] and "--course" in lines[0]
    assert "no checkpoint yet" in words(metric_cards.metric_cards(TrainingState())[3])


def test_a_run_without_any_file_is_waited_for() -> None:
    """The badge says so, as the page and ``status`` do, until there is a first file."""
    nothing = summarize(TrainingState(), NOW)
    shown, badge = header.changed(nothing, "r", None)
    icon, text = badge.children
    assert (icon.children, text) == ("?", " Waiting for data")
    assert header.changed(nothing, "r", shown) == (no_update, no_update)
