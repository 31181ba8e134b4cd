"""Names that JavaScript has a meaning for: every object has a ``constructor``, and ``__proto__`` is no key of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import expect

from tests.support import Run, line, serving
from thalia_monitor.reading.library import run_id

from .conftest import SETTLED, Watched
from .test_live import PLOTS, plots
from .test_pages import GO
from .test_picture import wait_until_drawn

pytestmark = pytest.mark.browser

WORDS: Final = ("__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "__defineGetter__")
MARKS: Final = ("not finite", "growth", "stage", "milestone", "resume", "control", "note")
"""Names of what is drawn beside the lines."""
NAMES: Final = """() => Array.from(document.querySelectorAll('.chart .js-plotly-plot')).map(
  plot => [plot.closest('.chart-card').querySelector('.card-name').textContent,
           Array.from(new Set(plot.data.map(each => each.name).filter(Boolean))),
           Array.from(plot.querySelectorAll('.ytick text')).map(each => each.textContent)])"""


def write(run: Run) -> None:
    """A run in which everything that has a name is called so, and one region each like another."""
    run.directory.mkdir(parents=True)
    for step in range(40):
        numbers = {word: 10 * place + step for place, word in enumerate(WORDS, 1)}
        shares = {word: 0.1 * place for place, word in enumerate(WORDS, 1)}
        core = {"loss": 1 / (1 + step), "firing_rate": 0.1, "capacity": 0.5, "performance": 0.6}
        fields = core | dict.fromkeys(WORDS, step)
        run.append(line(10 * step, timestamp=1_795_870_300 + step, **fields))
        run.append(line(10 * step, neuron_counts=numbers, capacity_by_region=shares))
    for step, word in enumerate(WORDS):
        event = {"step": 10 * step, "timestamp": 1_795_870_300 + step}
        run.append(line(event_type="growth", region=word, neurons_added=5, new_total=9, reason=word, **event))
        run.append(
            line(
                event_type="consolidation", sleep_stage=word, patterns_replayed=7, duration_steps=20, **event
            )
        )
        run.append(line(event_type="milestone", milestone=word, passed=True, **event))
        own: dict[str, Any] = {"event_type": word, word: word}
        run.append(line(**event, **own))
    run.metadata(
        390,
        milestones=dict.fromkeys(WORDS, True),
        metrics={"loss": 0.1, **dict.fromkeys(WORDS, 1.0)},
        warnings=[{"severity": word, "message": word} for word in WORDS],
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root whose runs are called so, too."""
    for word in WORDS:
        write(Run(tmp_path / "root" / word))
    return tmp_path / "root"


def test_words_of_javascript_are_names_like_any_other(
    root: Path, tmp_path: Path, browse: Callable[..., Watched]
) -> None:
    """On every page each is drawn once, under its own name, and nothing is complained of."""
    with serving("--root", root, "--cache-dir", tmp_path / "cache") as server:
        page = browse(height=3000).open(f"{server.url}?run={run_id(root / WORDS[0])}")
        links = page.eval_on_selector_all(".links a", "all => all.map(each => each.getAttribute('href'))")
        seen: dict[str, tuple[list[str], list[str]]] = {}
        for path in [*links, "/status"]:
            page.evaluate(GO, path)
            page.wait_for_selector("#page .page, #page .empty", state="attached")
            page.evaluate(SETTLED)
            for chart in page.locator(".nsewdrag:not([height='2'])").all()[:8]:  # 2 px: nothing is drawn
                chart.hover(force=True)
            seen |= {
                title: ([name for name in names if name not in MARKS], ticks)
                for title, names, ticks in page.evaluate(NAMES)
            }
        assert seen["Neurons by region"][0] == ["total", *WORDS]
        assert seen["Capacity by region"][0] == list(WORDS)
        for title in ("When each region grew", "Capacity now", "Consolidations"):
            assert sorted(seen[title][1]) == sorted(WORDS), title
        assert set(seen["Patterns replayed"][0]) == set(WORDS)
        assert set(seen["Loss"][0]) < set(WORDS)  # the runs that are compared
        page.goto("about:blank")


def test_a_word_of_javascript_can_be_hidden_pinned_and_compared(
    root: Path, tmp_path: Path, browse: Callable[..., Watched]
) -> None:
    """A region's button takes away its line alone; a metric's chart is pinned and drawn as any other."""
    with serving("--root", root, "--cache-dir", tmp_path / "cache") as server:
        run = f"run={run_id(root / WORDS[0])}"
        page = browse(height=2000).open(f"{server.url}growth?{run}")
        for word in WORDS[:2]:
            page.locator(f'#growth-regions [data-name="{word}"]').click()
            expect(page.locator(f'#growth-regions [data-name="{word}"]')).to_have_attribute(
                "aria-pressed", "true"
            )
        page.wait_for_function(f"() => !({PLOTS})()['Neurons by region'].names.includes({WORDS[1]!r})")
        drawn = [name for name in plots(page)["Neurons by region"]["names"] if name not in MARKS]
        assert list(dict.fromkeys(drawn)) == ["total", *WORDS[2:]]
        page.goto(f"{server.url}metrics?{run}&pin=__proto__,constructor")
        pinned = page.locator("#metrics-other-charts")
        expect(pinned.locator(".card-name").nth(0)).to_have_text("Proto")
        expect(pinned.locator(".card-name").nth(1)).to_have_text("Constructor")
        for place in (0, 1):
            expect(pinned.locator(".caption").nth(place)).to_contain_text("40 points")
        page.goto(f"{server.url}compare?runs={','.join(run_id(root / word) for word in WORDS)}&of=__proto__")
        wait_until_drawn(page, "Proto")
        drawn = [name for name in plots(page)["Proto"]["names"] if name not in MARKS]
        assert sorted(set(drawn)) == sorted(WORDS)
        page.evaluate(SETTLED)
        page.goto("about:blank")
