"""``thalia-monitor demo``: a simulated training in one thread, the dashboard on it in another."""

from __future__ import annotations

import logging
import tempfile
import threading
import webbrowser
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from thalia_monitor import demo
from thalia_monitor.contract import printable
from thalia_monitor.settings import Settings
from thalia_monitor.simulation.brain import Simulation
from thalia_monitor.web.serving import serve
from thalia_monitor.writing.text_log import NAME as TRAINER


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
            target=demo.run,
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
                settings, checkpoint_dir=(directory,), refresh_seconds=min(settings.refresh_seconds, 2.0)
            ),
            ready=webbrowser.open if open_browser else None,
        )
