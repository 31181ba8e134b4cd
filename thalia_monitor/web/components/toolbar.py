"""The toolbar of the charts (x axis, smoothing, events, following) and the regions as buttons that hide them.

The browser keeps the view (``assets/view.js``) and writes it into the address in short readable keys, so that a
link shows the same view on another machine: ``x``, ``smooth``, ``from``, ``to``, ``log``, ``clip``,
``percent``, ``events``, ``hide``, ``pin``. ``--view`` takes them too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html
from dash.exceptions import PreventUpdate

from thalia_monitor.analysis.series.smoothing import FORMULA
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.errors import NotKept, SettingsError
from thalia_monitor.figures.chart import TOTAL, X_TITLES
from thalia_monitor.figures.marks import GLYPHS, LOOKS
from thalia_monitor.figures.theme import REGIONS, SECOND, region_style, stroke_mask
from thalia_monitor.kept import Views, state_folder
from thalia_monitor.web.components.basic import toggle
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live.ids import RUN
from thalia_monitor.web.server.auth import who_writes

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState


def names(state: TrainingState) -> list[str]:
    """Every region that a metric line names, in the order of first appearance, after their total."""
    regions = list(dict.fromkeys([*state.history.neurons, *state.history.capacity]))
    return [TOTAL, *(each for each in regions if each != TOTAL)] if len(regions) > 1 else regions


def buttons(regions: list[str]) -> list[Any]:
    """One button per region; on the wall, where nothing can be clicked, its name."""
    named = [html.Span([_swatch(region), region[:24]], className="named", dir="auto") for region in regions]
    return named + [
        toggle(
            "hide",
            region,
            [_swatch(region), html.Span(region[:24], dir="auto")],
            "Hide the total of the regions" if region == TOTAL else f"Hide {region[:60]} on every chart",
        )
        for region in regions
    ]


def palette() -> html.Fieldset:
    """The colours of Thalia's own regions, and what they can be relied on for."""
    return html.Fieldset(
        [
            html.Legend("Colours", className="form-label"),
            html.Div(
                [html.Span([_swatch(region), region]) for region in REGIONS], className="fact-detail palette"
            ),
            html.Small(
                "The same on every page, distinguished with any common colour blindness.",
                className="fact-detail",
            ),
        ],
        className="setting",
    )


def _swatch(region: str) -> html.I:
    look = {"color": SECOND, "dash": "solid"} if region == TOTAL else region_style(region)
    style = {"backgroundColor": look["color"], "maskImage": stroke_mask(look["dash"])}
    return html.I(className="swatch", style=style)


VIEW_NAME, SAVE_VIEW, VIEW_ASKED, VIEW_LIST, VIEW_ANSWER = (
    f"view-{part}" for part in ("name", "save", "asked", "list", "answer")
)


def named_views() -> html.Fieldset:
    """The views that have a name, as links, and a field to keep the one on screen under a name."""
    name = dbc.Input(
        id=VIEW_NAME,
        type="text",
        maxlength=40,
        size="sm",
        autocomplete="off",
        placeholder="Name of this view",
    )
    return html.Fieldset(
        [
            html.Legend("Views", className="form-label"),
            html.Label([html.Span("Name of this view", className="visually-hidden"), name]),
            dbc.Button("Save view", id=SAVE_VIEW, color="secondary", outline=True, size="sm"),
            html.Div(id=VIEW_ANSWER, role="status", className="fact-detail"),
            html.Ul(id=VIEW_LIST, className="plain-list view-list"),
            dcc.Store(id=VIEW_ASKED),
        ],
        className="setting",
    )


