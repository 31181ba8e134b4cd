"""Choosing a run: the picker that every page has, the run in the address, and a directory typed by the operator.

The browser keeps the choice (``assets/run_picker.js``): in a store, and as ``?run=`` in the address of every page.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, Final

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from thalia_monitor.analysis import report
from thalia_monitor.analysis.clocks import listed_update
from thalia_monitor.analysis.formatting import NONE, number
from thalia_monitor.analysis.liveness import Status, listed_status
from thalia_monitor.errors import MonitorError
from thalia_monitor.figures.metrics import Course
from thalia_monitor.name_patterns import has_words
from thalia_monitor.stages import stage_name
from thalia_monitor.web.components import basic
from thalia_monitor.web.components.compare import comparison_query
from thalia_monitor.web.context import Monitor, monitor
from thalia_monitor.web.live.client_state import parse_version
from thalia_monitor.web.live.ids import OTHERS, PULSE, RUN, STANDING, VERSION

if TYPE_CHECKING:
    from thalia_monitor.reading.library import Entry, Library
    from thalia_monitor.reading.listing import Summary

ROWS: Final = 25
COLUMNS: Final = {"run": "Run", "stage": "Stage", "step": "Step", "update": "Last update", "loss": "Loss"}
SORTED: Final = ("run", "stage", "step", "update")
"""Columns that the list can be sorted by."""
RECENT: Final = 3600.0
"""Seconds since its last change in which a run may be live: longer ago, its status does not move it in the list."""
MOST_RECENT: Final = 200
LOSSES: Final = 24
"""Values of the loss in a row's trend."""
RANKS: Final = (Status.LIVE, Status.QUIET)
"""Statuses that come first in the list."""
LOCATION: Final = "location"
PANEL, BUTTON, QUERY, PAGE, COUNT, LIST, NOTES, ASKED, OPENED, SORT = (
    f"runs-{part}"
    for part in ("panel", "open", "query", "page", "count", "list", "notes", "asked", "opened", "sort")
)


def button(watch: Monitor) -> html.Button:
    """What opens the picker and names the run on screen; hidden where there is nothing to choose."""
    return html.Button(
        "Runs",
        id=BUTTON,
        type="button",
        className="run-button",
        hidden=not watch.library.several,
        title="Choose a run",
        **{"aria-controls": PANEL, "aria-expanded": "false"},
    )


def picker() -> dbc.Collapse:
    """The list of all runs, searched and paged on the server, and looked at only while it is open."""
    return dbc.Collapse(
        html.Section(
            [
                html.Div(
                    [
                        basic.search_box(QUERY, "Find a run …", "Find a run by its name or directory"),
                        html.Span(id=COUNT, className="caption", **{"aria-live": "polite"}),
                        dbc.Pagination(id=PAGE, max_value=1, active_page=1, fully_expanded=False, size="sm"),
                    ],
                    className="table-tools",
                ),
                html.Div(
                    id=LIST,
                    className="table-scroll",
                    tabIndex=0,
                    role="region",
                    **{"aria-label": "The runs found"},
                ),
                html.Div(id=NOTES),
                dcc.Store(id=SORT),
            ],
            className="panel runs",
            tabIndex=-1,
            **{"aria-label": "Runs", "data-every-tick": ""},  # a new run is no news of the one on screen
        ),
        id=PANEL,
        is_open=False,
        class_name="over-page",
    )


def directory(watch: Monitor) -> html.Div:
    """The field for a directory; it works for the operator at this machine only."""
    allowed = watch.settings.loopback and not watch.settings.root
    advice = (
        "A directory on this machine; it is opened read-only."
        if allowed
        else "Fixed by whoever started this server."
    )
    kept = {"persistence": True, "persistence_type": "local"}
    return html.Div(
        [
            html.Label("Checkpoint directory", htmlFor="directory", className="form-label"),
            dbc.InputGroup(
                [
                    dbc.Input(id="directory", disabled=not allowed, size="sm", **kept),
                    dbc.Button("Open", id="directory-open", disabled=not allowed, size="sm"),
                ]
            ),
            html.Small(advice, id="directory-advice", className="fact-detail"),
        ],
        className="setting wide",
    )


def register(app: Dash) -> None:
    """Give the app the callbacks of the picker and of the directory field."""
    _register_in_browser(app)
    _register_list(app)
    _register_others(app)
    _register_directory(app)


