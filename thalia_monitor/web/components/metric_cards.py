"""The metric cards, and the section that finds any other metric among hundreds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import Input, Output, State, dcc, html, no_update

from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.analysis.metric_families import family_sentence, metric_families
from thalia_monitor.analysis.quantities import Place, places
from thalia_monitor.errors import BadParameter
from thalia_monitor.figures.metrics import FAMILY_HEIGHT, course
from thalia_monitor.metric_info import title
from thalia_monitor.model.run import Current, TrainingState
from thalia_monitor.model.series_key import metric
from thalia_monitor.name_patterns import HELP, search
from thalia_monitor.web.components import basic
from thalia_monitor.web.live.charts import chart_card
from thalia_monitor.web.live.client_state import view_from
from thalia_monitor.web.live.ids import NAMES, VIEW
from thalia_monitor.web.live.panels import live

CHARTS_PER_PAGE: Final = 12
TOOLS: Final = ("smooth", "events")
MOST_LEAVES: Final = 600
"""Names in the tree: an opened page has some 150 bytes of each."""
DEEPEST: Final = 4
LONGEST_QUERY: Final = 200


def metric_cards(state: TrainingState) -> list[Any]:
    """One card for each place of the run: value, unit, the newest checkpoint's, and its line over the run."""
    return [_card(state, each) for each in places(state)]


def _card(state: TrainingState, place: Place) -> html.Div:
    now = state.current(metric(place.series)) if place.filled else None
    return html.Div(
        [
            html.Span(place.title, className="fact-label", dir="auto"),
            html.Span(number(now.value if now else None), className="card-value"),
            html.Span(_detail(state, place, now), className="fact-detail"),
            basic.checkpoint_value(state, place),
            basic.sparkline(course(state, place.series) if place.filled else None),
        ],
        className="panel card-metric",
    )


def _detail(state: TrainingState, place: Place, now: Current | None) -> str:
    """What stands below a card's value: unit and origin, and the step where training is further."""
    if now is not None:
        return ", ".join(filter(None, (place.detail, now.as_of)))
    logged = place.series in state.metrics or place.series in state.history.metrics
    return "constant 0, a placeholder" if logged else "not logged yet"


def metric_chart(name: str) -> html.Section:
    """The card with a metric's history, which can be pinned to the top."""
    options, public = ("log", "clip", "pin"), metric(name).public
    return chart_card("metric", title(name), public, options=options, series=public, takes=TOOLS)


def place_chart(place: Place) -> html.Section:
    """The card with the history of a metric that stands at the top anyway."""
    public = metric(place.series).public
    return chart_card(
        "metric",
        place.title,
        public,
        options=("log", "clip"),
        series=public,
        takes=TOOLS,
        detail=place.origin,
    )


def first_charts(name: str) -> html.Div:
    """The grid with a chart for each place; a run that fills the places with other metrics gets other charts."""
    empty = [place_chart(each) for each in places(TrainingState())]
    return html.Div(empty, id=f"{name}-first", className="grid")


def tree(names: Sequence[str]) -> list[Any]:
    """Names as groups that fold, by the parts of their paths, with counts; a click searches for what it names."""
    grown: dict[str, Any] = {}
    for each in names[:MOST_LEAVES]:
        *groups, leaf = re.split(r"(?<=[^/.][/.])(?=[^/.])", each)
        branch = grown
        for group in groups[:DEEPEST]:
            branch = branch.setdefault(group, {})
        branch.setdefault("", []).append("".join([*groups[DEEPEST:], leaf]))
    more = (
        [html.P(f"and {len(names) - MOST_LEAVES:,} more: search for them")]
        if len(names) > MOST_LEAVES
        else []
    )
    return [*_branches(grown, ""), *more]


def _branches(branch: Mapping[str, Any], path: str) -> list[Any]:
    leaves = [html.Button(leaf, type="button", **{"data-find": path + leaf}) for leaf in branch.get("", ())]
    groups = [
        html.Details(
            [
                html.Summary([html.Span(group, dir="auto"), f" {_count(inner):,}"]),
                html.Div(_branches(inner, path + group), className="branch"),
            ]
        )
        for group, inner in branch.items()
        if group
    ]
    return [*groups, *leaves]


def _count(branch: Mapping[str, Any]) -> int:
    return len(branch.get("", ())) + sum(_count(inner) for group, inner in branch.items() if group)


def family_charts(name: str) -> html.Section:
    """Lay out the choice of a family of metrics, its numbers in a sentence, and its charts in one scale."""
    chosen = basic.field("Family", dbc.Select(id=f"{name}-family", size="sm", placeholder="choose another …"))
    parts = [
        html.Div([html.H2("Families in one scale", className="card-name"), chosen], className="table-tools"),
        html.P(id=f"{name}-family-words", className="lead-in"),
        html.Div(id=f"{name}-family-charts", className="grid multiples"),
    ]
    return html.Section(parts, id=f"{name}-families", className="panel details-metrics", hidden=True)


