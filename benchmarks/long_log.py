"""A long training log, as a run of many days leaves it: four scalars and two objects of six regions a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

REGIONS: Final = ("cortex", "hippocampus", "cerebellum", "striatum", "prefrontal", "thalamus")
EVENTS_PER_MILLION: Final = 15_000
START: Final = 1_765_200_000.0


def write_log(path: Path, lines: int, *, seed: int = 7) -> None:
    """Write ``lines`` metric lines and 15 events for each thousand of them; a million are about 400 MB."""
    random = np.random.default_rng(seed)
    neurons = dict.fromkeys(REGIONS, 1_000)
    event_every = 1_000_000 // EVENTS_PER_MILLION
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, lines, 10_000):
            noise = random.random((min(10_000, lines - first), 16))
            for offset, row in enumerate(noise.tolist()):
                number = first + offset
                file.write(metric_line(number, row, neurons))
                if number % event_every == event_every - 1:
                    file.write(event_line(number, row, neurons))


def metric_line(number: int, row: list[float], neurons: dict[str, int]) -> str:
    """One logged step."""
    regions = {
        "neuron_counts": neurons,
        "capacity_by_region": {
            region: 0.4 + 0.5 * share for region, share in zip(REGIONS, row[4:10], strict=True)
        },
    }
    return json.dumps(scalars(number, row) | regions) + "\n"


def scalars(number: int, row: Sequence[float]) -> dict[str, float]:
    """Step, time and core metrics of a line; ``row`` begins with four values from 0 to 1."""
    return {
        "step": number * 10,
        "timestamp": START + number * 0.5,
        "firing_rate": 0.08 + 0.04 * row[0],
        "capacity": 0.5 + 0.3 * row[1],
        "performance": 0.9 * number / (number + 50_000) + 0.02 * row[2],
        "loss": 1.0 / (1 + number / 100_000) + 0.05 * row[3],
    }


def event_line(number: int, row: list[float], neurons: dict[str, int]) -> str:
    """A growth or a consolidation, in turn."""
    region = REGIONS[number % len(REGIONS)]
    if row[10] < 0.5:
        neurons[region] += 3
        grown = {
            "region": region,
            "neurons_added": 3,
            "new_total": neurons[region],
            "reason": "Capacity 0.86 > threshold 0.85",
        }
        return json.dumps({"step": number * 10, "event_type": "growth"} | grown) + "\n"
    slept = {"sleep_stage": "NREM", "patterns_replayed": 50 + int(100 * row[11]), "duration_steps": 5000}
    return json.dumps({"step": number * 10, "event_type": "consolidation"} | slept) + "\n"
