import os
from datetime import datetime
from pathlib import Path

import pytest

from thalia_monitor.reading.formats.trials import Trials, saved_trials
from thalia_monitor.reading.run_reader import load_training_state

HEADER = (
    "trial,pattern,correct,reward,count_a,count_b,margin,accuracy_10,accuracy_100,"
    "n_silent_pops,n_hyperactive_pops,wall_clock_s\r\n"
)
STARTED = "# Training events log — 2026-11-23T112143\n"


def row(trial: int, accuracy: str = "", clock: float = 0.0) -> str:
    """One trial as the training loop writes it."""
    return f"{trial},A,1,1.00,19,6,13,0.700,{accuracy},3,0,{clock:.1f}\r\n"


def write(folder: Path, trials: str, events: str = STARTED) -> Trials:
    """Write both files, as a machine does whose clock runs two hours ahead of UTC; the last trial came at 60 s."""
    (folder / "trials.csv").write_text(trials, newline="")
    (folder / "events.log").write_text(events, encoding="utf-8")
    last = datetime.fromisoformat("2026-11-23T11:22:43+02:00").timestamp()
    os.utime(folder / "trials.csv", (last, last))
    return Trials(folder)


def test_a_trial_is_a_metric_line(tmp_path: Path) -> None:
    """Numbers of a row are metrics, an empty cell is absent, and the clock counts from the run's start."""
    _, table = write(tmp_path, HEADER + row(0, clock=1.5) + row(1, "0.480", 60.0)).read()
    first, second = table.lines
    assert first.metrics == {
        "correct": 1, "reward": 1, "count_a": 19, "count_b": 6, "margin": 13, "accuracy_10": 0.7,
        "n_silent_pops": 3, "n_hyperactive_pops": 0,
    }  # fmt: skip
    assert second.metrics["accuracy_100"] == 0.48
    assert first.time == datetime.fromisoformat("2026-11-23T11:21:44.500+02:00").timestamp()
    assert (table.source.records, table.source.first_step, table.source.last_step) == (2, 0, 1)


def test_events_take_their_meaning(tmp_path: Path) -> None:
    """Diagnostics, alerts and what was learned are events; an alert warns and a lesson is a milestone."""
    events = (
        "[trial    49 |    431.7s] DIAGNOSTICS  criticals=1  warnings=14  brain_state=AI/theta/sub-crit\n"
        "[trial   139 |    500.0s] ALERT  EARLY STOP: 5 critical issues detected (threshold=5)\n"
        "[trial   139 |    500.0s] TASK_LEARNED\n"
        "[trial   140 |    501.0s] something new\n"
    )
    log, table = write(tmp_path, HEADER + row(139), STARTED + events).read()
    assert [(event.kind, event.step, event.line) for event in log.events] == [
        ("diagnostics", 49, 2), ("warning", 139, 3), ("task_learned", 139, 4), ("note", 140, 5),
    ]  # fmt: skip
    assert log.events[0].fields == {"criticals": 1, "warnings": 14, "brain_state": "AI/theta/sub-crit"}
    (point,) = table.checkpoints
    assert point.milestones == {"task_learned": True}
    assert [warning.severity for warning in point.warnings] == ["critical"]


def test_trials_are_followed(tmp_path: Path) -> None:
    """New rows are added to those read before, an unfinished row waits, and a new run starts again."""
    trials = write(tmp_path, HEADER + row(0))
    assert len(trials.read()[1].lines) == 1
    with (tmp_path / "trials.csv").open("a", newline="") as file:
        file.write(row(1) + "2,B,0")
    assert [line.step for line in trials.read()[1].lines] == [0, 1]
    write(tmp_path, HEADER + row(5))
    assert [line.step for line in trials.read()[1].lines] == [5]


def test_rows_without_a_trial_are_counted(tmp_path: Path) -> None:
    """A row that cannot be placed is a problem with the line of the first."""
    _, table = write(tmp_path, HEADER + row(0) + "x,A\r\n" + '"\r\n').read()
    assert [problem.line for problem in table.problems] == [3]
    assert "2 rows" in table.problems[0].reason


@pytest.mark.parametrize("events", ["", "no header\n", "# Training events log — whenever\n"])
def test_without_a_start_there_is_no_time(tmp_path: Path, events: str) -> None:
    """Where nothing says when the run began, trials have no time."""
    _, table = write(tmp_path, HEADER + row(0, clock=3.0), events).read()
    assert table.lines[0].time is None


def test_saved_trials_are_listed_by_name() -> None:
    """PyTorch checkpoints are never opened: their number tells the trial."""
    recording = saved_trials(["checkpoint_trial_200.pt", "checkpoint_trial_1000.pt"], "checkpoint_trial_*.pt")
    assert (recording.source.records, recording.source.first_step, recording.source.last_step) == (
        2,
        200,
        1000,
    )
    assert recording.checkpoints == ()


def test_a_folder_of_trials_is_a_run(tmp_path: Path) -> None:
    """The whole folder reads as one run, whose newest trial is the step."""
    write(tmp_path, HEADER + row(0) + row(1, "0.500"), STARTED + "[trial     1 |      0.0s] TASK_LEARNED\n")
    (tmp_path / "checkpoint_trial_2.pt").write_bytes(b"PK")
    state = load_training_state(tmp_path)
    assert (state.current_step, state.current_stage) == (1, None)
    assert state.metrics["accuracy_100"] == 0.5
    assert state.milestones == {"task_learned": True}
    assert {source.file for source in state.sources} == {"trials.csv", "events.log", "checkpoint_trial_*.pt"}
    assert list(state.problems) == []


def test_a_clock_or_a_count_beyond_all_bounds_is_none(tmp_path: Path) -> None:
    """The trial is kept; one whose own number is none is reported."""
    digits = 5000 * "9"
    events = (
        f"[trial    {digits} |    {digits}.0s] DIAGNOSTICS  criticals={digits}  warnings=1  brain_state=AI\n"
    )
    log, table = write(tmp_path, HEADER + row(0, clock=1e300) + row(10**30), STARTED + events).read()
    assert [(line.step, line.time) for line in table.lines] == [(0, None)]
    assert [(point.training_seconds, len(table.problems)) for point in table.checkpoints] == [(0.0, 1)]
    assert [(event.step, event.time, event.fields["criticals"]) for event in log.events] == [
        (None, None, None)
    ]
