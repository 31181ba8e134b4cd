"""Checkpoints: every checkpoint file with what it holds and whether it counts, and the difference between any two."""

from __future__ import annotations

from typing import Any

import dash
import dash_bootstrap_components as dbc
from dash import Input, Output, State, html, no_update

from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components import basic, checkpoint_list
from thalia_monitor.web.components.event_table import event_table
from thalia_monitor.web.live import panels
from thalia_monitor.web.live.panels import live

TITLE = "Checkpoints · thalia-monitor"
dash.register_page(__name__, path="/checkpoints", name="Checkpoints", title=TITLE, order=7.5, wall=False)
FACTS, FIRST, SECOND = "checkpoints-facts", "checkpoints-first", "checkpoints-second"
DIFFERENCE = "checkpoints-difference"
panels.declare(FACTS, checkpoint_list.facts)
FILES = event_table(
    "checkpoints-files", "Checkpoint files", checkpoint_list.COLUMNS, checkpoint_list.table, kinds="status"
)


def layout(**query: Any) -> html.Div:
    chosen = [
        basic.field("From", dbc.Select(id=FIRST, size="sm")),
        basic.field("To", dbc.Select(id=SECOND, size="sm")),
    ]
    parts = [
        panels.panel(FACTS, className="facts panel"),
        html.Section(FILES(query), className="panel"),
        basic.panel(
            "Difference",
            html.Div([html.Div(chosen, className="table-tools"), html.Div(id=DIFFERENCE, className="page")]),
        ),
    ]
    return html.Div(parts, className="page")


@live(Output(FIRST, "options"), Output(SECOND, "options"), inputs=[State(FIRST, "options")])
def offer(state: TrainingState, before: list[Any] | None) -> Any:
    now = checkpoint_list.options(state)
    return (no_update, no_update) if now == before else (now, now)


@live(Output(DIFFERENCE, "children"), inputs=[Input(FIRST, "value"), Input(SECOND, "value")])
def compare(state: TrainingState, first: str | None, second: str | None) -> Any:
    return checkpoint_list.difference(state, first, second)
