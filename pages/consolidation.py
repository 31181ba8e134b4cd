"""Consolidation: when the brain slept, what it replayed, how often, and every sleep in a table."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.figures import consolidation
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components import basic, empty_states
from thalia_monitor.web.components.event_table import event_table
from thalia_monitor.web.live import charts, panels

dash.register_page(
    __name__, path="/consolidation", name="Consolidation", title="Consolidation · thalia-monitor", order=3
)
charts.declare("sleep-timeline", consolidation.timeline)
charts.declare("sleep-patterns", consolidation.patterns)
charts.declare("sleep-frequency", consolidation.frequency)

FACTS = "consolidation-facts"
COLUMNS = {
    "step": "Step",
    "sleep_stage": "Sleep stage",
    "patterns_replayed": "Patterns replayed",
    "duration_steps": "Duration (steps)",
    "duration_seconds": "Duration (s)",
}
TABLE = "consolidation-log"
LOG = event_table(TABLE, "Consolidation events", COLUMNS, consolidation.sleeps, kinds="sleep_stage")


def layout(**query: Any) -> html.Div:
    return html.Div(
        [
            panels.panel(FACTS, className="facts panel"),
            html.Div(
                [
                    charts.chart_card(
                        "sleep-timeline", "When it slept", height=140, class_name="wide", table=TABLE
                    ),
                    charts.chart_card("sleep-patterns", "Patterns replayed", height=260, table=TABLE),
                    charts.chart_card("sleep-frequency", "How often", height=260, table=TABLE, zooms=False),
                ],
                className="grid",
            ),
            html.Section(LOG(query), className="panel details-sleep"),
        ],
        className="page",
    )


def facts(state: TrainingState) -> list[Any]:
    if nothing := empty_states.sentence(state, "sleep or consolidation"):
        return [nothing]
    return [basic.fact(*each) for each in consolidation.totals(state)]


panels.declare(FACTS, facts)
