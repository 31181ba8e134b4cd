"""Metrics: where the core metrics stand, their history, and every other metric that the run logs."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.figures import metrics
from thalia_monitor.web.components.metric_cards import (
    family_charts,
    first_charts,
    metric_cards,
    other_metrics,
    register_families,
    register_other_metrics,
)
from thalia_monitor.web.live import charts, panels

dash.register_page(__name__, path="/metrics", name="Metrics", title="Metrics · thalia-monitor", order=1)
charts.declare("metric", metrics.metric)
charts.declare("family", metrics.family_member)

CARDS, OTHER = "metrics-cards", "metrics-other"
register_other_metrics(OTHER)
register_families(OTHER)
panels.declare(CARDS, metric_cards)


def layout(**_: Any) -> html.Div:
    return html.Div(
        [
            panels.panel(CARDS, className="cards"),
            first_charts(OTHER),
            family_charts(OTHER),
            html.Div(other_metrics(OTHER), className="details-metrics"),
        ],
        className="page",
    )