def register_families(name: str) -> None:
    """Keep the choice of families right, and the charts of the one that is chosen: the first where none is."""

    @live(
        Output(f"{name}-family", "options"),
        Output(f"{name}-families", "hidden"),
        Output(f"{name}-family-words", "children"),
        Output(f"{name}-family-charts", "children"),
        inputs=[Input(f"{name}-family", "value"), State(f"{name}-family", "options")],
        follows=NAMES,
    )
    def offer(state: TrainingState, chosen: str | None, before: list[Any] | None) -> Any:
        """Not at each version, which would cost each page a second request: the words say of which step they are."""
        found = metric_families(state)
        options = [
            {"label": f"{each.name[:40]} ({len(each.members):,})", "value": each.name}
            for each in found.values()
        ]
        family = found.get(chosen or "") or next(iter(found.values()), None)
        words = f"At step {state.current_step:,}: {family_sentence(state, family)}" if family else ""
        cards = [_member(each) for each in family.shown] if family else []
        return no_update if options == before else options, not found, words, cards


def _member(name: str) -> html.Section:
    public = metric(name).public
    return chart_card(
        "family", title(name), public, height=FAMILY_HEIGHT, options=("log",), series=public, takes=TOOLS
    )


def other_metrics(name: str) -> list[Any]:
    """Lay out the search over every other metric, with the charts of those found, and register its callback."""
    return [
        html.Div(
            [
                html.H2("Every other metric", className="card-name"),
                basic.search_box(f"{name}-query", "Words, or /expression/", f"Find a metric: {HELP}"),
                html.Span(id=f"{name}-count", className="caption", title=HELP, **{"aria-live": "polite"}),
                dbc.Pagination(
                    id=f"{name}-page", max_value=1, active_page=1, fully_expanded=False, size="sm"
                ),
            ],
            className="table-tools",
        ),
        html.Div(id=f"{name}-tree", className="tree", role="group", **{"aria-label": "Metrics by path"}),
        html.Div(id=f"{name}-charts", className="grid"),
        dcc.Store(id=f"{name}-shown", data=[]),
        dcc.Store(id=f"{name}-first-shown", data=[each.series for each in places(TrainingState())]),
    ]


def register_other_metrics(name: str) -> None:
    """Keep the found metrics' charts right; only those on this page of the search are made and fetched."""

    @live(
        Output(f"{name}-charts", "children"),
        Output(f"{name}-shown", "data"),
        Output(f"{name}-page", "max_value"),
        Output(f"{name}-count", "children"),
        Output(f"{name}-first", "children"),
        Output(f"{name}-first-shown", "data"),
        inputs=[
            Input(f"{name}-query", "value"),
            Input(f"{name}-page", "active_page"),
            Input(VIEW, "data"),
            State(f"{name}-shown", "data"),
            State(f"{name}-first-shown", "data"),
        ],
        follows=NAMES,
    )
    def find(
        state: TrainingState,
        query: str | None,
        page: int | None,
        view: dict[str, Any] | None,
        shown: list[str],
        first_shown: list[str],
    ) -> tuple[Any, ...]:
        there = places(state)
        at_top = [each.series for each in there]
        top = (no_update, no_update) if at_top == first_shown else (list(map(place_chart, there)), at_top)
        every = _others(state)
        pinned = [each for each in every if metric(each).public in view_from(view).pins]
        problem = ""
        try:
            found = search(str(query or "")[:LONGEST_QUERY], every)
        except BadParameter as error:
            found, problem = [], str(error)
        pages = max(1, -(-len(found) // CHARTS_PER_PAGE))
        first = (min(max(int(page or 1), 1), pages) - 1) * CHARTS_PER_PAGE
        now = pinned + [each for each in found[first : first + CHARTS_PER_PAGE] if each not in pinned]
        count = (
            problem
            if problem
            else f"{len(found):,} of {len(every):,}"
            if query
            else counted(len(every), "metric")
            if every
            else "none but these"
            if state.history.metrics
            else "none logged yet"
        )
        if now == shown:
            return no_update, no_update, pages, count, *top
        return [metric_chart(each) for each in now], now, pages, count, *top

    @live(Output(f"{name}-tree", "children"), inputs=(), follows=NAMES)
    def grow(state: TrainingState) -> list[Any]:
        return tree([each for each in _others(state) if "/" in each or "." in each])


def _others(state: TrainingState) -> list[str]:
    """Names of the metrics that have no chart at the top, sorted."""
    at_top = {each.series for each in places(state)}
    return sorted(each for each in state.history.metrics if each not in at_top)
