"""The control page in a real browser, on a simulated training that goes on meanwhile."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import Server, serving, wait_until
from thalia_monitor.demo import run
from thalia_monitor.demo.brain import Simulation

from .conftest import Watched
from .test_access import violations
from .test_pages import SIDEWAYS

pytestmark = pytest.mark.browser
PACE = 0.2


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the training writes to."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def served(directory: Path) -> Iterator[Server]:
    """A simulated training of a few lines a second, and a monitor that may change it."""
    stop = threading.Event()
    options: Any = {"simulation": Simulation(log_interval=100), "history_hours": 0.01, "pace": PACE}
    writer = threading.Thread(target=run, args=(directory, stop), kwargs=options)
    writer.start()
    try:
        with serving("--checkpoint-dir", directory, "--control", "--refresh-seconds", "1") as server:
            yield server
    finally:
        stop.set()
        writer.join()


def opened(browse: Callable[..., Watched], served: Server, **options: Any) -> Page:
    """The control page with its rows filled."""
    page = browse(**options).open(f"{served.url}control")
    expect(page.locator(".control-now").first).to_have_text(re.compile(r"\d"))
    return page


def row(page: Page, name: str) -> Any:
    """The panel of a parameter."""
    return page.locator(".controls > .panel", has=page.get_by_role("heading", name=name))


def test_a_change_is_pending_then_applied_and_taken_back(
    browse: Callable[..., Watched], served: Server
) -> None:
    """Typed and confirmed with Enter, acknowledged with its step, in the history and the events, and undone."""
    page, other = opened(browse, served), opened(browse, served)
    rate = row(page, "learning_rate")
    before = rate.locator(".control-now").inner_text()
    rate.get_by_role("textbox").fill("0.05")
    rate.get_by_role("textbox").press("Enter")
    applied = f"✓ Applied at step [\\d,]+: learning_rate {before} → 0.05 by local."
    expect(rate.locator(".control-state")).to_have_text(re.compile(applied))
    expect(rate.locator(".control-now")).to_have_text("0.05")
    expect(row(other, "learning_rate").locator(".control-now")).to_have_text("0.05")
    rate.get_by_role("button", name=f"Back to {before}").click()
    expect(rate.locator(".control-now")).to_have_text(before)
    rate.get_by_text("History").click()
    expect(rate.locator(".control-past li")).to_have_count(2)
    page.get_by_role("link", name="Events").click()
    expect(page.locator("#events-table-rows tr").filter(has_text="learning_rate")).to_have_count(2)


def test_a_pause_holds_the_training_until_it_is_resumed(
    browse: Callable[..., Watched], served: Server, directory: Path
) -> None:
    """The page says so, no line is logged meanwhile, and resuming goes on."""
    page = opened(browse, served)
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("#control-notice")).to_have_text("Training is paused, by local.")
    size = (directory / "training_log.json").stat().st_size
    page.wait_for_timeout(5 * PACE * 1000)
    assert (directory / "training_log.json").stat().st_size == size
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("#control-notice")).to_have_text("")
    wait_until(lambda: (directory / "training_log.json").stat().st_size > size + 2_000)


def test_what_cannot_be_taken_back_is_asked_about(browse: Callable[..., Watched], served: Server) -> None:
    """The button that stops the training is behind another one."""
    page = opened(browse, served)
    stop = page.get_by_role("button", name="Yes, stop")
    expect(stop).to_be_hidden()
    page.get_by_text("Stop …").click()
    expect(stop).to_be_visible()
    expect(page.get_by_text("This cannot be taken back.")).to_be_visible()


def test_a_display_on_the_wall_shows_values_and_nothing_to_click(
    browse: Callable[..., Watched], served: Server
) -> None:
    """Where somebody opens this page there by hand: what the parameters are now, and what was asked last."""
    page = browse().open(f"{served.url}control?wall=1")
    now = row(page, "learning_rate").locator(".control-now")
    expect(now).to_have_text(re.compile(r"\d"))
    expect(now).to_be_visible()
    buttons = page.locator("#control-rows").locator("button, input, select, summary")
    assert not any(each.is_visible() for each in buttons.all())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_all_of_it(browse: Callable[..., Watched], served: Server, theme: str) -> None:
    """In one column, nothing scrolls sideways, and axe-core finds nothing."""
    page = opened(browse, served, width=390, height=844, theme=theme)
    assert page.evaluate(SIDEWAYS) == {"page": 0, "beyond": []}
    assert violations(page, [(theme, {"width": 390, "height": 844})]) == []
