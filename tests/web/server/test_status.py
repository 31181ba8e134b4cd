"""How the server is doing: told to those who may look, for all of its processes, and without secrets."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from dash import Dash

from tests.screen import words
from tests.support import Run, callback, serving, wait_until
from tests.web.server.test_auth import hashed
from thalia_monitor import __version__
from thalia_monitor.web.app import create_app
from thalia_monitor.web.components import server_status
from thalia_monitor.web.context import KEY
from thalia_monitor.web.server import status
from thalia_monitor.web.server.logging import Recent


@pytest.fixture
def kept() -> Iterator[logging.Logger]:
    """A logger whose warnings are kept, and nothing kept from before."""
    Recent.records.clear()
    handler, logger = Recent(logging.WARNING), logging.getLogger("tests.operations")
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)
    Recent.records.clear()


def test_one_process_tells_of_itself(run: Run, client: Any) -> None:
    """Version, process, memory, runs and cache, as plain values."""
    run.metrics(1, 2)
    key = client.get("/api/v1/runs").json["runs"][0]["id"]
    client.get(f"/api/v1/runs/{key}")
    told = client.get("/api/v1/status").json
    assert told["version"] == __version__
    assert told["answered_by"] == os.getpid()
    assert [each["pid"] for each in told["processes"]] == [os.getpid()]
    used = psutil.Process().memory_info().rss
    assert told["processes"][0]["memory_bytes"] == pytest.approx(used, rel=0.2)
    assert told["runs"] == {"known": 1, "gone": 0, "held": 1, "notes": []}
    assert told["cache"] == {"kind": "memory", "answering": True, "failures": 0}


def test_the_page_says_the_same(app: Dash, kept: logging.Logger) -> None:
    """The page of the site shows the report, errors last, whatever is in them as text."""
    kept.error("it went wrong: <img src=x onerror=alert(1)>")
    told = callback(app, "status-report.children", {"live-pulse.data": 1})
    text = words(told["status-report"]["children"])
    assert __version__ in text
    assert str(os.getpid()) in text
    assert "MiB" in text
    assert "it went wrong: <img src=x onerror=alert(1)>" in text


def test_a_server_without_errors_says_so(app: Dash, kept: logging.Logger) -> None:
    """An empty list is a good answer, not an empty space."""
    assert "None since the start" in words(server_status.panels(status.report(app.server.extensions[KEY])))


def test_a_run_that_is_gone_is_counted(tmp_path: Path) -> None:
    """What vanished below a root is not among the runs there are."""
    for name in ("one", "two"):
        (tmp_path / "root" / name).mkdir(parents=True)
        Run(tmp_path / "root" / name).metrics(1)
    client = create_app(root=(tmp_path / "root",)).server.test_client()
    assert client.get("/api/v1/status").json["runs"]["known"] == 2
    assert client.get("/api/v1/status").json["runs"]["gone"] == 0


def test_only_those_who_may_look_are_told(run: Run, tmp_path: Path) -> None:
    """Behind a password the page and its JSON are, too."""
    path = tmp_path / "htpasswd"
    path.write_text(f"ann:{hashed('owl')}\n")
    client = create_app(run.directory, auth_file=path).server.test_client()
    assert client.get("/status").status_code == 401
    assert client.get("/api/v1/status").status_code == 401
    assert client.get("/api/v1/status", auth=("ann", "owl")).status_code == 200


def test_no_secret_is_kept(run: Run, kept: logging.Logger) -> None:
    """A token, and a password in an address, are left out of what is kept, whoever logs them."""
    create_app(run.directory, api_token="s3cret-t0ken")
    kept.warning("Bearer s3cret-t0ken was shown")
    kept.warning("redis://ann:n1ghtowl@cache.lab.example:6379/0 does not answer")
    told = json.dumps(Recent.listed())
    assert "s3cret" not in told
    assert "n1ghtowl" not in told
    assert "cache.lab.example" in told


def test_what_is_kept_is_bounded(kept: logging.Logger) -> None:
    """Neither many errors nor long ones fill the memory."""
    for number in range(100):
        kept.error("%d %s", number, "x" * 100_000)
    assert len(json.dumps(Recent.listed())) < 20_000


def test_what_a_worker_logs_is_told_by_the_others(
    app: Dash, kept: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process writes what it keeps; one that ended is still heard, and a torn file is passed over."""
    monkeypatch.setattr(Recent, "folder", tmp_path)
    kept.error("said by another worker")
    [own] = tmp_path.glob("*.json")
    own.rename(tmp_path / "1.json")
    (tmp_path / "2.json").write_text('[{"time": "20')
    Recent.records.clear()
    kept.error("said by this one")
    told = status.report(app.server.extensions[KEY]).errors
    assert [each["message"] for each in told] == ["said by this one", "said by another worker"]


def test_every_worker_tells_of_all(run: Run, tmp_path: Path) -> None:
    """Whichever worker answers: the master, each worker with its memory, and that one was killed.

    The folder they share is private, and goes when the server ends.
    """
    run.metrics(1)
    folder = tmp_path / "tmp"
    folder.mkdir()
    options = ("--workers", "3", "--checkpoint-dir", run.directory, "--cache-dir", tmp_path)
    with serving("serve", *options, TMPDIR=str(folder)) as server:
        master = psutil.Process(server.process.pid)
        wait_until(lambda: len(master.children()) == 3)
        told = server.get("api/v1/status")[1]
        assert {each["pid"] for each in told["processes"]} == {
            master.pid,
            *(p.pid for p in master.children()),
        }
        assert all(each["memory_bytes"] > 1 << 20 for each in told["processes"])
        [shared] = folder.glob("thalia-monitor-*")
        assert shared.stat().st_mode & 0o077 == 0
        master.children()[0].send_signal(signal.SIGKILL)
        wait_until(lambda: "SIGKILL" in json.dumps(server.get("api/v1/status")[1]["errors"]))
        seen: dict[int, list[str]] = {}
        while len(seen) < 2:  # the same from one worker and from another
            told = server.get("api/v1/status")[1]
            seen[told["answered_by"]] = [each["message"] for each in told["errors"]]
        assert all("SIGKILL" in json.dumps(each) for each in seen.values())
    assert list(folder.glob("thalia-monitor-*")) == []
