"""What an unknown address shows; Dash looks for this file by its name."""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from thalia_monitor.web.components import basic

dash.register_page(__name__, path="/404", name="Not found", title="Not found · thalia-monitor")


def layout(**_: Any) -> html.Div:
    return html.Div(
        basic.empty("There is no page at this address", "Choose one of the sections above."), className="page"
    )
