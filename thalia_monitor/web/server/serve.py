"""Serving one viewer or a few from this process; a shared lab view runs under gunicorn instead."""

from __future__ import annotations

import asyncio
import logging
import logging.config
import signal
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from thalia_monitor.contract import printable
from thalia_monitor.demo import live_run
from thalia_monitor.demo.brain import Simulation
from thalia_monitor.logger.text_log import NAME as TRAINER
from thalia_monitor.web.app import create_app
from thalia_monitor.web.server import logging as logs
from thalia_monitor.web.server.alert_watch import guard
from thalia_monitor.web.server.auth import open_to_all
from thalia_monitor.web.server.connections import Server, address, bind, shown
from thalia_monitor.web.server.front import THREADS, FlaskASGIApp

if TYPE_CHECKING:
    from thalia_monitor.settings import Settings


def serve(settings: Settings, ready: Callable[[str], object] | None = None, threads: int = THREADS) -> None:
    """Serve until interrupted; prints the address as soon as it answers, and hands it to ``ready``.

    Raises:
        SettingsError: the port is in use, or the address is not this machine's.
    """
    with bind(settings) as bound:  # first: a port in use is an error before anything slow is done
        app = create_app(settings=settings)
        watcher = guard(app.server)
        logging.config.dictConfig(logs.config(settings.log_format))
        server = Server(FlaskASGIApp(app.server, threads))
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


def demonstrate(
    settings: Settings,
    directory: Path | None,
    *,
    seed: int = 7,
    speed: float = 1.0,
    open_browser: bool = False,
) -> None:
    """Simulate a training until interrupted and serve the dashboard on it.

    Args:
        settings: where to serve.
        directory: where the run is written; None takes a temporary directory and removes it afterwards.
        seed: the same seed makes the same training.
        speed: how many times faster than the simulated brain's own pace.
        open_browser: whether to show the page in this machine's browser.
    """
    with ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="thalia-demo-"))) / "run"
        logging.getLogger(TRAINER).propagate = False  # its record is in the run's own files
        simulation = Simulation(seed=seed)
        stop = threading.Event()
        writer = threading.Thread(
            target=live_run.run,
            args=(directory, stop),
            kwargs={"simulation": simulation, "pace": simulation.seconds_per_line / speed},
            name="simulated-training",
        )
        writer.start()
        stack.callback(writer.join)
        stack.callback(stop.set)
        click.echo(f"Simulating a training in {printable(str(directory))}; Ctrl-C ends it.")
        serve(
            replace(
                settings,
                checkpoint_dir=(directory,),
                refresh_seconds=min(settings.refresh_seconds, 2.0),
                control=settings.control or settings.may_control,
            ),
            ready=webbrowser.open if open_browser else None,
        )
