"""Windows of spikes: what is written of them, how it is bounded, and what is refused."""

from __future__ import annotations

import json
import os
import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thalia_monitor import CurriculumLogger, load_training_state
from thalia_monitor.errors import NotSpikes
from thalia_monitor.logger import spikes as written
from thalia_monitor.logger.spikes import (
    MAX_NEURONS,
    MAX_REGIONS,
    MAX_SPIKES,
    MAX_WINDOWS,
    sample_window,
)
from thalia_monitor.model.spike_window import SpikeWindow
from thalia_monitor.reading.formats import spikes as reading


def logger_in(directory: Path) -> CurriculumLogger:
    """A logger that writes only the documented files."""
    return CurriculumLogger(directory, console_log=False, file_log=False, json_log=True)


def names(directory: Path) -> list[str]:
    """Names in the folder of windows."""
    return sorted(path.name for path in (directory / "spikes").iterdir())


def test_a_window_is_one_json_file(tmp_path: Path) -> None:
    """Region, neuron and times in ms, how many neurons were sampled and of how many."""
    logger = logger_in(tmp_path)
    logger.log_spikes({"cortex": {7: [12.345, 3.0], 9: []}}, 12_000, 200, sizes={"cortex": 1_600})
    assert (logger.write_errors, names(tmp_path)) == (0, ["step_0000012000.json"])
    document = json.loads((tmp_path / "spikes" / "step_0000012000.json").read_text())
    assert document.pop("timestamp") > 0
    assert document == {
        "step": 12_000,
        "window_ms": 200.0,
        "regions": {"cortex": {"neurons": 2, "of": 1_600, "spikes": {"7": [3.0, 12.35], "9": []}}},
    }


def test_nothing_is_made_until_spikes_are_logged(tmp_path: Path) -> None:
    """A logger that logs none has no folder of them, and has not looked for one."""
    logger = logger_in(tmp_path)
    logger.record(1, {"loss": 0.5})
    assert not (tmp_path / "spikes").exists()
    without = CurriculumLogger(tmp_path / "none", console_log=False, file_log=False, json_log=False)
    without.log_spikes({"cortex": {0: [1.0]}}, 1)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("kind", [np.array, lambda cells: np.array(cells, bool), lambda cells: cells])
def test_an_array_of_time_and_neurons_is_a_window(kind: Any) -> None:
    """Its rows share the window evenly: 4 rows of 200 ms begin 50 ms apart."""
    given = kind([[1, 0, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0]])
    assert sample_window({"cortex": given}, 200, {})["regions"] == {
        "cortex": {"neurons": 3, "of": 3, "spikes": {"0": [0.0, 100.0], "1": [100.0], "2": []}}
    }


def test_a_large_window_is_sampled_evenly(tmp_path: Path) -> None:
    """Regions, neurons and spikes are bounded; the file says what is left out, and the reader takes it."""
    regions = {
        f"{'r' * 80}{number}"[-60:]: {f"{'n' * 60}{at}"[-60:]: np.arange(1_000) / 5.001 for at in range(100)}
        for number in range(40)
    }
    logger = logger_in(tmp_path)
    logger.log_spikes(regions, 1, 200)
    path = tmp_path / "spikes" / "step_0000000001.json"
    document = json.loads(path.read_text())
    assert (len(document["regions"]), document["regions_left_out"]) == (MAX_REGIONS, 40 - MAX_REGIONS)
    region = next(iter(document["regions"].values()))
    assert (region["neurons"], region["of"]) == (len(region["spikes"]), 100) == (MAX_NEURONS, 100)
    assert region["left_out"] == MAX_NEURONS * (1_000 - MAX_SPIKES)
    picked = [int(name.lstrip("n")) for name in region["spikes"]]
    assert {later - earlier for earlier, later in pairwise(picked)} <= {3, 4}
    assert path.stat().st_size <= reading.LARGEST
    (file,) = load_training_state(tmp_path).spike_files
    assert isinstance(file.read(), SpikeWindow)


