"""Consolidation: when, what was replayed, at what distance, and each one in a table."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor import contract
from thalia_monitor.figures import consolidation
from thalia_monitor.figures import consolidation_effect as effect
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components import basic, empty_states
from thalia_monitor.web.components.event_table import event_table
from thalia_monitor.web.live import charts, panels

dash.register_page(
    __name__, path="/consolidation", name="Consolidation", title="Consolidation · thalia-monitor", order=3
)
CHARTS = {"timeline": consolidation.timeline, "patterns": consolidation.patterns}
CHARTS |= {"frequency": consolidation.frequency, "average": effect.average, "change": effect.change}
CHARTS |= {"debt": effect.debt, "proportions": effect.proportions}
for kind, builder in CHARTS.items():
    charts.declare(f"sleep-{kind}", builder)

FACTS, TABLE = "consolidation-facts", "consolidation-log"
COLUMNS = {"step": "Step", "sleep_stage": "Sleep stage", "patterns_replayed": "Patterns replayed"}
COLUMNS |= {"duration_steps": "Duration (steps)", "duration_seconds": "Duration (s)"}
ADVICE = "Log each phase: logger.log_consolidation('NREM', 120, step=step)."
LOG = event_table(TABLE, "Consolidation phases", COLUMNS, consolidation.sleeps, kinds="sleep_stage")
DONE = event_table("consolidation-done", "What each did", effect.COLUMNS, effect.table, word="done")


def layout(**query: Any) -> html.Div:
    cards = [
        _card("timeline", "Consolidations", height=140, class_name="wide"),
        _card("average", "Performance around a consolidation", zooms=False),
        _card("change", "Performance before and after each"),
        _card("debt", "Steps since the last consolidation"),
        _card("patterns", "Patterns replayed"),
        _card("proportions", "NREM and REM", height=180, zooms=False),
        _card("frequency", "Steps between consolidations", zooms=False),
    ]
    parts = [
        panels.panel(FACTS, className="facts panel"),
        html.Div(cards, className="grid"),
        html.Section(LOG(query), className="panel details-sleep"),
        html.Section(DONE(query), className="panel details-sleep"),
    ]
    return html.Div(parts, className="page")


def _card(kind: str, title: str, height: int = 260, **options: Any) -> html.Section:
    return charts.chart_card(f"sleep-{kind}", title, height=height, table=TABLE, **options)


def facts(state: TrainingState) -> list[Any]:
    if nothing := empty_states.sentence(state, "consolidation"):
        return [nothing]
    if not state.count_of(contract.CONSOLIDATION):
        return [basic.empty("No consolidation is logged", ADVICE)]
    return basic.facts([*consolidation.totals(state), *effect.facts(state)])


panels.declare(FACTS, facts)
