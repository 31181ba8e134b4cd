"""The curriculum page in a real browser: accessible, in one column on a phone, with charts that zoom together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support import Server, serving
from thalia_monitor.logger import CurriculumLogger

from .conftest import SETTLED
from .test_access import TWO_LOOKS, violations
from .test_pages import SIDEWAYS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A run with everything that the page shows, and one that has logged nothing."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "nothing").mkdir()
    logger = CurriculumLogger(folder / "full", console_log=False, file_log=False, json_log=True)
    logger.log_stage_start(-1, {"duration_steps": 20_000})
    for step in range(0, 60_001, 500):
        if step == 30_000:
            logger.log_stage_end(-1)
            logger.log_stage_start(
                0, {"duration_steps": 40_000, "success_criteria": {"mnist_accuracy": 0.95}}
            )
        logger.log_training_step(step, {"loss": 0.5, "mnist_accuracy": 0.3 + step / 200_000})
        if step % 5_000 == 0:
            logger.log_evaluation("<b>reaching</b>", -1, 0.9 - step / 400_000, 200, step)
            logger.log_cognitive_load(0.8 + (step % 3) / 10, step)
            logger.log_health_score(0.9, step)
            logger.log_intervention("reduce_load", "the load is high", step)
        if step == 20_000:
            logger.log_stage_extension(-1, None, "not yet", additional_steps=5_000, step=step)
    directories = [part for name in ("full", "nothing") for part in ("--checkpoint-dir", folder / name)]
    with serving(*directories, "--refresh-seconds", "30") as server:
        yield server


@pytest.mark.parametrize("run", ["full", "nothing"])
def test_axe_finds_nothing_in_either_theme_or_width(show: Callable[..., Page], run: str) -> None:
    """With everything there is to show, and with nothing at all."""
    assert violations(show(run, "curriculum"), TWO_LOOKS) == []


def test_a_phone_shows_all_of_it_in_one_column(show: Callable[..., Page]) -> None:
    """Nothing leads sideways, and text of the log is text."""
    page = show("full", "curriculum", width=390, height=844)
    assert page.evaluate(SIDEWAYS) == {"page": 0, "beyond": []}
    expect(page.get_by_role("cell", name="<b>reaching</b>")).to_be_visible()


def test_the_charts_zoom_together(show: Callable[..., Page]) -> None:
    """One step closer on the timeline is the same range of steps on the others that the page shows."""
    page = show("full", "curriculum")
    page.get_by_role("button", name="Curriculum timeline: zoom in").click()
    page.evaluate(SETTLED)
    ranges = """() => [...document.querySelectorAll('.js-plotly-plot')]
      .filter(plot => plot.layout?.xaxis?.range && plot.layout.xaxis.autorange === false)
      .map(plot => plot.layout.xaxis.range.map(Math.round))"""
    page.wait_for_function(f"() => ({ranges})().length >= 1")
    page.locator(".chart-card").last.scroll_into_view_if_needed()
    page.wait_for_function(f"() => ({ranges})().length === 4")
    found = page.evaluate(ranges)
    assert len({tuple(each) for each in found}) == 1, found


def test_the_overview_leads_to_it(show: Callable[..., Page]) -> None:
    """The strip of stages is there, and its title is a link to the page."""
    page = show("full")
    expect(page.locator(".curriculum-strip li")).to_have_count(8)
    page.get_by_role("link", name="Curriculum", exact=True).last.click()
    expect(page.get_by_role("heading", name="Why are we not advancing?")).to_be_visible()
