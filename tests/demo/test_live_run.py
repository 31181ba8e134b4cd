from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from thalia_monitor import contract, control_folder, load_training_state
from thalia_monitor.demo import run, simulate
from thalia_monitor.demo.brain import SAMPLED, Simulation
from thalia_monitor.logger import control as logger_control
from thalia_monitor.logger.spikes import MAX_WINDOWS
from thalia_monitor.metric_info import CORE_METRICS
from thalia_monitor.model.control_request import Request, new_id
from thalia_monitor.model.spike_window import SpikeWindow

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


def controlled(directory: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Iterator[int], Callable[..., None]]:
    """A simulated training that may be changed, at its first live step, and what asks it for a change."""
    monkeypatch.setattr(logger_control, "INTERVAL", 0.0)
    training = simulate(directory, simulation=COARSE, history_hours=0.5, controlled=True)
    next(training)
    next(training)  # what it declares is in the log now

    def ask(name: str, value: Any = None, based_on: Any = None) -> None:
        session = [line for line in log_lines(directory) if line.get("event_type") == "declare"][-1][
            "session"
        ]
        with control_folder.opened(directory) as folder:
            control_folder.put(folder, Request(new_id(), session, name, value, based_on, "anna", NOW))

    return training, ask


def losses(directory: Path, newest: int) -> float:
    """The mean loss of the newest lines."""
    lines = [line["loss"] for line in log_lines(directory) if "loss" in line][-newest:]
    return float(sum(lines)) / newest


def test_a_wrong_learning_rate_is_seen_in_the_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 30 lines it is far worse than before, and after the way back as good again."""
    training, ask = controlled(tmp_path, monkeypatch)
    before = losses(tmp_path, 10)
    ask("learning_rate", 0.1, 1e-3)
    list(islice(training, 30))
    during = losses(tmp_path, 5)
    ask("learning_rate", 1e-3, 0.1)
    list(islice(training, 40))
    assert before < 0.35
    assert during > before + 0.3
    assert losses(tmp_path, 5) < before + 0.1


def test_a_pause_stops_its_lines_until_it_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same step is yielded again and again meanwhile."""
    training, ask = controlled(tmp_path, monkeypatch)
    ask("pause")
    paused = list(islice(training, 20))
    assert len(set(paused[1:])) == 1
    length = len([line for line in log_lines(tmp_path) if "loss" in line])
    ask("resume")
    list(islice(training, 5))
    assert len([line for line in log_lines(tmp_path) if "loss" in line]) == length + 5


def test_a_stop_on_request_ends_it_and_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while it is paused."""
    training, ask = controlled(tmp_path, monkeypatch)
    ask("pause")
    next(training)
    ask("stop")
    assert len(list(islice(training, 10))) < 3
    assert log_lines(tmp_path)[-1]["event_type"] == "training_stopped"


def test_a_stop_event_ends_it(tmp_path: Path) -> None:
    """``run`` returns as soon as it is stopped, history written."""
    stop = Event()
    stop.set()

    run(tmp_path, stop, simulation=COARSE)

    assert len(log_lines(tmp_path)) > 300


def test_windows_of_spikes_are_logged(tmp_path: Path) -> None:
    """The same at each step of each run: a sample of each region, with its whole size and its theta in sight."""
    for name in ("one", "two"):
        next(simulate(tmp_path / name, simulation=COARSE, clock=lambda: NOW))
    one, two = (load_training_state(tmp_path / name).spike_windows for name in ("one", "two"))
    assert len(one) == len(two) == MAX_WINDOWS
    for first, second in zip(one, two, strict=True):
        window = first.read()
        assert window == second.read()
        assert isinstance(window, SpikeWindow)
        assert len(window.regions) == 6
        assert {len(each.neurons) for each in window.regions} == {SAMPLED}
        assert all(each.of > SAMPLED for each in window.regions)
        assert 5 < window.rate(*window.regions) < 100
