"""Values: the raw numbers behind any chart, line by line, and all of them as a file."""

from __future__ import annotations

from typing import Any

import dash
import dash_bootstrap_components as dbc
from dash import Input, Output, State, html, no_update

from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components import basic, value_table
from thalia_monitor.web.live.ids import NAMES, RUN
from thalia_monitor.web.live.panels import live

dash.register_page(
    __name__, path="/values", name="Values", title="Values · thalia-monitor", order=6, wall=False
)

SERIES, STEP, PAGE, TABLE, COUNT, LINK = (
    f"values-{part}" for part in ("series", "step", "page", "table", "count", "link")
)


def layout(series: str = "", **_: Any) -> html.Div:
    step = dbc.Input(id=STEP, type="number", min=0, debounce=True, size="sm")
    tools = [
        basic.field("Series", dbc.Select(id=SERIES, value=series, size="sm")),
        basic.field("Around step", step),
        html.Span(id=COUNT, className="caption"),
        html.Span(id=LINK),
    ]
    parts = [
        html.H2("Raw values", className="card-name"),
        html.Div(tools, className="table-tools"),
        html.Div(
            id=TABLE, className="table-scroll", tabIndex=0, role="region", **{"aria-label": "Raw values"}
        ),
        dbc.Pagination(id=PAGE, max_value=1, active_page=1, fully_expanded=False, first_last=True, size="sm"),
    ]
    return html.Div(html.Section(parts, className="panel"), className="page")


@live(Output(SERIES, "options"), Output(SERIES, "value"), inputs=[State(SERIES, "value")], follows=NAMES)
def name_series(state: TrainingState, chosen: str | None) -> Any:
    options = [{"label": name[:80], "value": name} for name in state.history.names()]
    return options, value_table.shown_instead(state, chosen) or no_update


@live(
    Output(TABLE, "children"),
    Output(PAGE, "max_value"),
    Output(COUNT, "children"),
    Output(LINK, "children"),
    inputs=[Input(SERIES, "value"), Input(PAGE, "active_page"), Input(STEP, "value"), Input(RUN, "data")],
)
def fill(
    state: TrainingState, name: str | None, page: int | None, step: float | None, run: str | None
) -> Any:
    return value_table.contents(state, run, name, page, step)
