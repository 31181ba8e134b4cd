from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from thalia_monitor.logger import CurriculumLogger, LogLevel, StageLog

CONFIG = {
    "duration_weeks": 4,
    "tasks": ["reaching", "manipulation"],
    "task_weights": {"reaching": 0.6},
    "success_criteria": {"reaching_accuracy": 0.90, "prediction_error": 0.05},
}
RULE = "=" * 80
HEADER = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - CurriculumTrainer - (DEBUG|INFO|WARNING|ERROR) - (.*)$"
)


@pytest.fixture
def logger(tmp_path: Path) -> CurriculumLogger:
    """A logger that says nothing on the console."""
    return CurriculumLogger(tmp_path / "run", console_output=False)


def text_records(logger: CurriculumLogger) -> list[tuple[str, str]]:
    """Level and body of each record of the text log, by the rule that its readers use."""
    records: list[tuple[str, str]] = []
    for line in (logger.log_dir / "curriculum_training.log").read_text(encoding="utf-8").split("\n")[:-1]:
        header = HEADER.match(line)
        if header:
            records.append((header[1], header[2]))
        else:
            level, body = records[-1]
            records[-1] = (level, f"{body}\n{line}")
    return records


def stage_file(logger: CurriculumLogger, stage: float = -1) -> dict[str, Any]:
    """The stage's log as it is on disk."""
    content: dict[str, Any] = json.loads((logger.log_dir / f"stage_{stage}_log.json").read_bytes())
    return content


def test_both_constructors_are_understood(tmp_path: Path) -> None:
    """That of Thalia's class, by position too, and the one its dashboard document shows."""
    old = CurriculumLogger(str(tmp_path / "old"), LogLevel.WARNING, False, True)
    new = CurriculumLogger(log_dir=tmp_path / "new", console_log=False, file_log=False, json_log=True)

    assert (old.log_dir, old.log_level) == (tmp_path / "old", LogLevel.WARNING)
    assert (old.console_output, old.file_output) == (False, True)
    assert (new.console_output, new.file_output) == (False, False)
    assert (old.current_stage, old.stage_logs) == (None, {})


def test_levels_are_those_of_thalia() -> None:
    """``LogLevel`` is an Enum of four names."""
    assert [level.name for level in LogLevel] == ["DEBUG", "INFO", "WARNING", "ERROR"]


def test_no_files_means_no_files(tmp_path: Path) -> None:
    """``file_output=False`` leaves the disk alone, as it always has."""
    logger = CurriculumLogger(tmp_path / "run", console_output=False, file_output=False)
    logger.log_stage_start(0, {})
    logger.log_training_step(1_000, {"loss": 0.5})

    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("file_log", "json_log", "files"),
    [
        (True, False, {"curriculum_training.log", "stage_0_log.json"}),
        (False, True, {"training_log.json", "metadata_000000000000.json"}),
    ],
)
def test_text_and_json_are_switched_apart(
    tmp_path: Path, file_log: bool, json_log: bool, files: set[str]
) -> None:
    """``file_log`` stands for Thalia's own files, ``json_log`` for the documented ones."""
    logger = CurriculumLogger(tmp_path, console_log=False, file_log=file_log, json_log=json_log)
    logger.log_stage_start(0, {})

    assert {path.name for path in tmp_path.iterdir()} == files


