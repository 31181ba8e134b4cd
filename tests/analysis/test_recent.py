"""Where a metric is, and where it is going."""

from __future__ import annotations

import numpy as np

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.analysis.recent import trend

STEPS = range(0, 40_000, 100)


def test_sparse_lines_are_compared_over_more_steps() -> None:
    """A line each 1,000 steps says nothing about the last 1,000, but about the last 10,000."""
    lines = history(range(0, 40_000, 1000), loss=[1.0] * 30 + [0.5] * 10)
    assert str(trend(state(lines), "loss")) == "Loss 0.5, down 50 % in the last 10,000 steps"


def test_a_beginning_has_no_trend() -> None:
    """Too few values, or none before, are no change."""
    for steps in (range(0, 300, 100), range(0, 1500, 100)):
        assert str(trend(state(history(steps, loss=np.ones(len(steps)))), "loss")) == "Loss 1"
    assert str(trend(state(history(STEPS, loss=np.zeros(400))), "loss")) == "Loss 0"


def test_a_run_of_a_few_hundred_trials_has_a_trend() -> None:
    """Where the usual spans reach back behind the beginning, the last 100 steps are compared."""
    values = [0.5] * 250 + [0.75] * 100
    lines = history(range(350), accuracy_100=values)
    assert str(trend(state(lines), "accuracy_100")).endswith("0.75, up 50 % in the last 100 steps")


def test_a_spike_is_no_trend() -> None:
    """Medians are compared, the value shown is the newest."""
    values = np.full(400, 0.5)
    values[-1] = 90
    assert str(trend(state(history(STEPS, loss=values)), "loss")) == "Loss 90, steady in the last 1,000 steps"


def test_without_lines_the_checkpoint_has_the_value() -> None:
    """A metric that was never logged is missing, never 0."""
    saved = state(None, checkpoint(5, metrics={"loss": 0.25}))
    assert str(trend(saved, "loss")) == "Loss 0.25"
    assert trend(saved, "capacity") is None


def test_rising_is_up() -> None:
    """Also from below zero."""
    values = np.concatenate((np.full(390, -2.0), np.full(10, -1.0)))
    assert (
        str(trend(state(history(STEPS, loss=values)), "loss")) == "Loss −1, up 50 % in the last 1,000 steps"
    )
