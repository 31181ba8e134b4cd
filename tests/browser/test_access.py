"""For everyone: what axe-core looks for, and what it cannot: the keyboard, the first paint, motion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support import Run, Server, serving

from . import everything
from .conftest import SETTLED, Watched
from .test_pages import GO, SIDEWAYS, sections

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LOOKS: Final = [(theme, size) for theme in ("light", "dark") for size in (NARROW, WIDE)]
TWO_LOOKS: Final = LOOKS[::3]
"""Each theme and each width once."""

CONTROLS = """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')].filter(
  each => each.checkVisibility({visibilityProperty: true}) && !each.disabled && each.tabIndex >= 0
    && !(each.type === 'radio' && !each.checked)).map(each => each.outerHTML.slice(0, 160))"""
FOCUSED = """() => {
  const seen = document.activeElement, box = seen.getBoundingClientRect();
  const ringed = style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  let opacity = 1;
  for (let each = seen; each; each = each.parentElement) opacity *= getComputedStyle(each).opacity;
  return {
    is: seen === document.body ? '' : seen.outerHTML.slice(0, 160),
    ringed: ringed(getComputedStyle(seen)) || ringed(getComputedStyle(seen, '::after')),
    shown: opacity > 0.9 && box.width > 0 && box.right > 0 && box.bottom > 0 && box.top < innerHeight,
  };
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A run with everything in it, another to compare it with, and one that has not begun."""
    folder = tmp_path_factory.mktemp("runs")
    everything.write(folder / "everything")
    for name in ("nothing", "other"):
        (folder / name).mkdir()
    Run(folder / "other").metrics(*range(0, 2000, 100), performance=0.3)
    directories = [
        part for name in ("everything", "nothing", "other") for part in ("--checkpoint-dir", folder / name)
    ]
    with serving(*directories, "--refresh-seconds", "30") as server:
        yield server


def violations(page: Page, looks: list[Any] = LOOKS) -> list[str]:
    """What axe-core finds on the page as it is, in each theme and width."""
    found = []
    for theme, size in looks:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size(size)
        page.evaluate(SETTLED)
        for each in Axe().run(page).response["violations"]:
            places = [node["target"] for node in each["nodes"]]
            found.append(f"{page.url} {theme} {size['width']}: {each['id']} at {places}")
    return found


@pytest.mark.parametrize(("run", "looks"), [("everything", LOOKS), ("nothing", TWO_LOOKS)])
def test_axe_finds_no_violation_on_any_page(show: Callable[..., Page], run: str, looks: list[Any]) -> None:
    """With warnings, findings and a full log, and before there is anything at all."""
    page = show(run)
    found = []
    for path in sections(page):
        page.evaluate(GO, path)
        page.wait_for_selector("#page .page, #page .empty", state="attached")
        found += violations(page, looks)
    assert found == []


def test_axe_finds_no_violation_in_what_can_be_opened(show: Callable[..., Page], served: Server) -> None:
    """Settings, the list of runs, everything that is folded up, a display on the wall, an unknown run."""
    page = show("everything", "metrics")
    found = []
    for button, panel in (("#settings-open", "#directory"), ("#runs-open", "#runs-list tbody tr")):
        page.locator(button).click()
        expect(page.locator(panel).first).to_be_visible()
        found += violations(page, TWO_LOOKS)
        page.keyboard.press("Escape")
    page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")
    found += violations(page, TWO_LOOKS)
    page.goto(f"{page.url}&wall=1")
    expect(page.locator("#frame-header .fact").first).to_be_visible()
    found += violations(page, LOOKS[1::2])
    page.goto(served.url + "metrics?run=unknown")
    expect(page.locator("#frame-notice .notice")).to_be_visible()
    assert found + violations(page, TWO_LOOKS) == []


@pytest.mark.parametrize("path", ["", "metrics", "growth", "values", "compare"])
def test_every_control_is_reached_and_seen_with_the_keyboard(show: Callable[..., Page], path: str) -> None:
    """Tab goes to each control in turn; where it is has a ring around it, on the screen, even on a chart."""
    page = show("everything", path, reduced_motion="reduce")  # nothing is on its way while it is looked at
    expected = page.evaluate(CONTROLS)
    reached = []
    for _ in range(len(expected) + 100):  # charts that are drawn meanwhile bring buttons of their own
        page.keyboard.press("Tab")
        now = page.evaluate(FOCUSED)
        if not now["is"]:
            break
        assert now["ringed"] and now["shown"], now
        reached.append(now["is"])
    assert len(reached) >= len(expected) > 10
    assert [each for each in expected if each not in reached] == []


def test_a_chart_is_zoomed_with_the_keyboard(show: Callable[..., Page]) -> None:
    """The buttons on a chart are buttons, and the other charts follow."""
    page = show("everything", "metrics")
    page.get_by_role("button", name="Zoom in").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#view-words")).to_contain_text("Zoomed to steps")
    page.locator("#view-follow").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#view-words")).to_have_text("Following the run")


def test_the_first_stop_skips_to_the_page(show: Callable[..., Page]) -> None:
    """One key past everything that is the same on each page."""
    page = show("everything", "growth")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("Boolean(document.activeElement.closest('#page'))")


@pytest.mark.parametrize(("system", "chosen", "expected"), [("dark", "", "dark"), ("dark", "light", "light")])
def test_the_theme_is_there_before_the_first_paint(
    served: Server, browse: Browse, system: str, chosen: str, expected: str
) -> None:
    """The system's, or the viewer's choice from an earlier visit: no page flashes in the other one."""
    page = browse(theme=system).page
    page.add_init_script(
        f"if ({chosen!r}) localStorage.setItem('thalia-theme', {chosen!r});"
        "new MutationObserver(() => performance.mark(document.documentElement.dataset.bsTheme)).observe("
        "document, {subtree: true, attributes: true, attributeFilter: ['data-bs-theme']});"
    )
    page.goto(served.url)
    page.wait_for_selector("#frame-header .fact")
    marks = page.evaluate(
        "performance.getEntriesByType('mark').filter(each => /^(light|dark)$/.test(each.name)).map("
        "each => [each.name, each.startTime])"
    )
    painted = page.evaluate("performance.getEntriesByName('first-paint')[0].startTime")
    assert [name for name, _ in marks] == [expected]
    assert marks[0][1] < painted


def test_reduced_motion_is_honoured(show: Callable[..., Page]) -> None:
    """Nothing moves by itself or slides where the viewer's system asks for stillness."""
    page = show("everything", "metrics", reduced_motion="reduce")
    moving = """() => [document.documentElement, ...document.querySelectorAll('body, body *')].filter(each =>
      ['', '::before', '::after'].some(part => {
        const style = getComputedStyle(each, part || null);
        return style.transitionDuration.split(', ').some(time => parseFloat(time))
          || style.animationName !== 'none' || style.scrollBehavior === 'smooth';
      })).map(each => each.outerHTML.slice(0, 120))"""
    assert page.evaluate(moving) == []
    page.locator("#settings-open").click()
    expect(page.locator("#directory")).to_be_visible()
    assert page.evaluate(moving) == []


@pytest.mark.parametrize(
    "path", ["", "metrics", "growth", "consolidation", "milestones", "events", "values", "compare"]
)
def test_a_phone_has_one_column_and_nothing_scrolls_sideways(show: Callable[..., Page], path: str) -> None:
    """Charts stand below each other, the metrics' cards two by two; the navigation is one row that scrolls."""
    page = show("everything", path, width=390, height=844)
    assert page.evaluate(SIDEWAYS) == {"page": 0, "beyond": []}
    page.evaluate("document.querySelectorAll('.tool-menu').forEach(menu => menu.open = true)")
    assert page.evaluate(SIDEWAYS) == {"page": 0, "beyond": []}, "with the menu open"
    beside = """() => [...document.querySelectorAll('#page .panel')].filter(each => each.offsetParent
      && !each.matches('.card-metric') && each.getBoundingClientRect().width < 0.85 * innerWidth)
      .map(each => each.outerHTML.slice(0, 120))"""
    assert page.evaluate(beside) == []
    assert len({link.bounding_box()["y"] for link in page.locator(".links a").all()}) == 1  # type: ignore[index]
    for link in page.locator(".links a").all():
        link.scroll_into_view_if_needed()
        expect(link).to_be_in_viewport(ratio=0.99)  # a pixel may be parted


COVERED = """() => [...document.querySelectorAll('.card-head')].flatMap(head => {
  const words = part => {
    const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) {
      const at = walker.currentNode, range = new Range();
      range.selectNodeContents(at);
      const seen = at.parentElement.checkVisibility() && !at.parentElement.closest('.visually-hidden');
      if (seen) found.push(...[...range.getClientRects()].map(box => [at.textContent, box]));
    }
    return found;
  };
  const [first, ...others] = [...head.children].reverse().map(words), beside = others.flat();
  return first.flatMap(([one, a]) => beside.filter(([, b]) =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
    .map(([other]) => `${one} / ${other}`));
})"""
"""Words of a chart's tools, the last part of its heading, that lie upon its title or caption."""


@pytest.mark.parametrize("path", ["metrics", "growth", "compare"])
def test_no_words_lie_upon_a_charts_tools(show: Callable[..., Page], path: str) -> None:
    """Title, caption and tools each have their room, in small charts and on half a screen, too."""
    page = show("everything", path)
    if path == "metrics":
        expect(page.locator(".multiples .chart-card").first).to_be_visible()
    for width in (1440, 1320, 1000, 901, 700, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(COVERED) == [], width


def test_charts_have_words_and_a_table(show: Callable[..., Page]) -> None:
    """Each says what it shows where a screen reader finds it, and leads to its numbers or stands above them."""
    page = show("everything", "growth")
    for card in page.locator(".chart-card").all():
        expect(card.locator(".caption")).to_have_text(re.compile(r"\w"))
    words = page.locator(".chart-card", has=page.get_by_role("heading", name="Neurons by region"))
    expect(words.locator(".visually-hidden")).to_contain_text("cortex from 1,000 to 1,599")
    words.get_by_role("link", name="values").click()
    expect(page.locator("#values-series")).to_have_value("neurons.cortex")
    expect(page.locator("#values-table")).to_contain_text("1599")
