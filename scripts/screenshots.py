"""Take the README's pictures from the demo: every page, light and dark, wide and on a phone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = ("overview", "metrics", "growth", "consolidation", "milestones")
SHOTS = [(page, theme, 1440) for page in PAGES for theme in ("light", "dark")] + [("overview", "light", 390)]
SETTLED = 5_000
"""Milliseconds after which every chart of a page is drawn."""


def main() -> None:
    """Run the demo on its usual seed and photograph it."""
    command = [sys.executable, "-m", "thalia_monitor", "--port", "0", "demo"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo,
        sync_playwright() as playwright,
    ):
        assert demo.stdout is not None
        address = next(found[0] for line in demo.stdout if (found := re.search(r"(?<= at )http://\S+", line)))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, theme, width in SHOTS:
            page = browser.new_page(
                viewport={"width": width, "height": 900}, color_scheme="dark" if theme == "dark" else "light"
            )
            page.goto(address + ("" if name == "overview" else name))
            page.wait_for_timeout(SETTLED)
            suffix = theme if width > 400 else "phone"
            page.screenshot(path=DOCS / f"{name}-{suffix}.png")
            page.close()
        browser.close()
        demo.terminate()


if __name__ == "__main__":
    main()
