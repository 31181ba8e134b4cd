"""What a reader sees on the charts is what the log says: refined, followed, marked, restored, fetched when seen."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Response, Route, expect

from tests.figures.states import stands_for
from tests.support import Run, Server, line, serving

from .conftest import SETTLED, Watched
from .test_live import PLOTS, drag, plots, wait_for_point

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]


Serve = Callable[..., Server]


@pytest.fixture
def serve(run: Run) -> Iterator[Serve]:
    """Start a monitor on the run; it outlives the pages that look at it."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(serving("--checkpoint-dir", run.directory, *options))


def card(page: Page, chart: str) -> Locator:
    """The card of a chart, by its title; on a comparison the large one, not the small multiple."""
    return page.locator(".chart-card", has=page.get_by_role("heading", name=chart, exact=True)).first


def caption(page: Page, chart: str) -> Locator:
    """What stands beside a chart's title."""
    return card(page, chart).locator(".caption").first


def points_said(page: Page, chart: str) -> Locator:
    """How many points of how many are drawn, as the caption says."""
    return caption(page, chart).locator("span:not(.note, .visually-hidden)")


def said(page: Page, chart: str) -> str:
    """The same, as words."""
    return points_said(page, chart).inner_text()


def wait_until_drawn(page: Page, chart: str) -> None:
    """Bring a chart on the screen and wait for its first figure."""
    its = card(page, chart)
    its.scroll_into_view_if_needed()
    page.wait_for_function(
        "card => card.querySelector('.js-plotly-plot')?.data?.[0]?.x?.length", arg=its.element_handle()
    )


def drawn(page: Page, chart: str, trace: int = 0) -> list[tuple[float, float]]:
    """The points that the browser holds of one trace of a chart, once it is drawn."""
    wait_until_drawn(page, chart)
    data: Any = card(page, chart).evaluate(
        "(card, trace) => { const one = card.querySelector('.js-plotly-plot').data[trace]; return [one.x, one.y]; }",
        trace,
    )
    return [point for point in zip(*data, strict=True) if None not in point]


def test_zooming_refines_down_to_the_raw_points(run: Run, serve: Serve, browse: Browse) -> None:
    """Each zoom fetches its range again; the caption says how many points of how many, in the end every one."""
    run.append(*(line(step, loss=math.sin(step) + step % 7) for step in range(40_000)))
    server = serve()
    page = browse().open(server.url + "metrics")
    expect(caption(page, "Loss")).to_contain_text(" of 40,000 points")
    total = 40_000
    while " of " in said(page, "Loss"):
        before = said(page, "Loss")
        drag(page, "Loss")
        expect(page.locator("#view-words")).to_contain_text("Zoomed to steps")
        expect(points_said(page, "Loss")).not_to_have_text(before)
        fewer = int(said(page, "Loss").split()[-2].replace(",", ""))
        assert 0 < fewer < 0.6 * total
        total = fewer
    assert said(page, "Loss") == f"{total:,} points"
    start, end = plots(page)["Loss"]["range"]
    within = [point for point in drawn(page, "Loss") if start <= point[0] <= end]
    assert len(within) == total
    steps = range(math.ceil(start), math.floor(end) + 1)
    raw = [(step, float(f"{math.sin(step) + step % 7:.6g}")) for step in steps]
    assert within == raw


def test_a_spike_anywhere_in_a_long_log_is_on_the_screen(run: Run, serve: Serve, browse: Browse) -> None:
    """One point of 100,000, at a place nobody chose; the line in the browser goes up there."""
    place = random.randrange(100_000)
    run.append(*(line(step, loss=99.0 if step == place else 0.5) for step in range(100_000)))
    server = serve()
    page = browse().open(server.url + "metrics")
    expect(caption(page, "Loss")).to_contain_text(" of 100,000 points")
    assert (place, 99.0) in drawn(page, "Loss"), place
    path = card(page, "Loss").locator(".scatterlayer .js-line").first.get_attribute("d") or ""
    heights = [float(y) for y in re.findall(r"[,LV](-?[\d.]+)", path)]
    assert max(heights) - min(heights) > 100, f"the spike at {place} is not drawn"


