"""Runs that were named and written to do harm, in a real browser: everything is text, and nothing is asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.support import FIXTURES, Run, serving
from thalia_monitor.reading.library import run_id

from .conftest import SETTLED, Watched
from .test_pages import GO

pytestmark = pytest.mark.browser

NAMES: Final = (
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(2)>',
    "javascript:alert(3)",
    "<a href='javascript:alert(4)'>here<br><b>bold",
    "\u202eturned\u2066 round",
    "bell\x07\x1b[31m\nline",
    "%2e%2e%2f..%252f",
    "{{7*7}} ${7*7} `id`",
    "x" * 250,
    os.fsdecode(b"\xff\xfe no text"),
)
FOREIGN: Final = """() => document.querySelectorAll(
  '#frame img, #frame script, #frame iframe, #frame svg[onload], #frame [onerror], #frame [href^="javascript" i]'
).length"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root whose runs have such names, and such words in every field of their files."""
    for name in NAMES:
        shutil.copytree(FIXTURES / "hostile", tmp_path / "root" / name)
    return tmp_path / "root"


def test_hostile_names_and_words_are_text(root: Path, tmp_path: Path, browse: Callable[..., Watched]) -> None:
    """On every page, in the list of runs, compared, hovered over: no dialog, no request, no markup."""
    with serving("--root", root, "--cache-dir", tmp_path / "cache") as server:
        watched = browse()
        asked: list[str] = []
        watched.page.on("request", lambda request: asked.append(request.url))
        page = watched.open(f"{server.url}?run={run_id(root / NAMES[0])}")
        links = page.eval_on_selector_all(".links a", "all => all.map(each => each.getAttribute('href'))")
        assert len(links) > 7
        for path in [*links, "/status", "/no-such-page"]:
            page.evaluate(GO, path)
            page.wait_for_selector("#page .page, #page .empty", state="attached")
            page.evaluate(SETTLED)
            for chart in page.locator(".chart:visible .nsewdrag").all()[:6]:
                chart.hover(force=True)
            assert page.evaluate(FOREIGN) == 0, path
        page.locator("#runs-open").click()
        expect(page.locator("#runs-list tbody tr")).to_have_count(len(NAMES))
        expect(page.locator("#runs-list")).to_contain_text(NAMES[0])
        assert page.evaluate(FOREIGN) == 0
        page.goto(f"{server.url}compare?runs={','.join(run_id(root / name) for name in NAMES)}")
        expect(page.locator("#compare-table tbody tr")).to_have_count(len(NAMES))
        page.evaluate(SETTLED)
        assert page.evaluate(FOREIGN) == 0
        assert [url for url in asked if not url.startswith((server.url, "data:", "blob:"))] == []
        assert not any("onerror" in url or url.endswith("/x") for url in asked)
        page.goto("about:blank")


def test_hostile_names_are_names_to_programs(root: Path, tmp_path: Path) -> None:
    """The API lists them as they are, in valid JSON, and opens each by its id."""
    with serving("--root", root, "--cache-dir", tmp_path / "cache") as server:
        status, told = server.get("api/v1/runs")
        assert status == 200
        assert len(told["runs"]) == len(NAMES)
        assert {each["name"] for each in told["runs"]} >= set(NAMES[:-1])
        for each in told["runs"]:
            assert server.get(f"api/v1/runs/{each['id']}")[0] == 200, each["name"]
            assert server.get(f"api/v1/runs/{each['id']}/export.csv")[0] == 200, each["name"]
        Run(root / NAMES[0]).metrics(50_000)
        assert server.get(f"api/v1/runs/{run_id(root / NAMES[0])}")[1]["current_step"] == 50_000
