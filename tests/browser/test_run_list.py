"""The list of runs in a real browser: sorted by its headings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support import Run, serving

from .conftest import Watched

pytestmark = pytest.mark.browser


def test_a_heading_sorts_all_runs(tmp_path: Path, browse: Callable[..., Watched]) -> None:
    """Largest first at the first click, smallest at the second, names from A; runs beyond the page count, too."""
    for number in range(30):
        (tmp_path / "root" / f"run{number:02d}").mkdir(parents=True)
        Run(tmp_path / "root" / f"run{number:02d}").metrics(100 * (number * 7 % 30), loss=0.25)
    with serving("--root", tmp_path / "root", "--refresh-seconds", "1") as server:
        page = browse().open(server.url)
        page.locator("#runs-open").click()
        first = page.locator("#runs-list tbody tr").first
        for heading, shown, direction in (
            ("Step", "2,900", "descending"),
            ("Step", "0", "ascending"),
            ("Run", "run00", "ascending"),
            ("Run", "run29", "descending"),
        ):
            page.locator("#runs-list .sort", has_text=heading).click()
            expect(page.locator("#runs-list th", has_text=heading)).to_have_attribute("aria-sort", direction)
            expect(first).to_contain_text(shown)
        expect(first.locator(".sparkline")).to_be_visible()
        page.goto("about:blank")
