"""Small pieces of a page: warnings that cannot be overlooked, problems that are never silent."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.screen import parts as components
from tests.screen import words
from tests.web.components.test_header import plain
from thalia_monitor.model.records import HealthWarning, Problem, Severity
from thalia_monitor.web.components import basic

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


def shown(*severities: Severity) -> Any:
    """The box of warnings of these severities."""
    return plain(basic.warnings([HealthWarning(each, f"about {each}") for each in severities]))


def test_no_warning_is_all_systems_healthy() -> None:
    """Said, not left blank."""
    box = shown()
    assert words(box) == "✓ All systems healthy"
    assert "notice-good" in box["props"]["className"]


@pytest.mark.parametrize(
    ("severities", "worst"),
    [
        ([INFO], "info"),
        ([INFO, WARNING], "warning"),
        ([WARNING, CRITICAL, INFO], "critical"),
        ([CRITICAL], "critical"),
    ],
)
def test_the_worst_severity_colours_the_box(severities: list[Severity], worst: str) -> None:
    """Whatever their order."""
    assert shown(*severities)["props"]["className"] == f"notice notice-{worst}"


def test_warnings_are_numbered_in_the_trainers_order() -> None:
    """A list with numbers; each has an icon and a word beside its colour."""
    box = shown(INFO, CRITICAL, WARNING)
    assert [each["type"] for each in components(box) if each["type"] in ("Ol", "Ul")] == ["Ol"]
    assert words(box) == (
        "3 health warnings ● info about info ✖ critical about critical ▲ warning about warning"
    )
    assert len({basic.ICONS[each] for each in Severity}) == 3


def test_many_warnings_are_bounded_and_counted() -> None:
    """A page of them would hide the run."""
    box = shown(*[WARNING] * 1000)
    assert words(box).startswith("1000 health warnings")
    assert words(box).endswith("and 980 beyond these")


def test_of_many_warnings_the_worst_stand_open() -> None:
    """Three of them, each with the number that it has in the trainer's list; the others are folded up."""
    box = shown(INFO, INFO, WARNING, INFO, CRITICAL, WARNING)
    [fold] = [each for each in components(box) if each["type"] == "Details"]
    folded = [each["props"]["value"] for each in components(fold) if each["type"] == "Li"]
    listed = [each["props"]["value"] for each in components(box) if each["type"] == "Li"]
    assert (folded, [each for each in listed if each not in folded]) == ([1, 2, 4], [3, 5, 6])
    assert "and 3 more" in words(fold)


def test_a_single_warning_is_singular() -> None:
    """Grammar is cheap."""
    assert words(shown(INFO)).startswith("1 health warning ●")


def test_a_text_from_the_log_is_text() -> None:
    """It is put in as a string, bounded, and isolated from the direction of its neighbours."""
    box = plain(basic.warnings([HealthWarning(INFO, "<script>" + "x" * 10_000)]))
    [text] = [each["props"] for each in components(box) if each["props"].get("className") == "log-text"]
    assert (len(text["children"]), text["dir"]) == (500, "auto")


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
