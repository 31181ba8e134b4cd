"""The stream of versions: what it says and to whom, what it costs, and how it ends."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from dash import Dash
from passlib.hash import bcrypt

from tests.support import Run, Server, serving, wait_until
from thalia_monitor.reading.library import run_id
from thalia_monitor.reading.run_reader import RunReader
from thalia_monitor.web.app import create_app
from thalia_monitor.web.context import KEY
from thalia_monitor.web.server import stream
from thalia_monitor.web.server.security import HEADERS
from thalia_monitor.web.server.stream import Stream, Streams

from .test_front import site

QUICK = 2.0
"""Seconds in which an event arrives, however busy this machine is; pages would ask every five."""


class Reader:
    """One open stream, as a browser holds it."""

    def __init__(self, address: str, **headers: str) -> None:
        parts = urlsplit(address)
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        self.connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        self.answer = self.connection.getresponse()

    def next(self) -> tuple[str, Any]:
        """The next event, its name and data; ``end`` where the server ends the stream."""
        name = ""
        while line := self.answer.readline():
            field, _, value = line.decode().rstrip("\n").partition(":")
            if field == "event":
                name = value.strip()
            elif field == "data":
                return name, json.loads(value) if value.strip() else None
        return "end", None

    def close(self) -> None:
        """Leave, as a browser does when its tab is closed."""
        self.answer.close()
        self.connection.close()


@pytest.fixture
def opened() -> Iterator[Callable[..., Reader]]:
    """Open streams that are left when the test ends."""
    with ExitStack() as stack:

        def make(address: str, **headers: str) -> Reader:
            reader = Reader(address, **headers)
            stack.callback(reader.close)
            return reader

        yield make


Open = Callable[..., Reader]


def address(port: int, run: Run, more: str = "", base: str = "/") -> str:
    """Where the stream of a run is."""
    return f"http://127.0.0.1:{port}{base}live?run={run_id(run.directory)}{more}"


def test_a_new_version_is_said_at_once(run: Run, opened: Open) -> None:
    """First the version as it is, then each new one within moments: the very version that a page is given."""
    run.metrics(1, 2, 3)
    server = create_app(run.directory).server
    with site(server) as found:
        reader = opened(address(found.port, run))
        shown = {"run": run_id(run.directory), "version": server.extensions[KEY].state().version}
        assert reader.next() == ("version", shown)
        written = time.monotonic()
        run.metrics(4)
        name, said = reader.next()
        assert time.monotonic() - written < QUICK
        assert (name, said["version"]) == ("version", server.extensions[KEY].state().version)
        assert said["version"] != shown["version"]


def test_a_silent_stream_gives_signs_of_life(run: Run, opened: Open) -> None:
    """A page that hears nothing cannot tell silence from a cut line, so something is said as often as it asks for."""
    run.metrics(1)
    with site(create_app(run.directory).server) as found:
        reader = opened(address(found.port, run, "&beat=1"))
        assert reader.next()[0] == "version"
        begun = time.monotonic()
        assert [reader.next()[0] for _ in range(2)] == ["beat", "beat"]
        assert 1.5 < time.monotonic() - begun < 2 + QUICK


def test_a_run_that_cannot_be_read_has_the_empty_version(run: Run, opened: Open) -> None:
    """A directory that vanishes and its return are news, too: the page then says so."""
    run.metrics(1)
    with site(create_app(run.directory).server) as found:
        reader = opened(address(found.port, run))
        before = reader.next()
        away = run.directory.rename(run.directory.with_name("away"))
        assert reader.next() == ("version", {"run": run_id(run.directory), "version": ""})
        away.rename(run.directory)
        assert reader.next() == before


def test_several_runs_share_a_stream(tmp_path: Path, opened: Open) -> None:
    """One stream serves all tabs of a browser, each with a run of its own; a run that is gone spoils nothing."""
    runs = [Run(tmp_path / name) for name in ("first", "second")]
    for each in runs:
        each.directory.mkdir()
        each.metrics(1)
    with site(create_app([each.directory for each in runs]).server) as found:
        more = f"&run={run_id(runs[1].directory)}&run=000000000000"
        reader = opened(address(found.port, runs[0], more))
        assert {reader.next()[1]["run"] for _ in runs} == {run_id(each.directory) for each in runs}
        runs[1].metrics(2)
        assert reader.next()[1]["run"] == run_id(runs[1].directory)


def test_all_streams_cost_one_look(run: Run, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty streams look at a run as often as one; when the last has left, nobody looks."""
    run.metrics(1)
    looks: list[float] = []
    version = RunReader.version

    def counted(reader: RunReader) -> str:
        looks.append(time.monotonic())
        return version(reader)

    monkeypatch.setattr(RunReader, "version", counted)
    with site(create_app(run.directory).server) as found:
        readers = [opened(address(found.port, run)) for _ in range(30)]
        for each in readers:
            assert each.next()[0] == "version"
        looks.clear()
        time.sleep(1.5)
        assert 2 <= len(looks) <= 1.5 / stream.LOOK + 1
        for each in readers:
            each.close()
        time.sleep(0.5)
        looks.clear()
        time.sleep(0.5)
        assert looks == []


