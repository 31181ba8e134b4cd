"""Many runs and many viewers in a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import Run, Server, serving
from thalia_monitor.reading.library import run_id

from .conftest import Watched

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with two runs; ``late`` is the newer one."""
    for steps, name in ((10, "early"), (20, "late")):
        (tmp_path / "root" / name).mkdir(parents=True)
        run = Run(tmp_path / "root" / name)
        run.metrics(*range(0, steps * 100, 100), firing_rate=0.1)
        run.metadata(steps * 100)
    return tmp_path / "root"


@pytest.fixture
def server(root: Path, tmp_path: Path) -> Iterator[Server]:
    """Four workers on the root."""
    options = ("--root", root, "--refresh-seconds", "1", "--cache-dir", tmp_path / "cache")
    with serving("serve", "--workers", "4", *options) as started:
        yield started


def choose(page: Page, name: str) -> None:
    """Choose a run from the list, as a reader would."""
    if not page.locator("#runs-list").is_visible():
        page.locator("#runs-open").click()
    page.get_by_label("Find a run by its name or directory").fill(name)
    page.locator("#runs-list").get_by_role("link", name=name, exact=True).click()
    expect(page.locator("#runs-open")).to_have_text(name)


def test_the_choice_is_in_the_address_of_every_page(server: Server, root: Path, browse: Browse) -> None:
    """A run chosen from the list stays through pages, a reload, a link on another machine, and the way back."""
    page = browse().open(server.url + "metrics?smooth=0.6")
    expect(page.locator("#runs-open")).to_have_text("late")
    choose(page, "early")
    expect(page.locator("#frame-header")).to_contain_text("1,000")
    early = f"run={run_id(root / 'early')}"
    assert early in page.url and "smooth=0.6" in page.url
    page.locator("nav").get_by_role("link", name="Growth").click()
    expect(page).to_have_url(re.compile(f"growth.*{early}"))
    assert "smooth=0.6" in page.url
    page.reload()
    expect(page.locator("#frame-header")).to_contain_text("1,000")
    other = browse().open(page.url)
    expect(other.locator("#frame-header")).to_contain_text("1,000")
    page.go_back()
    page.go_back()
    expect(page.locator("#runs-open")).to_have_text("late")
    expect(page.locator("#frame-header")).to_contain_text("2,000")


def test_two_browsers_on_four_workers_agree_while_a_run_grows(
    server: Server, root: Path, browse: Browse
) -> None:
    """Whichever worker answers, two viewers see each new step within a tick, and never an older one again."""
    pages = [browse().open(server.url + f"metrics?run={run_id(root / 'late')}") for _ in range(2)]
    seen = """() => { const shown = window.shownSteps = []; const look = () => {
        const found = document.querySelector('#frame-header')?.textContent.match(/Step([0-9,]+)/);
        if (found && found[1] !== shown.at(-1)) shown.push(found[1]);
        requestAnimationFrame(look); }; look(); }"""
    for page in pages:
        page.evaluate(seen)
    for step in range(2100, 2600, 100):
        Run(root / "late").metrics(step)
        for page in pages:
            expect(page.locator("#frame-header")).to_contain_text(f"{step:,}", timeout=4000)
    for page in pages:
        shown = [int(each.replace(",", "")) for each in page.evaluate("window.shownSteps")]
        assert shown == sorted(set(shown)), "a worker told an older state after a newer one"


def test_runs_come_and_go_in_the_list(server: Server, root: Path, browse: Browse) -> None:
    """A new run appears in the open list, and the one on screen says so when its directory is gone."""
    page = browse().open(server.url + f"?run={run_id(root / 'early')}")
    page.locator("#runs-open").click()
    expect(page.locator("#runs-list tbody tr")).to_have_count(2)
    (root / "new").mkdir()
    Run(root / "new").metrics(7)
    expect(page.locator("#runs-list tbody tr")).to_have_count(3, timeout=30_000)
    shutil.rmtree(root / "early")
    expect(page.locator("#frame-notice .notice-critical")).to_contain_text("no directory")
    choose(page, "new")
    expect(page.locator("#frame-notice .notice-critical")).to_have_count(0)


def test_an_unknown_run_in_the_address_is_said(server: Server, browse: Browse) -> None:
    """A stale or tampered link shows a sentence, no other run's numbers, and the list to choose from."""
    page = browse().page
    page.goto(server.url + "metrics?run=../../etc/passwd")
    expect(page.locator("#frame-notice")).to_contain_text("There is no run")
    expect(page.locator("#page")).to_be_hidden()
    expect(page.locator("#frame-notice .run-list tbody tr")).to_have_count(2)
    page.locator("#frame-notice").get_by_role("link", name="late", exact=True).click()
    expect(page.locator("#page")).to_be_visible()
    expect(page.locator("#frame-header")).to_contain_text("2,000")


def test_a_single_run_needs_no_list(run: Run, browse: Browse) -> None:
    """With one directory there is nothing to choose, and the address stays bare."""
    run.metrics(1, 2)
    with serving("--checkpoint-dir", run.directory) as server:
        page = browse().open(server.url + "metrics")
        expect(page.locator("#runs-open")).to_be_hidden()
        assert "run=" not in page.url
        page.goto("about:blank")


def test_a_directory_typed_by_the_operator_is_shown(run: Run, tmp_path: Path, browse: Browse) -> None:
    """At the same machine a directory can be typed in the settings; one that is none is said."""
    run.metrics(1, 2)
    other = tmp_path / "other"
    other.mkdir()
    Run(other).metrics(4000)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        page = browse().open(server.url + "metrics")
        page.get_by_role("button", name="Settings").click()
        expect(page.get_by_label("Checkpoint directory")).to_have_value(str(run.directory))
        page.get_by_label("Checkpoint directory").fill(str(tmp_path / "missing"))
        page.get_by_role("button", name="Open").click()
        expect(page.locator("#directory-advice")).to_contain_text("is not a directory")
        page.get_by_label("Checkpoint directory").fill(str(other))
        page.get_by_role("button", name="Open").click()
        expect(page.locator("#frame-header")).to_contain_text("4,000")
        assert f"run={run_id(other)}" in page.url
        page.goto("about:blank")
