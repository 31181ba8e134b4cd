"""A run with something of everything on every page: warnings, findings, growth, sleep, milestones, a torn line."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Final

from tests.support import Run, line

LINES: Final = 600
REGIONS: Final = ("cortex", "hippocampus", "cerebellum")
WARNINGS: Final = (
    ("critical", "Seizure-like activity: firing rate 0.350 > 0.3"),
    ("warning", "High capacity in cortex: 0.861"),
    *(("info", f"Memory pressure 0.{share}: consolidating") for share in range(70, 80)),
)


def write(directory: Path, now: float | None = None) -> Run:
    """Write the run, its last line just now."""
    directory.mkdir(parents=True, exist_ok=True)
    run = Run(directory)
    now = time.time() if now is None else now
    for number in range(LINES):
        step, moment = 100 * number, now - 10 * (LINES - number)
        loss = math.nan if number in (100, 450) else 0.5 - 0.0003 * number
        run.metrics(
            step,
            timestamp=moment,
            loss=loss,
            firing_rate=0.1 if number < 400 else 0.2,
            capacity=0.6,
            performance=min(number, 300) / 600,
            dopamine=0.3,
            neuron_counts=dict.fromkeys(REGIONS, 1000 + number),
            capacity_by_region={region: 0.9 if region == "hippocampus" else 0.5 for region in REGIONS},
            **{
                "region_firing_rates/cortex": 0.001 if number > 400 else 0.1,
                "region_firing_rates/thalamus": 0.95 if number > 590 else 0.1,
            },
        )
        if number % 50 == 10:
            grown = {"region": "cortex", "neurons_added": 50, "new_total": 1000 + number, "reason": "full"}
            run.append(line(step, event_type="growth", timestamp=moment, **grown))
        if number == 30 or (number % 60 == 20 and number > 20):  # not always at the same distance
            slept = {"sleep_stage": "NREM", "patterns_replayed": 150, "duration_steps": 5000}
            run.append(line(step, event_type="consolidation", timestamp=moment, **slept))
    run.append('{"step": 60000, "loss": \n')
    passed = {"mnist_accuracy": True, "sequence_prediction": False, "sensorimotor_maintained": True}
    warned = [{"severity": severity, "message": message} for severity, message in WARNINGS]
    run.metadata(25_000, milestones=passed, current_week=1)
    run.metadata(50_000, milestones=passed | {"sensorimotor_maintained": False}, warnings=warned)
    return run
