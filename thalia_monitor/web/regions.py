"""The regions of a run as buttons: each in its colour, pressed to hide it on every chart."""

from __future__ import annotations

from typing import Any

from dash import html

from thalia_monitor.figures.theme import region_style
from thalia_monitor.state import TrainingState
from thalia_monitor.web.charts import toggle


def names(state: TrainingState) -> list[str]:
    """Every region that a metric line names, in the order of first appearance."""
    return list(dict.fromkeys([*state.history.neurons, *state.history.capacity]))


def buttons(regions: list[str]) -> list[Any]:
    """One button per region."""
    return [
        toggle(
            "hide",
            region,
            [_swatch(region), html.Span(region[:24], dir="auto")],
            f"Hide {region[:60]} on every chart",
        )
        for region in regions
    ]


def _swatch(region: str) -> html.I:
    return html.I(className="swatch", style={"backgroundColor": region_style(region)["color"]})
