"""An hour in front of a growing log, fast-forwarded: ``python -m benchmarks.soak``; does memory stay flat?

The browser's clock is wound on by a refresh at a time while the log grows by as much as it would have: an hour takes
some minutes. What is looked at is memory, on both sides, when what is garbage is gone.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from playwright.sync_api import CDPSession, Page

from benchmarks.long_log import REGIONS, event_line, metric_line, write_log
from benchmarks.served import Served, served
from tests.browser.chromium import started

LINES: Final = 100_000
"""In the log at the start."""
REFRESH: Final = 10
LINES_A_TICK: Final = 100
"""Ten a second."""
MEGABYTE: Final = 2**20
FLAT: Final = 1.1
"""What is used at the end is at most so many times what was used half-way.

Before that, columns that are full are given twice the room, once: 27 MB for this log.
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is used at one moment."""

    tick: int
    server: float
    """Megabytes: master and workers, shared pages counted once."""
    heap: float
    """Megabytes of live objects in the page."""
    nodes: float
    """Elements of the page, with those that only a script still holds."""
    listeners: float

    def __str__(self) -> str:
        used = f"{self.server:.1f} MB | {self.heap:.1f} MB | {self.nodes:,.0f} | {self.listeners:,.0f}"
        return f"| {self.tick:,} | {used} |"


@click.command()
@click.option(
    "--ticks", default=360, show_default=True, help="Refreshes: 360 are an hour at one in ten seconds."
)
@click.option("--page", "name", default="metrics", show_default=True)
@click.option("--json", "answer", type=click.Path(path_type=Path), help="Write the results there too.")
def main(ticks: int, name: str, answer: Path | None) -> None:
    """Let an hour pass, and print what was used in the course of it."""
    with tempfile.TemporaryDirectory(prefix="thalia-monitor-soak-") as directory:
        run = Path(directory) / "run"
        run.mkdir()
        write_log(run / "training_log.json", LINES)
        print("| refresh | server | page | elements | listeners |\n|---|---|---|---|---|")
        found = []
        with served(run, 1, Path(directory) / "cache", refresh=REFRESH) as site:
            for moment in _moments(site, name, run / "training_log.json", ticks):
                print(moment, flush=True)
                found.append(moment)
    early, late = found[len(found) // 2 - 1 : len(found) // 2 + 1], found[-3:]
    grown = {
        part: least(late, part) / least(early, part) for part in ("server", "heap", "nodes", "listeners")
    }
    print("\n" + ", ".join(f"{part} {ratio:.3f} x" for part, ratio in grown.items()))
    if answer:
        answer.write_text(json.dumps({"ticks": ticks, "page": name, "grown": grown}, indent=1))
    if max(grown.values()) > FLAT:
        raise SystemExit(f"not flat: more than {FLAT} times as much")


def least(moments: Sequence[Moment], part: str) -> float:
    """The least of some moments: what is replaced at a refresh waits to be collected, now more of it, now less."""
    return min(float(getattr(each, part)) for each in moments)


def _moments(site: Served, name: str, log: Path, ticks: int) -> Iterator[Moment]:
    with started() as browser, log.open("a", encoding="utf-8") as file:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.clock.install()
        page.goto(f"{site.address}{name}?events=growth,nrem")
        session = page.context.new_cdp_session(page)
        number = LINES
        for tick in range(ticks + 1):
            if tick % max(ticks // 8, 1) == 0:
                yield _moment(tick, site, session)
            number = _grow(file, number)
            _refresh(page, (number - 1) * 10)


def _grow(file: Any, number: int) -> int:
    for place in range(number, number + LINES_A_TICK):
        row = [(place * 7919 % 997) / 997] * 16
        file.write(metric_line(place, row, dict.fromkeys(REGIONS, place // 1000)))
        if place % 66 == 65:
            file.write(event_line(place, row, dict.fromkeys(REGIONS, 5)))
    file.flush()
    return number + LINES_A_TICK


def _refresh(page: Page, step: int) -> None:
    """Wind the clock on until the page shows that step."""
    for _ in range(20):
        page.clock.fast_forward(REFRESH * 1000)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            if f"{step:,}" in page.inner_text("#frame-header"):
                return
            page.wait_for_timeout(30)
    raise SystemExit(f"the page does not come to step {step:,}")


def _moment(tick: int, site: Served, session: CDPSession) -> Moment:
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    counters = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return Moment(
        tick,
        site.share / MEGABYTE,
        counters["JSHeapUsedSize"] / MEGABYTE,
        counters["Nodes"],
        counters["JSEventListeners"],
    )


if __name__ == "__main__":
    main()
