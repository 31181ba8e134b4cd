import json
import shutil
from pathlib import Path

import pytest

from fixtures.make_legacy import FIXTURES, make
from thalia_monitor.analysis import report
from thalia_monitor.analysis.liveness import Status
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.model.run import TrainingState
from thalia_monitor.reading.run_reader import load_training_state

COMMITTED = Path(__file__).parent.parent / "fixtures"


def files_below(directory: Path) -> dict[str, bytes]:
    """Every file of every fixture, by its path."""
    paths = (path for fixture in FIXTURES for path in sorted((directory / fixture.__name__).rglob("*")))
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def state_of(name: str) -> TrainingState:
    """Read a committed fixture."""
    return load_training_state(COMMITTED / name)


def test_the_committed_fixtures_are_those_the_program_makes(tmp_path: Path) -> None:
    """``python -m fixtures.make_legacy`` changes nothing: same seed, same bytes."""
    make(tmp_path)
    made, committed = files_below(tmp_path), files_below(COMMITTED)
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == []
    assert sum(map(len, committed.values())) < 300_000


def test_the_original_logger_alone_is_a_run() -> None:
    """Stage, week, metrics, milestones and every event come from the logger's own files; stages are segments."""
    state = state_of("legacy_logger")
    history = state.history
    assert (state.current_stage, state.current_step, state.total_weeks) == (0, 40_000, 8)
    assert [each.kind for each in history.segments] == ["start", "stage"]
    assert history.superseded_from(0) is None
    assert state.metrics.keys() >= {"loss", "firing_rate", "capacity", "performance"}
    assert state.criteria["mnist_accuracy"] == 0.95
    assert state.count_of("growth") and state.count_of("consolidation") and state.count_of("transition")
    assert len(state.problems) == 0


def test_checkpoints_alone_are_a_run() -> None:
    """The newest attempt counts; totals are metrics; a failed save is the only problem."""
    state = state_of("legacy_checkpoints")
    assert (state.current_stage, state.current_step) == (-1, 7000)
    assert state.metrics == {"total_neurons": 1200, "total_synapses": 90_000}
    assert state.milestones == {"basic_movements": True}
    assert [problem.file for problem in state.problems] in ([], ["stage_-1_step_5500.thalia"])
    assert state.sources[0].records == 6


def test_the_birth_scripts_folders_are_a_run() -> None:
    """Result and checkpoints in the run's folders are one run at its last step."""
    state = state_of("legacy_birth")
    assert (state.current_stage, state.current_step) == (-1, 10_000)
    assert state.metrics["task_performance/reaching"] == 0.91
    assert state.training_duration.total_seconds() == 19.2
    assert [point.step for point in state.checkpoints] == [0, 5000, 10_000]


def test_trials_are_a_run() -> None:
    """The newest trial is the step, and the alert that stopped the run warns."""
    state = state_of("legacy_trials")
    assert state.current_step == 249
    assert "accuracy_100" in state.metrics
    assert [warning.severity for warning in state.warnings] == ["critical"]
    assert state.training_duration.total_seconds() == 1045.8


def test_a_replaced_logger_makes_one_run() -> None:
    """The first stage is the original logger's, the second the documented log's, and no step counts twice."""
    state = state_of("legacy_replaced")
    _, second = state.history.segments
    assert second.kind == "stage"
    assert int(state.history.step[: second.first_row].max()) == 59_000
    assert (second.first_step, int(state.history.step[-1])) == (61_000, 90_000)
    assert {event.segment for event in state.events_of("growth")} == {0, 1}


def test_another_loggers_records_are_left_out() -> None:
    """The first logger's folder shows what its stage file holds, and one note on the 18 records of the second."""
    state = state_of("legacy_crosstalk")
    assert (len(state.history), state.count_of("stage_start"), state.count_of("consolidation")) == (13, 1, 2)
    assert [each.kind for each in state.history.segments] == ["start"]
    (note,) = state.problems
    assert "18 records are left out" in note.reason
    assert state_of("legacy_crosstalk/other").problems == []


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        (
            *("legacy_trials", Status.STOPPED),
            "Training was stopped: EARLY STOP: 5 critical issues detected (threshold=5)",
        ),
        ("legacy_learned", Status.FINISHED, "Training has ended: the task is learned"),
        ("legacy_stopped", Status.STOPPED, "Training was stopped: Checkpoint saved for emergency stop"),
        ("legacy_birth", Status.FINISHED, "Training has ended: not every milestone is passed"),
    ],
)
def test_a_run_that_is_over_says_so(name: str, status: Status, text: str, tmp_path: Path) -> None:
    """With its reason, in the words of status and the API, though its files were copied."""
    shutil.copytree(COMMITTED / name, tmp_path / name)
    state = load_training_state(tmp_path / name)
    for later in (1, 30 * 86_400):
        summary = summarize(state, state.last_update.timestamp() + later if state.last_update else 0)
        assert (summary.liveness.status, summary.liveness.text.partition(";")[0]) == (status, text)
        assert report.text(summary).startswith(f"{name}: {status}. {text}")
        assert report.record(summary)["status"] == status
        over = "It was stopped." if status is Status.STOPPED else "It has ended."
        assert (summary.pace.left, summary.pace.left_reason) == (None, over)


