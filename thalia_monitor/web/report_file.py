"""The report as a download: ``GET report/<run>``, with ``?with=<run>`` (repeatable) the comparison with others.

It passes the checks of every page; a run is named by its id, never by a path.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Final

from flask import Response, request

from thalia_monitor.analysis.comparison import MOST, Side, looks
from thalia_monitor.contract import file_name
from thalia_monitor.errors import BadParameter, ReportBusy
from thalia_monitor.export import comparison_document, html_report
from thalia_monitor.web.components.comparison_query import names
from thalia_monitor.web.components.header import summary_of
from thalia_monitor.web.context import monitor
from thalia_monitor.web.server.stream import refuse_other_sites

if TYPE_CHECKING:
    from flask import Flask

    from thalia_monitor.settings import Settings

_building = Lock()
"""One report is made at a time: it takes a second of this process and some megabytes."""
PATIENCE: Final = 3.0
"""Seconds a request waits for another one's report: each that waits holds a thread of the server."""


def register(server: Flask, settings: Settings) -> None:
    """Give the server the address of reports."""
    server.add_url_rule(f"{settings.base_path}report/<run>", "report", report)


@contextmanager
def _alone() -> Iterator[None]:
    """Make no other report meanwhile; raises ReportBusy where another one takes too long."""
    if not _building.acquire(timeout=PATIENCE):
        raise ReportBusy("A report is being made: try again in a moment.")
    try:
        yield
    finally:
        _building.release()


def report(run: str) -> Response:
    """The report on a run as a file to save."""
    refuse_other_sites()
    watch = monitor()
    others = request.args.getlist("with")
    if len(others) >= MOST:
        raise BadParameter(f"{MOST} runs are as many as can be told apart.")
    entries = [watch.library.entry(each) for each in dict.fromkeys([run, *others])]
    numbers = looks(each.id for each in entries)
    sides = [  # a run that is still being read is waited for here, where that holds up no other report
        Side(watch.whole_state(each.id), name, numbers[each.id], each is entries[0], each.id)
        for each, name in zip(entries, names(entries), strict=True)
    ]
    with _alone():
        summaries = [summary_of(watch, side.run, side.state) for side in sides]
        document = comparison_document.of_runs(sides, summaries)
        content = html_report.render(document, time.time())
    answer = Response(content.encode("utf-8", "replace"), mimetype="text/html")
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name(document.title)}.html"'
    return answer
