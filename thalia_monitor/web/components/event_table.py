"""Tables of events: sortable, filterable, paged, and left as the reader set them when new rows arrive.

The rows shown are cut out on the server, so that a table of 100,000 events costs a page no more than one of 25.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import dash
import dash_bootstrap_components as dbc
import numpy as np
import pandas as pd
from dash import ALL, Input, Output, State, ctx, dcc, html
from dash.exceptions import PreventUpdate
from numpy.typing import NDArray

from thalia_monitor.analysis.formatting import NONE
from thalia_monitor.analysis.timeline import MarkedEvents, marked_events
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components import basic
from thalia_monitor.web.components.toolbar import EVENTS
from thalia_monitor.web.components.value_table import moment
from thalia_monitor.web.live.panels import live

if TYPE_CHECKING:
    from thalia_monitor.model.records import Event

COLUMNS: Final = {
    "step": "Step",
    "kind": "Kind",
    "what": "What",
    "amount": "Neurons or patterns",
    "time": "Time (UTC)",
}


def chronicle(state: TrainingState) -> pd.DataFrame:
    """List every happening by step, with its symbol on the charts; those without a step come first."""
    return state.memoized("chronicle", lambda: _listed(state))


def _listed(state: TrainingState) -> pd.DataFrame:
    found = [(f"{EVENTS[kind][0]} {kind}", each) for kind, each in marked_events(state).items()]
    if not found:
        return pd.DataFrame({name: [] for name in COLUMNS})
    every = reduce(MarkedEvents.then, (each for _, each in found))
    kinds = np.repeat(np.array([kind for kind, _ in found], np.object_), [len(each) for _, each in found])
    order = np.lexsort((every.event, np.where(every.stepped, every.step, -1), every.segment))
    every = every.where(order)
    return pd.DataFrame(
        {
            "step": pd.arrays.IntegerArray(every.step, ~every.stepped),
            "kind": kinds[order],
            "what": every.label,
            "amount": _amounts(every),
            "time": _times(state, every),
        }
    )


def _amounts(every: MarkedEvents) -> pd.arrays.IntegerArray:
    known = np.isfinite(every.amount) & (np.abs(every.amount) < 2**53)
    return pd.arrays.IntegerArray(np.where(known, every.amount, 0).astype(np.int64), ~known)


def _times(state: TrainingState, every: MarkedEvents) -> NDArray[np.object_]:
    """The time of each row as text; those of events are formatted once."""
    written = state.extended("moments", lambda new, _: _written(new), lambda a, b: np.concatenate([a, b]))
    words, from_event = np.full(len(every), NONE, np.object_), every.event >= 0
    words[from_event] = written[every.event[from_event]]
    words[~from_event] = [moment(time) for time in every.time[~from_event].tolist()]
    return words


def _written(events: Sequence[Event]) -> NDArray[np.object_]:
    times = [float("nan") if event.time is None else event.time for event in events]
    return np.array([moment(time) for time in times], np.object_)


ROWS: Final = 25
LONGEST_CELL: Final = 300
MISSING: Final = "–"
NUMBERS: Final = frozenset(
    (
        *("step", "neurons_added", "new_total", "patterns_replayed"),
        *("duration_steps", "duration_seconds", "amount"),
    )
)
"""Columns of numbers: their digits stand below each other."""

Frame = Callable[[TrainingState], pd.DataFrame]


def event_table(
    name: str, caption: str, columns: Mapping[str, str], frame: Frame
) -> Callable[[str], html.Div]:
    """Register a table's callbacks and return what lays it out, given the text to filter by at first.

    Args:
        name: prefix of the table's ids.
        caption: what the table lists, for people and screen readers.
        columns: column of the frame to its heading.
        frame: takes the rows from the run's state.
    """
    _register(name, columns, frame)

    def layout(find: str = "") -> html.Div:
        return _layout(name, caption, columns, find)

    return layout


def _layout(name: str, caption: str, columns: Mapping[str, str], find: str) -> html.Div:
    return html.Div(
        [
            html.Div(
                [
                    html.H2(caption, className="card-name"),
                    basic.search_box(f"{name}-query", "Filter rows …", f"Filter: {caption}", find),
                    html.Span(id=f"{name}-count", className="caption", **{"aria-live": "polite"}),
                ],
                className="table-tools",
            ),
            html.Div(
                html.Table(
                    [
                        html.Caption(caption, className="visually-hidden"),
                        html.Thead(html.Tr([_heading(name, key, words) for key, words in columns.items()])),
                        html.Tbody(id=f"{name}-rows"),
                    ],
                    className="event-table",
                ),
                className="table-scroll",
                tabIndex=0,
                role="region",
                **{"aria-label": caption},
            ),
            dbc.Pagination(
                id=f"{name}-page",
                max_value=1,
                active_page=1,
                fully_expanded=False,
                size="sm",
                first_last=True,
            ),
            dcc.Store(id=f"{name}-sort", data={"column": "", "ascending": False}),
        ],
        id=name,
        className="table-card",
    )


def _heading(name: str, key: str, words: str) -> html.Th:
    return html.Th(
        html.Button(words, id={"type": f"{name}-sort", "column": key}, className="sort", type="button"),
        id={"type": f"{name}-sorted", "column": key},
        scope="col",
        className=_kind(key),
        **{"aria-sort": "none"},
    )


def _register(name: str, columns: Mapping[str, str], frame: Frame) -> None:
    app = dash.get_app()

    @app.callback(
        Output(f"{name}-sort", "data"),
        Output({"type": f"{name}-sorted", "column": ALL}, "aria-sort"),
        Input({"type": f"{name}-sort", "column": ALL}, "n_clicks"),
        State(f"{name}-sort", "data"),
        prevent_initial_call=True,
    )
    def sort(_: list[int | None], now: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        if not ctx.triggered_id or not any(_):
            raise PreventUpdate
        column = ctx.triggered_id["column"]
        ascending = not now["ascending"] if now["column"] == column else True
        words = "ascending" if ascending else "descending"
        return {"column": column, "ascending": ascending}, [
            words if key == column else "none" for key in columns
        ]

    @live(
        Output(f"{name}-rows", "children"),
        Output(f"{name}-page", "max_value"),
        Output(f"{name}-count", "children"),
        inputs=[
            Input(f"{name}-sort", "data"),
            Input(f"{name}-query", "value"),
            Input(f"{name}-page", "active_page"),
        ],
    )
    def fill(
        state: TrainingState, order: dict[str, Any], query: str | None, page: int | None
    ) -> tuple[list[html.Tr], int, str]:
        every = frame(state)
        chosen = arrange(every, str(query or ""), str(order.get("column", "")), bool(order.get("ascending")))
        pages = max(1, -(-len(chosen) // ROWS))
        first = (min(max(int(page or 1), 1), pages) - 1) * ROWS
        shown = chosen.iloc[first : first + ROWS]
        rows = [html.Tr([_cell(row[key], _kind(key)) for key in columns]) for row in shown.to_dict("records")]
        return rows, pages, _count(len(shown), first, len(chosen), len(every))


def arrange(frame: pd.DataFrame, query: str, column: str, ascending: bool) -> pd.DataFrame:
    """Filter rows by a text in any cell (or a whole number) and sort them; the newest come first by default."""
    if wanted := query.strip().lower():
        found = pd.Series(False, index=frame.index)
        for key in frame.columns:
            cells = frame[key].astype("str").str.lower()
            if isinstance(frame[key].dtype, pd.Int64Dtype):  # 60,000 is not in 260,000
                found |= cells == wanted.replace(",", "")
            else:
                found |= cells.str.contains(wanted, regex=False, na=False)
        frame = frame[found]
    if column in frame.columns:
        return frame.sort_values(column, ascending=ascending, kind="stable", na_position="last")
    return frame.iloc[::-1]


def _kind(column: str) -> str:
    return "number" if column in NUMBERS else ""


def _cell(value: object, kind: str) -> html.Td:
    if value is None or value is pd.NA or value != value:
        return html.Td(MISSING, className=f"missing {kind}".strip())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return html.Td(f"{value:,}" if isinstance(value, int) else f"{value:,.4g}", className="number")
    text = str(value)
    cut = text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
    return html.Td(cut, className="log-text", dir="auto")


def _count(shown: int, first: int, chosen: int, every: int) -> str:
    if not every:
        return "none yet"
    if not chosen:
        return f"none of {every:,} match"
    part = f"{first + 1:,}–{first + shown:,} of {chosen:,}"
    return part if chosen == every else f"{part} (filtered from {every:,})"
