"""What milestones are about: the value now, the target, and what is still missing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import Run, line
from thalia_monitor import load_training_state
from thalia_monitor.analysis.criteria import Measure, Target, measure
from thalia_monitor.analysis.milestones import verdicts


@pytest.mark.parametrize(
    ("stage", "name", "logged", "expected"),
    [
        (-1, "reaching_accuracy", {"reaching_accuracy": 0.87}, ("reaching_accuracy", 0.87, "> 0.9", 0.03)),
        (-1, "prediction_error", {"prediction_error": 0.2}, ("prediction_error", 0.2, "< 0.05", 0.15)),
        (-1, "prediction_error", {"task/prediction_error": 0.04}, ("task/prediction_error", 0.04, "< 0.05", -0.01)),
        (-1, "basic_movements", {"motor_control_accuracy": 0.5}, ("motor_control_accuracy", 0.5, "> 0.95", 0.45)),
        (0, "gaze_following", {"gaze_following_accuracy": 0.9}, ("gaze_following_accuracy", 0.9, "> 0.8", -0.1)),
        (0, "sequence_prediction", {"temporal_prediction": 0.9}, ("temporal_prediction", 0.9, "> 0.9", 0.0)),
        (1, "n_back_2", {"task/n_back_2_accuracy": 0.7}, ("task/n_back_2_accuracy", 0.7, "> 0.8", 0.1)),
        (1, "mnist_maintained", {"mnist_accuracy": 0.97}, ("mnist_accuracy", 0.97, "> 0.9", -0.07)),
        (1, "phoneme_maintained", {"phoneme_discrimination": 0.8}, ("phoneme_discrimination", 0.8, "> 0.85", 0.05)),
        (0, "firing_stability", {"avg_firing_rate": 0.2}, ("avg_firing_rate", 0.2, "0.05–0.15", 0.05)),
        (0, "no_silence", {"firing_rates/a": 0.1, "firing_rates/b": 0.0}, ("firing_rates/b", 0.0, "> 0.01", 0.01)),
        (0, "no_runaway", {"firing_rates/a": 0.1, "firing_rates/b": 0.9}, ("firing_rates/b", 0.9, "< 0.8", 0.1)),
    ],
)  # fmt: skip
def test_a_milestone_has_a_value_and_what_is_missing(
    run: Run, stage: int, name: str, logged: dict[str, Any], expected: tuple[str, float, str, float]
) -> None:
    """Under any name that Thalia logs it by; of regions the one closest to the limit."""
    run.metadata(5, current_stage=stage, metrics={}, milestones={})
    run.append(line(10, **logged))
    found = measure(load_training_state(run.directory), name)
    assert found is not None
    assert (found.series, found.value, str(found.target)) == expected[:3]
    assert found.target.distance_to_limit(found.value) == pytest.approx(expected[3])


@pytest.mark.parametrize(
    ("name", "logged"),
    [
        ("reaching_accuracy", {"loss": 0.5}),
        ("cerebellum_functional", {"cerebellum_functional": 1}),
        ("no_such_milestone", {"no_such_milestone": 0.5}),
        ("firing_stability", {"firing_rate": 0.0}),
        ("no_silence", {"firing_rate": 0.1}),
        ("no_silence", {"firing_rate/cortex": 0.001}),
    ],
)
def test_nothing_is_made_up_where_the_run_logs_nothing_about_it(
    run: Run, name: str, logged: dict[str, Any]
) -> None:
    """Also where there is no threshold, a rate is a placeholder or counts spikes / 100, or it is not a region's."""
    run.metadata(5, current_stage=-1, metrics={}, milestones={})
    run.append(line(10, **logged))
    assert measure(load_training_state(run.directory), name) is None


def test_the_threshold_is_the_run_s_own_where_it_configured_one(run: Run) -> None:
    """With the direction of the name; a value from a checkpoint counts where the log has none."""
    config = {"success_criteria": {"own_score": 0.4, "own_ece": 0.1}}
    run.append(line(0, event_type="stage_start", stage=0, config=config))
    run.metadata(10, metrics={"own_score": 0.3, "own_ece": 0.3}, milestones={})
    state = load_training_state(run.directory)
    assert measure(state, "own_score") == Measure("own_score", 0.3, Target(low=0.4))
    assert measure(state, "own_ece") == Measure("own_ece", 0.3, Target(high=0.1))


def test_checks_of_an_abandoned_attempt_do_not_count(run: Run) -> None:
    """A milestone that only an attempt passed which a resume has thrown away is not passed."""
    run.metrics(0, 100, 200)
    run.metadata(100, milestones={"mnist_accuracy": False})
    run.metadata(200, milestones={"mnist_accuracy": True})
    run.metrics(50, 60)
    found = verdicts(load_training_state(run.directory))
    assert "mnist_accuracy" not in found or not found["mnist_accuracy"].passed
