"""Status: how the server itself is doing. Not in the navigation: the settings lead here."""

from __future__ import annotations

from typing import Any

import dash
from dash import Input, Output, html

from thalia_monitor.web import condition, guard, operations
from thalia_monitor.web.live import PULSE
from thalia_monitor.web.monitor import monitor

dash.register_page(__name__, path="/status", name="Status", title="Status · thalia-monitor", order=None)

REPORT = "status-report"


def layout(**_: Any) -> html.Div:
    return html.Div(id=REPORT, className="page server-status")


@dash.get_app().callback(Output(REPORT, "children"), Input(PULSE, "data"))
def fill(_: Any) -> list[Any]:
    server = dash.get_app().server
    alerts = guard.standing(server).get("alerts", "")
    return condition.panels(operations.report(monitor()), alerts, guard.channels(server))
