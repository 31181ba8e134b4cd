"""Pages in a real browser under a busy writer, and under a server that is slower than the page asks."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support import Run, line, serving
from thalia_monitor.reading.library import run_id

from .conftest import SETTLED, Watched

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]

AGAIN = """window.underWay = 0;
const ask = {method: 'POST', body: '{"output":"again"}'};
if (location.protocol === 'http:') window.again = setInterval(() => {
  underWay += 1;
  fetch('/again/_dash-update-component', ask).finally(() => { underWay -= 1; });
}, 60);"""
"""Keeps callbacks under way all the time."""
SECONDS = 15
REGIONS = {"cortex": 1000, "hippocampus": 500}
SLOW = """
import time
from thalia_monitor.cli import main
from thalia_monitor.reading.run_reader import RunReader
read = RunReader.read
def slow(self, **more):
    time.sleep(2.5)
    return read(self, **more)
RunReader.read = slow
main()
"""
"""The command, reading for two and a half seconds each time."""


DRAWN = """step => [...document.querySelectorAll('.js-plotly-plot')].some(plot =>
  plot.data.some(trace => [...(trace.x || [])].includes(step)))"""
ARRIVED = """step => step <= Number(document.querySelector('#frame-header').textContent
  .match(/Step([\\d,]+)/)[1].replaceAll(',', ''))"""


@contextmanager
def a_line_every_100_ms(run: Run) -> Iterator[list[int]]:
    """Write metrics, growth and sleep until the block ends; gives the steps that were written."""
    steps, over = [2000], threading.Event()

    def write() -> None:
        while not over.wait(0.1):
            step = steps[-1] + 100
            run.metrics(step, firing_rate=0.1, neuron_counts=REGIONS)
            if step % 1000 == 0:
                run.append(line(step, event_type="growth", region="cortex", neurons_added=10))
                run.append(line(step, event_type="consolidation", sleep_stage="REM", patterns_replayed=9))
            steps.append(step)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield steps
    finally:
        over.set()
        writer.join()


def last_points(page: Page) -> list[float]:
    """The greatest x of each chart that has points."""
    found: list[float] = page.evaluate(
        """() => [...document.querySelectorAll('.js-plotly-plot')]
             .map(plot => Math.max(...plot.data.flatMap(trace => [...(trace.x || [])])))
             .filter(Number.isFinite)"""
    )
    return found


def test_three_browsers_stay_right_while_a_line_comes_every_100_ms(run: Run, browse: Browse) -> None:
    """Three pages follow the same writer, end where the files end, and nobody complains."""
    run.metadata(1900)
    run.metrics(*range(0, 2001, 100), firing_rate=0.1, neuron_counts=REGIONS)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        pages = [browse().open(server.url + name) for name in ("metrics", "growth", "consolidation")]
        with a_line_every_100_ms(run) as steps:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                for page in pages:
                    seen = steps[-1]
                    page.wait_for_function(ARRIVED, arg=seen)
        slept = steps[-1] // 1000 * 1000
        for page in pages:
            expect(page.locator("#frame-header")).to_contain_text(f"{steps[-1]:,}")
        events = sum(step % 1000 == 0 for step in steps[1:])
        for page in pages[1:]:
            expect(page.get_by_text(re.compile(rf"of {events}$")).first).to_be_visible()
        for page, last in zip(pages, (steps[-1], steps[-1], slept), strict=True):
            page.wait_for_function(DRAWN, arg=last)
            assert max(last_points(page)) <= steps[-1]
            page.close()
    assert [text for text in server.output if "rror" in text or "Traceback" in text] == []


def test_a_server_slower_than_the_interval_does_not_freeze_the_page(run: Run, browse: Browse) -> None:
    """Asked every second and answering after more than two, it still brings every page forward."""
    run.metadata(1900)
    run.metrics(*range(0, 2001, 100))
    program = (sys.executable, "-c", SLOW)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1", program=program) as server:
        page = browse().open(server.url + "metrics")
        for step in (2100, 2200, 2300):
            run.metrics(step)
            expect(page.locator("#frame-header")).to_contain_text(f"{step:,}")
            page.wait_for_function(DRAWN, arg=step)
        page.close()


@pytest.mark.parametrize("name", ["metrics", "milestones"])
def test_two_requests_at_once_at_a_slow_server_do_not_freeze_the_page(
    run: Run, browse: Browse, name: str
) -> None:
    """Each makes the other's answer worthless; they must not go on to take turns for ever."""
    run.metadata(1900)
    run.metrics(*range(0, 2001, 100))
    program = (sys.executable, "-c", SLOW)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1", program=program) as server:
        page = browse().open(server.url + name)
        expect(page.locator("#frame-header")).to_contain_text("2,000")
        for _ in range(2):
            with page.expect_request("**/_dash-update-component*"):
                page.evaluate("() => monitor.set('live-pulse', {data: Date.now()})")
            page.wait_for_timeout(1000)
        run.metrics(2100)
        expect(page.locator("#frame-header")).to_contain_text("2,100")
        page.close()


def test_a_run_that_is_gone_back_to_during_a_slow_answer_is_shown(tmp_path: Path, browse: Browse) -> None:
    """Also where the page does not refresh by itself: the answer about the other run is not waited for."""
    for name, last in (("early", 1000), ("late", 2000)):
        (tmp_path / name).mkdir()
        Run(tmp_path / name).metrics(*range(0, last + 1, 100))
    program = (sys.executable, "-c", SLOW)
    with serving("--root", tmp_path, "--refresh-seconds", "1", program=program) as server:
        page = browse().open(server.url + "metrics?run=" + run_id(tmp_path / "early"))
        page.locator("#settings-open").click()
        page.get_by_label("Auto-refresh").uncheck()
        page.locator("#runs-open").click()
        page.get_by_role("link", name="late", exact=True).click()
        expect(page.locator("#frame-header")).to_contain_text("2,000")
        page.locator("#settings-open").click()
        page.evaluate(SETTLED)
        with page.expect_request("**/_dash-update-component*"):
            page.get_by_role("button", name="Refresh now").click()
        page.go_back()
        expect(page.locator("#frame-header")).to_contain_text("1,000")
        page.close()


def test_a_page_is_shown_though_some_callback_is_always_under_way(run: Run, browse: Browse) -> None:
    """As of a run that grows fast: a page is there with the first answers of its parts, not when all is quiet."""
    run.metrics(*range(0, 2000, 100))

    def answer_late(route: Route) -> None:
        time.sleep(0.07)
        route.fulfill(status=204)

    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "30") as server:
        watched = browse()
        watched.page.route("**/again/_dash-update-component", answer_late)
        watched.page.add_init_script(AGAIN)
        page = watched.open(server.url + "values")
        filled = page.wait_for_selector("#_pages_content > [data-filled]", state="attached")
        assert filled is not None
        assert filled.get_attribute("data-filled") == "", (
            "not late, after six seconds in which all was never quiet"
        )
        page.evaluate("() => clearInterval(again)")
        page.wait_for_function("() => underWay === 0")
        page.goto("about:blank")
