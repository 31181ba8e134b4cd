"""What was changed by hand in several runs, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from dash import html

from thalia_monitor.analysis.control_history import Change, controls
from thalia_monitor.web.components import basic
from thalia_monitor.web.components.value_table import moment

if TYPE_CHECKING:
    from thalia_monitor.analysis.comparison import Side

MOST_CHANGES: Final = 200


def changes(sides: Sequence[Side]) -> Any:
    """What was changed by hand while each run trained, run beside run and by step."""
    found = [
        (change.step or 0, place, change)
        for place, side in enumerate(sides)
        for change in controls(side.state).changes
        if change.applied
    ]
    if not found:
        return basic.empty("No changes by hand", "Nobody has changed a parameter of these runs.")
    places = range(len(sides))
    rows = [
        html.Tr(
            [
                html.Td(f"{step:,}", className="number"),
                *(
                    html.Td(change.words if at == place else "", className="log-text", title=when(change))
                    for at in places
                ),
            ]
        )
        for step, place, change in sorted(found, key=lambda each: each[:2])[-MOST_CHANGES:]
    ]
    head = html.Tr([html.Th("Step", scope="col"), *(html.Th(side.name[:40], scope="col") for side in sides)])
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="event-table")
    label = {"aria-label": "Changes by hand, side by side"}
    return html.Div(table, className="table-scroll", tabIndex=0, role="region", **label)


def when(change: Change) -> str:
    """Date and time of a change, after a space; empty where it has none."""
    return "" if change.time is None else f" {moment(change.time)} UTC"
