"""How the server is doing, as panels of a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from dash import html

from thalia_monitor._version import __version__
from thalia_monitor.analysis.formatting import NONE, counted, duration
from thalia_monitor.web.components import basic

if TYPE_CHECKING:  # alerts are optional, and need packages of their own
    from thalia_monitor.alerts.delivery import ChannelStatus
    from thalia_monitor.web.server.status import Process, Report


ICONS: Final = {"ok": "✓", "waiting": "◐", "stuck": "✖"}
"""By the condition of an alerts' channel."""


def panels(report: Report, alerts: str = "", channels: Sequence[ChannelStatus] = ()) -> list[Any]:
    """The server at a glance, its processes, its alerts' channels, and what went wrong of late."""
    up = (datetime.now(UTC) - report.started).total_seconds()
    gone = f", {report.gone:,} gone" if report.gone else ""
    failed = f"; {counted(report.cache_failures, 'failure')} in this worker" if report.cache_failures else ""
    facts = [
        basic.fact("Version", __version__),
        basic.fact("Running for", duration(up), f"since {report.started:%Y-%m-%d %H:%M} UTC"),
        basic.fact("Runs", f"{report.runs:,}{gone}", f"{report.held:,} in this worker's memory"),
        basic.fact(
            "Cache",
            report.cache,
            ("answers" if report.cache_answers else "does not answer") + failed,
        ),
    ]
    memory = [basic.fact(f"{each.role.title()} {each.pid}", _size(each)) for each in report.processes]
    return [
        _panel("This server", html.Div(facts, className="facts")),
        *(basic.notice("warning", note) for note in report.notes),
        _panel(
            "Memory of its processes",
            html.Div(memory, className="facts"),
            html.Small(
                "What is resident; what processes share is counted in each of them.", className="fact-detail"
            ),
        ),
        *([_panel(f"Alerts: {alerts}", html.Div(_channels(channels), className="facts"))] if alerts else []),
        _panel("Newest warnings and errors", _errors(report)),
    ]


def _channels(channels: Sequence[ChannelStatus]) -> list[Any]:
    return [
        basic.fact(
            each.name,
            f"{ICONS[each.condition]} {each.condition}",
            f"{counted(each.waiting, 'message')} waiting, {counted(each.sent, 'notification')} in the last hour"
            + (f"; failed {counted(each.failures, 'time')}: {each.reason}" if each.failures else ""),
        )
        for each in channels
    ]


def _panel(name: str, *content: Any) -> html.Section:
    return html.Section([html.H2(name, className="card-name"), *content], className="panel")


def _size(process: Process) -> str:
    return NONE if process.memory is None else f"{process.memory / 2**20:,.0f} MiB"


def _errors(report: Report) -> Any:
    if not report.errors:
        return basic.empty("None since the start", "What is logged as a warning or an error appears here.")
    rows = [
        html.Li(
            [
                html.Span(str(each["message"]), className="log-text", dir="auto"),
                html.Div(
                    f"{each['level']}, {str(each['time'])[:19].replace('T', ' ')} UTC, process {each['pid']}",
                    className="fact-detail",
                ),
            ]
        )
        for each in report.errors
    ]
    return html.Ul(rows, className="complaints")
