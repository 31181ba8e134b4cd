"""The bar of warnings below the header."""

from __future__ import annotations

from typing import Any

import pytest

from tests.screen import parts as components
from tests.screen import words
from tests.web.components.test_header import plain
from thalia_monitor.analysis.liveness import Liveness, Status
from thalia_monitor.analysis.summary import GONE_STALE, Summary, summarize
from thalia_monitor.model.records import HealthWarning, Severity, Source
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components.basic import ICONS
from thalia_monitor.web.components.header import bar, health_bar

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


def shown(*severities: Severity, found: tuple[Severity, ...] = ()) -> Any:
    """The bar of warnings of these severities, numbered from 0 in their texts, and of findings."""
    warned = [HealthWarning(each, f"{each} {number}") for number, each in enumerate(severities)]
    return plain(bar(warned, [HealthWarning(each, f"found {each}") for each in found], 320_000))


def test_without_a_warning_it_says_up_to_which_step() -> None:
    """Not that everything is healthy: nobody knows that."""
    box = shown()
    assert words(box) == "✓ No warnings at step 320,000"
    assert box["props"]["className"] == "health-bar notice-good"


@pytest.mark.parametrize(
    ("severities", "found", "worst"),
    [
        ([INFO], (), "info"),
        ([INFO, WARNING], (), "warning"),
        ([WARNING, CRITICAL, INFO], (), "critical"),
        ([INFO], (CRITICAL,), "critical"),
        ([], (WARNING,), "warning"),
    ],
)
def test_the_worst_severity_colours_it(
    severities: list[Severity], found: tuple[Severity, ...], worst: str
) -> None:
    """Whatever their order, and whoever found it."""
    assert shown(*severities, found=found)["props"]["className"] == f"health-bar notice-{worst}"


@pytest.mark.parametrize(
    ("severities", "counts"),
    [
        ([CRITICAL, WARNING, INFO, WARNING], "✖ 1 critical, 2 warnings, 1 info critical 0"),
        ([CRITICAL, CRITICAL], "✖ 2 critical critical 1"),
        ([WARNING], "▲ 1 warning warning 0"),
        ([INFO, INFO], "● 2 info info 1"),
    ],
)
def test_closed_it_counts_and_shows_the_newest_of_the_worst(severities: list[Severity], counts: str) -> None:
    """In one line."""
    [summary] = [each for each in components(shown(*severities)) if each["type"] == "Summary"]
    assert words(summary) == counts


def test_opened_it_lists_the_worst_first_by_the_trainers_numbers() -> None:
    """A list with numbers; each has an icon and a word beside its colour; own findings say so."""
    box = shown(INFO, CRITICAL, WARNING, found=(CRITICAL,))
    [listed] = [each for each in components(box) if each["type"] == "Ol"]
    assert words(listed) == (
        "✖ critical critical 1 ✖ critical, found in the numbers found critical ▲ warning warning 2 ● info info 0"
    )
    assert [each["props"]["value"] for each in components(listed) if each["type"] == "Li"] == [2, 4, 3, 1]
    assert len({ICONS[each] for each in Severity}) == 3


def test_many_warnings_are_bounded_and_counted() -> None:
    """A page of them would hide the run."""
    box = shown(*[WARNING] * 1000)
    assert words(box).startswith("▲ 1,000 warnings")
    assert words(box).endswith("and 980 beyond these")


def test_a_text_from_the_log_is_text() -> None:
    """It is put in as a string, bounded, and isolated from the direction of its neighbours."""
    box = plain(bar([HealthWarning(INFO, "<script>" + "x" * 10_000)], [], 0))
    texts = [each["props"] for each in components(box) if each["props"].get("className") == "log-text"]
    assert [(len(text["children"]), text["dir"]) for text in texts] == [(500, "auto")] * 2


def test_an_empty_directory_has_no_bar() -> None:
    """Nothing was examined."""
    assert health_bar(summarize(TrainingState(), 0.0)) is None


def test_a_stale_run_is_never_called_fine() -> None:
    """That nothing is written is the warning."""
    source = Source("training_log.json", "training log", 1)
    quiet = summarize(TrainingState(sources=(source,)), 0.0)
    assert words(plain(health_bar(quiet))) == "✓ No warnings at step 0"
    stale = Summary(quiet.state, 0.0, Liveness(Status.STALE, ""), ())
    assert words(plain(health_bar(stale))).startswith(f"✖ 1 critical {GONE_STALE}")
