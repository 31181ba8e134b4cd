"""Which series of a run stands for which quantity."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.build import CountingFloats, checkpoint, history, state
from thalia_monitor.analysis.quantities import places, series_of
from thalia_monitor.analysis.series.series_cache import first_values
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.model.history import Column
from thalia_monitor.model.run import TrainingState

CORE = ("firing_rate", "capacity", "performance", "loss")
FIVE = range(0, 5000, 1000)


def logged(**metrics: float) -> TrainingState:
    """A run of five lines with these values."""
    return state(history(FIVE, **{name: [value] * 5 for name, value in metrics.items()}))


def shown(run: TrainingState) -> dict[str, str]:
    """The series in the place of each core metric; nothing where it is empty."""
    return {each.core.name: each.series for each in places(run) if each.filled}


@pytest.mark.parametrize(
    ("name", "core", "words"),
    [
        ("firing_rate", "firing_rate", ""),
        ("avg_firing_rate", "firing_rate", "from avg_firing_rate"),
        ("firing_rate/average", "firing_rate", "from firing_rate/average"),
        ("mean_fr_hz", "firing_rate", "from mean_fr_hz"),
        ("performance", "performance", ""),
        ("task_accuracy", "performance", "best task, from task_accuracy"),
        ("accuracy", "performance", "best task, from accuracy"),
        ("accuracy_10", "performance", "of the last 10 trials right, from accuracy_10"),
        ("task/reaching_accuracy", "performance", "one task, from task/reaching_accuracy"),
    ],
)
def test_an_alias_fills_the_place_and_says_so(name: str, core: str, words: str) -> None:
    """Each of Thalia's own names stands for its quantity, and the place names the series."""
    run = logged(**{name: 0.42})
    [place] = [each for each in places(run) if each.filled]
    assert (place.core.name, place.quantity, place.series, place.origin) == (core, core, name, words)
    now = run.current(place.series)
    assert now is not None and (now.value, now.outdated) == (0.42, False)


def test_the_own_name_wins_where_it_was_measured() -> None:
    """A run that logs both, or changes its vocabulary, shows the documented name; then the order of the table."""
    both = logged(firing_rate=0.1, avg_firing_rate=0.4, accuracy=0.5, task_accuracy=0.5)
    assert shown(both) == {
        "firing_rate": "firing_rate",
        "performance": "task_accuracy",
    }
    nan = [math.nan] * 5
    lines = history(FIVE, firing_rate=nan, avg_firing_rate=[0.4] * 5, loss=nan)
    assert shown(state(lines)) == {"firing_rate": "avg_firing_rate", "loss": "loss"}


def test_a_constant_zero_is_a_placeholder_of_rate_and_capacity_only() -> None:
    """Thalia's first trainers write 0.0 for what they do not measure; a performance of 0 is one."""
    run = logged(firing_rate=0.0, capacity=0.0, performance=0.0, avg_firing_rate=0.4)
    assert shown(run) == {"firing_rate": "avg_firing_rate", "performance": "performance"}
    assert shown(logged(firing_rate=0.0, capacity=0.0, global_step=7.0)) == {}
    lines = history(FIVE, firing_rate=[0.0, 0.0, 0.0, 0.0, 0.1])
    assert shown(state(lines)) == {"firing_rate": "firing_rate"}


def test_a_free_place_goes_to_what_the_run_logs_most() -> None:
    """By count, then by what the metric is, then by name, in whatever order the names were logged."""
    names = ["zeta", "alpha", "memory/cpu_mb", "task_performance/reaching", "global_step"]
    for seed in range(5):
        random.Random(seed).shuffle(names)
        run = logged(**dict.fromkeys(names, 0.5), loss=1.0)
        assert shown(run) == {
            "firing_rate": "task_performance/reaching",
            "capacity": "alpha",
            "performance": "zeta",
            "loss": "loss",
        }
    lines = history(FIVE, alpha=[1.0] * 5)
    rare = Column(np.array([1.0, 2.0]), np.array([0, 1]))
    often = replace(lines, metrics={"accuracy_all": rare, **lines.metrics})
    assert [each.series for each in places(state(often))][:2] == ["alpha", "accuracy_all"]


def test_regions_and_speed_are_no_core_metrics() -> None:
    """Spikes of a region / 100 are not the firing rate, ``performance/*`` is speed: both keep their own names."""
    run = logged(**{"firing_rate/cortex": 0.4, "performance/steps_per_sec": 565.0})
    assert [(each.title, each.unit) for each in places(run) if each.filled] == [
        ("firing_rate/cortex", "spikes/100"),
        ("performance/steps_per_sec", "steps/s"),
    ]
    assert series_of(run, "firing_rate") == "firing_rate"


def test_a_rate_in_hz_is_shown_in_hz_and_is_no_share() -> None:
    """The place shows it with its unit; rules and comparisons do not take it for a share of 1."""
    run = logged(mean_fr_hz=9.1)
    assert shown(run) == {"firing_rate": "mean_fr_hz"}
    assert [str(each) for each in summarize(run, 0.0).trends] == ["Firing rate 9.1 Hz (from mean_fr_hz)"]
    assert series_of(run, "firing_rate") == "firing_rate"


def test_checkpoints_alone_have_places_too() -> None:
    """A run without a log shows what its newest checkpoint has."""
    run = state(None, checkpoint(5, metrics={"avg_firing_rate": 0.4, "dopamine": 0.1}))
    assert shown(run) == {"firing_rate": "avg_firing_rate", "capacity": "dopamine"}


def test_what_the_newest_checkpoint_lacks_is_of_the_log() -> None:
    """A card has the newest logged value, and the step that it is of."""
    run = state(history(FIVE, loss=[0.5] * 5), checkpoint(9000))
    [place] = [each for each in places(run) if each.filled]
    now = run.current(place.series)
    assert now is not None and (now.value, now.step, now.as_of) == (0.5, 4000, "as of step 4,000")


def test_nothing_logged_leaves_the_core_metrics_empty() -> None:
    """The places are those of the core metrics, with nothing in them."""
    assert [(each.title, each.filled) for each in places(state())] == [
        ("Firing rate", False),
        ("Capacity", False),
        ("Performance", False),
        ("Loss", False),
    ]


def test_looking_for_a_value_that_counts_costs_what_is_new() -> None:
    """A placeholder that was 0 so far is looked at from where the last look ended."""
    lines = history(range(100_000), capacity=np.zeros(100_000))
    assert first_values(lines, "capacity", lines.metrics["capacity"]) == (True, False)
    longer = np.concatenate((np.zeros(100_000), [0.5])).view(CountingFloats)
    CountingFloats.longest = 0
    assert first_values(lines, "capacity", Column(longer)) == (True, True)
    assert CountingFloats.longest == 1
    assert first_values(lines, "capacity", lines.metrics["capacity"]) == (True, False)
