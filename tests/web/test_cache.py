"""Finished figures are kept where the settings say, privately, within bounds, and never needed."""

from __future__ import annotations

import os
import pickle
import pwd
import re
import socket
import subprocess
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis as Client

from tests.support import ROOT, Run, free_port, program, wait_until
from thalia_monitor.analysis.findings import Finding
from thalia_monitor.errors import SettingsError
from thalia_monitor.figures.chart import Chart
from thalia_monitor.settings import Settings
from thalia_monitor.web.app import create_app
from thalia_monitor.web.cache import ResultCache, result_cache
from thalia_monitor.web.context import KEY, Monitor


def cache(**options: Any) -> ResultCache:
    """A cache with these settings."""
    return result_cache(Flask("test"), Settings(**options))


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


class Trap:
    """What runs a command where it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> Any:
        return Path.touch, (self.sprung,)


def test_a_planted_entry_is_not_run(tmp_path: Path) -> None:
    """An entry can hold values only: a pickle in its place is no entry."""
    kept = cache(cache="files", cache_dir=tmp_path / "cache")
    kept.set("key", 1)
    for path in (tmp_path / "cache" / "figures").iterdir():
        path.write_bytes(path.read_bytes()[:4] + pickle.dumps(Trap(tmp_path / "sprung")))
    assert kept.get("key") is None
    assert not (tmp_path / "sprung").exists()
    assert kept.failures == 0


def test_a_planted_value_in_redis_is_not_run(tmp_path: Path) -> None:
    """Redis holds the same bytes as the files do."""
    port = free_port()
    with redis(port):
        kept = cache(cache=f"redis://127.0.0.1:{port}/0")
        kept.set("key", [1])
        assert kept.get("key") == [1]
        client = Client(port=port)
        [key] = client.keys()
        client.set(key, b"!" + pickle.dumps(Trap(tmp_path / "sprung")))
        client.close()
        assert kept.get("key") is None
    assert not (tmp_path / "sprung").exists()


def test_the_package_does_not_pickle() -> None:
    """No module of it reads or writes a format that can run code."""
    for path in (ROOT / "thalia_monitor").rglob("*.py"):
        names = set(re.findall(r"^\s*(?:import|from) (\w+)", path.read_text(), re.MULTILINE))
        assert not names & {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}, path


@pytest.mark.parametrize("where", ["memory", "files"])
@pytest.mark.parametrize("value", [7, "text", [1], {"traces": 5}, [0.5, "no bytes"], None])
def test_a_value_of_another_kind_is_as_if_it_were_not_there(tmp_path: Path, where: str, value: Any) -> None:
    """Whoever wrote it, what is given back is of the kind that was asked for."""
    kept = cache(cache=where, cache_dir=tmp_path)
    kept.set("key", value)
    assert kept.get("key", Chart) is None
    assert kept.get("key", tuple[float, bytes]) is None
    assert kept.get("key", list[Finding]) is None


def test_a_page_is_drawn_where_the_cache_holds_something_else(run: Run, monkeypatch: Any) -> None:
    """It is computed anew, and kept in its place."""
    run.metrics(1, 2, 3)
    watch: Monitor = create_app(run.directory, cache="memory").server.extensions[KEY]
    state = watch.state()
    chart = Chart([{"x": [1], "y": [float("nan")]}], {"yaxis": {}}, notes=("a",))
    assert watch.cached_or_computed(state, "run", "chart", lambda: "not a chart", str) == "not a chart"
    assert watch.cached_or_computed(state, "run", "chart", lambda: chart, Chart) is chart
    found = watch.cached_or_computed(state, "run", "chart", lambda: pytest.fail("computed twice"), Chart)
    assert (found.layout, found.notes) == (chart.layout, chart.notes)


@pytest.mark.parametrize("value", [2**70, "\ud800", {"x": [2**70]}])
def test_what_cannot_be_written_is_not_kept(value: Any) -> None:
    """A number or a name that the format has no place for costs a computation each time, and no error."""
    kept = cache(cache="memory")
    kept.set("key", value)
    assert kept.get("key") is None
    assert kept.failures == 0


@pytest.mark.parametrize("password", ["S3cr3t/Pw", "S3cr3t#Pw", "S3cr3t?Pw", "4711/Pw", "S3[cr3t", "4711#Pw"])
def test_a_redis_address_that_cannot_be_read_is_not_repeated(password: str) -> None:
    """The error names what has to be percent-encoded, and nothing of the password."""
    with pytest.raises(SettingsError, match="percent-encoded: / is %2F, # is %23") as caught:
        cache(cache=f"redis://:{password}@127.0.0.1:6399/0")
    shown = "".join(traceback.format_exception(caught.value))
    for part in re.split(r"\W", password):
        assert part not in shown.replace(__file__, "")


def test_a_linked_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    """What it leads to is neither shut nor tidied."""
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    (theirs / "letter.txt").write_text("dear all")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "figures").symlink_to(theirs)
    with pytest.raises(SettingsError, match="it is a link"):
        cache(cache="files", cache_dir=tmp_path / "cache")
    assert theirs.stat().st_mode & 0o777 == 0o755
    assert (theirs / "letter.txt").read_text() == "dear all"


def test_files_that_are_not_the_caches_stay(tmp_path: Path) -> None:
    """However full the folder is."""
    (tmp_path / "figures").mkdir()
    for number in range(50):
        (tmp_path / "figures" / f"{number}.png").write_text("mine")
        (tmp_path / "figures" / f"{number:064x}").write_text("mine, too")
    kept = cache(cache="files", cache_dir=tmp_path, cache_threshold=8)
    for number in range(100):
        kept.set(f"key {number}", number)
    names = [path.name for path in (tmp_path / "figures").iterdir()]
    assert len([name for name in names if not name.endswith(".figure")]) == 100
    assert len(names) <= 110


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away"
)
def test_a_folder_within_somebody_elses_is_refused(tmp_path: Path) -> None:
    """Its owner could put another in its place, at any time."""
    theirs = tmp_path / "home"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    with pytest.raises(SettingsError, match=r"belongs to somebody else.*--cache-dir"):
        cache(cache="files", cache_dir=theirs / "deeper" / "cache")
    (tmp_path / "way").symlink_to(theirs)
    with pytest.raises(SettingsError, match="belongs to somebody else"):
        cache(cache="files", cache_dir=tmp_path / "way" / "cache")


@pytest.mark.parametrize(("mode", "refused"), [(0o777, True), (0o1777, False), (0o755, False)])
def test_a_folder_that_others_can_replace_is_refused(tmp_path: Path, mode: int, refused: bool) -> None:
    """One where everybody can write is fit only with the sticky bit, as /tmp has it."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)
    settings = {"cache": "files", "cache_dir": tmp_path / "open" / "cache"}
    if refused:
        with pytest.raises(SettingsError, match="others can write to"):
            cache(**settings)
    else:
        cache(**settings).set("key", 1)


