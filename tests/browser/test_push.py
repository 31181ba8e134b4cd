"""Pages that are told of new lines: how soon, by how many streams, and what they do where no stream gets through."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route, expect

from tests.support import Run, Server, serving

from .conftest import Watched
from .test_proxy import PATH, nginx

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]

SOON = 8.0
"""Seconds in which a page has a line that it is told of, however busy this machine is; the interval is 30."""
HIDE = "Object.defineProperty(document, 'hidden', {value: true, configurable: true})"
NOTICE = "document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture
def server(run: Run) -> Iterator[Server]:
    """A monitor whose pages ask every thirty seconds, so that what is there earlier was pushed."""
    run.metrics(*range(0, 2000, 100), firing_rate=0.1)
    run.metadata(1900)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "30") as started:
        yield started


def badge(page: Page, words: str) -> None:
    """Wait until the badge says so."""
    expect(page.locator("#push")).to_have_text(words)


def until(page: Page, true: Callable[[], bool]) -> None:
    """Wait until something holds of what the browser does, which is only seen while Playwright waits."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it did not come true"
        page.wait_for_timeout(50)


def arrives(run: Run, *pages: Page, step: int) -> float:
    """Write a line and wait until each page shows it: the seconds it took."""
    begun = time.monotonic()
    run.metrics(step, firing_rate=0.1)
    for page in pages:
        expect(page.locator("#frame-header")).to_contain_text(f"{step:,}")
    return time.monotonic() - begun


class Held:
    """The streams that a browser holds open."""

    def __init__(self, context: BrowserContext) -> None:
        self.begun = 0
        self._open: dict[Request, Page] = {}
        context.on("request", self._begin)
        context.on("requestfinished", self._end)
        context.on("requestfailed", self._end)

    def __len__(self) -> int:
        return sum(not page.is_closed() for page in self._open.values())

    def _begin(self, request: Request) -> None:
        if urlsplit(request.url).path.endswith("/live"):
            self._open[request] = request.frame.page
            self.begun += 1

    def _end(self, request: Request) -> None:
        self._open.pop(request, None)


def test_a_new_line_is_there_before_the_interval(run: Run, server: Server, browse: Browse) -> None:
    """With an interval of thirty seconds, each line is on the screen within moments, and the badge says live."""
    page = browse().open(server.url + "metrics")
    badge(page, "connected")
    assert max(arrives(run, page, step=step) for step in range(2000, 2500, 100)) < SOON
    card = page.locator(".chart-card", has=page.get_by_role("heading", name="Loss", exact=True))
    page.wait_for_function(
        "plot => plot.data[0].x.at(-1) === 2400", arg=card.locator(".js-plotly-plot").element_handle()
    )
    page.locator("nav .links").get_by_role("link", name="Growth").click()
    assert arrives(run, page, step=2500) < SOON


def test_eight_tabs_share_one_stream(run: Run, server: Server, browse: Browse) -> None:
    """A browser opens six connections to a server: one tab holds a stream for all, and another one takes it over."""
    watched = browse()
    held = Held(watched.page.context)
    first = watched.open(server.url + "milestones")
    badge(first, "connected")
    tabs = [first]
    for _ in range(7):
        tabs.append(first.context.new_page())
        tabs[-1].goto(server.url + "milestones")
        badge(tabs[-1], "connected")
    assert len(held) == 1
    assert arrives(run, *tabs, step=2000) < 2 * SOON
    first.close()
    until(tabs[1], lambda: len(held) == 1)
    assert arrives(run, *tabs[1:], step=2100) < 2 * SOON
    assert len(held) == 1


def test_tabs_with_different_runs_share_one_stream(tmp_path: Path, browse: Browse) -> None:
    """The stream is about every run that a tab shows, and each tab hears of its own."""
    runs = [Run(tmp_path / name) for name in ("early", "late")]
    for each in runs:
        each.directory.mkdir()
        each.metrics(100)
    folders = [part for each in runs for part in ("--checkpoint-dir", each.directory)]
    with serving(*folders, "--refresh-seconds", "30") as server:
        known = {each["name"]: each["id"] for each in server.get("api/v1/runs")[1]["runs"]}
        watched = browse()
        held = Held(watched.page.context)
        first = watched.open(f"{server.url}?run={known['early']}")
        badge(first, "connected")
        second = first.context.new_page()
        second.goto(f"{server.url}?run={known['late']}")
        badge(second, "connected")
        until(second, lambda: len(held) == 1)
        assert arrives(runs[0], first, step=200) < SOON
        assert arrives(runs[1], second, step=300) < SOON
        expect(first.locator("#frame-header")).to_contain_text("200")
        assert len(held) == 1
        first.context.close()


