"""Curriculum: stages against their plan, why the run does not advance, what it keeps, and its safety."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.figures import curriculum as figures
from thalia_monitor.web.components import curriculum
from thalia_monitor.web.live import charts, panels

dash.register_page(
    __name__, path="/curriculum", name="Curriculum", title="Curriculum · thalia-monitor", order=0.5
)
TIMELINE, RETENTION, INTERVENTIONS, LEVELS = (
    "curriculum-timeline",
    "curriculum-retention",
    "interventions",
    "levels",
)
charts.declare(TIMELINE, figures.timeline)
charts.declare(RETENTION, figures.retention)
charts.declare(INTERVENTIONS, figures.interventions)
charts.declare(LEVELS, figures.levels)

LEAST = 24
"""Height of a chart that may have nothing to show, in pixels until it is drawn."""
STAGES, WHY_NOT, KEPT, SAFETY = (f"curriculum-{name}" for name in ("stages", "why-not", "kept", "safety"))
panels.declare(STAGES, curriculum.stages)
panels.declare(WHY_NOT, curriculum.why_not)
panels.declare(KEPT, curriculum.kept)
panels.declare(SAFETY, curriculum.protected)


def layout(**_: Any) -> html.Div:
    wide = {"class_name": "wide", "takes": ("events",)}
    return html.Div(
        [
            _section(STAGES),
            _charts(charts.chart_card(TIMELINE, "Curriculum timeline", height=LEAST, table=STAGES, **wide)),
            _section(WHY_NOT),
            _section(KEPT),
            _charts(
                charts.chart_card(RETENTION, "Retention of earlier tasks", height=LEAST, table=KEPT, **wide)
            ),
            _section(SAFETY),
            _charts(
                charts.chart_card(INTERVENTIONS, "Interventions", height=LEAST, table=SAFETY),
                charts.chart_card(LEVELS, "Health and load", height=LEAST, takes=("events",)),
            ),
        ],
        className="page",
    )


def _charts(*cards: html.Section) -> html.Div:
    return html.Div(cards, className="grid")


def _section(name: str) -> html.Div:
    return panels.panel(name, html.Section, className="panel")