def test_a_log_that_grows_fast_is_said_at_a_pace(run: Run, opened: Open) -> None:
    """A line every few milliseconds causes a few events, then one a second, and the last line is among them."""
    run.metrics(1)
    server = create_app(run.directory).server
    with site(server) as found:
        reader = opened(address(found.port, run, "&beat=1"))
        reader.next()
        begun = time.monotonic()
        for step in range(2, 802):
            run.metrics(step)
            time.sleep(0.005)
        took = time.monotonic() - begun
        said, silent = [], 0
        while silent < 2:  # seconds
            name, event = reader.next()
            silent = silent + 1 if name == "beat" else 0
            said += [event["version"]] if name == "version" else []
        assert 1 <= len(said) <= stream.BURST + took / stream.PACE + 2
        assert said[-1] == server.extensions[KEY].state().version


def test_a_directory_that_hangs_delays_only_its_own_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that never ends makes that run unreadable; the other one's versions go on."""
    monkeypatch.setattr(stream, "UNANSWERED", 0.3)

    def there() -> Future[str]:
        found: Future[str] = Future()
        found.set_result(f"at {time.monotonic() // 0.4}")
        return found

    async def listen() -> list[bytes]:
        streams, sent = Streams(), []
        one = streams.open("127.0.0.1", {"hangs": Future, "well": there}, beat=5, most=1)

        async def send(piece: bytes) -> None:
            sent.append(piece)

        left = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(one.run(send, left))
        await asyncio.sleep(2)
        left.set_result(None)
        await running
        return sent

    said = b"".join(asyncio.run(listen()))
    assert said.count(b'{"run":"hangs","version":""}') == 1
    assert said.count(b'{"run":"well"') >= 3


def test_one_slow_look_does_not_make_the_next_ones_rare() -> None:
    """A busy moment of the machine is no sign of a large directory, which is looked at less often."""

    async def looks_in_two_seconds(slow: Callable[[int], float]) -> int:
        streams, looks = Streams(), 0

        def look() -> Future[str]:
            nonlocal looks
            looks += 1
            found: Future[str] = Future()
            asyncio.get_running_loop().call_later(slow(looks), found.set_result, "the same")
            return found

        one = streams.open("127.0.0.1", {"run": look}, beat=5, most=1)

        async def ignore(_: bytes) -> None: ...

        left = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(one.run(ignore, left))
        await asyncio.sleep(2)
        left.set_result(None)
        await running
        return looks

    assert asyncio.run(looks_in_two_seconds(lambda number: 0.4 if number == 3 else 0)) >= 5
    assert asyncio.run(looks_in_two_seconds(lambda _: 0.1)) <= 2


def htpasswd(folder: Path) -> Path:
    """A password file that lets ``ada`` in."""
    path = folder / "htpasswd"
    path.write_text(f"ada:{bcrypt.using(rounds=4).hash('secret')}\n")
    return path


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Basic " + base64.b64encode(b"ada:wrong").decode()}, 401),
        ({"Authorization": "Basic " + base64.b64encode(b"ada:secret").decode()}, 200),
    ],
)
def test_a_stream_asks_for_the_password(
    run: Run, tmp_path: Path, opened: Open, headers: dict[str, str], status: int
) -> None:
    """Nobody without a password learns even that a run changes."""
    run.metrics(1)
    with site(create_app(run.directory, auth_file=htpasswd(tmp_path)).server) as found:
        reader = opened(address(found.port, run), **headers)
        assert reader.answer.status == status
        assert ("WWW-Authenticate" in reader.answer.headers) == (status == 401)


