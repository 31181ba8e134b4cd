"""Tables of events: every row can be found, sorted and paged to."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.screen import Screen, parts
from tests.support import Run, line
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.figures.marks import GLYPHS
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
    """The first click brings the greatest number to the top, the second the least; said to screen readers too."""
    heading = {"type": "growth-log-sort", "column": "neurons_added"}
    for click, first, said in ((1, "60", "descending"), (2, "1", "ascending")):
        screen.change(heading, n_clicks=click)
        assert screen.rows("growth-log")[0][2] == first
        assert screen.component({"type": "growth-log-sorted", "column": "neurons_added"})["aria-sort"] == said
        assert screen.component({"type": "growth-log-sorted", "column": "step"})["aria-sort"] == "none"


def test_a_text_is_sorted_from_a_to_z_first(screen: Screen) -> None:
    """Only numbers begin with the greatest."""
    screen.change({"type": "growth-log-sort", "column": "region"}, n_clicks=1)
    assert screen.component({"type": "growth-log-sorted", "column": "region"})["aria-sort"] == "ascending"
    assert screen.rows("growth-log")[0][1] == "cortex"


def test_chips_show_only_the_chosen_kinds(screen: Screen) -> None:
    """One for each region with its count; several add up, none shows all, and one that is not there is ignored."""
    kinds = screen.component("growth-log-kinds")
    assert [each["label"] for each in kinds["options"]] == ["striatum 30", "cortex 30"]
    screen.change("growth-log-kinds", value=["cortex"])
    assert {row[1] for row in screen.rows("growth-log")} == {"cortex"}
    assert screen.text("growth-log-count") == "1–25 of 30 (filtered from 60)"
    for every in (["cortex", "striatum"], [], ["nothing"], "nothing", None):
        screen.change("growth-log-kinds", value=every)
        assert screen.text("growth-log-count") == "1–25 of 60"


def test_filter_sort_and_chips_are_read_from_the_address(run: Run) -> None:
    """A link shows the same rows; what is no column or no text is ignored."""
    for number, region in enumerate(("cortex", "a, b", "cortex")):
        run.append(
            line(number, event_type="growth", region=region, neurons_added=number, reason=f"reason {number}")
        )
    client = create_app(run.directory).server.test_client()

    def shown(search: str) -> list[str]:
        return [row[0] for row in Screen(client, "/growth", search=search).rows("growth-log")]

    assert shown("?sort=neurons_added") == ["0", "1", "2"]
    assert shown("?sort=-neurons_added&kind=cortex") == ["2", "0"]
    assert shown("?kind=a%252C%20b") == ["1"]
    assert shown("?find=reason+1") == ["1"]
    assert shown("?sort=no_column&sort=step&kind=") == ["2", "1", "0"]
    heading = {"type": "growth-log-sorted", "column": "step"}
    assert Screen(client, "/growth", search="?sort=-step").component(heading)["aria-sort"] == "descending"


def test_rows_of_warnings_and_lost_milestones_have_the_colour_of_their_severity(run: Run) -> None:
    """What is nothing bad has none."""
    run.append(line(1, event_type="growth", region="cortex", neurons_added=1))
    for step, severity in ((2, "warning"), (3, "critical"), (4, "info")):
        run.append(line(step, event_type="warning", severity=severity, message=f"a note {step}"))
    for step, passed in ((5, True), (6, False)):
        run.append(line(step, event_type="milestone", results={"mnist_accuracy": passed}))
    screen = Screen(create_app(run.directory).server.test_client(), "/events")
    found = [each["props"].get("className", "") for each in screen.component("events-table-rows")["children"]]
    assert found == ["severity-warning", "", "severity-info", "severity-critical", "severity-warning", ""]
    kinds = [row[1].split() for row in screen.rows("events-table")]
    assert kinds[0] == [GLYPHS[MarkerKind.MILESTONE], "milestone"] and kinds[-1] == ["|", "growth"]


def test_a_row_knows_the_range_to_zoom_to_on_every_axis(run: Run) -> None:
    """One part in forty of the run to either side, in steps, in milliseconds and in hours since the start."""
    run.append(*(line(step, loss=0.5, timestamp=1.7e9 + 3.6 * step) for step in range(0, 4001, 10)))
    run.append(line(2000, event_type="growth", region="cortex", neurons_added=1))
    screen = Screen(create_app(run.directory).server.test_client(), "/growth")
    [row] = screen.component("growth-log-rows")["children"]
    assert json.loads(row["props"]["data-range"]) == {
        "step": [1900, 2100],
        "wall": [1_700_006_840_000, 1_700_007_560_000],
        "elapsed": [1.9, 2.1],
    }
    assert [cell["props"]["data-label"] for cell in row["props"]["children"]][:2] == ["Step", "Region"]


def test_new_events_leave_search_and_sort_as_they_are(screen: Screen, run: Run) -> None:
    """A refresh changes the rows, not what the reader asked for."""
    for click in (1, 2):
        screen.change({"type": "growth-log-sort", "column": "neurons_added"}, n_clicks=click)
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
            [each for each in parts(screen.component("growth-log")) if each["type"] == "Th"],
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
