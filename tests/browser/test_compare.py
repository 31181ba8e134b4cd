"""Comparing runs in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import Run, Server, serving
from thalia_monitor.reading.library import run_id

from .conftest import Watched

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]
DRAWN = """() => { const plot = document.querySelector('.chart-card .js-plotly-plot');
    if (!plot?._fullLayout) return null;
    return {range: plot._fullLayout.xaxis.range, lines: plot.data.filter(each => each.showlegend !== false)
        .map(each => [each.name, each.x.at(-1)])}; }"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three runs."""
    for number in range(3):
        (tmp_path / "root" / f"run-{number}").mkdir(parents=True)
        run = Run(tmp_path / "root" / f"run-{number}")
        run.metrics(*range(0, 2000, 100), performance=0.1 * number)
        run.metadata(1900)
    return tmp_path / "root"


@pytest.fixture
def server(root: Path, tmp_path: Path) -> Iterator[Server]:
    """Two workers on the runs."""
    options = ("--root", root, "--refresh-seconds", "1", "--cache-dir", tmp_path / "cache")
    with serving("serve", "--workers", "2", *options) as started:
        yield started


def wait_for(page: Page, name: str, step: int) -> None:
    """Wait until a run's line has reached a step."""
    page.wait_for_function(
        f"() => (({DRAWN})()?.lines || []).some(([name, last]) => name === {name!r} && last === {step})"
    )


def test_a_comparison_follows_every_run_and_keeps_the_zoom(
    server: Server, root: Path, browse: Browse
) -> None:
    """New points of any compared run arrive, a zoom stays, and the differences are those of now."""
    runs = ",".join(run_id(root / f"run-{number}") for number in (0, 2))
    page = browse().open(server.url + f"compare?runs={runs}&of=performance")
    wait_for(page, "run-2", 1900)
    box = page.locator(".chart-card .nsewdrag").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 62, steps=8)
    page.mouse.up()
    page.wait_for_function(f"() => ({DRAWN})().range[1] < 1500")
    zoomed = page.evaluate(DRAWN)["range"]
    Run(root / "run-2").metrics(2000, performance=0.9)
    expect(page.locator("#compare-differences")).to_contain_text("0.9 step 2,000")
    expect(page.locator(".chart-card .note")).to_contain_text("paused")
    assert page.evaluate(DRAWN)["range"] == pytest.approx(zoomed)


def test_the_choice_is_in_the_address(server: Server, root: Path, browse: Browse) -> None:
    """Runs added and removed, the baseline, the series and the step: a link shows the same comparison."""
    page = browse().open(server.url + "compare")
    rows = page.locator("#compare-table tbody tr")
    expect(rows).to_have_count(3)
    rows.filter(has_text="run-1").get_by_role("button", name=re.compile("Leave")).click()
    expect(rows).to_have_count(2)
    rows.filter(has_text="run-0").get_by_role("button", name=re.compile("Compare the others")).click()
    page.locator("#compare-series").select_option("performance")
    page.get_by_label("Values at step").fill("500")
    page.keyboard.press("Enter")
    expect(page.locator("#compare-differences")).to_contain_text("At step 500")
    expect(page.get_by_role("heading", name="Performance")).to_be_visible()
    other = browse().open(page.url)
    expect(other.locator("#compare-table tbody tr")).to_have_count(2)
    expect(other.locator("#compare-differences")).to_contain_text("At step 500")
    pressed = other.locator("#compare-table tr", has=other.locator("[data-compare=base][aria-pressed=true]"))
    expect(pressed).to_contain_text("run-0")
    page.get_by_role("button", name="Compare run-1 too").click()
    expect(rows).to_have_count(3)
    page.locator("nav").get_by_role("link", name="Metrics").click()
    expect(page.get_by_role("heading", name="Loss")).to_be_visible()
    assert "runs=" not in page.url
    page.locator("nav").get_by_role("link", name="Compare").click()
    expect(rows).to_have_count(3)
    assert "of=performance" in page.url