def test_a_stream_is_checked_again_after_a_while(
    run: Run, tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends by itself, and whoever has lost the password meanwhile gets no other one."""
    monkeypatch.setattr(stream, "LONGEST", 1.0)
    run.metrics(1)
    path = htpasswd(tmp_path)
    ada = {"Authorization": "Basic " + base64.b64encode(b"ada:secret").decode()}
    with site(create_app(run.directory, auth_file=path).server) as found:
        reader = opened(address(found.port, run, "&beat=1"), **ada)
        assert reader.next()[0] == "version"
        path.write_text(path.read_text().replace("ada", "bob"))
        while (name := reader.next()[0]) != "end":
            assert name == "beat"
        assert opened(address(found.port, run), **ada).answer.status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 400),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Host": "localhost", "Origin": "http://localhost"}, 200),
    ],
)
def test_other_sites_get_no_stream(run: Run, opened: Open, headers: dict[str, str], status: int) -> None:
    """A page of another site can neither read a stream nor hold one open."""
    run.metrics(1)
    with site(create_app(run.directory).server) as found:
        assert opened(address(found.port, run), **headers).answer.status == status
        assert len(found.listener._streams) == (status == 200)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("run=", 404),
        ("run=000000000000", 404),
        ("run=../../etc", 404),
        ("run=RUN&beat=0", 400),
        ("run=RUN&beat=31", 400),
        ("run=RUN&beat=nan", 400),
        ("run=RUN&beat=often", 400),
        ("&".join(f"run={number}" for number in range(17)), 400),
    ],
)
def test_what_makes_no_stream_is_refused(run: Run, client: Any, query: str, status: int) -> None:
    """An unknown run, none or too many, or a beat that would keep the server busy: one sentence says why."""
    answer = client.get("/live?" + query.replace("RUN", run_id(run.directory)))
    assert answer.status_code == status
    assert answer.get_data(as_text=True).count("\n") == 1


def test_a_stream_lives_below_the_base_path_with_the_policy_headers(run: Run, opened: Open) -> None:
    """It is an address like every other: base path, content security policy; and no proxy or cache keeps it."""
    run.metrics(1)
    with site(create_app(run.directory, base_path="/lab/thalia/").server) as found:
        assert opened(address(found.port, run)).answer.status == 404
        headers = opened(address(found.port, run, base="/lab/thalia/")).answer.headers
        assert headers["Content-Type"].startswith("text/event-stream")
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert {name: headers[name] for name in HEADERS} == HEADERS
        assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
        assert "Content-Encoding" not in headers


def test_a_server_of_threads_has_no_stream(app: Dash, run: Run) -> None:
    """Without the event loop, 204 says so at once: an open stream would hold a thread."""
    run.metrics(1)
    assert app.server.test_client().get(f"/live?run={run_id(run.directory)}").status_code == 204


def test_no_streams_if_the_operator_wants_none(run: Run, opened: Open) -> None:
    """``--most-streams 0`` switches them off."""
    run.metrics(1)
    with site(create_app(run.directory, most_streams=0).server) as found:
        assert opened(address(found.port, run)).answer.status == 204


def test_streams_are_limited_in_all_and_for_each_client(
    run: Run, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One stream too many is refused, with the reason and when to come again; one that ends makes room."""
    run.metrics(1)
    monkeypatch.setattr(stream, "MOST_OF_CLIENT", 2)
    app = create_app(run.directory, most_streams=4, behind_proxy=True)
    with site(app.server) as found:

        def ask(client: str) -> Reader:
            return opened(address(found.port, run), **{"X-Forwarded-For": client})

        first = [ask("10.0.0.1") for _ in range(2)]
        assert [each.answer.status for each in first] == [200, 200]
        refused = ask("10.0.0.1").answer
        assert (refused.status, refused.headers["Retry-After"]) == (429, "60")
        assert b"2 streams open already" in refused.read()
        others = [ask("10.0.0.2"), ask("127.0.0.1")]
        assert [each.answer.status for each in others] == [200, 200]
        refused = ask("10.0.0.3").answer
        assert (refused.status, refused.headers["Retry-After"]) == (503, "60")
        assert b"at most 4 streams" in refused.read()
        first[0].close()
        wait_until(lambda: len(found.listener._streams) == 3)
        assert ask("10.0.0.1").answer.status == 200


def test_a_stream_holds_no_thread(run: Run, opened: Open) -> None:
    """With ten times more streams than threads, ordinary requests are answered as ever."""
    run.metrics(1)
    with site(create_app(run.directory).server) as found:
        for _ in range(40):
            assert opened(address(found.port, run)).next()[0] == "version"
        assert max(found.get()[1] for _ in range(10)) < QUICK


def test_a_client_that_has_left_is_forgotten(run: Run, opened: Open) -> None:
    """A connection that breaks without a word costs nothing any more."""
    run.metrics(1)
    with site(create_app(run.directory).server) as found:
        reader = opened(address(found.port, run))
        reader.next()
        assert len(found.listener._streams) == 1
        found_socket = reader.connection.sock
        if found_socket is not None:
            found_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        reader.close()
        wait_until(lambda: len(found.listener._streams) == 0)


def test_a_stream_is_closed_once() -> None:
    """Whoever closes it twice makes room for one, not for two."""
    streams = Streams()
    one, _ = (streams.open("10.0.0.1", {}, 5, 9) for _ in range(2))
    assert isinstance(one, Stream)
    one.close()
    one.close()
    assert len(streams) == 1


@pytest.fixture
def workers(run: Run, tmp_path: Path) -> Iterator[Server]:
    """Two gunicorn workers on a run."""
    run.metrics(1)
    cache = ("--cache-dir", tmp_path / "cache")
    with serving("serve", "--workers", "2", "--checkpoint-dir", run.directory, *cache) as server:
        wait_until(lambda: len(psutil.Process(server.process.pid).children()) == 2)
        yield server


def test_the_plain_command_has_streams(run: Run, opened: Open) -> None:
    """``thalia-monitor --checkpoint-dir DIR`` serves on the same event loop."""
    run.metrics(1)
    with serving("--checkpoint-dir", run.directory) as server:
        reader = opened(f"{server.url}live?run={run_id(run.directory)}")
        assert reader.next()[0] == "version"
        run.metrics(2)
        assert reader.next()[0] == "version"


def test_the_streams_of_a_killed_worker_come_back(run: Run, workers: Server, opened: Open) -> None:
    """Its streams are cut at once, and each that is opened again says the version within five seconds."""
    url = f"{workers.url}live?run={run_id(run.directory)}&beat=1"
    readers = [opened(url) for _ in range(20)]
    for each in readers:
        assert each.next()[0] == "version"
    busiest = max(
        psutil.Process(workers.process.pid).children(), key=lambda each: len(each.net_connections())
    )
    busiest.kill()
    killed = time.monotonic()
    cut = 0
    for each in readers:
        try:
            name = each.next()[0]
        except (OSError, http.client.HTTPException):
            name = "cut"
        if name in ("cut", "end"):
            cut += 1
            assert opened(url).next()[0] == "version"
    assert cut and time.monotonic() - killed < 5


def test_open_streams_do_not_delay_the_end(run: Run, workers: Server, opened: Open) -> None:
    """SIGTERM ends them cleanly, and the server within three seconds, with exit code 0."""
    readers = [opened(f"{workers.url}live?run={run_id(run.directory)}") for _ in range(20)]
    for each in readers:
        assert each.next()[0] == "version"
    told = time.monotonic()
    workers.process.send_signal(signal.SIGTERM)
    for each in readers:
        while (name := each.next()[0]) != "end":
            assert name in ("version", "beat")
    assert workers.process.wait(10) == 0
    assert time.monotonic() - told < 3


def test_streams_leave_no_line_in_the_access_log(run: Run, workers: Server, opened: Open) -> None:
    """Every tab that is shown or hidden opens or closes one: only one that was refused is logged."""
    reader = opened(f"{workers.url}live?run={run_id(run.directory)}")
    reader.next()
    reader.close()
    assert opened(f"{workers.url}live?run=none").answer.status == 404
    wait_until(lambda: any("run=none" in text for text in workers.output))
    assert not any(run_id(run.directory) in text for text in workers.output)
