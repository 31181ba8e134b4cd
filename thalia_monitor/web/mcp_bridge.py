"""``/mcp``: the tools for agents over HTTP, behind the same checks as the API.

Every answer is one JSON document (streamable HTTP without a stream, and without sessions), so that a Flask view can
give it, whichever server is in front. The SDK's ASGI application runs on an event loop of its own in each process.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import MutableMapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from flask import Blueprint, Request, Response, request

from thalia_monitor.agents import Answers, server
from thalia_monitor.web.context import Monitor, monitor
from thalia_monitor.web.server.error_pages import answer

LONGEST: Final = 60.0
"""Seconds for an answer."""
FORWARDED: Final = (
    "accept",
    "content-type",
    "mcp-protocol-version",
    "mcp-session-id",
    "mcp-method",
    "mcp-name",
)

Message = MutableMapping[str, Any]


@dataclass(slots=True)
class Bridge:
    """The SDK's application in this process; started at the first request."""

    watch: Monitor
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: tuple[int, asyncio.AbstractEventLoop, Any] | None = None

    def answer(self, request: Request) -> Response:
        """Hand a request over and wait for its answer.

        Raises:
            NotInstalled: the SDK is missing.
        """
        loop, app = self._started()
        body = request.get_data()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.scheme,
            "path": "/mcp",
            "raw_path": b"/mcp",
            "root_path": "",
            "query_string": b"",
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in request.headers.items()
                if name.lower() in FORWARDED
            ],
            "client": None,
            "server": None,
        }
        status, headers, content = asyncio.run_coroutine_threadsafe(_answered(app, scope, body), loop).result(
            LONGEST
        )
        kept = {name: value for name, value in headers.items() if name != "content-length"}
        return Response(content, status, headers=kept)

    def _started(self) -> tuple[asyncio.AbstractEventLoop, Any]:
        with self._lock:
            # A fork has no thread of its parent's.
            if self._running is None or self._running[0] != os.getpid():
                self._running = (os.getpid(), *self._start())
            return self._running[1:]

    def _start(self) -> tuple[asyncio.AbstractEventLoop, Any]:
        watch = self.watch
        made = server(Answers(watch.library, watch.thresholds, watch.settings.refresh_seconds))
        from mcp.server.transport_security import TransportSecuritySettings  # noqa: PLC0415 - optional

        app = made.streamable_http_app(
            json_response=True,
            stateless_http=True,
            # Host and Origin are checked before: the host names are the operator's.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        ready: Future[asyncio.AbstractEventLoop] = Future()

        async def run() -> None:
            async with made.session_manager.run():
                ready.set_result(asyncio.get_running_loop())
                await asyncio.Event().wait()

        threading.Thread(target=lambda: asyncio.run(run()), name="agents", daemon=True).start()
        return ready.result(LONGEST), app


def register(routes: Blueprint) -> None:
    """Add the address to the API's."""
    bridge = cache(lambda: Bridge(monitor()))  # made at the first request: there is no monitor yet

    def agents() -> Response:
        """The tools for agents (Model Context Protocol)."""
        if request.method != "POST":
            refused = answer("Agents send POST: there is no stream to open here.", 405)
            refused.headers["Allow"] = "POST"
            return refused
        return bridge().answer(request)

    routes.add_url_rule("/mcp", view_func=agents, methods=["GET", "POST", "DELETE"])


async def _answered(app: Any, scope: Message, body: bytes) -> tuple[int, dict[str, str], bytes]:
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    status, headers, content = 500, {}, bytearray()

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        await asyncio.Event().wait()  # the client stays
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        else:
            content.extend(message.get("body", b""))

    await app(scope, receive, send)
    return status, headers, bytes(content)
