"""Growth: how many neurons there are and where, how full each region is, and every growth event."""

from __future__ import annotations

from typing import Any

import dash
from dash import Output, State, dcc, html, no_update

from thalia_monitor.figures import growth
from thalia_monitor.model.run import TrainingState
from thalia_monitor.model.series_key import Kind
from thalia_monitor.web.components import header, toolbar
from thalia_monitor.web.components.event_table import event_table
from thalia_monitor.web.live import charts, panels
from thalia_monitor.web.live.ids import NAMES
from thalia_monitor.web.live.panels import live

dash.register_page(__name__, path="/growth", name="Growth", title="Growth · thalia-monitor", order=2)
charts.declare("neurons", growth.neurons)
charts.declare("capacity", growth.capacity)
charts.declare("capacity-now", growth.capacity_now)
charts.declare("growth-timeline", growth.timeline)

FACTS = "growth-facts"
panels.declare(FACTS, header.growth_facts)
REGIONS = "growth-regions"
SHOWN = "growth-regions-shown"
COLUMNS = {
    "step": "Step",
    "region": "Region",
    "neurons_added": "Neurons added",
    "new_total": "New total",
    "reason": "Reason",
}
TABLE = "growth-log"
LOG = event_table(TABLE, "Growth events", COLUMNS, lambda state: state.growth_events)


def layout(find: str = "", **_: Any) -> html.Div:
    return html.Div(
        [
            panels.panel(FACTS, className="facts panel"),
            html.Div(id=REGIONS, className="regions", role="group", **{"aria-label": "Regions to hide"}),
            dcc.Store(id=SHOWN, data=[]),
            html.Div(
                [
                    _by_region("neurons", "Neurons by region", Kind.NEURONS.family),
                    _by_region("capacity", "Capacity by region", Kind.CAPACITY.family),
                    charts.chart_card("growth-timeline", "When each region grew", table=TABLE),
                    charts.chart_card("capacity-now", "Capacity now", series=Kind.CAPACITY.family),
                ],
                className="grid",
            ),
            html.Section(LOG(find), className="panel details-growth"),
        ],
        className="page",
    )


def _by_region(kind: str, title: str, series: str) -> html.Section:
    return charts.chart_card(
        kind, title, series, height=300, options=("log",), series=series, takes=("events",)
    )


@live(Output(REGIONS, "children"), Output(SHOWN, "data"), inputs=[State(SHOWN, "data")], follows=NAMES)
def name_regions(state: TrainingState, shown: list[str]) -> Any:
    now = toolbar.names(state)
    return (no_update, no_update) if now == shown else (toolbar.buttons(now), now)
