"""Overview: is the run healthy? Everything that answers it, on one screen, each block leading to its page."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.analysis.summary import Summary
from thalia_monitor.web.components import curriculum, overview
from thalia_monitor.web.live import panels

dash.register_page(__name__, path="/", name="Overview", title="Overview · thalia-monitor", order=0)

STATUS = "overview-status"
CURRICULUM = "overview-curriculum"
METRICS = "overview-metrics"
BLOCKS = "overview-blocks"


def layout(**_: Any) -> html.Div:
    return html.Div(
        [
            panels.panel(STATUS, html.Section, className="panel status", **{"aria-label": "Status and pace"}),
            panels.panel(METRICS, className="cards"),
            panels.panel(CURRICULUM),
            panels.panel(BLOCKS, className="blocks"),
        ],
        className="page overview",
    )


def blocks(summary: Summary) -> list[Any]:
    return [
        overview.health(summary),
        overview.milestones(summary),
        overview.growth(summary),
        overview.sleep(summary),
    ]


panels.declare_summary(STATUS, overview.status)
panels.declare_summary(CURRICULUM, curriculum.strip)
panels.declare_summary(METRICS, overview.metric_blocks)
panels.declare_summary(BLOCKS, blocks)
