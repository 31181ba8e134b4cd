"""Tables of events: every row can be found, sorted and paged to."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.screen import Screen, parts
from tests.support import Run, line
from thalia_monitor.web.app import create_app
from thalia_monitor.web.components.event_table import ROWS, arrange

FRAME = pd.DataFrame(
    {
        "step": pd.array([60_000, 260_000, None, 60_000], dtype="Int64"),
        "region": pd.array(["cortex", "Thalamus (left)", "cortex", None], dtype="str"),
        "share": [0.5, 0.25, float("nan"), 0.75],
    }
)


def found(query: str = "", column: str = "", ascending: bool = True) -> list[int]:
    """The positions of the rows that a search and a sort show."""
    return [int(each) for each in arrange(FRAME, query, column, ascending).index]


def test_the_newest_come_first_by_default() -> None:
    """Last line of the log, first row of the table."""
    assert found() == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("cortex", [2, 0]),
        ("CORTEX ", [2, 0]),
        ("(left)", [1]),
        (".*", []),
        ("60000", [3, 0]),
        ("60,000", [3, 0]),
        ("6", []),
        ("nothing like it", []),
        ("   ", [3, 2, 1, 0]),
    ],
)
def test_a_filter_is_a_text_in_any_cell_or_a_whole_number(query: str, rows: list[int]) -> None:
    """Case does not matter, no character is special, and 60,000 is not found in 260,000."""
    assert found(query) == rows


def test_a_sort_puts_missing_values_last_either_way() -> None:
    """Equal ones stay in the log's order."""
    assert found(column="step") == [0, 3, 1, 2]
    assert found(column="step", ascending=False) == [1, 0, 3, 2]
    assert found(column="region", ascending=False) == [0, 2, 1, 3] or found(column="region") == [1, 0, 2, 3]
    assert found(column="no such column") == [3, 2, 1, 0]


@given(
    st.lists(st.none() | st.integers(0, 99), max_size=30),
    st.text(max_size=3),
    st.sampled_from(["", "step", "region", "else"]),
    st.booleans(),
)
def test_arranging_never_makes_up_or_repeats_a_row(
    steps: list[int | None], query: str, column: str, ascending: bool
) -> None:
    """Whatever is searched and sorted by: a selection of the rows, each once; an empty search finds all."""
    frame = pd.DataFrame(
        {"step": pd.array(steps, dtype="Int64"), "region": pd.array(["a"] * len(steps), dtype="str")}
    )
    chosen = arrange(frame, query, column, ascending)
    assert chosen.index.is_unique
    assert set(chosen.index) <= set(frame.index)
    if not query.strip():
        assert len(chosen) == len(frame)


@pytest.fixture
def screen(run: Run) -> Screen:
    """The growth page of a run with sixty events."""
    for number in range(60):
        run.append(
            line(
                number * 100,
                event_type="growth",
                region="cortex" if number % 2 else "striatum",
                neurons_added=60 - number,
                new_total=None,
                reason="=HYPERLINK(1)",
            )
        )
    return Screen(create_app(run.directory).server.test_client(), "/growth")


def test_a_page_shows_twenty_five_rows_and_says_of_how_many(screen: Screen) -> None:
    """Not the last ten only: all can be reached."""
    assert len(screen.rows("growth-log")) == ROWS == 25
    assert screen.text("growth-log-count") == "1–25 of 60"
    screen.change("growth-log-page", active_page=3)
    assert len(screen.rows("growth-log")) == 10
    assert screen.text("growth-log-count") == "51–60 of 60"


def test_a_filter_narrows_and_says_from_how_many(screen: Screen) -> None:
    """A search that finds nothing says so; a page that is no more is the last there is."""
    screen.change("growth-log-page", active_page=3)
    screen.change("growth-log-query", value="cortex")
    assert screen.text("growth-log-count") == "26–30 of 30 (filtered from 60)"
    screen.change("growth-log-query", value="hippocampus")
    assert (screen.rows("growth-log"), screen.text("growth-log-count")) == ([], "none of 60 match")


def test_a_heading_sorts_and_turns_round(screen: Screen) -> None:
    """The first click ascending, the second descending, said to screen readers too."""
    heading = {"type": "growth-log-sort", "column": "neurons_added"}
    for click, first, said in ((1, "1", "ascending"), (2, "60", "descending")):
        screen.change(heading, n_clicks=click)
        assert screen.rows("growth-log")[0][2] == first
        assert screen.component({"type": "growth-log-sorted", "column": "neurons_added"})["aria-sort"] == said
        assert screen.component({"type": "growth-log-sorted", "column": "step"})["aria-sort"] == "none"


def test_new_events_leave_search_and_sort_as_they_are(screen: Screen, run: Run) -> None:
    """A refresh changes the rows, not what the reader asked for."""
    screen.change({"type": "growth-log-sort", "column": "neurons_added"}, n_clicks=1)
    screen.change("growth-log-query", value="striatum")
    run.append(line(9000, event_type="growth", region="striatum", neurons_added=0, reason="x"))
    screen.refresh()
    assert screen.rows("growth-log")[0][:3] == ["9,000", "striatum", "0"]
    assert screen.text("growth-log-count") == "1–25 of 31 (filtered from 61)"


def test_a_missing_cell_is_a_dash(screen: Screen) -> None:
    """Not a zero, not "nan"."""
    assert {row[3] for row in screen.rows("growth-log")} == {"–"}


def test_digits_stand_below_each_other_and_below_their_heading(screen: Screen) -> None:
    """Also where one of them is missing; a region or a reason begins on the left."""
    kinds = [
        {"number" in cell["props"].get("className", "") for cell in column}
        for column in zip(
            [each for each in parts(screen.layout) if each["type"] == "Th"],
            *(row["props"]["children"] for row in screen.component("growth-log-rows")["children"]),
            strict=True,
        )
    ]
    assert kinds == [{True}, {False}, {True}, {True}, {False}]


def test_a_long_text_is_cut(run: Run) -> None:
    """A reason of ten thousand characters does not stretch the page."""
    run.append(line(1, event_type="growth", region="r" * 10_000, neurons_added=1, reason="y" * 10_000))
    screen = Screen(create_app(run.directory).server.test_client(), "/growth")
    [row] = screen.rows("growth-log")
    assert max(map(len, row)) <= 300


def test_an_address_can_say_what_to_search_for(client: Any, run: Run) -> None:
    """A click on a marker leads to its row."""
    run.append(*(line(step, event_type="growth", region="cortex", neurons_added=1) for step in (100, 200)))
    screen = Screen(client, "/growth", search="?find=200")
    assert [row[0] for row in screen.rows("growth-log")] == ["200"]
