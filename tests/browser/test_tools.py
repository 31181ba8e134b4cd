"""The reader's tools in a real browser: axes of time, saved pictures and files, marks that lead to rows, panels."""

from __future__ import annotations

import base64
import csv
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page, expect

from tests.support import Run, Server, line, serving

from . import everything
from .conftest import SETTLED
from .test_live import PLOTS, drag, plots
from .test_picture import caption, card, wait_until_drawn

pytestmark = pytest.mark.browser
INK = """picture => new Promise(done => {
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement('canvas'), draw = canvas.getContext('2d');
    [canvas.width, canvas.height] = [image.width, image.height];
    draw.drawImage(image, 0, 0);
    const all = draw.getImageData(0, 0, image.width, image.height).data;
    const count = {white: 0, dark: 0, blue: 0, coloured: 0};
    for (let at = 0; at < all.length; at += 4) {
      const [red, green, blue] = all.slice(at, at + 3);
      if (all[at + 3] === 255 && red + green + blue === 765) count.white++;
      if (red + green + blue < 330 && Math.max(red, green, blue) - Math.min(red, green, blue) < 12) count.dark++;
      if (blue > red + 60) count.blue++;
      if (Math.max(red, green, blue) - Math.min(red, green, blue) > 60) count.coloured++;
    }
    done(Object.assign(count, {all: image.width * image.height}));
  };
  image.src = 'data:image/png;base64,' + picture;
})"""
"""Counts the pixels that are white paper, dark grey as text is, blue as a run's own line is, and of any colour."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A run with everything in it, and one whose trainer writes no timestamps."""
    folder = tmp_path_factory.mktemp("runs")
    everything.write(folder / "everything")
    (folder / "untimed").mkdir()
    untimed = Run(folder / "untimed")
    untimed.metrics(*range(0, 2000, 100), neuron_counts={"cortex": 1000, "hippocampus": 500})
    untimed.append(
        line(1000, event_type="growth", region="cortex", neurons_added=7),
        line(1500, event_type="consolidation", sleep_stage="REM", patterns_replayed=9),
    )
    directories = [part for name in ("everything", "untimed") for part in ("--checkpoint-dir", folder / name)]
    with serving(*directories, "--refresh-seconds", "30") as server:
        yield server


Show = Callable[..., Page]


@pytest.mark.parametrize(
    ("path", "charts"),
    [
        ("metrics", ["Loss"]),
        ("growth", ["Neurons by region", "When each region grew"]),
        ("consolidation", ["Consolidations", "Patterns replayed"]),
    ],
)
def test_without_timestamps_a_time_axis_says_what_to_choose(show: Show, path: str, charts: list[str]) -> None:
    """In words and without a scale; choosing the step, as told, brings the lines and the marks."""
    page = show("untimed", path)
    for words in ("wall clock", "since start"):
        page.get_by_text(words).click()
        for chart in charts:
            expect(caption(page, chart)).to_contain_text("has a timestamp: choose step as the x axis")
            expect(card(page, chart).locator(".xtick")).to_have_count(0)
        expect(page.locator("#view-words")).to_have_text("Following the run")
    page.get_by_label("step", exact=True).click()
    for chart in charts:
        expect(caption(page, chart)).not_to_contain_text("timestamp")
        expect(card(page, chart).locator(".xtick").first).to_be_visible()


def saved(page: Page, chart: str, kind: str, folder: Path) -> Path:
    """The file that arrives when a chart is saved."""
    card(page, chart).hover()
    with page.expect_download() as arriving:
        card(page, chart).get_by_role("button", name=f"as {kind.upper()}").click()
    file = folder / arriving.value.suggested_filename
    arriving.value.save_as(file)
    return file


