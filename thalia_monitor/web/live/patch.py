"""The smallest change that turns the chart a browser holds into the one it should show.

Ranges of axes are never part of it: they are the reader's. Sending a whole figure instead would reset a zoom (Dash
4.4.1 writes a zoom into the ``figure`` property and then takes the next figure for a change of it), while a ``Patch``
together with a constant ``uirevision`` keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import NoUpdate, Patch, no_update

if TYPE_CHECKING:
    from thalia_monitor.figures.chart import Chart

LONGEST_TAIL: Final = 40
"""Points taken off the end one by one; where more have changed, the whole line is sent."""
LISTS: Final = ("x", "y", "text", "customdata")
"""What a trace may have one of for each point; all of them grow together."""


def replacement(chart: Chart) -> Patch:
    """Everything that is drawn, whatever the browser holds."""
    change = Patch()
    change["data"] = chart.traces
    _layout(change, chart)
    return change


def difference(before: Chart, now: Chart) -> Patch | NoUpdate:
    """Only what is new: of a line that grew, the points at its end; nothing where nothing is."""
    if len(before.traces) != len(now.traces):
        return replacement(now)
    pairs = zip(before.traces, now.traces, strict=True)
    others = [(place, old, new) for place, (old, new) in enumerate(pairs) if old != new]
    if not others and before.layout == now.layout:
        return no_update
    change = Patch()
    for place, old, new in others:
        if not _grow(change["data"][place], old, new):
            change["data"][place] = new
    if before.layout != now.layout:
        _layout(change, now)
    return change


def _grow(trace: Patch, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Write down how a line's end changed; False where more than its end did."""
    lists = [key for key in LISTS if isinstance(old.get(key), list) and isinstance(new.get(key), list)]
    if old.keys() != new.keys() or any(old[key] != new[key] for key in old if key not in lists):
        return False
    same = min(_common(old[key], new[key]) for key in lists)
    if len(old["x"]) - same > LONGEST_TAIL:
        return False
    for key in lists:
        for place in range(len(old[key]) - 1, same - 1, -1):
            del trace[key][place]
        if len(new[key]) > same:
            trace[key].extend(new[key][same:])
    return True


def _common(old: list[Any], new: list[Any]) -> int:
    """How many values at the beginning are the same in both."""
    shorter = min(len(old), len(new))
    if old[:shorter] == new[:shorter]:
        return shorter
    return next(place for place in range(shorter) if old[place] != new[place])


def _layout(change: Patch, chart: Chart) -> None:
    for key in ("shapes", "height", "annotations"):
        if key in chart.layout:
            change["layout"][key] = chart.layout[key]
    for key in ("categoryarray", "range"):  # a range is there only where outliers are clipped
        if key in chart.layout.get("yaxis", {}):
            change["layout"]["yaxis"][key] = chart.layout["yaxis"][key]
