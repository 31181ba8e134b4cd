"""The metric cards, and the section that finds any other metric among hundreds."""

from __future__ import annotations

import math
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import Input, Output, State, dcc, html, no_update

from thalia_monitor.analysis.wording import MINUS, counted, number
from thalia_monitor.contract import CORE_METRICS
from thalia_monitor.figures import metrics
from thalia_monitor.series_key import metric
from thalia_monitor.stages import lower_is_better
from thalia_monitor.state import TrainingState
from thalia_monitor.web import parts
from thalia_monitor.web.charts import chart_card
from thalia_monitor.web.live import NAMES, live
from thalia_monitor.web.views import VIEW, view_from

UNITS: Final = {
    "firing_rate": "of neurons active per step",
    "capacity": "of capacity in use",
    "performance": "of tasks right",
    "loss": "",
}
RISES_WELL: Final = {"performance": True, "loss": False}
"""Metrics that have a good direction; firing rate and capacity are good within a range, so theirs is neutral."""
CHARTS_PER_PAGE: Final = 12


def metric_cards(state: TrainingState) -> list[Any]:
    """One card for each core metric: value, unit, change since the checkpoint before, and trend."""
    return [_card(state, name) for name in CORE_METRICS]


def _card(state: TrainingState, name: str) -> html.Div:
    value = state.metrics.get(name)
    delta = state.metric_deltas.get(name)
    return html.Div(
        [
            html.Span(metrics.title(name), className="fact-label"),
            html.Span(number(value), className="card-value"),
            html.Span(
                UNITS[name] if value is not None else "not in the newest checkpoint", className="fact-detail"
            ),
            _change(name, delta),
            parts.sparkline(metrics.trend(state, name)),
        ],
        className="panel card-metric",
    )


def judgement(name: str, delta: float) -> str:
    """Tell whether a change of this metric is ``good``, ``bad`` or ``neutral``."""
    rising = RISES_WELL.get(name, False if lower_is_better(name) else None)
    if delta == 0 or rising is None:
        return "neutral"
    return "good" if (delta > 0) == rising else "bad"


def _change(name: str, delta: float | None) -> html.Span:
    if delta is None or not math.isfinite(delta):
        return html.Span("nothing to compare with", className="change change-neutral")
    verdict = judgement(name, delta)
    arrow = "▲" if delta > 0 else "▼" if delta < 0 else "="
    words = {"good": ", better", "bad": ", worse", "neutral": ""}[verdict]
    signed = number(delta) if number(delta).startswith(MINUS) else f"+{number(delta)}"
    return html.Span(
        f"{arrow} {signed} since the checkpoint before{words}",
        className=f"change change-{verdict}",
    )


def metric_chart(name: str) -> html.Section:
    """The card with a metric's history; the core metrics stand at the top anyway, others can be pinned there."""
    options = ("log", "clip") if name in CORE_METRICS else ("log", "clip", "pin")
    public = metric(name).public
    return chart_card(
        "metric", metrics.title(name), public, options=options, series=public, takes=("smooth", "events")
    )


def other_metrics(name: str) -> list[Any]:
    """Lay out the search over every other metric, with the charts of those found, and register its callback."""
    return [
        html.Div(
            [
                html.H2("Every other metric", className="card-name"),
                parts.search_box(f"{name}-query", "Find a metric …", "Find a metric by name"),
                html.Span(id=f"{name}-count", className="caption", **{"aria-live": "polite"}),
                dbc.Pagination(
                    id=f"{name}-page", max_value=1, active_page=1, fully_expanded=False, size="sm"
                ),
            ],
            className="table-tools",
        ),
        html.Div(id=f"{name}-charts", className="grid"),
        dcc.Store(id=f"{name}-shown", data=[]),
    ]


def register_other_metrics(name: str) -> None:
    """Keep the found metrics' charts right; only those on this page of the search are made and fetched."""

    @live(
        Output(f"{name}-charts", "children"),
        Output(f"{name}-shown", "data"),
        Output(f"{name}-page", "max_value"),
        Output(f"{name}-count", "children"),
        inputs=[
            Input(f"{name}-query", "value"),
            Input(f"{name}-page", "active_page"),
            Input(VIEW, "data"),
            State(f"{name}-shown", "data"),
        ],
        follows=NAMES,
    )
    def find(
        state: TrainingState,
        query: str | None,
        page: int | None,
        view: dict[str, Any] | None,
        shown: list[str],
    ) -> tuple[Any, ...]:
        every = sorted(each for each in state.history.metrics if each not in CORE_METRICS)
        pinned = [each for each in every if metric(each).public in view_from(view).pins]
        found = [
            each for each in every if all(word in each.lower() for word in str(query or "").lower().split())
        ]
        pages = max(1, -(-len(found) // CHARTS_PER_PAGE))
        first = (min(max(int(page or 1), 1), pages) - 1) * CHARTS_PER_PAGE
        now = pinned + [each for each in found[first : first + CHARTS_PER_PAGE] if each not in pinned]
        count = (
            f"{len(found):,} of {len(every):,}"
            if query
            else counted(len(every), "metric")
            if every
            else "none logged yet"
        )
        if now == shown:
            return no_update, no_update, pages, count
        return [metric_chart(each) for each in now], now, pages, count
