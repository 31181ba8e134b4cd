"""Serving one viewer or a few from this process; a shared lab view runs under gunicorn instead."""

from __future__ import annotations

import errno
import logging.config
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import cast

import click
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web import logs
from thalia_monitor.web.access import open_to_all
from thalia_monitor.web.app import create_app
from thalia_monitor.web.guard import guard


def serve(settings: Settings, ready: Callable[[str], object] | None = None) -> None:
    """Serve until interrupted; prints the address as soon as it answers, and hands it to ``ready``.

    Raises:
        SettingsError: the port is in use, or the address is not this machine's.
    """
    server = listening(settings)
    watcher = guard(cast(Flask, server.app))
    logging.config.dictConfig(logs.config(settings.log_format))
    click.echo(f"thalia-monitor shows {shown(settings)} at {address(settings, server.port)}")
    if warning := open_to_all(settings):
        click.echo(warning, err=True)

    if ready:
        ready(address(settings, server.port))

    def stop(_: int, __: FrameType | None) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever()
    server.server_close()
    if watcher:
        watcher.stop()


def listening(settings: Settings) -> BaseWSGIServer:
    """Bind the address, then build the app: a port in use is said before anything slow is done."""
    with bind(settings) as bound:  # the server works on a duplicate of the descriptor
        app = create_app(settings=settings)
        return make_server(
            settings.host, bound.getsockname()[1], app.server, threaded=True, fd=bound.fileno()
        )


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