@pytest.mark.parametrize(
    ("path", "chart", "theme"),
    [
        ("metrics?from=10000&to=30000", "Loss", "dark"),
        ("growth", "Neurons by region", "light"),
        ("consolidation", "Consolidations", "dark"),
        ("compare?of=loss", "Loss", "dark"),
    ],
)
def test_a_saved_picture_is_one_for_paper(
    show: Show, chromium: Any, path: str, chart: str, theme: str, tmp_path: Path
) -> None:
    """PNG and SVG arrive under the chart's name: dark text and the line on white, whatever the page looks like."""
    page = show("everything", path, theme=theme)
    wait_until_drawn(page, chart)
    picture = saved(page, chart, "png", tmp_path)
    assert picture.name == chart.replace(" ", "_") + ".png"
    content = picture.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    box = card(page, chart).locator(".chart").bounding_box()
    assert box
    assert width == pytest.approx(2 * box["width"], abs=4)
    assert height > 2 * box["height"]
    blank = chromium.new_page()
    found = blank.evaluate(INK, base64.b64encode(content).decode())
    blank.close()
    assert found["white"] > 0.7 * found["all"], "not on white"
    assert found["dark"] > 300, "no text to be read"
    line = "coloured" if path.startswith("compare") else "blue"  # a compared run's colour is that of its id
    assert found[line] > 300, "no line"
    drawing = saved(page, chart, "svg", tmp_path)
    assert drawing.name == picture.with_suffix(".svg").name
    tree = ElementTree.parse(drawing)
    texts = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert chart in texts
    assert "step" in texts
    marks = {"js-line", "point"}  # a line, or a group for each bar
    assert any(marks & set(each.get("class", "").split()) for each in tree.iter()), "nothing is drawn"


def test_the_values_behind_a_chart_arrive_in_full(show: Show, tmp_path: Path) -> None:
    """From a chart to its table, and from there as a file: every line at full precision, with its segment."""
    page = show("everything", "metrics?from=10000&to=30000")
    card(page, "Loss").get_by_role("link", name="values").click()
    with page.expect_download() as arriving:
        page.get_by_role("link", name="This series as CSV").click()
    assert arriving.value.suggested_filename == "everything_loss.csv"
    arriving.value.save_as(tmp_path / "loss.csv")
    with (tmp_path / "loss.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == everything.LINES
    assert list(rows[0]) == ["step", "segment", "timestamp", "loss"]
    assert [rows[at]["loss"] for at in (1, 100)] == [repr(0.5 - 0.0003), "nan"]


def tools(page: Page) -> list[bool]:
    """Whether each of the reader's tools is to be seen: axis, smoothing, events."""
    return [page.locator(each).is_visible() for each in ("#view-x", "#view-smooth", ".tool-menu.tool-events")]


def test_a_page_shows_the_tools_that_work_on_it(show: Show) -> None:
    """What a page has no use for is not shown there, and is what it was on the page that has."""
    page = show("everything", "metrics?smooth=0.6")
    shown = {"Metrics": tools(page)}
    for name in ("Growth", "Consolidation", "Compare", "Values", "Metrics"):
        page.locator("nav").get_by_role("link", name=name).click()
        page.evaluate(SETTLED)
        assert "smooth=0.6" in page.url, name
        shown[name] = tools(page)
    assert shown == {
        "Metrics": [True, True, True],
        "Growth": [True, False, True],
        "Consolidation": [True, False, False],
        "Compare": [True, True, False],
        "Values": [False, False, False],
    }
    expect(page.locator("#view-smooth")).to_have_value("0.6")


def dot(page: Page, chart: str, step: int) -> list[float]:
    """Where on the screen a chart's mark of a step is."""
    place: list[float] = card(page, chart).evaluate(
        """(card, step) => {
          const plot = card.querySelector('.js-plotly-plot'), {xaxis, yaxis} = plot._fullLayout;
          const trace = plot._fullData.find(one => one.x.includes(step));
          const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
          return [box.x + xaxis.d2p(step), box.y + yaxis.d2p(trace.y[trace.x.indexOf(step)])];
        }""",
        step,
    )
    return place


@pytest.mark.parametrize(
    ("path", "chart", "step"),
    [
        ("growth", "When each region grew", 21_000),
        ("consolidation", "Patterns replayed", 20_000),
    ],
)
def test_a_mark_on_a_timeline_leads_to_its_row(show: Show, path: str, chart: str, step: int) -> None:
    """To the table below it, which comes on the screen; the charts and the reader's view stay as they are."""
    page = show("everything", f"{path}?from=5000&to=50000", height=600)
    wait_until_drawn(page, chart)
    card(page, chart).evaluate(
        "card => { card.scrollIntoView({block: 'center', behavior: 'instant'}); card.dataset.same = 'yes'; }"
    )
    place = dot(page, chart, step)
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place, steps=3)
    expect(card(page, chart).locator(".hoverlayer .hovertext")).to_be_visible()
    page.mouse.click(*place)
    page.wait_for_url(f"**find={step}*")
    rows = page.locator("[id$='-log-rows'] tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text(f"{step:,}")
    expect(rows.first).to_be_in_viewport()
    expect(card(page, chart)).to_have_attribute("data-same", "yes")
    assert all(part in page.url for part in ("from=5000", "to=50000", "run="))
    page.go_back()
    expect(rows).not_to_have_count(1)


def test_a_zoom_is_about_steps_and_leaves_other_axes_alone(show: Show) -> None:
    """Percent stay percent; a zoom into how often the brain sleeps holds no other chart."""
    page = show("everything", "growth", height=1400)
    wait_until_drawn(page, "Capacity now")
    before = plots(page)["Capacity now"]["range"]
    drag(page, "When each region grew")
    expect(page.locator("#view-words")).to_contain_text("Zoomed to steps")
    page.evaluate(SETTLED)
    assert plots(page)["Capacity now"]["range"] == before
    page.locator("nav").get_by_role("link", name="Consolidation").click()
    wait_until_drawn(page, "Steps between consolidations")
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.locator("#view-words")).to_have_text("Following the run")
    page.evaluate(SETTLED)
    slept = plots(page)["Consolidations"]["range"]
    whole = plots(page)["Steps between consolidations"]["range"]
    drag(page, "Steps between consolidations")
    page.wait_for_function(
        f"() => ({PLOTS})()['Steps between consolidations'].range[1] < {(whole[0] + 2 * whole[1]) / 3}"
    )
    page.evaluate(SETTLED)
    assert plots(page)["Consolidations"]["range"] == slept
    expect(page.locator("#view-words")).to_have_text("Following the run")


