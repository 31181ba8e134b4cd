"""The ASGI application in front of Flask: takes a request in on the event loop, then answers it from a thread.

A thread is held only while Flask computes. Clients that send or read slowly, half requests and the idle connections
that browsers open in advance wait on the event loop, where each costs a socket and nothing else.

:mod:`~thalia_monitor.web.server.connections` is the server below it. ``gunicorn thalia_monitor.web.wsgi:server``
serves the Flask app without any of this.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from io import BytesIO
from queue import SimpleQueue
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from flask import Flask

from thalia_monitor.web.server.error_pages import BASE, SENTENCES, written
from thalia_monitor.web.server.security import HEADERS, LARGEST_REQUEST, policy
from thalia_monitor.web.server.stream import OPENED, STREAMS, Stream, Streams

THREADS: Final = 16
PIECE: Final = 1 << 18
"""Bytes of an answer that a thread produces before the client has to take them."""

Environ = dict[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Log = Callable[[Environ, int, int, float], None]
"""Takes the environ, the status, the bytes of the body and the seconds of an answered request."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a client may take for each part of a request and its answer, in seconds."""

    header: float = 10.0
    """From its first byte to its end."""
    body: float = 30.0
    idle: float = 75.0
    """Without a request: longer than a proxy keeps its side open, or it writes into a closing connection."""
    reading: float = 30.0
    """For each piece of an answer."""


class Front:
    """An ASGI application that serves a Flask app.

    Flask answers every request from a thread. Where it has opened a stream for one, the body is then sent from the
    event loop, without a thread (:mod:`~thalia_monitor.web.server.stream`).
    """

    def __init__(
        self, server: Flask, threads: int = THREADS, limits: Limits | None = None, log: Log | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._server = server
        self._threads = DaemonThreads(threads)
        self._log = log
        self.streams = Streams()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        start, answer = time.monotonic(), Sent(send)
        environ = environ_of(scope)
        environ[STREAMS] = self.streams
        try:
            async with asyncio.timeout(self.limits.body):
                arrived = await take_in(environ, receive)
            if arrived:
                await self._run(environ, receive, answer)
            else:
                answer.abandoned = True
        except TimeoutError:
            await self._refuse(environ, answer, 408)
        except asyncio.CancelledError:  # the server ends, and has waited long enough
            await self._refuse(environ, answer, 503)
        finally:
            if stream := environ.get(OPENED):
                stream.close()
            if not (answer.status or answer.abandoned):  # a failure outside Flask, which uvicorn logs
                await self._refuse(environ, answer, 500)
            if self._log and answer.status:
                self._log(environ, answer.status, answer.size, time.monotonic() - start)

    async def _run(self, environ: Environ, receive: Receive, answer: Sent) -> None:
        loop = asyncio.get_running_loop()
        flask = Answer(self._server, environ)
        piece, more = await loop.run_in_executor(self._threads, flask.piece)
        if (stream := environ.get(OPENED)) and flask.status == HTTPStatus.OK:
            await self._send(stream, flask, receive, answer)
            return
        await answer.begin(flask.status, flask.headers)
        await answer.body(piece, more)
        if not more:
            return
        disconnected = asyncio.ensure_future(receive())
        try:
            while more and not disconnected.done():
                piece, more = await loop.run_in_executor(self._threads, flask.piece)
                await answer.body(piece, more)
        finally:
            disconnected.cancel()
            await loop.run_in_executor(self._threads, flask.close)

    async def _send(self, stream: Stream, flask: Answer, receive: Receive, answer: Sent) -> None:
        endless = [each for each in flask.headers if each[0].lower() != "content-length"]
        await answer.begin(flask.status, endless)
        disconnected = asyncio.ensure_future(receive())
        try:
            await stream.run(partial(answer.body, more=True), disconnected)
            await answer.body(b"", more=False)
        finally:
            disconnected.cancel()

    async def _refuse(self, environ: Environ, answer: Sent, status: int) -> None:
        if answer.status:
            return
        kind, body = written(SENTENCES[status], environ["PATH_INFO"], self._server.config[BASE])
        await answer.begin(status, refusal_headers(kind, len(body)))
        await answer.body(body, more=False)


class Sent:
    """The answer to one request as far as it has been sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        """0 before there is an answer."""
        self.size = 0
        self.abandoned = False
        """Whether the client has left before its request was complete."""

    async def begin(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Send status and headers."""
        self.status = status
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def body(self, piece: bytes, more: bool) -> None:
        """Send a piece of the body; waits while the client has not taken the one before."""
        self.size += len(piece)
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})


