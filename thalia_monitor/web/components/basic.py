"""Small pieces that pages are put together from: metric cards, figures in words, notices, empty states."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import dash
import dash_bootstrap_components as dbc
from dash import dcc, html

from thalia_monitor.analysis.formatting import MINUS, NONE, ago, number
from thalia_monitor.analysis.quantities import judgement
from thalia_monitor.figures.theme import SYMBOLS, side_style
from thalia_monitor.model.records import Problem, Severity
from thalia_monitor.model.step_times import time_at

if TYPE_CHECKING:
    from thalia_monitor.analysis.comparison import Side
    from thalia_monitor.analysis.quantities import Place
    from thalia_monitor.figures.metrics import Course
    from thalia_monitor.model.run import TrainingState

ICONS: Final = {Severity.CRITICAL: "✖", Severity.WARNING: "▲", Severity.INFO: "●"}
"""Shapes that differ without their colour, from a block that every system font has."""
END_OF_TIME: Final = 253_402_300_799
"""The last second that a date can be written of, in Unix seconds."""
MOST_ROWS: Final = 200
"""Rows of a plain table."""
ZOOMED_SHARE: Final = 40
"""The zoom reaches as far to either side as one part in so many of the run."""


def notice(kind: str, title: str, *body: Any) -> html.Div:
    """A message that stands out; ``kind`` is ``info``, ``warning``, ``critical`` or ``good``."""
    return html.Div([html.Strong(title), *body], className=f"notice notice-{kind}")


def empty(title: str, advice: str) -> html.Div:
    """What stands where data is missing: what is missing, and what to do about it."""
    return html.Div([html.Strong(title), html.P(advice)], className="empty")


def fact(label: str, value: Any, detail: str = "") -> html.Div:
    """One number with its name."""
    return html.Div(
        [
            html.Span(label, className="fact-label"),
            html.Span(value, className="fact-value"),
            html.Span(detail, className="fact-detail"),
        ],
        className="fact",
    )


def facts(each: Sequence[tuple[str, Any, str]]) -> list[html.Div]:
    """Several numbers, each with its name and a detail."""
    return [fact(*one) for one in each]


def moment(seconds: float, now: float) -> html.Time:
    """A time (Unix seconds), with the date where that is not today; the browser writes it in the reader's zone."""
    when = datetime.fromtimestamp(min(max(seconds, 0), END_OF_TIME), UTC)
    today = when.date() == datetime.fromtimestamp(now, UTC).date()
    return html.Time(
        f"{when:%H:%M:%S} UTC" if today else f"{when.day} {when:%b %Y, %H:%M:%S} UTC",
        className="fact-value",
        dateTime=when.isoformat(timespec="seconds"),
        title=f"{when:%Y-%m-%d %H:%M:%S} UTC",
    )


def age(seconds: float | None) -> Any:
    """How long ago a time (Unix seconds) was; the browser counts it on."""
    if seconds is None:
        return NONE
    passed = max(time() - seconds, 0)
    when = datetime.fromtimestamp(min(max(seconds, 0), END_OF_TIME), UTC)
    return html.Span(ago(passed), title=f"{when:%Y-%m-%d %H:%M:%S} UTC", **{"data-age": f"{passed:.0f}"})


def problems(listed: Sequence[Problem], total: int) -> Any:
    """Notes about the files, folded up: what was not read or left out is rarely urgent, but never silent."""
    if not total:
        return None
    count = f"{total:,} note{'s' if total != 1 else ''} about the files"
    rows = [html.Li(str(each), className="log-text") for each in listed[:50]]
    if total > len(rows):
        rows.append(html.Li(f"and {total - len(rows):,} more"))
    return html.Details([html.Summary(count), html.Ul(rows)], className="notice notice-warning slim")


def progress(share: float, label: str, *, class_name: str = "") -> html.Div:
    """A bar that is also a number for screen readers."""
    percent = round(share * 100, 1)
    return html.Div(
        html.Div(className="bar-fill", style={"width": f"{percent}%"}),
        className=f"bar {class_name}",
        role="progressbar",
        **{
            "aria-valuenow": percent,
            "aria-valuemin": 0,
            "aria-valuemax": 100,
            "aria-label": label,
        },
    )


