"""Finds Chromium on this machine and starts it, for the tests, the benchmarks and the pictures of the docs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, sync_playwright

NAMES: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM: Final = next((found for name in NAMES if (found := shutil.which(name))), None)
"""The headless shell is Chromium without windows: a page costs it a sixth less."""


@contextmanager
def started() -> Iterator[Browser]:
    """Start it, and close it at the end.

    Raises:
        FileNotFoundError: there is none on this machine.
    """
    if not CHROMIUM:
        raise FileNotFoundError(
            "There is no Chromium on this machine: scripts/install-test-tools installs it."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
