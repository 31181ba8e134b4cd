"""The frame around every page: navigation, header, warnings, settings, and the callbacks that keep them right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash
import dash_bootstrap_components as dbc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, dcc, html

from thalia_monitor.settings import LONGEST_REFRESH, SHORTEST_REFRESH
from thalia_monitor.web.components import run_picker
from thalia_monitor.web.components import toolbar as regions
from thalia_monitor.web.components.toolbar import toolbar
from thalia_monitor.web.live.ids import (
    BADGE,
    HEADER,
    NOTICE,
    PAGE,
    PULSE,
    RUN,
    STANDING,
    TICK,
    TOTALS,
    VERSION,
    VIEW,
    WARNINGS,
)
from thalia_monitor.web.live.panels import stores

if TYPE_CHECKING:
    from thalia_monitor.web.context import Monitor

NOTIFY: Final = "notify"
REFRESH_LABEL: Final = f"Refresh every ({SHORTEST_REFRESH:g}-{LONGEST_REFRESH:g} s)"
LOCATION: Final = "location"
REPORT: Final = "report-link"
CONTENT: Final = "frame-content"
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
            run_picker.picker(),
            dbc.Collapse(_settings(app, watch), id="settings-panel", is_open=False, class_name="over-page"),
            html.Div(id="connection", className="notice notice-critical slim", hidden=True, role="status"),
            html.Main(
                [
                    html.H1("Thalia training monitor", className="visually-hidden"),
                    html.Div(id=HEADER, className="run-header panel"),
                    html.Div(id=WARNINGS),
                    html.Div(id=NOTICE, role="status", **{"aria-live": "polite", "data-digest": ""}),
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
    shown = {"/compare": watch.library.several, "/control": watch.settings.control}
    pages = [
        page
        for page in dash.page_registry.values()
        if page["order"] is not None and shown.get(page["path"], True)
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
            run_picker.button(watch),
            html.Span(id=BADGE, className="badge-standing", role="status"),
            html.Span(id="push", className="push"),
            html.Div(
                [
                    html.Button(
                        "↗",
                        id="copy-link",
                        className="tool",
                        title="Copy link",
                        type="button",
                        **{"aria-label": "Copy link"},
                    ),
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
            run_picker.directory(watch),
            html.Div(
                [
                    dbc.Switch(id="auto-refresh", label="Auto-refresh", value=True, **_KEPT),
                    dbc.Switch(id=NOTIFY, label="Notify me on critical", value=False, **_KEPT),
                    html.Small(id="notify-advice", className="fact-detail", role="status"),
                    html.Label(REFRESH_LABEL, htmlFor="refresh-seconds", className="form-label"),
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
                    html.Small(id="refresh-advice", className="field-refused", role="status"),
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
            regions.named_views(),
            regions.palette(),
            html.Div(
                [
                    dbc.Button("Refresh now", id="refresh-now", color="primary", size="sm"),
                    html.P(
                        html.A(
                            "Report as a file",
                            id=REPORT,
                            download="",
                            title="One HTML file on this run, or on the runs compared, that needs no network",
                            **{"data-address": app.get_relative_path("/report/")},
                        )
                    ),
                    html.P(dcc.Link("Server status", href=app.get_relative_path("/status"))),
                ],
                className="setting",
            ),
        ],
        className="settings panel",
        tabIndex=-1,
        **{"aria-label": "Settings"},
    )


_KEPT: Final[dict[str, Any]] = {"persistence": True, "persistence_type": "local"}


def register(app: Dash) -> None:
    """Give the app the callbacks of the frame."""
    run_picker.register(app)
    regions.register_views(app, Input("settings-panel", "is_open"))
    browser = {
        ("live", "pulse"): (
            Output(PULSE, "data"),
            [Input(TICK, "n_intervals"), Input("refresh-now", "n_clicks"), Input(RUN, "data")],
            [
                State("auto-refresh", "value"),
                State(NOTIFY, "value"),
            ],
        ),
        ("live", "interval"): (Output(TICK, "interval"), [Input("refresh-seconds", "value")], []),
        ("settings", "details"): (
            Output("frame", "className"),
            [Input(f"show-{key}", "value") for key in DETAILS],
            [],
        ),
        ("popovers", "toggle"): (
            Output("settings-panel", "is_open"),
            [Input("settings-open", "n_clicks")],
            [State("settings-panel", "is_open")],
        ),
        ("popovers", "expanded"): (
            Output("settings-open", "aria-expanded"),
            [Input("settings-panel", "is_open")],
            [],
        ),
        ("settings", "report"): (Output(REPORT, "href"), [Input(VERSION, "data")], []),
        ("settings", "theme"): (
            Output("theme-switch", "aria-label"),
            [Input("theme-switch", "n_clicks")],
            [],
        ),
    }
    for function, (output, inputs, states) in browser.items():
        app.clientside_callback(ClientsideFunction(*function), output, *inputs, *states)
    app.clientside_callback(
        ClientsideFunction("push", "follow"),
        Input(VERSION, "data"),
        Input("auto-refresh", "value"),
        Input(TICK, "interval"),
    )
    app.clientside_callback(
        ClientsideFunction("notifications", "update"),
        Output(BADGE, "title"),
        Input(STANDING, "data"),
        State(NOTIFY, "value"),
    )
    app.clientside_callback(
        ClientsideFunction("notifications", "allow"),
        Output("notify-advice", "children"),
        Input(NOTIFY, "value"),
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