def test_a_hidden_tab_holds_no_stream(run: Run, server: Server, browse: Browse) -> None:
    """Hidden, it lets go of the stream; shown again, it catches up at once."""
    watched = browse()
    held = Held(watched.page.context)
    page = watched.open(server.url + "metrics")
    badge(page, "connected")
    assert len(held) == 1
    page.evaluate(f"{HIDE}; {NOTICE}")
    until(page, lambda: not len(held))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    run.metrics(2000)
    page.wait_for_timeout(1500)
    assert asked == []
    page.evaluate(f"delete document.hidden; {NOTICE}")
    expect(page.locator("#frame-header")).to_contain_text("2,000", timeout=SOON * 1000)
    badge(page, "connected")


def test_refreshing_switched_off_ends_the_stream(run: Run, server: Server, browse: Browse) -> None:
    """A viewer who wants the page to stay as it is holds no stream, and the badge says so."""
    watched = browse()
    held = Held(watched.page.context)
    page = watched.open(server.url + "metrics")
    badge(page, "connected")
    page.locator("#settings-open").click()
    page.locator("#auto-refresh").uncheck()
    badge(page, "paused")
    until(page, lambda: not len(held))
    run.metrics(2000)
    page.wait_for_timeout(1500)
    expect(page.locator("#frame-header")).to_contain_text("1,900")
    page.locator("#auto-refresh").check()
    badge(page, "connected")
    expect(page.locator("#frame-header")).to_contain_text("2,000", timeout=SOON * 1000)


