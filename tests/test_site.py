"""The site as a whole: its pages, its addresses, and that it stands alone."""

from __future__ import annotations

import re
from typing import Any

import dash
import pytest
from dash import Dash

from tests.support import ROOT, Run
from thalia_monitor.web.app import create_app

PAGES = ("/", "/metrics", "/growth", "/consolidation", "/milestones")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers(client: Any, path: str) -> None:
    """Each section's address serves the application."""
    assert client.get(path).status_code == 200


def test_every_page_has_a_name_a_title_and_a_place(app: Dash) -> None:
    """What the navigation is built from is there, and no two pages share a path."""
    pages = [page for page in dash.page_registry.values() if page["path"] != "/404"]
    assert {page["path"] for page in pages} >= set(PAGES)
    assert len({page["path"] for page in pages}) == len(pages)
    assert len({page["order"] for page in pages}) == len(pages)
    assert all(page["title"].endswith("· thalia-monitor") for page in pages)


def test_two_applications_in_one_process_are_both_complete(run: Run) -> None:
    """Pages are registered with the application that is being made, not with the first that answers."""
    lists = []
    for path in ("/", "/other/"):
        client = create_app(run.directory, base_path=path).server.test_client()
        answer = client.get(f"{path}_dash-dependencies")  # the first answers before the second is made
        lists.append(sorted(callback["output"] for callback in answer.get_json()))
    assert lists[0] == lists[1]
    assert len(lists[0]) == len(set(lists[0]))
    assert any("growth-log-rows" in output for output in lists[0])


def test_nothing_is_loaded_from_another_host(client: Any) -> None:
    """The page and our own files name no address off this machine."""
    page = client.get("/").get_data(as_text=True)
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//[^\"]+", page) == []
    for path in sorted((ROOT / "assets").glob("*.[cj]s*")):
        assert re.findall(r"(?:url\(|@import |fetch\()['\"]?(?:https?:)?//", path.read_text()) == [], (
            path.name
        )


def test_component_ids_are_unique_on_each_page(app: Dash) -> None:
    """An id is used once per page, shell included."""
    shell = [each.id for each in app.layout._traverse() if isinstance(getattr(each, "id", None), str)]
    for page in dash.page_registry.values():
        ids = [each.id for each in page["layout"]()._traverse() if isinstance(getattr(each, "id", None), str)]
        assert len(ids + shell) == len(set(ids + shell)), page["path"]
