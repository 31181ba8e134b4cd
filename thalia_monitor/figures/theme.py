"""Colours and base layout shared by all figures.

Text, grid and hover colours are not set here: the stylesheet gives them to Plotly's SVG, so that light and dark
are one figure and switching needs no server.
"""

from __future__ import annotations

import html
import unicodedata
import zlib
from collections.abc import Iterable
from typing import Any, Final

ACCENT: Final = "#3d86c6"
SECOND: Final = "#8a919c"
"""Secondary colour: raw values under a smoothed line, superseded attempts."""
GOOD: Final = "#137f4c"
BAD: Final = "#d94b63"
CAUTION: Final = "#c5881b"
"""What they mean in the stylesheet, too. There each has a tone for light and one for dark, since text needs more
contrast than any one tone has on both; a line does not."""

PALETTE: Final = (
    "#1271d1",
    "#e56d88",
    "#1f7549",
    "#ab9026",
    "#009fc5",
    "#bf0298",
    "#c03500",
    "#656769",
)
"""The hues of Paul Tol's "bright" scheme (https://sronpersonalpages.nl/~pault/) with a vermilion, in tones that can
be distinguished with any common colour blindness, on white and on black; ``docs/health.md`` has the numbers."""

PHASES: Final = {"NREM": PALETTE[0], "REM": PALETTE[5], "other": SECOND}
REGIONS: Final = ("cortex", "hippocampus", "cerebellum", "striatum", "thalamus", "prefrontal")
"""Thalia's own, in the order of the palette."""
_REGIONS: Final = {region: at for at, region in enumerate(REGIONS)} | {"pfc": REGIONS.index("prefrontal")}
STROKES: Final = ("solid", "12px,3px", "5px,3px", "12px,3px,2px,3px", "3px,2px", "6px,2px,2px,2px")
"""A stroke for each of them, with gaps so small that it stays one line: what the colour says, for those who see
none."""
_DASHES: Final = ("dot", "dash", "dashdot")

LONGEST_LABEL: Final = 60
SMALL: Final = 12
"""Pixels of all text in a chart: the stylesheet's ``--text-s``."""


def plain(text: object, longest: int = LONGEST_LABEL) -> str:
    """Make text from a log safe for Plotly, which reads a subset of HTML in titles, hovers and tick labels.

    As :func:`short`, with markup escaped.
    """
    return html.escape(short(text, longest), quote=False)


def short(text: object, longest: int = LONGEST_LABEL) -> str:
    """Text from a log for a sentence: of a bounded length, without control and direction-changing characters."""
    kept = "".join(each if unicodedata.category(each)[0] != "C" else " " for each in str(text)[: longest * 4])
    kept = " ".join(kept.split())
    if len(kept) > longest:
        kept = kept[: longest - 1] + "…"
    return kept


_JAVASCRIPT: Final = frozenset(
    {
        *("__proto__", "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"),
        *("toLocaleString", "toString", "valueOf"),
        *("__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"),
    }
)
"""Property names that every JavaScript object has."""


def key(text: str) -> str:
    """Write a text as a category or legend group: Plotly looks these up in plain JavaScript objects.

    What every one of them has gets its first letter as a character reference, which Plotly shows as the letter.
    """
    return f"&#{ord(text[0])};{text[1:]}" if text in _JAVASCRIPT else text


def categories(names: Iterable[str], longest: int = 24) -> dict[str, str]:
    """Unique axis labels by name, although long names are cut."""
    found: dict[str, str] = {}
    labels: set[str] = set()
    for name in names:
        label = cut = plain(name, longest)
        number = 2
        while label in labels:
            label, number = f"{cut} ({number})", number + 1
        labels.add(label)
        found[name] = key(label)
    return found


def region_style(region: str) -> dict[str, str]:
    """Line colour and dash of a region, fixed across pages, runs and restarts."""
    number = _REGIONS.get(region, zlib.crc32(region.encode("utf-8", "replace")))
    if region in _REGIONS:
        return {"color": PALETTE[number], "dash": STROKES[number]}
    return {"color": PALETTE[number % len(PALETTE)], "dash": _DASHES[number // len(PALETTE) % 3]}


def distinct_styles(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """A line's colour and dash for each name: that of :func:`region_style`, or the next one that is still free.

    Names that come later change nothing for those before them; beyond 24 names styles are used again.
    """
    every = [{"color": color, "dash": dash} for dash in _DASHES for color in PALETTE]
    found: dict[str, dict[str, str]] = {}
    for name in names:
        style = region_style(name)
        if style in found.values():
            style = next((each for each in every if each not in found.values()), style)
        found[name] = style
    return found


_NAMED_DASHES: Final = {"solid": "1px", "dot": "3px,3px", "dash": "9px,9px", "dashdot": "9px,3px,3px,3px"}


def stroke_mask(dash: str) -> str:
    """A stroke as a CSS mask, for the legends that are not Plotly's."""
    at, stops = 0, []
    for place, length in enumerate(_NAMED_DASHES.get(dash, dash).split(",")):
        end = at + int(length.removesuffix("px"))
        stops.append(f"{'transparent' if place % 2 else 'black'} {at}px {end}px")
        at = end
    return f"repeating-linear-gradient(90deg, {', '.join(stops)})"


AXIS: Final[dict[str, Any]] = {
    "showline": False,
    "zeroline": False,
    "gridcolor": "rgba(128,136,148,0.22)",
    "tickfont": {"size": SMALL},
    "title": {"font": {"size": SMALL}, "standoff": 6},
}


SPIKE: Final = {"spikethickness": 1, "spikedash": "solid", "spikecolor": SECOND}
"""The line under the pointer that all charts of a page share."""
NO_AXES: Final[dict[str, Any]] = {"xaxis": {"visible": False}, "yaxis": {"visible": False}}
"""For a chart that has nothing to show: no scale, since there is nothing to measure."""


def layout(*, x_title: str = "step", y_title: str = "", height: int = 240, **changes: Any) -> dict[str, Any]:
    """The layout that every chart starts from; ``uirevision`` never changes, so the reader's view stays."""
    start: dict[str, Any] = {
        "template": "none",
        "uirevision": "kept",
        "height": height,
        "margin": {"l": 56, "r": 12, "t": 8, "b": 36},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": SMALL},
        "hovermode": "x unified",
        "hoverdistance": 10,  # pixels; points further away are not hovered
        "hoverlabel": {"namelength": -1, "bgcolor": "#ffffff"},
        "showlegend": False,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": SMALL}},
        "xaxis": AXIS | SPIKE | {"title": AXIS["title"] | {"text": x_title}, "separatethousands": True},
        "yaxis": AXIS | {"title": AXIS["title"] | {"text": y_title}, "separatethousands": True},
    }
    return start | changes


SYMBOLS: Final = {
    "circle": "●",
    "square": "■",
    "diamond": "◆",
    "triangle-up": "▲",
    "x": "✖",
    "triangle-down": "▼",
    "star": "★",
    "pentagon": "⬟",
    "cross": "✚",
    "triangle-left": "◀",
    "hexagon": "⬢",
    "triangle-right": "▶",
}
"""Plotly's symbols for compared runs, and the same as text: what the colour says, for those who see none."""


def side_style(look: int) -> dict[str, str]:
    """Colour and symbol of a compared run, by the number of its look."""
    return {"color": PALETTE[look % len(PALETTE)], "symbol": list(SYMBOLS)[look % len(SYMBOLS)]}
