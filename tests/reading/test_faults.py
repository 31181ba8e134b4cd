"""What the dashboard that this one replaces gets wrong when it reads: one test for each fault."""

from __future__ import annotations

import math
from pathlib import Path

from tests.reading.writing import append, consolidation, growth, line, log_text, write_log, write_metadata
from thalia_monitor.reading.run_reader import RunReader, load_training_state

REGIONS = {"neuron_counts": {"cortex": 100}, "capacity_by_region": {"cortex": 0.5}}


def test_fault_1_metadata_files_are_not_sorted_by_name(tmp_path: Path) -> None:
    """metadata_10.json is newer than metadata_9.json when its step is greater."""
    write_metadata(tmp_path, "9", 9000, metrics={"loss": 0.5})
    write_metadata(tmp_path, "10", 10_000, metrics={"loss": 0.4})
    state = load_training_state(tmp_path)
    assert (state.current_step, state.metrics["loss"]) == (10_000, 0.4)
    assert state.metric_deltas["loss"] < 0


def test_fault_2_event_lines_are_not_metric_rows_of_zeros(tmp_path: Path) -> None:
    """No chart falls to zero at a growth or a consolidation."""
    write_log(tmp_path, line(1, loss=0.5), growth(2), consolidation(3), line(4, loss=0.4))
    assert load_training_state(tmp_path).metrics_history["loss"].tolist() == [0.5, 0.4]


def test_fault_3_neuron_counts_survive_event_lines(tmp_path: Path) -> None:
    """Columns have the length of the lines that have them."""
    write_log(tmp_path, line(1, **REGIONS), growth(2), line(3), line(4, **REGIONS))
    history = load_training_state(tmp_path).neuron_count_history
    assert history["step"].tolist() == [1, 4]
    assert history["cortex"].tolist() == [100, 100]


def test_fault_4_a_bad_line_costs_itself_and_a_torn_last_one_nothing(tmp_path: Path) -> None:
    """The history before and after is there; the torn line is read when it is whole."""
    path = write_log(tmp_path, line(1, loss=0.5))
    append(path, b"garbage\n" + log_text(line(2, loss=0.4)).encode() + b'{"step": 3, "lo')
    reader = RunReader(tmp_path)
    state = reader.read()
    assert (state.history.step.tolist(), len(state.problems)) == ([1, 2], 1)
    append(path, b'ss": 0.3}\n')
    assert reader.read().history.step.tolist() == [1, 2, 3]


def test_fault_5_capacity_by_region_outlives_an_event_at_the_end(tmp_path: Path) -> None:
    """It is the newest line that has it, not the last line."""
    write_log(tmp_path, line(1, **REGIONS), line(2, loss=0.5), growth(3))
    assert load_training_state(tmp_path).capacity_by_region == {"cortex": 0.5}


def test_fault_7_a_missing_metric_is_missing(tmp_path: Path) -> None:
    """Not 0.0, in the newest checkpoint as in the history."""
    write_metadata(tmp_path, "1", 1, metrics={"loss": 0.5, "capacity": None})
    write_log(tmp_path, line(1, loss=0.5), line(2, capacity=0.7))
    state = load_training_state(tmp_path)
    assert state.metrics == {"loss": 0.5}
    assert math.isnan(state.metrics_history["loss"].iloc[1])


def test_fault_8_the_log_is_not_read_again_at_every_refresh(tmp_path: Path) -> None:
    """A refresh reads what is new."""
    path = write_log(tmp_path, *(line(step, loss=0.5) for step in range(1000)))
    reader = RunReader(tmp_path)
    reader.read()
    before = reader.bytes_read
    append(path, '{"step": 1000}\n')
    reader.read()
    assert reader.bytes_read - before == len('{"step": 1000}\n')


def test_fault_9_severity_is_not_guessed_from_any_substring(tmp_path: Path) -> None:
    """Subcritical is not critical, an error back to normal is no error, seizure-like activity is."""
    warnings = [
        "Subcritical: 0.7",
        "Sensorimotor prediction error back to normal",
        "Seizure-like activity: 0.7",
    ]
    write_metadata(tmp_path, "1", 1, warnings=warnings)
    found = [warning.severity.value for warning in load_training_state(tmp_path).warnings]
    assert found == ["warning", "info", "critical"]


def test_fault_10_odd_metadata_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    """Week over total, a null metric, an object as a warning, a metric new since, a float milestone."""
    write_metadata(tmp_path, "1", 1, metrics={"loss": 0.5})
    write_metadata(
        tmp_path,
        "2",
        2,
        current_week=6,
        total_weeks=4,
        metrics={"loss": None, "capacity": 0.7},
        warnings=[{"severity": "critical", "message": "x"}],
        milestones={"mnist_accuracy": 0.42},
    )
    state = load_training_state(tmp_path)
    assert (state.current_week, state.total_weeks, state.stage_progress) == (6, 4, 1.0)
    assert (state.metrics, state.metric_deltas) == ({"capacity": 0.7}, {})
    assert state.warnings[0].severity == "critical"
    assert state.milestones == {"mnist_accuracy": False}


def test_fault_12_nan_is_a_value_and_a_resume_a_new_segment(tmp_path: Path) -> None:
    """Nothing breaks silently, and no line is drawn backwards."""
    write_log(tmp_path, line(1, loss=math.nan), line(2, loss=math.inf), line(1, loss=0.5), line(2, loss=0.4))
    history = load_training_state(tmp_path).metrics_history
    assert history["segment"].tolist() == [0, 0, 1, 1]
    assert math.isnan(history["loss"].iloc[0])
    assert history["loss"].iloc[1] == math.inf
