"""Serving one viewer or a few from this process; a shared lab view runs under gunicorn instead."""

from __future__ import annotations

import asyncio
import errno
import logging.config
import signal
import socket
from collections.abc import Callable
from types import FrameType

import click

from thalia_monitor.contract import printable
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web import logs
from thalia_monitor.web.access import open_to_all
from thalia_monitor.web.app import create_app
from thalia_monitor.web.connections import Server
from thalia_monitor.web.front import THREADS, Front
from thalia_monitor.web.guard import guard


def serve(settings: Settings, ready: Callable[[str], object] | None = None, threads: int = THREADS) -> None:
    """Serve until interrupted; prints the address as soon as it answers, and hands it to ``ready``.

    Raises:
        SettingsError: the port is in use, or the address is not this machine's.
    """
    with bind(settings) as bound:  # first: a port in use is an error before anything slow is done
        app = create_app(settings=settings)
        watcher = guard(app.server)
        logging.config.dictConfig(logs.config(settings.log_format))
        server = Server(Front(app.server, threads))
        where = address(settings, bound.getsockname()[1])
        click.echo(f"thalia-monitor shows {printable(shown(settings))} at {where}")
        if warning := open_to_all(settings):
            click.echo(warning, err=True)
        if ready:
            ready(where)

        def stop(_: int, __: FrameType | None) -> None:
            server.should_exit = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        asyncio.run(server.serve([bound]))
    if watcher:
        watcher.stop()


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
