"""Growth: how many neurons there are and where, how full each region is, and every growth event."""

from __future__ import annotations

from typing import Any

import dash
from dash import Output, State, dcc, html, no_update

from thalia_monitor.figures import growth
from thalia_monitor.series_key import Kind
from thalia_monitor.state import TrainingState
from thalia_monitor.web import absent, charts, panes, parts, regions
from thalia_monitor.web.live import NAMES, live
from thalia_monitor.web.tables import event_table

dash.register_page(__name__, path="/growth", name="Growth", title="Growth · thalia-monitor", order=2)
charts.declare("neurons", growth.neurons)
charts.declare("capacity", growth.capacity)
charts.declare("capacity-now", growth.capacity_now)
charts.declare("growth-timeline", growth.timeline)

FACTS = "growth-facts"
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
            panes.pane(FACTS, className="facts panel"),
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


def facts(state: TrainingState) -> list[Any]:
    if told := absent.sentence(state, "neuron counts, capacity or growth"):
        return [told]
    events = state.growth_events
    neurons = state.history.latest(state.history.neurons)
    added = events["neurons_added"].sum() if len(events) else 0
    return [
        parts.fact("Neurons now", f"{sum(neurons.values()):,.0f}" if neurons else "–"),
        parts.fact("Regions", f"{len(neurons):,}" if neurons else "–"),
        parts.fact("Growth events", f"{len(events):,}"),
        parts.fact("Neurons added", f"{added:,}"),
    ]


panes.declare(FACTS, facts)


@live(Output(REGIONS, "children"), Output(SHOWN, "data"), inputs=[State(SHOWN, "data")], follows=NAMES)
def name_regions(state: TrainingState, shown: list[str]) -> Any:
    now = regions.names(state)
    return (no_update, no_update) if now == shown else (regions.buttons(now), now)
