"""How soon a line is on the screens of many viewers, and what their open streams cost everybody else."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.sync_api import Page

from benchmarks.crowd import Browser
from benchmarks.long_log import REGIONS, metric_line
from benchmarks.row import Bench, Row, copied
from benchmarks.served import Served, served
from tests.browser.chromium import CHROMIUM, started
from thalia_monitor.reading.library import run_id

WORKERS: Final = 2
INTERVAL: Final = 30
"""Seconds between two ticks while latency is measured: none of what is seen came by a tick."""
LINES: Final = 60
SOON: Final = 500
ORDINARY: Final = 250
BACK: Final = 5
IDLE: Final = 60
CROWD: Final = 100
MANY: Final = 500

DRAWN: Final = """() => {
  window.seen = {};
  const look = () => {
    const steps = document.querySelector('#frame-header').textContent.match(/Step([\\d,]+)/);
    const plot = document.querySelector('.js-plotly-plot');
    const last = plot && plot.data && plot.data[0].x.at(-1);
    if (steps && last === Number(steps[1].replaceAll(',', ''))) window.seen[last] ??= Date.now() / 1000;
    requestAnimationFrame(look);
  };
  look();
}"""
"""Notes when a step is in the header and at the end of the first chart, looked at before each frame."""


def rows(bench: Bench) -> Iterator[Row]:
    """Two workers on the long log; streams of Chromium, and of a process that holds as many as wanted."""
    run = copied(bench, bench.lines, "push")
    writer = Writer(run, bench.lines)
    with served(run, WORKERS, bench.directory / "push-cache", refresh=INTERVAL) as site:
        if CHROMIUM:
            yield from _latency(site, run, writer, bench.directory / "tick.json")
        else:
            print("| line to pixel: no Chromium on this machine | | | | | |")
        yield from _crowded(site, run, writer)
        yield from _many(site, run)
    with served(run, WORKERS, bench.directory / "push-cache", refresh=5) as site:
        yield from _idle(site, run)


class Writer:
    """Appends metric lines to a log."""

    def __init__(self, run: Path, last: int) -> None:
        self._log = run / "training_log.json"
        self.last = last

    def write(self) -> tuple[int, float]:
        """Write one line: its step, and when it was there."""
        self.last += 1
        line = metric_line(self.last, [0.5] * 16, dict.fromkeys(REGIONS, 5))
        with self._log.open("a", encoding="utf-8") as file:
            file.write(line)
        return json.loads(line)["step"], time.time()


def _latency(site: Served, run: Path, writer: Writer, tick: Path) -> Iterator[Row]:
    """The others ask what the browser asks: they look at the same page through windows of the same size."""
    with started() as browser:
        page = _opened(browser.new_page(viewport={"width": 1440, "height": 900}), site.address + "metrics")
        page.evaluate(DRAWN)
        tick.write_text(_tick(page, writer), encoding="utf-8")
        for viewers in (1, CROWD):
            with _streams(site, run, viewers - 1, 3600, tick) if viewers > 1 else _alone():
                took = sorted(_shown(page, writer))
            who = f"{viewers:,} viewers" if viewers > 1 else "1 viewer"
            middle, most = np.percentile(took, (50, 95)) * 1e3
            yield Row(f"{who}: line to pixel, median", middle, "ms", spread=(took[0] * 1e3, took[-1] * 1e3))
            yield Row(f"{who}: line to pixel, p95", most, "ms", most=SOON)


def _opened(page: Page, address: str) -> Page:
    page.goto(address)
    page.wait_for_function("() => document.querySelector('#push')?.textContent === 'connected'")
    page.wait_for_function("() => document.querySelector('.js-plotly-plot')?.data?.[0]?.x?.length")
    return page


def _tick(page: Page, writer: Writer) -> str:
    """What the page asks at a new line, once it is quiet."""
    page.wait_for_timeout(3000)
    with page.expect_request(
        lambda request: '"changedPropIds":["live-pulse.data"]' in (request.post_data or "")
    ) as asked:
        writer.write()
    return asked.value.post_data or ""


def _shown(page: Page, writer: Writer) -> Iterator[float]:
    """Seconds from each line to the frame that shows it; at times that have nothing to do with the server's looks."""
    for _ in range(LINES):
        page.wait_for_timeout(700 + 600 * random.random())
        step, written = writer.write()
        page.wait_for_function(f"() => window.seen[{step}]", timeout=60_000)
        yield page.evaluate(f"() => window.seen[{step}]") - written


