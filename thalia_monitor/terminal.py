"""``thalia-monitor status``: summary of a run in a terminal, once or continuously."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from thalia_monitor.analysis import report
from thalia_monitor.analysis.liveness import Status
from thalia_monitor.analysis.pace import in_words
from thalia_monitor.analysis.summary import Summary, summarize
from thalia_monitor.reading.run_reader import RunReader
from thalia_monitor.settings import Settings, thresholds

if TYPE_CHECKING:
    from thalia_monitor.analysis.findings import Thresholds

HEALTHY: Final = 0
CRITICAL: Final = 1
WAITING: Final = 3

STYLES: Final = {
    Status.LIVE: "bold green",
    Status.QUIET: "bold yellow",
    Status.STALE: "bold red",
    Status.FINISHED: "bold blue",
    Status.STOPPED: "bold yellow",
    Status.UNKNOWN: "bold",
}


def tell(directory: Path, settings: Settings, *, as_json: bool = False, watch: bool = False) -> int:
    """Print a run's summary, once or until interrupted, and return the exit code.

    Raises:
        MonitorError: the directory cannot be read, or the health file not be used.
    """
    console = Console(highlight=False)
    reader = RunReader(directory, scheme=settings.stage_scheme)
    limits = thresholds(settings.health or settings.alerts)

    def now() -> Summary:
        return look(reader, limits, settings.refresh_seconds if watch else 0.0)

    if watch:
        with suppress(KeyboardInterrupt):
            follow(looks(now, time.sleep, settings.refresh_seconds), console)
        return HEALTHY
    summary = now()
    if as_json:
        click.echo(json.dumps(report.record(summary), indent=2, allow_nan=False))
    else:
        click.echo(report.text(summary), nl=False)
    return exit_code(summary)


def look(reader: RunReader, thresholds: Thresholds, refresh: float = 0.0) -> Summary:
    """Read a run's files and summarize it; raises RunUnreadable."""
    return summarize(reader.read(), time.time(), refresh=refresh, thresholds=thresholds)


def exit_code(summary: Summary) -> int:
    """0, 1 while something is critical, or 3 while there is no data: so that a script can act on it."""
    if summary.waiting:
        return WAITING
    return CRITICAL if summary.criticals else HEALTHY


def follow(looks: Iterator[Summary], console: Console) -> None:
    """Show each look in place of the one before; where the output is no terminal, print what has changed."""
    if not console.is_terminal:
        _print_changes(looks, console)
        return
    with Live(console=console, auto_refresh=False, screen=False) as shown:
        for summary in looks:
            shown.update(screen(summary), refresh=True)


def looks(look: Callable[[], Summary], wait: Callable[[float], object], seconds: float) -> Iterator[Summary]:
    """Yield a new summary every ``seconds``, until the consumer stops."""
    while True:
        yield look()
        wait(seconds)


def _print_changes(looks: Iterator[Summary], console: Console) -> None:
    before = None
    for summary in looks:
        now = summary.state.version, summary.liveness.status
        if now != before:
            console.print(Text(report.text(summary)), soft_wrap=True)
        before = now


def screen(summary: Summary) -> RenderableType:
    """Terminal screen: status, bars for the stage and its milestones, then everything else in words."""
    head, _, rest = report.text(summary).partition("\n")
    return Group(Text(head, style=STYLES[summary.liveness.status]), bars(summary), Text(rest.rstrip()))


def bars(summary: Summary) -> Progress:
    """How far into the stage, and how many of its milestones."""
    state = summary.state
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=40),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[said]}", markup=False),
    )
    left = f"{in_words(summary.pace.left)} left" if summary.pace.left else ""
    progress.add_task("Stage", total=100, completed=round(100 * state.stage_progress), said=left)
    total = len(summary.milestones)
    said = f"{summary.passed:,} of {total:,}"
    progress.add_task("Milestones", total=max(total, 1), completed=summary.passed, said=said)
    return progress
