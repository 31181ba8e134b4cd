"""Control: what the training lets be changed while it runs, what was asked of it, and what became of that."""

from __future__ import annotations

from typing import Any

import dash
from dash import ALL, Input, Output, State, ctx, dcc, html
from dash.exceptions import PreventUpdate

from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components import control_panel
from thalia_monitor.web.components.control_panel import part
from thalia_monitor.web.live.ids import PULSE, VERSION
from thalia_monitor.web.live.panels import current_state, live

dash.register_page(
    __name__, path="/control", name="Control", title="Control · thalia-monitor", order=9, wall=False
)
NAMES = ("rows", "shape", "notice", "answer", "seen", "sent")
ROWS, SHAPE, NOTICE, ANSWER, SEEN, SENT = (f"control-{name}" for name in NAMES)


def layout(**_: Any) -> html.Div:
    parts = [html.Div(id=NOTICE), html.Div(id=ANSWER, role="status"), html.Div(id=ROWS, className="page")]
    return html.Div([*parts, *(dcc.Store(id=each) for each in (SHAPE, SEEN, SENT))], className="page")


@live(Output(ROWS, "children"), Output(SHAPE, "data"), inputs=[State(SHAPE, "data")])
def lay_out(state: TrainingState, shape: Any) -> Any:
    return control_panel.rows(state, shape)


@dash.get_app().callback(
    output={
        **{name: Output(part(name, ALL), "children") for name in ("now", "state", "past", "back")},
        "hidden": Output(part("back", ALL), "hidden"),
        "notice": Output(NOTICE, "children"),
        "seen": Output(SEEN, "data"),
    },
    inputs=[Input(VERSION, "data"), Input(SENT, "data"), Input(PULSE, "data"), Input(part("now", ALL), "id")],
    state=[State(SEEN, "data")],
)
def follow(version: Any, sent: Any, _: Any, __: Any, seen: Any) -> dict[str, Any]:
    ticked = {*ctx.triggered_prop_ids} <= {f"{PULSE}.data", f"{VERSION}.data"}
    return control_panel.update(
        current_state(version), version["run"], ctx.outputs_grouping, sent, ticked and seen
    )


@dash.get_app().callback(
    output=[Output(ANSWER, "children"), Output(SENT, "data")],
    inputs={
        "clicks": [Input(part(name, ALL), "n_clicks") for name in ("set", "back", "do", "withdraw")],
        "submits": Input(part("input", ALL), "n_submit"),
    },
    state={
        "fields": State(part("input", ALL), "id"),
        "typed": State(part("input", ALL), "value"),
        "seen": State(SEEN, "data"),
        "sent": State(SENT, "data"),
    },
    prevent_initial_call=True,
)
def send(fields: Any, typed: Any, seen: Any, sent: Any, **_: Any) -> Any:
    if not isinstance(ctx.triggered_id, dict) or not ctx.triggered[0]["value"]:  # a row has appeared
        raise PreventUpdate
    return control_panel.send(ctx.triggered_id, fields, typed, seen, sent)
