"""Small pieces of a page: problems that are never silent, trends."""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from tests.screen import words
from tests.web.components.test_header import plain
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
def test_a_trend_has_a_bar_for_each_value_within_its_box(values: list[float | None]) -> None:
    """From 12 to 100 % of the height, the last one full; a gap where there is no value, and nothing where all are."""
    shown = plain(basic.sparkline(values))["props"]["children"]
    places = [place for place, value in enumerate(values) if value is not None]
    if not places:
        assert shown is None
        return
    address = shown["props"]["style"]["--course"]
    assert address.startswith('url("data:image/svg+xml,') and not set(address[5:-2]) & set('"<>#\\')
    picture = ElementTree.fromstring(unquote(address[len('url("data:image/svg+xml,') : -2]))
    assert picture.attrib["viewBox"] == f"0 0 {len(values)} 100"
    before, last = picture
    bars = re.findall(r"M(\d+) 100h.8v-(\d+)h-.8z", before.attrib["d"] + last.attrib["d"])
    assert [int(place) for place, _ in bars] == places
    assert all(12 <= int(height) <= 100 for _, height in bars)
    assert last.attrib["d"].count("M") == 1 and "fill-opacity" not in last.attrib


def test_an_empty_state_says_what_and_what_to_do() -> None:
    """Two sentences."""
    assert words(plain(basic.empty("Nothing here", "Do something."))) == "Nothing here Do something."
