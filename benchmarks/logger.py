"""What a logged step costs a training: ``python -m benchmarks.logger [STEPS]``.

Prints microseconds per step beside the plainest thing one could do instead, a ``json.dumps`` appended to an open
file, and beside it flushed, so that a killed process loses nothing. Also prints what importing costs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from thalia_monitor.logger import CurriculumLogger

REGIONS = ("cortex", "hippocampus", "cerebellum", "striatum", "prefrontal", "thalamus")
CORE: dict[str, Any] = {"firing_rate": 0.1034, "capacity": 0.8012, "performance": 0.6511, "loss": 0.2347}
FULL: dict[str, Any] = CORE | {
    **{f"task/{name}_accuracy": 0.7123 for name in ("reaching", "manipulation", "prediction", "motor")},
    "neuron_counts": dict.fromkeys(REGIONS, 1600),
    "capacity_by_region": dict.fromkeys(REGIONS, 0.7123),
}


def best(action: Callable[[int], None], steps: int, rounds: int = 5) -> float:
    """Time an action over so many steps; the best of some rounds, in microseconds per step."""
    results = []
    for number in range(rounds):
        start = time.perf_counter()
        for step in range(number * steps, (number + 1) * steps):
            action(step)
        results.append((time.perf_counter() - start) / steps * 1e6)
    return min(results)


def plain_append(directory: Path, metrics: dict[str, Any], *, flush: bool) -> Callable[[int], None]:
    """Append what ``json.dumps`` makes of a step to an open file."""
    file = (directory / "plain.jsonl").open("a", encoding="utf-8")

    def append(step: int) -> None:
        file.write(json.dumps({"step": step, "timestamp": time.time(), **metrics}) + "\n")
        if flush:
            file.flush()

    return append


def logged(directory: Path, metrics: dict[str, Any], **options: Any) -> Callable[[int], None]:
    """Log a step with a logger of its own."""
    logger = CurriculumLogger(directory / "-".join(map(str, options)), console_output=False, **options)
    logger.log_stage_start(0, {"duration_weeks": 8})
    return lambda step: logger.log_training_step(step, metrics)


def controlled(directory: Path, name: str) -> Callable[[int], None]:
    """Look up a parameter at a step, as a training that can be changed does."""
    logger = CurriculumLogger(directory, console_output=False, file_log=False, json_log=True)
    logger.declare(name, 1e-3, low=1e-6, high=1e-1)

    def look(_: int) -> None:
        logger.control()[name]

    return look


def import_time(statement: str) -> float:
    """Milliseconds that an import adds to the start of Python, best of ten."""
    program = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    times = [float(subprocess.check_output([sys.executable, "-c", program])) for _ in range(10)]
    return min(times) * 1e3


def main() -> None:
    """Print the figures."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for title, metrics in (("4 metrics", CORE), ("8 metrics and 6 regions", FULL)):
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            rows = {
                "json.dumps, append": plain_append(directory, metrics, flush=False),
                "json.dumps, append, flush": plain_append(directory, metrics, flush=True),
                "CurriculumLogger, documented files": logged(
                    directory, metrics, file_log=False, json_log=True, keep_in_memory=False
                ),
                "CurriculumLogger, everything": logged(directory, metrics),
            }
            print(f"A logged step of {title}, µs:")
            for row, action in rows.items():
                print(f"  {row:36} {best(action, steps):6.1f}")
    with tempfile.TemporaryDirectory() as name:
        took = best(controlled(Path(name), "learning_rate"), 50 * steps)
        print(f'logger.control()["learning_rate"], with looks at its folder: {took:.2f} µs (target: below 5)')
    print(
        f"import thalia_monitor.logger: {import_time('from thalia_monitor import CurriculumLogger'):.1f} ms"
    )
    print(f"import logging, json, dataclasses: {import_time('import logging, json, dataclasses'):.1f} ms")


if __name__ == "__main__":
    main()
