"""What a long log costs in memory: one process, and four workers together."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.row import Bench, Row
from benchmarks.served import served

MEGABYTE = 2**20
PROGRAM = """
import json, os, sys
from pathlib import Path
import numpy
from thalia_monitor.reading.run_reader import RunReader

def read():
    state = RunReader(Path(sys.argv[1]), cache=Path(sys.argv[2]) if sys.argv[2] else None).read()
    history = state.history
    tables = (history.metrics, history.neurons, history.capacity)
    columns = [column for table in tables for column in table.values()]
    raw = sum(array.nbytes for array in (history.step, history.segment, history.time))
    raw += sum(each.values.nbytes + (each.rows.nbytes if each.rows is not None else 0) for each in columns)
    touched = sum(float(column.values.sum()) for column in columns)  # as a page does that draws it
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    os.write(1, (json.dumps({"raw": raw, "peak": peak}) + "\\n").encode())  # one write: processes do not interleave
    return state

for _ in range(int(sys.argv[3]) - 1):
    if os.fork() == 0:
        break
state = read()
sys.stdin.read()
"""


class Workers:
    """Processes that hold a run, forked when everything was imported, as gunicorn does with ``preload_app``."""

    def __init__(self, run: Path, cache: Path | None, count: int = 1) -> None:
        command = [sys.executable, "-c", PROGRAM, str(run), str(cache or ""), str(count)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        said = [json.loads(self._process.stdout.readline()) for _ in range(count)]
        self.raw, self.peak = float(said[0]["raw"]), max(float(each["peak"]) for each in said)

    @property
    def share(self) -> float:
        """Their proportional share of memory: a page that four processes map counts as a quarter for each."""
        first = psutil.Process(self._process.pid)
        return sum(float(each.memory_full_info().pss) for each in [first, *first.children(recursive=True)])

    def close(self) -> None:
        """End the processes."""
        self._process.communicate("")


def rows(bench: Bench) -> Iterator[Row]:
    """Measure without a snapshot, then one and four with one."""
    run, cache = bench.long_run, bench.directory / "memory-cache"
    single = Workers(run, None)
    limit = (2 * single.raw + 150 * MEGABYTE) / MEGABYTE
    yield Row(
        "memory of a process, no snapshot", single.share / MEGABYTE, "MB", "2 x columns + 150", limit, 1.0
    )
    yield Row("its peak while it read", single.peak / MEGABYTE, "MB", "2 x columns + 150", limit, 1.0)
    single.close()
    shares = []
    for count in (1, 4):
        workers = Workers(run, cache, count)
        shares.append(workers.share / MEGABYTE)
        workers.close()
    yield Row("memory of four readers, one snapshot", shares[1], "MB", "one of them", shares[0], 1.5)
    one, four = (_gunicorn(run, bench.directory / "memory-site", count) / MEGABYTE for count in (1, 4))
    yield Row("memory of four gunicorn workers", four, "MB", "one worker", one, 1.5)


def _gunicorn(run: Path, cache: Path, workers: int) -> float:
    """What workers that have all drawn pages share of memory in bytes, their master with them."""
    with served(run, workers, cache) as site:
        for page in ("/metrics", "/growth"):
            site.crowd(8 * workers, 5, page)
        return site.share
