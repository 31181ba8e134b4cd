"""The table of raw values: every one of them can be paged to, in full."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.build import restarted, series
from tests.screen import parts, words
from tests.web.components.test_header import plain
from thalia_monitor.web.components.value_table import ROWS, moment, named, page_of, table


@given(st.integers(1, 500))
def test_the_pages_hold_every_point_once(count: int) -> None:
    """The newest first, none left out, none twice."""
    whole = series([0.0] * count)
    pages = page_of(whole, 1).pages
    seen = [
        row
        for page in range(1, pages + 1)
        for shown in [page_of(whole, page)]
        for row in reversed(range(shown.first, shown.last))
    ]
    assert seen == list(reversed(range(count)))


def test_a_family_of_series_opens_with_its_first() -> None:
    """A chart of all regions leads to the values of one; a series that was chosen stays."""
    names = ["loss", "neurons.cortex", "neurons.striatum"]
    assert named(names, "neurons.") == "neurons.cortex"
    assert [named(names, chosen) for chosen in ("capacity.", "loss", "neurons.striatum", "l", None)] == [
        None
    ] * 5


@pytest.mark.parametrize("page", [None, 0, -3, 1])
def test_a_page_before_the_first_is_the_first(page: int | None) -> None:
    """Nothing chosen is the newest."""
    assert page_of(series([0.0] * 120), page).last == 120


def test_a_page_after_the_last_is_the_last() -> None:
    """It may hold fewer rows."""
    shown = page_of(series([0.0] * 120), 99)
    assert (shown.first, shown.last, shown.pages) == (0, 20, 3)
    assert shown.words == "1–20 of 120, newest first"


@given(st.integers(1, 300), st.floats(-10, 400))
def test_around_a_step_is_the_page_of_the_newest_point_at_or_before_it(count: int, step: float) -> None:
    """A step before the first one shows the oldest points."""
    shown = page_of(series([0.0] * count), 1, step)
    wanted = min(max(math.floor(step), 0), count - 1)
    assert shown.first <= wanted < shown.last
    assert shown.last - shown.first <= ROWS


def test_after_a_resume_the_newest_attempt_is_the_one_around_a_step() -> None:
    """The one that counts."""
    whole = restarted([0.0] * 400, 200, 200)
    assert page_of(whole, 1, 100).first >= 200


def test_an_empty_series_has_one_empty_page() -> None:
    """No row, and words that say so."""
    shown = page_of(series([]), 1)
    assert (shown.first, shown.last, shown.pages) == (0, 0, 1)
    assert shown.words == "no values"
    assert page_of(series([]), 1, 5).last == 0


def test_values_are_written_in_full() -> None:
    """No rounding; what is not finite by its name; the time where the line had one."""
    whole = series([1 / 3, math.nan, -math.inf], time=[0.5, math.nan, 1_765_200_000.0])
    rows = [each for each in parts(plain(table(whole, page_of(whole, 1)))) if each["type"] == "Tr"][1:]
    assert [words(row) for row in rows] == [
        "2 -inf 0 2025-12-08 13:20:00",
        "1 nan 0 –",
        "0 0.3333333333333333 0 1970-01-01 00:00:00",
    ]


@pytest.mark.parametrize("time", [math.nan, math.inf, -1.0, 1e30, 253_402_300_800])
def test_a_time_that_is_none_is_a_dash(time: float) -> None:
    """Beyond year 9999 there is no date to write."""
    assert moment(time) == "–"


def test_the_last_second_that_can_be_written() -> None:
    """Its fraction does not carry it over."""
    assert moment(253_402_300_799) == "9999-12-31 23:59:59"
