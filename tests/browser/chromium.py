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
ARGUMENTS: Final = ("--no-sandbox", "--ignore-certificate-errors")
"""A test's nginx has a certificate that nobody has signed. To let only a page ignore that makes it start requests
again, and on a loaded machine Chromium gives up after the second time (ERR_TOO_MANY_RETRIES)."""


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
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
