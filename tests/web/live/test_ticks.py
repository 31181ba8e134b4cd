"""How a page stays right: what a tick costs, and what happens when something fails on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.screen import Screen
from tests.support import Run, line
from thalia_monitor.reading.run_reader import RunReader
from thalia_monitor.web.app import create_app

PAGES = ("/metrics", "/growth", "/consolidation", "/milestones", "/values", "/events")


@pytest.fixture
def filled(run: Run) -> Run:
    """A run with something for every page."""
    run.metrics(
        *range(0, 2000, 100), firing_rate=0.1, neuron_counts={"cortex": 5}, capacity_by_region={"cortex": 1}
    )
    run.append(line(2000, event_type="growth", region="cortex", neurons_added=5))
    run.append(line(2000, event_type="consolidation", sleep_stage="REM", patterns_replayed=5))
    run.metadata(2000)
    return run


def test_a_tick_on_unchanged_files_changes_nothing(filled: Run, client: Any) -> None:
    """No part of the frame is sent again."""
    screen = Screen(client, "/metrics")
    assert screen.call("frame-header.children") == {}


def test_a_tick_on_unchanged_files_reads_no_file(filled: Run) -> None:
    """It costs a look at their status, however many viewers there are."""
    reader = RunReader(filled.directory)
    reader.read()
    before = reader.bytes_read
    for _ in range(10):
        reader.read()
    assert reader.bytes_read == before > 0


def test_a_new_line_changes_the_version_and_the_header(filled: Run, client: Any) -> None:
    """One version for the whole page."""
    screen = Screen(client, "/metrics")
    before = screen.component("live-version")["data"]
    filled.metrics(2100)
    screen.refresh()
    now = screen.component("live-version")["data"]
    assert now["run"] == before["run"] and now["version"] != before["version"]
    assert screen.facts()["Step"] == "2,100"


@pytest.mark.parametrize("path", PAGES)
def test_each_page_follows_the_run(filled: Run, client: Any, path: str) -> None:
    """What is appended is on the page after a tick."""
    screen = Screen(client, path)
    before = screen.text("page")
    filled.metrics(2100, firing_rate=0.2, neuron_counts={"cortex": 9})
    filled.append(line(2100, event_type="growth", region="cortex", neurons_added=7, reason="more"))
    filled.append(line(2100, event_type="consolidation", sleep_stage="NREM", patterns_replayed=7))
    filled.metadata(2100, milestones={"mnist_accuracy": True, "sequence_prediction": True})
    screen.refresh()
    assert screen.text("page") != before


@pytest.mark.parametrize("path", PAGES)
def test_a_failure_on_the_way_keeps_the_page(filled: Run, client: Any, path: str) -> None:
    """The directory is gone: every part keeps what it showed, and no callback fails."""
    screen = Screen(client, path)
    before = screen.text("page")
    filled.directory.rename(filled.directory.with_name("away"))
    screen.refresh()
    assert screen.text("page") == before
    assert "There is no directory" in screen.text("frame-notice")


def test_a_page_that_was_never_shown_a_version_waits(client: Any, run: Run) -> None:
    """Before the first tick there is nothing to draw from, however it is looked at, and that is no error."""
    screen = Screen(client, "/growth")
    screen.set("live-version", data=None)
    before = screen.text("growth-facts")
    assert screen.call('"pane"', ("view.data",)) == {}
    assert screen.text("growth-facts") == before


@pytest.mark.parametrize(
    "version", [{"run": "ffffffffffff", "version": "x"}, {"run": "../../etc", "version": ""}]
)
def test_a_run_that_was_never_given_out_fills_nothing(client: Any, run: Run, version: dict[str, str]) -> None:
    """A request names an id, never a path; a tick says so, and nothing else changes."""
    screen = Screen(client, "/growth")
    screen.set("live-version", data=version)
    assert screen.call('"pane"', ("view.data",)) == {}
    assert screen.call('"pane"').keys() <= {"frame-notice", "live-standing", "frame-standing"}


def test_the_same_trouble_is_said_once_with_its_time(filled: Run, client: Any) -> None:
    """ "Since" stays when it began; another trouble is another notice."""
    screen = Screen(client, "/metrics")
    away = filled.directory.rename(filled.directory.with_name("away"))
    screen.refresh()
    assert screen.call("frame-header.children") == {}
    filled.directory.write_text("a file")
    screen.refresh()
    assert "is not a directory" in screen.text("frame-notice")
    filled.directory.unlink()
    away.rename(filled.directory)
    screen.refresh()
    assert screen.text("frame-notice") == ""


def test_a_viewer_can_open_another_directory(filled: Run, client: Any, tmp_path: Any) -> None:
    """On the machine that the monitor runs on; the page then follows that one."""
    other = Run(tmp_path / "other")
    other.directory.mkdir()
    other.metrics(77)
    screen = Screen(client, "/metrics")
    screen.set("directory", value=str(other.directory))
    screen.change("directory-open", n_clicks=1)
    assert "Opened" in screen.text("directory-advice")
    screen.set("live-run", data=screen.component("runs-opened")["data"])  # as the browser does
    screen.refresh()
    assert screen.facts()["Step"] == "77"
    assert screen.figure("metric", "loss")["data"][0]["x"] == [77]


@pytest.mark.parametrize("typed", ["/no/such/place", "~nobody such/x", "\x00", "x" * 5000])
def test_a_directory_that_cannot_be_opened_is_said(filled: Run, client: Any, typed: str) -> None:
    """In the field's own advice; the page stays on its run."""
    screen = Screen(client, "/metrics")
    screen.set("directory", value=typed)
    screen.change("directory-open", n_clicks=1)
    assert len(screen.text("directory-advice")) > 20
    screen.refresh()
    assert screen.facts()["Step"] == "2,000"


def test_a_monitor_open_to_others_opens_no_directory(filled: Run, tmp_path: Any) -> None:
    """Whoever is elsewhere sees what the operator shows."""
    app = create_app(filled.directory, host="0.0.0.0")
    screen = Screen(app.server.test_client(), "/metrics")
    assert screen.component("directory")["disabled"] is True
    screen.set("directory", value=str(tmp_path))
    screen.change("directory-open", n_clicks=1)
    assert "only on the machine" in screen.text("directory-advice")
    assert len(app.server.test_client().get("/api/v1/runs").get_json()["runs"]) == 1


def test_every_answer_of_every_page_is_strict_json(filled: Run, client: Any) -> None:
    """The screen refuses a bare NaN; nothing of the log is lost for it."""
    filled.append(
        line(2200, loss=float("nan"), firing_rate=float("inf"), capacity_by_region={"cortex": float("nan")})
    )
    filled.metadata(2200, metrics={"loss": float("nan")})
    for path in ("/", *PAGES):
        json.dumps(Screen(client, path).layout, allow_nan=False)
