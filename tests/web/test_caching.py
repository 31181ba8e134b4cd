"""Finished figures are kept where the settings say, privately, within bounds, and never needed."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.support import Run, free_port, program, wait_until
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web.app import create_app
from thalia_monitor.web.caching import FigureCache, figure_cache
from thalia_monitor.web.monitor import KEY, Monitor


def cache(**options: Any) -> FigureCache:
    """A cache with these settings."""
    return figure_cache(Flask("test"), Settings(**options))


@contextmanager
def redis(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A Redis of our own on this port, answering, until the block ends."""
    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen([*command, "--appendonly", "no"], stdout=subprocess.DEVNULL, cwd="/tmp")
    try:
        wait_until(lambda: _answers(port))
        yield process
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("where", ["memory", "files"])
def test_what_is_kept_is_found_again(tmp_path: Path, where: str) -> None:
    """A value comes back under its key, and nothing under another."""
    kept = cache(cache=where, cache_dir=tmp_path)
    kept.set("run:1:loss", {"data": [1, 2]})
    assert kept.get("run:1:loss") == {"data": [1, 2]}
    assert kept.get("run:2:loss") is None


@pytest.mark.parametrize("where", ["memory", "files"])
def test_what_is_soon_of_no_use_is_kept_as_long(tmp_path: Path, where: str) -> None:
    """What is worth a second does not fill the cache for a day."""
    kept = cache(cache=where, cache_dir=tmp_path)
    kept.set("key", 1, 1)
    wait_until(lambda: kept.get("key") is None)


def test_switched_off_nothing_is_kept() -> None:
    """Without a cache everything is computed anew."""
    kept = cache(cache="off")
    kept.set("key", 1)
    assert kept.get("key") is None


def test_workers_share_files(tmp_path: Path) -> None:
    """What one process has computed another finds."""
    cache(cache="files", cache_dir=tmp_path).set("key", [1])
    assert cache(cache="files", cache_dir=tmp_path).get("key") == [1]


@pytest.mark.parametrize("other", [{"base_path": "/lab/"}, {"stage_scheme": "2026"}, {"refresh_seconds": 1}])
def test_monitors_with_other_settings_share_nothing(tmp_path: Path, other: dict[str, Any]) -> None:
    """What one draws has addresses, names and judgements that are wrong in the other."""
    cache(cache="files", cache_dir=tmp_path).set("key", [1])
    assert cache(cache="files", cache_dir=tmp_path, **other).get("key") is None


def test_files_are_private(tmp_path: Path) -> None:
    """Only this user can read or plant an entry: an entry is believed."""
    (tmp_path / "figures").mkdir(mode=0o777)
    kept = cache(cache="files", cache_dir=tmp_path)
    kept.set("key", 1)
    assert (tmp_path / "figures").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "figures").iterdir())


def test_somebody_elses_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder that another user owns is not used, and the error names the flag."""
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(SettingsError, match="--cache-dir"):
        cache(cache="files", cache_dir=tmp_path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A file in the way is a plain error at the start."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="--cache-dir"):
        cache(cache="files", cache_dir=tmp_path / "file")


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    """However much is computed, no more than the threshold stays."""
    kept = cache(cache="files", cache_dir=tmp_path, cache_threshold=20)
    for number in range(100):
        kept.set(f"key {number}", number)
    assert len(list((tmp_path / "figures").iterdir())) <= 25
    assert kept.get("key 99") == 99


def test_a_broken_entry_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    """An entry that was cut short, or written by something else, costs a computation and no error."""
    kept = cache(cache="files", cache_dir=tmp_path)
    kept.set("key", {"value": 1})
    for path in (tmp_path / "figures").iterdir():
        path.write_bytes(path.read_bytes()[:4] + b"\x80garbage")
    assert kept.get("key") is None


@pytest.mark.parametrize("words", ["redis", "http://x", "memcached"])
def test_an_unknown_cache_is_refused(words: str) -> None:
    """A cache of no known kind is said at the start."""
    with pytest.raises(SettingsError, match="--cache"):
        Settings(cache=words)


def test_the_address_of_redis_is_not_printed() -> None:
    """It may hold a password."""
    assert "owl" not in repr(Settings(cache="redis://:owl@localhost/0"))


def test_redis_may_go_away_and_come_back(run: Run, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """Without Redis every answer is still right; when it is back it is used again."""
    run.metrics(1, 2, 3)
    port = free_port()
    with redis(port):
        app = create_app(run.directory, cache=f"redis://127.0.0.1:{port}/0")
        watch: Monitor = app.server.extensions[KEY]
        state = watch.state()
        assert watch.finished(state, "run", "what", lambda: [1]) == [1]
        assert watch.finished(state, "run", "what", lambda: [2]) == [1], "found in Redis"
    assert watch.finished(state, "run", "what", lambda: [3]) == [3], "computed while Redis is away"
    assert not watch.cache.answering
    assert watch.finished(state, "run", "what", lambda: [4]) == [4]
    assert watch.cache.failures == 1, "a dead cache is not asked again at once"
    assert "does not answer" in caplog.text
    with redis(port):
        monkeypatch.setattr(watch.cache, "_again_at", 0.0)
        assert watch.finished(state, "run", "what", lambda: [5]) == [5]
        assert watch.finished(state, "run", "what", lambda: [6]) == [5], "found again"


def test_a_redis_that_was_never_there_stops_nothing(run: Run) -> None:
    """A monitor starts and answers without its Redis."""
    app = create_app(run.directory, cache=f"redis://127.0.0.1:{free_port()}/0")
    assert app.server.test_client().get("/api/v1/runs").status_code == 200
    assert app.server.extensions[KEY].finished(app.server.extensions[KEY].state(), "r", "w", lambda: 1) == 1
