"""Diagnostics: the newest report of Thalia's diagnostics scripts, population by population, and all files found."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.web import diagnosis, panes
from thalia_monitor.web.tables import event_table

dash.register_page(
    __name__,
    path="/diagnostics",
    name="Diagnostics",
    title="Diagnostics · thalia-monitor",
    order=8,
    wall=False,
)

FACTS = "diagnostics-facts"
panes.declare(FACTS, diagnosis.facts)
POPULATIONS = event_table(
    "diagnostics-populations", "Populations", diagnosis.POPULATIONS, diagnosis.populations
)
NUMBERS = event_table("diagnostics-numbers", "Every other number", diagnosis.NUMBERS, diagnosis.quantities)
FILES = event_table("diagnostics-files", "Files found", diagnosis.FILES, diagnosis.files)


def layout(find: str = "", **_: Any) -> html.Div:
    return html.Div(
        [
            panes.pane(FACTS, className="facts panel"),
            html.Section(POPULATIONS(find), className="panel"),
            html.Section(NUMBERS(), className="panel"),
            html.Section(FILES(), className="panel"),
        ],
        className="page",
    )
