"""Growth: how many neurons there are and where, how full each region is, and every growth event."""

from __future__ import annotations

from typing import Any

import dash
from dash import Output, State, dcc, html, no_update

from thalia_monitor import contract
from thalia_monitor.figures import growth, shares
from thalia_monitor.model.run import TrainingState
from thalia_monitor.model.series_key import Kind
from thalia_monitor.web.components import basic, header, toolbar
from thalia_monitor.web.components.event_table import event_table
from thalia_monitor.web.live import charts, panels
from thalia_monitor.web.live.ids import NAMES
from thalia_monitor.web.live.panels import live

dash.register_page(__name__, path="/growth", name="Growth", title="Growth · thalia-monitor", order=2)
CHARTS = {"neurons": growth.neurons, "capacity": growth.capacity, "capacity-now": growth.capacity_now}
CHARTS |= {"growth-timeline": growth.timeline, "shares": shares.shares}
CHARTS |= {"growth-reasons": shares.reasons, "growth-utilization": shares.utilization}
for kind, builder in CHARTS.items():
    charts.declare(kind, builder)

FACTS, REGIONS, SHOWN = "growth-facts", "growth-regions", "growth-regions-shown"
panels.declare(FACTS, lambda state: header.growth_facts(state) + basic.facts(shares.facts(state)))
TABLE = "growth-log"
NAMES_OF = ("Step", "Region", "Neurons added", "New total", "Reason")
COLUMNS = dict(zip(contract.GROWTH_FIELDS, NAMES_OF, strict=True))
LOG = event_table(TABLE, "Growth events", COLUMNS, lambda state: state.growth_events, kinds="region")
ROOM = event_table("growth-room", "Room to grow", shares.ROOM, shares.room, word="room")


def layout(**query: Any) -> html.Div:
    legend = {"aria-label": "Legend: regions to hide"}
    card, share, why = charts.chart_card, "Share of each region", "Neurons added by reason"
    family = Kind.NEURONS.family
    cards = [
        _by_region("neurons", "Neurons by region", family),
        _by_region("capacity", "Capacity by region", Kind.CAPACITY.family),
        card("shares", share, "shares", height=300, options=("percent",), series=family, takes=("events",)),
        card("growth-utilization", "Capacity before and after growth", height=260, table=TABLE),
        card("growth-timeline", "When each region grew", table=TABLE),
        card("capacity-now", "Capacity now", series=Kind.CAPACITY.family, zooms=False),
        card("growth-reasons", why, height=170, class_name="wide", table=TABLE, zooms=False),
    ]
    parts = [
        panels.panel(FACTS, className="facts panel"),
        html.Div(id=REGIONS, className="regions", role="group", **legend),
        dcc.Store(id=SHOWN, data=[]),
        html.Div(cards, className="grid"),
        html.Section(LOG(query), className="panel details-growth"),
        html.Section(ROOM(query), className="panel details-growth"),
    ]
    return html.Div(parts, className="page")


def _by_region(kind: str, title: str, series: str) -> html.Section:
    return charts.chart_card(
        kind, title, series, height=300, options=("log",), series=series, takes=("events",)
    )


@live(Output(REGIONS, "children"), Output(SHOWN, "data"), inputs=[State(SHOWN, "data")], follows=NAMES)
def name_regions(state: TrainingState, shown: list[str]) -> Any:
    now = toolbar.names(state)
    return (no_update, no_update) if now == shown else (toolbar.buttons(now), now)
