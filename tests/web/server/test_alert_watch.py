"""The watch beside a running server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from requests.utils import should_bypass_proxies

from tests.screen import words
from tests.support import Run, callback, line, wait_until
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web.app import create_app
from thalia_monitor.web.server import alert_watch


def settings(run: Run, tmp_path: Path, url: str = "json://localhost/s3cret") -> Settings:
    """Settings with an alerts file."""
    file = tmp_path / "alerts.toml"
    file.write_text(f'[[channel]]\nurl = "{url}"\n[[rule]]\non = "stale"\n[health]\nfiring_high = 0.4\n')
    return Settings(checkpoint_dir=(run.directory,), alerts=file, state_dir=tmp_path / "state")


def test_a_server_without_alerts_watches_nothing(run: Run, client: Any) -> None:
    """No thread, no folder, and nothing about alerts in /healthz."""
    app = create_app(run.directory)
    assert alert_watch.guard(app.server) is None
    assert "alerts" not in app.server.test_client().get("/healthz").get_json()


def test_a_server_with_alerts_watches_and_says_so(run: Run, tmp_path: Path) -> None:
    """/healthz tells what this process does for alerts, so that a dead watch is noticed."""
    app = create_app(settings=settings(run, tmp_path))
    watcher = alert_watch.guard(app.server)
    assert watcher
    assert app.server.test_client().get("/healthz").get_json()["alerts"] in {"watching", "standing by"}
    watcher.stop()
    assert app.server.test_client().get("/healthz").get_json()["alerts"] == "stopped"


def test_a_channel_that_is_stuck_is_told(run: Run, tmp_path: Path) -> None:
    """/healthz says so to everyone; the status page and its API name the channel and why, without its address."""
    chosen = settings(run, tmp_path, url="json://someone:hunter2secret@127.0.0.1:9/hook-tok3n")
    assert chosen.alerts
    with chosen.alerts.open("a") as file:
        file.write('[[rule]]\non = "warning"\n[delivery]\ncheck_seconds = 1\n')
    now = time.time()
    run.append(*(line(step, loss=0.5, timestamp=now - 300 + step) for step in range(0, 300, 10)))
    run.append(line(290, event_type="warning", severity="critical", message="Theta unstable"))
    app = create_app(settings=chosen)
    client = app.server.test_client()
    watcher = alert_watch.guard(app.server)
    assert watcher
    try:
        wait_until(lambda: client.get("/healthz").get_json()["alerts"] == "stuck", 30)
        assert client.get("/healthz").get_json()["stuck_channels"] == 1
        answer = client.get("/api/v1/status")
        (channel,) = answer.get_json()["alert_channels"]
        assert (channel["name"], channel["condition"], channel["waiting"]) == ("channel 1", "stuck", 1)
        assert "Connection" in channel["reason"]
        shown = callback(app, "status-report.children", {"live-pulse.data": 1})
        page = words(shown["status-report"]["children"])
        assert "Alerts: stuck channel 1 ✖ stuck 1 message waiting, 0 notifications in the last hour" in page
        assert "hunter2secret" not in page + answer.get_data(as_text=True)
    finally:
        watcher.stop()


def test_servers_of_the_same_runs_share_a_watch(run: Run, tmp_path: Path) -> None:
    """Whatever the order of their directories; servers of other runs have one of their own."""
    one, two = tmp_path / "one", tmp_path / "two"
    assert alert_watch.watch_name(Settings(checkpoint_dir=(one, two))) == alert_watch.watch_name(
        Settings(checkpoint_dir=(two, one), port=1)
    )
    assert alert_watch.watch_name(Settings(checkpoint_dir=(one,))) != alert_watch.watch_name(
        Settings(root=(one, two))
    )


def test_the_limit_of_open_files_is_raised() -> None:
    """As far as the system lets this process."""
    code = (
        "import resource; from thalia_monitor.system import raise_file_limit;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128)); raise_file_limit();"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "(128, 128)\n"


def test_the_alerts_file_may_set_the_health_thresholds(run: Run, tmp_path: Path) -> None:
    """Its table [health] is for the pages too, unless --health names another file."""
    app = create_app(settings=settings(run, tmp_path))
    assert app.server.extensions["thalia_monitor"].thresholds.firing_high == 0.4


def test_each_alerts_file_is_remembered_apart(run: Run, tmp_path: Path) -> None:
    """Two servers with the same file share one sender; with different files they do not."""
    mine = settings(run, tmp_path)
    assert mine.alerts
    assert alert_watch.memory(mine, mine.alerts) == alert_watch.memory(mine, mine.alerts.resolve())
    assert alert_watch.memory(mine, mine.alerts) != alert_watch.memory(mine, tmp_path / "other.toml")
    assert alert_watch.memory(Settings(), mine.alerts).parts[-3:-1] == ("thalia-monitor", "alerts")


def test_without_a_home_alerts_are_remembered_until_the_end(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """It is said once; a folder that was named has to be there."""
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    mine = replace(settings(run, tmp_path), state_dir=None)
    app = create_app(settings=mine)
    caplog.clear()
    sentry = alert_watch.guard(app.server)
    assert sentry
    assert app.server.test_client().get("/healthz").get_json()["alerts"] in {"watching", "standing by"}
    sentry.stop()
    assert caplog.text.count("--state-dir") == 1
    named = create_app(settings=replace(mine, state_dir=Path("/proc/nowhere")))
    with pytest.raises(SettingsError, match="--state-dir"):
        alert_watch.guard(named.server)


def test_alerts_reach_this_machine_without_a_proxy(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in the environment is for other addresses; those that it is not for already are kept."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("no_proxy", "lab.example.org")
    monkeypatch.delenv("NO_PROXY", raising=False)
    alert_watch.plan_of(settings(run, tmp_path))
    monkeypatch.setenv("NO_PROXY", os.environ["NO_PROXY"])  # so that both are as before in the end
    for host in ("localhost", "127.0.0.1", "[::1]", "lab.example.org"):
        assert should_bypass_proxies(f"http://{host}:8080/", no_proxy=None), host
    assert not should_bypass_proxies("http://elsewhere.example.org/", no_proxy=None)


def test_a_wrong_address_stops_the_server_from_starting(run: Run, tmp_path: Path) -> None:
    """Better now than when something has gone wrong; the address itself is not shown."""
    app = create_app(settings=settings(run, tmp_path, url="n0such://s3cret"))
    with pytest.raises(SettingsError, match="channel 1") as caught:
        alert_watch.guard(app.server)
    assert "s3cret" not in str(caught.value)


def test_what_alerts_need_is_said_where_it_is_missing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apprise is optional: without it the operator is told how to install it."""

    def missing(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'apprise'", name="apprise")

    monkeypatch.setattr(alert_watch, "import_module", missing)
    app = create_app(settings=settings(run, tmp_path))
    with pytest.raises(SettingsError, match=r"Alerts need apprise: pip install 'thalia-monitor\[alerts\]'"):
        alert_watch.guard(app.server)
