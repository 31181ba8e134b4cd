"""The views of regions, growth, consolidation, metric families and checkpoints, in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support import Run, Server, serving

from .conftest import SETTLED
from .test_picture import Browse, card, wait_until_drawn

pytestmark = pytest.mark.browser


@pytest.fixture
def server(run: Run) -> Iterator[Server]:
    """A monitor on a run with two regions, one of them silent on one line."""
    for step in range(0, 10_000, 10):
        rates = {"cortex": 0.1, "striatum": 0.0 if step == 5_000 else 0.12}
        run.metrics(step, region_firing_rates=rates)
    with serving("--checkpoint-dir", run.directory) as started:
        yield started


def test_a_click_on_a_cell_shows_the_curve_of_its_region(browse: Browse, server: Server) -> None:
    """All charts zoom to the cell's surroundings, and the field says whose curve it is."""
    page = browse(height=1400).open(f"{server.url}activity")
    wait_until_drawn(page, "region_firing_rates")
    page.evaluate(SETTLED)
    plot = card(page, "region_firing_rates").locator(".nsewdrag").first
    box = plot.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.75)
    expect(page.locator("#activity-region")).to_have_value("region_firing_rates/striatum")
    wait_until_drawn(page, "region_firing_rates/striatum")
    expect(page.locator("#view-words")).to_contain_text("Zoomed to steps")
