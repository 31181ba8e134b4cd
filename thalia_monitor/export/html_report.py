"""A report as one HTML file: no other file, no network, at most 5 MB whatever the length of a log.

Text of a log reaches the file escaped by Jinja2, or as JSON inside a ``<script>`` that no text can end. The policy in
the file lets a browser run our two scripts, by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from thalia_monitor._version import __version__
from thalia_monitor.site_folders import PLOTLY, site_folder

if TYPE_CHECKING:
    from thalia_monitor.export.document import Document, Drawing, Mark, Section
    from thalia_monitor.figures.chart import Chart

LARGEST: Final = 5_000_000
"""Bytes of a file."""
ROOM: Final = 2_400_000
"""Bytes of all figures of a file, beside 1.5 MB of plotly.js and half a megabyte of text."""
MOST_DRAWN: Final = 80
"""Charts of a file: a browser draws that many in a few seconds. No more are built, whatever becomes of them."""
MOST_OF_SECTION: Final = 72
"""Charts of one section, so that hundreds of metrics leave room for those of growth and consolidation."""
MOST_NAMED: Final = 20
LONGEST_WORD: Final = 24
"""Characters of a word that a column of a table always has room for."""
_UNUSED: Final = frozenset({"customdata"})
"""What only a page of the monitor uses: addresses of rows."""


def render(document: Document, now: float) -> str:
    """Write a report made at ``now`` (Unix seconds)."""
    room = Room()
    sections = [(section, list(room.drawn(section))) for section in document.sections]
    scripts = [Markup(_plotly()), Markup(_file("report.js"))]
    allowed = " ".join(map(_hash, scripts))
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:"
    return (
        _environment()
        .get_template("report.html")
        .render(
            document=document,
            sections=sections,
            figures=Markup(f"[{','.join(room.figures)}]"),
            left=room.left,
            most_named=MOST_NAMED,
            policy=policy,
            scripts=scripts,
            style=Markup(_file("report.css")),
            made=f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC",
            version=__version__,
        )
    )


class Room:
    """The figures of a file, as JSON, and the titles of those for which it has no room."""

    def __init__(self) -> None:
        self.figures: list[str] = []
        self.left: list[str] = []
        self._free = ROOM
        self._built = 0

    def drawn(self, section: Section) -> Iterator[tuple[Drawing, Chart, int | None]]:
        """The charts of a section, each with the number of its figure; None for a chart with nothing to draw."""
        most = min(MOST_DRAWN, self._built + MOST_OF_SECTION)
        for drawing in section.drawings:
            if self._built >= most:
                self.left.append(drawing.title)
                continue
            self._built += 1
            chart = drawing.chart()
            if not chart.scaled:
                yield drawing, chart, None
                continue
            text = _json(chart)
            if len(text) > self._free:
                self.left.append(drawing.title)
                continue
            self._free -= len(text)
            self.figures.append(text)
            yield drawing, chart, len(self.figures) - 1


def _json(chart: Chart) -> str:
    traces = [_trace(each) for each in chart.traces]
    figure = {"data": traces, "layout": chart.layout}
    return str(htmlsafe_json_dumps(figure, allow_nan=False, separators=(",", ":")))


def _trace(trace: dict[str, Any]) -> dict[str, Any]:
    """A trace without what only a page uses; the text of an event is shown by Plotly itself."""
    kept = {key: value for key, value in trace.items() if key not in _UNUSED}
    return kept | {"hoverinfo": "text"} if "hovertext" in trace and trace.get("hoverinfo") == "none" else kept


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("thalia_monitor.export"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["fit"] = _fit
    return made


def _fit(cell: str | Mark) -> str:
    """How a cell may be broken: not at all, between words, or anywhere."""
    words = cell if isinstance(cell, str) else cell.text
    if max(map(len, words.split()), default=0) > LONGEST_WORD:
        return "long"
    return "figure" if isinstance(cell, str) and words[:1].isdigit() and len(words) <= LONGEST_WORD else ""


def _file(name: str) -> str:
    return (files("thalia_monitor.export") / "templates" / name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    return (site_folder("assets") / PLOTLY).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
