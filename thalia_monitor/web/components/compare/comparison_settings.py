"""What was set and changed in the runs compared: settings in which they differ, and changes by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from dash import html

from thalia_monitor.analysis.control_history import controls
from thalia_monitor.analysis.curriculum.run_settings import MOST_SETTINGS, differing, run_settings
from thalia_monitor.analysis.formatting import NONE, counted
from thalia_monitor.web.components import basic
from thalia_monitor.web.components.value_table import when

if TYPE_CHECKING:
    from thalia_monitor.analysis.comparison import Side

MOST_CHANGES: Final = 200
EMPTY: Final = '""'
"""A setting that is logged, as an empty text."""
PARTS: Final = ("settings", "changes")
"""Ids, after ``compare-``, of what :func:`fill` gives new children."""


def panels() -> list[html.Section]:
    """The settings in which the runs differ, and what was changed by hand."""
    return [
        basic.panel("Settings", html.Div(id="compare-settings")),
        basic.panel("Changes by hand", html.Div(id="compare-changes")),
    ]


def fill(sides: Sequence[Side]) -> dict[str, Any]:
    """Children of :data:`PARTS`."""
    return {"settings": settings(sides), "changes": changes(sides)}


def settings(compared: Sequence[Side]) -> Any:
    """The settings in which runs differ, run beside run."""
    found, same = differing([side.state for side in compared])
    if not found:
        advice = "logger.log_stage_start(stage, {'learning_rate': 0.001}) logs those of a stage."
        return basic.empty("No setting differs", f"{counted(same, 'setting')} the same." if same else advice)
    columns = ("Setting", *(side.name[:40] for side in compared))
    rows = [
        [f"{each.name}, {each.where}", *(NONE if value is None else value or EMPTY for value in each.values)]
        for each in found
    ]
    words = f"{counted(same, 'more setting')} the same in all."
    if any(len(run_settings(side.state)) == MOST_SETTINGS for side in compared):
        words += f" The first {MOST_SETTINGS} of a run are compared."
    return html.Div([basic.plain_table("Different", columns, rows), html.P(words, className="fact-detail")])


def changes(compared: Sequence[Side]) -> Any:
    """What was changed by hand while each run trained, run beside run and by step."""
    found = [
        (change.step or 0, place, change)
        for place, side in enumerate(compared)
        for change in controls(side.state).changes
        if change.applied
    ]
    if not found:
        return basic.empty("No changes by hand", "Nobody has changed a parameter of these runs.")
    places = range(len(compared))
    rows = [
        html.Tr(
            [
                html.Td(f"{step:,}", className="number"),
                *(
                    html.Td(
                        change.words if at == place else "", className="log-text", title=when(change.time)
                    )
                    for at in places
                ),
            ]
        )
        for step, place, change in sorted(found, key=lambda each: each[:2])[-MOST_CHANGES:]
    ]
    head = html.Tr(
        [html.Th("Step", scope="col"), *(html.Th(side.name[:40], scope="col") for side in compared)]
    )
    made = html.Table([html.Thead(head), html.Tbody(rows)], className="event-table")
    return basic.scrolled(made, "Changes by hand, side by side")
