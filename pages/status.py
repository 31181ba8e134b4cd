"""Status: how the server itself is doing. Not in the navigation: the settings lead here."""

from __future__ import annotations

from typing import Any

import dash
from dash import Input, Output, html

from thalia_monitor.web.components import server_status
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live.ids import PULSE
from thalia_monitor.web.server import alert_watch, status

dash.register_page(__name__, path="/status", name="Status", title="Status · thalia-monitor", order=None)

REPORT = "status-report"


def layout(**_: Any) -> html.Div:
    return html.Div(id=REPORT, className="page server-status", **{"data-every-tick": ""})


@dash.get_app().callback(Output(REPORT, "children"), Input(PULSE, "data"))
def fill(_: Any) -> list[Any]:
    server = dash.get_app().server
    alerts = alert_watch.standing(server).get("alerts", "")
    return server_status.panels(status.report(monitor()), alerts, alert_watch.channels(server))
