"""Pages in a real browser while a run is being written."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.support import Run, Server, line, serving

from .conftest import SETTLED, Watched
from .test_pages import GO

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]

PLOTS = """() => Object.fromEntries([...document.querySelectorAll('.chart-card')].map(card => {
  const plot = card.querySelector('.js-plotly-plot');
  if (!plot || !plot._fullLayout || !plot.data.length) return [card.querySelector('.card-name').textContent, null];
  return [card.querySelector('.card-name').textContent, {
    range: plot._fullLayout.xaxis.range, points: plot.data[0].x.length, last: plot.data[0].x.at(-1),
    names: plot.data.map(trace => trace.name)}];
}))"""


def plots(page: Page) -> dict[str, Any]:
    """What each chart of a page shows."""
    found: dict[str, Any] = page.evaluate(PLOTS)
    return found


def wait_for_point(page: Page, chart: str, step: int) -> dict[str, Any]:
    """Wait until a chart has drawn a step."""
    page.wait_for_function(
        f"() => {{ const all = ({PLOTS})(); return all[{chart!r}] && all[{chart!r}].last == {step}; }}"
    )
    shown: dict[str, Any] = plots(page)[chart]
    return shown


def drag(page: Page, chart: str) -> None:
    """Zoom into the left half of a chart with the mouse, as a reader would."""
    card = page.locator(".chart-card", has=page.get_by_role("heading", name=chart, exact=True))
    card.scroll_into_view_if_needed()
    box = card.locator(".nsewdrag").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 62, steps=8)
    page.mouse.up()


@pytest.fixture
def server(run: Run) -> Any:
    """A monitor that refreshes every second, on a run of twenty steps."""
    run.metrics(*range(0, 2000, 100), firing_rate=0.1, capacity=0.5, performance=0.4)
    run.metadata(1900)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as started:
        yield started


def test_new_lines_are_followed_and_a_zoom_survives_them(run: Run, server: Server, browse: Browse) -> None:
    """An untouched chart follows new points; one zoomed before the first tick stays, and still gets its points."""
    page = browse().open(server.url + "metrics")
    wait_for_point(page, "Loss", 1900)
    drag(page, "Loss")
    page.wait_for_function(f"() => ({PLOTS})()['Capacity'].range[1] < 1500")  # the zoom is linked
    zoomed = plots(page)["Loss"]["range"]
    for step in range(2000, 2500, 100):
        run.metrics(step)
        expect(page.locator("#frame-header")).to_contain_text(f"{step:,}")
    assert plots(page)["Loss"]["range"] == zoomed
    card = page.locator(".chart-card", has=page.get_by_role("heading", name="Loss", exact=True))
    box = card.locator(".nsewdrag").first.bounding_box()
    assert box
    page.mouse.dblclick(box["x"] + 50, box["y"] + 60)
    shown = wait_for_point(page, "Loss", 2400)
    assert shown["range"][1] >= 2400, "a chart that is no longer zoomed follows again"


def test_a_tick_asks_one_question(run: Run, server: Server, browse: Browse) -> None:
    """Frame, charts and panels come in one answer, which is the same for all who show the same."""
    page = browse().open(server.url + "metrics")
    wait_for_point(page, "Loss", 1900)
    page.evaluate(SETTLED)
    asked: list[bytes] = []
    page.on("request", lambda request: asked.append(request.post_data_buffer or b""))
    run.metrics(2000)
    wait_for_point(page, "Loss", 2000)
    callbacks = [each for each in asked if b"changedPropIds" in each]
    assert callbacks
    assert all(b'"changedPropIds":["live-pulse.data"]' in each for each in callbacks)


def test_an_answer_to_a_page_that_is_being_left_is_not_applied(
    run: Run, server: Server, browse: Browse
) -> None:
    """It comes with the next page, which has other things where that page had its charts: no complaint of Dash."""
    page = browse().open(server.url + "metrics")
    wait_for_point(page, "Loss", 1900)
    held: dict[str, tuple[Route, APIResponse]] = {}

    def hold(route: Route) -> None:
        output = (route.request.post_data or "")[:100]
        kind = next((each for each in ("_pages_content", "live-version") if each in output), "")
        if not kind or kind in held:
            route.continue_()
            return
        answer = route.fetch()
        if kind == "_pages_content" or "figure" in answer.text():
            held[kind] = route, answer
        else:
            route.fulfill(response=answer)

    def wait_for(kind: str) -> None:
        end = time.monotonic() + 15
        while kind not in held and time.monotonic() < end:
            page.wait_for_timeout(50)  # the browser goes on meanwhile

    page.route("**/_dash-update-component*", hold)
    run.metrics(2000)
    wait_for("live-version")
    page.evaluate(GO, "/events")
    wait_for("_pages_content")
    for kind in ("_pages_content", "live-version"):
        route, answer = held[kind]
        route.fulfill(response=answer)
    expect(page.locator("#page .event-table").first).to_be_visible()
    expect(page.locator("#frame-header")).to_contain_text("2,000")


def test_hidden_traces_and_scroll_survive_a_refresh(run: Run, server: Server, browse: Browse) -> None:
    """A region hidden by its chip stays hidden, and the page stays where it was scrolled to."""
    regions = {"cortex": 1000, "hippocampus": 500}
    run.metrics(2000, 2100, neuron_counts=regions)
    page = browse(height=500).open(server.url + "growth")
    wait_for_point(page, "Neurons by region", 2100)
    page.get_by_role("button", name="Hide hippocampus").click()
    page.wait_for_function(f"() => !({PLOTS})()['Neurons by region'].names.includes('hippocampus')")
    page.evaluate("window.scrollTo(0, 200)")
    hidden = plots(page)["Neurons by region"]["names"]
    for step in (2200, 2300):
        run.metrics(step, neuron_counts=regions)
        wait_for_point(page, "Neurons by region", step)
    assert plots(page)["Neurons by region"]["names"] == hidden
    assert page.evaluate("window.scrollY") == 200


def test_sort_and_filter_of_a_table_survive_a_refresh(run: Run, server: Server, browse: Browse) -> None:
    """The growth log stays sorted and filtered as the reader set it while new events arrive."""

    def grow(step: int, region: str, added: int) -> None:
        run.append(
            line(step, event_type="growth", region=region, neurons_added=added, new_total=1000, reason="full")
        )

    for number in range(30):
        grow(2000 + number, "cortex" if number % 2 else "thalamus", 10 + number)
    page = browse().open(server.url + "growth")
    page.get_by_label("Filter: Growth events").fill("cortex")
    rows = page.locator("#growth-log-rows tr")
    page.get_by_role("button", name=re.compile("^Neurons added( [▲▼])?$")).click()
    expect(rows.first.locator("td").nth(2)).to_have_text("39")
    page.get_by_role("button", name=re.compile("^Neurons added( [▲▼])?$")).click()
    expect(rows.first.locator("td").nth(2)).to_have_text("11")
    expect(rows).to_have_count(15)
    grow(3000, "cortex", 5)
    grow(3001, "thalamus", 1)
    expect(rows).to_have_count(16)
    expect(rows.first.locator("td").nth(2)).to_have_text("5")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Neurons added")


def test_a_custom_metric_gets_a_chart(run: Run, server: Server, browse: Browse) -> None:
    """A metric nobody foresaw is charted as soon as it is logged."""
    page = browse().open(server.url + "metrics")
    expect(page.locator("#metrics-other-count")).to_have_text("none but these")
    run.metrics(2000, 2100, dopamine=0.3)
    expect(page.get_by_role("heading", name="Dopamine")).to_be_visible()
    wait_for_point(page, "Dopamine", 2100)


def test_a_hidden_tab_does_not_ask(run: Run, server: Server, browse: Browse) -> None:
    """While the tab is hidden nothing is requested; shown again, the page catches up."""
    page = browse().open(server.url + "metrics")
    wait_for_point(page, "Loss", 1900)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(1500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    run.metrics(2000)
    page.wait_for_timeout(3000)
    assert asked == []
    page.evaluate("delete document.hidden")
    wait_for_point(page, "Loss", 2000)


def test_settings_survive_a_reload_and_are_the_viewers_own(server: Server, browse: Browse, run: Run) -> None:
    """Refreshing switched off stays off after a reload, for this viewer only; *Refresh now* still works."""
    first, second = browse(), browse()
    page = first.open(server.url + "metrics")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Auto-refresh").uncheck()
    page.get_by_label("Growth details").uncheck()
    page.reload()
    expect(page.locator("#frame-header")).to_contain_text("1,900")
    other = second.open(server.url + "metrics")
    run.metrics(2000)
    expect(other.locator("#frame-header")).to_contain_text("2,000")
    expect(page.locator("#frame-header")).to_contain_text("1,900")
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("Auto-refresh")).not_to_be_checked()
    page.get_by_role("button", name="Refresh now").click()
    expect(page.locator("#frame-header")).to_contain_text("2,000")
    page.get_by_role("link", name="Growth").click()
    expect(page.locator(".chart-card").first).to_be_visible()
    expect(page.locator(".details-growth")).not_to_have_count(0)
    expect(page.locator(".details-growth").filter(visible=True)).to_have_count(0)


def test_the_last_good_page_stays_when_the_directory_vanishes(
    run: Run, server: Server, browse: Browse
) -> None:
    """A directory that disappears is said, what was read stays on screen, and its return is noticed."""
    page = browse().open(server.url + "metrics")
    wait_for_point(page, "Loss", 1900)
    away = run.directory.rename(run.directory.with_name("away"))
    expect(page.locator("#frame-notice .notice-critical")).to_be_visible()
    assert plots(page)["Loss"]["last"] == 1900
    away.rename(run.directory)
    expect(page.locator("#frame-notice .notice-critical")).to_have_count(0)
    run.metrics(2000)
    wait_for_point(page, "Loss", 2000)
