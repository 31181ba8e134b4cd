"""Exporting a long log with thirty values a line: time and memory of the command, its helper process included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.row import Bench, Row, seconds

VALUES: Final = 30
MEGABYTE: Final = 2**20
PROGRAM: Final = """
import resource, sys
from contextlib import suppress
from pathlib import Path
from thalia_monitor.cli import main

with suppress(SystemExit):
    main()
own = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
print(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def write_wide_log(path: Path, lines: int, *, seed: int = 7) -> None:
    """Write metric lines of thirty values, a hundredth of them with a NaN."""
    random = np.random.default_rng(seed)
    names = [f"metric_{number:02}" for number in range(VALUES)]
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, lines, 10_000):
            block = random.random((min(10_000, lines - first), VALUES))
            block[::100, 3] = np.nan
            for offset, row in enumerate(block.tolist()):
                number = first + offset
                head = {"step": number * 10, "timestamp": 1_765_200_000.0 + number * 0.5}
                file.write(json.dumps(head | dict(zip(names, row, strict=True))) + "\n")


def rows(bench: Bench) -> Iterator[Row]:
    """Measure each format once."""
    run = bench.directory / "wide"
    run.mkdir()
    write_wide_log(run / "training_log.json", bench.lines)
    os.sync()  # or the first export would wait for the log to be written to the disk
    what = f"export of {bench.lines:,} lines x {VALUES} values"
    for kind in ("csv", "json", *(["parquet"] if find_spec("pyarrow") else [])):
        target = bench.directory / f"wide.{kind}"
        peaks = [0, 0]

        def work(target: Path = target) -> None:
            nonlocal peaks
            command = [sys.executable, "-c", PROGRAM, "export", str(run), "-o", str(target)]
            ended = subprocess.run(command, check=True, capture_output=True, text=True)
            peaks = [int(each) for each in ended.stdout.split()]

        took = seconds(work)
        yield Row(f"{what}, {kind}", took, "s", most=10)
        yield Row("its peak memory, helper process included", sum(peaks) * 1024 / MEGABYTE, "MB", most=300)
        target.unlink()
