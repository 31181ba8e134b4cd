"""What the pointer, a finger and the keyboard find on the charts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support import Run, Server, line, serving

from .conftest import SETTLED
from .test_live import PLOTS, plots
from .test_picture import Browse, card, wait_until_drawn

pytestmark = pytest.mark.browser
REGIONS = {"cortex": 1000, "hippocampus": 500}
STAGE, APART, DENSE = 10_000, 60_000, range(30_000, 31_000, 50)


@pytest.fixture
def server(run: Run) -> Iterator[Server]:
    """A monitor on a run with a stage, one growth apart, twenty that are dense, and consolidations."""
    for step in range(0, 100_100, 500):
        run.metrics(
            step,
            loss=0.0718123 + step / 1e9,
            firing_rate=0.3,
            capacity=0.5,
            performance=0.4,
            neuron_counts=REGIONS,
            capacity_by_region=dict.fromkeys(REGIONS, 0.4),
        )
    grown = {"event_type": "growth", "neurons_added": 7}
    run.append(line(STAGE, event_type="stage_start", stage=0))
    run.append(*(line(step, region="cortex", **grown) for step in (*DENSE, APART)))
    run.append(line(50_000, region="hippocampus", **grown))
    for step in range(5_000, 95_000, 10_000):
        slept = {"sleep_stage": "NREM", "patterns_replayed": step // 1000, "duration_steps": 3000}
        run.append(line(step, event_type="consolidation", **slept))
    with serving("--checkpoint-dir", run.directory) as started:
        yield started


def opened(browse: Browse, url: str, chart: str, **options: Any) -> Page:
    """A page with this chart drawn, in a window that has room for all charts: the pointer must reach them."""
    page = browse(**({"height": 1400} | options)).open(url)
    wait_until_drawn(page, chart)
    page.evaluate(SETTLED)
    return page


def place(page: Page, chart: str, step: int, share: float = 0.5) -> tuple[float, float]:
    """Where a step stands on the screen, at a share of the plot's height."""
    found: list[float] = card(page, chart).evaluate(
        """(card, [step, share]) => {
          const plot = card.querySelector('.js-plotly-plot');
          const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
          return [box.x + plot._fullLayout.xaxis.d2p(step), box.y + share * box.height];
        }""",
        [step, share],
    )
    return found[0], found[1]


def point_at(page: Page, at: tuple[float, float]) -> None:
    """Move the pointer there in small steps, as a hand does."""
    page.mouse.move(at[0] - 3, at[1] - 2)
    page.mouse.move(*at, steps=3)


def test_the_pointer_shows_four_digits_and_no_pair_of_numbers(server: Server, browse: Browse) -> None:
    """The value, beside an event and beside a smoothed line whose points are elsewhere."""
    page = opened(browse, server.url + "metrics?smooth=0.6&events=growth,stage", "Loss")
    for step in (25_000, APART, STAGE + 120, 99_000):
        point_at(page, place(page, "Loss", step))
        shown = card(page, "Loss").locator(".hoverlayer")
        expect(shown).to_contain_text(re.compile(r"Loss : 0\.071[89]\d?(?!\d)"))
        words = shown.text_content() or ""
        assert not re.search(r"\(|\d\.\d{6}", words), words


def test_an_event_is_shown_only_within_a_few_pixels(server: Server, browse: Browse) -> None:
    """On its tick; not a finger's width beside it, nor after the pointer has left the chart."""
    page = opened(browse, server.url + "metrics", "Loss")
    tip = page.locator(".event-tip")
    x, y = place(page, "Loss", APART)
    point_at(page, (x + 2, y))
    expect(tip).to_have_text("step 60,000: cortex, +7 neurons")
    point_at(page, (x + 12, y))
    expect(tip).to_be_hidden()
    point_at(page, place(page, "Loss", STAGE))
    expect(tip).to_contain_text("step 10,000: Stage 0")
    page.mouse.move(2, 2)
    expect(tip).to_be_hidden()


