"""What runs have reached, and how it compares."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import Run, line
from thalia_monitor import load_training_state
from thalia_monitor.analysis.comparison import (
    COLOURS,
    FURTHEST_APART,
    MOST,
    Start,
    common_step,
    difference,
    directed,
    interpolated,
    looks,
    run_values,
    stage_starts,
    verdict,
)
from thalia_monitor.model.series_key import ALL_NEURONS


def test_last_best_and_there(run: Run) -> None:
    """The newest value, the least of a loss and its step, and the value at or before a step."""
    for step, loss in ((10, 0.5), (20, 0.1), (30, math.nan), (40, 0.3)):
        run.append(line(step, loss=loss))
    found = run_values(load_training_state(run.directory), "loss", 25)
    assert (found.last, found.last_step) == (0.3, 40)
    assert (found.best, found.best_step) == (0.1, 20)
    assert found.there == 0.1
    assert run_values(load_training_state(run.directory), "loss", 5).there is None


def test_more_is_better_but_of_a_loss(run: Run) -> None:
    """The best of an accuracy is the greatest; firing rate and neuron counts have no best."""
    run.metrics(1, accuracy=0.5, firing_rate=0.1, loss=1.0, neuron_counts={"cortex": 10})
    run.metrics(2, accuracy=0.9, firing_rate=0.4, loss=0.5, neuron_counts={"cortex": 20})
    state = load_training_state(run.directory)
    assert run_values(state, "accuracy", 2).best == 0.9
    assert run_values(state, "firing_rate", 2).best is None
    assert run_values(state, "neurons.cortex", 2).best is None
    assert not directed(ALL_NEURONS)


def test_an_attempt_that_a_resume_has_repeated_does_not_count(run: Run) -> None:
    """The best of the run is the best of what counts, and a step is looked up in the newest attempt."""
    for step, loss in ((10, 0.5), (20, 0.01), (30, 0.4)):
        run.append(line(step, loss=loss))
    for step, loss in ((15, 0.45), (25, 0.35)):
        run.append(line(step, loss=loss))
    found = run_values(load_training_state(run.directory), "loss", 20)
    assert (found.best, found.best_step) == (0.35, 25)
    assert found.there == 0.45
    assert found.last == 0.35


def test_all_regions_together_are_added_up(run: Run) -> None:
    """The neurons of a brain are the sum over its regions, each as it was newest."""
    run.append(line(10, neuron_counts={"cortex": 100, "thalamus": 50}))
    run.append(line(20, neuron_counts={"cortex": 120}))
    found = run_values(load_training_state(run.directory), ALL_NEURONS, 15)
    assert (found.last, found.there) == (170, 150)


def test_nothing_logged_compares_as_nothing(run: Run) -> None:
    """A series that a run does not have leaves blanks, not zeros."""
    run.metrics(1)
    state = load_training_state(run.directory)
    for name in ("dopamine", ALL_NEURONS, "capacity.cortex"):
        found = run_values(state, name, 1)
        assert (found.last, found.best, found.there) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "value", "base", "absolute", "percent", "judged"),
    [
        ("loss", 0.3, 0.4, -0.1, -0.25, "better"),
        ("loss", 0.5, 0.4, 0.1, 0.25, "worse"),
        ("performance", 0.5, 0.4, 0.1, 0.25, "better"),
        ("performance", 0.4, 0.4, 0.0, 0.0, "same"),
        ("reward", -1.0, -2.0, 1.0, 0.5, "better"),
        ("capacity", 0.9, 0.6, 0.3, 0.5, ""),
        ("loss", 1.0, 0.0, 1.0, None, "worse"),
    ],
)
def test_differences_have_a_size_a_share_and_a_direction(
    name: str, value: float, base: float, absolute: float, percent: float | None, judged: str
) -> None:
    """Absolute, as a share of the baseline's size, and better or worse by what the metric is."""
    found = difference(name, value, base)
    assert found is not None
    assert found.absolute == pytest.approx(absolute)
    assert found.percent == (None if percent is None else pytest.approx(percent))
    assert found.verdict == judged == verdict(name, found.absolute)


@pytest.mark.parametrize(("value", "base"), [(None, 1.0), (1.0, None), (math.nan, 1.0), (1.0, math.inf)])
def test_what_is_missing_or_not_finite_does_not_compare(value: float | None, base: float | None) -> None:
    """No number is made up."""
    assert difference("loss", value, base) is None


def test_runs_are_compared_as_far_as_all_have_come(run: Run) -> None:
    """The common step is the least of the furthest; a run without a history does not pull it down to 0."""
    run.metrics(10, 500)
    long = load_training_state(run.directory)
    run.metrics(900)
    assert common_step([long, load_training_state(run.directory)]) == 500
    assert common_step([]) == 0


def test_stages_start_where_the_events_say(run: Run) -> None:
    """An event tells step and time; without one the first checkpoint of the stage does."""
    run.append(line(0, event_type="stage_start", stage=-1, timestamp=1000.0))
    run.append(line(50, loss=1.0, timestamp=1050.0), line(100, loss=1.0, timestamp=1100.0))
    run.append(line(100, event_type="transition", old_stage=-1, new_stage=0, timestamp=1100.0))
    run.metadata(40, current_stage=-0.5)
    run.metadata(120, current_stage=0)
    run.metadata(100, current_stage=1, name="metadata_z.json")
    found = stage_starts(load_training_state(run.directory))
    assert found[-1] == Start(0, 1000.0)
    assert found[0] == Start(100, 1100.0)
    assert found[1] == Start(100, 1100.0), "the time of the first line that reached the checkpoint's step"


@given(st.sets(st.text("0123456789abcdef", min_size=12, max_size=12), max_size=MOST))
def test_looks_belong_to_the_runs_whatever_their_order(runs: set[str]) -> None:
    """Each has one of its own, and up to eight runs have eight colours; a run alone keeps the number of its id."""
    found = looks(sorted(runs, reverse=True))
    assert found == looks(sorted(runs))
    assert len(set(found.values())) == len(runs)
    assert len({each % COLOURS for each in found.values()}) == min(len(runs), COLOURS)
    assert len(runs) > FURTHEST_APART or all(each < FURTHEST_APART for each in found.values())
    first = min(runs, default=None)
    assert first is None or looks([first]) == {first: found[first]}


def test_values_between_two_points_lie_on_the_line_between_them() -> None:
    """Of two at one place the last counts; NaN is passed on; outside of the points nothing is known."""
    known_x, known = np.array([0.0, 10.0, 10.0, 20.0, 30.0]), np.array([0.0, 9.0, 1.0, math.nan, 4.0])
    found = interpolated(np.array([-1.0, 0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 31.0]), known_x, known)
    expected = [math.nan, 0.0, 4.5, 1.0, math.nan, math.nan, math.nan, 4.0, math.nan]
    assert found == pytest.approx(np.array(expected), nan_ok=True)
    assert np.isnan(interpolated(np.array([1.0]), np.empty(0), np.empty(0))).all()


def test_a_baseline_next_to_zero_has_no_percentage() -> None:
    """A difference of 1,000 % is the largest whose share says anything."""
    far, near = difference("loss", 0.0111, 0.001), difference("loss", 0.0109, 0.001)
    assert far and far.percent is None and far.absolute == pytest.approx(0.0101)
    assert near and near.percent == pytest.approx(9.9)
