"""Several processes under gunicorn: they start, agree, survive the loss of one, and end when told to."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import Run, Server, serving, wait_until
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web.app import create_app
from thalia_monitor.web.server import gunicorn
from thalia_monitor.web.server.connections import bind


def processes(server: Server) -> list[psutil.Process]:
    """The workers there are."""
    return psutil.Process(server.process.pid).children()


def steps(server: Server, key: str) -> set[int]:
    """What a dozen questions, spread over the workers, are answered."""
    return {server.get(f"api/v1/runs/{key}")[1]["current_step"] for _ in range(12)}


@pytest.fixture
def several(run: Run, tmp_path: Path) -> Iterator[Server]:
    """Three workers on a run."""
    run.metrics(1, 2, 3)
    arguments = (
        "serve",
        "--workers",
        "3",
        "--checkpoint-dir",
        run.directory,
        "--cache-dir",
        tmp_path / "cache",
    )
    with serving(*arguments) as server:
        wait_until(lambda: len(processes(server)) == 3)
        yield server


def test_all_workers_tell_the_same(several: Server, run: Run) -> None:
    """A new line is told by every worker as soon as it is asked: none holds on to what it read before."""
    key = several.get("api/v1/runs")[1]["runs"][0]["id"]
    assert steps(several, key) == {3}
    run.metrics(4)
    assert steps(several, key) == {4}


def test_a_killed_worker_is_replaced(several: Server) -> None:
    """One worker lost costs nobody the page: the others answer, and a new one comes."""
    lost = processes(several)[0]
    lost.send_signal(signal.SIGKILL)
    for _ in range(10):
        assert several.get("healthz")[0] == 200
    wait_until(lambda: len(processes(several)) == 3 and lost not in processes(several))
    assert several.get("api/v1/runs")[0] == 200


def test_a_reload_makes_new_workers_without_a_gap(several: Server) -> None:
    """SIGHUP takes new workers in and lets the old ones finish; every request is answered."""
    before = processes(several)
    several.process.send_signal(signal.SIGHUP)
    wait_until(lambda: several.get("healthz")[0] == 200 and not set(before) & set(processes(several)))
    assert several.get("api/v1/runs")[0] == 200


def test_it_ends_when_told(several: Server) -> None:
    """SIGTERM ends master and workers, within the time a service manager gives, with exit code 0."""
    everyone = [psutil.Process(several.process.pid), *processes(several)]
    several.process.send_signal(signal.SIGTERM)
    assert several.process.wait(timeout=15) == 0
    wait_until(lambda: not any(each.is_running() for each in everyone))


def test_what_it_logs_is_one_object_a_line(run: Run, tmp_path: Path) -> None:
    """With JSON asked for, requests have their parts as fields, and the address is printed as ever."""
    options = ("--cache-dir", tmp_path, "--log-format", "json", "--host", "0.0.0.0")
    with serving("serve", "--workers", "1", "--checkpoint-dir", run.directory, *options) as server:
        server.get("api/v1/runs?%0aforged")
        wait_until(lambda: any("forged" in each for each in server.output))
        line = next(each for each in server.output if "forged" in each)
    assert '"status": 200' in line
    assert '"address": "/api/v1/runs?%0aforged"' in line
    assert any("without a password" in each for each in server.output)


def test_the_port_in_use_is_said_at_once() -> None:
    """A port that something else listens on is one sentence that names the flag."""
    with bind(Settings(port=0)) as taken:
        settings = Settings(port=taken.getsockname()[1])
        with pytest.raises(SettingsError, match="--port"):
            gunicorn.serve(settings, 1, 1)


def test_gunicorn_by_hand_is_configured_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped configuration file listens where ``THALIA_MONITOR_*`` says and opens no control socket."""
    chosen = gunicorn.configuration(Settings(host="::1", port=8123))
    assert chosen["bind"] == "[::1]:8123"
    assert chosen["worker_class"] is gunicorn.FrontWorker
    assert chosen["control_socket_disable"]
    assert chosen["graceful_timeout"] <= 5


def test_options_stand_before_or_after_the_command(run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    """``thalia-monitor --port 1 serve`` and ``serve --port 1`` mean the same; the later wins."""
    seen: list[Settings] = []
    monkeypatch.setattr(gunicorn, "serve", lambda settings, *_: seen.append(settings))
    from click.testing import CliRunner  # noqa: PLC0415 - beside what it drives

    from thalia_monitor.cli import cli  # noqa: PLC0415

    for arguments in (
        ["--port", "8123", "serve"],
        ["serve", "--port", "8123"],
        ["--port", "1", "serve", "--port", "8123"],
    ):
        assert CliRunner().invoke(cli, arguments, env=dict(os.environ)).exit_code == 0
    assert [settings.port for settings in seen] == [8123] * 3


def test_a_worker_serves_scripts_before_it_has_served_a_page(run: Run, client: Any) -> None:
    """The page may come from one worker and its scripts from another that has only just started."""
    page = create_app(run.directory).server.test_client().get("/").text
    scripts = re.findall(r'<script src="([^"]+)"', page)
    assert len(scripts) > 5
    for address in scripts:
        with client.get(address) as answer:
            assert answer.status_code == 200, address
