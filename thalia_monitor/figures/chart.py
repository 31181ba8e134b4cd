"""A finished chart (traces, layout, caption), and the user's view of the charts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

import numpy as np

from thalia_monitor.figures import theme

if TYPE_CHECKING:
    from thalia_monitor.analysis.series.sampling import Sample
    from thalia_monitor.metric_info import Band
    from thalia_monitor.model.history import Floats, Ints

Axis = Literal["step", "wall", "elapsed"]
X_TITLES: Final[dict[Axis, str]] = {
    "step": "step",
    "wall": "wall clock (UTC)",
    "elapsed": "hours since start",
}
X_LOOKS: Final[dict[Axis, dict[str, Any]]] = {
    "step": {"tickformat": ",", "hoverformat": ",", "unifiedhovertitle": {"text": "step %{x:,}"}},
    "wall": {
        "type": "date",
        "hoverformat": "%Y-%m-%d %H:%M:%S",
        "unifiedhovertitle": {"text": "%{x|%Y-%m-%d %H:%M:%S} UTC"},
    },
    "elapsed": {"hoverformat": ",.4~f", "unifiedhovertitle": {"text": "%{x:,.4~f} h since start"}},
}
"""How positions on each x axis are written: steps in full, since two of them in a hover must not look the same."""
POINTS: Final = 700
"""About as many points as a chart of half a page has pixels across."""
MANY_LINES: Final = 8
"""Lines of one chart that may have so many points each; of more lines, each has fewer."""

OWN_AXIS: Final = {"meta": "own x axis"}
"""In the layout of a chart whose x axis is not the run's; ``assets/chart_links.js`` looks for it, too."""
TOTAL: Final = "total"
"""The sum of the regions in :attr:`View.hidden`, hidden like one of them."""
LARGE: Final = 1e9
"""Beyond this a position is a Unix time in milliseconds, or a step."""


def points_of_each(lines: int) -> int:
    """Points of each of so many lines of one chart."""
    return POINTS * MANY_LINES // max(lines, MANY_LINES)


@dataclass(frozen=True, slots=True)
class View:
    """The user's view of a page's charts: axis, zoom, smoothing, hidden regions."""

    x: Axis = "step"
    smooth: float = 0.0
    """Weight of the exponential moving average, 0 (off) to 0.999."""
    start: float | None = None
    """Left edge of the zoom, in units of x (steps, milliseconds since 1970, hours); None when not zoomed."""
    end: float | None = None
    log: frozenset[str] = frozenset()
    """Names of the charts with a logarithmic y axis."""
    clip: frozenset[str] = frozenset()
    """Names of the charts whose outliers may leave the view."""
    percent: frozenset[str] = frozenset()
    """Names of the charts that show shares instead of amounts."""
    markers: frozenset[str] = frozenset()
    """Kinds of events drawn on the charts."""
    hidden: frozenset[str] = frozenset()
    """Regions not drawn."""
    pins: frozenset[str] = frozenset()
    """Metrics whose charts stand first."""
    scale: float = 1.0
    """Scale factor for a wall display; 1 on a desk."""

    @property
    def zoomed(self) -> bool:
        """Whether the view is zoomed rather than following the run."""
        return self.start is not None

    @property
    def key(self) -> str:
        """The view in short, the same in every process: names what was computed for it."""
        names = (sorted(each) for each in (self.log, self.clip, self.percent, self.markers, self.hidden))
        seen = [self.x, self.smooth, self.start, self.end, self.scale, *names]
        return json.dumps(seen, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Chart:
    """A finished chart: plain JSON values, bounded in size whatever the length of the log."""

    traces: list[dict[str, Any]]
    layout: dict[str, Any]
    caption: str = ""
    total: int = 0
    """Points of the series in the view."""
    length: int = 0
    """Points of the whole series."""
    notes: tuple[str, ...] = field(default=())
    """Remarks for the user: non-finite values, points outside the view."""
    summary: str = ""
    """Text alternative of the chart, for screen readers."""
    band: str = ""
    """What the coloured band is, written beside the title: on the plot, the line would cross the words."""
    band_source: str = ""
    """Where its limits come from."""
    cautious: bool = False
    """Whether values in it are a reason for caution, rather than healthy."""

    @property
    def scaled(self) -> bool:
        """Whether it has axes; an empty chart has none."""
        return bool(self.layout["yaxis"].get("visible", True))

    @property
    def own_axis(self) -> bool:
        """Whether its x axis is not the run's: a zoom of other charts means nothing to it."""
        return "meta" in self.layout

    @property
    def figure(self) -> dict[str, Any]:
        """The chart as a Plotly figure."""
        return {"data": self.traces, "layout": self.layout}


def spanned(chart: Chart, view: View) -> Chart:
    """The chart with an x axis that ends at its first and last points.

    One that is zoomed, or shares its ends with another chart, stays as it is.

    Plotly's own leaves room for half a symbol at both ends, 6 % of the width.
    """
    if view.zoomed or chart.own_axis or not chart.scaled or "autorangeoptions" in chart.layout["xaxis"]:
        return chart
    first, last = ends(chart) or (0, 0)
    options = {"minallowed": first, "maxallowed": last} if first < last else {}
    axis = chart.layout["xaxis"] | {"autorangeoptions": options}
    return replace(chart, layout=chart.layout | {"xaxis": axis})


def ends(*charts: Chart) -> tuple[float, float] | None:
    """First and last position that any of these charts draws; None where nothing is drawn."""
    found = [end for chart in charts for trace in chart.traces if (end := _ends(trace))]
    return (min(first for first, _ in found), max(last for _, last in found)) if found else None


def _ends(trace: dict[str, Any]) -> tuple[float, float] | None:
    if "base" in trace:  # a bar that lies
        return min(trace["base"]), max(map(sum, zip(trace["base"], trace["x"], strict=True)))
    places = [x for x in trace["x"] if x is not None]
    return (min(places), max(places)) if places else None


def enlarged(chart: Chart, by: float) -> Chart:
    """Scaled copy of a chart for a wall display: margins and fonts larger, its height that of one row of two.

    A chart with a lane for each name is up to twice as high: it needs room for the names.
    """
    if by == 1:
        return chart
    axis = chart.layout.get("yaxis", {})
    named = axis.get("categoryarray") or axis.get("ticktext")
    height = min(max(chart.layout["height"], WALL_HEIGHT), 2 * WALL_HEIGHT) if named else WALL_HEIGHT
    return replace(chart, layout=_larger(chart.layout, by) | {"height": height * by})


WALL_HEIGHT: Final = 135
"""Pixels before they are enlarged: a screen of 1280 x 720 has room for numbers and two rows of charts."""


_FONTS: Final = frozenset({"font", "tickfont"})
_LENGTHS: Final = frozenset({"height", "standoff"})


def _larger(part: Any, by: float, sizes: frozenset[str] = _LENGTHS) -> Any:
    if isinstance(part, list):
        return [_larger(each, by) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: value * by
        if key in sizes and isinstance(value, int | float)
        else _larger(value, by, {"margin": frozenset("lrtb")}.get(key, _SIZE if key in _FONTS else _LENGTHS))
        for key, value in part.items()
    }


_SIZE: Final = frozenset({"size"})


CAPTION_ONLY: Final = 24
"""Height in px of a chart whose caption says all; ``assets/monitor.css`` gives its card no more room than that."""


def nothing(
    caption: str, height: int = 240, *, total: int = 0, length: int = 0, notes: tuple[str, ...] = ()
) -> Chart:
    """Empty chart with a message and no axes."""
    layout = theme.layout(height=height, **theme.NO_AXES)
    return Chart([], layout, caption=caption, total=total, length=length, notes=notes)


def whole(value: float | None) -> int | None:
    """A number rounded for a table's column of whole numbers; None for one that its 64 bits do not hold."""
    return round(value) if value is not None and abs(value) < 2.0**63 else None


def numbers(values: Floats | Ints) -> list[float | int | None]:
    """Write numbers for a figure: 6 significant digits are below a pixel, and shorter to send; NaN is a gap."""
    if values.dtype.kind == "i":
        return list(map(int, values))
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values.tolist()]