def test_a_stage_is_a_line_and_another_event_a_short_tick_with_a_count(
    server: Server, browse: Browse
) -> None:
    """The dense ones are one mark that says how many; the legend names what is on the charts, and only that."""
    page = opened(browse, server.url + "metrics?events=growth,stage", "Loss")
    heights: dict[str, float] = card(page, "Loss").evaluate(
        """card => {
          const plot = card.querySelector('.js-plotly-plot');
          const height = path => path.getBoundingClientRect().height;
          return {
            plot: plot.querySelector('.nsewdrag').getBoundingClientRect().height,
            line: Math.max(...[...plot.querySelectorAll('.scatterlayer .js-line')].slice(-1).map(height)),
            tick: Math.max(...[...plot.querySelectorAll('.scatterlayer .point')].slice(-3).map(height)),
          };
        }"""
    )
    assert heights["line"] > 0.95 * heights["plot"]
    assert 0 < heights["tick"] < 16
    expect(card(page, "Loss").locator(".textpoint").filter(has_text=re.compile("^20$"))).to_have_count(1)
    keys = page.locator(".event-legend span[data-kind]:visible")
    assert [each.strip("|┃ ") for each in keys.all_inner_texts()] == ["growth", "stages"]
    page.locator("#toolbar summary").click()
    page.locator("#view-events input[value=rem]").check()
    expect(keys).to_have_count(3)


def test_a_chart_begins_with_its_first_point_and_ends_with_its_last(
    server: Server, run: Run, browse: Browse
) -> None:
    """No blank on either side, also after new points; a zoom is given back whole."""
    page = opened(browse, server.url + "metrics", "Loss")
    assert plots(page)["Loss"]["range"] == [0, 100_000]
    run.metrics(101_000)
    page.wait_for_function(f"() => ({PLOTS})()['Loss'].range[1] === 101000")
    card(page, "Loss").get_by_role("button", name="zoom in").click()
    page.wait_for_function(f"() => ({PLOTS})()['Loss'].range[0] > 20000")
    card(page, "Loss").get_by_role("button", name="reset zoom").click()
    page.wait_for_function(f"() => ({PLOTS})()['Loss'].range.join() === '0,101000'")


def test_a_band_is_seen_to_its_lower_edge_and_named_outside_the_plot(server: Server, browse: Browse) -> None:
    """Even where every value is above it."""
    page = opened(browse, server.url + "metrics", "Firing rate")
    low, high = card(page, "Firing rate").evaluate(
        "card => card.querySelector('.js-plotly-plot')._fullLayout.yaxis.range"
    )
    assert low < 0.05 and high > 0.3
    expect(card(page, "Firing rate").locator(".card-head .band-key")).to_have_text("normal 0.05–0.15")
    expect(card(page, "Firing rate").locator(".shape-label")).to_have_count(0)


def test_one_legend_hides_a_region_in_every_chart_and_in_the_address(server: Server, browse: Browse) -> None:
    """The chips above the charts; no chart has a legend of its own."""
    page = opened(browse, server.url + "growth", "When each region grew", height=1600)
    expect(page.locator(".chart .legend")).to_have_count(0)
    everything = (
        "[...document.querySelectorAll('.chart .js-plotly-plot')].map(plot => JSON.stringify(plot.data))"
    )
    assert page.evaluate(f"{everything}.every(data => data.includes('hippocampus'))")
    page.get_by_role("button", name="Hide hippocampus").click()
    page.wait_for_function(f"() => !{everything}.some(data => data.includes('hippocampus'))")
    page.wait_for_function("() => location.search.includes('hide=hippocampus')")
    page.get_by_role("button", name="Hide the total").click()
    page.wait_for_function(f"() => !({PLOTS})()['Neurons by region'].names.includes('total')")
    page.wait_for_function("() => location.search.includes('hide=hippocampus,total')")


