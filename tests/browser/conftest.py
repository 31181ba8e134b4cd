"""A real Chromium: missing at home it skips a test, missing under CI it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Response, expect

from tests.browser.chromium import CHROMIUM, started
from tests.support import CI, Server

expect.set_options(timeout=20_000)  # a loaded machine is slow, not wrong

SETTLED = """() => new Promise(done => {
  const started = performance.now();
  let last = started;
  const seen = new MutationObserver(changes => {
    if (changes.some(each => !each.target.closest?.('[data-age]'))) last = performance.now();
  });
  seen.observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
  const look = () => {
    const now = performance.now(), page = document.getElementById('page');
    const unseen = page && getComputedStyle(page).visibility === 'hidden'; // until its parts are there
    const busy = unseen || document.querySelector('[data-dash-is-loading=true]');
    if ((!busy && now - last > 120) || now - started > 8000) { seen.disconnect(); done(); } else setTimeout(look, 40);
  };
  look();
})"""
"""A promise that is kept when the page has stopped changing."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a test in the browser a second chance, told in the report: on a busy machine a click may come too soon."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, started once."""
    if not CHROMIUM:
        if CI:
            pytest.fail("Chromium is missing: scripts/install-test-tools installs it")
        pytest.skip("no Chromium on this machine")
    with started() as browser:
        yield browser


class Watched:
    """A page, and everything that should not have happened on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self._note(f"console {message.type}: {message.text}"))
        page.on("pageerror", lambda error: self._note(f"error: {error}"))
        page.on("dialog", lambda dialog: self._note(f"dialog: {dialog.message}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def _note(self, text: str) -> None:
        self.complaints.append(text[:500])

    def _answered(self, answer: Response) -> None:
        if answer.status >= 400:
            self._note(f"{answer.status} {answer.url}")

    def _failed(self, request: Request) -> None:
        # Leaving a page cancels what it had asked for; that is no fault.
        if "ERR_ABORTED" not in (request.failure or ""):
            self._note(f"failed: {request.url} {request.failure}")

    def open(self, url: str) -> Page:
        """Go to an address and wait until the run's header is there."""
        self.page.goto(url)
        expect(
            self.page.locator("#frame-header .fact, #frame-notice > *").locator("visible=true").first
        ).to_be_visible()
        return self.page


@pytest.fixture
def browse(chromium: Browser) -> Iterator[Callable[..., Watched]]:
    """Make pages (each with a profile of its own) whose console is asserted empty when the test ends."""
    opened: list[tuple[Any, Watched]] = []

    def make(width: int = 1440, height: int = 900, theme: str = "light", **options: Any) -> Watched:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            **options,
        )
        context.set_default_timeout(20_000)
        watched = Watched(context.new_page())
        opened.append((context, watched))
        return watched

    yield make
    for context, _ in opened:
        context.close()
    assert [complaint for _, watched in opened for complaint in watched.complaints] == []


@pytest.fixture
def show(served: Server, browse: Callable[..., Watched]) -> Callable[..., Page]:
    """Open a page of a run of the server that a module has ``served``."""
    known = {each["name"]: each["id"] for each in served.get("/api/v1/runs")[1]["runs"]}

    def open_page(run: str, path: str = "", **options: Any) -> Page:
        page = browse(**options).open(f"{served.url}{path}{'&' if '?' in path else '?'}run={known[run]}")
        page.evaluate(SETTLED)
        return page

    return open_page
