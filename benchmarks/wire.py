"""What a page costs on the wire, in a real Chromium: opening it, a tick with nothing new, a tick with a line."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, Request

from benchmarks.long_log import REGIONS, metric_line
from benchmarks.row import Bench, Row
from tests.browser.chromium import CHROMIUM, started

PAGES: Final = ("", "metrics", "growth", "consolidation")
OPENING: Final = 150_000
IDLE: Final = 1_000
FRESH: Final = 20_000


def rows(bench: Bench) -> Iterator[Row]:
    """Measure the pages on the long log."""
    yield from on_the_wire(bench.long_run, PAGES, metric_line(1, [0.5] * 16, dict.fromkeys(REGIONS, 5)))


def on_the_wire(run: Path, pages: Sequence[str], line: str, words: str = "") -> Iterator[Row]:
    """Measure each page of a run to which ``line`` is appended; a server of one process, refreshing every second."""
    if not CHROMIUM:
        print("| pages on the wire: no Chromium on this machine | | | | | |")
        return
    log = run / "training_log.json"
    with _served(run) as address, started() as browser:
        for name in pages:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            meter = Meter(page)
            page.goto(address + name)
            page.wait_for_selector("#frame-header .fact")
            page.wait_for_timeout(5_000)
            yield Row(f"opening /{name}{words}, data compressed", meter.taken(), "B", most=OPENING)
            page.wait_for_timeout(3_500)
            yield Row(f"/{name}{words}: a tick with nothing new", meter.largest(), "B", most=IDLE)
            _append(log, line)
            page.wait_for_timeout(2_500)
            yield Row(f"/{name}{words}: a tick with a new line", meter.taken(), "B", most=FRESH)
            page.close()


class Meter:
    """Counts what the answers to a page's callbacks weigh, headers and all."""

    def __init__(self, page: Page) -> None:
        self._sizes: list[int] = []
        page.on("requestfinished", self._note)

    def _note(self, request: Request) -> None:
        if "/_dash-update-component" in request.url or "/_dash-layout" in request.url:
            sizes = request.sizes()
            self._sizes.append(sizes["responseBodySize"] + sizes["responseHeadersSize"])

    def taken(self) -> float:
        """Everything since the last look."""
        total, self._sizes = sum(self._sizes), []
        return float(total)

    def largest(self) -> float:
        """The largest answer since the last look."""
        most, self._sizes = max(self._sizes, default=0), []
        return float(most)


def _append(log: Path, line: str) -> None:
    """Append a metric line once more, at a later step."""
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(json.loads(line) | {"step": int(time.time() * 100)}) + "\n")


@contextmanager
def _served(directory: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "thalia_monitor", "--checkpoint-dir", str(directory), "--port", "0"]
    process = subprocess.Popen([*command, "--refresh-seconds", "1"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().rsplit(" ", 1)[-1].strip()
    finally:
        process.terminate()
        process.wait()
