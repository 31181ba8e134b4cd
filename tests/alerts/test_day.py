"""A simulated day in fast-forward: what goes wrong is on the overview at the next look, and one notification."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dash import Dash

from tests.alerts.support import Day, Receiver, receiving
from tests.screen import Screen
from tests.support import Run
from thalia_monitor.alerts.rules import load
from thalia_monitor.alerts.watcher import Watcher
from thalia_monitor.reading.run_reader import RunReader
from thalia_monitor.web.components import header

RULES = """
[[rule]]
on = "nan"
[[rule]]
on = "stale"
[[rule]]
on = "milestone"
[[rule]]
on = "health"
severity = "warning"
"""


@pytest.fixture
def day(run: Run, monkeypatch: pytest.MonkeyPatch) -> Day:
    """A run whose clock is the test's, for the pages too."""
    made = Day(run)
    monkeypatch.setattr(header, "time", made.clock)
    return made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook on this machine."""
    with receiving() as received:
        yield received


@pytest.fixture
def page(app: Dash) -> Screen:
    """A viewer of the overview."""
    return Screen(app.server.test_client(), "/")


@pytest.fixture
def watcher(day: Day, receiver: Receiver, tmp_path: Path) -> Watcher:
    """The watch over that run, sending to the receiver for real."""
    file = tmp_path / "alerts.toml"
    file.write_text(f'[[channel]]\nurl = "{receiver.url}"\n{RULES}')
    reader = RunReader(day.run.directory)
    return Watcher(load(file), lambda: [reader], tmp_path / "state", clock=day.clock)


def test_a_day_with_everything_in_it(day: Day, receiver: Receiver, page: Screen, watcher: Watcher) -> None:
    """Healthy hours are silent; each fault is seen at the next look, and is one notification and one of its end."""

    def look() -> list[str]:
        """One interval passes: what the receiver was sent meanwhile."""
        before = len(receiver.letters)
        watcher.check_runs()
        watcher.deliver()
        page.refresh()
        return receiver.titles[before:]

    def hours(count: float, **fields: Any) -> list[str]:
        """Let the training go on, looking each ten minutes."""
        sent = []
        for _ in range(round(6 * count)):
            day.log(60, **fields)
            day.save(milestones={"mnist_accuracy": True, "gaze_following": True})
            sent += look()
        return sent

    def said(name: str) -> str:
        return " ".join(page.text(name).split())

    assert hours(6) == []
    assert "● Live" in said("overview-status")
    assert "Nothing found wrong" in said("overview-blocks")

    day.log(5, loss=math.nan)
    (alert,) = look()
    assert alert.startswith("✖ run: loss has been NaN since step")
    assert "loss has been NaN since step" in said("overview-blocks")
    assert "NaN" in said("overview-metrics")
    day.log(1, loss=math.nan)
    assert look() == []
    (over,) = hours(1)
    assert over.startswith("✓ run: Over after")
    assert "loss has been NaN" not in said("overview-blocks")
    assert "NaN" not in said("overview-metrics")

    day.now += 120
    (alert,) = look()
    assert alert.startswith("✖ run: The run has gone stale. Last line 2 min ago, usually every 10 s.")
    assert "○ Stale Last line 2 min ago" in said("overview-status")
    assert page.component("live-standing")["data"]["status"] == "stale"
    day.now += 3600
    assert look() == []
    (over,) = hours(0.5)
    assert over.startswith("✓ run: Over after")
    assert "● Live" in said("overview-status")

    day.log(10)
    day.save(milestones={"mnist_accuracy": False, "gaze_following": True})
    (alert,) = look()
    assert alert.startswith("▲ run: Milestone mnist_accuracy was lost at step")
    assert "Milestone mnist_accuracy was lost" in said("overview-blocks")
    assert "✗ mnist_accuracy" in said("overview-blocks")
    (over,) = hours(0.5)
    assert over.startswith("✓ run: Over after")
    assert "was lost" not in said("overview-blocks")

    assert hours(6) == []
    assert len(receiver.letters) == 6


def test_a_restart_repeats_no_notification(day: Day, receiver: Receiver, tmp_path: Path) -> None:
    """What was sent is not sent again after the server is restarted, and the end of it is still sent."""
    file = tmp_path / "alerts.toml"
    file.write_text(f'[[channel]]\nurl = "{receiver.url}"\n{RULES}')

    def restarted() -> Watcher:
        reader = RunReader(day.run.directory)
        return Watcher(load(file), lambda: [reader], tmp_path / "state", clock=day.clock)

    first = restarted()
    day.log(60)
    first.check_runs()
    day.log(3, loss=math.nan)
    first.check_runs()
    first.deliver()
    first.release_lock()
    second = restarted()
    second.check_runs()
    second.deliver()
    assert len(receiver.letters) == 1
    day.log(60)
    second.check_runs()
    second.deliver()
    assert [title[:16] for title in receiver.titles[1:]] == ["✓ run: Over afte"]
