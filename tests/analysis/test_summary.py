"""A run in words."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.analysis.summary import summary
from thalia_monitor.analysis.trend import trend
from thalia_monitor.analysis.wording import titled
from thalia_monitor.state import HealthWarning, Severity, TrainingState

STEPS = range(0, 40_000, 100)
START = 1_770_000_000.0
NOW = START + 399 * 20 + 12


def run(loss: list[float] | None = None) -> TrainingState:
    """A run in its second week, whose loss has just fallen from 0.25 to 0.24."""
    falling = [0.25] * 390 + [0.24] * 10
    lines = history(
        STEPS,
        time=[START + 20 * row for row in range(400)],
        loss=loss or falling,
        firing_rate=np.full(400, 0.1),
    )
    point = checkpoint(39_000, week=2, total_weeks=4, milestones={"a": True, "b": True, "c": False})
    return state(lines, checkpoint(30_000, week=2, total_weeks=4), point, changed=NOW - 12)


def test_a_run_is_summed_up_in_a_few_sentences() -> None:
    """Where it is, where its metrics go, what it has passed, how fast it is and whether it is alive."""
    assert str(summary(run(), NOW)) == (
        "Stage 0 Sensory Foundations, week 2 of 4, step 39,900. "
        "Loss 0.24, down 4 % in the last 1,000 steps. "
        "Firing rate 0.1, steady in the last 1,000 steps. "
        "2 of 3 milestones. "
        "5 steps/s. "
        "Last line 12 s ago, usually every 20 s."
    )


def test_what_is_wrong_is_said() -> None:
    """Findings, the trainer's warnings and clocks that differ are part of the summary; notes are not."""
    ill = run(loss=[0.25] * 390 + [math.nan] * 10)
    warned = replace(ill.checkpoints[-1], warnings=(HealthWarning(Severity.WARNING, "High capacity: 0.870"),))
    said = summary(replace(ill, checkpoints=(ill.checkpoints[0], warned)), NOW - 3600).sentences
    assert "loss has been NaN since step 39,000." in said
    assert "1 warning by the trainer: High capacity: 0.870." in said
    assert "Loss NaN." in said
    assert "The trainer's clock is 59 min 48 s ahead of this computer's." in said


def test_an_empty_run_has_a_summary() -> None:
    """There is something to say about nothing."""
    assert str(summary(state(), NOW)) == "Unknown stage, step 0. Nothing has been written yet."


def test_an_extended_stage_says_so() -> None:
    """A week beyond the plan is not a mistake."""
    extended = state(None, checkpoint(5, stage=-1, week=6, total_weeks=4))
    assert summary(extended, NOW).where == "Stage -1 Sensorimotor, week 6 of 4, extended, step 5."


def test_programs_get_the_same_as_plain_values() -> None:
    """Every value can be written as strict JSON, and the text is in it."""
    found = summary(run(loss=[0.25] * 399 + [-math.inf]), NOW)
    fields = json.loads(json.dumps(found.fields(), allow_nan=False))
    assert fields["text"] == str(found)
    assert fields["metrics"]["loss"]["value"] == "-Infinity"
    assert (fields["status"], fields["age_seconds"], fields["usual_gap_seconds"]) == ("live", 12, 20)
    assert fields["milestones"] == {"passed": 2, "evaluated": 3}
    assert [each["kind"] for each in fields["findings"]] == ["nonfinite"]
    assert fields["seconds_left"] is None


class TestTrend:
    def test_sparse_lines_are_compared_over_more_steps(self) -> None:
        """A line each 1,000 steps says nothing about the last 1,000, but about the last 10,000."""
        lines = history(range(0, 40_000, 1000), loss=[1.0] * 30 + [0.5] * 10)
        assert str(trend(state(lines), "loss")) == "Loss 0.5, down 50 % in the last 10,000 steps"

    def test_a_beginning_has_no_trend(self) -> None:
        """Too few values, or none before, are no change."""
        for steps in (range(0, 300, 100), range(0, 1500, 100)):
            assert str(trend(state(history(steps, loss=np.ones(len(steps)))), "loss")) == "Loss 1"
        assert str(trend(state(history(STEPS, loss=np.zeros(400))), "loss")) == "Loss 0"

    def test_a_spike_is_no_trend(self) -> None:
        """Medians are compared, the value shown is the newest."""
        values = np.full(400, 0.5)
        values[-1] = 90
        assert (
            str(trend(state(history(STEPS, loss=values)), "loss"))
            == "Loss 90, steady in the last 1,000 steps"
        )

    def test_without_lines_the_checkpoint_has_the_value(self) -> None:
        """A metric that was never logged is missing, never 0."""
        saved = state(None, checkpoint(5, metrics={"loss": 0.25}))
        assert str(trend(saved, "loss")) == "Loss 0.25"
        assert trend(saved, "capacity") is None

    def test_rising_is_up(self) -> None:
        """Also from below zero."""
        values = np.concatenate((np.full(390, -2.0), np.full(10, -1.0)))
        assert (
            str(trend(state(history(STEPS, loss=values)), "loss"))
            == "Loss −1, up 50 % in the last 1,000 steps"
        )


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("firing_rate", "Firing rate"),
        ("loss", "Loss"),
        ("task/reaching", "task/reaching"),
        ("_", "_"),
        ("Ärger", "Ärger"),
    ],
)
def test_metrics_are_named_for_people(name: str, title: str) -> None:
    """Underscores are spaces; a path stays a path."""
    assert titled(name) == title
