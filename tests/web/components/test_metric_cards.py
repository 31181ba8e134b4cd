"""The metric cards: a value, its change, and whether that is good, said with more than a colour."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.screen import words
from thalia_monitor.analysis.formatting import number
from thalia_monitor.analysis.quantities import judgement
from thalia_monitor.model.records import Checkpoint
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components.metric_cards import metric_cards


def cards(*metrics: dict[str, float]) -> list[Any]:
    """The cards of checkpoints with these metrics."""
    points = tuple(
        Checkpoint(f"metadata_{step}.json", step, metrics=each) for step, each in enumerate(metrics)
    )
    return [each.to_plotly_json() for each in metric_cards(TrainingState(checkpoints=points))]


def card(name: str, *values: float) -> tuple[str, str]:
    """What the card of a metric says of its change, and the class that colours it."""
    [found] = [
        each
        for each in cards(*({name: value} for value in values))
        if words(_plain(each)).startswith(_title(name))
    ]
    change = found["props"]["children"][3].to_plotly_json()["props"]
    return change["children"], change["className"]


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize() + " "


def _plain(component: Any) -> Any:
    """A component as its JSON."""
    if hasattr(component, "to_plotly_json"):
        return _plain(component.to_plotly_json())
    if isinstance(component, dict):
        return {key: _plain(value) for key, value in component.items()}
    return [_plain(each) for each in component] if isinstance(component, list) else component


@pytest.mark.parametrize(
    ("name", "delta", "verdict"),
    [
        ("loss", -0.1, "good"),
        ("loss", 0.1, "bad"),
        ("performance", 0.1, "good"),
        ("performance", -0.1, "bad"),
        ("firing_rate", 0.1, "neutral"),
        ("firing_rate", -0.1, "neutral"),
        ("capacity", 0.1, "neutral"),
        ("capacity", -0.1, "neutral"),
        ("loss", 0.0, "neutral"),
        ("prediction_error", -0.1, "good"),
        ("calibration_ece", 0.1, "bad"),
        ("dopamine", 0.1, "neutral"),
    ],
)
def test_which_way_is_good(name: str, delta: float, verdict: str) -> None:
    """Loss and errors down, performance up; firing rate and capacity are good within a range, so neither way."""
    assert judgement(name, delta) == verdict


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_good_one_way_is_bad_the_other(delta: float) -> None:
    """A verdict turns round with the sign."""
    turned = {"good": "bad", "bad": "good", "neutral": "neutral"}
    assert judgement("loss", -delta) == turned[judgement("loss", delta)]


def test_the_newest_checkpoint_and_its_change_stand_below_the_value() -> None:
    """Colour is never alone."""
    assert card("loss", 0.5, 0.25) == (
        "checkpoint 1: 0.25 (\u22120.25, better)",
        "change change-good saved",
    )
    assert card("performance", 0.5, 0.25)[0].endswith("worse)")
    assert card("capacity", 0.5, 0.5) == ("checkpoint 1: 0.5 (+0)", "change change-neutral saved")


@pytest.mark.parametrize(
    "values", [(0.5,), (0.5, math.nan), (math.nan, 0.5), (math.inf, math.inf), (0.5, math.inf)]
)
def test_without_two_numbers_there_is_no_change(values: tuple[float, ...]) -> None:
    """A delta from nothing, or to what is no number, is not shown as one."""
    text, look = card("loss", *values)
    assert text == f"checkpoint {len(values) - 1}: {number(values[-1])}"
    assert look == "change change-neutral saved"


def test_a_missing_metric_is_a_dash_with_a_reason() -> None:
    """Never 0."""
    [firing, *_] = [words(_plain(each)) for each in cards({"loss": 1.0})]
    assert firing.startswith("Firing rate – not logged yet")


def test_a_value_that_is_not_finite_is_named() -> None:
    """The most important value of all."""
    loss = words(_plain(cards({"loss": math.nan})[3]))
    assert loss.startswith("Loss NaN")


def test_there_are_always_four_cards() -> None:
    """An empty run has the same page."""
    assert [words(_plain(each)).split(" – ")[0] for each in cards()] == [
        "Firing rate",
        "Capacity",
        "Performance",
        "Loss",
    ]
