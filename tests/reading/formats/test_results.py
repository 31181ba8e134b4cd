import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from thalia_monitor.reading.files import Torn
from thalia_monitor.reading.formats.results import read_result

RESULT = {
    "stage": "sensorimotor",
    "stage_number": -0.5,
    "success": False,
    "total_steps": 10000,
    "training_time_seconds": 19.2,
    "milestone_results": {"reaching_accuracy": False, "stable_firing_rates": True},
    "start_time": "2025-12-12T09:15:02.411000",
    "end_time": "2025-12-12T09:15:21.611000",
    "final_metrics": {
        "global_step": 9999.0,
        "firing_rate/cortex": 0.42,
        "region_firing_rates": {"cortex": 0.42},
        "task_performance": {"reaching": 0.3},
        "device": "cpu",
    },
    "checkpoint_dir": "training_runs\\00_sensorimotor\\checkpoints",
}


def write(directory: Path, document: Any) -> Path:
    """Write a result as the birth script names it."""
    path = directory / "20251212_091521.json"
    path.write_text(json.dumps(document))
    return path


def test_a_result_is_the_last_checkpoint_of_its_stage(tmp_path: Path) -> None:
    """Steps, stage, milestones, duration and the flattened final metrics stand in one checkpoint."""
    path = write(tmp_path, RESULT)
    recording = read_result(path, "results/20251212_091521.json")
    assert recording is not None
    (point,) = recording.checkpoints
    assert (point.file, point.step, point.stage) == ("results/20251212_091521.json", 10000, -0.5)
    assert point.training_seconds == 19.2
    assert point.milestones == {"reaching_accuracy": False, "stable_firing_rates": True}
    assert point.metrics == {
        "global_step": 9999.0,
        "firing_rate/cortex": 0.42,
        "region_firing_rates/cortex": 0.42,
        "task_performance/reaching": 0.3,
    }
    assert recording.lines[0].metrics == point.metrics
    assert recording.events[0].fields["success"] is False


@pytest.mark.parametrize("zone", [-5, 0, 5.5])
def test_the_end_is_placed_by_the_files_own_time(tmp_path: Path, zone: float) -> None:
    """A local time without a zone, written when the file was: its zone need not be this machine's."""
    end = datetime(2025, 12, 12, 9, 15, 21, 611_000, tzinfo=UTC).timestamp() - zone * 3600
    path = write(tmp_path, RESULT | {"reason": "emergency stop"})
    os.utime(path, (end + 0.4, end + 0.4))
    recording = read_result(path, path.name)
    assert recording is not None
    over = recording.events[-1]
    assert (over.kind, over.step) == ("training_end", 10_000)
    assert over.time == pytest.approx(end)
    assert over.fields == {
        "stage": -0.5,
        "success": False,
        "total_steps": 10_000,
        "reason": "emergency stop",
    }
    assert recording.checkpoints[0].modified == pytest.approx(end)


def test_the_notebooks_subset_is_enough(tmp_path: Path) -> None:
    """Without number and metrics the stage is known by its word, and no metric is invented."""
    recording = read_result(
        write(tmp_path, {"stage": "sensorimotor", "total_steps": 5}), "training_results.json"
    )
    assert recording is not None
    assert recording.checkpoints[0].stage == -1
    assert recording.lines == ()


@pytest.mark.parametrize("document", [{}, {"total_steps": 5}, {"stage": "x", "total_steps": "many"}])
def test_other_json_is_no_result(tmp_path: Path, document: Any) -> None:
    """A JSON file that does not tell what a result tells is left alone."""
    assert read_result(write(tmp_path, document), "x.json") is None


def test_a_half_written_result_is_torn(tmp_path: Path) -> None:
    """A result being written is torn, not wrong."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps(RESULT)[:90])
    with pytest.raises(Torn):
        read_result(path, "x.json")
