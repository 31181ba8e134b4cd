from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any

from thalia_monitor import contract
from thalia_monitor.demo import run, simulate
from thalia_monitor.demo.brain import Simulation
from thalia_monitor.metric_info import CORE_METRICS

COARSE = Simulation(log_interval=1_000)
NOW = 1_800_000_000.0


def log_lines(directory: Path) -> list[dict[str, Any]]:
    """Every line of the log."""
    return [json.loads(line) for line in (directory / contract.LOG_NAME).read_text("utf-8").splitlines()]


def test_some_hours_of_history_are_there_before_the_first_live_line(tmp_path: Path) -> None:
    """The page is full at once: back-dated lines up to now, both first stages, growth, sleep, milestones."""
    next(simulate(tmp_path, simulation=COARSE, clock=lambda: NOW))

    lines = log_lines(tmp_path)
    times = [line["timestamp"] for line in lines]
    assert times == sorted(times)
    assert NOW - times[0] == 7200
    assert 0 < NOW - times[-1] <= COARSE.seconds_per_line
    assert {line["stage"] for line in lines if line.get("event_type") == "stage_start"} == {-1, 0}
    kinds = {line.get("event_type") for line in lines}
    assert kinds >= {"growth", "consolidation", "milestone", "transition", "extension", "warning", None}


def test_each_step_taken_from_it_is_one_metric_line(tmp_path: Path) -> None:
    """The caller sets the pace: nothing is written ahead of the requested steps."""
    training = simulate(tmp_path, simulation=COARSE, clock=lambda: NOW)
    next(training)
    before = len([line for line in log_lines(tmp_path) if "event_type" not in line])
    steps = list(islice(training, 10))

    after = [line for line in log_lines(tmp_path) if "event_type" not in line]
    assert len(after) - before == 10
    assert steps == sorted(steps)


def test_the_same_seed_is_the_same_training(tmp_path: Path) -> None:
    """Two runs of one seed write the same bytes, another seed does not."""
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        next(
            simulate(tmp_path / name, simulation=Simulation(seed=seed, log_interval=1_000), clock=lambda: NOW)
        )

    logs = {name: (tmp_path / name / contract.LOG_NAME).read_bytes() for name in ("one", "two", "other")}
    assert logs["one"] == logs["two"] != logs["other"]


def test_the_newest_metadata_say_where_the_training_is(tmp_path: Path) -> None:
    """Names sort by step, and the last one holds the documented fields."""
    next(simulate(tmp_path, simulation=COARSE, clock=lambda: NOW))

    names = sorted(path.name for path in tmp_path.glob(contract.METADATA_PATTERN))
    metadata = [json.loads((tmp_path / name).read_text("utf-8")) for name in names]
    assert [each["step"] for each in metadata] == sorted(each["step"] for each in metadata)
    assert metadata[-1]["current_stage"] == 0
    assert metadata[-1]["total_weeks"] == 8
    assert set(CORE_METRICS) <= set(metadata[-1]["metrics"])


def test_a_stop_event_ends_it(tmp_path: Path) -> None:
    """``run`` returns as soon as it is stopped, history written."""
    stop = Event()
    stop.set()

    run(tmp_path, stop, simulation=COARSE)

    assert len(log_lines(tmp_path)) > 300
