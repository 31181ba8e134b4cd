"""Rows of tables that zoom the charts to their step (``assets/tables.js``)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from dash import html

from thalia_monitor.analysis.timeline import time_at

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

SHARE: Final = 40
"""The zoom reaches as far to either side as one part in so many of the run."""


def zoom_range(state: TrainingState, step: int, origin: int = 0) -> dict[str, str]:
    """Attribute of a row that zooms the charts around a step, on any x axis that the run can be shown on.

    ``origin`` is the step that is 0 on the charts.
    """
    half = max(state.current_step // SHARE, 1)
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
