"""Overview: is the run healthy? Everything that answers it, on one screen, each block leading to its page."""

from __future__ import annotations

from typing import Any

import dash
from dash import Output, html

from thalia_monitor.analysis.summary import Summary
from thalia_monitor.web import glance
from thalia_monitor.web.standing import summed

dash.register_page(__name__, path="/", name="Overview", title="Overview · thalia-monitor", order=0)

STATUS = "overview-status"
METRICS = "overview-metrics"
BLOCKS = "overview-blocks"


def layout(**_: Any) -> html.Div:
    return html.Div(
        [
            html.Section(id=STATUS, className="panel status", **{"aria-label": "Status and pace"}),
            html.Div(id=METRICS, className="cards"),
            html.Div(id=BLOCKS, className="blocks"),
        ],
        className="page overview",
    )


@summed(Output(STATUS, "children"), Output(METRICS, "children"), Output(BLOCKS, "children"))
def fill(summary: Summary) -> tuple[list[Any], list[Any], list[Any]]:
    blocks = [
        glance.health(summary),
        glance.milestones(summary),
        glance.growth(summary),
        glance.sleep(summary),
    ]
    return glance.status(summary), glance.metric_blocks(summary), blocks