def field(label: str, control: Any) -> html.Label:
    """A form control with its label in front."""
    return html.Label([label, control], className="field")


def panel(title: str, body: Any) -> html.Section:
    """A panel with a heading."""
    return html.Section([html.H2(title, className="card-name"), body], className="panel")


def page(path: str) -> str:
    """The address of a page under the base path."""
    return str(dash.get_app().get_relative_path(path))


def block(title: str, path: str, *body: Any, class_name: str = "") -> html.Section:
    """A panel whose title leads to its page; the whole panel can be clicked."""
    return html.Section(
        [
            html.H2(dcc.Link(title, href=page(path), className="block-link"), className="card-name"),
            *(each for each in body if each),
        ],
        className=f"panel block {class_name}".strip(),
    )


def search_box(name: str, placeholder: str, label: str, value: str = "") -> html.Label:
    """A field to search with; its label is there for screen readers."""
    field = dbc.Input(id=name, type="search", placeholder=placeholder, debounce=0.3, size="sm", value=value)
    return html.Label([html.Span(label, className="visually-hidden"), field], className="search")


def checkpoint_value(state: TrainingState, place: Place) -> html.Span:
    """``checkpoint 500,000: 0.2638 (+0.013)``: the newest saved value, and its change from the checkpoint before."""
    saved = state.saved(place.series) if place.filled else None
    if saved is None:
        words = "in no checkpoint" if state.checkpoint else "no checkpoint yet"
        return html.Span(words, className="change change-neutral saved")
    text = f"checkpoint {saved.step:,}: {number(saved.value)}"
    if saved.change is None or not math.isfinite(saved.change):
        return html.Span(text, className="change change-neutral saved")
    verdict = judgement(place.series, saved.change)
    words = {"good": ", better", "bad": ", worse", "neutral": ""}[verdict]
    signed = number(saved.change) if number(saved.change).startswith(MINUS) else f"+{number(saved.change)}"
    return html.Span(f"{text} ({signed}{words})", className=f"change change-{verdict} saved")


def sparkline(course: Course | None) -> html.Div:
    """A metric over the whole run as a line without axes, with its stage boundaries and the range that Thalia states.

    Each is one element that the stylesheet fills with a colour of the theme: the line and the boundaries through a
    mask, as an element for each point would be most of a tick's answer.
    """
    known = [value for value in course.values if value is not None] if course else []
    if course is None or not known:
        return html.Div(className="sparkline", **{"aria-hidden": "true"})
    band, width = course.band, len(course.values)
    edges = [band.low, band.high] if band else []
    low, high = min(known + edges), max(known + edges)

    def height(value: float) -> float:
        """Place from the top, in percent; a constant is in the middle."""
        return round(94 - 88 * (value - low) / (high - low), 1) if high > low else 50

    path, before = "", None
    for place, value in enumerate(course.values):
        if value is not None:
            path += f"{'M' if before is None else 'L'}{place}.5 {height(value):g}"
            lonely = before is None and (place + 1 == width or course.values[place + 1] is None)
            path += "h0" if lonely else ""
        before = value
    shown: list[Any] = []
    if band:
        top = height(band.high)
        size = {"top": f"{top:g}%", "height": f"{height(band.low) - top:g}%"}
        shown.append(html.I(className="range" if band.healthy else "range range-caution", style=size))
    if course.stages:
        lines = "".join(f"M{share * width:g} 0v100" for share in course.stages)
        shown.append(html.I(className="stages", style=_mask(width, lines, 1)))
    shown.append(html.I(className="course", style=_mask(width, path, 1.5)))
    return html.Div(shown, className="sparkline", **{"aria-hidden": "true"})