NO_HOMES = [
    {"HOME": "/proc/nowhere"},
    {"XDG_CACHE_HOME": "/proc/cache"},
    {},  # nor is there an entry of this user's in the password file
]


@pytest.mark.parametrize("environment", NO_HOMES)
def test_without_a_home_nothing_is_kept_and_that_is_said_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: Any, tmp_path: Path, environment: dict[str, str]
) -> None:
    """A monitor that was asked for no cache starts without one; nothing is written to where it was started."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    users: dict[int, pwd.struct_passwd] = {}
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: users[uid])
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = set(tmp_path.iterdir())
    app = create_app(run.directory, shared=True)
    assert app.server.extensions[KEY].cache.backend == "memory"
    assert app.server.test_client().get("/api/v1/runs").status_code == 200
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    assert "--cache-dir" in caplog.text
    assert set(tmp_path.iterdir()) == before
    with pytest.raises(SettingsError, match="--cache-dir"):
        create_app(run.directory, cache="files")
    with pytest.raises(SettingsError, match="--cache-dir"):
        create_app(run.directory, cache_dir=Path("/proc/nowhere"))


def test_redis_may_go_away_and_come_back(run: Run, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """Without Redis every answer is still right; when it is back it is used again."""
    run.metrics(1, 2, 3)
    port = free_port()
    with redis(port):
        app = create_app(run.directory, cache=f"redis://127.0.0.1:{port}/0")
        watch: Monitor = app.server.extensions[KEY]
        state = watch.state()
        assert watch.cached_or_computed(state, "run", "what", lambda: [1]) == [1]
        assert watch.cached_or_computed(state, "run", "what", lambda: [2]) == [1], "found in Redis"
    assert watch.cached_or_computed(state, "run", "what", lambda: [3]) == [3], "computed while Redis is away"
    assert not watch.cache.available
    assert watch.cached_or_computed(state, "run", "what", lambda: [4]) == [4]
    assert watch.cache.failures == 1, "a dead cache is not asked again at once"
    assert "does not answer" in caplog.text
    with redis(port):
        monkeypatch.setattr(watch.cache, "_retry_at", 0.0)
        assert watch.cached_or_computed(state, "run", "what", lambda: [5]) == [5]
        assert watch.cached_or_computed(state, "run", "what", lambda: [6]) == [5], "found again"


def test_a_redis_that_was_never_there_stops_nothing(run: Run) -> None:
    """A monitor starts and answers without its Redis."""
    app = create_app(run.directory, cache=f"redis://127.0.0.1:{free_port()}/0")
    assert app.server.test_client().get("/api/v1/runs").status_code == 200
    assert (
        app.server.extensions[KEY].cached_or_computed(app.server.extensions[KEY].state(), "r", "w", lambda: 1)
        == 1
    )
