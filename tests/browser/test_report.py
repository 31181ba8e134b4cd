"""A report in a real browser without a network: drawn, zoomed, printed, harmless, and saved by the page's link."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.export.test_report import HOSTILE, report
from tests.support import FIXTURES, Run, line, serving, wait_until
from thalia_monitor.reading.library import run_id

from .conftest import Watched
from .test_pages import TURNED

pytestmark = pytest.mark.browser

SIDEWAYS = "document.documentElement.scrollWidth - window.innerWidth"
WIDE = "each => each.getBoundingClientRect().right > 681"
RANGES = "[...document.querySelectorAll('.chart:not(.own-axis)')].map(each => each.layout.xaxis.range)"


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Callable[..., tuple[Watched, Page]]]:
    """Open a file offline at a width and wait until its charts are drawn."""
    contexts = []

    def look(file: Path, width: int = 1440) -> tuple[Watched, Page]:
        context = chromium.new_context(viewport={"width": width, "height": 900}, offline=True)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.goto(file.as_uri())
        watched.page.wait_for_selector("html[data-drawn]", state="attached", timeout=60_000)
        return watched, watched.page

    yield look
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_it_is_complete_without_a_network(
    tmp_path: Path, opened: Callable[..., tuple[Watched, Page]], width: int
) -> None:
    """Every chart is drawn, nothing is complained about, nothing scrolls sideways, and axe has nothing to say."""
    report(FIXTURES / "healthy", "-o", tmp_path / "run.html")
    watched, page = opened(tmp_path / "run.html", width)
    charts = page.locator(".chart")
    assert page.locator(".chart .main-svg .xaxislayer-above").count() == charts.count() > 15
    assert page.evaluate(SIDEWAYS) <= 0
    assert page.evaluate(TURNED) == [], "numbers are turned, since they do not fit beside each other"
    assert watched.complaints == []
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_charts_of_steps_zoom_together(tmp_path: Path, opened: Callable[..., tuple[Watched, Page]]) -> None:
    """A button or a drag zooms all of them; a double click shows the whole run again."""
    report(FIXTURES / "healthy", "-o", tmp_path / "run.html")
    watched, page = opened(tmp_path / "run.html")
    before = page.evaluate(RANGES)
    page.locator("[data-zoom=in]").first.click()
    wait_until(lambda: len({str(each) for each in page.evaluate(RANGES)}) == 1)
    assert page.evaluate(RANGES)[0][0] > 10_000
    page.locator("[data-zoom=reset]").first.click()
    wait_until(lambda: page.evaluate(RANGES) == before)
    area = page.locator(".chart .nsewdrag").nth(1)
    area.scroll_into_view_if_needed()
    plot = area.bounding_box()
    assert plot
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + 40)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] * 0.75, plot["y"] + 45, steps=5)
    page.mouse.up()
    wait_until(lambda: 100_000 < page.evaluate(RANGES)[0][0] < page.evaluate(RANGES)[0][1] < 260_000)
    assert watched.complaints == []


def test_it_prints_on_a4(tmp_path: Path, opened: Callable[..., tuple[Watched, Page]]) -> None:
    """Pages of A4, no wider than the paper, with the charts that the screen has."""
    report(FIXTURES / "healthy", "-o", tmp_path / "run.html")
    _, page = opened(tmp_path / "run.html")
    content = page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", content)
    assert 5 < len(boxes) < 30
    assert {(round(float(width)), round(float(height))) for width, height in boxes} == {(595, 842)}
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 900})
    assert page.evaluate(f"[...document.querySelectorAll('.main-svg, table')].filter({WIDE}).length") == 0


def test_text_of_a_log_does_nothing(
    run: Run, tmp_path: Path, opened: Callable[..., tuple[Watched, Page]]
) -> None:
    """Names made to break out of HTML and of a script, and the hostile fixture: no dialog, no request, no markup."""
    for name in HOSTILE:
        run.append(line(1, **{name: 0.5}), line(2, **{name: 0.6}))
        run.append(line(2, neuron_counts={name: 5}, capacity_by_region={name: 0.9}))
        run.append(line(2, event_type="growth", region=name, neurons_added=5, new_total=9, reason=name))
    run.metadata(2, warnings=[{"severity": "critical", "message": name} for name in HOSTILE])
    shutil.copytree(FIXTURES / "hostile", tmp_path / "<img src=x onerror=alert(7)>")
    for directory in (run.directory, tmp_path / "<img src=x onerror=alert(7)>"):
        report(directory, "-o", tmp_path / "run.html", "--force")
        watched, page = opened(tmp_path / "run.html")
        for chart in page.locator(".nsewdrag").all()[:4]:
            chart.hover()
        assert page.locator("main img, main script, main iframe, main [onerror], main [onload]").count() == 0
        assert watched.complaints == []


def test_the_page_saves_it(tmp_path: Path, browse: Callable[..., Watched]) -> None:
    """A link in the settings; on the comparison page it saves the comparison."""
    runs = [each for name in ("healthy", "resumed") for each in ("--checkpoint-dir", FIXTURES / name)]
    with serving(*runs) as server:
        watched = browse()
        page = watched.open(server.url)  # no run is named: the first one is on the screen
        expect(page.locator("#report-link")).to_have_attribute(
            "href", f"/report/{run_id(FIXTURES / 'healthy')}"
        )
        run = run_id(FIXTURES / "resumed")
        page = watched.open(f"{server.url}?run={run}")
        page.click("#settings-open")
        with page.expect_download() as saving:
            page.click("#report-link")
        saving.value.save_as(tmp_path / "one.html")
        assert saving.value.suggested_filename == "resumed.html"
        assert "<h1><bdi>resumed</bdi></h1>" in (tmp_path / "one.html").read_text(encoding="utf-8")
        page.click(".links a[href$='/compare']")
        expect(page.locator("#compare-table [data-compare=base]")).to_have_count(2)
        page.locator(f"#compare-table [data-compare=base][data-run-id='{run}']").click()
        expect(page.locator("#compare-table [aria-pressed=true]")).to_have_attribute("data-run-id", run)
        if not page.locator("#report-link").is_visible():
            page.click("#settings-open")
        with page.expect_download() as saving:
            page.click("#report-link")
        saving.value.save_as(tmp_path / "two.html")
        assert "Differences are from resumed" in (tmp_path / "two.html").read_text(encoding="utf-8")
        page.close()
