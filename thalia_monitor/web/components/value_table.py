"""The table of a series' raw values: the newest first, or around a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import dash
import numpy as np
from dash import html, no_update

from thalia_monitor.analysis.formatting import NONE
from thalia_monitor.analysis.quantities import filled_places, series_of
from thalia_monitor.model.series_key import Kind, metric
from thalia_monitor.web.components import basic
from thalia_monitor.web.context import monitor

if TYPE_CHECKING:
    from thalia_monitor.model.history import Series
    from thalia_monitor.model.run import TrainingState

ROWS: Final = 50
LATEST_YEAR: Final = 253_402_300_799
"""The last second that a date can be written of (year 9999)."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Which points of a series the table shows: ``first`` to before ``last``, newest first."""

    first: int
    last: int
    pages: int
    words: str


def page_of(series: Series, page: int | None, step: float | None = None) -> Shown:
    """Choose a page of the points, or the page around the newest point at or before a step."""
    total = len(series)
    pages = max(1, -(-total // ROWS))
    number = min(max(int(page or 1), 1), pages)
    if step is not None and total:
        at = np.flatnonzero(series.step <= step)
        number = (total - 1 - int(at[-1] if len(at) else 0)) // ROWS + 1
    last = total - (number - 1) * ROWS
    first = max(last - ROWS, 0)
    words = f"{first + 1:,}–{last:,} of {total:,}, newest first" if total else "no values"
    return Shown(first, last, pages, words)


def table(series: Series, shown: Shown, state: TrainingState | None = None) -> html.Table:
    """Write the chosen points in full: no rounding, what is not finite by its name. A row zooms the charts to it."""
    part = slice(shown.first, shown.last)
    columns = (series.step, series.value, series.segment, series.time)
    rows = zip(*(column[part][::-1].tolist() for column in columns), strict=True)
    names = (("Step", "number"), ("Value", ""), ("Segment", "number"), ("Time (UTC)", ""))
    head = html.Tr([html.Th(words, scope="col", className=kind) for words, kind in names])
    return html.Table(
        [
            html.Thead(head),
            html.Tbody(
                [
                    html.Tr(
                        [
                            html.Td(basic.step_button(step), className="number", **_label("Step")),
                            html.Td(repr(value), **_label("Value")),
                            html.Td(segment, className="number", **_label("Segment")),
                            html.Td(moment(time), **_label("Time (UTC)")),
                        ],
                        **basic.zoom_range(state, step) if state else {},
                    )
                    for step, value, segment, time in rows
                ]
            ),
        ],
        className="event-table",
    )


def _label(heading: str) -> dict[str, str]:
    """Attribute of a cell for screens on which a row is a card."""
    return {"data-label": heading}


def moment(time: float) -> str:
    """Write a timestamp (Unix seconds) as a date and time in UTC; a dash where there is none."""
    if not 0 <= time <= LATEST_YEAR:  # NaN is neither
        return NONE
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}"


def when(time: float | None) -> str:
    """A moment (Unix seconds) after a space; empty where there is none."""
    return "" if time is None else f" {moment(time)} UTC"


def download(run: str | None, name: str) -> Any:
    """Links to the series, and to everything, as CSV at full resolution."""
    key = monitor().library.entry(run).id
    address = dash.get_app().get_relative_path(f"/api/v1/runs/{key}/export.csv")
    return [
        html.A(
            "This series as CSV", href=f"{address}?name={quote(name, safe='', errors='replace')}", download=""
        ),
        " · ",
        html.A("Everything as CSV", href=address, download=""),
    ]


def named(names: Sequence[str], chosen: str | None) -> str | None:
    """The first series of a family such as ``neurons.``; None where a series itself was chosen."""
    families = (Kind.NEURONS.family, Kind.CAPACITY.family)
    return next((name for name in names if chosen in families and name.startswith(chosen)), None)


def shown_instead(state: TrainingState, chosen: str | None) -> str | None:
    """The series to show where none was chosen, or one that the run logs under another name; None where neither."""
    names = state.history.names()
    if not chosen:
        public = (metric(each.series).public for each in filled_places(state))
        first = [name for name in public if name in names] + names
        return first[0] if first else None
    alias = series_of(state, chosen)
    return alias if chosen not in names and alias in names else named(names, chosen)


def nothing(name: str | None) -> html.Div:
    """Say that there is no such series, and what to do."""
    if not name:
        return basic.empty("No metrics yet", "This page fills by itself as soon as the run logs one.")
    return basic.empty(f"Nothing is logged under {str(name)[:80]!r} yet", "Choose another series above.")


def contents(
    state: TrainingState, run: str | None, name: str | None, page: int | None, step: float | None
) -> Any:
    """Table, number of pages, count and download links of the chosen series; nothing while none is chosen yet."""
    if not name and state.history.names():  # another callback is choosing one
        return no_update
    key = state.history.find(name or "")
    series = state.history.series(key) if key else None
    if series is None:
        return nothing(name), 1, "", no_update
    shown = page_of(series, page, step)
    return table(series, shown, state), shown.pages, shown.words, download(run, series.name)
