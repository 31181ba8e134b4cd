"""Small pieces of a page: problems that are never silent, trends."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from tests.screen import words
from tests.web.components.test_header import plain
from thalia_monitor.figures.metrics import Course
from thalia_monitor.metric_info import Band
from thalia_monitor.model.records import Problem
from thalia_monitor.web.components import basic


def test_problems_are_folded_up_counted_and_named() -> None:
    """File, line, reason; how many more there are."""
    listed = [Problem("training_log.json", number, "is torn") for number in range(1, 61)]
    box = plain(basic.problems(listed, 1234))
    assert box["type"] == "Details"
    assert words(box).startswith("1,234 notes about the files training_log.json, line 1: is torn")
    assert words(box).endswith("and 1,184 more")
    assert basic.problems([], 0) is None
    assert words(plain(basic.problems(listed[:1], 1))).startswith("1 note about the files")


@given(st.lists(st.none() | st.floats(-1e9, 1e9), max_size=80))
def test_a_sparkline_is_a_line_through_each_value_within_its_box(values: list[float | None]) -> None:
    """From 6 to 94 % of the height; a gap where there is no value, and nothing where there is none at all."""
    shown = plain(basic.sparkline(Course(values)))["props"].get("children")
    places = [place for place, value in enumerate(values) if value is not None]
    if not places:
        assert shown is None
        return
    [line] = shown
    address = line["props"]["style"]["--course"]
    assert address.startswith('url("data:image/svg+xml,') and not set(address[5:-2]) & set('"<>#\\')
    picture = ElementTree.fromstring(unquote(address[len('url("data:image/svg+xml,') : -2]))
    assert picture.attrib["viewBox"] == f"0 0 {len(values)} 100"
    [path] = picture
    points = re.findall(r"([ML])(\d+)\.5 ([\d.]+)", path.attrib["d"])
    assert [int(place) for _, place, _ in points] == places
    assert all(6 <= float(height) <= 94 for _, _, height in points)
    begins = [place for place in places if place - 1 not in places]
    assert [int(place) for pen, place, _ in points if pen == "M"] == begins
    alone = [place for place in begins if place + 1 not in places]
    assert path.attrib["d"].count("h0") == len(alone)  # a dot, as a line of one point would not be seen


def test_a_sparkline_has_the_stage_boundaries_and_the_range() -> None:
    """The range as wide as the box, at its height; a boundary at its share of the width."""
    band = Band(0.25, 0.75, "healthy")
    course = Course([0.0, 1.0, 0.5, 0.5], stages=(0.25, 0.75), band=band)
    healthy, stages, _ = plain(basic.sparkline(course))["props"]["children"]
    assert healthy["props"]["style"] == {"top": "28%", "height": "44%"}
    assert "d='M1 0v100M3 0v100'" in unquote(stages["props"]["style"]["--course"])
    caution = basic.sparkline(replace(course, band=replace(band, healthy=False)))
    assert plain(caution)["props"]["children"][0]["props"]["className"] == "range range-caution"


def test_an_empty_state_says_what_and_what_to_do() -> None:
    """Two sentences."""
    assert words(plain(basic.empty("Nothing here", "Do something."))) == "Nothing here Do something."
