"""The regions of a run as the frame shows them."""

from __future__ import annotations

from dash import html

from thalia_monitor.figures.theme import REGIONS, region_style
from thalia_monitor.web.components import toolbar


def test_the_palette_is_shown_by_the_names_of_the_regions() -> None:
    """Each of Thalia's regions has its colour beside it, and it is said what the colours are good for."""
    shown = list(toolbar.palette()._traverse())
    named = [each.children for each in shown if isinstance(each, html.Span)]
    assert [(name, swatch.style["backgroundColor"]) for swatch, name in named] == [
        (region, region_style(region)["color"]) for region in REGIONS
    ]
    assert any("any common colour blindness" in str(getattr(each, "children", "")) for each in shown)
