"""A whole tick of a page after one new line, from the question to the answers: on the long log and on a short one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.long_log import REGIONS, metric_line
from benchmarks.row import Bench, Row, copied, median, spread
from tests.screen import Screen
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.settings import Settings
from thalia_monitor.web.app import create_app
from thalia_monitor.web.context import KEY, Monitor

PAGES: Final = ("", "metrics", "growth", "consolidation", "events")
TICKS: Final = 12
MOST: Final = 1.5


def rows(bench: Bench) -> Iterator[Row]:
    """Measure both logs in turn, every kind of event marked on the charts; processor time, all requests together."""
    lengths = (max(bench.lines // 100, 1000), bench.lines)
    cache = bench.directory / "page-tick-cache"
    sites = [Site(copied(bench, lines, "page-tick"), lines, cache) for lines in lengths]
    for name in PAGES:
        yield _row(f"whole tick of /{name} after one new line", name, sites, lengths)
    for site in sites:
        site.append(late=0.1)
    yield _row("the same of /metrics in a log with a late line", "metrics", sites, lengths)


def _row(work: str, name: str, sites: list[Site], lengths: tuple[int, int]) -> Row:
    screens = [Screen(site, f"/{name}", markers=[str(kind) for kind in MarkerKind]) for site in sites]
    times: tuple[list[float], ...] = tuple([] for _ in sites)
    for _ in range(TICKS):
        for site, screen, found in zip(sites, screens, times, strict=True):
            site.append()
            site.spent = 0.0
            screen.refresh()
            found.append(site.spent * 1e3)
    short, long = (found[2:] for found in times)  # what the first ticks import and make ready is not a tick's
    work = f"{work}, {lengths[1]:,} lines"
    return Row(work, median(long), "ms", f"{lengths[0]:,} lines", median(short), MOST, spread(long))


class Site:
    """A monitor on one run, asked without a network; counts the processor time that its answers take."""

    def __init__(self, run: Path, lines: int, cache: Path) -> None:
        self._app = create_app(run, settings=Settings(cache_dir=cache))
        self._client = self._app.server.test_client()
        self._log = run / "training_log.json"
        self._number = lines
        self.spent = 0.0
        watch: Monitor = self._app.server.extensions[KEY]
        while watch.state().read_fraction < 1:
            time.sleep(0.1)

    def append(self, late: float = 0.0) -> None:
        """Log one more step; one that is so late (a share of the log) belongs earlier."""
        self._number += 1
        number = self._number - round(self._number * late)
        with self._log.open("a", encoding="utf-8") as file:
            file.write(metric_line(number, [0.5] * 16, dict.fromkeys(REGIONS, 5)))

    def get(self, path: str) -> Any:
        """Ask for an address."""
        return self._client.get(path)

    def post(self, path: str, **request: Any) -> Any:
        """Call a callback."""
        start = time.process_time()
        answer = self._client.post(path, **request)
        self.spent += time.process_time() - start
        return answer
