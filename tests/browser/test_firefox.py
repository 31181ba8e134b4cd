"""A small set of the browser tests in Debian's Firefox: pages, a live tick, zoom, settings, download."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from tests.support import CI, Run, Server, serving, wait_until

from . import everything
from .firefox import FIREFOX, Firefox
from .test_pages import GO

pytestmark = pytest.mark.browser
Start = Callable[..., Firefox]

PAGES: Final = (
    "curriculum",
    "metrics",
    "growth",
    "activity",
    "consolidation",
    "milestones",
    "events",
    "values",
    "checkpoints",
    "diagnostics",
    "status",
    "no-such-page",
)
FILLED: Final = """document.querySelector('#_pages_content > [data-filled], .empty')
  && !document.querySelector('[data-dash-is-loading=true]')"""
RANGE: Final = """(name => {
  const card = [...document.querySelectorAll('.chart-card')].find(
    each => each.querySelector('.card-name').textContent === name);
  return card?.querySelector('.js-plotly-plot')?._fullLayout?.xaxis.range;
})"""


SLOW: Final = """
import time
from flask import Flask, request
from thalia_monitor.cli import main
answer = Flask.dispatch_request
def slow(self):
    if "async-graph" in request.path:
        time.sleep(2)
    return answer(self)
Flask.dispatch_request = slow
main()
"""
"""The command, taking two seconds for the part of Dash that draws charts."""


@pytest.fixture
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start Firefox with an empty profile; its console is asserted empty when the test ends."""
    if not FIREFOX:
        if CI:
            pytest.fail("Firefox is missing: scripts/install-test-tools installs it")
        pytest.skip("no Firefox on this machine")
    started: list[Firefox] = []

    def start(**options: bool) -> Firefox:
        started.append(Firefox(tmp_path_factory.mktemp("firefox"), **options))
        return started[-1]

    yield start
    for each in started:
        each.close()
    assert [complaint for each in started for complaint in each.complaints] == []


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A monitor of a run that has something on every page."""
    run = everything.write(tmp_path_factory.mktemp("firefox-run") / "run")
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        yield server


@pytest.fixture
def live(run: Run) -> Iterator[Server]:
    """A monitor that refreshes every second, on a run of twenty steps."""
    run.metrics(*range(0, 2000, 100), firing_rate=0.1, capacity=0.5, performance=0.4)
    run.metadata(1900)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        yield server


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_every_page_opens(full: Server, firefox: Start, width: int, dark: bool) -> None:
    """Every page is drawn, in light and dark, on a desk and on a phone, no wider than the screen."""
    browser = firefox(dark=dark)
    browser.size(width, 844)
    browser.open(full.url)
    browser.wait(FILLED)
    for path in PAGES:
        browser.evaluate("(document.querySelector('#_pages_content > *').dataset.before = '', 1)")
        browser.evaluate(f"(({GO})({json.dumps('/' + path)}), 1)")
        browser.wait(f"!document.querySelector('[data-before]') && {FILLED}")
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, path
        if path in ("metrics", "growth", "consolidation"):
            browser.wait("document.querySelectorAll('.js-plotly-plot .nsewdrag').length > 1")
    assert browser.evaluate("getComputedStyle(document.documentElement).colorScheme") == (
        "dark" if dark else "light"
    )


def test_a_new_line_is_shown_and_a_zoom_is_kept(run: Run, live: Server, firefox: Start) -> None:
    """A drag zooms every chart, a new line changes neither; a double click shows all again, with the new line."""
    browser = firefox()
    browser.size(1440, 900)
    browser.open(live.url + "metrics")
    browser.wait(f"({RANGE}('Loss') ?? [0, 0])[1] > 1800")
    browser.drag(".chart-card .nsewdrag", 0.1, 0.5)
    browser.wait(f"{RANGE}('Capacity')[1] < 1500")
    zoomed = browser.evaluate(f"{RANGE}('Loss')")
    run.metrics(2000)
    browser.wait("document.querySelector('#frame-header').innerText.includes('2,000')")
    assert browser.evaluate(f"{RANGE}('Loss')") == zoomed
    browser.click(".chart-card .nsewdrag", 2)
    browser.wait(f"{RANGE}('Loss')[1] > 1950")


def test_settings_open_over_the_page_and_are_kept(live: Server, firefox: Start) -> None:
    """Settings open and close by Escape, with the focus back where it was; a choice outlives a reload."""
    browser = firefox()
    browser.size(1440, 900)
    browser.open(live.url + "metrics")
    browser.wait(FILLED)
    browser.click("#settings-open")
    browser.wait("document.querySelector('#settings-panel').checkVisibility()")
    labels = "[...document.querySelectorAll('#settings-panel label')]"
    box = f"{labels}.find(each => each.innerText.includes('Auto-refresh'))"
    browser.evaluate(f"{box}.setAttribute('data-test', 'refresh')")
    browser.click("[data-test=refresh]")
    browser.press("\ue00c")  # Escape
    browser.wait("!document.querySelector('#settings-panel').checkVisibility()")
    assert browser.evaluate("document.activeElement.id") == "settings-open"
    browser.open(live.url + "metrics")
    browser.wait(FILLED)
    browser.click("#settings-open")
    assert browser.evaluate(f"{box}.parentElement.querySelector('input').checked") is False


@pytest.mark.parametrize("kind", ["csv", "png"])
def test_a_chart_is_saved(live: Server, firefox: Start, kind: str) -> None:
    """A chart is downloaded as the points that are drawn, and as a picture."""
    browser = firefox()
    browser.size(1440, 900)
    browser.open(live.url + "metrics")
    browser.wait(f"({RANGE}('Loss') ?? [0, 0])[1] > 1800")
    browser.wait(FILLED)
    browser.click(f".chart-card [data-save={kind}]")
    wait_until(lambda: [*browser.downloads.glob(f"*.{kind}")] != [], 30)
    saved = next(browser.downloads.glob(f"*.{kind}"))
    wait_until(lambda: saved.stat().st_size > 100)
    assert saved.read_bytes().startswith(b"\x89PNG" if kind == "png" else b"series,x,y")


def test_leaving_a_page_puts_nothing_into_the_console(run: Run, live: Server, firefox: Start) -> None:
    """A request or a stream that is under way when a page is left is no fault."""
    browser = firefox()
    browser.size(1440, 900)
    for path in ("metrics", "growth", "", "events", "compare") * 2:
        browser.open(live.url + path)
        run.metrics(3000)
        time.sleep(0.3)
        browser.evaluate(f"(location.href = {json.dumps(live.url + 'values')}, 1)")
        browser.wait("location.pathname === '/values' && document.readyState === 'complete'")
    browser.wait(FILLED)


def test_a_page_can_be_left_while_the_part_that_draws_charts_is_loaded(run: Run, firefox: Start) -> None:
    """It is cut off then, and Dash would complain that it could not be loaded."""
    run.metrics(*range(0, 2000, 100))
    browser = firefox()
    with serving("--checkpoint-dir", run.directory, program=(sys.executable, "-c", SLOW)) as server:
        browser.open(server.url + "events")
        browser.evaluate(f"(location.href = {json.dumps(server.url + 'metrics')}, 1)")
        browser.wait(
            "location.pathname === '/metrics' && !!document.querySelector('script[src*=async-graph]')"
        )
        browser.evaluate(f"(location.href = {json.dumps(server.url + 'events')}, 1)")
        browser.wait("location.pathname === '/events' && document.readyState === 'complete'")
        browser.wait(FILLED)
        browser.open("about:blank")
