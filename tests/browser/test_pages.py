"""Every page of every kind of run in a real browser: empty console, nothing sideways on a phone, light and dark."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.support import Server, serving

from .conftest import SETTLED, Watched

pytestmark = pytest.mark.browser
Browse = Callable[..., Watched]
Theme = Literal["light", "dark"]

RUNS = (
    "healthy",
    "empty",
    "torn",
    "metadata_broken",
    "nan",
    "resumed",
    "hostile",
    "week_overrun",
    "many_metrics",
)
ON_A_DESK = ("healthy", "hostile", "many_metrics")
"""Runs that are looked at in both widths; the others are, on a desk, a part of these."""
GO = """path => {
  window.history.pushState({}, '', path);
  window.dispatchEvent(new CustomEvent('_dashprivate_pushstate'));
}"""
SIDEWAYS = """() => {
  const wide = document.documentElement.clientWidth;
  const scrolls = element => {
    for (let each = element.parentElement; each; each = each.parentElement)
      if (/auto|scroll|hidden/.test(getComputedStyle(each).overflowX)) return true;
    return false;
  };
  return {
    page: document.documentElement.scrollWidth - wide,
    beyond: [...document.querySelectorAll('body *')].filter(each =>
      each.getBoundingClientRect().right > wide + 1 && each.checkVisibility() && !scrolls(each)
      && !each.closest('.visually-hidden, .skip')
    ).slice(0, 3).map(each => each.outerHTML.slice(0, 120)),
  };
}"""
TURNED = r"""() => [...document.querySelectorAll('.xtick text')].filter(each =>
  /rotate\((?!0[,)])/.test(each.getAttribute('transform'))
  && each.closest('.js-plotly-plot')._fullLayout.xaxis._length > 100 // names may leave less than that
).map(each => each.textContent)"""
LUMINANCE = """selector => {
  const element = document.querySelector(selector);
  if (!element) return null;
  const style = getComputedStyle(element);
  const of = color => (color.match(/[\\d.]+/g) || []).slice(0, 3).reduce(
    (sum, each, place) => sum + each / 255 * [0.2126, 0.7152, 0.0722][place], 0);
  return {ink: of(element.ownerSVGElement ? style.fill : style.color), paper: of(style.backgroundColor)};
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    """One server that shows each fixture below a path of its own."""
    program = (sys.executable, "-m", "tests.browser.site")
    with serving(program=program, RUNS=" ".join(RUNS)) as server:
        yield server


def sections(page: Page) -> list[str]:
    """The addresses of all pages, as the navigation has them, and one that is none."""
    links: list[str] = page.eval_on_selector_all(
        ".links a", "all => all.map(each => each.getAttribute('href'))"
    )
    return [*links, links[0] + "no-such-page"]


def look(page: Page, path: str) -> None:
    """Go to a page as a click in the navigation does, and wait until nothing changes any more."""
    page.evaluate(GO, path)
    page.wait_for_selector("#page .page, #page .empty", state="attached")


def check(page: Page, path: str, theme: Theme) -> None:
    """Nothing leads sideways, and ink and paper are the theme's, on the page and on its charts."""
    page.evaluate(SETTLED)
    assert page.locator("#page, #frame-notice").locator("visible=true").first.inner_text().strip(), path
    assert page.evaluate(SIDEWAYS) == {"page": 0, "beyond": []}, path
    assert page.evaluate(TURNED) == [], f"{path}: numbers are turned, since they do not fit beside each other"
    body, tick = page.evaluate(LUMINANCE, "body"), page.evaluate(LUMINANCE, ".chart .xtick text")
    if theme == "dark":
        assert body["paper"] < 0.2 < 0.6 < body["ink"], path
        assert tick is None or tick["ink"] > 0.4, f"{path}: a chart's numbers are dark on dark"
    else:
        assert body["paper"] > 0.8 > 0.3 > body["ink"], path
        assert tick is None or tick["ink"] < 0.4, f"{path}: a chart's numbers are light on light"


@pytest.mark.parametrize("name", RUNS)
def test_every_page_of_a_run(site: Server, browse: Browse, name: str) -> None:
    """Each is drawn without a word on the console, fits a phone and a desk, and is light or dark as wanted."""
    watched = browse(width=390, height=844)
    page = watched.open(f"{site.url}{name}/")
    paths = sections(page)
    assert len(paths) > 6
    for number, path in enumerate(paths):
        theme: Theme = "dark" if number % 2 else "light"
        page.emulate_media(color_scheme=theme)
        look(page, path)
        check(page, path, theme)
        if name in ON_A_DESK:
            other: Theme = "light" if number % 2 else "dark"
            page.set_viewport_size({"width": 1440, "height": 900})
            page.emulate_media(color_scheme=other)
            check(page, path, other)
            page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.querySelectorAll('#page img, #page script, #page iframe').length") == 0


def test_the_server_has_nothing_to_complain_of(site: Server) -> None:
    """After all of these pages there is no line in its log but the address."""
    assert len(site.output) == 1, site.output
