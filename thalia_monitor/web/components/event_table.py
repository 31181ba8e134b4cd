"""Tables of events: sortable, filterable, paged, and left as the reader set them when new rows arrive.

The rows shown are cut out on the server, so that a table of 100,000 events costs a page no more than one of 25. What
a reader filters and sorts by is in the address (``assets/tables.js``): ``find``, ``kind`` and ``sort``, the last one
a column with ``-`` before it where the greatest come first; other tables of a page put a word and ``-`` before these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import dash
import dash_bootstrap_components as dbc
import numpy as np
import pandas as pd
from dash import ALL, ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate
from numpy.typing import NDArray

from thalia_monitor import contract
from thalia_monitor.analysis.formatting import NONE, number
from thalia_monitor.analysis.timeline import MarkedEvents, MarkerKind, marked_events
from thalia_monitor.figures.marks import GLYPHS
from thalia_monitor.model.records import Severity
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components import basic
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
SEVERITY: Final = "severity"
"""The column that colours a row, where a frame has it."""


def chronicle(state: TrainingState) -> pd.DataFrame:
    """List every happening by step; those without a step come first."""
    return state.memoized("chronicle", lambda: _listed(state))


def _listed(state: TrainingState) -> pd.DataFrame:
    found = marked_events(state)
    if not found:
        return pd.DataFrame({name: [] for name in (*COLUMNS, SEVERITY)})
    every = reduce(MarkedEvents.then, found.values())
    lengths = [len(each) for each in found.values()]
    kinds = np.repeat(np.array([str(kind) for kind in found], np.object_), lengths)
    severities = np.concatenate([_severities(state, kind, each) for kind, each in found.items()])
    order = np.lexsort((every.event, np.where(every.stepped, every.step, -1), every.segment))
    every = every.where(order)
    return pd.DataFrame(
        {
            "step": pd.arrays.IntegerArray(every.step, ~every.stepped),
            "kind": kinds[order],
            "what": every.label,
            "amount": _amounts(every),
            "time": _times(state, every),
            SEVERITY: severities[order],
        }
    )


def _severities(state: TrainingState, kind: MarkerKind, every: MarkedEvents) -> NDArray[np.object_]:
    """How bad each is: of warnings what they say, of lost milestones a warning; empty for what is nothing bad."""
    if kind is not MarkerKind.WARNING:
        return np.where(every.alarming, str(Severity.WARNING), "").astype(np.object_)
    written = state.extended("severities", lambda new, _: _stated(new), lambda a, b: np.concatenate([a, b]))
    words = np.where(every.alarming, str(Severity.CRITICAL), str(Severity.WARNING)).astype(np.object_)
    from_event = every.event >= 0
    words[from_event] = written[every.event[from_event]]
    return words


def _stated(events: Sequence[Event]) -> NDArray[np.object_]:
    said = [str(each.health_warning.severity) if each.kind == contract.WARNING else "" for each in events]
    return np.array(said, np.object_)


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
        *("duration_steps", "duration_seconds", "amount", "rate_hz", "value", "records"),
        *("patterns", "before", "after", "change", "gap", "cycles"),
        *("size_bytes", "regions", "now", "median", "least", "greatest", "silent"),
        *("capacity_now", "threshold", "left", "neurons", "largest", "of_limit", "grown", "again"),
    )
)
"""Columns of numbers: their digits stand below each other, and the first click brings the greatest to the top."""
MOST_KINDS: Final = 12
"""Kinds that have a chip, the most frequent."""

Frame = Callable[[TrainingState], pd.DataFrame]
Query = Mapping[str, Any]
"""Parameters of the page's address."""


def event_table(
    name: str, caption: str, columns: Mapping[str, str], frame: Frame, *, kinds: str = "", word: str = ""
) -> Callable[[Query], html.Div]:
    """Register a table's callbacks and return what lays it out, given the parameters of the page's address.

    Args:
        name: prefix of the table's ids.
        caption: what the table lists, for people and screen readers.
        columns: column of the frame to its heading.
        frame: takes the rows from the run's state.
        kinds: the column whose values can be chosen with chips.
        word: what the table's parameters in the address begin with; empty for the first table of a page.
    """
    _register(name, columns, frame, kinds)

    def layout(query: Query) -> html.Div:
        return _layout(name, caption, columns, word, query)

    return layout


