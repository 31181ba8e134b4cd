"""Charts on a page: a card for each, and what keeps all of them up to date.

The smallest update is sent: nothing for a chart that has not changed, the new points of one that has
(:func:`difference`), the whole figure of one that was never drawn or whose axes changed. A chart that is not on the
screen is sent nothing until it is; one just above or below is drawn once, and updated when it is on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import dash
from dash import NoUpdate, Patch, dcc, html, no_update
from dash.exceptions import PreventUpdate

from thalia_monitor.analysis.formatting import counted
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import Chart, View, enlarged, spanned
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components import basic
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live.client_state import ClientState, PartId
from thalia_monitor.web.live.containment import FAILURE_TEXT, contained

LONGEST_TAIL: Final = 40
"""Points removed from the end one by one; if more have changed, the whole line is sent."""
PER_POINT_KEYS: Final = ("x", "y", "z", "base", "text", "hovertext", "customdata")
"""Trace attributes with a value for each point; those of one trace grow together."""


def replacement(chart: Chart) -> Patch:
    """Return a patch that replaces all traces, and what of the layout follows the data."""
    change = Patch()
    change["data"] = chart.traces
    _layout(change, chart)
    return change


def difference(before: Chart, now: Chart) -> Patch | NoUpdate:
    """Return a patch of only what is new: of a line that grew, the points at its end; ``no_update`` if nothing is."""
    if len(before.traces) != len(now.traces):
        return replacement(now)
    pairs = zip(before.traces, now.traces, strict=True)
    others = [(place, old, new) for place, (old, new) in enumerate(pairs) if old != new]
    if not others and before.layout == now.layout:
        return no_update
    change = Patch()
    for place, old, new in others:
        if not _patch_end(change["data"][place], old, new):
            change["data"][place] = new
    if before.layout != now.layout:
        _layout(change, now, before)
    return change


def _patch_end(trace: Patch, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Patch the end of a trace; return False, with nothing patched, if more than its end differs."""
    lists = [
        key for key in PER_POINT_KEYS if isinstance(old.get(key), list) and isinstance(new.get(key), list)
    ]
    if old.keys() != new.keys() or any(old[key] != new[key] for key in old if key not in lists):
        return False
    same = min(_common_length(old[key], new[key]) for key in lists)
    if len(old["x"]) - same > LONGEST_TAIL:
        return False
    for key in lists:
        for place in range(len(old[key]) - 1, same - 1, -1):
            del trace[key][place]
        if len(new[key]) > same:
            trace[key].extend(new[key][same:])
    return True


def _common_length(old: list[Any], new: list[Any]) -> int:
    """Return how many values at the beginning are the same in both."""
    if old[: (shorter := min(len(old), len(new)))] == new[:shorter]:
        return shorter
    return next(place for place in range(shorter) if old[place] != new[place])


def _layout(change: Patch, chart: Chart, before: Chart | None = None) -> None:
    known = before.layout if before else {}
    for key in ("shapes", "height", "annotations"):
        if key in chart.layout and chart.layout[key] != known.get(key):
            change["layout"][key] = chart.layout[key]
    # "range" is there only where outliers are clipped, "autorangeoptions" only where the chart is not zoomed.
    y_keys = ("categoryarray", "tickvals", "ticktext", "range", "autorangeoptions")
    for axis, keys in {"yaxis": y_keys, "xaxis": ("autorangeoptions",)}.items():
        for key in keys:
            if (now := chart.layout.get(axis, {}).get(key)) not in (None, known.get(axis, {}).get(key)):
                change["layout"][axis][key] = now


Builder = Callable[[TrainingState, str, View], Chart]

BUILDERS: Final = "thalia_monitor_charts"
FAMILIES: Final = "thalia_monitor_chart_families"
CONFIG: Final = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,  # plotly.js 4 offers to upload the chart to its maker
    "displayModeBar": False,  # a chart has a toolbar of its own, which fingers and keyboards reach
}


def declare(kind: str, builder: Builder) -> None:
    """Register the builder of a kind of chart with the current app."""
    dash.get_app().server.extensions.setdefault(BUILDERS, {})[kind] = builder


@dataclass(frozen=True, slots=True)
class ChartFamily:
    """Charts that also depend on data outside the run on screen; their kind is ``name~source_key``."""

    builder: Callable[[str], Builder]
    """Makes the builder for a ``source_key``."""
    version: Callable[[str], str]
    """Version of the data that ``source_key`` names."""


def declare_family(kind: str, family: ChartFamily) -> None:
    """Register a family of charts with the current app."""
    dash.get_app().server.extensions.setdefault(FAMILIES, {})[kind] = family


def _family(kind: str) -> tuple[ChartFamily | None, str]:
    name, _, source_key = kind.partition("~")
    found: ChartFamily | None = dash.get_app().server.extensions.get(FAMILIES, {}).get(name)
    return found, source_key


