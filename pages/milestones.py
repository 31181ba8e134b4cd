"""Milestones: the stage's checklist, what has passed, what has not, and what is still to be evaluated."""

from __future__ import annotations

from typing import Any

import dash
from dash import Output, html

from thalia_monitor.state import TrainingState
from thalia_monitor.web.checklist import checklist_panel
from thalia_monitor.web.live import live

dash.register_page(
    __name__, path="/milestones", name="Milestones", title="Milestones · thalia-monitor", order=4
)

CHECKLIST = "milestones-checklist"


def layout(**_: Any) -> html.Div:
    return html.Div(id=CHECKLIST, className="page")


@live(Output(CHECKLIST, "children"))
def fill(state: TrainingState) -> list[Any]:
    return checklist_panel(state)