def _mask(width: int, path: str, stroke: float) -> dict[str, str]:
    """The style of an element that shows only along a path in a box that is ``width`` by 100."""
    picture = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} 100' preserveAspectRatio='none'>"
        f"<path d='{path}' fill='none' stroke='black' stroke-width='{stroke}' stroke-linecap='round' "
        "stroke-linejoin='round' vector-effect='non-scaling-stroke'/></svg>"
    )
    address = "data:image/svg+xml," + quote(picture, safe=" /:='.")
    return {"--course": f'url("{address}")'}


def toggle(option: str, name: str, words: Any, meaning: str) -> html.Button:
    """A button that the browser keeps pressed or not as a part of the reader's view (``assets/view.js``)."""
    return html.Button(
        words,
        id={"type": "chart-option", "option": option, "name": name},
        type="button",
        className="option",
        title=meaning,
        **{"aria-label": meaning, "aria-pressed": "false", "data-option": option, "data-name": name},
    )


def zoom_range(state: TrainingState, step: int, origin: int = 0) -> dict[str, str]:
    """Attribute of a row that zooms the charts around a step, on any x axis that the run can be shown on.

    ``origin`` is the step that is 0 on the charts.
    """
    half = max(state.current_step // ZOOMED_SHARE, 1)
    start, end = step - half, step + half
    ranges: dict[str, list[float]] = {"step": [start - origin, end - origin]}
    first, last = time_at(state.history, max(start, 0)), time_at(state.history, end)
    if not origin and first is not None and last is not None and first < last:
        begun = state.history.first_time
        ranges["wall"] = [round(first * 1000), round(last * 1000)]
        ranges["elapsed"] = [round((each - begun) / 3600, 6) for each in (first, last)]
    return {"data-range": json.dumps(ranges, separators=(",", ":"))}


def step_button(step: int) -> Any:
    """A step that can be clicked, also with the keyboard."""
    words = f"{step:,}"
    return html.Button(
        words,
        type="button",
        className="zoom-to",
        title="Zoom the charts to this step",
        **{"aria-label": f"{words}: zoom the charts to this step"},
    )


def plain_table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> html.Section:
    """A table as it is given, of :data:`MOST_ROWS` at most: names in its first column, numbers in the others."""
    body = [
        html.Tr(
            [
                html.Td(cell, className="number" if place else "log-text", **{"data-label": head})
                for place, (cell, head) in enumerate(zip(row, heads, strict=True))
            ]
        )
        for row in rows[:MOST_ROWS]
    ]
    head = html.Tr(
        [html.Th(each, scope="col", className="number" if at else "") for at, each in enumerate(heads)]
    )
    listed = html.Table([html.Thead(head), html.Tbody(body)], className="event-table")
    more = f" · {len(rows) - MOST_ROWS:,} more" if len(rows) > MOST_ROWS else ""
    name = html.H3(f"{caption}, {len(rows):,}{more}", className="card-name")
    return html.Section([name, scrolled(listed, caption)])


def table(columns: Sequence[Any], rows: list[html.Tr], numbers: Sequence[int] = ()) -> html.Table:
    """A table; each cell gets its heading, for screens on which a row is a card.

    ``numbers``: which columns hold numbers.
    """
    for row in rows:
        for words, cell in zip(columns, row.children, strict=True):
            if isinstance(words, str):
                setattr(cell, "data-label", words)
    head = html.Tr(
        [
            html.Th(words, scope="col", className="log-text" + (" number" if at in numbers else ""))
            for at, words in enumerate(columns)
        ]
    )
    return html.Table([html.Thead(head), html.Tbody(rows)], className="event-table")


def scrolled(body: html.Table, label: str) -> html.Div:
    """A table that scrolls sideways where it is wider than its panel."""
    return html.Div(body, className="table-scroll", tabIndex=0, role="region", **{"aria-label": label})


def run_swatch(side: Side) -> html.I:
    """A piece of the run's line with its symbol."""
    style = side_style(side.look)
    return html.I(
        SYMBOLS[style["symbol"]],
        className="run-swatch",
        style={"color": style["color"]},
        **{"aria-hidden": "true"},
    )
