"""Nothing jumps: what Chromium itself counts as layout shift (https://web.dev/articles/cls), on every page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.pages import OBSERVE, PAGES, SUM, WIDTHS, grow
from tests.support import Server, serving

from . import everything
from .conftest import SETTLED, Watched

pytestmark = pytest.mark.browser
GOOD = 0.1
"""The most that counts as good while a page loads: as Chromium's authors have it."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A run that grows by a line a second, and one to compare it with."""
    root: Path = tmp_path_factory.mktemp("runs")
    run = everything.write(root / "one")
    everything.write(root / "other")
    stopped = threading.Event()
    writer = threading.Thread(target=grow, args=(run, stopped))
    writer.start()
    with serving("--root", root, "--refresh-seconds", "1") as server:
        yield server
    stopped.set()
    writer.join()


@pytest.mark.parametrize(
    ("path", "width"), [*((path, 1440) for path in PAGES), ("", 390), ("metrics", 390), ("curriculum", 390)]
)
def test_nothing_jumps(served: Server, browse: Callable[..., Watched], path: str, width: int) -> None:
    """Hardly while the page loads, and not at all while it is watched and new lines come."""
    page = browse(width=width, height=WIDTHS[width]).page
    page.add_init_script(OBSERVE)
    page.goto(served.url + path)
    page.wait_for_selector("#page [data-filled]", state="attached")
    page.evaluate(SETTLED)
    assert page.evaluate(SUM) < GOOD
    page.evaluate("() => { window.shifts.length = 0; }")
    version = "() => window.dash_component_api.getLayout('live-version').props.data.version"
    before = page.evaluate(version)
    page.wait_for_function(f"before => ({version})() !== before", arg=before)
    page.evaluate(SETTLED)
    assert page.evaluate(SUM) < 0.001
