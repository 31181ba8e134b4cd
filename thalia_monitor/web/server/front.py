"""ASGI application that serves a Flask app: reads each request on the event loop, then runs Flask in a thread.

A thread is used only while Flask computes. Clients that send or read slowly, incomplete requests and the idle
connections that browsers open in advance wait on the event loop, where each costs a socket and no thread.

:mod:`~thalia_monitor.web.server.connections` runs it under uvicorn. ``gunicorn thalia_monitor.web.wsgi:server``
serves the Flask app directly, as WSGI, without this module.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import Executor, Future
from contextvars import copy_context
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
"""Number of threads that run Flask in one process, by default."""
CHUNK_BYTES: Final = 1 << 18
"""Bytes of a response body that a thread produces before the event loop waits for the client to read."""

Environ = dict[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AccessLog = Callable[[Environ, int, int, float], None]
"""Logs a request: takes its environ, status, number of body bytes sent, and duration in seconds."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a client may take for each part of a request and its response."""

    head: float = 10.0
    """From the first byte of the request line to the end of the headers.

    Also for the rest of a request body after its response, such as 413, was sent.
    """
    body: float = 30.0
    """From the end of the headers to the end of the request body."""
    keep_alive: float = 75.0
    """Between two requests on a connection, and before the first.

    Longer than the keep-alive timeout of a proxy, so that the proxy closes the connection first; otherwise it could
    send a request on a connection that is being closed here.
    """
    write: float = 30.0
    """Until the client reads on, after the write buffer of its connection is full."""


class FlaskASGIApp:
    """ASGI application that serves a Flask app, which runs in threads.

    If the Flask app opens a stream for a request (Server-Sent Events), it only returns status and headers; the events
    are then sent from the event loop, without a thread (:mod:`~thalia_monitor.web.server.stream`).

    Args:
        app: the Flask app.
        threads: number of requests that Flask handles at the same time.
        timeouts: of the client; the defaults if None.
        access_log: called once for each request that got a response; nothing is logged if None.
    """

    def __init__(
        self,
        app: Flask,
        threads: int = THREADS,
        timeouts: Timeouts | None = None,
        access_log: AccessLog | None = None,
    ) -> None:
        self.timeouts = timeouts or Timeouts()
        self._app = app
        self._threads = DaemonThreadPool(threads)
        self._access_log = access_log
        self.streams = Streams()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one request: ``scope``, ``receive`` and ``send`` are those of ASGI."""
        start, response = time.monotonic(), ASGIResponse(send)
        environ = build_environ(scope)
        environ[STREAMS] = self.streams
        try:
            async with asyncio.timeout(self.timeouts.body):
                complete = await read_body(environ, receive)
            if complete:
                await self._respond(environ, receive, response)
            else:
                response.client_disconnected = True
        except TimeoutError:
            await self._send_error(environ, response, 408)
        except asyncio.CancelledError:  # by uvicorn: the server shuts down, and its grace period is over
            await self._send_error(environ, response, 503)
        finally:
            if stream := environ.get(OPENED):
                stream.close()
            # Nothing sent, though the client is there: an exception outside Flask, which uvicorn logs.
            if not (response.status or response.client_disconnected):
                await self._send_error(environ, response, 500)
            if self._access_log and response.status:
                self._access_log(environ, response.status, response.size, time.monotonic() - start)

    async def _respond(self, environ: Environ, receive: Receive, response: ASGIResponse) -> None:
        """Run Flask for a complete request and send its response, chunk by chunk."""
        loop = asyncio.get_running_loop()
        wsgi_response = WSGIResponse(self._app, environ)
        chunk, more = await loop.run_in_executor(self._threads, wsgi_response.next_chunk)
        if (stream := environ.get(OPENED)) and wsgi_response.status == HTTPStatus.OK:
            await self._send_stream(stream, wsgi_response, receive, response)
            return
        await response.send_headers(wsgi_response.status, wsgi_response.headers)
        await response.send_body(chunk, more)
        if not more:
            return
        # After the whole request body, receive() returns only when the client disconnects.
        disconnected = asyncio.ensure_future(receive())
        try:
            while more and not disconnected.done():
                chunk, more = await loop.run_in_executor(self._threads, wsgi_response.next_chunk)
                await response.send_body(chunk, more)
        finally:
            disconnected.cancel()
            await loop.run_in_executor(self._threads, wsgi_response.close)

    async def _send_stream(
        self, stream: Stream, wsgi_response: WSGIResponse, receive: Receive, response: ASGIResponse
    ) -> None:
        """Send the events of ``stream`` under the headers of ``wsgi_response``, until either side closes it."""
        headers = [each for each in wsgi_response.headers if each[0].lower() != "content-length"]
        await response.send_headers(wsgi_response.status, headers)
        disconnected = asyncio.ensure_future(receive())
        try:
            await stream.run(partial(response.send_body, more=True), disconnected)
            await response.send_body(b"", more=False)
        finally:
            disconnected.cancel()

    async def _send_error(self, environ: Environ, response: ASGIResponse, status: int) -> None:
        """Send an error with ``status``, unless the headers of another response have been sent."""
        if response.status:
            return
        content_type, body = written(SENTENCES[status], environ["PATH_INFO"], self._app.config[BASE])
        await response.send_headers(status, error_headers(content_type, len(body)))
        await response.send_body(body, more=False)


class ASGIResponse:
    """Response to one request, and what of it has been sent.

    Args:
        send: the ``send`` of ASGI; it waits until the client has read enough of what was sent before.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        """Status code; 0 before the headers are sent."""
        self.size = 0
        """Bytes of the body that have been sent."""
        self.client_disconnected = False
        """Whether the client disconnected before its request was complete."""

    async def send_headers(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Send ``status`` and ``headers``."""
        self.status = status
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def send_body(self, chunk: bytes, more: bool) -> None:
        """Send a ``chunk`` of the body, the last one unless ``more``."""
        self.size += len(chunk)
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})


class WSGIResponse:
    """Response of a WSGI application, computed chunk by chunk; its methods run in threads.

    They run in one context, though in several threads: what Flask streams, such as a large file that is compressed,
    enters the request's context with the first chunk and leaves it with the last.

    Args:
        app: the WSGI application.
        environ: of the request.
    """

    def __init__(self, app: Callable[[Environ, Any], Iterable[bytes]], environ: Environ) -> None:
        self._app = app
        self._environ = environ
        self._context = copy_context()
        self._running = threading.Lock()
        """Held by the thread that runs in the context, which only one may at a time."""
        self._parts: Iterator[bytes] | None = None
        self._close: Callable[[], object] = lambda: None
        self._written: list[bytes] = []
        """Body bytes passed to the ``write`` callable of WSGI, which come before those of the iterable."""
        self.status = 0
        self.headers: list[tuple[str, str]] = []

    def next_chunk(self) -> tuple[bytes, bool]:
        """Return the next chunk of the body, and whether more follows; the first call sets status and headers."""
        with self._running:
            return self._context.run(self._next_chunk)

    def close(self) -> None:
        """Call the ``close`` method of the application's iterable, if it has one, once."""
        with self._running:
            self._context.run(self._close_iterable)

    def _next_chunk(self) -> tuple[bytes, bool]:
        try:
            if self._parts is None:
                iterable = self._app(self._environ, self._start_response)
                self._close = getattr(iterable, "close", self._close)
                self._parts = iter(iterable)
            buffer = bytearray()
            for part in self._parts:
                buffer += part
                if len(buffer) >= CHUNK_BYTES:
                    return self._flush() + buffer, True
        except BaseException:
            self._close_iterable()
            raise
        self._close_iterable()
        return self._flush() + buffer, False

    def _flush(self) -> bytes:
        written = b"".join(self._written)
        self._written.clear()
        return written

    def _close_iterable(self) -> None:
        close, self._close = self._close, lambda: None
        close()

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], _: object = None
    ) -> Callable[[bytes], None]:
        """Set status and headers; the ``start_response`` callable of WSGI."""
        self.status = int(status.split(" ", 1)[0])
        self.headers = headers
        return self._written.append


