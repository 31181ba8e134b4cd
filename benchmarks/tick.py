"""A refresh after one new line, and one after none: at the length of the log, and at a hundredth of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.long_log import REGIONS, START, metric_line
from benchmarks.row import Bench, Row, copied, median, spread
from thalia_monitor.reading.run_reader import RunReader

TICKS = 300
NEW_LINE = metric_line(10**7, [0.5] * 16, dict.fromkeys(REGIONS, 5))


class Ticks(NamedTuple):
    """Milliseconds of processor time of each refresh of a short log and of a long one, and surplus bytes."""

    new: tuple[list[float], list[float]]
    none: tuple[list[float], list[float]]
    surplus: int


def rows(bench: Bench) -> Iterator[Row]:
    """Measure a log by itself, and one before which another logger had logged a stage."""
    short, long = (f"{lines:,} lines" for lines in (bench.lines // 100, bench.lines))
    ticks = _measure(bench, "tick")

    def row(work: str, times: tuple[list[float], list[float]]) -> Row:
        return Row(f"{work}, {long}", median(times[1]), "ms", short, median(times[0]), 1.5, spread(times[1]))

    yield row("refresh after one new line", ticks.new)
    yield row("refresh without news", ticks.none)
    yield Row("bytes read at a tick beyond the new line", ticks.surplus, "bytes", most=0)
    yield row("refresh after one new line, behind another logger's stage", _measure(bench, "behind").new)


def _measure(bench: Bench, name: str) -> Ticks:
    """Measure both logs in turn, tick by tick; only processor time, since others use the machine too."""
    runs = [copied(bench, lines, name) for lines in (bench.lines // 100, bench.lines)]
    if name == "behind":
        for run in runs:
            _write_stage(run)
    readers = [RunReader(run, cache=bench.directory / "tick-cache") for run in runs]
    ticks, surplus = Ticks(([], []), ([], []), 0), 0
    for reader in readers:
        reader.read()
    for _ in range(TICKS):
        for place, reader in enumerate(readers):
            before = reader.bytes_read
            with (runs[place] / "training_log.json").open("a") as file:
                file.write(NEW_LINE)
            ticks.new[place].append(_milliseconds(reader))
            ticks.none[place].append(_milliseconds(reader))
            surplus = max(surplus, reader.bytes_read - before - len(NEW_LINE))
    return ticks._replace(surplus=surplus)


def _write_stage(run: Path) -> None:
    """Write the file of a stage that had ended when the log began, as Thalia's own logger does."""
    steps = [
        {"step": 1000 * number, "timestamp": START - 1000 + number, "metrics": {"loss": 0.5}}
        for number in range(500)
    ]
    stage = {"stage": -1, "start_time": START - 1000, "end_time": START - 100, "step_metrics": steps}
    (run / "stage_-1_log.json").write_text(json.dumps(stage))


def _milliseconds(reader: RunReader) -> float:
    start = time.process_time_ns()
    reader.read()
    return (time.process_time_ns() - start) / 1e6
