"""The header of every page: ages that are right after days, and what is missing said with what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.screen import parts, words
from thalia_monitor.model.records import Checkpoint, Event, Source
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components.header import header, last_update, missing, totals

NOW = datetime(2026, 1, 10, 12, 0, 0, tzinfo=UTC)
SOURCES = (Source("training_log.json", "training log", 5),)


def plain(component: Any) -> Any:
    """A component as its JSON."""
    if hasattr(component, "to_plotly_json"):
        return plain(component.to_plotly_json())
    if isinstance(component, dict):
        return {key: plain(value) for key, value in component.items()}
    return [plain(each) for each in component] if isinstance(component, list | tuple) else component


def said(component: Any) -> str:
    """What a component says."""
    return words(plain(component))


def state(**fields: Any) -> TrainingState:
    """A state of one checkpoint with these fields."""
    return TrainingState(checkpoints=(Checkpoint("metadata_1.json", 1234567, **fields),), sources=SOURCES)


@pytest.mark.parametrize(
    ("age", "written"),
    [
        (timedelta(seconds=0.4), "just now"),
        (timedelta(seconds=12), "12 s ago"),
        (timedelta(minutes=4, seconds=12), "4 min 12 s ago"),
        (timedelta(hours=23, minutes=59), "23 h 59 min ago"),
        (timedelta(days=1, seconds=5), "1 d ago"),
        (timedelta(days=3, hours=4), "3 d 4 h ago"),
        (timedelta(days=400), "400 d ago"),
        (timedelta(seconds=-30), "just now"),
    ],
)
def test_defect_6_the_age_of_the_last_update_does_not_wrap_after_a_day(age: timedelta, written: str) -> None:
    """Clock time and age; a clock that is ahead makes it new, not negative."""
    shown = plain(last_update((NOW - age).timestamp(), NOW.timestamp()))
    assert words(shown[1]) == written
    then = NOW - age
    day = "" if then.date() == NOW.date() else f"{then.day} {then:%b %Y}, "
    assert words(shown[0]) == f"{day}{then:%H:%M:%S} UTC"
    assert f"{NOW - age:%Y-%m-%d}" in shown[0]["props"]["title"]


@given(st.timedeltas(timedelta(0), timedelta(days=3000)))
def test_the_browser_is_told_the_age_in_seconds_to_count_on_from(age: timedelta) -> None:
    """Not a clock time: the viewer's clock may be wrong."""
    shown = plain(last_update((NOW - age).timestamp(), NOW.timestamp()))
    assert abs(float(shown[1]["props"]["data-age"]) - age.total_seconds()) <= 0.5


def test_no_update_yet_is_a_dash() -> None:
    """An empty directory has no age."""
    assert said(last_update(None, NOW.timestamp())) == "–"


def test_where_nothing_is_read_the_step_is_a_dash() -> None:
    """It is not 0: nobody has counted."""
    assert "Step –" in said(header(TrainingState(), now=NOW.timestamp()))


def test_stage_week_and_step() -> None:
    """With their numbers, and the progress as a bar that is also a number."""
    shown = plain(header(state(stage=0, week=2, total_weeks=4), now=NOW.timestamp()))
    assert words(shown).startswith("Stage 0 Sensory Foundations Week 2/4 50% Step 1,234,567")
    [bar] = [each["props"] for each in parts(shown) if each["props"].get("role") == "progressbar"]
    assert (bar["aria-valuenow"], bar["aria-valuemin"], bar["aria-valuemax"]) == (50.0, 0, 100)
    assert bar["aria-label"]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"stage": -1, "week": 0, "total_weeks": 4}, "Stage -1 Sensorimotor Week 0/4 0%"),
        ({"stage": -0.5}, "Stage -1 Sensorimotor Week – "),
        ({"stage": 9}, "Stage 9 Stage 9 Week – "),
        ({}, "Stage – Unknown Week – "),
        ({"stage": 1, "week": 2.5, "total_weeks": 4}, "Week 2.5/4 62%"),
        ({"stage": 1, "week": 6, "total_weeks": 4}, "Week 6/4 100% extended"),
        ({"stage": 1, "week": None, "total_weeks": 4}, "Week 0/4 0%"),
    ],
)
def test_odd_stages_and_weeks(fields: dict[str, Any], shown: str) -> None:
    """0 is never missing, an overrun is said, what is not known is a dash."""
    assert shown in said(header(state(**fields), now=NOW.timestamp()))


def test_a_long_log_that_is_being_read_says_how_far() -> None:
    """The page shows the part that is there."""
    reading = TrainingState(read_fraction=0.42, sources=SOURCES)
    assert "reading the log, 42%" in said(header(reading, now=NOW.timestamp()))
    assert missing(reading, "/runs/a") is None


def test_the_totals_count_events_and_name_the_sources() -> None:
    """Where the numbers come from."""
    events = (Event("growth", 1, {}), Event("growth", 2, {}), Event("consolidation", 3, {}))
    shown = said(totals(TrainingState(events=events, sources=SOURCES)))
    assert shown == "Training time – Growth events 2 Consolidations 1 1 phase Read from training log"
    assert said(totals(TrainingState())).endswith("nothing read yet")


def test_days_of_training_are_days() -> None:
    """Not hours modulo 24."""
    long = TrainingState(checkpoints=(Checkpoint("m", 1, training_seconds=3 * 86_400 + 7200),))
    assert said(totals(long)).startswith("Training time 3 d 2 h")


def test_what_is_missing_is_said_with_what_to_do() -> None:
    """Nothing at all, no metadata, no log: each another sentence; a whole run has none."""
    line = Event("growth", 1, {})
    whole = TrainingState(checkpoints=(Checkpoint("m", 1),), events=(line,), sources=SOURCES)
    assert missing(whole, "/runs/a") is None
    assert said(missing(TrainingState(), "/runs/a")).startswith("Waiting for data")
    assert said(missing(TrainingState(events=(line,), sources=SOURCES), "/runs/a")).startswith(
        "No metadata_*.json"
    )
    card = said(missing(TrainingState(), "/runs/a"))
    assert "CurriculumLogger('/runs/a')" in card and "metadata_*.json" in card, (
        "the directory in code to copy"
    )
    no_log = TrainingState(checkpoints=(Checkpoint("m", 1),), sources=SOURCES)
    assert said(missing(no_log, "/runs/a")).startswith("No training_log.json")
    for each in (TrainingState(), no_log):
        assert "json_log=True" in said(missing(each, "/runs/a"))
