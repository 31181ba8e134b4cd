"""The frame around every page: navigation, header, warnings, settings, and the callbacks that keep them right."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

import dash
import dash_bootstrap_components as dbc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from plotly.io.json import to_json_plotly

from thalia_monitor.errors import MonitorError
from thalia_monitor.settings import LONGEST_REFRESH, SHORTEST_REFRESH
from thalia_monitor.web import header, parts, runs, standing
from thalia_monitor.web.live import DRAWING, POLLING, PULSE, RUN, STANDING, TICK, VERSION, running, stores
from thalia_monitor.web.monitor import Monitor, monitor
from thalia_monitor.web.toolbar import toolbar
from thalia_monitor.web.views import VIEW

NOTIFY: Final = "notify"
LOCATION: Final = "location"
HEADER: Final = "frame-header"
WARNINGS: Final = "frame-warnings"
NOTICE: Final = "frame-notice"
TOTALS: Final = "frame-totals"
CONTENT: Final = "frame-content"
PAGE: Final = "page"
DETAILS: Final = {"metrics": "Detailed metrics", "growth": "Growth details", "sleep": "Consolidation details"}


def shell(app: Dash, watch: Monitor) -> html.Div:
    """Lay out the frame; Dash puts the page on screen into its container."""
    return html.Div(
        [
            dcc.Location(id=LOCATION, refresh="callback-nav"),
            *stores(watch.settings.refresh_seconds),
            dcc.Store(id=VIEW),
            html.A("Skip to the page", href="#page", className="skip"),
            _navigation(app, watch),
            runs.picker(),
            dbc.Collapse(_settings(app, watch), id="settings-panel", is_open=False),
            html.Div(id="connection", className="notice notice-critical slim", hidden=True, role="status"),
            html.Main(
                [
                    html.H1("Thalia training monitor", className="visually-hidden"),
                    html.Div(id=HEADER, className="run-header panel"),
                    html.Div(id=WARNINGS),
                    html.Div(id=NOTICE, role="status", **{"aria-live": "polite"}),
                    toolbar(watch.settings.view),
                    html.Div(dash.page_container, id=PAGE),
                    html.Div(id=TOTALS, className="facts panel totals"),
                ],
                id=CONTENT,
                className="content",
            ),
        ],
        id="frame",
    )


def _navigation(app: Dash, watch: Monitor) -> html.Nav:
    pages = [
        page
        for page in dash.page_registry.values()
        if page["order"] is not None and (page["path"] != "/compare" or watch.library.several)
    ]
    links = [
        dbc.NavLink(
            page["name"],
            href=app.get_relative_path(page["path"]),
            active="exact",
            class_name="on-wall" if page.get("wall", True) else "",
        )
        for page in sorted(pages, key=lambda each: each["order"] or 0)
    ]
    return html.Nav(
        [
            html.Span("thalia", className="brand"),
            dbc.Nav(links, className="links"),
            runs.button(watch),
            html.Span(id=standing.BADGE, className="badge-standing", role="status"),
            html.Div(
                [
                    html.Button(
                        "◐", id="theme-switch", className="tool", title="Light or dark", type="button"
                    ),
                    html.Button(
                        "⚙",
                        id="settings-open",
                        className="tool",
                        title="Settings",
                        type="button",
                        **{
                            "aria-label": "Settings",
                            "aria-controls": "settings-panel",
                            "aria-expanded": "false",
                        },
                    ),
                ],
                className="tools",
            ),
        ],
        className="navigation",
        **{"aria-label": "Sections"},
    )


def _settings(app: Dash, watch: Monitor) -> html.Section:
    return html.Section(
        [
            runs.directory(watch),
            html.Div(
                [
                    dbc.Switch(id="auto-refresh", label="Refresh by itself", value=True, **_KEPT),
                    dbc.Switch(id=NOTIFY, label="Desktop note of what gets critical", value=False, **_KEPT),
                    html.Small(id="notify-advice", className="fact-detail", role="status"),
                    html.Label("Every … seconds", htmlFor="refresh-seconds", className="form-label"),
                    dbc.Input(
                        id="refresh-seconds",
                        type="number",
                        min=SHORTEST_REFRESH,
                        max=LONGEST_REFRESH,
                        step=1,
                        value=watch.settings.refresh_seconds,
                        size="sm",
                        **_KEPT,
                    ),
                ],
                className="setting",
            ),
            html.Fieldset(
                [
                    html.Legend("Show", className="form-label"),
                    *(
                        dbc.Switch(id=f"show-{key}", label=words, value=True, **_KEPT)
                        for key, words in DETAILS.items()
                    ),
                ],
                className="setting",
            ),
            html.Div(
                [
                    dbc.Button("Refresh now", id="refresh-now", color="primary", size="sm"),
                    html.P(dcc.Link("How the server is doing", href=app.get_relative_path("/status"))),
                ],
                className="setting",
            ),
        ],
        className="settings panel",
        **{"aria-label": "Settings"},
    )


_KEPT: Final[dict[str, Any]] = {"persistence": True, "persistence_type": "local"}


def register(app: Dash) -> None:
    """Give the app the callbacks of the frame."""
    _register_poll(app)
    runs.register(app)
    browser = {
        "pulse": (
            Output(PULSE, "data"),
            [Input(TICK, "n_intervals"), Input("refresh-now", "n_clicks"), Input(RUN, "data")],
            [
                State("auto-refresh", "value"),
                State(POLLING, "data"),
                State(DRAWING, "data"),
                State(NOTIFY, "value"),
            ],
        ),
        "interval": (Output(TICK, "interval"), [Input("refresh-seconds", "value")], []),
        "details": (
            Output("frame", "className"),
            [Input(f"show-{key}", "value") for key in DETAILS],
            [],
        ),
        "toggle": (
            Output("settings-panel", "is_open"),
            [Input("settings-open", "n_clicks")],
            [State("settings-panel", "is_open")],
        ),
        "expanded": (Output("settings-open", "aria-expanded"), [Input("settings-panel", "is_open")], []),
        "theme": (Output("theme-switch", "aria-label"), [Input("theme-switch", "n_clicks")], []),
    }
    for name, (output, inputs, states) in browser.items():
        app.clientside_callback(ClientsideFunction("thalia", name), output, *inputs, *states)
    app.clientside_callback(
        ClientsideFunction("attention", "tell"),
        Output(standing.BADGE, "title"),
        Input(STANDING, "data"),
        State(NOTIFY, "value"),
    )
    app.clientside_callback(
        ClientsideFunction("attention", "allow"), Output("notify-advice", "children"), Input(NOTIFY, "value")
    )
    app.clientside_callback(
        ClientsideFunction("view", "change"),
        Output(VIEW, "data"),
        Input("view-x", "value"),
        Input("view-smooth", "value"),
        Input("view-events", "value"),
        Input("view-follow", "n_clicks"),
        Input({"type": "chart", "kind": ALL, "name": ALL}, "relayoutData"),
        Input({"type": "chart-option", "option": ALL, "name": ALL}, "n_clicks"),
        Input(LOCATION, "pathname"),
        State("view-default", "data"),
        State(VIEW, "data"),
    )


def _register_poll(app: Dash) -> None:
    @app.callback(
        Output(VERSION, "data"),
        Output(HEADER, "children"),
        Output(WARNINGS, "children"),
        Output(TOTALS, "children"),
        Output(NOTICE, "children"),
        Output(STANDING, "data"),
        Output(standing.BADGE, "children"),
        Output(PAGE, "hidden"),
        Input(PULSE, "data"),
        State(RUN, "data"),
        State(VERSION, "data"),
        State(NOTICE, "children"),
        State(STANDING, "data"),
        running=running(POLLING),
    )
    def poll(
        _: Any, run: str | None, known: dict[str, str] | None, shown: Any, stood: Any
    ) -> tuple[Any, ...]:
        before = (
            known["run"] if known else None
        )  # what is shown by default stays, even if another is newer now
        run = run or before
        try:
            run = monitor().library.entry(run).id
            state = monitor().shown(run)
        except MonitorError as error:
            trouble = _trouble(str(error), shown, kept=run == before)
            stands = standing.changed(None, run, stood)
            if run == before:
                return *(no_update,) * 4, trouble, *stands, no_update
            return (
                {"run": run, "version": ""},
                None,
                None,
                None,
                trouble,
                *stands,
                True,
            )  # nothing of another run
        stands = standing.changed(standing.summary_of(monitor(), run, state), run, stood)
        version = {"run": run, "version": state.version}
        if version == known and not _troubled(shown):
            return *(no_update,) * 5, *stands, no_update
        return (
            version if version != known else no_update,
            header.header(state),
            parts.warnings(state.warnings) if state.checkpoints else None,
            header.totals(state),
            _changed(
                [
                    each
                    for each in (parts.problems(state.problems, state.total_problems), header.missing(state))
                    if each
                ],
                shown,
            ),
            *stands,
            False,
        )


def _changed(notices: list[Any], shown: Any) -> Any:
    """What is shown already is not sent again: a screen reader would announce it once more."""
    return no_update if json.loads(to_json_plotly(notices)) == (shown or []) else notices


def _trouble(words: str, shown: Any, *, kept: bool) -> Any:
    """A notice that the run cannot be read, and since when; the same trouble stays as it is."""
    if _troubled(shown) and words in str(shown):
        return no_update
    since = f"since {datetime.now(UTC):%H:%M:%S} UTC" + (
        "; what was read before stays on screen" if kept else ""
    )
    return [parts.notice("critical", words, html.Span(f" ({since})"))]


def _troubled(shown: Any) -> bool:
    return "notice-critical" in str(shown)
