"""Kills writers at random instants: ``python kill_writers.py DIRECTORY KILLS SEED``.

Each writer is a process of its own, goes on where the one before was killed, and reports every record that the
logger has taken. Prints, as JSON, the steps that were reported. A program and not a test, for it forks.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import time
from itertools import count
from pathlib import Path
from random import Random

from thalia_monitor.logger import CurriculumLogger

MOST_REPORTS = 8
"""A writer is killed after up to so many reports, and up to ``LONGEST_DELAY`` seconds."""

LONGEST_DELAY = 0.003
REPORT = struct.Struct("q")


def write(directory: Path, first: int, reports: int) -> None:
    """Log steps until killed; report each once the logger has taken it."""
    logger = CurriculumLogger(
        directory, console_log=False, file_log=True, json_log=True, metadata_interval=10
    )
    logger.log_stage_start(0, {"duration_weeks": 8})
    for step in count(first):
        logger.log_training_step(step, {"loss": 1 / (1 + step), "neuron_counts": {"cortex": 1600 + step}})
        os.write(reports, REPORT.pack(step))


def kill_one(directory: Path, first: int, random: Random) -> list[int]:
    """Let a writer live for a while, kill it, and return the steps it reported."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        write(directory, first, writing)
        os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as file:
        content = b"".join(file.read(REPORT.size) or b"" for _ in range(random.randint(0, MOST_REPORTS)))
        time.sleep(random.uniform(0, LONGEST_DELAY))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        content += file.readall()
    return [step for (step,) in REPORT.iter_unpack(content)]


def check_metadata(directory: Path, newest: int | None) -> None:
    """Read the newest metadata files, or all: one that is there is whole."""
    paths = sorted(directory.glob("metadata_*.json"))
    for path in paths if newest is None else paths[-newest:]:
        assert json.loads(path.read_bytes())["current_stage"] == 0, path


def main(directory: Path, kills: int, seed: int) -> None:
    """Kill so many writers, one after the other."""
    random = Random(seed)
    reported: list[int] = []
    for _ in range(kills):
        reported += kill_one(directory, reported[-1] + 1 if reported else 0, random)
        check_metadata(directory, newest=5)
    check_metadata(directory, newest=None)
    sys.stdout.write(json.dumps(reported))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
