"""Compare: several runs in one chart, and how much better or worse each is than the baseline."""

from __future__ import annotations

from typing import Any

import dash
from dash import ClientsideFunction, Input, Output, State, dcc, html

from thalia_monitor.web.components import basic, comparison_tables, side_by_side
from thalia_monitor.web.live import charts
from thalia_monitor.web.live.ids import CHOSEN, OTHERS, RUN

dash.register_page(__name__, path="/compare", name="Compare", title="Compare · thalia-monitor", order=7)
for kind, family in comparison_tables.FAMILIES.items():
    charts.declare_family(kind, family)

PARTS = (
    *("table", "trouble", "legend", "chart", "multiples"),
    *("differences", "milestones", "totals", "settings", "changes", "offers", *side_by_side.PARTS),
)
QUERY = "compare-query"
SELECTS = ("series", "origin", "beside")
CONTROLS = (*SELECTS, "step")
LEGEND = {"aria-label": "Legend: runs to hide"}


def layout(**_: Any) -> html.Div:
    query = basic.search_box(QUERY, "Add a run …", "Find a run to compare")
    title = html.H2("Runs compared", className="card-name")
    tools = [title, query, html.Span(id="compare-offers", className="offers")]
    runs = [
        html.Div(tools, className="table-tools"),
        html.Div(id="compare-table", className="table-scroll"),
        html.Div(id="compare-trouble"),
    ]
    return html.Div(
        [
            html.Section(runs, className="panel"),
            comparison_tables.controls(),
            html.Div(id="compare-legend", className="regions", role="group", **LEGEND),
            html.Div(id="compare-chart", className="grid compared-charts"),
            html.Div(id="compare-multiples", className="grid"),
            basic.panel("Differences", html.Div(id="compare-differences")),
            comparison_tables.panels(),
            side_by_side.panel(),
            dcc.Store(id="compare-kind"),
        ],
        className="page compared",
        **{"data-every-tick": ""},  # it follows other runs, too
    )


@dash.get_app().callback(
    output={
        **{name: Output(f"compare-{name}", "children") for name in PARTS},
        **{name: Output(f"compare-{name}", "value") for name in CONTROLS},
        **{f"{name}_options": Output(f"compare-{name}", "options") for name in SELECTS},
        "kind": Output("compare-kind", "data"),
    },
    inputs={"others": Input(OTHERS, "data"), "chosen": Input(CHOSEN, "data"), "query": Input(QUERY, "value")},
    state={
        "run": State(RUN, "data"),
        "shown": {name: State(f"compare-{name}", "value") for name in CONTROLS}
        | {"kind": State("compare-kind", "data")},
    },
)
def fill(chosen: Any, query: str | None, run: str | None, shown: dict[str, Any], **_: Any) -> dict[str, Any]:
    return comparison_tables.fill(chosen, query, run, shown)


dash.get_app().clientside_callback(ClientsideFunction("compare", "shown"), Input("compare-kind", "data"))