def chart_id(part: str, kind: str, name: Any) -> dict[str, Any]:
    """The id of one part of a chart's card."""
    return {"type": part, "kind": kind, "name": name}


def chart_card(
    kind: str,
    title: str,
    name: str = "",
    *,
    height: int = 240,
    class_name: str = "",
    options: Sequence[str] = (),
    series: str = "",
    table: str = "",
    takes: Sequence[str] = (),
    detail: str = "",
    zooms: bool = True,
) -> html.Section:
    """A card with a title, a chart that follows the run, and a caption that says what is drawn.

    Args:
        kind: what it was declared as.
        title: what stands above it.
        name: what of the run it shows, where there are several charts of a kind.
        height: of the chart in pixels until it is drawn.
        class_name: more classes of the card.
        options: its own buttons, of ``OPTIONS``.
        series: whose raw values it leads to: a name, or what the names of several begin with (``neurons.``).
        table: the id of the table on the same page that lists what it is drawn from.
        takes: the page's tools that affect it besides the x axis, of ``smooth`` and ``events``: the toolbar shows
            only those that a chart of the page uses.
        detail: what stands beside the title: which series it is, where the title does not say.
        zooms: whether its x axis can be zoomed: not one of a few bars.
    """
    return html.Section(
        [
            html.Header(
                [
                    html.H2(title, className="card-name"),
                    *([html.Span(detail, className="fact-detail log-text", dir="auto")] if detail else ()),
                    html.Span(id=chart_id("caption", kind, name), className="caption"),
                    html.Div(
                        [
                            *(_option(each, name, title) for each in options),
                            *(_zoom(each, title) for each in ZOOMS if zooms),
                            *(_save(each, title) for each in ("png", "svg", "csv")),
                            *([_values_link(series, title)] if series else ()),
                            *([_table_link(table, title)] if table else ()),
                        ],
                        role="toolbar",
                        className="card-tools",
                        **{"aria-label": f"{title}: tools", "data-toolbar": ""},
                    ),
                ],
                className="card-head",
            ),
            dcc.Graph(
                id=chart_id("chart", kind, name),
                figure={"data": [], "layout": theme.layout(height=height, **theme.NO_AXES)},
                config=CONFIG,
                className="chart",
                style={"minHeight": height},  # until it is drawn
            ),
            dcc.Store(id=chart_id("drawn", kind, name)),
        ],
        className=f"panel chart-card {class_name}",
        **{"data-takes": " ".join(takes)},
    )


OPTIONS: Final = {
    "log": ("log", "logarithmic y axis"),
    "clip": ("hide outliers", "hide outliers"),
    "percent": ("%", "shares in percent"),
    "pin": ("pin", "keep this chart at the top"),
}


def _option(option: str, name: str, title: str) -> html.Button:
    words, meaning = OPTIONS[option]
    return basic.toggle(option, name, words, f"{title}: {meaning}")


ZOOMS: Final = {
    "in": ("+", "zoom in"),
    "out": ("−", "zoom out"),
    "back": ("‹", "move to the left"),
    "on": ("›", "move to the right"),
    "reset": ("⟲", "reset zoom"),
}


def _zoom(move: str, title: str) -> html.Button:
    sign, meaning = ZOOMS[move]
    words = f"{title}: {meaning}"
    return html.Button(
        sign, type="button", className="option", title=words, **{"aria-label": words, "data-zoom": move}
    )


def _save(file_format: str, title: str) -> html.Button:
    words = f"Save {title} as {file_format.upper()}" + (" (the points drawn)" if file_format == "csv" else "")
    return html.Button(
        file_format.upper(),
        type="button",
        className="option",
        title=words,
        **{"aria-label": words, "data-save": file_format},
    )


def _values_link(name: str, title: str) -> dcc.Link:
    address = dash.get_app().get_relative_path(f"/values?series={quote(name, safe='', errors='replace')}")
    return dcc.Link("values", href=address, className="option", title=f"{title}: raw values and CSV")


def _table_link(table: str, title: str) -> html.A:
    words = f"{title}: every event in a table below"
    return html.A("table", href=f"#{table}", className="option", title=words, **{"aria-label": words})


def updates(state: TrainingState, run: str, client: ClientState) -> tuple[list[Any], list[Any], list[Any]]:
    """Return figure, caption and record of each chart of a page; the browser stores the record and sends it back.

    Each is ``no_update`` for a chart that is up to date.

    Args:
        state: the run as it is to be shown.
        run: its id.
        client: what the browser shows.
    """
    unchanged = (no_update,) * 3
    # A chart that fails leaves no record, so that its figure and caption are sent whole at the next refresh.
    failed = (no_update, caption_children(Caption((FAILURE_TEXT,), "", "")), None)
    answers = [
        contained(
            f"{each['kind']} {each['name']}", partial(update, state, run, each, client.view, before), failed
        )
        if client.is_due(each, run, before)
        else unchanged
        for each, before in zip(client.charts, client.charts_shown, strict=True)
    ]
    figures, captions, records = zip(*answers, strict=True) if answers else ((), (), ())
    return list(figures), list(captions), list(records)


