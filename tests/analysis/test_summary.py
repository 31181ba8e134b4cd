"""A run at a glance, as values."""

from __future__ import annotations

import math

import pytest

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.analysis.liveness import Status
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.model.records import Event, Severity
from thalia_monitor.model.run import TrainingState

NOW = 1_000_000.0


def growth(step: int, added: int, ago: float | None) -> Event:
    """A growth event, ``ago`` seconds before now."""
    fields = {"region": "cortex", "neurons_added": added, "new_total": 1000 + added}
    return Event("growth", step, fields, time=None if ago is None else NOW - ago)


def test_an_empty_run_sums_up_to_nothing_rather_than_zeros() -> None:
    """Where nothing was logged nothing is said: no trend, no sleep, no neurons."""
    summary = summarize(state(), NOW)
    assert summary.liveness.status is Status.UNKNOWN
    assert (summary.trends, summary.sleep, summary.growth.neurons, summary.findings) == ((), None, None, ())
    assert summary.next_stage == ""


def test_growth_is_counted_since_the_start_and_in_the_last_hour() -> None:
    """Events of the hour before now count twice: in all, and in the last hour."""
    run = state(events=[growth(100, 10, 7200), growth(200, 20, 1800), growth(300, 30, 60)])
    totals = summarize(run, NOW).growth
    assert (totals.events, totals.added) == (3, 60)
    assert (totals.hour_events, totals.hour_added) == (2, 50)


def test_without_times_the_last_hour_is_unknown() -> None:
    """A log without timestamps does not tell what grew in the last hour, which is not the same as nothing."""
    totals = summarize(state(events=[growth(100, 10, None)]), NOW).growth
    assert (totals.added, totals.hour_events, totals.hour_added) == (10, None, None)


def test_a_trainer_whose_clock_is_off_is_measured_by_its_own_clock() -> None:
    """With the trainer's clock a day ahead, ages are counted from its newest line."""
    ahead = NOW + 86_400
    times = [ahead - 10 * gap for gap in range(19, -1, -1)]
    lines = history(range(0, 2000, 100), time=times, loss=[1.0] * 20)
    event = Event("consolidation", 1500, {"sleep_stage": "REM", "patterns_replayed": 80}, time=ahead - 50)
    summary = summarize(state(lines, events=[event], changed=NOW), NOW)
    assert summary.liveness.clock
    assert summary.sleep is not None
    assert summary.sleep.age == pytest.approx(50)
    assert (summary.sleep.stage, summary.sleep.patterns) == ("REM", 80)


def test_what_is_left_is_what_failed_and_what_was_not_evaluated() -> None:
    """A milestone that the stage table knows and the checkpoint does not mention is still to be done."""
    summary = summarize(
        state(None, checkpoint(100, milestones={"mnist_accuracy": True, "own_check": False})), NOW
    )
    assert summary.passed == 1
    left = {each.name: each.passed for each in summary.left}
    assert left["own_check"] is False
    assert left["sequence_prediction"] is None
    assert "mnist_accuracy" not in left


def test_the_next_stage_is_told_until_the_table_ends() -> None:
    """After Sensory Foundations comes Object Permanence; after the last stage nothing does."""
    assert summarize(state(None, checkpoint(1, stage=0)), NOW).next_stage.startswith("Object Permanence")
    assert summarize(state(None, checkpoint(1, stage=6)), NOW).next_stage == ""


def test_criticals_count_warnings_findings_and_silence() -> None:
    """One non-finite loss and one run gone stale make two."""
    times = [NOW - 5000 + 10 * number for number in range(100)]
    lines = history(range(100), time=times, loss=[0.5] * 99 + [math.nan])
    summary = summarize(state(lines, changed=times[-1]), NOW)
    assert summary.liveness.status is Status.STALE
    assert [each.severity for each in summary.findings] == [Severity.CRITICAL]
    assert len(summary.criticals) == 2


def writing(*events: Event) -> TrainingState:
    """A run in a stage of known length, whose last line is 2 s old."""
    times = [NOW - 2 - 20 * (60 - number) for number in range(61)]
    weekly = [checkpoint(step, week=step // 25_000, total_weeks=8) for step in range(0, 60_001, 5000)]
    return state(history(range(0, 61_000, 1000), time=times), *weekly, events=events, changed=NOW - 2)


def test_a_run_that_goes_on_has_an_end() -> None:
    """Now and what is left."""
    pace = summarize(writing(), NOW).pace
    assert pace.left is not None
    assert pace.end == NOW + pace.left.likely


def test_a_run_gone_stale_is_not_expected_to_end() -> None:
    """Its end would move on with the clock; how long it would take if it went on is still totals."""
    summary = summarize(writing(), NOW + 3600)
    assert summary.liveness.status is Status.STALE
    assert summary.pace.left is not None
    assert summary.pace.end is None
    assert str(summary.pace).endswith(" left in this stage if it goes on")


def test_what_has_ended_has_no_time_left() -> None:
    """It says so instead; the pace that it had is still totals."""
    summary = summarize(writing(Event("training_end", 60_000, {}, time=NOW - 1)), NOW)
    assert summary.liveness.status is Status.FINISHED
    assert (summary.pace.recent, summary.pace.left, summary.pace.end) == (50, None, None)
    assert summary.pace.left_reason == "It has ended."
    stopped = summarize(writing(Event("early_stop", 60_000, {}, time=NOW - 1)), NOW)
    assert stopped.liveness.status is Status.STOPPED
    assert (stopped.pace.left, stopped.pace.left_reason) == (None, "It was stopped.")
