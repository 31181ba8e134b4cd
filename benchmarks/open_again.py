"""Opening a long log again: after a restart, or in another worker."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.row import Bench, Row, median, seconds, spread
from thalia_monitor.reading.run_reader import RunReader


def rows(bench: Bench) -> Iterator[Row]:
    """Measure new readers on a snapshot that is there, beside the cold read that made it."""
    run, cache = bench.long_run, bench.directory / "warm-cache"
    first = seconds(RunReader(run, cache=cache).read)
    times = [seconds(RunReader(run, cache=cache).read) for _ in range(7)]
    cold = bench.kept.get("cold", first)
    yield Row("opening it again", median(times), "s", "cold read", cold, 0.05, spread(times))