def test_text_bodies_are_thalias(logger: CurriculumLogger) -> None:
    """Whoever reads the text log of Thalia's class reads this one."""
    logger.log_training_step(1_000, {"loss": 0.1})
    logger.log_growth_event("cortex", 10, "early")
    logger.log_consolidation("REM", 1, 1.0)
    logger.log_stage_end(7)
    logger.log_stage_start(-1, CONFIG)
    logger.log_training_step(999, {"loss": 0.5})
    logger.log_training_step(1_000, {"loss": 0.4, "firing_rate": 0.35, "capacity": 0.9})
    logger.log_training_step(2_000, {"firing_rate": 0.01})
    logger.log_growth_event("cortex", 210, "Capacity 0.86", step=2_001)
    logger.log_growth_event("thalamus", -5, "pruned")
    logger.log_consolidation("NREM3", 150, 45.23)
    logger.log_consolidation("REM", 96, 44.1, step=2_002)
    logger.log_milestone_evaluation(-1, {"reaching_accuracy": False, "no_silence": True}, week=4)
    logger.log_milestone_evaluation(-1, {"no_silence": True})
    logger.log_stage_extension(-1, 2, "Reaching below threshold")
    logger.log_stage_end(-1)
    logger.log_transition(-1, 0)

    assert text_records(logger) == [
        ("WARNING", "No active stage for step logging"),
        ("WARNING", "No active stage for growth event"),
        ("WARNING", "No active stage for consolidation"),
        ("WARNING", "Stage 7 not found in logs"),
        (
            "INFO",
            f"\n{RULE}\n[Stage -1 Start] Sensorimotor\n  Duration: 4 weeks\n"
            "  Tasks:\n    - reaching: 60%\n    - manipulation: 50%\n"
            "  Success Criteria:\n    - reaching_accuracy: >0.90\n    - prediction_error: >0.05\n"
            f"{RULE}\n",
        ),
        ("INFO", "[Step 1000] loss=0.400, firing_rate=0.350, capacity=0.900"),
        ("WARNING", "  ⚠️  High firing rate: 0.350"),
        ("WARNING", "  ⚠️  High capacity: 0.900"),
        ("INFO", "[Step 2000] firing_rate=0.010"),
        ("WARNING", "  ⚠️  Low firing rate: 0.010"),
        ("INFO", "\n[Growth Event] Step 2001 - cortex +210 neurons\n  Reason: Capacity 0.86\n"),
        ("INFO", "\n[Growth Event] - thalamus +-5 neurons\n  Reason: pruned\n"),
        ("INFO", "\n[Consolidation] - NREM3\n  Patterns replayed: 150\n  Duration: 45.2s\n"),
        ("INFO", "\n[Consolidation] Step 2002 - REM\n  Patterns replayed: 96\n  Duration: 44.1s\n"),
        (
            "INFO",
            "\n[Milestone Check] Stage -1 Week 4 - 1/2 passed\n  ⚠️  reaching_accuracy\n  ✅ no_silence\n"
            "  Action: EXTENDING STAGE\n",
        ),
        ("INFO", "\n[Milestone Check] Stage -1 - 1/1 passed\n  ✅ no_silence\n"),
        (
            "WARNING",
            "\n[Stage Extension] Stage -1\n  Adding 2 weeks\n  Reason: Reaching below threshold\n",
        ),
        ("INFO", "\n[Stage -1 End] Duration: 0.0 hours\n"),
        ("INFO", f"\n{RULE}\n[Stage Transition] -1 → 0\n  Reason: Milestones passed\n{RULE}\n"),
    ]


def test_steps_out_of_phase_with_the_thousands_are_still_told(logger: CurriculumLogger) -> None:
    """A trainer whose callback comes at 500, 1500, ... is not silent for good, as with Thalia's class."""
    logger.log_stage_start(0, {})
    for step in (500, 1_500, 1_700, 2_500):
        logger.log_training_step(step, {"capacity": 0.9})

    lines = [body for _, body in text_records(logger) if body.startswith("[Step")]
    assert lines == ["[Step 1500] capacity=0.900", "[Step 2500] capacity=0.900"]


@pytest.mark.parametrize("value", [None, "reaching", {"cortex": 0.1}, [1, 2]])
def test_a_value_that_is_no_number_is_told_as_it_is(logger: CurriculumLogger, value: Any) -> None:
    """Thalia's class raises here, at every thousandth step."""
    logger.log_stage_start(0, {})
    logger.log_training_step(1_000, {"what": value, "loss": 0.5})

    assert "loss=0.500" in text_records(logger)[-1][1]
    assert logger.write_errors == 0


