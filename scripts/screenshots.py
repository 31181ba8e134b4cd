"""Take the pictures of the docs: every page of the demo, and one log with a spike, a burst of NaN and a resume."""

from __future__ import annotations

import base64
import json
import math
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.chromium import started

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = ("overview", "metrics", "growth", "consolidation", "milestones")
SHOTS = [(page, theme, 1440) for page in PAGES for theme in ("light", "dark")] + [("overview", "light", 390)]
FILLED = "#_pages_content > [data-filled]"
SETTLED = 3_000
"""Milliseconds after which every chart of a page that is filled is drawn."""
FIXTURES = DOCS.parent / "fixtures"


@contextmanager
def monitor(*arguments: str) -> Iterator[str]:
    """Run the command on a free port; gives its address."""
    command = [sys.executable, "-m", "thalia_monitor", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(
                found[0] for line in process.stdout if (found := re.search(r"(?<= at )http://\S+", line))
            )
        finally:  # else leaving would wait for it for ever
            process.terminate()


def opened(page: Page, address: str) -> Page:
    """Go to a page, and wait until it is drawn."""
    page.goto(address)
    page.wait_for_selector(FILLED)
    page.wait_for_timeout(SETTLED)
    return page


def demo(browser: Browser) -> None:
    """Photograph the demo on its usual seed."""
    with monitor("demo") as address:
        for name, theme, width in SHOTS:
            page = browser.new_page(
                viewport={"width": width, "height": 900}, color_scheme="dark" if theme == "dark" else "light"
            )
            opened(page, address + ("" if name == "overview" else name))
            suffix = theme if width > 400 else "phone"
            page.screenshot(path=DOCS / f"{name}-{suffix}.png")
            page.close()


def compare(browser: Browser) -> None:
    """Photograph two runs over each other."""
    directories = [
        part for name in ("healthy", "resumed") for part in ("--checkpoint-dir", str(FIXTURES / name))
    ]
    with monitor(*directories) as address:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        opened(page, address + "compare").screenshot(path=DOCS / "compare-light.png")


def accidents() -> Iterator[str]:
    """100,000 lines: a spike of one point, 20 NaN, a loss that runs away, and the resume that it led to."""
    noise = random.Random(4)
    attempts = ((0, 70_000), (60_000, 90_000))
    for number, (first, last) in enumerate(attempts):
        for step in range(first, last):
            loss = 0.1 + 0.5 * math.exp(-step / 40_000) + noise.gauss(0, 0.004)
            if number == 0 and step > 61_000:
                loss += (step - 61_000) / 10_000
            if step == 31_416:
                loss = 2.4
            if 37_500 <= step < 37_520:
                loss = math.nan
            yield (
                json.dumps({"step": step, "timestamp": 1.7652e9 + number * 3600 + step / 10, "loss": loss})
                + "\n"
            )


def sampling(browser: Browser) -> None:
    """Photograph the chart of such a log."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "training_log.json").write_text("".join(accidents()), encoding="utf-8")
        with monitor("--checkpoint-dir", folder) as address:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            opened(page, address + "metrics")
            card = page.locator(".chart-card", has=page.get_by_role("heading", name="Loss", exact=True))
            card.screenshot(path=DOCS / "sampling.png")


VISIONS = {
    "none": "all colours",
    "protanopia": "no red (protanopia)",
    "deuteranopia": "no green (deuteranopia)",
    "tritanopia": "no blue (tritanopia)",
    "achromatopsia": "no colours (achromatopsia)",
}
"""How Chromium shows a page: ``Emulation.setEmulatedVisionDeficiency`` -> what is missing."""
SHEET = """<style>body{margin:0;padding:12px;background:#fff;font:13px system-ui;
display:grid;gap:10px;align-items:start;align-content:start;
grid-template-columns:repeat(5,auto);width:max-content}img{width:270px;display:block}</style>"""


def colours(browser: Browser) -> None:
    """Photograph regions on a chart, and words in good and bad, as people with each colour blindness see them."""
    cells = [f"<span>{words}</span>" for words in VISIONS.values()]
    parts = (
        ("growth", ".chart-card:has-text('Capacity by region') >> nth=0"),
        ("growth", ".chart-card:has-text('Capacity now')"),
        ("milestones", ".milestones >> nth=0"),
    )
    with monitor("demo") as address:
        page = browser.new_page(viewport={"width": 420, "height": 2600})  # all charts are drawn
        session = page.context.new_cdp_session(page)
        for name, part in parts:
            page.goto(address + name)
            page.wait_for_timeout(3 * SETTLED)  # until the whole run is read: all five show the same
            for vision in VISIONS:
                session.send("Emulation.setEmulatedVisionDeficiency", {"type": vision})
                picture = base64.b64encode(page.locator(part).screenshot()).decode()
                cells.append(f'<img src="data:image/png;base64,{picture}">')
        sheet = browser.new_page(viewport={"width": 1500, "height": 400})
        sheet.set_content(SHEET + "".join(cells))
        sheet.locator("body").screenshot(path=DOCS / "colours.png")


def main() -> None:
    """Take all of them, or only those that are named."""
    shots = {"demo": demo, "compare": compare, "sampling": sampling, "colours": colours}
    with started() as browser:
        for name in sys.argv[1:] or shots:
            shots[name](browser)


if __name__ == "__main__":
    main()
