"""A display on the wall: large, without controls, turning its pages, there for weeks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import Run, Server, free_port, serving
from thalia_monitor.demo import simulate

from . import everything
from .conftest import SETTLED, Watched

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]

SCREEN = {"width": 1920, "height": 1080}
PATHS = "() => [...document.querySelectorAll('.links a.on-wall')].map(each => each.getAttribute('href'))"


@pytest.fixture
def server(run: Run) -> Any:
    """A monitor on a run with everything in it."""
    everything.write(run.directory)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as started:
        yield started


def test_it_is_large_and_has_no_controls(server: Server, browse: Browse) -> None:
    """Type grows with the screen; nothing can be pressed, typed into or chosen."""
    page = browse(**SCREEN).open(server.url + "?wall=1")
    page.evaluate(SETTLED)
    sizes = "selector => parseFloat(getComputedStyle(document.querySelector(selector)).fontSize)"
    assert page.evaluate(sizes, "html") == 24
    assert page.evaluate(sizes, ".card-value") > 36
    for path in page.evaluate(PATHS):
        page.goto(f"{server.url.rstrip('/')}{path}?wall=1")
        page.locator("#frame-header .fact").first.wait_for()
        page.evaluate(SETTLED)
        shown = """() => [...document.querySelectorAll('button, input, select, summary.tool-label')].filter(
            each => each.checkVisibility({opacityProperty: true})
              && !(each.matches('.zoom-to') && getComputedStyle(each).pointerEvents === 'none'))
            .map(each => each.outerHTML.slice(0, 100))"""
        assert page.evaluate(shown) == [], path
        fits(page)


def fits(page: Page) -> None:
    """Wait until the page is filled and no higher than the screen; fails where it is not."""
    page.wait_for_function("() => document.querySelector('#_pages_content > [data-filled]')")
    page.wait_for_function("most => document.documentElement.scrollHeight <= most", arg=SCREEN["height"])


def test_a_run_with_everything_of_a_demo_fits_the_screen(browse: Browse, tmp_path: Path) -> None:
    """Also with families, curriculum, cycles and criteria; each step can be read."""
    training = simulate(tmp_path / "run", history_hours=10)
    next(training)
    training.close()  # type: ignore[attr-defined]  # a generator: it ends the log
    with serving("--checkpoint-dir", tmp_path / "run", "--refresh-seconds", "30") as server:
        page = browse(**SCREEN).open(server.url + "?wall=1")
        for path in page.evaluate(PATHS):
            page.goto(f"{server.url.rstrip('/')}{path}?wall=1")
            page.locator("#frame-header .fact").first.wait_for()
            page.evaluate(SETTLED)
            fits(page)
            steps = page.locator(".zoom-to:visible")
            assert all(each.inner_text() for each in steps.all()), path
        page.goto("about:blank")  # before its server goes


def test_it_turns_its_pages_by_itself(run: Run, browse: Browse) -> None:
    """Each page in turn, and the first again; the address stays that of a wall."""
    run.metrics(*range(0, 2000, 100), firing_rate=0.1)
    run.metadata(1900)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        page = browse(**SCREEN).open(server.url + "?wall=1&cycle=2")
        page.evaluate("""() => { window.turned = []; setInterval(() => {
            const now = [location.pathname, Math.round(scrollY)].join(' ');
            if (now !== window.turned.at(-1)) window.turned.push(now); }, 50); }""")
        page.wait_for_function(
            "() => window.turned.filter(each => each === '/ 0').length > 1", timeout=90_000
        )
        turned = page.evaluate("window.turned")
        shown = list(dict.fromkeys(each.split()[0] for each in turned))
        paths = page.evaluate(PATHS)
        first = paths.index(shown[0])  # a slow machine has turned the first before it is looked at
        assert shown == paths[first:] + paths[:first]
        assert "wall=1&cycle=2" in page.url
        expect(page.locator("html")).to_have_class("wall")
        page.goto("about:blank")


def test_it_survives_a_restart_of_the_server(run: Run, browse: Browse) -> None:
    """The loss is said with its time, what was read stays, and the page goes on by itself when the server is back."""
    everything.write(run.directory)
    options = ("--port", str(free_port()), "--checkpoint-dir", run.directory, "--refresh-seconds", "1")
    watched = browse(**SCREEN)
    with serving(*options) as server:
        page = watched.open(server.url + "metrics?wall=1")
        page.evaluate(SETTLED)
        page.evaluate("window.same = true")
        server.process.kill()
    expect(page.locator("#connection")).to_contain_text("Connection to the server lost since")
    expect(page.locator("#frame-header")).to_contain_text("59,900")
    with serving(*options):
        expect(page.locator("#connection")).to_be_hidden()
        run.metrics(60_000)
        expect(page.locator("#frame-header")).to_contain_text("60,000")
        assert page.evaluate("window.same"), "it was not loaded anew"
        page.goto("about:blank")
    watched.complaints.clear()  # of a server that did not answer, and nothing else was done here


def test_a_page_turned_to_while_the_server_was_away_comes_when_it_is_back(run: Run, browse: Browse) -> None:
    """A link that was followed meanwhile is not forgotten, and what is no longer known is not told as if it were."""
    everything.write(run.directory)
    options = ("--port", str(free_port()), "--checkpoint-dir", run.directory, "--refresh-seconds", "1")
    watched = browse()
    with serving(*options) as server:
        page = watched.open(server.url)
        badge = page.locator(".badge-standing .standing")
        expect(badge).to_be_visible()
        assert badge.evaluate("each => getComputedStyle(each, '::before').content") == "none"
        server.process.kill()
    expect(page.locator("#connection")).to_be_visible()
    assert badge.evaluate("each => getComputedStyle(each, '::before').content") == '"was "'
    page.get_by_role("link", name="Growth", exact=True).first.click()
    with serving(*options):
        expect(page.locator("#connection")).to_be_hidden()
        expect(page.get_by_role("heading", name="Neurons by region")).to_be_visible()
        page.goto("about:blank")
    watched.complaints.clear()  # of a server that did not answer, and nothing else was done here


@pytest.mark.timeout(400)
def test_a_browser_does_not_fill_up(run: Run, server: Server, browse: Browse) -> None:
    """After 60 refreshes and three rounds of the pages there are no more nodes and listeners than at first."""
    page = browse(**SCREEN).open(server.url + "?wall=1")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    step, held = 60_000, []

    def refresh() -> None:
        nonlocal step
        step += 100
        run.metrics(step, firing_rate=0.1, neuron_counts={"cortex": step // 50})
        page.evaluate("window.dash_clientside.set_props('live-pulse', {data: Date.now()})")
        page.wait_for_function(
            "step => document.getElementById('frame-header').textContent.includes(step)", arg=f"{step:,}"
        )

    for _ in range(3):
        for _ in range(20):
            refresh()
        for path in page.evaluate(PATHS)[::-1]:
            turn(page, path)
        held.append(counted(session))
    assert held[-1]["Nodes"] < 1.05 * held[1]["Nodes"], held
    assert held[-1]["JSEventListeners"] < 1.05 * held[1]["JSEventListeners"], held


def turn(page: Page, path: str) -> None:
    """Show a page as the wall does."""
    page.evaluate(
        "path => window.dash_clientside.set_props('location', {pathname: path, search: '?wall=1'})", path
    )
    page.wait_for_function("path => document.querySelector('.links .active')?.pathname === path", arg=path)
    page.evaluate(SETTLED)


def counted(session: Any) -> dict[str, float]:
    """What the browser holds once everything that nobody holds is thrown away."""
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    return {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