def test_reports_below_a_directory_are_a_run_over_time() -> None:
    """Each start of the script is a step; numbers keep Thalia's names, rates their Hz."""
    state = state_of("thalia_diagnostics")
    first = json.loads(
        (COMMITTED / "thalia_diagnostics/2025-12-08T132000/diagnostics_report.json").read_text()
    )
    history = state.history
    assert history.step.tolist() == [0, 1, 2]
    assert history.time.tolist()[:2] == [first["timestamp"], first["timestamp"] + 3600]
    rates = history.series("region_firing_rates_hz/striatum")
    assert rates is not None
    assert (rates.step.tolist(), rates.value[0]) == ([0, 1], first["region_firing_rates_hz"]["striatum"])
    status = list(first["health"]["population_status"].values())
    for name, value in {
        "population_firing_rates_hz/striatum:d1": first["population_firing_rates_hz"]["striatum:d1"],
        "global_dominant_freq_hz": first["global_dominant_freq_hz"],
        "global_band_power/theta": 0.44,
        "neuromodulator_peak_conc/striatum/da": first["neuromodulator_peak_conc"]["striatum/da"],
        "health/populations_low": status.count("low"),
        "performance/us_per_step": 27533.3,
        "learning/popvec_stability": 0.87,
    }.items():
        column = history.column(name)
        assert column is not None and column.values[0] == value, name
    assert "sweep_burst/global_band_power/theta" in history.metrics
    assert "sweep/burst/populations/striatum:d1/mean_fr_hz" in history.metrics
    assert "timestamp" not in history.metrics and "firing_rate" not in history.metrics
    reports = state.events_of("diagnostics_report")
    assert reports[0].fields["population_status"] == first["health"]["population_status"]
    assert len(reports) == 5
    assert [each.file for each in state.unread] == [
        f"2025-12-08T1{hour}2000/{name}"
        for hour in "345"
        for name in ("diagnostics.txt",)
    ] + [f"2025-12-08T1{hour}2000/plots/01_firing_rates.png" for hour in "345"]  # fmt: skip


def test_a_report_beside_trials_stands_at_the_trial_of_its_time() -> None:
    """Its numbers and issues join the run, whose steps stay the trials'; every file is read or named."""
    state = state_of("thalia_head")
    report = json.loads((COMMITTED / "thalia_head/diagnostics_report.json").read_text())
    rate = state.current("region_firing_rates_hz/striatum")
    assert rate is not None
    assert (rate.value, rate.step) == (report["region_firing_rates_hz"]["striatum"], 200)
    assert rate.as_of == "as of step 200"
    assert (state.current_step, len(state.history)) == (249, 250)
    messages = [event.fields["message"] for event in state.events_of("warning")]
    assert any("EARLY STOP" in each for each in messages)
    assert len(messages) == 1 + len(report["health"]["issues"])
    notes = {each.file: each.note for each in (*state.sources, *state.unread)}
    assert notes.keys() == {
        *("trials.csv", "events.log", "checkpoint_trial_*.pt", "diagnostics_report.json"),
        *("diagnostics_traces.npz", "plots/*.png", "notes.md"),
    }
    assert notes["diagnostics_traces.npz"] == (
        "listed by their headers; pop_spike_counts (4 × 3), nm_striatum_da (5); "
        "1 not opened: objects, which are pickles, or no arrays"
    )
    assert notes["plots/*.png"] == "2 files, listed, not shown"
    assert list(state.problems) == []


def test_the_sequence_scripts_lists_are_lines() -> None:
    """The n-th number of each list is that of step n; the older health file warns; settings are named."""
    state = state_of("thalia_sequence")
    accuracy = state.history.series("train_accuracy")
    assert accuracy is not None
    assert (accuracy.step.tolist(), accuracy.value.tolist()) == ([0, 1, 2, 3], [0.2, 0.31, 0.44, 0.52])
    tested = state.current("test_accuracy")
    assert tested is not None and (tested.value, tested.as_of) == (0.41, "as of step 0")
    warned = [(each.fields["severity"], each.fields["message"]) for each in state.events_of("warning")]
    assert warned == [("critical", "cortex is silent"), ("warning", "low theta")]
    assert [each.file for each in state.unread] == ["config.json"]


@pytest.mark.parametrize("name", [fixture.__name__ for fixture in FIXTURES])
def test_every_source_is_told(name: str) -> None:
    """Every file, or family of files, that a fixture holds is a source with its format."""
    assert all(source.file and source.format for source in state_of(name).sources)
    assert len(state_of(name).sources) >= 1
