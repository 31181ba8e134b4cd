"""The summary over HTTP: for phones, scripts and agents."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from tests.screen import Screen
from tests.support import Run, line
from thalia_monitor import cli


@pytest.fixture
def address(run: Run, client: Any) -> str:
    """Where the run's summary is."""
    run.metrics(*range(0, 4000, 100), loss=0.25)
    run.metadata(3900)
    return f"/api/v1/runs/{client.get('/api/v1/runs').get_json()['runs'][0]['id']}/summary"


def test_the_summary_is_json_unless_text_is_asked_for(client: Any, address: str) -> None:
    """An API answers JSON; ``Accept: text/plain`` or ``?format=text`` gets the sentences."""
    record = client.get(address).get_json()
    assert record["metrics"]["loss"]["value"] == 0.25
    for answer in (
        client.get(address + "?format=text"),
        client.get(address, headers={"Accept": "text/plain"}),
    ):
        assert answer.mimetype == "text/plain"
        text = answer.get_data(as_text=True)
        assert "Stage 0 Sensory Foundations, week 2 of 4, step 3,900." in text
    assert record["text"].splitlines()[1:] == text.splitlines()[1:]


def test_an_asked_for_format_wins(client: Any, address: str) -> None:
    """A browser that prefers HTML still gets what the address says."""
    accept = {"Accept": "text/html,text/plain;q=0.9"}
    assert client.get(address + "?format=json", headers=accept).get_json()["current_stage"] == 0


def test_what_cannot_be_answered_is_explained(client: Any, address: str) -> None:
    """An unknown run is 404, an unknown format 400."""
    assert client.get("/api/v1/runs/nothing/summary").status_code == 404
    answer = client.get(address + "?format=yaml")
    assert answer.status_code == 400
    assert "neither json nor text" in answer.get_json()["error"]


def test_a_warning_in_the_log_is_everywhere(run: Run, client: Any) -> None:
    """A critical warning event, with no checkpoint: in the header, overview, summary, status and API."""
    run.metrics(*range(0, 4000, 100))
    run.append(line(3900, event_type="warning", severity="critical", message="Theta unstable"))
    address = f"/api/v1/runs/{client.get('/api/v1/runs').get_json()['runs'][0]['id']}"
    warned = [{"severity": "critical", "message": "Theta unstable"}]
    assert client.get(address).get_json()["warnings"] == warned
    assert client.get(f"{address}/summary").get_json()["warnings"] == warned
    page = Screen(client, "/")
    assert page.text("frame-warnings").startswith("✖ 1 critical Theta unstable")
    assert "The trainer warns of 1 thing (above)." in page.text("overview-blocks")
    assert page.component("live-standing")["data"]["criticals"][0] == "Theta unstable"
    told = CliRunner().invoke(cli.cli, ["status", str(run.directory)])
    assert "Critical: Theta unstable" in told.output
    assert told.exit_code == 1
