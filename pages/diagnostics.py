"""Diagnostics: the newest report of Thalia's diagnostics scripts, population by population, and all files found."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.web.components import diagnostics_report
from thalia_monitor.web.components.event_table import event_table
from thalia_monitor.web.live import panels

dash.register_page(
    __name__,
    path="/diagnostics",
    name="Diagnostics",
    title="Diagnostics · thalia-monitor",
    order=8,
    wall=False,
)

FACTS = "diagnostics-facts"
panels.declare(FACTS, diagnostics_report.facts)
POPULATIONS = event_table(
    "diagnostics-populations",
    "Populations",
    diagnostics_report.POPULATIONS,
    diagnostics_report.populations,
    kinds="status",
)
NUMBERS = event_table(
    "diagnostics-numbers",
    "Every other number",
    diagnostics_report.NUMBERS,
    diagnostics_report.quantities,
    word="numbers",
)
FILES = event_table(
    "diagnostics-files",
    "Files found",
    diagnostics_report.FILES,
    diagnostics_report.files,
    kinds="format",
    word="files",
)


def layout(**query: Any) -> html.Div:
    return html.Div(
        [
            panels.panel(FACTS, className="facts panel"),
            html.Section(POPULATIONS(query), className="panel of-report"),
            html.Section(NUMBERS(query), className="panel of-report"),
            html.Section(FILES(query), className="panel"),
        ],
        className="page",
    )
