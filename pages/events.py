"""Events: everything that happened in the run, from growth to resumes, in one table, and people's notes on it."""

from __future__ import annotations

from typing import Any

import dash
from dash import ALL, Input, Output, State, ctx, html
from dash.exceptions import PreventUpdate

from thalia_monitor.web.components import notes_panel
from thalia_monitor.web.components.event_table import COLUMNS, chronicle, event_table
from thalia_monitor.web.live import panels
from thalia_monitor.web.live.ids import VERSION

dash.register_page(
    __name__, path="/events", name="Events", title="Events · thalia-monitor", order=5, wall=False
)

TABLE = event_table("events-table", "Everything that happened", COLUMNS, chronicle, kinds="kind")
NOTES = "events-notes"
panels.declare(NOTES, notes_panel.rows)


def layout(**query: Any) -> html.Div:
    notes = [html.H2("Notes", className="card-name"), notes_panel.form(), panels.panel(NOTES)]
    return html.Div(
        [
            html.Section(notes, className="panel notes"),
            html.Section(TABLE(query), className="panel"),
        ],
        className="page",
    )


@dash.get_app().callback(
    output=[Output(notes_panel.ANSWER, "children"), Output(notes_panel.TEXT, "value")],
    inputs={
        "added": Input(notes_panel.ADD, "n_clicks"),
        "removed": Input({"type": notes_panel.REMOVE, "name": ALL}, "n_clicks"),
    },
    state={
        "version": State(VERSION, "data"),
        "step": State(notes_panel.STEP, "value"),
        "end": State(notes_panel.END, "value"),
        "text": State(notes_panel.TEXT, "value"),
        "user": State(notes_panel.USER, "value"),
    },
    prevent_initial_call=True,
)
def change(version: Any, step: Any, end: Any, text: Any, user: Any, **_: Any) -> Any:
    if not ctx.triggered[0]["value"]:  # a row has appeared
        raise PreventUpdate
    return notes_panel.change(version, ctx.triggered_id, step, end, text, user)
