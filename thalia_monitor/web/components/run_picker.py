"""Choosing a run: the picker that every page has, the run in the address, and a directory typed by the operator.

The browser keeps the choice (``assets/run_picker.js``): in a store, and as ``?run=`` in the address of every page.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, Final

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from thalia_monitor.analysis.formatting import NONE
from thalia_monitor.analysis.liveness import listed_update
from thalia_monitor.errors import MonitorError
from thalia_monitor.stages import stage_name
from thalia_monitor.web.components import basic, comparison_query
from thalia_monitor.web.context import Monitor, monitor
from thalia_monitor.web.live.client_state import parse_version
from thalia_monitor.web.live.ids import OTHERS, PULSE, RUN, STANDING, VERSION

if TYPE_CHECKING:
    from thalia_monitor.reading.library import Entry
    from thalia_monitor.reading.listing import Summary

ROWS: Final = 25
LOCATION: Final = "location"
PANEL, BUTTON, QUERY, PAGE, COUNT, LIST, NOTES, ASKED, OPENED = (
    f"runs-{part}" for part in ("panel", "open", "query", "page", "count", "list", "notes", "asked", "opened")
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
            ],
            className="panel runs",
            tabIndex=-1,
            **{"aria-label": "Runs"},
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
            watch, comparison_query.choice_from(asked.get("chosen"), watch.library, run)
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
        found = search(every, str(asked.get("query") or ""))
        pages = max(1, -(-len(found) // ROWS))
        number = asked.get("page")
        first = (min(max(number if isinstance(number, int) else 1, 1), pages) - 1) * ROWS
        shown = found[first : first + ROWS]
        summaries = library.summaries([each.id for each in shown])
        known = parse_version(version)
        now = known["run"] if known else None
        rows = [_row(each, summary, now) for each, summary in zip(shown, summaries, strict=True)]
        count = (
            f"{len(found):,} of {len(every):,} runs" if len(found) < len(every) else f"{len(every):,} runs"
        )
        notes = [basic.notice("warning", note) for note in library.notes]
        return table(rows), count, pages, notes


def search(entries: list[Entry], query: str) -> list[Entry]:
    """Those runs whose name or directory has every word of the query, whatever its case."""
    words = query.lower().split()
    return [each for each in entries if all(word in f"{each.name} {each.place}".lower() for word in words)]


def table(rows: list[html.Tr]) -> Any:
    """The runs on this page of the list."""
    if not rows:
        return basic.empty("No run is called that", "Search for a part of its name or of its directory.")
    names = (("Run", ""), ("Stage", ""), ("Step", "number"), ("Last update", ""))
    head = html.Tr([html.Th(words, scope="col", className=kind) for words, kind in names])
    return html.Table([html.Thead(head), html.Tbody(rows)], className="event-table")


def _row(entry: Entry, summary: Summary | str, now: str | None) -> html.Tr:
    current = {"aria-current": "true"} if entry.id == now else {}
    name = html.A(entry.name[:120], href=f"?run={entry.id}", className="log-text", **{"data-run": entry.id})
    where = html.Div(entry.place[:300], className="fact-detail log-text in-full")
    cells = [html.Td([name, where], dir="auto")]
    if isinstance(summary, str):
        cells.append(html.Td(summary[:300], colSpan=3, className="missing log-text"))
    else:
        cells += [
            html.Td(_stage(summary)),
            html.Td(NONE if summary.step is None else f"{summary.step:,}", className="number"),
            html.Td(basic.age(listed_update(summary, time()))),
        ]
    return html.Tr(cells, **current)


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
            return monitor().open(str(typed)), "Opened."
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
