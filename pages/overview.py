"""Overview: is the run healthy? Everything that answers it, on one screen, each block leading to its page."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.analysis.summary import Summary
from thalia_monitor.web import glance, panes

dash.register_page(__name__, path="/", name="Overview", title="Overview · thalia-monitor", order=0)

STATUS = "overview-status"
METRICS = "overview-metrics"
BLOCKS = "overview-blocks"


def layout(**_: Any) -> html.Div:
    return html.Div(
        [
            panes.pane(STATUS, html.Section, className="panel status", **{"aria-label": "Status and pace"}),
            panes.pane(METRICS, className="cards"),
            panes.pane(BLOCKS, className="blocks"),
        ],
        className="page overview",
    )


def blocks(summary: Summary) -> list[Any]:
    return [
        glance.health(summary),
        glance.milestones(summary),
        glance.growth(summary),
        glance.sleep(summary),
    ]


panes.declare_summary(STATUS, glance.status)
panes.declare_summary(METRICS, glance.metric_blocks)
panes.declare_summary(BLOCKS, blocks)
