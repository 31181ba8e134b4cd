"""Many viewers at the same time are shown the same moment; who is alone is shown the newest."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import orjson
import pytest
from dash import Dash

from tests.support import Run, line
from thalia_monitor.errors import MonitorError
from thalia_monitor.state import TrainingState
from thalia_monitor.web.crowd import CROWDED, MANY, Crowd
from thalia_monitor.web.monitor import KEY, Monitor


def versions() -> Any:
    """A reader that finds another version at every reading."""
    numbers = iter(range(100))
    return lambda: TrainingState(version=str(next(numbers)))


@pytest.fixture
def waiting() -> Crowd:
    """As many requests under way as are too many."""
    found = Crowd()
    for _ in range(CROWDED):
        found.enter()
    return found


def test_who_is_alone_is_shown_the_newest() -> None:
    """However soon after the last look."""
    alone, read = Crowd(), versions()
    alone.enter()
    assert [alone.state("a", read).version for _ in range(3)] == ["0", "1", "2"]


def test_a_crowd_shares_a_version(waiting: Crowd) -> None:
    """For a second; then the next is read."""
    read = versions()
    with patch("thalia_monitor.web.crowd.time.monotonic") as clock:
        clock.return_value = 50.0
        assert [waiting.state("a", read).version for _ in range(3)] == ["0", "0", "0"]
        clock.return_value = 51.0
        assert waiting.state("a", read).version == "1"


def test_many_requests_in_the_second_before_are_a_crowd_as_soon_as_two_meet() -> None:
    """One program that asks quickly, one request after another, is none, and is always shown the newest."""
    many, read = Crowd(), versions()
    with patch("thalia_monitor.web.crowd.time.monotonic") as clock:
        clock.return_value = 50.9
        for _ in range(MANY):
            many.enter()
            many.leave()
        clock.return_value = 51.1
        many.enter()
        assert [many.state("a", read).version for _ in range(2)] == ["0", "1"]
        many.enter()
        assert [many.state("a", read).version for _ in range(2)] == ["2", "2"]
        clock.return_value = 53.2
        many.enter()
        assert [many.state("a", read).version for _ in range(2)] == ["3", "4"], "the crowd has gone"


@pytest.fixture
def follow(app: Dash, run: Run, client: Any) -> Any:
    """A part of the metrics page that asks for what is new, always in the same words, while many others ask."""
    run.metrics(*range(100))
    client.get("/metrics")
    watch: Monitor = app.server.extensions[KEY]
    for _ in range(CROWDED):
        watch.crowd.enter()
    run_id = watch.library.entry().id
    body = {
        "output": "growth-facts.children",
        "outputs": {"id": "growth-facts", "property": "children"},
        "inputs": [{"id": "live-version", "property": "data", "value": {"run": run_id, "version": "told"}}],
        "changedPropIds": ["live-version.data"],
        "state": [],
    }

    def ask(**headers: str) -> Any:
        sent = {"Content-Type": "application/json"} | headers
        return client.post("/_dash-update-component", data=orjson.dumps(body), headers=sent)

    return ask


def test_the_very_same_question_is_answered_once(follow: Any, run: Run) -> None:
    """For a second, and to whoever may ask at all."""
    with patch("thalia_monitor.web.crowd.time.monotonic") as clock:
        clock.return_value = 50.0
        before = follow()
        run.append(line(100, event_type="growth", region="cortex", neurons_added=7, new_total=9, reason="x"))
        again = follow()
        assert before.status_code == again.status_code == 200
        assert again.data == before.data
        assert again.headers["Content-Security-Policy"] == before.headers["Content-Security-Policy"]
        assert follow(Host="elsewhere.example").status_code == 400
        clock.return_value = 51.0
        assert follow().data != before.data


def test_a_page_is_not_shown_another_version_than_it_was_told_of(waiting: Crowd) -> None:
    """Another worker may have told it of a newer one; an older one would stay on its screen."""
    read = versions()
    assert waiting.state("a", read).version == "0"
    assert waiting.state("a", read, "0").version == "0"
    assert waiting.state("a", read, "told by another worker").version == "1"


def test_another_run_is_read(waiting: Crowd) -> None:
    """What is held is of the run that was asked for."""
    read = versions()
    assert [waiting.state(run, read).version for run in "abb"] == ["0", "1", "1"]


def test_a_crowd_that_has_gone_holds_nothing(waiting: Crowd) -> None:
    """A state that nobody waits for is not kept in memory."""
    read = versions()
    waiting.state("a", read)
    for _ in range(CROWDED - 1):
        waiting.leave()
    assert [waiting.state("a", read).version for _ in range(2)] == ["1", "2"]
    assert waiting._held is None


def test_requests_are_counted_until_they_are_answered(app: Dash, run: Run, client: Any) -> None:
    """Also those that fail."""
    watch: Monitor = app.server.extensions[KEY]
    for path in ("/healthz", "/api/v1/runs/nothing", "/nowhere"):
        client.get(path)
    assert watch.crowd._under_way == 0


def test_what_cannot_be_read_is_raised(waiting: Crowd) -> None:
    """For a crowd as for one."""

    def fails() -> TrainingState:
        raise MonitorError("gone")

    with pytest.raises(MonitorError, match="gone"):
        waiting.state("a", fails)
