"""The overview in a real browser: one screen, each block leading on, each finding to its chart at that place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import ROOT, Run, Server, serving

from . import everything
from .conftest import SETTLED, Watched

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]

LOWEST = """() => Math.max(...[...document.querySelectorAll('.overview *')].filter(each => each.checkVisibility())
  .map(each => each.getBoundingClientRect().bottom))"""
DRAWN = """title => {
  const card = [...document.querySelectorAll('.chart-card')].find(
    each => each.querySelector('.card-name').textContent === title);
  const plot = card?.querySelector('.js-plotly-plot');
  return plot?._fullLayout && plot.data.length ? plot._fullLayout.xaxis.range : null;
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A run with everything in it."""
    folder = tmp_path_factory.mktemp("runs") / "everything"
    everything.write(folder)
    with serving("--checkpoint-dir", folder, "--refresh-seconds", "1") as server:
        yield server


@pytest.fixture
def page(served: Server, browse: Browse) -> Page:
    """The overview at a desk."""
    page = browse().open(served.url)
    expect(page.locator("#overview-blocks")).to_contain_text("running away")
    page.evaluate(SETTLED)
    return page


def test_everything_is_on_one_screen(page: Page) -> None:
    """With warnings, a torn line and more findings than fit, no block needs scrolling at 1440 x 900."""
    assert page.evaluate(LOWEST) <= 900
    said = page.locator("body").inner_text()
    for words in (
        ", 10 info",
        "about the files",
        "Live",
        "usually every 10 s",
        "10 steps/s",
        "Left in this stage",
        "Object Permanence",
        "Since the start",
        "In the last hour",
        "Last consolidation",
        "1 of 11 passed",
        "and 4 more",
    ):
        assert words in said, words
    cards = page.locator("#overview-metrics .card-metric")
    assert [card.locator(".card-name").inner_text() for card in cards.all()] == [
        "Firing rate",
        "Capacity",
        "Performance",
        "Loss",
    ]
    points = "one => decodeURIComponent(getComputedStyle(one).maskImage).split('L').length"
    assert all(card.locator(".sparkline .course").evaluate(points) > 10 for card in cards.all())


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ("Status", "events"),
        ("Pace", r"metrics\?x=wall"),
        ("Left in this stage", "milestones"),
        ("Next stage", "milestones"),
        ("Loss", "metrics"),
        ("Health", "events"),
        ("Milestones", "milestones"),
        ("Growth", "growth"),
        ("Last consolidation", "consolidation"),
    ],
)
def test_each_block_leads_to_its_page(page: Page, served: Server, block: str, path: str) -> None:
    """Anywhere on it, also on its numbers."""
    heading = page.locator(".overview .block", has=page.get_by_role("heading", name=block, exact=True))
    box = heading.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] - 12, box["y"] + box["height"] - 6)
    expect(page).to_have_url(re.compile(re.escape(served.url) + path))
    expect(page.locator("#page .page:not(.overview)")).to_be_visible()


@pytest.mark.parametrize(
    ("finding", "chart", "inside", "outside"),
    [
        ("running away", "region_firing_rates/thalamus", 59_000, 40_000),
        ("cortex has been silent", "region_firing_rates/cortex", 40_100, 20_000),
        ("The firing rate has been too high", "Firing rate", 40_000, 20_000),
        ("loss was not finite", "Loss", 10_000, None),
        ("Capacity of hippocampus", "Capacity by region", 0, None),
    ],
)
def test_a_finding_leads_to_its_chart_at_that_place(
    page: Page, finding: str, chart: str, inside: int, outside: int | None
) -> None:
    """A click shows the series' chart, zoomed to where the trouble began."""
    link = page.get_by_role("link", name=finding)
    if not link.is_visible():
        page.locator(".overview summary").click()
    link.click()
    page.wait_for_function(f"title => ({DRAWN})(title) !== null", arg=chart)
    page.wait_for_function(
        "() => document.getElementById('view-words').textContent.startsWith('Zoomed to steps')"
    )
    shown: Any = page.evaluate(DRAWN, chart)
    assert shown[0] <= inside <= shown[1]
    assert outside is None or not shown[0] <= outside <= shown[1]


def test_a_forgotten_milestone_leads_to_the_checklist(page: Page) -> None:
    """It has no chart."""
    page.locator(".overview summary").click()
    page.get_by_role("link", name="sensorimotor_maintained was lost").click()
    expect(page.locator(".milestone-failed", has_text="sensorimotor_maintained")).to_be_visible()


def test_what_was_unfolded_and_where_the_keyboard_was_stay(browse: Browse, run: Run) -> None:
    """New lines neither fold up what is being read nor take the focus from a link."""
    everything.write(run.directory)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        page = browse().open(server.url)
        page.locator("#frame-warnings summary").click()
        page.locator(".overview summary").click()
        link = page.get_by_role("link", name="cortex has been silent")
        link.focus()
        link.evaluate("link => window.before = link")
        for step in (70_000, 70_100):
            run.metrics(step, **{"region_firing_rates/cortex": 0.001})
            expect(page.locator("#frame-header")).to_contain_text(f"{step:,}")
        page.wait_for_function("() => !window.before.isConnected")  # dash has made all of it anew
        expect(page.get_by_text("Memory pressure 0.79")).to_be_visible()
        expect(page.get_by_role("link", name="sensorimotor_maintained was lost")).to_be_visible()
        expect(link).to_be_focused()
        page.locator("#frame-warnings summary").click()
        run.metrics(70_200)
        expect(page.locator("#frame-header")).to_contain_text("70,200")
        page.evaluate(SETTLED)
        expect(page.get_by_text("Memory pressure 0.79")).to_be_hidden()
        page.goto("about:blank")


def test_a_notice_that_says_the_same_is_not_announced_again(browse: Browse, run: Run) -> None:
    """A live region is left alone by a refresh that changes nothing in it."""
    everything.write(run.directory)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        page = browse().open(server.url)
        expect(page.locator("#frame-notice")).to_contain_text("about the files")
        page.evaluate("""() => { window.changes = 0;
            new MutationObserver(() => { window.changes += 1; }).observe(
                document.getElementById('frame-notice'), {subtree: true, childList: true, characterData: true}); }""")
        run.metrics(70_000)
        expect(page.locator("#frame-header")).to_contain_text("70,000")
        assert page.evaluate("window.changes") == 0
        run.append("{torn\n")
        expect(page.locator("#frame-notice")).to_contain_text("2 notes about the files")
        page.goto("about:blank")


def test_the_overview_of_a_run_without_a_curriculum_has_its_metrics(browse: Browse) -> None:
    """That its files never have growth or sleep hides those two blocks' content, and nothing else."""
    with serving("--checkpoint-dir", ROOT / "fixtures" / "thalia_head") as server:
        page = browse().open(server.url)
        expect(page.locator("#overview-metrics .block").first).to_be_visible()
        expect(page.locator("#overview-blocks .block")).to_have_count(4)
        expect(page.locator("#overview-blocks")).to_contain_text("never tell of growth")
        expect(page.locator("#overview-blocks .block").last).to_be_visible()
        page.goto("about:blank")