def test_the_stage_file_holds_what_thalias_does(logger: CurriculumLogger) -> None:
    """Same keys, same records; written when the stage starts and when it ends."""
    logger.log_stage_start(-1, CONFIG)
    at_start = stage_file(logger)
    logger.log_training_step(1_000, {"loss": 0.4, "firing_rate": 0.1})
    logger.log_growth_event("cortex", 210, "Capacity 0.86", step=940)
    logger.log_consolidation("REM", 96, 44.1)
    logger.log_milestone_evaluation(-1, {"reaching_accuracy": True}, week=4, step=1_000)
    logger.log_stage_end(-1)
    logger.log_transition(-1, 0)
    at_end = stage_file(logger)

    assert (at_start["end_time"], at_start["duration_hours"], at_start["step_metrics"]) == (None, None, [])
    assert at_start["config"] == at_end["config"] == CONFIG
    assert at_end["end_time"] - at_end["start_time"] == pytest.approx(at_end["duration_hours"] * 3600)
    for name in ("step_metrics", "growth_events", "consolidation_events", "milestone_checks", "transitions"):
        (record,) = at_end[name]
        del record["timestamp"]
    assert at_end["step_metrics"] == [{"step": 1_000, "loss": 0.4, "firing_rate": 0.1}]
    assert at_end["growth_events"] == [
        {"step": 940, "region": "cortex", "n_added": 210, "reason": "Capacity 0.86"}
    ]
    assert at_end["consolidation_events"] == [
        {"step": None, "stage": "REM", "n_patterns": 96, "duration_seconds": 44.1}
    ]
    assert at_end["milestone_checks"] == [{"step": 1_000, "week": 4, "results": {"reaching_accuracy": True}}]
    assert at_end["transitions"] == [{"old_stage": -1, "new_stage": 0, "reason": "Milestones passed"}]


def test_a_finished_stage_is_kept_when_it_is_run_again(tmp_path: Path) -> None:
    """Thalia's class writes over it: a restart loses hours."""
    for _ in range(2):
        logger = CurriculumLogger(tmp_path, console_output=False)
        logger.log_stage_start(0, {})
        logger.log_training_step(1, {"loss": 0.5})
        logger.log_stage_end(0)

    (kept,) = tmp_path.glob("stage_0_log_until_*.json")
    assert len(json.loads(kept.read_bytes())["step_metrics"]) == 1


def test_a_session_is_summed_up_in_a_file(logger: CurriculumLogger) -> None:
    """Under a name with the local time, or under the caller's."""
    logger.log_stage_start(-1, CONFIG)
    logger.log_training_step(1, {"loss": 0.5})
    logger.log_growth_event("cortex", 1, "r")
    logger.save_session()
    logger.save_session("mine.json")

    (session,) = logger.log_dir.glob("session_*.json")
    assert re.fullmatch(r"session_\d{8}_\d{6}\.json", session.name)
    content = json.loads(session.read_bytes())
    assert content.keys() == {"session_start_time", "session_duration_hours", "stages"}
    stage = content["stages"]["-1"]
    assert stage.keys() == {
        *("start_time", "end_time", "duration_hours", "config"),
        *("n_steps", "n_growth_events", "n_consolidation_events", "n_milestone_checks", "n_transitions"),
    }
    assert (stage["n_steps"], stage["n_growth_events"], stage["n_transitions"]) == (1, 1, 0)
    assert (logger.log_dir / "mine.json").exists()
    assert text_records(logger)[-1] == ("INFO", f"Session saved to {logger.log_dir / 'mine.json'}")


def test_a_stage_report_sums_the_stage_up(logger: CurriculumLogger) -> None:
    """Configuration, the average of the last tenth, growth, sleep, milestones, transitions."""
    logger.log_stage_start(-1, CONFIG)
    for step in range(20):
        logger.log_training_step(step, {"loss": step / 10, "phase": "motor"})
    logger.log_growth_event("cortex", 210, "Capacity 0.86", step=0)
    logger.log_consolidation("NREM", 100, 30.0)
    logger.log_consolidation("REM", 50, 15.5)
    logger.log_milestone_evaluation(-1, {"reaching_accuracy": False}, week=4)
    logger.log_transition(-1, 0, "Time is up")

    assert logger.generate_stage_report(-1).split("\n") == [
        *(RULE, "Stage -1 Report", RULE, ""),
        *("Duration: In progress", ""),
        *("Configuration:", "  duration_weeks: 4", "  tasks: ['reaching', 'manipulation']"),
        *("  task_weights:", "    reaching: 0.6", "  success_criteria:"),
        *("    reaching_accuracy: 0.9", "    prediction_error: 0.05", ""),
        *("Training Metrics:", "  Total steps: 19", "  loss: 1.850 (avg last 10%)", ""),
        *("Growth Events: 1", "  Step 0 - cortex: +210 neurons", "    Reason: Capacity 0.86", ""),
        *("Consolidation Events: 2", "  Total patterns replayed: 150", "  Total duration: 45.5s", ""),
        *("Milestone Checks: 1", "  Check 1 (Week 4): 0/1 passed", "    ❌ reaching_accuracy", ""),
        *("Transitions:", "  -1 → 0", "    Reason: Time is up", "", RULE),
    ]
    assert logger.generate_stage_report(5) == "No log data for stage 5"


