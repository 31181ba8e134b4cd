"""A refresh after one new line, and one after none: at the length of the log, and at a hundredth of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.long_log import REGIONS, metric_line
from benchmarks.row import Bench, Row, copied, median, spread
from thalia_monitor.reading.run_reader import RunReader

TICKS = 300
NEW_LINE = metric_line(10**7, [0.5] * 16, dict.fromkeys(REGIONS, 5))


def rows(bench: Bench) -> Iterator[Row]:
    """Measure both logs in turn, tick by tick; only processor time, since others use the machine too."""
    runs = [copied(bench, lines, "tick") for lines in (bench.lines // 100, bench.lines)]
    readers = [RunReader(run, cache=bench.directory / "tick-cache") for run in runs]
    new: tuple[list[float], list[float]] = ([], [])
    none: tuple[list[float], list[float]] = ([], [])
    surplus = 0
    for reader in readers:
        reader.read()
    for _ in range(TICKS):
        for place, reader in enumerate(readers):
            before = reader.bytes_read
            with (runs[place] / "training_log.json").open("a") as file:
                file.write(NEW_LINE)
            new[place].append(_milliseconds(reader))
            none[place].append(_milliseconds(reader))
            surplus = max(surplus, reader.bytes_read - before - len(NEW_LINE))
    short, long = (f"{lines:,} lines" for lines in (bench.lines // 100, bench.lines))
    yield Row(
        f"refresh after one new line, {long}",
        median(new[1]),
        "ms",
        short,
        median(new[0]),
        1.5,
        spread(new[1]),
    )
    yield Row(
        f"refresh without news, {long}", median(none[1]), "ms", short, median(none[0]), 1.5, spread(none[1])
    )
    yield Row("bytes read at a tick beyond the new line", surplus, "bytes", most=0)


def _milliseconds(reader: RunReader) -> float:
    start = time.process_time_ns()
    reader.read()
    return (time.process_time_ns() - start) / 1e6
