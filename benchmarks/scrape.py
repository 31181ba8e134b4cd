"""A scrape of many runs by Prometheus: with nothing new, and after a line in each of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks.long_log import write_log
from benchmarks.row import Bench, Row, median, seconds, spread
from thalia_monitor.web.app import create_app

RUNS: Final = 100
LINES: Final = 1_000
LIMIT: Final = 100.0
"""Milliseconds."""


def rows(bench: Bench) -> Iterator[Row]:
    """Scrape a few times, without and with news."""
    if not find_spec("prometheus_client"):
        return
    root = bench.directory / "many"
    logs = [root / f"run-{number:03}" / "training_log.json" for number in range(RUNS)]
    for log in logs:
        log.parent.mkdir(parents=True)
    write_log(logs[0], LINES)
    for log in logs[1:]:
        shutil.copyfile(logs[0], log)
    client = create_app(root=(root,)).server.test_client()

    def scrape() -> float:
        return 1000 * seconds(lambda: client.get("/api/v1/metrics"))

    first, _ = scrape(), scrape()
    yield Row(f"first scrape of {RUNS} runs, each read", first, "ms")
    same = [scrape() for _ in range(10)]
    yield Row(f"scrape of {RUNS} runs", median(same), "ms", most=LIMIT, spread=spread(same))
    news = []
    for number in range(3):
        append(logs, number)
        news.append(scrape())
    yield Row(f"scrape of {RUNS} runs, all with a new line", median(news), "ms", spread=spread(news))


def append(logs: list[Path], number: int) -> None:
    """Append a line to each log."""
    for log in logs:
        with log.open("a", encoding="utf-8") as file:
            file.write(f'{{"step": {1_000_000 + number}, "loss": 0.5}}\n')
