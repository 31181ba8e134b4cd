"""Compare: several runs in one chart, and how much better or worse each is than the baseline."""

from __future__ import annotations

from typing import Any

import dash
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update

from thalia_monitor.web.components import basic
from thalia_monitor.web.components.compare import comparison_settings, comparison_tables, side_by_side
from thalia_monitor.web.components.compare.comparison_query import compared
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live import charts
from thalia_monitor.web.live.ids import CHOSEN, OTHERS, RUN

dash.register_page(__name__, path="/compare", name="Compare", title="Compare · thalia-monitor", order=7)
for kind, family in (comparison_tables.FAMILIES | side_by_side.FAMILIES).items():
    charts.declare_family(kind, family)

PARTS = (*comparison_tables.PARTS, *comparison_settings.PARTS, *side_by_side.PARTS)


def layout(**_: Any) -> html.Div:
    legend = {"role": "group", "aria-label": "Legend: runs to hide"}
    return html.Div(
        [
            comparison_tables.runs(),
            comparison_tables.controls(),
            html.Div(id="compare-legend", className="regions", **legend),
            html.Div(id="compare-chart", className="grid compared-charts"),
            html.Div(id="compare-multiples", className="grid"),
            basic.panel("Differences", html.Div(id="compare-differences")),
            html.Div([*comparison_tables.panels(), *comparison_settings.panels()], className="grid"),
            side_by_side.panel(),
            dcc.Store(id="compare-shown"),
        ],
        className="page compared",
        **{"data-every-tick": ""},  # it follows other runs, too
    )


@dash.get_app().callback(
    output={
        **{name: Output(f"compare-{name}", "children") for name in PARTS},
        **{name: Output(f"compare-{name}", "value") for name in comparison_tables.CONTROLS},
        **{f"{name}_options": Output(f"compare-{name}", "options") for name in comparison_tables.SELECTS},
        "shown": Output("compare-shown", "data"),
    },
    inputs=[Input(OTHERS, "data"), Input(CHOSEN, "data"), Input("compare-query", "value")],
    state=[
        State(RUN, "data"),
        State("compare-shown", "data"),
        {name: State(f"compare-{name}", "value") for name in comparison_tables.CONTROLS},
    ],
)
def fill(_: Any, chosen: Any, query: str | None, run: str | None, shown: Any, values: Any) -> dict[str, Any]:
    runs = compared(monitor(), chosen, run)
    before = shown if isinstance(shown, dict) else {}
    parts, now = comparison_tables.fill(runs, query, values, before)
    pair, now["pair"] = side_by_side.fill(runs, before.get("pair"))
    store = {"shown": no_update if now == before else now}
    return parts | comparison_settings.fill(runs.sides) | pair | store


dash.get_app().clientside_callback(ClientsideFunction("compare", "shown"), Input("compare-shown", "data"))
