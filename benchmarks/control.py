"""What it costs a training that it can be changed while it runs: looking a parameter up at each step."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.logger import best, controlled
from benchmarks.row import Bench, Row

STEPS = 300_000


def rows(bench: Bench) -> Iterator[Row]:
    """Measure a step that looks a parameter up, looks at the folder of requests included."""
    look = controlled(bench.directory / "controlled", "learning_rate")
    yield Row("looking a parameter up at a step", best(look, STEPS), "µs", most=5.0)