def test_settings_and_runs_open_over_the_page(show: Show) -> None:
    """One at a time and without moving the page; Escape closes it and returns the focus; its button says so."""
    page = show("everything")
    top = "document.querySelector('#page').getBoundingClientRect().top"
    before = page.evaluate(top)
    panels = {"settings-open": "settings-panel", "runs-open": "runs-panel"}
    for button, panel in panels.items():
        opener = page.locator(f"#{button}")
        expect(opener).to_have_attribute("aria-controls", panel)
        for expanded in ("false", "true", "false"):
            expect(opener).to_have_attribute("aria-expanded", expanded)
            expect(page.locator(f"#{panel}")).to_be_visible(visible=expanded == "true")
            opener.click()
        expect(page.locator(f"#{panel} > section")).to_be_focused()
        assert page.evaluate(top) == before
        for other in set(panels.values()) - {panel}:
            expect(page.locator(f"#{other}")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#runs-panel")).to_be_hidden()
    expect(page.locator("#runs-open")).to_be_focused()


def test_a_refresh_interval_that_is_refused_is_said_at_its_field(show: Show) -> None:
    """In words with the limits, gone once the interval is one; and the link to the page can be copied."""
    page = show("everything", "metrics?smooth=0.6")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#settings-open").click()
    field, advice = page.locator("#refresh-seconds"), page.locator("#refresh-advice")
    for typed in ("99", "0", ""):
        field.fill(typed)
        expect(advice).to_have_text("Not used: choose a whole number of seconds from 1 to 30.")
        expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("7")
    expect(advice).to_have_text("")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#copy-link")).to_have_attribute("data-answer", "Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