def _register_in_browser(app: Dash) -> None:
    callbacks: dict[str, tuple[Output, list[Input], list[State]]] = {
        "choose": (
            Output(RUN, "data"),
            [Input(LOCATION, "search"), Input(OPENED, "data")],
            [State(RUN, "data")],
        ),
        "address": (
            Output(BUTTON, "data-run"),
            [Input(LOCATION, "pathname"), Input(RUN, "data"), Input(VERSION, "data")],
            [State(BUTTON, "hidden")],
        ),
        "label": (Output(BUTTON, "children"), [Input(STANDING, "data")], []),
        "query": (
            Output(ASKED, "data"),
            [
                Input(PANEL, "is_open"),
                Input(QUERY, "value"),
                Input(PAGE, "active_page"),
                Input(PULSE, "data"),
                Input(SORT, "data"),
            ],
            [],
        ),
    }
    for name, (output, inputs, states) in callbacks.items():
        app.clientside_callback(ClientsideFunction("runs", name), output, *inputs, *states)
    app.clientside_callback(
        ClientsideFunction("popovers", "toggle"),
        Output(PANEL, "is_open"),
        Input(BUTTON, "n_clicks"),
        State(PANEL, "is_open"),
    )
    app.clientside_callback(
        ClientsideFunction("popovers", "expanded"), Output(BUTTON, "aria-expanded"), Input(PANEL, "is_open")
    )


def _register_others(app: Dash) -> None:
    """Follow the runs beside the one on screen, while a page shows several."""
    app.clientside_callback(
        ClientsideFunction("compare", "query"),
        Output("compare-asked", "data"),
        Input(PULSE, "data"),
        Input(LOCATION, "pathname"),
    )

    @app.callback(
        Output(OTHERS, "data"),
        Input("compare-asked", "data"),
        State(RUN, "data"),
        State(OTHERS, "data"),
        prevent_initial_call=True,
    )
    def follow(asked: dict[str, Any], run: str | None, known: str | None) -> Any:
        watch = monitor()
        now = comparison_query.version(
            watch, comparison_query.choice_from(asked.get("chosen"), watch.library, run).runs
        )
        return no_update if now == known else now