def test_what_is_not_finite_is_counted_as_in_the_log(run: Run, serve: Serve, browse: Browse) -> None:
    """The count in the card is the log's, with the first step, and so is the sum over the marks; each has its own
    once the zoom shows every point."""
    values = [random.choice(["NaN", "Infinity", "-Infinity", "0.5", "0.25", "0.125"]) for _ in range(5000)]
    run.append(*(f'{{"step": {10 * row}, "loss": {value}}}\n' for row, value in enumerate(values)))
    odd = [10 * row for row, value in enumerate(values) if "N" in value or "I" in value]
    server = serve()
    page = browse(theme="dark").open(server.url + "metrics")
    expect(caption(page, "Loss")).to_contain_text(f"{len(odd):,} not finite, first at step {odd[0]:,}")
    wait_until_drawn(page, "Loss")
    words = card(page, "Loss").evaluate("card => card.querySelector('.js-plotly-plot').data[2].text")
    assert stands_for({"text": words}) == len(odd)
    page.goto(f"{server.url}metrics?from=20000&to=25000")
    expect(points_said(page, "Loss")).to_have_text("501 points")
    assert [x for x, _ in drawn(page, "Loss", 2)] == [step for step in odd if 20_000 <= step <= 25_000]


def test_a_zoomed_chart_pauses_and_one_click_follows_again(run: Run, serve: Serve, browse: Browse) -> None:
    """It stays put and counts what has come, ten refreshes long; a hidden region stays hidden; then it follows."""
    regions = {"cortex": 1000, "hippocampus": 500}
    run.metrics(*range(0, 2000, 100), neuron_counts=regions)
    server = serve("--refresh-seconds", "1")
    page = browse().open(server.url + "growth")
    wait_until_drawn(page, "Neurons by region")
    page.get_by_role("button", name="Hide hippocampus").click()
    page.wait_for_function(f"() => !({PLOTS})()['Neurons by region'].names.includes('hippocampus')")
    drag(page, "Neurons by region")
    expect(caption(page, "Neurons by region")).to_contain_text("paused, 0 new points")
    before = plots(page)["Neurons by region"]
    for number in range(1, 11):
        run.metrics(1900 + 100 * number, neuron_counts=regions)
        expect(caption(page, "Neurons by region")).to_contain_text(f"paused, {2 * number} new points")
    after = plots(page)["Neurons by region"]
    assert (after["range"], after["names"]) == (before["range"], before["names"])
    page.get_by_role("button", name="Reset", exact=True).click()
    shown = wait_for_point(page, "Neurons by region", 2900)
    page.wait_for_function(f"() => ({PLOTS})()['Neurons by region'].range[1] >= 2900")
    assert shown["names"] == before["names"]
    expect(caption(page, "Neurons by region")).not_to_contain_text("paused")
    expect(page.get_by_role("button", name="Reset", exact=True)).to_be_hidden()


