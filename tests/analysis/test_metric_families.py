"""Families of metrics: one scale for what is in one unit, the spread of weights, and a sentence in numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from tests.figures.states import made
from thalia_monitor.analysis import metric_families as families
from thalia_monitor.figures import metrics
from thalia_monitor.figures.chart import View
from thalia_monitor.model.history import Column, Floats
from thalia_monitor.model.run import TrainingState

VIEW = View()


def run(metrics: Mapping[str, list[float] | float], lines: int = 100) -> TrainingState:
    """A run that logs these at steps 0, 10, 20, ...; one number is logged on every line."""
    state = made([0.0] * lines)
    found: dict[str, Column] = {}
    for name, each in metrics.items():
        values: Floats = np.broadcast_to(np.asarray(each, np.float64), (lines,)).copy()
        found[name] = Column(values)
    object.__setattr__(state.history, "metrics", found)
    return state


def scale(state: TrainingState, name: str) -> list[float]:
    """The y range of a series' chart."""
    found: list[float] = metrics.family_member(state, name, VIEW).layout["yaxis"]["range"]
    return found


def test_paths_with_two_series_are_families() -> None:
    """By the first part of the path, whatever separates it; those of the brain first, of weights the means."""
    names: dict[str, list[float] | float] = {
        **dict.fromkeys(("loss", "a/x", "b.x", "b.y", "neuromodulator/ne", "neuromodulator/ach"), 1.0),
        **dict.fromkeys(("weights/p_mean", "weights/p_std", "weights/p_min", "weights/q_std"), 1.0),
    }
    found = families.metric_families(run(names))
    assert list(found) == ["neuromodulator", "weights", "b"]
    assert found["weights"].members == ("weights/p_mean", "weights/q_std")
    assert found["b"].members == ("b.x", "b.y")


def test_series_of_one_unit_share_a_scale() -> None:
    """It holds all of them, and their bands; another unit has a scale of its own."""
    state = run(
        {
            "oscillator/theta_frequency": 8.0,
            "oscillator/gamma_frequency": 40.0,
            "oscillator/theta_phase": 3.0,
        }
    )
    assert scale(state, "oscillator/theta_frequency") != scale(state, "oscillator/theta_phase")
    state = run({"neuromodulator/ne": 0.2, "neuromodulator/ach": 0.9})
    low, high = scale(state, "neuromodulator/ne")
    assert scale(state, "neuromodulator/ach") == [low, high]
    assert low <= 0.2 < 0.9 <= high


def test_theta_has_its_band() -> None:
    """6.5 to 8.5 Hz, in sight whatever the values are, and in words."""
    state = run({"oscillator/theta_frequency": 7.5, "oscillator/theta_phase": 1.0})
    chart = metrics.family_member(state, "oscillator/theta_frequency", VIEW)
    assert [(each["y0"], each["y1"]) for each in chart.layout["shapes"]] == [(6.5, 8.5)]
    low, high = chart.layout["yaxis"]["range"]
    assert low <= 6.5 < 8.5 <= high
    family = families.metric_families(state)["oscillator"]
    assert "oscillator/theta_frequency 7.5 Hz, in 6.5–8.5" in families.family_sentence(state, family)


def test_weights_are_a_mean_with_its_deviation() -> None:
    """A ribbon from mean - sd to mean + sd, and the scale holds it."""
    state = run({"weights/p_mean": 0.5, "weights/p_std": 0.2, "weights/p_min": 0.0, "weights/p_max": 1.0})
    low, high, mean, *_ = metrics.family_member(state, "weights/p_mean", VIEW).traces
    assert (low["y"][0], high["y"][0], mean["y"][0]) == pytest.approx((0.3, 0.7, 0.5))
    assert high["fill"] == "tonexty"
    bottom, top = scale(state, "weights/p_mean")
    assert bottom <= 0.3 < 0.7 <= top


def test_ends_of_a_range_without_a_mean_are_no_mean() -> None:
    """Minimum and maximum alone are charts of their own, and say nothing of a mean."""
    state = run({"weights/q_min": 0.0, "weights/q_max": 1.0, "weights/r_std": 0.5})
    assert families.family_sentence(state, families.metric_families(state)["weights"]) == "weights: 3 series."


def test_drift_is_over_50_000_steps() -> None:
    """Of the newest mean from that of 50,000 steps before; none in a shorter run."""
    lines = 6_001
    mean = [0.2] * 1_001 + [0.25] * 5_000
    state = run({"weights/p_mean": mean, "weights/p_min": 0.0, "weights/p_max": 0.26}, lines)
    series = state.history.series("weights/p_mean")
    assert series is not None
    assert families.drift(series) == pytest.approx(0.05)
    words = families.family_sentence(state, families.metric_families(state)["weights"])
    assert "largest drift weights/p 0.05 in 50,000 steps, 1 of 1 at least 0.01" in words
    assert "1 of 1 means near an end of their range" in words
    short = run({"weights/p_mean": 0.2, "weights/p_std": 0.1}).history.series("weights/p_mean")
    assert short is not None
    assert families.drift(short) is None


def test_a_logarithmic_chart_leaves_the_scale() -> None:
    """As does one that hides its outliers."""
    state = run({"neuromodulator/ne": 0.2, "neuromodulator/ach": 0.9})
    chart = metrics.family_member(state, "neuromodulator/ne", View(log=frozenset({"neuromodulator/ne"})))
    assert "range" not in chart.layout["yaxis"]


def test_a_large_family_is_bounded() -> None:
    """Twelve charts; the sentence says where the others are."""
    state = run({f"task/{number}_x": 1.0 for number in range(500)})
    family = families.metric_families(state)["task"]
    assert (len(family.members), len(family.shown)) == (500, 12)
    assert "the first 12 drawn" in families.family_sentence(state, family)