async def read_body(environ: Environ, receive: Receive) -> bool:
    """Read the request body from ``receive`` into ``environ``; False if the client disconnects before its end.

    A body above ``LARGEST_REQUEST`` is not read to its end: Flask rejects it with 413 because of ``CONTENT_LENGTH``.
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


def build_environ(scope: Message) -> Environ:
    """Build the WSGI environ of a request from its ASGI ``scope``, without the body.

    Headers with an underscore are dropped: in WSGI ``X_Forwarded_For`` and ``X-Forwarded-For`` become the same key,
    so a client could forge a header that the proxy controls.
    """
    raw: bytes = scope["raw_path"]
    if not raw.startswith(b"/") and b"://" in raw:  # an absolute URL, which clients send to a proxy
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


def error_headers(content_type: str, length: int) -> list[tuple[str, str]]:
    """Headers of an error response that Flask did not make, with a body of ``content_type`` and ``length`` bytes."""
    return [
        ("Content-Type", content_type),
        ("Content-Length", str(length)),
        ("Content-Security-Policy", policy()),
        *HEADERS.items(),
    ]


class DaemonThreadPool(Executor):
    """Thread pool with ``size`` daemon threads.

    Unlike with ``ThreadPoolExecutor``, process exit does not wait for them; a thread may block forever on an
    unreachable network mount.
    """

    def __init__(self, size: int) -> None:
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        for number in range(size):
            threading.Thread(target=self._work, name=f"request-{number}", daemon=True).start()

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``task`` with these arguments as soon as a thread is free."""
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
            except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
                future.set_exception(error)
            else:
                future.set_result(result)
            del future, task