def register_views(app: Dash, opened: Input) -> None:
    """Give the app the callbacks of the named views; they are listed when the settings are ``opened``."""
    app.clientside_callback(
        ClientsideFunction("view", "save"),
        Output(VIEW_ASKED, "data"),
        Input(SAVE_VIEW, "n_clicks"),
        State(VIEW_NAME, "value"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(VIEW_LIST, "children"),
        Output(VIEW_ANSWER, "children"),
        opened,
        Input(VIEW_ASKED, "data"),
        State(RUN, "data"),
        prevent_initial_call=True,
    )
    def views(is_open: Any, asked: Any, run: Any) -> Any:
        saves = f"{VIEW_ASKED}.data" in ctx.triggered_prop_ids
        if not (is_open or saves):
            raise PreventUpdate
        kept = Views(state_folder(monitor().settings))
        answer = _saved(kept, asked) if saves else ""
        return [_view(kept, each, run) for each in kept.names()], answer


def _saved(kept: Views, asked: Any) -> str:
    who_writes(monitor().settings)
    given = asked if isinstance(asked, dict) else {}
    try:
        kept.save(str(given.get("name") or ""), str(given.get("query") or ""))
    except NotKept as error:
        return str(error)
    return "Saved."


def _view(kept: Views, name: str, run: Any) -> html.Li:
    try:
        query = kept.query(name)
    except SettingsError:  # somebody has broken the file
        return html.Li(f"{name} (cannot be read)")
    own = urlencode({"run": run}, errors="replace") if isinstance(run, str) else ""
    return html.Li(html.A(name, href=f"?{'&'.join(filter(None, (own, query)))}"))


EVENTS: Final = {
    MarkerKind.GROWTH: "growth",
    MarkerKind.NREM: "NREM",
    MarkerKind.REM: "REM",
    MarkerKind.SLEEP: "other sleep",
    MarkerKind.STAGE: "stages",
    MarkerKind.MILESTONE: "milestones",
    MarkerKind.WARNING: "warnings",
    MarkerKind.RESUME: "resumes",
    MarkerKind.CONTROL: "changes by hand",
    MarkerKind.NOTE: "notes",
    MarkerKind.OTHER: "other",
}
USUAL: Final = "events=growth,stage,milestone,resume,control,note"
"""The view of somebody who has chosen nothing."""
X_LABELS: Final = {"step": "step", "wall": "wall clock", "elapsed": "since start"}
assert set(X_LABELS) == set(X_TITLES)


def _key(kind: MarkerKind) -> list[Any]:
    """A kind of event with the symbol it has on the charts."""
    glyph = html.Span(
        GLYPHS[kind], style={"color": LOOKS[kind][1]}, className="glyph", **{"aria-hidden": "true"}
    )
    return [glyph, EVENTS[kind]]


def toolbar(default: str) -> html.Div:
    """Lay out the tools; ``default`` is the view to start with, written like a query."""
    return html.Div(
        [
            html.Fieldset(
                [
                    html.Legend("x axis", className="tool-label"),
                    dbc.RadioItems(
                        id="view-x",
                        options=[{"label": words, "value": key} for key, words in X_LABELS.items()],
                        value="step",
                        inline=True,
                    ),
                ],
                className="tool-group",
            ),
            html.Div(
                [
                    html.Label("Smoothing", htmlFor="view-smooth", className="tool-label"),
                    dbc.Input(
                        id="view-smooth",
                        type="range",
                        min=0,
                        max=0.99,
                        step=0.01,
                        value=0,
                        class_name="slim-range",
                    ),
                    html.Output("off", id="view-smooth-words", className="tool-words"),
                ],
                className="tool-group tool-smooth",
                title=FORMULA,
            ),
            html.Details(
                [
                    html.Summary("Events", className="tool-label"),
                    dbc.Checklist(
                        id="view-events",
                        options=[{"label": _key(kind), "value": str(kind)} for kind in EVENTS],
                        value=[],
                    ),
                ],
                className="tool-group tool-menu tool-events",
            ),
            html.Div(
                [html.Span(_key(kind), hidden=True, **{"data-kind": str(kind)}) for kind in EVENTS],
                className="tool-group tool-events event-legend",
                role="group",
                **{"aria-label": "Events on the charts"},
            ),
            html.Div(
                [
                    html.Span("Following the run", id="view-words", className="tool-words", role="status"),
                    html.Button("Reset", id="view-follow", type="button", className="follow", hidden=True),
                ],
                className="tool-group tool-end",
            ),
            dcc.Store(
                id="view-default", data=default if "events=" in default else f"{default}&{USUAL}".lstrip("&")
            ),
        ],
        id="toolbar",
        className="toolbar",
    )
