"""A fault in one chart or pane stays there."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from dash import Dash

from tests.screen import Screen
from tests.support import Run
from thalia_monitor.errors import UnknownRun
from thalia_monitor.web.live import charts, containment, panels
from thalia_monitor.web.live.containment import FAILURE_TEXT, MOST_LOGGED, contained


def broken(*_: Any) -> Any:
    """Fail as code does that nobody has thought through."""
    return dict[str, Any]()["nothing"]


def test_a_chart_that_fails_says_so_and_all_else_goes_on(app: Dash, run: Run, client: Any) -> None:
    """Header, cards and the other charts follow the run; the broken one is tried again at every tick."""
    run.metrics(0, 100)
    screen = Screen(client, "/growth")
    working = app.server.extensions[charts.BUILDERS]["neurons"]
    app.server.extensions[charts.BUILDERS]["neurons"] = broken
    run.metrics(200, neuron_counts={"cortex": 5}, capacity_by_region={"cortex": 0.5})
    screen.refresh()
    caption = {"type": "caption", "kind": "neurons", "name": "neurons."}
    assert screen.text(caption).strip() == FAILURE_TEXT
    assert screen.facts()["Step"] == "200"
    assert screen.facts()["Neurons now"] == "5"
    assert screen.figure("capacity", "capacity.")["data"][0]["x"] == [200]
    app.server.extensions[charts.BUILDERS]["neurons"] = working
    screen.refresh()
    assert FAILURE_TEXT not in screen.text(caption)
    working = app.server.extensions[charts.BUILDERS][
        "capacity-now"
    ]  # whose words are the same at every version
    app.server.extensions[charts.BUILDERS]["capacity-now"] = broken
    run.metrics(300, capacity_by_region={"cortex": 0.5})
    screen.refresh()
    assert FAILURE_TEXT in screen.text(caption | {"kind": "capacity-now", "name": ""})
    app.server.extensions[charts.BUILDERS]["capacity-now"] = working
    screen.refresh()
    assert FAILURE_TEXT not in screen.text(caption | {"kind": "capacity-now", "name": ""})
    assert screen.figure("neurons", "neurons.")["data"][0]["x"] == [200]


def test_a_pane_that_fails_says_so_and_all_else_goes_on(app: Dash, run: Run, client: Any) -> None:
    """It comes back with the next tick that does not fail."""
    run.metrics(0, 100)
    screen = Screen(client, "/growth")
    working = app.server.extensions[panels.PANELS]["growth-facts"]
    app.server.extensions[panels.PANELS]["growth-facts"] = broken
    run.metrics(200)
    screen.refresh()
    assert FAILURE_TEXT in screen.text("growth-facts")
    assert screen.facts()["Step"] == "200"
    app.server.extensions[panels.PANELS]["growth-facts"] = working
    screen.refresh()
    assert "No growth" in screen.text("growth-facts")


def test_a_fault_is_logged_once_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """A page on the wall asks for the same every two seconds."""
    for _ in range(5):
        assert contained("a chart of this test", broken, "otherwise") == "otherwise"
    (record,) = caplog.records
    assert record.levelno == logging.ERROR and record.exc_info
    assert "a chart of this test" in record.getMessage()


def test_what_is_remembered_of_faults_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """A name may come from a log."""
    caplog.set_level(logging.CRITICAL)
    for number in range(2 * MOST_LOGGED):
        contained(f"chart {number}", broken, None)
    assert len(containment._logged) <= MOST_LOGGED


def test_what_is_meant_for_somebody_passes() -> None:
    """Our own errors are turned into something on screen elsewhere."""

    def unknown() -> None:
        raise UnknownRun("Which?")

    with pytest.raises(UnknownRun):
        contained("a chart", unknown, None)


def test_a_table_that_fails_keeps_what_it_shows(
    run: Run, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Also when it was asked what no page of ours asks; the log says what failed."""
    run.metrics(0, 100)
    screen = Screen(client, "/growth")
    before = screen.text("growth-log-count")
    screen.set("growth-log-sort", data="no order at all")
    assert screen.call("growth-log-rows.children") == {}
    assert screen.text("growth-log-count") == before
    assert "growth-log-rows" in caplog.text
