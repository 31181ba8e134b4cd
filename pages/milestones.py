"""Milestones: the stage's checklist, what has passed, what has not, and what is still to be evaluated."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.web.components.milestone_list import checklist_panel
from thalia_monitor.web.live import panels

dash.register_page(
    __name__, path="/milestones", name="Milestones", title="Milestones · thalia-monitor", order=4
)

CHECKLIST = "milestones-checklist"
panels.declare(CHECKLIST, checklist_panel)


def layout(**_: Any) -> html.Div:
    return panels.panel(CHECKLIST, className="page")