def _register_list(app: Dash) -> None:
    @app.callback(
        Output(LIST, "children"),
        Output(COUNT, "children"),
        Output(PAGE, "max_value"),
        Output(NOTES, "children"),
        Input(ASKED, "data"),
        State(VERSION, "data"),
        prevent_initial_call=True,
    )
    def fill(asked: dict[str, Any], version: Any) -> tuple[Any, ...]:
        library = monitor().library
        every = library.entries()
        order = str(asked.get("sort") or "")
        found = arrange(search(every, str(asked.get("query") or "")), order, library, time())
        pages = max(1, -(-len(found) // ROWS))
        page = asked.get("page")
        first = (min(max(page if isinstance(page, int) else 1, 1), pages) - 1) * ROWS
        known = parse_version(version)
        rows = _rows(found[first : first + ROWS], known["run"] if known else None)
        count = (
            f"{len(found):,} of {len(every):,} runs" if len(found) < len(every) else f"{len(every):,} runs"
        )
        notes = [basic.notice("warning", note) for note in library.notes]
        return table(rows, order), count, pages, notes


def search(entries: list[Entry], query: str) -> list[Entry]:
    """Those runs whose name or directory has every word of the query, whatever its case."""
    return [each for each in entries if has_words(f"{each.name} {each.place}", query)]


def arrange(entries: list[Entry], order: str, library: Library, now: float) -> list[Entry]:
    """Runs in the order of a column (``-step``: largest first); without one live first, and then the newest."""
    column, descending = order.removeprefix("-"), order.startswith("-")
    if column == "run":
        return sorted(entries, key=lambda each: (each.name.lower(), each.place), reverse=descending)
    if column not in SORTED:
        recent = [each for each in entries if not each.gone and now - each.changed < RECENT][:MOST_RECENT]
        summaries = dict(zip((each.id for each in recent), library.known_summaries(recent), strict=True))
        return sorted(entries, key=lambda each: _rank(summaries.get(each.id), now))
    values = {
        each.id: _value(summary, column, now)
        for each, summary in zip(entries, library.known_summaries(entries), strict=True)
    }
    with_value = [each for each in entries if values[each.id] is not None]
    without = [each for each in entries if values[each.id] is None]
    return sorted(with_value, key=lambda each: values[each.id] or 0.0, reverse=descending) + without


def _rank(summary: Summary | str | None, now: float) -> int:
    status = Status.UNKNOWN if summary is None or isinstance(summary, str) else listed_status(summary, now)
    return RANKS.index(status) if status in RANKS else len(RANKS)


def _value(summary: Summary | str, column: str, now: float) -> float | None:
    if isinstance(summary, str):
        return None
    return {"stage": summary.stage, "step": summary.step, "update": listed_update(summary, now)}[column]


def offer() -> html.Section | None:
    """The runs to choose from instead of one that does not exist: as many as the list shows at once; None if none."""
    library = monitor().library
    every = library.entries()
    if not every:
        return None
    rows = _rows(arrange(every, "", library, time())[:ROWS], None)
    beyond = (
        html.P(f"and {len(every) - ROWS:,} more: find them in the list of runs.")
        if len(every) > ROWS
        else None
    )
    return html.Section(
        [html.H2("Runs", className="card-name"), html.Div(table(rows), className="table-scroll"), beyond],
        className="panel runs",
    )


def _rows(shown: list[Entry], now: str | None) -> list[html.Tr]:
    summaries = monitor().library.summaries([each.id for each in shown])
    return [_row(each, summary, now) for each, summary in zip(shown, summaries, strict=True)]


def table(rows: list[html.Tr], order: str = "") -> Any:
    """The runs on this page of the list."""
    if not rows:
        return basic.empty("No run is called that", "Search for a part of its name or of its directory.")
    head = html.Tr([_heading(column, words, order) for column, words in COLUMNS.items()])
    return html.Table([html.Thead(head), html.Tbody(rows)], className="event-table run-list")


def _heading(column: str, words: str, order: str) -> html.Th:
    """A heading that sorts by its column: numbers and times largest first at the first click."""
    kind = "number" if column == "step" else ""
    if column not in SORTED:
        return html.Th(words, scope="col", className=kind)
    first, second = (column, f"-{column}") if column == "run" else (f"-{column}", column)
    sorted_as = {column: "ascending", f"-{column}": "descending"}.get(order, "none")
    button = html.Button(
        words, className="sort", type="button", **{"data-sort": second if order == first else first}
    )
    return html.Th(button, scope="col", className=kind, **{"aria-sort": sorted_as})


def _row(entry: Entry, summary: Summary | str, now: str | None) -> html.Tr:
    current = {"aria-current": "true"} if entry.id == now else {}
    name = html.A(entry.name[:120], href=f"?run={entry.id}", className="log-text", **{"data-run": entry.id})
    where = html.Div(entry.place[:300], className="fact-detail log-text in-full")
    if isinstance(summary, str):
        words = html.Td(summary[:300], colSpan=4, className="missing log-text", **{"data-label": ""})
        return html.Tr([html.Td([name, where], dir="auto", **{"data-label": ""}), words], **current)
    moment = time()
    cells = [
        html.Td([_dot(listed_status(summary, moment)), name, where], dir="auto", **{"data-label": ""}),
        html.Td(_stage(summary), **{"data-label": "Stage"}),
        html.Td(
            NONE if summary.step is None else f"{summary.step:,}",
            className="number",
            **{"data-label": "Step"},
        ),
        html.Td(basic.age(listed_update(summary, moment)), **{"data-label": ""}),
        html.Td(_losses(summary), **{"data-label": ""}),
    ]
    return html.Tr(cells, **current)


def _dot(status: Status) -> html.Span:
    """The run's status as a symbol; its name for those who do not see it, or point at it."""
    name = report.STATUS_WORDS[status]
    return html.Span(
        report.STATUS_ICONS[status],
        className=f"run-dot standing-{report.STATUS_KINDS[status]}",
        role="img",
        title=name,
        **{"aria-label": name},
    )


def _losses(summary: Summary) -> Any:
    """The last losses as a trend, and the newest in figures."""
    if not summary.losses:
        return NONE
    return [basic.sparkline(Course(list(summary.losses[-LOSSES:]))), html.Span(number(summary.losses[-1]))]


def _stage(summary: Summary) -> Any:
    if summary.stage is None:
        return NONE
    name = stage_name(summary.stage, monitor().settings.stage_scheme)
    return [f"{summary.stage}", html.Span(f" · {name}", className="in-full")]


def _register_directory(app: Dash) -> None:
    @app.callback(
        Output(OPENED, "data"),
        Output("directory-advice", "children"),
        Input("directory-open", "n_clicks"),
        Input("directory", "n_submit"),
        State("directory", "value"),
        prevent_initial_call=True,
    )
    def open_directory(_: Any, __: Any, typed: str | None) -> tuple[Any, Any]:
        if not typed:
            return no_update, no_update
        try:
            return monitor().add_directory(str(typed)), "Opened."
        except MonitorError as error:
            return no_update, str(error)

    @app.callback(
        Output("directory", "value"),
        Input("settings-panel", "is_open"),
        State(VERSION, "data"),
        State("directory", "value"),
        prevent_initial_call=True,
    )
    def name_directory(_: bool, version: Any, typed: str | None) -> Any:
        known = parse_version(version)
        if typed or known is None:
            return no_update
        try:
            return monitor().library.entry(known["run"]).place
        except MonitorError:
            return no_update
