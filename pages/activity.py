"""Activity: how much each region fired over time, against its range, one region's curve, and single spikes."""

from __future__ import annotations

from typing import Any

import dash
import dash_bootstrap_components as dbc
from dash import Input, Output, State, html, no_update

from thalia_monitor.analysis.regions import Family, families
from thalia_monitor.figures import activity
from thalia_monitor.model.run import TrainingState
from thalia_monitor.model.series_key import metric, parse
from thalia_monitor.web.components import basic
from thalia_monitor.web.components.event_table import event_table
from thalia_monitor.web.components.metric_cards import metric_chart
from thalia_monitor.web.live import charts, panels, spike_windows
from thalia_monitor.web.live.ids import NAMES
from thalia_monitor.web.live.panels import live

dash.register_page(__name__, path="/activity", name="Activity", title="Activity · thalia-monitor", order=2.5)
charts.declare("activity", activity.heatmap)
spike_windows.register()

FACTS, MAPS, REGION, CURVE = (f"activity-{each}" for each in ("facts", "maps", "region", "curve"))
MISSING = "No rate of a region is logged yet"
ADVICE = "Log one with each line: logger.log_training_step(step, {'region_firing_rates': {'cortex': 0.08}})."
HINT = "Click a cell, or choose a series: its curve is drawn here, at the place of the cell."
TABLE = "activity-table"
REGIONS = event_table(TABLE, "Regions", activity.COLUMNS, activity.table, kinds="family")


def layout(**query: Any) -> html.Div:
    chosen = basic.field("Curve of", dbc.Select(id=REGION, size="sm"))
    parts = [
        panels.panel(FACTS, className="facts panel"),
        html.Div(id=MAPS, className="grid"),
        html.Div(chosen, className="table-tools"),
        html.Div(id=CURVE, className="grid"),
        *spike_windows.layout(query.get("window")),
        html.Section(REGIONS(query), className="panel"),
    ]
    return html.Div(parts, className="page")


def facts(state: TrainingState) -> list[Any]:
    found = activity.facts(state)
    return basic.facts(found) if found else [basic.empty(MISSING, ADVICE)]


panels.declare(FACTS, facts)


@live(Output(MAPS, "children"), Output(REGION, "options"), inputs=[State(REGION, "options")], follows=NAMES)
def lay_out(state: TrainingState, before: list[Any] | None) -> Any:
    options = [metric(series).public for each in families(state) for _, series in each.series]
    return no_update if options == before else [_map(each) for each in families(state)], options


def _map(family: Family) -> html.Section:
    options = {"height": activity.height(len(family.series)), "class_name": "wide", "takes": ("events",)}
    return charts.chart_card("activity", family.name, family.name, table=TABLE, **options)


@dash.get_app().callback(Output(CURVE, "children"), Input(REGION, "value"))
def show_curve(series: Any) -> Any:
    chosen = isinstance(series, str) and series
    return metric_chart(parse(series).name) if chosen else html.P(HINT, className="fact-detail")
