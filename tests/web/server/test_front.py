"""Slow clients, half requests and idle connections cost nobody else an answer."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse
from pathlib import Path
from random import Random
from typing import Any

import pytest
import zstandard
from flask import Flask, Response, request

from tests.support import FIXTURES, ROOT, Run, Server, free_port, line, serving, wait_until
from thalia_monitor.settings import Settings
from thalia_monitor.web.app import create_app
from thalia_monitor.web.server import error_pages
from thalia_monitor.web.server.connections import Connection, bind
from thalia_monitor.web.server.connections import Server as Listener
from thalia_monitor.web.server.front import CHUNK_BYTES, AccessLog, FlaskASGIApp, Timeouts, WSGIResponse
from thalia_monitor.web.server.security import HEADERS

THREADS = 4
MANY = 80
SOON = 2.0
"""Seconds in which an ordinary request is answered, however busy this machine is."""
HALF_HEADER = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
HALF_BODY = b"POST /_dash-update-component HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"
PATIENT = Timeouts(head=60, body=60)
IMPATIENT = Timeouts(head=0.4, body=0.4, keep_alive=1, write=0.5)


@dataclass
class Site:
    """A server in a thread of this process."""

    port: int
    listener: Listener
    connections: list[socket.socket] = field(default_factory=list)

    def connect(self, *pieces: bytes) -> socket.socket:
        """Open a connection and send these bytes."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.connections.append(connection)
        for piece in pieces:
            connection.sendall(piece)
        return connection

    def ask(self, text: bytes) -> bytes:
        """Send a request and read until the server closes."""
        return everything(self.connect(text))

    def get(self, path: str = "/healthz") -> tuple[int, float]:
        """Ask on a connection of its own: the status, and the seconds it took."""
        start = time.monotonic()
        answer = self.ask(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        return int(answer.split(b" ", 2)[1]), time.monotonic() - start


def everything(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer


@contextmanager
def site(server: Flask, timeouts: Timeouts = PATIENT, log: AccessLog | None = None) -> Iterator[Site]:
    """Serve an app with a few threads until the block ends."""
    with bind(Settings(port=0)) as bound:
        listener = Listener(FlaskASGIApp(server, THREADS, timeouts, log), graceful=1)
        thread = threading.Thread(target=lambda: asyncio.run(listener.serve([bound])))
        thread.start()
        found = Site(bound.getsockname()[1], listener)
        try:
            yield found
        finally:
            listener.should_exit = True
            thread.join(10)
            for each in found.connections:
                each.close()
    assert not thread.is_alive()


@pytest.fixture
def server(run: Run) -> Flask:
    """The Flask app of a monitor."""
    run.metrics(1, 2, 3)
    flask: Flask = create_app(run.directory).server
    return flask


def plain(view: Callable[[], Any]) -> Flask:
    """A Flask app with one view at / and nothing else."""
    flask = Flask("plain")
    flask.config[error_pages.BASE] = "/"
    flask.add_url_rule("/", "view", view, methods=["GET", "POST"])
    return flask


@pytest.mark.parametrize(
    "sent",
    [
        (),
        (b"G",),
        (HALF_HEADER,),
        (HALF_BODY,),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",),
        (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", HALF_HEADER),
    ],
    ids=["idle", "a byte", "half a header", "half a body", "half a chunk", "a second request"],
)
def test_an_unfinished_request_holds_no_thread(server: Flask, sent: tuple[bytes, ...]) -> None:
    """With eighty of them open, an ordinary request is answered at once by a server with four threads."""
    with site(server) as found:
        for _ in range(MANY):
            found.connect(*sent)
        answers = [found.get() for _ in range(5)]
    assert [status for status, _ in answers] == [200] * 5
    assert max(seconds for _, seconds in answers) < SOON


def test_a_reader_who_does_not_read_holds_no_thread() -> None:
    """An answer of any size waits for its client on the event loop."""
    produced = []

    def pieces() -> Iterator[bytes]:
        for number in range(64):
            produced.append(number)
            yield b"x" * (1 << 20)

    def view() -> Any:
        return "ok" if "small" in request.args else Response(pieces())

    with site(plain(view)) as found:
        for _ in range(THREADS * 3):
            found.connect(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        status, seconds = found.get("/?small")
        assert (status, seconds < SOON) == (200, True)
        assert len(produced) < THREADS * 3 * 16, "what nobody reads is not computed"


def test_a_reader_who_does_not_read_is_left_after_a_while() -> None:
    """The connection ends, and what the app held for the answer is released."""
    closed = threading.Event()

    def view() -> Response:
        answer = Response(b"x" * (1 << 20) for _ in range(64))
        answer.call_on_close(closed.set)
        return answer

    with site(plain(view), IMPATIENT) as found:
        found.connect(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert closed.wait(10)
        wait_until(lambda: not found.listener.server_state.connections)


def test_a_long_answer_arrives_whole() -> None:
    """Piece by piece, to a client that reads slowly but does read."""
    with site(plain(lambda: Response(bytes([n]) * 300_000 for n in range(8)))) as found:
        connection = found.connect(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        time.sleep(0.3)
        answer = everything(connection)
    assert sum(answer.count(bytes([7])) for _ in range(1)) == 300_000
    assert len(answer) > 8 * 300_000


@pytest.mark.parametrize("encoding", ["zstd", "deflate", "identity"])
def test_a_long_file_arrives_whole_however_it_is_compressed(run: Run, encoding: str) -> None:
    """A download of megabytes is written piece by piece in several threads, within one context of Flask's."""
    random = Random(7)
    run.append(*(line(step, **{each: random.random() for each in "abcdefgh"}) for step in range(15_000)))
    server = create_app(run.directory).server
    client = server.test_client()
    path = f"/api/v1/runs/{client.get('/api/v1/runs').get_json()['runs'][0]['id']}/export.csv"
    head = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
    )
    with site(server) as found, socket.create_connection(("127.0.0.1", found.port), timeout=20) as connection:
        connection.sendall(head.encode())
        answer = HTTPResponse(connection)
        answer.begin()
        body = answer.read()
    assert answer.getheader("Content-Encoding", "identity") == encoding
    if encoding == "zstd":
        body = zstandard.ZstdDecompressor().stream_reader(body).read()
    elif encoding == "deflate":
        body = zlib.decompress(body)
    assert body == client.get(path).data
    assert len(body) > 2_000_000


def test_an_answer_waits_for_no_confirmation(server: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers and body go out at once: on a kept connection, a client confirms the headers 40 ms late."""
    options: list[int] = []
    made = Connection.connection_made

    def noting(connection: Connection, transport: asyncio.Transport) -> None:
        made(connection, transport)
        bound = transport.get_extra_info("socket")
        options.append(bound.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(Connection, "connection_made", noting)
    with site(server) as found:
        assert found.get()[0] == 200
    assert options == [1]


def test_what_an_application_writes_comes_once() -> None:
    """Through the write function of WSGI, before an answer of several pieces."""

    def application(_: Any, start: Any) -> Iterator[bytes]:
        start("200 OK", [])(b"head")
        return iter((b"x" * CHUNK_BYTES, b"y" * CHUNK_BYTES))

    response = WSGIResponse(application, {})
    pieces = [response.next_chunk() for _ in range(3)]
    assert b"".join(piece for piece, _ in pieces) == b"head" + b"x" * CHUNK_BYTES + b"y" * CHUNK_BYTES
    assert [more for _, more in pieces] == [True, True, False]


@pytest.mark.parametrize("sent", [HALF_HEADER, HALF_BODY])
def test_what_does_not_arrive_in_time_is_refused(server: Flask, sent: bytes) -> None:
    """With 408 and the policy; dripping one byte after the other does not help."""
    with site(server, IMPATIENT) as found:
        connection = found.connect(sent)
        start = time.monotonic()
        for _ in range(4):
            time.sleep(0.2)
            try:
                connection.sendall(b"x")
            except OSError:
                break
        answer = everything(connection)
        assert time.monotonic() - start < 5
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive in time" in answer
    worn(answer)


def worn(answer: bytes) -> None:
    """Assert that an answer has the policy headers, each once."""
    head = answer.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
    assert sum(each.startswith("content-security-policy: default-src 'none'") for each in head) == 1
    for name, value in HEADERS.items():
        assert head.count(f"{name}: {value}".lower()) == 1


def test_an_idle_connection_ends_after_a_while(server: Flask) -> None:
    """One that a browser opened in advance as well as one that has been used."""
    with site(server, IMPATIENT) as found:
        for sent in ((), (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",)):
            connection = found.connect(*sent)
            start = time.monotonic()
            everything(connection)
            assert 0.5 < time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 400_000, 431),
        (b"GET /" + b"x" * 400_000, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400),
    ],
)
def test_an_answer_that_is_not_flasks_wears_the_policy(server: Flask, sent: bytes, status: int) -> None:
    """What is not HTTP is refused with the same headers as everything else."""
    with site(server) as found:
        answer = found.ask(sent)
    assert int(answer.split(b" ", 2)[1]) == status
    worn(answer)


def test_a_failure_outside_flask_wears_the_policy(caplog: pytest.LogCaptureFixture) -> None:
    """One sentence to the client, the traceback to the log."""
    flask = plain(lambda: "ok")

    def fail(*_: object) -> Any:
        raise RuntimeError("a secret detail")

    flask.wsgi_app = fail  # type: ignore[assignment, method-assign]
    with site(flask) as found:
        answer = found.ask(b"GET /api/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    worn(answer)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 ")
    assert json.loads(body) == {"error": error_pages.SENTENCES[500]}
    assert "a secret detail" in caplog.text


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: 2000000\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 65536 + b"\r\n" + b"10000\r\n" * 1,
    ],
)
def test_a_body_above_the_limit_is_refused_by_flask(server: Flask, sent: bytes) -> None:
    """Declared, or found out while it arrives: 413, and the connection does not wait for the rest for ever."""
    more = (b"x" * 65536 + b"\r\n10000\r\n") * 20 if b"chunked" in sent else b""
    start = b"POST /_dash-update-component HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with site(server, IMPATIENT) as found:
        answer = found.ask(start + sent + more)
    assert answer.startswith(b"HTTP/1.1 413 ")
    worn(answer)


def test_what_flask_sees_is_the_request() -> None:
    """Address, query, headers, body and client; a header with an underscore cannot pose as one with a hyphen."""

    def view() -> Any:
        names = ("RAW_URI", "QUERY_STRING", "REMOTE_ADDR", "SERVER_PROTOCOL", "wsgi.url_scheme")
        return {
            "environ": [request.environ[name] for name in names],
            "args": request.args.to_dict(),
            "body": request.get_data(as_text=True),
            "headers": {name: request.headers.get(name) for name in ("X-Forwarded-For", "Accept", "Cookie")},
        }

    sent = (
        b"POST http://127.0.0.1/?a=%C3%A9&b=1%202 HTTP/1.1\r\nHost: 127.0.0.1\r\nX_Forwarded_For: 6.6.6.6\r\n"
        b"Accept: a\r\nAccept: b\r\nCookie: c=1\r\nCookie: d=2\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    with site(plain(view)) as found:
        seen = json.loads(found.ask(sent).partition(b"\r\n\r\n")[2])
    assert seen == {
        "environ": [
            "http://127.0.0.1/?a=%C3%A9&b=1%202",
            "a=%C3%A9&b=1%202",
            "127.0.0.1",
            "HTTP/1.1",
            "http",
        ],
        "args": {"a": "é", "b": "1 2"},
        "body": "abcde",
        "headers": {"X-Forwarded-For": None, "Accept": "a,b", "Cookie": "c=1; d=2"},
    }


def test_an_answered_request_is_logged(server: Flask) -> None:
    """With what Flask knew about it, its status, its size and how long it took; a refusal is logged as well."""
    seen: list[tuple[str, str, int, int]] = []

    def log(environ: dict[str, Any], status: int, size: int, seconds: float) -> None:
        assert 0 <= seconds < 20
        seen.append((environ["REMOTE_ADDR"], environ["RAW_URI"], status, size))

    with site(server, IMPATIENT, log) as found:
        body = found.ask(b"GET /healthz?x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        found.ask(HALF_BODY)
    size = len(body.partition(b"\r\n\r\n")[2])
    assert seen[0] == ("127.0.0.1", "/healthz?x", 200, size)
    assert seen[1][1:3] == ("/_dash-update-component", 408)


@pytest.mark.parametrize("command", [(), ("serve", "--workers", "1")])
def test_a_served_monitor_bears_half_requests_and_ends_soon(
    run: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """The plain command and ``serve``: 70 idle connections, 40 half headers and 40 half bodies, then SIGTERM."""
    run.metrics(1)
    options = ("--checkpoint-dir", run.directory, "--cache-dir", tmp_path / "cache")
    with serving(*command, *options) as server, ExitStack() as stack:
        port = int(re.findall(r":(\d+)/", server.url)[0])
        for sent in [b""] * 70 + [HALF_HEADER] * 40 + [HALF_BODY] * 40:
            each = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            each.sendall(sent)
        start = time.monotonic()
        assert server.get("api/v1/runs")[0] == 200
        assert time.monotonic() - start < SOON
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == 0
        assert time.monotonic() - start < 5
    assert not any("Traceback" in each for each in server.output)


def test_a_request_that_does_not_end_is_cut_off_at_the_end() -> None:
    """The server waits as long as it was given, answers 503, and does not wait for the thread."""
    hold = threading.Event()
    with site(plain(lambda: hold.wait(30) and "late")) as found:
        connection = found.connect(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(0.3)
        found.listener.should_exit = True
        answer = everything(connection)
    hold.set()
    assert answer.startswith(b"HTTP/1.1 503 ")
    worn(answer)


def test_gunicorn_without_our_configuration_still_serves(tmp_path: Path) -> None:
    """``gunicorn -k gthread thalia_monitor.web.wsgi:server``: threads, and no front."""
    port = free_port()
    program = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "4", "--no-control-socket"]
    process = subprocess.Popen(
        [*program, "-b", f"127.0.0.1:{port}", "thalia_monitor.web.wsgi:server"],
        cwd=ROOT,
        env=os.environ
        | {
            "THALIA_MONITOR_CHECKPOINT_DIR": str(FIXTURES / "healthy"),
            "THALIA_MONITOR_CACHE_DIR": str(tmp_path),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    try:
        assert any("Booting worker" in line for line in process.stderr)
        found = Server(f"http://127.0.0.1:{port}/", process)
        assert found.get("api/v1/runs")[1]["runs"][0]["name"] == "healthy"
    finally:
        process.terminate()
        process.wait(20)
        process.stderr.close()
