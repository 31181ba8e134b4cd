"""Comparing runs in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import Run, Server, serving
from tests.web.components.compare.test_side_by_side import TASK, write
from thalia_monitor.reading.library import run_id

from .conftest import SETTLED, Watched
from .test_access import violations
from .test_pages import SIDEWAYS

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]
DRAWN = """() => { const plot = document.querySelector('.chart-card .js-plotly-plot');
    if (!plot?._fullLayout) return null;
    return {range: plot._fullLayout.xaxis.range, lines: plot.data.filter(each => each.showlegend !== false)
        .map(each => [each.name, each.x.at(-1)])}; }"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three runs."""
    for number in range(3):
        (tmp_path / "root" / f"run-{number}").mkdir(parents=True)
        run = Run(tmp_path / "root" / f"run-{number}")
        run.metrics(*range(0, 2000, 100), performance=0.1 * number)
        run.metadata(1900)
    return tmp_path / "root"


@pytest.fixture
def server(root: Path, tmp_path: Path) -> Iterator[Server]:
    """Two workers on the runs."""
    options = ("--root", root, "--refresh-seconds", "1", "--cache-dir", tmp_path / "cache")
    with serving("serve", "--workers", "2", *options) as started:
        yield started


def wait_for(page: Page, name: str, step: int) -> None:
    """Wait until a run's line has reached a step."""
    page.wait_for_function(
        f"() => (({DRAWN})()?.lines || []).some(([name, last]) => name === {name!r} && last === {step})"
    )


def test_a_comparison_follows_every_run_and_keeps_the_zoom(
    server: Server, root: Path, browse: Browse
) -> None:
    """New points of any compared run arrive, a zoom stays, and the differences are those of now."""
    runs = ",".join(run_id(root / f"run-{number}") for number in (0, 2))
    page = browse().open(server.url + f"compare?runs={runs}&of=performance")
    wait_for(page, "run-2", 1900)
    page.evaluate(SETTLED)
    box = page.locator(".chart-card .nsewdrag").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 62, steps=8)
    page.mouse.up()
    page.wait_for_function(f"() => ({DRAWN})().range[1] < 1500")
    zoomed = page.evaluate(DRAWN)["range"]
    Run(root / "run-2").metrics(2000, performance=0.9)
    expect(page.locator("#compare-differences")).to_contain_text("0.9 step 2,000")
    expect(page.locator(".chart-card .note").first).to_contain_text("paused")
    assert page.evaluate(DRAWN)["range"] == pytest.approx(zoomed)


LOOKS = """() => [...document.querySelectorAll('#compare-table tbody tr')].map(row =>
    [row.querySelector('a').textContent, getComputedStyle(row.querySelector('.run-swatch')).color])"""
COLOURS = """() => { const plot = document.querySelector('.compared-charts .js-plotly-plot');
    const lines = (plot?.data || []).filter(each => each.x.length && each.name.startsWith('run'));
    return Object.fromEntries(lines.map(each => [each.name, each.line.color])); }"""


def test_runs_have_the_same_order_and_colours_at_each_load(
    server: Server, root: Path, browse: Browse
) -> None:
    """By name, whichever changed last; the lines have the colours of the list; everything is in the address."""
    seen = []
    for number in (0, 2):
        Run(root / f"run-{number}").metrics(1950)  # it is the newest now
        page = browse().open(server.url + "compare")
        expect(page.locator("#compare-table tbody tr")).to_have_count(3)
        page.wait_for_function("() => /runs=.*/.test(location.search) && /smooth=0.6/.test(location.search)")
        page.wait_for_function(f"() => Object.keys(({COLOURS})() || {{}}).length === 3")
        keys = dict(pair.split("=") for pair in page.url.partition("?")[2].split("&"))
        assert {"runs", "base", "of", "origin", "smooth"} <= keys.keys()
        assert keys["runs"].split(",") == [run_id(root / f"run-{number}") for number in range(3)]
        seen.append((page.evaluate(LOOKS), page.evaluate(COLOURS)))
        assert [name for name, _ in seen[-1][0]] == ["run-0", "run-1", "run-2"]
    assert seen[0] == seen[1]
    assert len(set(seen[0][1].values())) == 3


def test_smoothing_is_that_of_the_comparison_until_the_reader_chooses(server: Server, browse: Browse) -> None:
    """0.6 here, none on other pages; 0 is a choice that a reload keeps."""
    page = browse().open(server.url + "compare")
    words = page.locator("#view-smooth-words")
    expect(words).to_have_text("0.6")
    page.locator("nav").get_by_role("link", name="Metrics").click()
    expect(words).to_have_text("off")
    assert "smooth" not in page.url
    page.locator("nav").get_by_role("link", name="Compare").click()
    expect(words).to_have_text("0.6")
    page.locator("#view-smooth").fill("0")
    expect(words).to_have_text("off")
    page.wait_for_function("() => /smooth=0(&|$)/.test(location.search)")
    page.reload()
    expect(words).to_have_text("off")