def _layout(name: str, caption: str, columns: Mapping[str, str], word: str, query: Query) -> html.Div:
    find, kinds, sort = (_parameter(query, word, each) for each in ("find", "kind", "sort"))
    column, ascending = sort.removeprefix("-"), not sort.startswith("-")
    order = {"column": column if column in columns else "", "ascending": ascending, "word": word}
    return html.Div(
        [
            html.Div(
                [
                    html.H2(caption, className="card-name"),
                    basic.search_box(f"{name}-query", "Filter rows …", f"Filter: {caption}", find),
                    html.Div(
                        dbc.Checklist(
                            id=f"{name}-kinds",
                            options=[],
                            value=[unquote(each) for each in kinds.split(",") if each],
                            inline=True,
                            input_class_name="btn-check",
                            label_class_name="option chip",
                            label_checked_class_name="chip-on",
                        ),
                        className="chips",
                        role="group",
                        **{"aria-label": f"{caption}: show only"},
                    ),
                    html.Span(id=f"{name}-count", className="caption", **{"aria-live": "polite"}),
                ],
                className="table-tools",
            ),
            html.Div(
                html.Table(
                    [
                        html.Caption(caption, className="visually-hidden"),
                        html.Thead(
                            html.Tr([_heading(name, key, words, order) for key, words in columns.items()])
                        ),
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
            dcc.Store(id=f"{name}-sort", data=order),
        ],
        id=name,
        className="table-card",
    )


def _parameter(query: Query, word: str, name: str) -> str:
    given = query.get(f"{word}-{name}" if word else name)
    return given[:LONGEST_CELL] if isinstance(given, str) else ""


def _heading(name: str, key: str, words: str, order: Mapping[str, Any]) -> html.Th:
    return html.Th(
        html.Button(words, id={"type": f"{name}-sort", "column": key}, className="sort", type="button"),
        id={"type": f"{name}-sorted", "column": key},
        scope="col",
        className=_kind(key),
        **{"aria-sort": _sorted(key, order)},
    )


def _sorted(column: str, order: Mapping[str, Any]) -> str:
    if column != order["column"]:
        return "none"
    return "ascending" if order["ascending"] else "descending"


def _register(name: str, columns: Mapping[str, str], frame: Frame, kinds: str) -> None:
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
        ascending = not now["ascending"] if now["column"] == column else column not in NUMBERS
        order = now | {"column": column, "ascending": ascending}
        return order, [_sorted(key, order) for key in columns]

    app.clientside_callback(
        ClientsideFunction("tables", "address"),
        Input(f"{name}-query", "value"),
        Input(f"{name}-kinds", "value"),
        Input(f"{name}-sort", "data"),
    )

    @live(
        Output(f"{name}-rows", "children"),
        Output(f"{name}-page", "max_value"),
        Output(f"{name}-count", "children"),
        Output(f"{name}-kinds", "options"),
        inputs=[
            Input(f"{name}-sort", "data"),
            Input(f"{name}-query", "value"),
            Input(f"{name}-kinds", "value"),
            Input(f"{name}-page", "active_page"),
            State(f"{name}-kinds", "options"),
        ],
    )
    def fill(
        state: TrainingState,
        order: dict[str, Any],
        query: str | None,
        only: list[str] | None,
        page: int | None,
        offered: list[Any],
    ) -> tuple[list[html.Tr], int, str, Any]:
        every = frame(state)
        options = state.memoized(("kinds", name), lambda: _options(every, kinds))
        column, ascending = str(order.get("column", "")), bool(order.get("ascending"))
        chosen = arrange(_of_kinds(every, kinds, only), str(query or ""), column, ascending)
        pages = max(1, -(-len(chosen) // ROWS))
        first = (min(max(int(page or 1), 1), pages) - 1) * ROWS
        shown = chosen.iloc[first : first + ROWS]
        rows = [_row(state, row, columns) for row in shown.to_dict("records")]
        count = _count(len(shown), first, len(chosen), len(every))
        return rows, pages, count, no_update if options == offered else options


def _options(frame: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    """A chip for each kind that there is, with its symbol and count; none where there is nothing to choose."""
    if column not in frame.columns:
        return []
    counts = frame[column].value_counts()
    if len(counts) < 2:
        return []
    return [
        {"label": f"{_symbol(str(kind))}{str(kind)[:40]} {count:,}", "value": str(kind)}
        for kind, count in counts.head(MOST_KINDS).items()
    ]


def _symbol(kind: str) -> str:
    """The symbol that a kind of event has on the charts, and a space; empty for any other text."""
    return f"{GLYPHS[MarkerKind(kind)]} " if kind in _KINDS else ""


_KINDS: Final = frozenset(map(str, MarkerKind))


def _of_kinds(frame: pd.DataFrame, column: str, only: Any) -> pd.DataFrame:
    """Rows of the chosen kinds; all of them where none is chosen, or none of those that are there."""
    if column not in frame.columns or not isinstance(only, list) or not only:
        return frame
    chosen = frame[column].isin([each for each in only if isinstance(each, str)])
    return frame[chosen] if chosen.any() else frame


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


def _row(state: TrainingState, row: Mapping[Any, Any], columns: Mapping[str, str]) -> html.Tr:
    step, severity = row.get("step"), row.get(SEVERITY)
    placed = isinstance(step, int)
    return html.Tr(
        [_cell(row[key], key, words, zooms=placed and key == "step") for key, words in columns.items()],
        className=f"severity-{severity}" if severity else "",
        **basic.zoom_range(state, step) if isinstance(step, int) else {},
    )


def _cell(value: Any, column: str, heading: str, *, zooms: bool = False) -> html.Td:
    """A cell; ``data-label`` is its heading, for screens on which a row is a card."""
    kind, label = _kind(column), {"data-label": heading}
    if value is None or value is pd.NA or value != value:
        return html.Td(MISSING, className=f"missing {kind}".strip(), **label)
    if isinstance(value, int | float) and not isinstance(value, bool):
        shown = f"{value:,}" if isinstance(value, int) else number(value)
        return html.Td(basic.step_button(int(value)) if zooms else shown, className="number", **label)
    text = str(value)
    cut = text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
    return html.Td(
        _symbol(text) + cut if column == "kind" else cut,
        className=f"log-text {kind}".strip(),
        dir="auto",
        **label,
    )


def _count(shown: int, first: int, chosen: int, every: int) -> str:
    if not every:
        return "none yet"
    if not chosen:
        return f"none of {every:,} match"
    part = f"{first + 1:,}–{first + shown:,} of {chosen:,}"
    return part if chosen == every else f"{part} (filtered from {every:,})"