@pytest.mark.parametrize(
    ("fields", "heading", "kind"),
    [
        ({"event_type": "growth", "region": "cortex", "neurons_added": 7}, "Growth events", "growth"),
        ({"event_type": "consolidation", "sleep_stage": "REM"}, "Consolidation phases", "rem"),
        (
            {"event_type": "warning", "severity": "critical", "message": "hot"},
            "Everything that happened",
            "warning",
        ),
    ],
)
def test_a_marker_leads_to_its_row(
    run: Run, serve: Serve, browse: Browse, fields: dict[str, Any], heading: str, kind: str
) -> None:
    """A click on it opens the table at its step, and the way back leads to the chart."""
    run.metrics(*range(0, 2000, 100))
    run.append(line(1000, **fields), *(line(step, **fields) for step in (300, 1700)))
    server = serve()
    page = browse().open(server.url + f"metrics?events={kind}")
    wait_for_point(page, "Loss", 1900)
    page.evaluate(SETTLED)
    place: Any = card(page, "Loss").evaluate(
        """card => {
          const plot = card.querySelector('.js-plotly-plot');
          const trace = plot._fullData.find(one => one.hoverinfo === 'none' && one.customdata?.length);
          const box = plot.querySelector('.nsewdrag').getBoundingClientRect(), axis = plot._fullLayout.xaxis;
          return [box.x + axis.d2p(1000), box.y + box.height * (1 - trace.y[0])];
        }"""
    )
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place, steps=3)
    expect(page.locator(".event-tip")).to_contain_text("step 1,000")
    page.mouse.click(*place)
    page.wait_for_url("**find=1000*")
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    rows = page.locator("[id$='-log-rows'] tr, #events-table-rows tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("1,000")
    page.go_back()
    wait_for_point(page, "Loss", 1900)


def view_of(page: Page) -> dict[str, Any]:
    """What of a page the reader has chosen: axes, ranges, traces and pressed buttons."""
    found: dict[str, Any] = page.evaluate(
        """() => ({
          charts: [...document.querySelectorAll('.chart .js-plotly-plot')].filter(plot => plot.data.length)
            .map(plot => ({x: plot._fullLayout.xaxis.title.text, range: plot._fullLayout.xaxis.range,
              y: plot._fullLayout.yaxis.type, traces: plot.data.map(trace => [trace.name, trace.mode])})),
          pressed: [...document.querySelectorAll('[aria-pressed=true]')].map(each => each.id),
          smooth: document.getElementById('view-smooth').value,
          words: document.getElementById('view-words').textContent,
          events: [...document.querySelectorAll('#view-events input')].map(each => each.checked)})"""
    )
    return found


OTHERS = {"firing_rate": 0.1, "capacity": 0.5, "performance": 0.6}
"""The core metrics besides the loss: without them other metrics stand in their places."""


@pytest.mark.parametrize("path", ["metrics", "growth"])
def test_the_address_restores_a_view_on_another_machine(
    run: Run, serve: Serve, browse: Browse, path: str
) -> None:
    """Axis, smoothing, zoom, log scale, clipping, events, pins, hidden regions; in a profile that knows nothing."""
    regions = {"cortex": 1000, "hippocampus": 500}
    values = [random.random() for _ in range(400)]
    values[::100] = [50.0] * 4
    run.append(
        *(
            line(10 * n, timestamp=1.765e9 + 60 * n, loss=v, zeta=v, beta=v, neuron_counts=regions, **OTHERS)
            for n, v in enumerate(values)
        ),
        line(2000, event_type="growth", region="cortex", neurons_added=7, timestamp=1.765e9 + 12_000),
    )
    server = serve()
    # The growth page has no use for smoothing, and so no slider; the address keeps it all the same.
    page = browse(height=2000).open(server.url + path + ("?smooth=0.03" if path == "growth" else ""))
    chart, logged = ("Loss", "Loss") if path == "metrics" else ("Neurons by region", "Neurons by region")
    wait_until_drawn(page, chart)
    page.get_by_text("since start").click()
    page.wait_for_function(f"() => ({PLOTS})()[{chart!r}].range[1] < 10")
    if path == "metrics":
        page.get_by_label("Smoothing").focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
    expect(page.locator("#view-smooth-words")).to_have_text("0.03")
    page.locator("#toolbar summary").click()
    page.locator("#view-events input[value=growth]").uncheck()
    page.locator("#view-events input[value=rem]").check()
    page.locator("#toolbar summary").click()
    card(page, logged).get_by_role("button", name="logarithmic y axis").click()
    if path == "metrics":
        card(page, "Zeta").get_by_role("button", name="keep this chart at the top").click()
        card(page, "Zeta").get_by_role("button", name="hide outliers").click()
        expect(caption(page, "Zeta")).to_contain_text("4 points above the view")
        expect(page.locator(".chart-card .card-name").nth(4)).to_have_text("Zeta")
    else:
        page.get_by_role("button", name="hippocampus").click()
    drag(page, chart)
    expect(caption(page, chart)).to_contain_text("paused, 0 new points")
    words = (
        "x=elapsed",
        "smooth=0.03",
        "from=",
        "to=",
        "log=",
        "events=",
        "pin=zeta" if path == "metrics" else "hide=",
    )
    page.wait_for_function(f"() => {json.dumps(words)}.every(each => location.search.includes(each))")
    page.wait_for_timeout(1000)
    here = view_of(page)
    other = browse(height=2000).open(page.url)
    wait_until_drawn(other, chart)
    expect(caption(other, chart)).to_contain_text("paused, 0 new points")
    other.wait_for_timeout(1000)
    there = view_of(other)
    for mine, theirs in zip(here["charts"], there["charts"], strict=True):
        assert mine["range"] == pytest.approx(theirs["range"], rel=1e-6)
        assert {**mine, "range": 0} == {**theirs, "range": 0}
    assert {**here, "charts": 0} == {**there, "charts": 0}


def test_an_answer_for_another_picture_is_not_applied(run: Run, serve: Serve, browse: Browse) -> None:
    """Two choices in quick succession: the second answer is a change to the picture from before the first."""
    run.append(*(line(10 * n, loss=0.5) for n in range(50)))
    page = browse().open(serve().url + "metrics")
    wait_until_drawn(page, "Loss")
    held: list[Route] = []

    def hold(route: Route) -> None:
        question = route.request.post_data or ""
        if len(held) < 2 and '\\"chart\\"' in question and '"view.data"' in question:
            held.append(route)
        else:
            route.continue_()

    page.locator("#toolbar summary").click()
    page.route("**/_dash-update-component*", hold)
    page.locator("#view-events input[value=growth]").uncheck()
    page.wait_for_function(
        "() => new URLSearchParams(location.search).get('events') === 'stage,milestone,resume,control,note'"
    )
    page.wait_for_timeout(300)
    page.locator("#view-events input[value=rem]").check()
    page.wait_for_function("() => location.search.includes('rem')")
    page.wait_for_timeout(300)
    assert len(held) == 2
    for each in held:
        each.continue_()
        page.wait_for_timeout(500)
    page.wait_for_function(
        """() => [...document.querySelectorAll('.chart .js-plotly-plot')].filter(plot => plot.data.length)
          .every(plot => [...new Set(plot.data.map(trace => trace.name))].slice(-6).join() ===
            'rem,stage,milestone,resume,control,note')"""
    )


def charts_in(answers: list[Response]) -> set[str]:
    """Whose figures these answers brought."""
    found = set()
    for answer in answers:
        if answer.url.endswith("_dash-update-component") and answer.status == 200:
            brought = answer.json().get("response", {})
            found |= {json.loads(key)["name"] for key, value in brought.items() if "figure" in value}
    return found


def test_of_five_hundred_metrics_only_those_on_the_screen_are_fetched(
    run: Run, serve: Serve, browse: Browse
) -> None:
    """The first screen costs the charts that are on it; scrolling and the search bring any other."""
    names = [f"unit_{number:03}" for number in range(500)]
    run.append(*(line(step, loss=0.5, **OTHERS, **dict.fromkeys(names, step / 7)) for step in range(20)))
    server = serve("--refresh-seconds", "1")
    page = browse(height=700).page
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(server.url + "metrics")
    expect(page.locator("#metrics-other-count")).to_have_text("500 metrics")
    wait_until_drawn(page, "Loss")
    wait_for_point(page, "Firing rate", 19)
    assert not {"unit_006", "unit_011"} & charts_in(answers), "these are far below the window"
    run.append(line(20, firing_rate=0.1, unit_000=1, unit_011=1))
    wait_for_point(page, "Firing rate", 20)
    assert "unit_011" not in charts_in(answers)
    card(page, "Unit 011").scroll_into_view_if_needed()
    wait_for_point(page, "Unit 011", 20)
    page.get_by_label("Find a metric").fill("unit_4 99")
    expect(page.locator("#metrics-other-count")).to_have_text("1 of 500")
    wait_for_point(page, "Unit 499", 19)
    assert len({each for each in charts_in(answers) if each.startswith("unit")}) <= 13


def test_pointing_at_a_moment_shows_it_on_every_chart_of_the_page(
    run: Run, serve: Serve, browse: Browse
) -> None:
    """By the wall clock too; the hover says when, in full."""
    run.append(*(line(n, timestamp=1.7652e9 + 60 * n, loss=0.5, firing_rate=0.1) for n in range(40)))
    page = browse().open(serve().url + "metrics?x=wall")
    wait_until_drawn(page, "Loss")
    wait_until_drawn(page, "Firing rate")
    box = card(page, "Loss").locator(".nsewdrag").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 60)
    page.mouse.move(box["x"] + 0.5 * box["width"] + 3, box["y"] + 62)
    for chart in ("Loss", "Firing rate"):
        expect(card(page, chart).locator(".hoverlayer")).to_contain_text(
            re.compile(r"2025-12-08 13:\d\d:\d\d UTC")
        )


def test_a_zoom_goes_with_the_reader_to_the_next_page(run: Run, serve: Serve, browse: Browse) -> None:
    """The same steps on another page's charts, until the reader follows again."""
    run.metrics(*range(0, 2000, 100), neuron_counts={"cortex": 1000})
    page = browse().open(serve().url + "metrics")
    wait_until_drawn(page, "Loss")
    drag(page, "Loss")
    expect(caption(page, "Loss")).to_contain_text("paused")
    held = plots(page)["Loss"]["range"]
    page.get_by_role("link", name="Growth").first.click()
    wait_until_drawn(page, "Neurons by region")
    assert plots(page)["Neurons by region"]["range"] == pytest.approx(held, rel=1e-6)
    page.get_by_role("button", name="Reset", exact=True).click()
    page.wait_for_function(f"() => ({PLOTS})()['Neurons by region'].range[1] >= 1900")
