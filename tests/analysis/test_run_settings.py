"""Settings in which runs differ."""

from __future__ import annotations

from typing import Any

from tests.analysis.build import history, state
from thalia_monitor.analysis.curriculum.run_settings import (
    MOST_SETTINGS,
    NOW,
    Setting,
    differing,
    run_settings,
)
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState


def a_run(*configs: Any, **declared: float) -> TrainingState:
    """A run whose stage 0 was started with each of these configurations in turn, with parameters that it declares."""
    starts = [Event("stage_start", 0, {"stage": 0, "config": each}, 0) for each in configs]
    declares = [
        Event("declare", 0, {"name": name, "kind": "float", "value": value, "session": "s"}, 0)
        for name, value in declared.items()
    ]
    return TrainingState(events=(*starts, *declares))


def test_only_what_differs_is_listed_and_the_rest_counted() -> None:
    """A setting that one run lacks differs; numbers are the same however they are written."""
    one = a_run({"learning_rate": 0.001, "seed": 7, "batch": 32, "noise": 1e-1})
    other = a_run({"learning_rate": 1e-4, "batch": 32, "noise": 0.1})
    assert differing([one, other]) == (
        [Setting("stage 0", "learning_rate", ("0.001", "0.0001")), Setting("stage 0", "seed", ("7", None))],
        2,
    )


def test_objects_lists_and_switches_are_written_out() -> None:
    """An object's settings have names of their own; a long list is cut."""
    run = a_run({"sleep": {"interval": 10, "her": True}, "rates": [*range(20)], "mode": "<b>fast</b>"})
    assert run_settings(run) == {
        ("stage 0", "sleep.interval"): "10",
        ("stage 0", "sleep.her"): "on",
        ("stage 0", "rates"): "[0, 1, 2, 3, 4, 5, 6, 7, …]",
        ("stage 0", "mode"): "<b>fast</b>",
    }


def test_a_stage_has_the_settings_of_its_newest_start() -> None:
    """As after a resume with other ones."""
    assert run_settings(a_run({"rate": 1, "old": 2}, {"rate": 3})) == {("stage 0", "rate"): "3"}


def test_a_configuration_may_be_anything() -> None:
    """What is no object has no settings, and a huge one is cut."""
    for config in (None, 7, "x", [1]):
        assert run_settings(a_run(config)) == {}
    assert len(run_settings(a_run({f"s{number}": number for number in range(5_000)}))) == MOST_SETTINGS


def test_parameters_that_may_be_changed_have_their_present_value() -> None:
    """As they are now, whatever the configuration of the stage says."""
    rows, same = differing([a_run({"rate": 0.1}, rate=0.2), a_run({"rate": 0.1}, rate=0.3)])
    assert (rows, same) == ([Setting(NOW, "rate", ("0.2", "0.3"))], 1)


def test_a_stage_that_a_resume_has_left_behind_has_no_settings() -> None:
    """Stage 1 began at step 550, and the run was resumed from 500; stage -0.5 of Thalia's scripts is stage -1."""
    steps = [*range(0, 700, 100), *range(500, 800, 100)]
    lines = history(steps, loss=[0.5] * len(steps))
    starts = [(-0.5, 0), (0, 100), (1, 550)]
    events = tuple(
        Event("stage_start", step, {"stage": stage, "config": {"rate": 1}}, 0) for stage, step in starts
    )
    assert list(run_settings(state(lines, events=events))) == [("stage -1", "rate"), ("stage 0", "rate")]