def test_a_session_report_sums_the_stages_up(logger: CurriculumLogger) -> None:
    """In the order of their numbers, whether they are over or not."""
    for stage in (0, -1):
        logger.log_stage_start(stage, {})
        logger.log_training_step(12, {"loss": 0.5})
    logger.log_stage_end(-1)

    assert logger.generate_session_report().split("\n") == [
        *(RULE, "Curriculum Training Session Report", RULE, ""),
        *("Session duration: 0.0 hours", "Stages completed: 2", ""),
        *("Stage -1:", "  Duration: 0.0 hours", "  Total steps: 12", "  Growth events: 0"),
        *("  Consolidation events: 0", "  Milestone checks: 0", ""),
        *("Stage 0:", "  Duration: In progress", "  Total steps: 12", "  Growth events: 0"),
        *("  Consolidation events: 0", "  Milestone checks: 0", "", RULE),
    ]


def test_stage_logs_are_there_to_be_analysed(logger: CurriculumLogger) -> None:
    """Scripts read ``stage_logs[stage].step_metrics`` and the events beside it."""
    logger.log_stage_start(0, CONFIG)
    logger.log_training_step(3, {"loss": 0.5, "step": 99, "timestamp": "never"})
    log = logger.stage_logs[0]

    assert isinstance(log, StageLog)
    assert (logger.current_stage, log.config) == (0, CONFIG)
    (record,) = log.step_metrics
    assert (record["step"], record["loss"]) == (3, 0.5)
    assert isinstance(record["timestamp"], float)
    assert log.duration_seconds() is log.duration_hours() is None


def test_runs_do_not_write_into_each_others_logs(tmp_path: Path) -> None:
    """Thalia's class shares one Python logger among all of a process."""
    loggers = [CurriculumLogger(tmp_path / name, console_output=False) for name in ("a", "b")]
    for number, logger in enumerate(loggers):
        logger.log_stage_start(number, {})

    assert [len(text_records(logger)) for logger in loggers] == [1, 1]
    assert "Stage 1 Start" in text_records(loggers[1])[0][1]


def test_a_level_leaves_out_what_is_below(tmp_path: Path) -> None:
    """Of the text log; the documented files have everything."""
    logger = CurriculumLogger(tmp_path, LogLevel.WARNING, console_output=False)
    logger.log_stage_start(0, {})
    logger.log_stage_extension(0, 2, "slow")

    assert [level for level, _ in text_records(logger)] == ["WARNING"]
    assert '"stage_start"' in (tmp_path / "training_log.json").read_text()


def test_the_console_takes_any_encoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a cp1252 console Thalia's milestones and transitions are lost in an error."""
    path = tmp_path / "console"
    with path.open("w", encoding="cp1252") as console:
        monkeypatch.setattr("sys.stderr", console)
        logger = CurriculumLogger(tmp_path, console_output=True)
        logger.log_transition(0, 1)

    assert "[Stage Transition] 0 \\u2192 1" in path.read_text(encoding="cp1252")


def test_handlers_of_others_still_get_every_record(
    logger: CurriculumLogger, caplog: pytest.LogCaptureFixture
) -> None:
    """What a script has put on ``CurriculumTrainer`` or on the root logger goes on working."""
    with caplog.at_level(logging.INFO, logger="CurriculumTrainer"):
        logger.log_stage_start(0, {})

    assert [record.name for record in caplog.records] == ["CurriculumTrainer"]