def test_a_charts_toolbar_is_one_tab_stop_with_arrow_keys(server: Server, browse: Browse) -> None:
    """From chart to chart with the tab key, from tool to tool with the arrows, and Enter does what it says."""
    page = opened(browse, server.url + "growth", "Neurons by region", height=1600)
    stops = page.locator(".chart-card").evaluate_all(
        """cards => cards.map(card => [...card.querySelectorAll('a, button, [tabindex]')]
          .filter(each => each.tabIndex >= 0 && each.getClientRects().length).length)"""
    )
    assert len(stops) >= 4
    assert set(stops) == {1}
    tools = card(page, "Neurons by region").get_by_role("toolbar")
    tools.locator("button").first.focus()
    page.keyboard.press("ArrowRight")
    expect(tools.get_by_role("button", name="zoom in")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => ({PLOTS})()['Neurons by region'].range[0] > 20000")
    expect(page.locator("#view-words")).to_contain_text("25,000 to 75,000")
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    expect(tools.locator("button").first).to_be_focused()
    page.keyboard.press("Tab")
    expect(card(page, "Capacity by region").get_by_role("toolbar").locator(":focus")).to_have_count(1)


def save(page: Page, chart: str, kind: str, directory: Path) -> bytes:
    """What a chart's button saves."""
    with page.expect_download() as waiting:
        card(page, chart).get_by_role("button", name=f"Save {chart} as {kind}").click()
    waiting.value.save_as(directory / kind)
    return (directory / kind).read_bytes()


def test_pictures_and_points_are_found_without_hovering(
    server: Server, browse: Browse, tmp_path: Path
) -> None:
    """The buttons are seen, and each saves what it says."""
    page = opened(browse, server.url + "metrics", "Loss")
    for kind in ("PNG", "SVG", "CSV"):
        button = card(page, "Loss").get_by_text(kind, exact=True)
        expect(button).to_be_visible()
        assert button.evaluate("button => getComputedStyle(button).opacity") == "1"
    assert save(page, "Loss", "PNG", tmp_path).startswith(b"\x89PNG")
    assert save(page, "Loss", "SVG", tmp_path).startswith(b"<svg")
    rows = save(page, "Loss", "CSV", tmp_path).decode().splitlines()
    assert rows[:2] == ["series,x,y,text", "Loss,0,0.0718123,"]
    assert any(row.startswith("growth,60000,") and "cortex" in row for row in rows)


def targets(page: Page, parts: str) -> list[tuple[float, float]]:
    """Width and height of what a finger can press."""
    found: list[tuple[float, float]] = page.locator(parts).evaluate_all(
        """all => all.filter(each => each.getClientRects().length)
          .map(each => [each.getBoundingClientRect().width, each.getBoundingClientRect().height])"""
    )
    return found


def test_the_tools_of_a_chart_are_large_enough_for_a_finger(server: Server, browse: Browse) -> None:
    """44 pixels each way on a phone, and none of them makes the page wider than the screen."""
    page = opened(browse, server.url + "growth", "Neurons by region", width=390, height=844, has_touch=True)
    found = targets(page, ".card-tools > *, .regions .option")
    assert len(found) > 20
    assert all(width >= 44 and height >= 44 for width, height in found)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def bars(page: Page, chart: str) -> Locator:
    """The bars of a chart."""
    return card(page, chart).locator(".bars .point path")


def test_consolidation_is_drawn_as_intervals_and_a_constant_distance_in_words(
    server: Server, browse: Browse
) -> None:
    """A bar for each, as long as it took; its colour says how many patterns, and the pointer how many exactly."""
    page = opened(browse, server.url + "consolidation", "Consolidations")
    expect(bars(page, "Consolidations")).to_have_count(9)
    colours = bars(page, "Consolidations").evaluate_all("all => all.map(each => getComputedStyle(each).fill)")
    assert len(set(colours)) == 9
    widths = bars(page, "Consolidations").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect().width)"
    )
    start, end = (place(page, "Consolidations", step)[0] for step in (5000, 8000))
    assert widths[0] == pytest.approx(end - start, abs=3)
    point_at(page, place(page, "Consolidations", 6500))
    shown = card(page, "Consolidations").locator(".hoverlayer")
    expect(shown).to_contain_text("5 patterns")
    expect(shown).to_contain_text("3,000 steps")
    expect(card(page, "Steps between consolidations").locator(".caption")).to_contain_text(
        "one every 10,000 steps"
    )
    expect(bars(page, "Steps between consolidations")).to_have_count(0)
