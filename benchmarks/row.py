"""What a benchmark has found: one line of the table."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.long_log import write_log


@dataclass(frozen=True, slots=True)
class Row:
    """One measured thing beside what it is measured against."""

    work: str
    measured: float
    unit: str
    against: str = ""
    baseline: float | None = None
    """In the same unit."""
    most: float | None = None
    """The target: the ratio to the baseline, or the value itself where there is none, is to be at most this."""
    spread: tuple[float, float] | None = None
    """The least and the greatest of the repetitions."""

    @property
    def ratio(self) -> float | None:
        """Measured over baseline."""
        return None if self.baseline is None else self.measured / self.baseline

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one."""
        value = self.measured if self.ratio is None else self.ratio
        # JSON knows no truth values of NumPy.
        return None if self.most is None else bool(value <= self.most)


@dataclass(slots=True)
class Bench:
    """Where benchmarks work: a directory with logs of any length, each written once."""

    directory: Path
    lines: int = 1_000_000
    """Metric lines of the long log."""
    kept: dict[str, float] = field(default_factory=dict)
    """What one row measured and another compares itself with."""

    def run(self, lines: int) -> Path:
        """A run's directory with a log of so many metric lines."""
        directory = self.directory / f"run-{lines}"
        if not directory.exists():
            directory.mkdir()
            write_log(directory / "training_log.json", lines)
        return directory

    @property
    def long_run(self) -> Path:
        """The run with the long log."""
        return self.run(self.lines)


def copied(bench: Bench, lines: int, name: str) -> Path:
    """A copy of a run's directory, for a benchmark that appends to the log."""
    run = bench.directory / f"{name}-{lines}"
    shutil.copytree(bench.run(lines), run)
    return run


def seconds(work: Callable[[], object]) -> float:
    """Time one go."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(*works: Callable[[], object], times: int = 3) -> list[list[float]]:
    """Time several works in turn, so that a busy moment of the machine falls on all of them alike."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(times):
        for place, work in enumerate(works):
            found[place].append(seconds(work))
    return found


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def spread(values: list[float]) -> tuple[float, float]:
    """The least and the greatest."""
    return min(values), max(values)
