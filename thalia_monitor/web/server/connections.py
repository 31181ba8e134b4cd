"""The listening socket, and HTTP connections on the event loop (uvicorn).

There is a deadline for everything that a client may be slow at.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from thalia_monitor.errors import SettingsError
from thalia_monitor.web.private_parts import stop_keep_alive
from thalia_monitor.web.server.error_pages import SENTENCES, written
from thalia_monitor.web.server.front import FlaskASGIApp, Timeouts, error_headers

if TYPE_CHECKING:
    from thalia_monitor.settings import Settings

log = logging.getLogger(__name__)

LARGEST_HEADER: Final = 1 << 16
LINGER: Final = 0.1
"""Seconds in which a connection that was accepted just before the end may still send its request."""
ABORT: Final = 5.0
"""Seconds that a client gets for the rest of its last answer."""


class Server(uvicorn.Server):
    """uvicorn in this process, for one FlaskASGIApp; signals are its caller's.

    Args:
        app: the ASGI application.
        graceful: seconds that running requests get at the end.
        alive: called ten times a second; the server ends when it returns False.
        options: further ones of ``uvicorn.Config``.
    """

    def __init__(
        self, app: FlaskASGIApp, graceful: int = 2, alive: Callable[[], bool] = lambda: True, **options: Any
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                http=Connection,
                ws="none",
                lifespan="off",
                workers=1,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # X-Forwarded-* are believed with --behind-proxy only, by Flask's ProxyFix
                h11_max_incomplete_event_size=LARGEST_HEADER,
                timeout_keep_alive=int(app.timeouts.keep_alive),
                timeout_graceful_shutdown=graceful,
                **options,
            )
        )
        self._alive = alive
        self._streams = app.streams

    async def on_tick(self, counter: int) -> bool:
        """Whether to end."""
        return await super().on_tick(counter) or not self._alive()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing more, finish what was begun."""
        self._streams.end()
        for server in self.servers:
            server.close()
        await asyncio.sleep(LINGER)
        await super().shutdown(sockets)
        if self.server_state.tasks:  # they were cancelled, and say so to their clients
            await asyncio.wait(self.server_state.tasks, timeout=LINGER)
        for each in list(self.server_state.connections):
            if each.transport.get_write_buffer_size():
                each.transport.abort()
        await asyncio.sleep(0)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


class Connection(H11Protocol):
    """One connection. It ends when a request's header takes too long, or an answer is not read."""

    _header: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None
    _refused = False

    @property
    def _timeouts(self) -> Timeouts:
        timeouts: Timeouts = self.config.app.timeouts  # type: ignore[union-attr]  # the app is a FlaskASGIApp
        return timeouts

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, as long as between two."""
        super().connection_made(transport)
        accepted: socket.socket = transport.get_extra_info("socket")
        if accepted.family != socket.AF_UNIX:
            # Headers and body are written one after the other: the kernel would hold the body back until the client
            # has confirmed the headers, which takes it 40 ms. asyncio does this for sockets that it has made itself.
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        super().connection_lost(exc)
        stop_keep_alive(self)
        _cancel(self._header)
        self._header = None
        _cancel(self._reading)
        self._reading = None

    def handle_events(self) -> None:
        """Handle what has arrived; a deadline runs while it is a part of a header, or of a body already refused."""
        super().handle_events()
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        refused = self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE
        if not (begun or refused):
            _cancel(self._header)
            self._header = None
        elif self._header is None and not self.transport.is_closing():
            self._header = self.loop.call_later(self._timeouts.head, self._too_late)

    def _too_late(self) -> None:
        if self.conn.our_state is h11.IDLE:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self._close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP; called by uvicorn while it handles h11's error."""
        error = sys.exception()
        hint = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        log.info("%s (from %s: %s)", msg.rstrip("."), self.client[0] if self.client else "a socket", error)
        self._refuse(HTTPStatus(hint))

    def _refuse(self, status: HTTPStatus) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            content_type, body = written(SENTENCES.get(status, SENTENCES[400]), "", "/")
            head = h11.Response(
                status_code=status,
                headers=[("Connection", "close"), *error_headers(content_type, len(body))],
                reason=status.phrase.encode(),
            )
            for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
            if self.cycle:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
        self._refused = True
        stop_keep_alive(self)
        if self.transport.can_write_eof():  # to close now would reset what the client is still sending
            self.transport.write_eof()
            self.loop.call_later(ABORT, self.transport.abort)
        else:
            self._close()

    def data_received(self, data: bytes) -> None:
        """Take in a part of a request."""
        if not self._refused:
            super().data_received(data)

    def _close(self) -> None:
        self.transport.close()
        self.loop.call_later(ABORT, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, even if its client has not read the last answer."""
        if not self.transport.is_closing():
            super().timeout_keep_alive_handler()
            self._close()

    def pause_writing(self) -> None:
        """Give the client time to read."""
        super().pause_writing()
        self._reading = self.loop.call_later(self._timeouts.write, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        _cancel(self._reading)
        self._reading = None

    def shutdown(self) -> None:
        """End with the answer that is being computed; a request that is still arriving gets none."""
        if self._refused or self.conn.their_state is h11.SEND_BODY:
            self.transport.abort()
        else:
            super().shutdown()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer:
        timer.cancel()


def bind(settings: Settings) -> socket.socket:
    """Listen on the address that the settings name.

    Raises:
        SettingsError: the port is in use, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        advice = (
            "choose another with --port, or --port 0 for a free one"
            if taken
            else "choose another with --host"
        )
        reason = "is in use" if taken else f"cannot be used ({error.strerror or error})"
        raise SettingsError(f"{settings.host}:{settings.port} {reason}: {advice}.") from error


def shown(settings: Settings) -> str:
    """Name what is watched, in a line for the terminal."""
    named = [str(directory) for directory in settings.checkpoint_dir]
    return ", ".join(named + [f"the runs below {root}" for root in settings.root]) or "no run yet"


def address(settings: Settings, port: int) -> str:
    """The address to open in a browser."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{settings.base_path}"
