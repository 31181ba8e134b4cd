"""Compare: several runs over each other, and how much better or worse each is than the baseline."""

from __future__ import annotations

from typing import Any

import dash
import dash_bootstrap_components as dbc
from dash import Input, Output, State, dcc, html, no_update

from thalia_monitor.analysis import comparison
from thalia_monitor.analysis.comparison import stage_starts
from thalia_monitor.analysis.quantities import places
from thalia_monitor.figures import compare
from thalia_monitor.metric_info import title
from thalia_monitor.model.run import TrainingState
from thalia_monitor.model.series_key import ALL_NEURONS, Kind
from thalia_monitor.web.components import basic, comparison_tables, run_picker
from thalia_monitor.web.components.comparison_query import (
    Choice,
    choice_from,
    choice_of,
    known_series,
    names,
    sides,
    version,
)
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live import charts
from thalia_monitor.web.live.ids import CHOSEN, OTHERS, RUN

dash.register_page(__name__, path="/compare", name="Compare", title="Compare · thalia-monitor", order=7)

QUERY, OFFERS, TABLE, SERIES, ORIGIN, STEP, CHART, KIND, DIFFERENCES, MILESTONES, TOTALS, TROUBLE = (
    f"compare-{part}"
    for part in (
        *("query", "offers", "table", "series", "origin", "step", "chart", "kind"),
        *("differences", "milestones", "totals", "trouble"),
    )
)
MOST_OFFERED = 8
MOST_SERIES = 1000


def _drawn(key: str) -> charts.Builder:
    watch = monitor()
    choice = choice_of(key, watch.library)
    return lambda _, name, view: compare.overlay(sides(watch, choice)[0], name, view, choice.origin)


charts.declare_family(
    "compare", charts.Family(_drawn, lambda key: version(monitor(), choice_of(key, monitor().library)))
)


def layout(**_: Any) -> html.Div:
    return html.Div(
        [
            html.Section(
                [
                    html.Div(
                        [
                            html.H2("Runs compared", className="card-name"),
                            basic.search_box(QUERY, "Add a run …", "Find a run to compare"),
                            html.Span(id=OFFERS, className="offers"),
                        ],
                        className="table-tools",
                    ),
                    html.Div(id=TABLE, className="table-scroll"),
                    html.Div(id=TROUBLE),
                ],
                className="panel",
            ),
            html.Div(
                [
                    html.Label(["Compare", dbc.Select(id=SERIES, size="sm")], className="field"),
                    html.Label(["Aligned at", dbc.Select(id=ORIGIN, size="sm")], className="field"),
                    html.Label(
                        [
                            "Values at step",
                            dbc.Input(id=STEP, type="number", min=0, step=1, debounce=True, size="sm"),
                        ],
                        className="field",
                    ),
                ],
                className="table-tools",
            ),
            html.Div(id=CHART),
            html.Section(
                [html.H2("Differences", className="card-name"), html.Div(id=DIFFERENCES)], className="panel"
            ),
            html.Div(
                [
                    html.Section(
                        [html.H2("Milestones", className="card-name"), html.Div(id=MILESTONES)],
                        className="panel",
                    ),
                    html.Section(
                        [html.H2("Growth, sleep and time", className="card-name"), html.Div(id=TOTALS)],
                        className="panel",
                    ),
                ],
                className="grid",
            ),
            dcc.Store(id=KIND),
        ],
        className="page compared",
    )


@dash.get_app().callback(
    Output(TABLE, "children"),
    Output(TROUBLE, "children"),
    Output(CHART, "children"),
    Output(KIND, "data"),
    Output(DIFFERENCES, "children"),
    Output(MILESTONES, "children"),
    Output(TOTALS, "children"),
    Output(SERIES, "options"),
    Output(SERIES, "value"),
    Output(ORIGIN, "options"),
    Output(ORIGIN, "value"),
    Output(STEP, "value"),
    Input(OTHERS, "data"),
    Input(CHOSEN, "data"),
    State(RUN, "data"),
    State(KIND, "data"),
    State(SERIES, "value"),
    State(ORIGIN, "value"),
    State(STEP, "value"),
)
def fill(
    _: Any,
    chosen: Any,
    run: str | None,
    before: list[str] | None,
    series: str | None,
    origin: str | None,
    step: float | None,
) -> tuple[Any, ...]:
    watch = monitor()
    choice = choice_from(chosen, watch.library, run)
    found, troubles = sides(watch, choice)
    choice = known_series(choice, chosen, found)
    kind = [f"compare~{choice.key}", choice.series]
    return (
        comparison_tables.chosen(choice, found)
        if found
        else basic.empty("No run to compare", "Add one above."),
        [basic.notice("warning", trouble) for trouble in troubles],
        no_update if kind == before else _card(choice),
        no_update if kind == before else kind,
        comparison_tables.differences(choice, found),
        comparison_tables.milestones(found),
        comparison_tables.totals(found),
        _series([name for side in found for name in _names(side.state)], choice),
        _told(choice.series, series),
        _origins([stage for side in found for stage in stage_starts(side.state)], choice),
        _told(choice.origin, origin),
        _told(choice.step, step),
    )


def _told(chosen: Any, shown: Any) -> Any:
    """A control is told only what it does not show already: else the answer wipes out what is being typed."""
    return no_update if chosen == shown else chosen


def _card(choice: Choice) -> html.Section:
    return charts.chart_card(
        f"compare~{choice.key}",
        title(choice.series),
        choice.series,
        height=420,
        options=() if choice.series == ALL_NEURONS else ("log",),
        series=Kind.NEURONS.family if choice.series == ALL_NEURONS else choice.series,
        takes=() if choice.series == ALL_NEURONS else ("smooth",),
    )


def _names(state: TrainingState) -> list[str]:
    return [*(each.quantity for each in places(state) if each.filled), *state.history.names()]


def _series(names: list[str], choice: Choice) -> list[dict[str, str]]:
    listed = list(dict.fromkeys([*names, choice.series]))[:MOST_SERIES]
    every = [{"label": name[:80], "value": name} for name in listed if name != ALL_NEURONS]
    return [*every, {"label": "neurons in all regions", "value": ALL_NEURONS}]


def _origins(stages: list[int], choice: Choice) -> list[dict[str, str]]:
    known = sorted({*stages, *([int(choice.origin)] if choice.origin != comparison.RUN else [])})
    each = [{"label": f"the start of stage {stage}", "value": str(stage)} for stage in known]
    return [{"label": "the start of the run", "value": comparison.RUN}, *each]


@dash.get_app().callback(
    Output(OFFERS, "children"), Input(QUERY, "value"), Input(CHOSEN, "data"), State(RUN, "data")
)
def offer(query: str | None, chosen: Any, run: str | None) -> Any:
    library = monitor().library
    taken = choice_from(chosen, library, run).runs
    free = [each for each in library.entries() if each.id not in taken and not each.gone]
    shown = run_picker.search(free, str(query or ""))[:MOST_OFFERED]
    if len(taken) >= comparison.MOST:
        return f"{comparison.MOST} runs are as many as can be told apart: remove one to add another."
    return comparison_tables.offers(shown, names(shown)) or (
        "no other run is called that" if query else "every run is here"
    )