def test_a_page_that_is_told_of_news_asks_seldom(run: Run, browse: Browse) -> None:
    """While the stream is alive and silent, ticks ask nothing; on the status page, which has other news, they do."""
    run.metrics(*range(0, 2000, 100))
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        page = browse().open(server.url + "metrics")
        badge(page, "connected")
        page.wait_for_timeout(1000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(5000)
        assert len(asked) <= 1
        page.goto(server.url + "status")
        badge(page, "connected")
        asked.clear()
        until(page, lambda: len(asked) >= 4)
        page.goto("about:blank")


def test_a_run_that_was_gone_for_a_moment_is_looked_for_again(run: Run, browse: Browse) -> None:
    """A question falls into that moment and no look of the stream does: no news comes, and the ticks go on."""
    run.metrics(*range(0, 2000, 100), firing_rate=0.1)
    away = run.directory.with_name("away")

    def ask_meanwhile(route: Route) -> None:
        run.directory.rename(away)
        answer = route.fetch()
        away.rename(run.directory)
        route.fulfill(response=answer)

    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        page = browse().open(server.url)
        badge(page, "connected")
        page.wait_for_timeout(2_000)  # what a new page asks for is asked
        page.route("**/_dash-update-component*", ask_meanwhile, times=1)
        page.evaluate("window.monitor.ask()")
        expect(page.locator("#frame-notice .notice-critical")).to_be_visible()
        expect(page.locator("#frame-notice .notice-critical")).to_have_count(0)
        page.close()


def test_a_page_whose_server_is_back_asks_though_there_is_no_news(run: Run, browse: Browse) -> None:
    """The stream may be there again before any question was: the loss is over, and a page that was missed comes."""
    run.metrics(*range(0, 2000, 100))
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        watched = browse()
        page = watched.open(server.url)
        badge(page, "connected")
        page.wait_for_timeout(1_000)
        page.route("**/_dash-update-component*", lambda route: route.abort("connectionrefused"))
        page.get_by_role("link", name="Growth", exact=True).first.click()
        expect(page.locator("#connection")).to_be_visible()
        page.unroute("**/_dash-update-component*")
        expect(page.locator("#connection")).to_be_hidden(timeout=5_000)
        expect(page.get_by_role("heading", name="Neurons by region")).to_be_visible()
        page.goto("about:blank")
    watched.complaints.clear()  # of what was refused, and nothing else was done here


def test_where_no_stream_gets_through_the_interval_goes_on(run: Run, browse: Browse) -> None:
    """Refused, the stream is tried again less and less often; the page follows its run as it always did."""
    run.metrics(*range(0, 2000, 100))
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        watched = browse()
        watched.page.route("**/live?*", lambda route: route.fulfill(status=503, body="No stream today."))
        page = watched.open(server.url + "metrics")
        badge(page, "every 1 s")
        for step in (2000, 2100, 2200):
            assert arrives(run, page, step=step) < SOON
        badge(page, "every 1 s")
        page.unroute("**/live?*")
        badge(page, "connected")
        page.goto("about:blank")
        assert watched.complaints and all("503" in each for each in watched.complaints)
        watched.complaints.clear()


def test_a_stream_that_is_cut_without_a_word_is_noticed(run: Run, browse: Browse) -> None:
    """A server that hangs sends nothing, not even an end: two ticks later the badge says so, and back it is live."""
    run.metrics(*range(0, 2000, 100))
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        watched = browse()
        page = watched.open(server.url + "metrics")
        badge(page, "connected")
        server.process.send_signal(signal.SIGSTOP)
        try:
            expect(page.locator("#push")).to_have_text("every 1 s", timeout=8_000)
        finally:
            server.process.send_signal(signal.SIGCONT)
        badge(page, "connected")
        assert arrives(run, page, step=2000) < SOON
        page.goto("about:blank")
        watched.complaints.clear()


def test_a_killed_worker_costs_nothing_but_moments(run: Run, tmp_path: Path, browse: Browse) -> None:
    """The stream of a worker that is killed is opened again at another, and says what was missed."""
    run.metrics(*range(0, 2000, 100))
    cache = ("--cache-dir", tmp_path / "cache")
    options = (
        "serve",
        "--workers",
        "2",
        "--refresh-seconds",
        "30",
        *cache,
        "--checkpoint-dir",
        run.directory,
    )
    with serving(*options) as server:
        watched = browse()
        page = watched.open(server.url + "metrics")
        badge(page, "connected")
        for worker in psutil.Process(server.process.pid).children():
            worker.kill()
        assert arrives(run, page, step=2000) < 5 + SOON
        badge(page, "connected")
        page.goto("about:blank")
        watched.complaints.clear()


@contextmanager
def behind_nginx(run: Run, folder: Path, seconds: int, *directives: str) -> Iterator[str]:
    """A monitor behind nginx with the documentation's site, and further directives; gives the viewers' address."""
    run.metrics(*range(0, 2000, 100))
    options = (
        "serve",
        "--workers",
        "2",
        "--base-path",
        PATH,
        "--behind-proxy",
        "--cache-dir",
        folder / "cache",
    )
    refresh = ("--refresh-seconds", str(seconds), "--checkpoint-dir", run.directory)
    with (
        serving(*options, *refresh) as server,
        nginx(folder, server.url[: -len(PATH)], *directives) as address,
    ):
        yield address


def test_the_documented_nginx_site_passes_the_stream(run: Run, tmp_path: Path, browse: Browse) -> None:
    """Over TLS and below a path of its own, lines are on the screen long before the interval."""
    with behind_nginx(run, tmp_path, 30) as address:
        page = browse().open(address + "metrics")
        badge(page, "connected")
        assert max(arrives(run, page, step=step) for step in (2000, 2100, 2200)) < SOON
        page.goto("about:blank")


def test_behind_a_proxy_that_buffers_the_interval_goes_on(run: Run, tmp_path: Path, browse: Browse) -> None:
    """The stream is open and nothing arrives: the page follows by its ticks, and does not claim to be live."""
    with behind_nginx(
        run, tmp_path, 1, "proxy_buffering on;", "proxy_ignore_headers X-Accel-Buffering;"
    ) as address:
        watched = browse()
        held = Held(watched.page.context)
        page = watched.open(address + "metrics")
        badge(page, "every 1 s")
        for step in (2000, 2100, 2200):
            assert arrives(run, page, step=step) < SOON
            badge(page, "every 1 s")
        assert held.begun, "it was tried"
        page.goto("about:blank")


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_the_badge_fits(server: Server, browse: Browse, width: int, theme: str) -> None:
    """It is seen beside the run's status on any screen, and nothing scrolls sideways for it."""
    page = browse(width=width, theme=theme).open(server.url)
    badge(page, "connected")
    expect(page.locator("#push")).to_be_visible()
    expect(page.locator("#push")).to_have_attribute("title", re.compile("as soon as they are written"))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
