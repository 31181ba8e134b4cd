"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.analysis.formatting import (
    MINUS,
    NumberKind,
    age,
    ago,
    beyond,
    counted,
    duration,
    joined,
    number,
    points,
    rough,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (0.9, "just now"),
        (1, "1 s"),
        (12, "12 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (252, "4 min 12 s"),
        (3599.9, "59 min 59 s"),
        (7500, "2 h 5 min"),
        (86_399, "23 h 59 min"),
        (93_600, "1 d 2 h"),
        (100 * 86_400, "100 d"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_an_age_is_said_by_its_two_greatest_units(seconds: float, words: str) -> None:
    """An age never wraps after a day, and the future is just now."""
    assert age(seconds) == words


def test_ago_reads_in_a_sentence() -> None:
    """Only an age that is one gets the word ago."""
    assert [ago(0), ago(12), ago(math.nan)] == ["just now", "12 s ago", "–"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "< 1 s"),
        (0.42, "0.4 s"),
        (1.0, "1 s"),
        (9.96, "10 s"),
        (59.7, "1 min"),
        (3600, "1 h"),
        (-3, "< 1 s"),
    ],
)
def test_a_short_duration_keeps_a_decimal(seconds: float, words: str) -> None:
    """A gap of 0.4 s is not 0 s, and rounding carries into the next unit."""
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (40, "40 s"),
        (100, "2 min"),
        (5400, "1.5 h"),
        (3600 * 30, "1.2 d"),
        (86_400 * 20, "20 d"),
        (3600, "1 h"),
    ],
)
def test_a_rough_duration_has_one_unit(seconds: float, words: str) -> None:
    """An estimate pretends no more than it can know."""
    assert rough(seconds) == words


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (84310, "count", "84,310"),
        (-3, "count", "−3"),
        (-0.2, "count", "0"),
        (0.23456, "value", "0.2346"),
        (0.25, "value", "0.25"),
        (0, "value", "0"),
        (-0.0, "value", "0"),
        (12345.6, "value", "12,346"),
        (12.3456, "value", "12.35"),
        (0.000955, "value", "0.000955"),
        (-0.00011, "value", "−0.00011"),
        (0.000012, "value", "1.2e−5"),
        (2.5e12, "value", "2.5e12"),
        (0.2345, "percent", "23.4 %"),
        (0.5, "percent", "50 %"),
        (1, "percent", "100 %"),
        (-0.04, "change", "−4 %"),
        (0.0412, "change", "+4.1 %"),
        (0.5, "change", "+50 %"),
        (-0.00001, "change", "0 %"),
        (12.54, "rate", "12.5"),
        (0.0834, "rate", "0.083"),
        (0.00834, "rate", "0.0083"),
        (None, "value", "–"),
        (math.nan, "value", "NaN"),
        (-math.inf, "percent", "−∞"),
        (math.inf, "count", "∞"),
    ],
)
def test_a_number_is_written_for_its_kind(value: float | None, kind: NumberKind, text: str) -> None:
    """Thousands are separated, shares are percentages, nothing missing is 0."""
    assert number(value, kind) == text


@given(
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["count", "value", "percent", "rate"])
)
def test_any_number_can_be_written(value: float, kind: NumberKind) -> None:
    """Every float has words, a true minus and no negative zero."""
    text = number(value, kind)
    assert text
    assert "-" not in text
    assert value < 0 or "−" not in text.split("e")[0]


@given(st.floats(1e-3, 1e8))
def test_a_written_value_is_close_to_the_number(value: float) -> None:
    """Four digits are kept of a value."""
    assert float(number(value).replace(",", "").replace("−", "-")) == pytest.approx(
        value, rel=6e-4, abs=5.1e-5
    )


def test_a_number_beyond_a_bound_looks_it() -> None:
    """Rounded as usual, unless that is the bound itself."""
    assert beyond(0.61239, 0.5) == "0.6124"
    assert beyond(0.50001, 0.5) == "0.50001"
    assert beyond(100_000.5, 100_000) == "100000.5"
    assert beyond(-0.100001, -0.1) == f"{MINUS}0.100001"
    assert beyond(0.5, 0.5) == "0.5"


def test_words_are_counted_and_joined() -> None:
    """One is singular, and a list reads as in a sentence."""
    assert [counted(1, "point"), counted(84310, "point")] == ["1 point", "84,310 points"]
    assert counted(2, "history", "histories") == "2 histories"
    assert [joined([]), joined(["a"]), joined(["a", "b", "c"])] == ["", "a", "a, b and c"]


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (0.025, "+2.5 points"),
        (-0.2, f"{MINUS}20 points"),
        (0.0004, "0 points"),
        (-0.0004, "0 points"),
        (1.0, "+100 points"),
    ],
)
def test_shares_differ_by_percentage_points(difference: float, text: str) -> None:
    """With a sign, unless they are as good as the same."""
    assert points(difference) == text