def test_a_run_is_hidden_by_its_button_and_in_the_address(server: Server, root: Path, browse: Browse) -> None:
    """In every chart, also after a reload."""
    page = browse().open(server.url + "compare")
    page.wait_for_function(f"() => Object.keys(({COLOURS})() || {{}}).length === 3")
    page.get_by_role("button", name="Hide run-1 on every chart").click()
    page.wait_for_function(f"() => Object.keys(({COLOURS})() || {{}}).join() === 'run-0,run-2'")
    assert f"hide={run_id(root / 'run-1')}" in page.url
    page.reload()
    page.wait_for_function(f"() => Object.keys(({COLOURS})() || {{}}).join() === 'run-0,run-2'")
    expect(page.get_by_role("button", name="Hide run-1 on every chart")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_the_choice_is_in_the_address(server: Server, root: Path, browse: Browse) -> None:
    """Runs added and removed, the baseline, the series and the step: a link shows the same comparison."""
    page = browse().open(server.url + "compare")
    rows = page.locator("#compare-table tbody tr")
    expect(rows).to_have_count(3)
    rows.filter(has_text="run-1").get_by_role("button", name=re.compile("Leave")).click()
    expect(rows).to_have_count(2)
    rows.filter(has_text="run-0").get_by_role("button", name=re.compile("Compare the others")).click()
    page.locator("#compare-series").select_option("performance")
    page.get_by_label("Values at step").fill("500")
    page.keyboard.press("Enter")
    expect(page.locator("#compare-differences")).to_contain_text("At step 500")
    expect(
        page.locator(".compared-charts").get_by_role("heading", name="Performance", exact=True)
    ).to_be_visible()
    other = browse().open(page.url)
    expect(other.locator("#compare-table tbody tr")).to_have_count(2)
    expect(other.locator("#compare-differences")).to_contain_text("At step 500")
    pressed = other.locator("#compare-table tr", has=other.locator("[data-compare=base][aria-pressed=true]"))
    expect(pressed).to_contain_text("run-0")
    page.get_by_role("button", name="Compare run-1 too").click()
    expect(rows).to_have_count(3)
    page.locator("nav").get_by_role("link", name="Metrics").click()
    expect(page.get_by_role("heading", name="Loss")).to_be_visible()
    assert "runs=" not in page.url
    page.locator("nav").get_by_role("link", name="Compare").click()
    expect(rows).to_have_count(3)
    assert "of=performance" in page.url


PLOTS = """() => [...document.querySelectorAll('.sides .js-plotly-plot')].filter(each => each.data?.length).map(
  each => ({top: Math.round(each.getBoundingClientRect().top), range: each._fullLayout.xaxis.range.map(Math.round),
    colors: each.data.filter(trace => trace.stackgroup).map(trace => trace.line.color)}))"""


def test_stages_tasks_and_regions_of_two_runs_are_side_by_side(root: Path, browse: Browse) -> None:
    """Folded up until opened; beside each other on a desk, below each other on a phone; axe finds nothing."""
    runs = [write(root / f"trained-{number}", 1000 * number) for number in (1, 2, 3)]
    ids = [run_id(run.directory) for run in runs]
    with serving("--root", root, "--refresh-seconds", "1") as server:
        page = browse().open(f"{server.url}compare?runs={','.join(ids)}&base={ids[1]}")
        sides = page.locator(".sides")
        expect(sides).to_contain_text("trained-2 is the baseline")
        expect(sides.locator("details[open]")).to_have_count(0)
        expect(sides.locator("summary").first).to_contain_text("trained-1 took 2,000 steps, 2,000 fewer than")
        page.get_by_label("Beside the baseline").select_option(label="trained-3")
        expect(sides.locator("summary").first).to_contain_text("trained-3 took 6,000 steps")
        page.wait_for_function(f"() => location.search.includes('beside={ids[2]}')")
        page.reload()
        expect(sides.locator("summary").first).to_contain_text("trained-3 took 6,000 steps")
        for summary in sides.locator("summary").all():
            summary.click()
        page.evaluate("() => document.querySelector('.sides details:last-of-type').scrollIntoView()")
        page.wait_for_function(f"() => ({PLOTS})().length === 9")
        page.evaluate(SETTLED)
        timeline, _, _, base, beside, few, many, slept, replayed = page.evaluate(PLOTS)
        assert few["top"] == many["top"] and few["range"] == many["range"] == [0, 6000]
        assert slept["top"] == replayed["top"] and slept["range"] == replayed["range"] == [1900, 6100]
        assert base["top"] == beside["top"] and base["range"] == beside["range"] == [0, 6000]
        assert timeline["range"] == [0, 6000] and base["colors"] == beside["colors"]
        expect(sides.get_by_role("cell", name=TASK).first).to_be_visible()
        expect(page.locator(".sides img")).to_have_count(0)
        page.get_by_role("button", name="Stages of both runs: zoom in").click()
        page.wait_for_function(f"() => ({PLOTS})().every(each => each.range.join() === '1500,4500')")
        runs[2].metrics(6100, neuron_counts={"cortex": 30_000, "vta": 50})
        expect(sides.locator("details").nth(2)).to_contain_text("30,050 neurons in trained-3")
        assert [each["range"] for each in page.evaluate(PLOTS)] == [[1500, 4500]] * 9
        expect(sides.locator("details[open]")).to_have_count(4)
        assert violations(page) == []
        page.set_viewport_size({"width": 390, "height": 844})
        page.evaluate(SETTLED)
        assert page.evaluate(SIDEWAYS) == {"page": 0, "beyond": []}
        tops = [each["top"] for each in page.evaluate(PLOTS)]
        assert tops == sorted({*tops})
        page.goto(f"{page.url}&wall=1")
        expect(page.locator("#compare-multiples .chart-card").first).to_be_visible()
        expect(sides).to_be_hidden()
        page.goto("about:blank")