class Answer:
    """The answer of a WSGI application, computed piece by piece."""

    def __init__(self, app: Callable[[Environ, Any], Iterable[bytes]], environ: Environ) -> None:
        self._app = app
        self._environ = environ
        self._parts: Iterator[bytes] | None = None
        self._close: Callable[[], object] = lambda: None
        self._written: list[bytes] = []
        self.status = 0
        self.headers: list[tuple[str, str]] = []

    def piece(self) -> tuple[bytes, bool]:
        """The next piece of the body, and whether there are more; the first call sets status and headers."""
        try:
            if self._parts is None:
                iterable = self._app(self._environ, self._start)
                self._close = getattr(iterable, "close", self._close)
                self._parts = iter(iterable)
            gathered = bytearray()
            for part in self._parts:
                gathered += part
                if len(gathered) >= PIECE:
                    return b"".join(self._written) + gathered, True
        except BaseException:
            self.close()
            raise
        self.close()
        return b"".join(self._written) + gathered, False

    def close(self) -> None:
        """Release what the application holds for this answer."""
        close, self._close = self._close, lambda: None
        close()

    def _start(
        self, status: str, headers: list[tuple[str, str]], _: object = None
    ) -> Callable[[bytes], None]:
        self.status = int(status.split(" ", 1)[0])
        self.headers = headers
        return self._written.append


async def take_in(environ: Environ, receive: Receive) -> bool:
    """Read a request's body into its environ; False where the client leaves before its end.

    A body above the limit is not kept: Flask refuses it for its length.
    """
    body = bytearray()
    length, more = int(environ.get("CONTENT_LENGTH", 0)), True
    while more and max(length, len(body)) <= LARGEST_REQUEST:
        message = await receive()
        if message["type"] == "http.disconnect":
            return False
        body += message.get("body", b"")
        more = message.get("more_body", False)
    environ["CONTENT_LENGTH"] = str(max(length, len(body)))
    environ["wsgi.input"] = BytesIO(b"" if more else bytes(body))
    return True


def environ_of(scope: Message) -> Environ:
    """Build a request's WSGI environ, but for its body.

    A header whose name has an underscore is left out: WSGI cannot tell it from the one with a hyphen, which a proxy
    in front has set or removed.
    """
    raw: bytes = scope["raw_path"]
    if not raw.startswith(b"/") and b"://" in raw:  # an absolute address, as clients send to a proxy
        raw = b"/" + raw.partition(b"://")[2].partition(b"/")[2]
    query = scope["query_string"].decode("latin-1")
    address, port = scope["server"] or ("localhost", 80)
    client, client_port = scope["client"] or ("", 0)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": scope["raw_path"].decode("latin-1") + (f"?{query}" if query else ""),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": address,
        "SERVER_PORT": str(port or 0),
        "REMOTE_ADDR": client,
        "REMOTE_PORT": str(client_port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" in name or name == b"transfer-encoding":
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in {"CONTENT_LENGTH", "CONTENT_TYPE"}:
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        if key in environ:
            text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
        environ[key] = text
    return environ


def refusal_headers(kind: str, length: int) -> list[tuple[str, str]]:
    """The headers of an answer that is not Flask's."""
    return [
        ("Content-Type", kind),
        ("Content-Length", str(length)),
        ("Content-Security-Policy", policy()),
        *HEADERS.items(),
    ]


class DaemonThreads(Executor):
    """A pool of threads that a process need not wait for when it ends: one may hang in a file of a dead mount."""

    def __init__(self, number: int) -> None:
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        for place in range(number):
            threading.Thread(target=self._work, name=f"request-{place}", daemon=True).start()

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a task as soon as a thread is free."""
        future: Future[Any] = Future()
        self._tasks.put((future, lambda: task(*args, **kwargs)))
        return future

    def _work(self) -> None:
        while True:
            future, task = self._tasks.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = task()
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
                future.set_exception(error)
            else:
                future.set_result(result)
            del future, task
