"""``thalia-monitor report``: one run, or several compared, as an HTML file that is whole or not there at all."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from thalia_monitor.analysis.comparison import MOST, Side, looks
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.errors import BadParameter
from thalia_monitor.export import command, comparison_document, html_report
from thalia_monitor.reading.library import run_id

if TYPE_CHECKING:
    from rich.console import Console

    from thalia_monitor.analysis.findings import Thresholds
    from thalia_monitor.reading.run_search import Candidate
    from thalia_monitor.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What to report on, and where to."""

    directory: Path
    output: Path
    runs: Sequence[str] = ()
    """Which runs below the directory, the baseline first; without any, its own or the only one."""
    force: bool = False
    """Whether a file that is there may be replaced."""


def write(request: Request, settings: Settings, thresholds: Thresholds, console: Console) -> str:
    """Write the report and return a sentence on it.

    Raises:
        MonitorError: a run cannot be read, there is none, or the file cannot be written.
    """
    runs = _found(request, settings)
    now = time.time()
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="thalia-monitor-report-") as folder:
        numbers = looks(str(run.directory) for run in runs)
        sides, summaries = [], []
        for at, run in enumerate(runs):
            place = Path(folder) / str(at)
            place.mkdir()
            state = command.whole_state(run, settings, place, stack.enter_context(command.progress(console)))
            sides.append(Side(state, run.name, numbers[str(run.directory)], at == 0, run_id(run.directory)))
            summaries.append(summarize(state, now, thresholds=thresholds))
        document = comparison_document.of_runs(sides, summaries)
        content = html_report.render(document, now).encode("utf-8", "replace")
    with command.replaced([request.output]) as [place]:
        place.write_bytes(content)
    return f"{document.title} in {request.output} ({len(content) / 1e6:,.1f} MB)."


def _found(request: Request, settings: Settings) -> list[Candidate]:
    if len(request.runs) > MOST:
        raise BadParameter(f"{MOST} runs are as many as can be told apart; {len(request.runs)} are named.")
    if request.output == command.STANDARD_OUTPUT:
        raise BadParameter("A report is a file to open in a browser: say where it goes with -o FILE.")
    names = list(dict.fromkeys(request.runs)) or [""]
    wanted = [command.Request(request.directory, request.output, name, "json") for name in names]
    command.check_target(wanted[0])
    if request.output.exists() and not request.force:
        raise BadParameter(f"-o {request.output} is there already: --force replaces it.")
    return [command.find_run(each, settings) for each in wanted]