def update(state: TrainingState, run: str, chart: PartId, view: View, shown: Any) -> tuple[Any, Any, Any]:
    """Return the smallest update of one chart: figure, caption, and a record of what the browser then shows."""
    family, source_key = _family(chart["kind"])
    if family:
        state = replace(state, version=f"{state.version}+{family.version(source_key)}")
    if not isinstance(shown, dict) or not {"version", "view"} <= shown.keys():
        shown = None  # not drawn yet, or no record of ours
    record: dict[str, Any] = {"version": f"{run}:{state.version}", "view": view.key}
    if shown and record.items() <= shown.items():
        return no_update, no_update, no_update
    built = _cached_chart(state, run, chart, view)
    paused_length = _length_when_paused(built, view, shown)
    record |= {
        "axes": axes_key(view, chart["name"], built),
        "length": built.length,
        "paused_length": paused_length,
    }
    new_caption = caption(built, paused_length)
    if not shown or shown.get("axes") != record["axes"]:
        return zoomed_figure(built, view), caption_children(new_caption), record
    before = monitor().cached(shown["version"], _cache_name(chart, shown["view"]), Chart)
    if before is None:
        return replacement(built), caption_children(new_caption), record
    same = new_caption == caption(before, shown.get("paused_length"))
    return difference(before, built), no_update if same else caption_children(new_caption), record


def _length_when_paused(chart: Chart, view: View, shown: dict[str, Any] | None) -> int | None:
    """Return how many points the series had when a zoom paused the chart; None while it follows the run."""
    if not view.zoomed or chart.own_axis:
        return None
    seen = [shown.get(each) for each in ("paused_length", "length")] if shown else []
    return next((each for each in seen if isinstance(each, int)), chart.length)


def _cached_chart(state: TrainingState, run: str, chart: PartId, view: View) -> Chart:
    family, source_key = _family(chart["kind"])
    builder: Builder | None = (
        family.builder(source_key)
        if family
        else dash.get_app().server.extensions[BUILDERS].get(chart["kind"])
    )
    if builder is None:
        raise PreventUpdate
    name, draw = chart["name"], builder
    return monitor().cached_or_computed(
        state,
        run,
        _cache_name(chart, view.key),
        lambda: enlarged(spanned(draw(state, name, view), view), view.scale),
        Chart,
    )


def _cache_name(chart: PartId, view: str) -> str:
    return f"{chart['kind']}:{chart['name']}:{view}"


def axes_key(view: View, name: str, chart: Chart) -> str:
    """Return a key of what the axes depend on; if it changes, the whole figure is sent, without the old zoom."""
    return f"{view.x} {name in view.log} {name in view.clip} {name in view.percent} {bool(chart.traces)}"


def zoomed_figure(chart: Chart, view: View) -> dict[str, Any]:
    """Return a whole figure, with the zoom of the other charts."""
    figure = chart.figure
    if view.zoomed and "xaxis" in figure["layout"] and not chart.own_axis:
        axis = figure["layout"]["xaxis"] | {"range": [view.start, view.end], "autorange": False}
        figure["layout"] = figure["layout"] | {"xaxis": axis}
    return figure


@dataclass(frozen=True, slots=True)
class Caption:
    """Text beside a chart's title."""

    notes: tuple[str, ...]
    """What a line cannot show, and what a viewer should know."""
    drawn: str
    """The chart's own caption: how much is drawn."""
    summary: str
    """Text alternative of the chart, for screen readers."""
    band: str = ""
    """What the coloured band is."""
    band_source: str = ""
    cautious: bool = False
    """Whether values in the band are a reason for caution."""


def caption(chart: Chart, paused_length: Any) -> Caption:
    """Return the caption; ``paused_length`` is how many points there were when a zoom paused the chart."""
    notes = [each for each in chart.notes if each]
    if isinstance(paused_length, int):
        notes.append(f"paused, {counted(max(chart.length - paused_length, 0), 'new point')}")
    return Caption(tuple(notes), chart.caption, chart.summary, chart.band, chart.band_source, chart.cautious)


def caption_children(words: Caption) -> list[Any]:
    """Lay a caption out."""
    notes = [html.Span(note, className="note") for note in words.notes]
    return [
        *(
            [
                html.Span(
                    words.band,
                    className=f"band-key {'band-key-caution' if words.cautious else ''}",
                    title=words.band_source,
                )
            ]
            if words.band
            else ()
        ),
        *notes,
        html.Span(words.drawn, className="drawn"),
        html.Span(words.summary, className="visually-hidden") if words.summary else "",
    ]
