"""The trend of a criterion, and when it reaches its limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thalia_monitor.analysis.criteria import Target
from thalia_monitor.analysis.curriculum import advance
from thalia_monitor.analysis.recent import Recent
from thalia_monitor.model.history import Floats


def noisy(seed: int, count: int, correlation: float) -> Floats:
    """Noise of variance about 1 in which each value depends on the one before."""
    random = np.random.default_rng(seed)
    draws, noise = random.normal(size=count), np.empty(count)
    noise[0] = draws[0]
    for place in range(1, count):
        noise[place] = correlation * noise[place - 1] + np.sqrt(1 - correlation**2) * draws[place]
    return noise


def line(values: Any, every: int = 100) -> Recent:
    """Values a hundred steps apart."""
    return Recent(np.arange(len(values)) * every, values)


@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_the_80_percent_range_covers_75_to_85_percent(correlation: float) -> None:
    """Of 200 seeded runs with a straight trend and noise, white or autocorrelated."""
    shown = covered = 0
    for seed in range(1_000, 1_200):
        steps = np.arange(300) * 100
        values = 0.5 + 0.1 * steps / steps[-1] + 0.02 * noisy(seed, 300, correlation)
        found = advance.estimate_steps(line(values), Target(low=0.66)).steps
        if found is None:
            continue
        true = (0.66 - 0.5) / 0.1 * steps[-1] - steps[-1]
        shown += 1
        covered += found.low <= true <= found.high
    assert shown >= 190
    assert 0.75 <= covered / shown <= 0.85


def test_noise_without_a_trend_gives_a_range_in_few_runs() -> None:
    """A slope that is not significant at 5 % gives none: of 200 runs without a trend about 10 have one by chance."""
    found = [
        advance.estimate_steps(line(0.5 + 0.02 * noisy(seed, 300, 0.5)), Target(low=0.66))
        for seed in range(200)
    ]
    ranges = [each for each in found if each.slope is not None]
    assert len(ranges) <= 20
    assert {each.reason for each in found if each.slope is None} == {"no trend"}


def test_a_line_without_noise_reaches_its_limit_exactly() -> None:
    """From 0.5 with 0.001 in 100 steps, 0.9 is 10,100 steps after the last of 300 values."""
    found = advance.estimate_steps(line(0.5 + 0.001 * np.arange(300)), Target(low=0.9))
    assert found.steps is not None
    assert (found.steps.low, found.steps.likely, found.steps.high) == pytest.approx((10_100, 10_100, 10_100))
    assert found.slope == pytest.approx(0.01)


def test_steps_count_from_where_training_is() -> None:
    """A series last logged 100 steps ago has 100 fewer to go, and never less than none."""
    values = line(0.5 + 0.001 * np.arange(300))
    found = advance.estimate_steps(values, Target(low=0.9), now=30_000).steps
    assert found is not None
    assert found.likely == pytest.approx(10_000)


def test_a_trend_away_from_the_limit_never_reaches_it() -> None:
    """An error that grows does not get below its limit."""
    found = advance.estimate_steps(line(0.1 + 0.001 * np.arange(100)), Target(high=0.05))
    assert (found.steps, found.reason) == (None, "moving away from it")


def test_a_slope_too_small_to_be_squared_has_no_range() -> None:
    """It is significant, since there is no noise, but its square is 0 in floating point."""
    found = advance.estimate_steps(line(1e-170 * np.arange(100)), Target(low=0.9))
    assert (found.steps, found.reason) == (None, "no trend")
    assert found.slope == pytest.approx(1e-169)


def test_few_values_have_no_trend() -> None:
    """Thirty are enough."""
    rising = 0.5 + 0.001 * np.arange(30)
    assert (
        advance.estimate_steps(line(rising[:29]), Target(low=0.9)).reason
        == "fewer than 30 values in this stage"
    )
    assert advance.estimate_steps(line(rising), Target(low=0.9)).steps is not None


def test_a_curve_is_followed_by_its_newest_straight_part() -> None:
    """Of a course that rises steeply and then slowly, the slow part counts."""
    rising = np.concatenate([0.01 * np.arange(50), 0.5 + 0.001 * np.arange(50)]) + 1e-4 * noisy(1, 100, 0.0)
    found = advance.trend(line(rising))
    assert found is not None
    assert found.slope * 100 == pytest.approx(0.001, rel=0.05)


@pytest.mark.parametrize(
    ("probability", "degrees_of_freedom", "exact"),
    [(0.9, 5, 1.4759), (0.9, 10, 1.3722), (0.9, 100, 1.2901), (0.975, 5, 2.5706), (0.975, 30, 2.0423)],
)
def test_quantiles_are_those_of_students_distribution(
    probability: float, degrees_of_freedom: float, exact: float
) -> None:
    """To 0.2 %, by the printed tables."""
    assert advance.student_quantile(probability, degrees_of_freedom) == pytest.approx(exact, rel=2e-3)
