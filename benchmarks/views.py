"""What the views of a curriculum cost on the wire: a long log with 25 regions, stages, probes, growth and sleep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.long_log import START, scalars
from benchmarks.row import Bench, Row
from benchmarks.wire import on_the_wire

PAGES: Final = ("curriculum", "activity", "metrics", "growth", "consolidation", "milestones", "checkpoints")
REGIONS: Final = tuple(f"region_{number:02}" for number in range(25))
TASKS: Final = ("reaching", "mnist", "phonology")
EVERY: Final = 5_000
"""Lines between two growths, sleeps and probes."""


def rows(bench: Bench) -> Iterator[Row]:
    """Measure each page with the log's usual number of lines."""
    run = bench.directory / f"views-{bench.lines}"
    if not run.exists():
        run.mkdir()
        write_run(run, bench.lines)
    yield from on_the_wire(run, PAGES, metric_line(1, np.full(54, 0.5), 1000), ", 25 regions")


def write_run(run: Path, lines: int, *, seed: int = 11) -> None:
    """Write the log and three checkpoints; a million lines are about 1.9 GB."""
    random = np.random.default_rng(seed)
    log = run / "training_log.json"
    with log.open("w", encoding="utf-8") as file:
        for number in range(lines):
            if number % EVERY == 0:
                noise = random.random((EVERY, 54)).round(4)
                file.writelines(map(_event, _events(number, lines)))
            file.write(metric_line(number, noise[number % EVERY], 1000 + number // EVERY))
    for number in (lines // 2, lines * 3 // 4, lines - 1):
        checkpoint = {
            "current_stage": 0,
            "step": number * 10,
            "current_week": 2,
            "total_weeks": 8,
            "metrics": {"firing_rate": 0.1, "capacity": 0.7, "performance": 0.6, "loss": 0.3},
            "milestones": {"mnist_accuracy": True, "sequence_prediction": False},
            "warnings": [],
            "training_time_seconds": number / 2,
        }
        (run / f"metadata_{number * 10}.json").write_text(json.dumps(checkpoint), encoding="utf-8")


def metric_line(number: int, noise: Any, neurons: int) -> str:
    """One logged step; ``noise`` are 54 values from 0 to 1."""
    first, second = noise[4:29].tolist(), noise[29:54].tolist()
    regions = {
        "region_firing_rates": {name: 0.05 + 0.1 * each for name, each in zip(REGIONS, first, strict=True)},
        "neuron_counts": dict.fromkeys(REGIONS, neurons),
        "capacity_by_region": dict(zip(REGIONS, second, strict=True)),
    }
    learned = {"mnist_accuracy": 0.95 * number / (number + 80_000) + 0.02 * noise[3]}
    return json.dumps(scalars(number, noise.tolist()) | learned | regions) + "\n"


def _event(fields: dict[str, Any]) -> str:
    return json.dumps(fields) + "\n"


def _events(number: int, lines: int) -> Iterator[dict[str, Any]]:
    """What happens before a line: stages begin, and each task is probed, a region grows, the brain sleeps."""
    at = {"step": number * 10, "timestamp": START + number * 0.5}
    half = lines // 2 // EVERY * EVERY
    for stage, first in ((-1, 0), (0, half)):
        if number == first:
            plan = {"duration_steps": lines * 5, "success_criteria": {"mnist_accuracy": 0.95}}
            yield at | {"event_type": "stage_start", "stage": stage, "config": plan}
    for place, task in enumerate(TASKS):
        probe = {"task": task, "stage": -1 if place == 0 else 0, "accuracy": 0.9 - 0.1 * place, "n": 400}
        yield at | {"event_type": "evaluation"} | probe
    region = REGIONS[number // EVERY % len(REGIONS)]
    grown = {
        "region": region,
        "neurons_added": 25,
        "new_total": 1025,
        "reason": "Capacity 0.86 > threshold 0.85",
    }
    yield at | {"event_type": "growth"} | grown
    slept = {"sleep_stage": "REM" if number // EVERY % 2 else "NREM", "patterns_replayed": 100}
    yield at | {"event_type": "consolidation", "duration_steps": 5000} | slept
    yield at | {
        "event_type": "intervention",
        "intervention": "reduce_load",
        "reason": "firing rate above 0.3",
    }
