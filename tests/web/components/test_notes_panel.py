"""Notes on the page: added, shown, removed, and only by whom and from where they may be."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.screen import Screen, key_of
from tests.support import Run
from tests.web.server.test_auth import hashed
from thalia_monitor.kept import RunNotes
from thalia_monitor.reading.library import run_id
from thalia_monitor.web.app import create_app

HERE = {"Origin": "http://localhost"}


class Page(Screen):
    """The events page of one viewer."""

    def __init__(self, client: Any, headers: dict[str, str] | None = None) -> None:
        self.headers = HERE if headers is None else headers
        super().__init__(client, "/events")

    def press(self, button: Any) -> int:
        """Press a button; the status of the answer, which is applied to the page."""
        self.set(button, n_clicks=1)
        asked = self.question("notes-answer.children", f"{key_of(button)}.n_clicks")
        answer = self.client.post("/_dash-update-component", json=asked, headers=self.headers)
        if answer.status_code == 200:
            for key, properties in answer.json["response"].items():
                self._apply(json.loads(key) if key.startswith("{") else key, properties)
        return int(answer.status_code)

    def add(self, step: Any, text: str, end: Any = None, user: str = "Ann") -> int:
        """Fill the form in and send it."""
        for name, value in {"step": step, "end": end, "text": text, "user": user}.items():
            self.set(f"notes-{name}", value=value)
        return self.press("notes-add")


@pytest.fixture
def noted(run: Run) -> Run:
    """A run with a few lines."""
    run.metrics(*range(0, 1000, 100))
    return run


def opened(run: Run, folder: Path, headers: dict[str, str] | None = None, **options: Any) -> Page:
    """The page of a monitor that keeps notes in a folder."""
    page = Page(create_app(run.directory, state_dir=folder, **options).server.test_client(), headers)
    page.refresh()
    return page


def test_a_note_is_added_shown_and_removed(noted: Run, tmp_path: Path) -> None:
    """In its table and among the events, for whoever looks; nothing lies in the run's directory."""
    before = sorted(noted.directory.iterdir())
    page = opened(noted, tmp_path / "state")
    assert "No notes on this run yet" in page.everything()
    assert page.add(300, "<b>new</b> rate", end=500) == 200
    page.refresh()
    [note] = RunNotes(tmp_path / "state", run_id(noted.directory)).all()
    assert (note.step, note.end, note.text, note.user) == (300, 500, "<b>new</b> rate", "Ann")
    said = page.everything()
    assert re.search(r"300\s+to 500\s+<b>new</b> rate\s+Ann\s", said), said
    assert "Ann: <b>new</b> rate (to step 500)" in page.everything(), "among the events"
    other = opened(noted, tmp_path / "state")
    assert "<b>new</b> rate" in other.everything()
    assert page.press({"type": "note-remove", "name": note.id}) == 200
    page.refresh()
    assert "No notes on this run yet" in page.everything()
    assert sorted(noted.directory.iterdir()) == before


def test_what_is_no_note_is_said(noted: Run, tmp_path: Path) -> None:
    """In a sentence, and what was typed stays."""
    page = opened(noted, tmp_path / "state")
    assert page.add(None, "x") == 200
    assert "Which step is the note about?" in page.everything()
    assert page.add(5, " ") == 200
    assert "A note has 1 to 500 characters" in page.everything()
    assert page.add(5, "x", end=4) == 200
    assert "to a later one" in page.everything()
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://evil.example"}, HERE | {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_site_adds_none(noted: Run, tmp_path: Path, headers: dict[str, str]) -> None:
    """Nor a program that names no site."""
    page = opened(noted, tmp_path / "state", headers)
    assert page.add(5, "x") == 403
    assert not (tmp_path / "state" / "notes").exists()


def test_another_machine_needs_a_login(noted: Run, tmp_path: Path) -> None:
    """Without a password file only this machine adds notes; with one the login is the name."""
    page = opened(noted, tmp_path / "state", HERE | {"X-Forwarded-For": "10.0.0.9"})
    assert page.add(5, "x") == 403
    assert RunNotes(tmp_path / "state", run_id(noted.directory)).all() == ()
    passwords = tmp_path / "htpasswd"
    passwords.write_text(f"bo:{hashed('owl')}\n")
    app = create_app(noted.directory, state_dir=tmp_path / "state", auth_file=passwords, host="0.0.0.0")
    client = app.server.test_client()
    login = "Basic " + base64.b64encode(b"bo:owl").decode()
    client.environ_base.update(HTTP_AUTHORIZATION=login, REMOTE_ADDR="203.0.113.7")
    page = Page(client)
    page.refresh()
    assert page.add(5, "x", user="Ann") == 200
    assert [each.user for each in RunNotes(tmp_path / "state", run_id(noted.directory)).all()] == ["bo"]
