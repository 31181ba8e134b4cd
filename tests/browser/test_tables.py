"""Tables in a real browser: sorting, chips, the address, and rows that zoom the charts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support import Run, Server, line, serving

from .conftest import Watched

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]
RANGES = """() => [...document.querySelectorAll('.chart .js-plotly-plot')]
    .filter(each => each._fullLayout?.xaxis && each.data.length && each.layout.meta !== 'own x axis')
    .map(each => each._fullLayout.xaxis.range)"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A run with growth in two regions, a warning and a milestone."""
    run = Run(tmp_path_factory.mktemp("run"))
    rates = {"firing_rate": 0.1, "capacity": 0.5, "performance": 0.6}
    for step in range(0, 4001, 20):
        counts = {"neuron_counts": {"cortex": 100 + step}, "capacity_by_region": {"cortex": 0.5}}
        run.append(line(step, loss=1 / (1 + step), timestamp=1.7e9 + step, **rates, **counts))
    for number, step in enumerate((400, 900, 2000, 3600)):
        region = "cortex" if number % 2 else "striatum, left"
        fields = {"region": region, "neurons_added": 10 * (number * 7 % 5), "new_total": 200, "reason": "x"}
        run.append(line(step, event_type="growth", timestamp=1.7e9 + step, **fields))
    run.append(line(2500, event_type="warning", severity="critical", message="High firing rate"))
    run.metadata(3000)
    with serving("--checkpoint-dir", run.directory, "--refresh-seconds", "1") as server:
        yield server


def column(page: Page, place: int, table: str = "growth-log") -> list[str]:
    """The texts of a column."""
    return page.locator(f"#{table}-rows tr td:nth-child({place})").all_inner_texts()


def test_the_first_click_brings_the_largest_numbers_and_is_in_the_address(
    served: Server, browse: Browse
) -> None:
    """So is a chip; both survive a reload, and a second click turns the order round."""
    page = browse().open(served.url + "growth")
    expect(page.locator("#growth-log-rows tr")).to_have_count(4)
    heading = page.locator("#growth-log").get_by_role("button", name="Neurons added")
    heading.click()
    expect(page.locator("#growth-log th[aria-sort=descending]")).to_contain_text("Neurons added")
    expect(page.locator("#growth-log-rows td:nth-child(3)")).to_have_text(["40", "20", "10", "0"])
    assert "sort=-neurons_added" in page.url
    page.locator("#growth-log .chip", has_text="striatum, left").click()
    expect(page.locator("#growth-log-rows tr")).to_have_count(2)
    page.wait_for_function("() => location.search.includes('kind=')")
    page.reload()
    expect(page.locator("#growth-log-rows td:nth-child(3)")).to_have_text(["40", "0"])
    expect(page.locator("#growth-log th[aria-sort=descending]")).to_contain_text("Neurons added")
    expect(page.locator("#growth-log input[value='striatum, left']")).to_be_checked()
    page.locator("#growth-log .chip", has_text="striatum, left").click()
    expect(page.locator("#growth-log-rows tr")).to_have_count(4)
    heading.click()
    expect(page.locator("#growth-log-rows td:nth-child(3)")).to_have_text(["0", "10", "20", "40"])
    page.wait_for_function("() => location.search.includes('sort=neurons_added')")


def test_a_filter_is_in_the_address_and_survives_a_reload(served: Server, browse: Browse) -> None:
    """And does not go along to another page."""
    page = browse().open(served.url + "events")
    page.get_by_placeholder("Filter rows").fill("firing")
    expect(page.locator("#events-table-rows tr")).to_have_count(1)
    page.wait_for_function("() => location.search.includes('find=firing')")
    page.reload()
    expect(page.locator("#events-table-rows tr.severity-critical")).to_have_count(1)
    expect(page.get_by_placeholder("Filter rows")).to_have_value("firing")
    page.locator("nav").get_by_role("link", name="Growth").click()
    expect(page.locator("#growth-log-rows tr")).to_have_count(4)
    assert "find=" not in page.url


def test_a_row_zooms_the_charts_to_its_step(served: Server, browse: Browse) -> None:
    """By a click on the row or its step, on every linked chart, and in the address; on a wall clock to its time."""
    page = browse().open(served.url + "growth")
    page.wait_for_function(f"() => ({RANGES})().length >= 2")
    row = page.locator("#growth-log-rows tr", has_text="2,000")
    row.locator("td").nth(1).click()
    page.wait_for_function(f"() => ({RANGES})().every(([a, b]) => a === 1900 && b === 2100)")
    page.wait_for_function("() => /from=1900&to=2100/.test(location.search)")
    page.locator("#growth-log").get_by_role("button", name=re.compile("^400: zoom")).press("Enter")
    page.wait_for_function(f"() => ({RANGES})().every(([a, b]) => a === 300 && b === 500)")
    page.get_by_label("wall clock").click()
    page.wait_for_function(f"() => ({RANGES})().every(each => typeof each[0] === 'string')")
    row.locator("td").nth(1).click()
    page.wait_for_function("() => /from=1700001900000&to=1700002100000/.test(location.search)")


def test_a_row_of_a_page_without_charts_leads_to_those_of_the_metrics(served: Server, browse: Browse) -> None:
    """Zoomed; one step back is the table again as it was."""
    page = browse().open(served.url + "events?kind=growth")
    expect(page.locator("#events-table-rows tr")).to_have_count(4)
    page.locator("#events-table-rows tr", has_text="3,600").locator("td").nth(1).click()
    page.wait_for_url(re.compile("metrics"))
    page.wait_for_function(
        f"() => ({RANGES})().length && ({RANGES})().every(([a, b]) => a === 3500 && b === 3700)"
    )
    assert "kind=" not in page.url
    page.go_back()
    expect(page.locator("#events-table-rows tr")).to_have_count(4)


def test_a_table_is_as_wide_as_its_card_and_never_wider_than_a_phone(served: Server, browse: Browse) -> None:
    """Nothing scrolls sideways but the table in its own frame."""
    for width in (1440, 390):
        page = browse(width=width).open(served.url + "events")
        expect(page.locator("#events-table-rows tr").first).to_be_visible()
        card, table, whole = json.loads(
            page.evaluate(
                """() => JSON.stringify(['.table-scroll', '.event-table'].map(each =>
                document.querySelector(each).getBoundingClientRect().width)
                .concat(document.documentElement.scrollWidth))"""
            )
        )
        assert table >= card - 1
        assert whole <= width
