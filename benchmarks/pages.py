"""What a reader notices of each page in headless Chromium: ``python -m benchmarks.pages [--seconds S] [--width W]``.

Layout shift while the page loads and while the run grows under it (the sum of all shifts that no input caused), time
to the first chart or card, and the longest time from a click or key to the next picture.
"""

from __future__ import annotations

import math
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import click
from playwright.sync_api import Browser, Page

from tests.browser import everything
from tests.browser.chromium import started
from tests.support import Run, serving

PAGES: Final = (
    "",
    "curriculum",
    "metrics",
    "growth",
    "activity",
    "consolidation",
    "milestones",
    "events",
    "values",
    "compare",
    "checkpoints",
    "diagnostics",
    "control",
    "status",
)
WIDTHS: Final = {1440: 900, 390: 844}
OBSERVE: Final = """
window.shifts = []; window.inputs = [];
new PerformanceObserver(list => { for (const each of list.getEntries())
  if (!each.hadRecentInput) window.shifts.push(each.value); }).observe({type: 'layout-shift', buffered: true});
new PerformanceObserver(list => { for (const each of list.getEntries())
  if (each.interactionId) window.inputs.push(each.duration);
}).observe({type: 'event', buffered: true, durationThreshold: 16});
const parts = ['.chart .main-svg .trace', '.card-value', '.page tbody td', '.page .empty', '.milestone',
  '.status-word', '.server-status .panel'];
const look = () => { const shown = [...document.querySelectorAll(parts.join())].some(
  each => each.checkVisibility({visibilityProperty: true}) && each.getBoundingClientRect().top < innerHeight);
  if (shown) window.firstShown = performance.now(); else requestAnimationFrame(look); };
requestAnimationFrame(look);
"""
SUM: Final = "() => window.shifts.reduce((sum, each) => sum + each, 0)"


def grow(run: Run, stopped: threading.Event) -> None:
    """Append a line a second, as a trainer would."""
    step = 100 * everything.LINES
    while not stopped.wait(1):
        step += 100
        run.metrics(
            step,
            timestamp=time.time(),
            loss=0.3 + 0.01 * math.sin(step),
            firing_rate=0.1,
            capacity=0.6,
            performance=0.5,
            neuron_counts=dict.fromkeys(everything.REGIONS, 1600),
        )


def measured(page: Page, address: str, seconds: float) -> list[float]:
    """Shift while loading, shift while watching, ms to the first chart or card, and the slowest input's ms."""
    page.goto(address)
    page.wait_for_function("() => window.firstShown", timeout=30_000)
    page.wait_for_timeout(3000)
    loading = page.evaluate(SUM)
    page.evaluate("() => { window.shifts.length = 0; }")
    page.wait_for_timeout(1000 * seconds)
    watching = page.evaluate(SUM)
    for selector in ("#settings-open", "#theme-switch", "#theme-switch"):
        page.locator(selector).click()
        page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    slowest = page.evaluate("() => Math.max(0, ...window.inputs)")
    return [loading, watching, page.evaluate("() => window.firstShown"), slowest]


def measure(browser: Browser, address: str, width: int, seconds: float) -> None:
    """Print one row a page, each in a profile of its own, so that nothing is cached."""
    print(
        f"\n{width} px\n\n| page | shift, loading | shift, watching | first chart or card | slowest input |"
    )
    print("|---|---|---|---|---|")
    for path in PAGES:
        context: Any = browser.new_context(viewport={"width": width, "height": WIDTHS[width]})
        context.add_init_script(OBSERVE)
        loading, watching, first, slowest = measured(context.new_page(), address + path, seconds)
        context.close()
        print(
            f"| {path or 'overview'} | {loading:.3f} | {watching:.3f} | {first:.0f} ms | {slowest:.0f} ms |",
            flush=True,
        )


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="How long a page is watched.")
@click.option(
    "--width", "widths", multiple=True, type=int, default=tuple(WIDTHS), help="Of the window, in px."
)
def main(seconds: float, widths: tuple[int, ...]) -> None:
    """Measure every page on two growing runs."""
    with tempfile.TemporaryDirectory(prefix="thalia-monitor-pages-") as directory:
        root = Path(directory)
        run = everything.write(root / "one")
        everything.write(root / "other", time.time() - 3600)
        stopped = threading.Event()
        writer = threading.Thread(target=grow, args=(run, stopped))
        writer.start()
        try:
            with serving("--root", root, "--refresh-seconds", "1") as server, started() as browser:
                for width in widths:
                    measure(browser, server.url, width, seconds)
        finally:
            stopped.set()
            writer.join()


if __name__ == "__main__":
    main()
