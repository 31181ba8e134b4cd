"""A hundred viewers of one run while it grows, and what they cost more than one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.bare import cost
from benchmarks.long_log import REGIONS, metric_line
from benchmarks.row import Bench, Row, copied
from benchmarks.served import served

CROWDS: Final = (1, 10, 100)
SECONDS: Final = 20
WORKERS: Final = 2
LATE: Final = 250
LINES_A_SECOND: Final = 10
NEARLY: Final = 1.5
"""What a hundred viewers may cost more than one: their questions have to be taken in and answered."""


def rows(bench: Bench) -> Iterator[Row]:
    """Each viewer looks every two seconds, the log grows ten lines a second, two workers serve."""
    run = copied(bench, bench.lines, "viewers")
    bare = cost(WORKERS, CROWDS[-1], SECONDS) * 1e3
    yield Row(f"{CROWDS[-1]} viewers: a request to an empty app", bare, "ms")
    costs: list[float] = []
    ours: list[float] = []
    with served(run, WORKERS, bench.directory / "viewers-cache") as site, growing(run, bench.lines):
        for viewers in CROWDS:
            before, start = site.spent, time.monotonic()
            found = site.crowd(viewers, SECONDS)
            spent, versions = (site.spent - before) * 1e3, max(found["versions"], 1)
            cores = spent / 1e3 / (time.monotonic() - start)
            costs.append(spent / versions)
            ours.append((spent - bare * found["asked"]) / versions)
            who = f"{viewers:,} viewers" if viewers > 1 else "1 viewer"
            yield Row(f"{who}: p95 of a tick", found["p95"] * 1e3, "ms", most=LATE)
            yield Row(f"{who}: median of a tick", found["median"] * 1e3, "ms")
            yield Row(f"{who}: errors", found["errors"], "of " + f"{found['ticks']:,} ticks", most=0)
            yield Row(f"{who}: cores busy serving", cores, "cores")
            yield Row(f"{who}: CPU per version shown", costs[-1], "ms", "1 viewer", costs[0])
            yield Row(f"{who}: the same, minus the empty app", ours[-1], "ms", "1 viewer", ours[0], NEARLY)


@contextmanager
def growing(run: Path, number: int) -> Iterator[None]:
    """Let a log grow until the block ends."""
    over = threading.Event()

    def write() -> None:
        last = number
        with (run / "training_log.json").open("a", encoding="utf-8") as file:
            while not over.wait(1 / LINES_A_SECOND):
                last += 1
                file.write(metric_line(last, [0.5] * 16, dict.fromkeys(REGIONS, 5)))
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()
