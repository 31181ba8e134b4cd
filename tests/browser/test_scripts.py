"""What the scripts in assets/ rely on, of Dash and of Plotly, that neither promises.

``tests/web/test_private_parts.py`` names the versions that they were checked against.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support import Run, serving

from . import everything
from .conftest import Watched

pytestmark = pytest.mark.browser


def test_dash_still_loses_the_focus_at_a_refresh(browse: Callable[..., Watched], run: Run) -> None:
    """Without ``keep.js`` a refresh takes the focus away (plotly/dash#3846); once it does not, delete that file."""
    everything.write(run.directory)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        watched = browse()
        watched.page.route(
            "**/keep.js*", lambda route: route.fulfill(body="", content_type="text/javascript")
        )
        page = watched.open(server.url)
        page.locator(".overview summary").click()
        link = page.get_by_role("link", name="cortex has been silent")
        link.focus()
        link.evaluate("link => window.before = link")
        for step in (70_000, 70_100):
            run.metrics(step, **{"region_firing_rates/cortex": 0.001})
            expect(page.locator("#frame-header")).to_contain_text(f"{step:,}")
        page.wait_for_function("() => !window.before.isConnected")
        expect(link).not_to_be_focused()
        page.goto("about:blank")