def times(values: Floats) -> list[float | None]:
    """Write positions on an axis in full, since 6 digits of a Unix time are hours; NaN is a gap.

    Hours since the start get 6 decimals: with 3, all lines within 3.6 s would stand at one place.
    """
    return [
        round(value, 3 if abs(value) > LARGE else 6) if np.isfinite(value) else None
        for value in values.tolist()
    ]


def show_band(layout: dict[str, Any], stated: Band, *, log: bool = False) -> None:
    """Draw a stated range behind the curve, and keep its edges in sight whatever the values are."""
    layout["shapes"] = [band(stated)]
    room = (stated.high - stated.low) / 4
    edges = [each for each in (stated.low - room, stated.high + room) if each > 0 or not log]
    layout["yaxis"] = layout["yaxis"] | {"autorangeoptions": {"include": [round(each, 6) for each in edges]}}


class _BandTexts(TypedDict):
    band: str
    band_source: str
    cautious: bool


def band_texts(stated: Band | None) -> _BandTexts:
    """What is written beside the title of a chart with a band."""
    if stated is None:
        return {"band": "", "band_source": "", "cautious": False}
    words = f"normal {stated.low:g}–{stated.high:g}" if stated.healthy else f"grows from {stated.low:.0%}"
    return {"band": words, "band_source": stated.words, "cautious": not stated.healthy}


def band(stated: Band) -> dict[str, Any]:
    """A range that Thalia states, drawn behind the curve over the whole width."""
    return {
        "type": "rect",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": stated.low,
        "y1": stated.high,
        "fillcolor": theme.GOOD if stated.healthy else theme.CAUTION,
        "opacity": 0.12,
        "line": {"width": 0},
        "layer": "below",
    }


def notes(points: Sample) -> tuple[str, ...]:
    """Say what a line cannot show: how many values are not finite, and where the first one is."""
    if not len(points.nonfinite):
        return ()
    first = int(points.step[np.searchsorted(points.index, points.nonfinite[0])])
    return (f"{len(points.nonfinite):,} not finite, first at step {first:,}",)


def below(values: Floats) -> tuple[str, ...]:
    """Count the values that have no place on a logarithmic axis, and stand below it."""
    count = int((np.isfinite(values) & (values <= 0)).sum())
    return (f"{count:,} not positive, below the axis",) if count else ()