@pytest.mark.parametrize(
    ("spikes", "window_ms", "words"),
    [
        ({}, 200, "at least one region"),
        ([1, 2], 200, "at least one region"),
        ({"cortex": {}}, 200, "cortex has no neurons"),
        ({"cortex": {1: [1.0]}}, 0, "above 0"),
        ({"cortex": {1: [1.0]}}, float("nan"), "above 0"),
        ({"cortex": {1: [1.0]}}, "long", "above 0"),
        ({"cortex": {1: [1.0, 201.0]}}, 200, "fires at 201.0, not within 0 to 200 ms"),
        ({"cortex": {1: [-0.1]}}, 200, "fires at -0.1"),
        ({"cortex": {1: [float("nan")]}}, 200, "fires at nan"),
        ({"cortex": {1: [True, False]}}, 200, "fires at True"),
        ({"cortex": {1: [None]}}, 200, "fires at None"),
        ({"cortex": {1: 5.0}}, 200, "no list of times"),
        ({"cortex": {1: [], "1": []}}, 200, "called the same"),
        ({"cortex": {"": []}}, 200, "empty name"),
        ({"cortex": 5}, 200, "neither a mapping"),
        ({"cortex": np.zeros(5)}, 200, "neither a mapping"),
        ({"cortex": np.zeros((5, 0))}, 200, "5 rows of 0 neurons"),
        ({"cortex": [[0, 1], [0]]}, 200, "differ in length"),
        ({"cortex": [[0, 0.3]]}, 200, "holds 0.3"),
        ({"cortex": "spikes"}, 200, "holds s"),
    ],
)
def test_what_is_no_spikes_is_refused_with_the_reason(spikes: Any, window_ms: Any, words: str) -> None:
    """By the region and neuron that it is about."""
    with pytest.raises(NotSpikes, match=words):
        sample_window(spikes, window_ms, {})


def test_a_refused_window_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Training goes on: nothing is raised, the loss is counted and reported, the next window is written."""
    logger = logger_in(tmp_path)
    logger.log_spikes({"cortex": {1: [900.0]}}, 1, 200)
    logger.log_spikes({"cortex": {1: [0.9]}}, -5, 200)
    assert logger.write_errors == 2
    assert "neuron 1 of cortex fires at 900.0" in caplog.text
    logger.log_spikes({"cortex": {1: [0.9]}}, 2, 200)
    assert (logger.write_errors, names(tmp_path)) == (2, ["step_0000000002.json"])


def test_a_folder_that_cannot_be_written_stops_no_training(tmp_path: Path) -> None:
    """A file in the folder's place is left as it is."""
    (tmp_path / "spikes").write_text("mine")
    logger = logger_in(tmp_path)
    logger.log_spikes({"cortex": {1: [1.0]}}, 1, 200)
    assert (logger.write_errors, (tmp_path / "spikes").read_text()) == (1, "mine")


def test_only_the_newest_windows_are_kept_and_no_other_file_is_touched(tmp_path: Path) -> None:
    """The logger removes what it named itself; whatever else lies there stays."""
    folder = tmp_path / "spikes"
    (folder / "step_0000000000.json").mkdir(parents=True)
    others = ["step_5.json", "step_0000000001.json.bak", "notes.json", "step_00000000003.json", "step_1.pkl"]
    for name in others:
        (folder / name).write_text("mine")
    logger = logger_in(tmp_path)
    for step in range(10, 10 + MAX_WINDOWS + 3):
        logger.log_spikes({"cortex": {1: [1.0]}}, step, 200)
    kept = [f"step_{step:010d}.json" for step in range(13, 13 + MAX_WINDOWS)]
    assert names(tmp_path) == sorted([*kept, *others, "step_0000000000.json"])


def test_a_resumed_training_keeps_its_new_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is the one written first, not the one of the lowest step; another process goes on with the count."""
    monkeypatch.setattr(written, "MAX_WINDOWS", 3)
    logger = logger_in(tmp_path)
    for at, step in enumerate((100, 200, 300)):
        logger.log_spikes({"cortex": {1: [1.0]}}, step, 200)
        os.utime(tmp_path / "spikes" / f"step_{step:010d}.json", (at, at))
    again = pickle.loads(pickle.dumps(logger_in(tmp_path)))
    again.log_spikes({"cortex": {1: [1.0]}}, 150, 200)
    again.log_spikes({"cortex": {1: [1.0]}}, 150, 200)
    assert names(tmp_path) == [f"step_{step:010d}.json" for step in (150, 200, 300)]


def test_a_window_is_placed_in_the_whole_training(tmp_path: Path) -> None:
    """Without a step it is of the newest; a script that counts by stage has its steps moved, as its metrics are."""
    logger = logger_in(tmp_path)
    logger.log_stage_start(0, {})
    logger.log_training_step(1_000, {"loss": 0.5})
    logger.log_spikes({"cortex": {1: [1.0]}})
    logger.log_stage_start(1, {})
    logger.log_training_step(10, {"loss": 0.5})
    logger.log_spikes({"cortex": {1: [1.0]}}, 20)
    assert names(tmp_path) == ["step_0000001000.json", "step_0000001020.json"]