def _crowded(site: Served, run: Path, writer: Writer) -> Iterator[Row]:
    """Ordinary requests, fifty a second, while a hundred streams hear of a line every second."""
    for streams in (0, CROWD):
        with _streams(site, run, streams, 3600) if streams else _alone():
            browser, took = Browser(site.address), []
            begun = time.monotonic()
            for place in range(750):
                time.sleep(max(begun + place / 50 - time.monotonic(), 0))
                if place % 50 == 0:
                    writer.write()
                start = time.monotonic()
                paths = ("/", "/api/v1/runs", f"/api/v1/runs/{run_id(run)}")
                browser.get(paths[place % len(paths)])
                took.append(time.monotonic() - start)
        middle, most = np.percentile(took, (50, 95)) * 1e3
        yield Row(f"{streams} streams: ordinary requests, median", middle, "ms")
        yield Row(
            f"{streams} streams: ordinary requests, p95", most, "ms", most=ORDINARY if streams else None
        )


def _many(site: Served, run: Path) -> Iterator[Row]:
    """Five hundred streams; then a worker is killed."""
    before = site.share
    with _streams(site, run, MANY, 20) as streams:
        time.sleep(11)  # two signs of life
        memory = (site.share - before) / MANY / 1e3
        busiest = max(site.process.children(), key=lambda each: len(each.net_connections()))
        busiest.kill()
    found = streams.result()
    away = found["away"] or [0.0]
    yield Row(f"{MANY} streams: lost for good", MANY - found["open"], "streams", most=0)
    yield Row(f"{MANY} streams: memory of each", memory, "kB")
    yield Row(f"a worker killed: all of its {len(away)} streams back", away[-1], "s", most=BACK)


def _idle(site: Served, run: Path) -> Iterator[Row]:
    """A minute in which nothing happens: one page in a browser, then a hundred streams."""
    if CHROMIUM:
        with started() as browser:
            page = _opened(browser.new_page(), site.address + "metrics")
            taken = [0]
            wire = page.context.new_cdp_session(page)
            wire.send("Network.enable")
            wire.on("Network.dataReceived", lambda event: taken.append(event["encodedDataLength"]))
            wire.on(
                "Network.responseReceived",
                lambda event: taken.append(event["response"]["encodedDataLength"]),
            )
            page.wait_for_timeout(IDLE * 1000)
            yield Row("received by an open page, nothing new, interval 5 s", sum(taken) / 1e3, "kB a minute")
    with _streams(site, run, CROWD, IDLE) as streams:
        before = site.spent
        time.sleep(IDLE - 1)
        spent = site.spent - before
    yield Row(f"{CROWD} silent streams: a stream", streams.result()["bytes"] / CROWD, "B a minute")
    yield Row(f"{CROWD} silent streams: cores busy", spent / (IDLE - 1), "cores")


class Streams:
    """A process that holds streams."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def result(self) -> dict[str, Any]:
        """What they went through, when their time is over."""
        assert self.process.stdout is not None
        with self.process.stdout as output:
            found: dict[str, Any] = json.loads(output.readline())
        self.process.wait()
        return found


@contextmanager
def _streams(
    site: Served, run: Path, count: int, seconds: float, tick: Path | None = None
) -> Iterator[Streams]:
    """Hold so many streams, all open when the block begins; after their time their result can be read."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.streams",
        site.address,
        run_id(run),
        str(count),
        str(seconds),
    ]
    process = subprocess.Popen([*command, *([str(tick)] if tick else [])], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "open\n"
        yield Streams(process)
    finally:
        if seconds > IDLE:
            process.kill()
            process.wait()
            process.stdout.close()


@contextmanager
def _alone() -> Iterator[None]:
    yield
