"""Events: everything that happened in the run, from growth to resumes, in one table."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.web.components.event_table import COLUMNS, chronicle, event_table

dash.register_page(
    __name__, path="/events", name="Events", title="Events · thalia-monitor", order=5, wall=False
)

TABLE = event_table("events-table", "Everything that happened", COLUMNS, chronicle, kinds="kind")


def layout(**query: Any) -> html.Div:
    return html.Div(
        html.Section(TABLE(query), className="panel"),
        className="page",
    )
