"""The regions of a run as buttons: each in its colour, pressed to hide it on every chart."""

from __future__ import annotations

from typing import Any

from dash import html

from thalia_monitor.figures.theme import REGIONS, region_style
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


def palette() -> html.Fieldset:
    """The colours of Thalia's own regions, and what they can be relied on for."""
    return html.Fieldset(
        [
            html.Legend("Colours", className="form-label"),
            html.Div(
                [html.Span([_swatch(region), region]) for region in REGIONS], className="fact-detail palette"
            ),
            html.Small(
                "The same on every page, told apart with any common colour blindness.",
                className="fact-detail",
            ),
        ],
        className="setting",
    )


def _swatch(region: str) -> html.I:
    return html.I(className="swatch", style={"backgroundColor": region_style(region)["color"]})
