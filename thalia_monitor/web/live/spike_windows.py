"""The raster of a window of spikes on a page: what chooses the window, the chart, and its regions in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash
import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update

from thalia_monitor.figures import raster
from thalia_monitor.web.components import basic
from thalia_monitor.web.live.charts import chart_card, declare
from thalia_monitor.web.live.panels import live

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

WINDOW: Final = "activity-window"
"""The field with the chosen step, or NEWEST (``assets/spike_windows.js``)."""
NEWEST: Final = "newest"
"""Chosen while the newest window is followed."""
CHOICE, CHART, REGIONS, SHOWN = (f"{WINDOW}-{each}" for each in ("choice", "chart", "regions", "shown"))
MISSING: Final = "No spikes of single neurons are logged yet"
ADVICE: Final = (
    "Log a window at one step in thousands: logger.log_spikes({'cortex': {12: [3.5, 41.0]}}, step, window_ms=200), "
    "with the spike times of each neuron in ms, or an array (time, neurons) of 0 and 1 for each region."
)
MOVES: Final = {"1": ("‹ earlier", "Show the window before"), "-1": ("later ›", "Show the window after")}


def layout(window: Any) -> list[Any]:
    """The parts of the page, with the step of the window that the address has."""
    moves = [
        html.Button(
            words,
            type="button",
            className="option",
            title=meaning,
            **{"aria-label": meaning, "data-window": by},
        )
        for by, (words, meaning) in MOVES.items()
    ]
    value = window if isinstance(window, str) else NEWEST
    field = basic.field("Window of spikes", dbc.Select(id=WINDOW, size="sm", value=value))
    return [
        html.Div([field, *moves], id=CHOICE, className="table-tools windows", hidden=True),
        html.Div(id=CHART, className="grid"),
        html.Div(id=REGIONS),
        dcc.Store(id=SHOWN),
    ]


def register() -> None:
    """Declare the chart, and keep the choice, the card and the table right."""
    declare("raster", raster.raster)
    dash.get_app().clientside_callback(ClientsideFunction("windows", "address"), Input(WINDOW, "value"))

    @live(
        Output(CHOICE, "hidden"),
        Output(WINDOW, "options"),
        Output(WINDOW, "value"),
        Output(CHART, "children"),
        Output(REGIONS, "children"),
        Output(SHOWN, "data"),
        inputs=[Input(WINDOW, "value"), State(SHOWN, "data")],
    )
    def offer(state: TrainingState, value: Any, before: Any) -> Any:
        """Nothing where no window has come, gone or changed; the card stays while it is of the same choice."""
        file = raster.chosen(state, str(value))
        steps = [each.step for each in reversed(state.spike_windows)]
        choice = None if file is None else str(file.step) if str(value).isdigit() else NEWEST
        mark = [choice, steps, str(file and file.mark)]
        right = choice in (None, value)
        if mark == before and right:
            return no_update
        same = isinstance(before, list) and before[:1] == [choice]
        options = [{"label": f"newest (step {steps[0]:,})", "value": NEWEST}] if steps else []
        options += [{"label": f"step {each:,}", "value": str(each)} for each in steps]
        return (
            file is None,
            options,
            no_update if right else choice,
            no_update if same else _card(state, choice),
            _regions(state, choice) if choice is not None else None,
            mark,
        )


def _card(state: TrainingState, choice: str | None) -> Any:
    if choice is None:
        return html.Section(basic.empty(MISSING, ADVICE), className="panel wide")
    return chart_card("raster", "Spikes", choice, height=raster.height(state, choice), class_name="wide")


def _regions(state: TrainingState, choice: str) -> Any:
    rows = raster.numbers(state, choice)
    if not rows:
        return None
    return html.Section(basic.plain_table("Regions of this window", raster.COLUMNS, rows), className="panel")
