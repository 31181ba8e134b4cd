"""Notes and named views in a real browser: from the form to a marker, and from a name back to the view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.support import FIXTURES, serving, wait_until
from thalia_monitor.kept import RunNotes, Views
from thalia_monitor.reading.library import run_id

from .conftest import SETTLED, Watched

pytestmark = pytest.mark.browser
MARKS = (
    "[...document.querySelectorAll('.js-plotly-plot')].filter(e => e.getBoundingClientRect().top < innerHeight)"
    ".flatMap(e => e.data.filter(t => t.name === 'note'))"
)
"""Those of the charts on the screen: others are drawn when they are on it."""
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize("width", [390, 1440])
def test_a_note_goes_from_the_form_to_the_charts(
    tmp_path: Path, browse: Callable[..., Watched], width: int
) -> None:
    """It is in the table at once, on every chart of another viewer, and gone when it is removed; it stays text."""
    with serving("--checkpoint-dir", FIXTURES / "healthy", "--state-dir", tmp_path) as server:
        page = browse(width=width).open(f"{server.url}events")
        page.fill("#notes-step", "120000")
        page.fill("#notes-end", "130000")
        page.fill("#notes-text", HOSTILE)
        page.fill("#notes-user", "Ann")
        page.click("#notes-add")
        expect(page.locator(".notes .event-table tbody tr")).to_have_count(1)
        expect(page.locator(".notes .event-table")).to_contain_text(HOSTILE)
        expect(page.locator("#notes-text")).to_have_value("")
        page.fill("#events-table-query", "Ann:")
        expect(page.locator(".page")).to_contain_text(f"Ann: {HOSTILE} (to step 130,000)")
        [note] = RunNotes(tmp_path, run_id(FIXTURES / "healthy")).all()
        assert (note.step, note.end, note.text, note.user) == (120_000, 130_000, HOSTILE, "Ann")
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        page.evaluate(SETTLED)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        other = browse().open(f"{server.url}metrics")  # wide: charts are drawn that are on the screen
        wait_until(lambda: other.evaluate(f"{MARKS}.some(each => each.x.includes(120000))"))
        page.click("[aria-label='Remove the note at step 120,000']")
        expect(page.locator(".notes .empty")).to_be_visible()
        wait_until(lambda: other.evaluate(f"{MARKS}.every(each => !each.x.length)"))
        for each in (page, other):
            each.close()


def test_a_view_is_saved_and_opened_by_its_name(tmp_path: Path, browse: Callable[..., Watched]) -> None:
    """What the address says is kept; the name leads back to it, also as ``--view``."""
    with serving("--checkpoint-dir", FIXTURES / "healthy", "--state-dir", tmp_path) as server:
        watched = browse()
        page = watched.open(f"{server.url}metrics?x=elapsed&smooth=0.5")
        page.evaluate(SETTLED)
        page.click("#settings-open")
        page.fill("#view-name", "../evil")
        page.click("#view-save")
        expect(page.locator("#view-answer")).to_contain_text("A view's name has")
        page.fill("#view-name", "Night shift")
        page.click("#view-save")
        expect(page.locator("#view-answer")).to_have_text("Saved.")
        assert "x=elapsed" in Views(tmp_path).query("Night shift")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page = watched.open(f"{server.url}metrics")
        page.click("#settings-open")
        page.click("#view-list a")
        expect(page.locator("#view-smooth-words")).to_have_text("0.5")
        expect(page.locator("#view-x input[value=elapsed]")).to_be_checked()
        page.close()
    arguments = ("--checkpoint-dir", FIXTURES / "healthy", "--state-dir", tmp_path, "--view", "Night shift")
    with serving(*arguments) as server:
        page = browse().open(f"{server.url}metrics")
        expect(page.locator("#view-smooth-words")).to_have_text("0.5")
        page.close()
