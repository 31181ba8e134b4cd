"""The report over HTTP: a download behind the checks of every page."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.support import FIXTURES
from thalia_monitor.errors import BadParameter
from thalia_monitor.export import html_report
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web import api
from thalia_monitor.web.app import create_app
from thalia_monitor.web.context import Monitor


def listed(client: Any) -> dict[str, str]:
    """Ids of the runs by name."""
    return {each["name"]: each["id"] for each in client.get("/api/v1/runs").get_json()["runs"]}


def test_a_run_and_a_comparison_are_saved_as_files() -> None:
    """A file to save, named after the runs, also under a base path; the first is the baseline."""
    client = create_app(
        (FIXTURES / "healthy", FIXTURES / "resumed"), base_path="/thalia/"
    ).server.test_client()
    found = client.get("/thalia/api/v1/runs").get_json()["runs"]
    runs = {each["name"]: each["id"] for each in found}
    one = client.get(f"/thalia/report/{runs['healthy']}")
    assert one.status_code == 200
    assert one.headers["Content-Disposition"] == 'attachment; filename="healthy.html"'
    assert one.mimetype == "text/html"
    assert "<h1><bdi>healthy</bdi></h1>" in one.text
    two = client.get(f"/thalia/report/{runs['resumed']}?with={runs['healthy']}")
    assert two.headers["Content-Disposition"] == 'attachment; filename="resumed_and_healthy.html"'
    assert "Differences are from resumed, the baseline." in two.text


def test_no_request_names_a_path() -> None:
    """An id that was never given out is no run, whatever it looks like; too many are refused."""
    client = create_app(FIXTURES / "healthy").server.test_client()
    run = listed(client)["healthy"]
    for wrong in ("nowhere", "..%2Fresumed", "%2Fetc%2Fpasswd", "..%252f"):
        assert "Content-Disposition" not in client.get(f"/report/{wrong}").headers
        assert client.get(f"/report/{run}?with={wrong}").status_code == 404
    assert client.get(f"/report/{run}?{'&'.join(f'with={each}' for each in range(12))}").status_code == 400
    assert client.get("/report/nowhere").status_code == 404
    assert client.post(f"/report/{run}").status_code == 405


def test_a_report_is_waited_for_a_limited_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """While another is made the answer is 503 with when to come back; the states are read before, not behind it."""
    client = create_app(FIXTURES / "healthy").server.test_client()
    address = f"/report/{listed(client)['healthy']}"
    monkeypatch.setattr(api, "REPORT_PATIENCE", 0.01)
    reading = []
    read = Monitor.whole_state

    def whole_state(watch: Monitor, run: str) -> TrainingState:
        reading.append(api._building.locked())
        return read(watch, run)

    monkeypatch.setattr(Monitor, "whole_state", whole_state)
    with api._building:
        busy = client.get(address)
    assert busy.status_code == 503
    assert "A report is being made: try again in a moment." in busy.text
    assert busy.headers["Retry-After"] == "2"
    assert "Content-Disposition" not in busy.headers
    assert client.get(address).status_code == 200
    assert reading == [True, False]
    monkeypatch.setattr(html_report, "render", Mock(side_effect=BadParameter("no")))
    assert [client.get(address).status_code for _ in range(2)] == [400, 400], (
        "the lock is free after an error"
    )


def test_no_other_site_has_reports_made() -> None:
    """A page of another origin is refused; an address that was typed or a page of the monitor is not."""
    client = create_app(FIXTURES / "healthy").server.test_client()
    address = f"/report/{listed(client)['healthy']}"
    for site in ("cross-site", "same-site"):
        assert client.get(address, headers={"Sec-Fetch-Site": site}).status_code == 403
    assert client.get(address, headers={"Origin": "http://evil.example"}).status_code == 403
    for site in ("same-origin", "none"):
        assert client.get(address, headers={"Sec-Fetch-Site": site}).status_code == 200


def test_it_is_guarded_like_a_page(tmp_path: Path) -> None:
    """With a password file nobody gets it without a login; the API's token does not open it."""
    users = tmp_path / "users"
    users.write_text("ann:$2y$04$abcdefghijklmnopqrstuuOZBbWEnQ8mPLZDPk5kqZ3P7H8o9N2lS\n")
    app = create_app(FIXTURES / "healthy", auth_file=users, api_token="secret")
    client = app.server.test_client()
    shown = client.get("/api/v1/runs", headers={"Authorization": "Bearer secret"}).get_json()["runs"]
    for headers in ({}, {"Authorization": "Bearer secret"}):
        assert client.get(f"/report/{shown[0]['id']}", headers=headers).status_code == 401
    assert client.get(f"/report/{shown[0]['id']}", headers={"Host": "evil.example"}).status_code == 400
