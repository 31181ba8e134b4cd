"""What calls for attention where nobody looks at the page."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support import Run, serving

from .conftest import Watched

pytestmark = pytest.mark.browser

NOTES = """window.notes = [];
window.Notification = class { constructor(title, told) { window.notes.push([title, told.body]); } close() {} };
window.Notification.permission = 'granted';
document.hasFocus = () => false;"""


def test_the_title_counts_and_the_desktop_is_told_once(run: Run, browse: Callable[..., Watched]) -> None:
    """A critical finding is a number in the tab's title, and one note if the viewer has asked for notes."""

    def log(step: int, loss: float) -> None:
        run.metrics(step, loss=loss, timestamp=time.time())

    for step in range(0, 2000, 100):
        log(step, 0.5)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        watched = browse()
        watched.page.add_init_script(NOTES)
        page = watched.open(server.url + "metrics")
        expect(page).to_have_title("Metrics · thalia-monitor")
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Notify me on critical").check()
        for step in (2000, 2100):
            log(step, math.nan)
            expect(page.locator("#frame-header")).to_contain_text(f"{step:,}")
        expect(page).to_have_title("(1) Metrics · thalia-monitor")
        page.get_by_role("link", name="Growth").click()
        expect(page).to_have_title("(1) Growth · thalia-monitor")
        expect(page.locator("#frame-standing")).to_have_attribute("title", re.compile("loss has been NaN"))
        [(title, body)] = page.evaluate("window.notes")
        assert title == "✖ run" and "loss has been NaN since step 2,000" in body
        for step in range(2200, 2500, 100):
            log(step, 0.5)
        expect(page).to_have_title("Growth · thalia-monitor")
        page.goto("about:blank")
