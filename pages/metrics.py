"""Metrics: where the four core metrics stand, their history, and every other metric that the run logs."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.contract import CORE_METRICS
from thalia_monitor.figures import metrics
from thalia_monitor.web import charts, panes
from thalia_monitor.web.cards import metric_cards, metric_chart, other_metrics, register_other_metrics

dash.register_page(__name__, path="/metrics", name="Metrics", title="Metrics · thalia-monitor", order=1)
charts.declare("metric", metrics.metric)
register_other_metrics("metrics-other")

CARDS = "metrics-cards"
panes.declare(CARDS, metric_cards)


def layout(**_: Any) -> html.Div:
    return html.Div(
        [
            panes.pane(CARDS, className="cards"),
            html.Div(
                [metric_chart(name) for name in CORE_METRICS],
                className="grid",
            ),
            html.Div(other_metrics("metrics-other"), className="details-metrics"),
        ],
        className="page",
    )
