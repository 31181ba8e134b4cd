"""The views of regions, growth, consolidation, metric families and checkpoints, in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support import Run, Server, line, serving
from thalia_monitor import CurriculumLogger

from .conftest import SETTLED
from .test_access import TWO_LOOKS, violations
from .test_picture import Browse, card, wait_until_drawn

pytestmark = pytest.mark.browser
LONG = "a_region_whose_name_is_longer_than_any_phone_is_wide"


@pytest.fixture
def server(run: Run) -> Iterator[Server]:
    """A monitor on a run with everything that these views show, and a region that is silent on one line."""
    for step in range(0, 10_000, 10):
        sizes = {"cortex": 1000 + step // 5_000 * 100, "striatum": 500}
        run.metrics(
            step,
            region_firing_rates={"cortex": 0.1, "striatum": 0.0 if step == 5_000 else 0.12, LONG: 0.4},
            neuron_counts=sizes,
            capacity_by_region=dict.fromkeys(sizes, 0.8),
            performance=step / 20_000,
            weights={"p_mean": 0.5, "p_std": 0.1},
            oscillator={"theta_frequency": 8.0, "gamma_frequency": 40.0},
        )
        if step in (3_000, 6_000):
            phases = (
                {"sleep_stage": "NREM", "patterns_replayed": 9, "cycles": 5, "her_enabled": True},
                {"sleep_stage": "REM"},
            )
            run.append(*(line(step, event_type="consolidation", **each) for each in phases))
        if step == 5_000:
            run.append(
                line(
                    step,
                    event_type="growth",
                    region="cortex",
                    neurons_added=100,
                    reason="Capacity 0.86 > 0.85",
                )
            )
    run.metadata(4_000)
    run.metadata(9_000)
    logger = CurriculumLogger(run.directory, console_log=False, file_log=False, json_log=True)
    for step in (3_000, 6_000, 9_000):
        firing = {neuron: [step / 1_000 + neuron, 100.0] for neuron in range(9)}
        logger.log_spikes({"cortex": firing, LONG: firing}, step, 200)
    with serving("--checkpoint-dir", run.directory) as started:
        yield started


def test_a_click_on_a_cell_shows_the_curve_of_its_region(server: Server, browse: Browse) -> None:
    """All charts zoom to the cell's surroundings, and the field says whose curve it is."""
    page = browse(height=1400).open(f"{server.url}activity")
    wait_until_drawn(page, "region_firing_rates")
    page.evaluate(SETTLED)
    plot = card(page, "region_firing_rates").locator(".nsewdrag").first
    box = plot.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#activity-region")).to_have_value("region_firing_rates/striatum")
    wait_until_drawn(page, "region_firing_rates/striatum")
    expect(page.locator("#view-words")).to_contain_text("Zoomed to steps")


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_a_window_of_spikes_is_chosen(
    server: Server, run: Run, browse: Browse, width: int, theme: str
) -> None:
    """By a button, the list or a cell of the map; the address has it, and axe finds nothing."""
    page = browse(width=width, height=1800, theme=theme).open(f"{server.url}activity")
    field, caption = page.locator("#activity-window"), card(page, "Spikes").locator(".drawn")
    wait_until_drawn(page, "Spikes")
    expect(caption).to_contain_text("3 windows, step 3,000 to 9,000; this one, step 9,000")
    earlier = page.get_by_role("button", name="Show the window before")
    box = earlier.bounding_box()
    assert box and (width > 390 or box["height"] >= 44)
    earlier.focus()
    page.keyboard.press("Enter")
    expect(field).to_have_value("6000")
    expect(caption).to_contain_text("this one, step 6,000")
    expect(page).to_have_url(re.compile("window=6000"))
    field.select_option("3000")
    expect(caption).to_contain_text("this one, step 3,000")
    wait_until_drawn(page, "Spikes")
    page.evaluate(SETTLED)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    page.reload()
    expect(field).to_have_value("3000")
    wait_until_drawn(page, "region_firing_rates")
    page.evaluate(SETTLED)
    cells = card(page, "region_firing_rates").locator(".nsewdrag").first.bounding_box()
    assert cells
    page.mouse.click(cells["x"] + 0.62 * cells["width"], cells["y"] + cells["height"] / 2)
    expect(field).to_have_value("6000")


def test_a_name_in_the_tree_is_searched_for(server: Server, browse: Browse) -> None:
    """Its group unfolds, a click on it leaves its chart alone."""
    page = browse().open(f"{server.url}metrics")
    page.locator(".tree summary", has_text="weights/").click()
    page.locator(".tree button", has_text="p_std").click()
    expect(page.locator("#metrics-other-query")).to_have_value("weights/p_std")
    expect(page.locator("#metrics-other-count")).to_contain_text("1 of")


def test_two_checkpoints_are_compared(server: Server, browse: Browse) -> None:
    """What changed between them, chosen from the list."""
    page = browse().open(f"{server.url}checkpoints")
    page.locator("#checkpoints-first").select_option("metadata_4000.json")
    page.locator("#checkpoints-second").select_option("metadata_9000.json")
    expect(page.locator("#checkpoints-difference")).to_contain_text("5,000 steps later")
    expect(page.locator("#checkpoints-difference")).to_contain_text("Growth between, 1")


@pytest.mark.parametrize("path", ["activity", "growth", "consolidation", "checkpoints", "metrics"])
def test_the_views_are_for_everyone(server: Server, browse: Browse, path: str) -> None:
    """Axe finds nothing in either theme and width, and nothing scrolls sideways on a phone."""
    page = browse(height=1400).open(server.url + path)
    page.wait_for_selector(".fact-value")
    page.evaluate(SETTLED)
    assert violations(page, TWO_LOOKS) == []
    phone = browse(width=390, height=844).open(server.url + path)
    phone.wait_for_selector(".fact-value")
    phone.evaluate(SETTLED)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
