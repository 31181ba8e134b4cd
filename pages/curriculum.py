"""Curriculum: stages against their plan, why the run does not advance, what it keeps, and its safety."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.figures import curriculum as figures
from thalia_monitor.figures import safety
from thalia_monitor.web.components import curriculum
from thalia_monitor.web.live import charts, panels

dash.register_page(
    __name__, path="/curriculum", name="Curriculum", title="Curriculum · thalia-monitor", order=0.5
)
charts.declare("curriculum-timeline", figures.timeline)
charts.declare("curriculum-retention", figures.retention)
charts.declare("safety-interventions", safety.interventions)
charts.declare("safety-levels", safety.levels)

STAGES, WHY_NOT, KEPT, SAFETY = (f"curriculum-{name}" for name in ("stages", "why-not", "kept", "safety"))
panels.declare(STAGES, curriculum.stages)
panels.declare(WHY_NOT, curriculum.why_not)
panels.declare(KEPT, curriculum.kept)
panels.declare(SAFETY, curriculum.protected)


def layout(**_: Any) -> html.Div:
    return html.Div(
        [
            charts.chart_card(
                "curriculum-timeline", "Curriculum timeline", height=200, takes=("events",), table=STAGES
            ),
            _section(STAGES),
            _section(WHY_NOT),
            _section(KEPT),
            charts.chart_card(
                "curriculum-retention",
                "Retention of earlier tasks",
                height=280,
                takes=("events",),
                table=KEPT,
            ),
            _section(SAFETY),
            html.Div(
                [
                    charts.chart_card("safety-interventions", "Interventions", height=160, table=SAFETY),
                    charts.chart_card(
                        "safety-levels", "Health score and cognitive load", height=280, takes=("events",)
                    ),
                ],
                className="grid",
            ),
        ],
        className="page",
    )


def _section(name: str) -> html.Div:
    return panels.panel(name, html.Section, className="panel")
