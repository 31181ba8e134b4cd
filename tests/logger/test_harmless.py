from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT
from thalia_monitor import load_training_state
from thalia_monitor.logger import CurriculumLogger


@pytest.fixture
def logger(tmp_path: Path) -> CurriculumLogger:
    """A logger in stage 0 that says nothing on the console."""
    logger = CurriculumLogger(tmp_path / "run", console_output=False)
    logger.log_stage_start(0, {"duration_weeks": 8})
    return logger


def log_lines(logger: CurriculumLogger) -> list[dict[str, Any]]:
    """Every line of the documented log."""
    return [json.loads(line) for line in (logger.log_dir / "training_log.json").read_bytes().splitlines()]


def fail_with(monkeypatch: pytest.MonkeyPatch, name: str, error: OSError) -> None:
    """Let a call to the operating system fail from now on."""

    def fail(*_arguments: Any) -> None:
        raise error

    monkeypatch.setattr(os, name, fail)


FULL = OSError(28, "No space left on device")


def test_importing_it_needs_nothing_but_the_standard_library() -> None:
    """It is imported by training scripts, on machines that need not have dash or pandas."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from thalia_monitor import CurriculumLogger, LogLevel;"
        "print(*sorted({name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names))"
    )
    # Without site: nothing that is installed can be found at all.
    output = subprocess.check_output([sys.executable, "-I", "-S", "-c", program, str(ROOT)], text=True)

    assert output.split() == ["__main__", "thalia_monitor"] or output.split() == ["thalia_monitor"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_counted_and_training_goes_on(tmp_path: Path) -> None:
    """Really full: every write is refused by the system itself."""
    (tmp_path / "training_log.json").symlink_to("/dev/full")
    logger = CurriculumLogger(tmp_path, console_log=False, file_log=False, json_log=True)
    logger.log_stage_start(0, {})
    for step in range(10):
        logger.log_training_step(step, {"loss": 0.5})

    assert logger.write_errors == 11


def test_a_spell_of_failures_is_told_once(
    logger: CurriculumLogger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning when it begins and one when it is over, however many records were lost."""
    with monkeypatch.context() as patch:
        fail_with(patch, "write", FULL)
        for step in range(100):
            logger.log_training_step(step, {"loss": 0.5})
    logger.log_training_step(100, {"loss": 0.5})

    messages = [record.getMessage() for record in caplog.records if record.name == "thalia_monitor.logger"]
    assert [text for text in messages if "training_log.json" in text] == [
        "training_log.json could not be written ([Errno 28] No space left on device); training goes on",
        "training_log.json can be written again; 100 records were lost",
    ]
    assert logger.write_errors > 100


def test_the_page_shows_what_was_lost(logger: CurriculumLogger, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as it can be written: as an event of the log, and as warnings of the newest metadata."""
    with monkeypatch.context() as patch:
        fail_with(patch, "write", FULL)
        logger.log_training_step(0, {"loss": 0.5})
    logger.log_training_step(1, {"loss": 0.4})

    lost = "training_log.json can be written again; 1 record was lost"
    assert [line["message"] for line in log_lines(logger) if line.get("event_type") == "warning"] == [lost]
    state = load_training_state(logger.log_dir)
    assert lost in [warning.message for warning in state.warnings]
    assert state.metrics == {"loss": 0.4}


def test_a_removed_directory_is_made_again(logger: CurriculumLogger) -> None:
    """Somebody has cleaned up while training ran."""
    for path in logger.log_dir.iterdir():
        path.unlink()
    logger.log_dir.rmdir()

    logger.log_training_step(1_000, {"loss": 0.5})

    assert log_lines(logger)[-1]["loss"] == 0.5
    assert "[Step 1000]" in (logger.log_dir / "curriculum_training.log").read_text()
    assert logger.write_errors == 0


def test_the_directory_is_the_one_of_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that goes to another working directory takes no file with it."""
    monkeypatch.chdir(tmp_path)
    logger = CurriculumLogger("runs/first", console_output=False)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    logger.log_stage_start(0, {})
    logger.log_training_step(1_000, {"loss": 0.5})
    logger.save_session()

    assert not list((tmp_path / "elsewhere").iterdir())
    assert len(list((tmp_path / "runs" / "first").iterdir())) == 6
    assert logger.log_dir == Path("runs/first")


def test_a_directory_that_cannot_be_made_is_counted(tmp_path: Path) -> None:
    """Training starts nevertheless, and its log as soon as there is a place for it."""
    place = tmp_path / "place"
    place.write_text("a file where the directory should be")
    logger = CurriculumLogger(place, console_output=False)
    logger.log_stage_start(0, {})
    logger.log_training_step(1, {"loss": 0.5})
    errors = logger.write_errors
    place.unlink()
    logger.log_training_step(2, {"loss": 0.5})

    assert errors >= 4
    assert log_lines(logger)[0]["step"] == 2
    assert logger.write_errors == errors


def test_lost_permission_is_counted(logger: CurriculumLogger, monkeypatch: pytest.MonkeyPatch) -> None:
    """And made good as soon as it is given back."""
    logger.close()
    with monkeypatch.context() as patch:
        fail_with(patch, "open", PermissionError(13, "Permission denied"))
        logger.log_training_step(1, {"loss": 0.5})
    assert logger.write_errors > 0
    logger.log_training_step(2, {"loss": 0.5})

    assert [line["step"] for line in log_lines(logger) if "loss" in line] == [2]


def test_metadata_that_cannot_be_written_do_not_stop_the_log(
    logger: CurriculumLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leave nothing behind."""
    with monkeypatch.context() as patch:
        fail_with(patch, "fsync", FULL)
        logger.log_training_step(1_000, {"loss": 0.5})
    assert logger.write_errors == 1

    assert log_lines(logger)[-1]["step"] == 1_000
    assert not list(logger.log_dir.glob("*.tmp")) + list(logger.log_dir.glob(".*.tmp"))


class Unprintable:
    """An object that has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_a_value_that_cannot_be_asked_costs_only_itself(logger: CurriculumLogger) -> None:
    """The other metrics of its step are written."""
    logger.log_training_step(1, {"what": Unprintable(), "loss": 0.5})

    (written,) = (line for line in log_lines(logger) if "event_type" not in line)
    assert (written["what"], written["loss"]) == ("Unprintable that cannot be read", 0.5)
    assert logger.write_errors == 0


@pytest.mark.parametrize("metrics", [None, 3, [("loss", 0.5)]], ids=["none", "int", "list"])
def test_a_record_that_makes_no_sense_is_counted_and_left_out(logger: CurriculumLogger, metrics: Any) -> None:
    """The caller never hears of it as an exception."""
    logger.log_training_step(1, metrics)
    logger.log_training_step(2, {"loss": 0.5})

    assert logger.write_errors == 1
    assert [line["step"] for line in log_lines(logger) if "event_type" not in line] == [2]


def test_a_step_beyond_all_bounds_is_counted_and_left_out(logger: CurriculumLogger) -> None:
    """The records after it, in every file, are unaffected by it."""
    logger.log_training_step(1, {"loss": 0.5})
    logger.log_training_step(10**5000, {"loss": 0.4})
    logger.log_growth_event("cortex", 10**5000, "full", step=1)
    logger.log_training_step(2, {"loss": 0.3})
    logger.log_stage_end(0)

    assert logger.write_errors == 1
    assert [line["step"] for line in log_lines(logger) if "loss" in line] == [1, 2]
    stage = json.loads((logger.log_dir / "stage_0_log.json").read_bytes())
    assert [record["step"] for record in stage["step_metrics"]] == [1, 2]
    assert stage["growth_events"][0]["n_added"] == "whole number of 16,610 bits"


def test_no_file_holds_what_a_terminal_obeys(logger: CurriculumLogger) -> None:
    """Whatever a name or a reason contains: its escape is written in all files."""
    wild = "\x1b[2J\x9b1m\u2028\u202ecod.exe\x07"
    logger.log_stage_start(1, {"duration_weeks": 4, wild: wild})
    logger.log_training_step(1_000, {wild: wild, "loss": 0.5, "neuron_counts": {wild: 7}})
    logger.log_growth_event(wild, 1, wild, step=1_000)
    logger.log_consolidation(wild, 1, 1.0, step=1_000)
    logger.log_milestone_evaluation(1, {wild: True}, step=1_000)
    logger.log_stage_extension(1, 2, wild)
    logger.log_warning(wild, severity=wild)
    logger.log_stage_end(1)
    logger.log_transition(1, 2, wild)
    logger.save_session()

    assert len(list(logger.log_dir.iterdir())) > 5
    for path in logger.log_dir.iterdir():
        assert not set("\x1b\x9b\u2028\u202e\x07") & set(path.read_text("utf-8")), path.name
    assert logger.write_errors == 0


class Interrupting:
    """A value at which the user presses Ctrl-C."""

    def __float__(self) -> float:
        raise KeyboardInterrupt


def test_an_interrupt_is_passed_on(logger: CurriculumLogger) -> None:
    """And leaves the logger free for the other threads."""
    with pytest.raises(KeyboardInterrupt):
        logger.log_training_step(1, {"what": Interrupting()})

    with ThreadPoolExecutor(1) as pool:
        pool.submit(logger.log_training_step, 2, {"loss": 0.5}).result(timeout=10)
    assert log_lines(logger)[-1]["step"] == 2


def test_any_thread_may_log(logger: CurriculumLogger) -> None:
    """No record is lost, torn or mixed with another."""

    def log(worker: int) -> None:
        for number in range(200):
            logger.log_training_step(number * 8 + worker, {"worker": worker, "number": number})
            logger.log_growth_event("cortex", 1, f"worker {worker}")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(log, worker) for worker in range(8)]:
            done.result(timeout=60)

    read = log_lines(logger)
    steps = [line["step"] for line in read if "number" in line]
    assert sorted(steps) == list(range(1_600))
    assert sum(line.get("event_type") == "growth" for line in read) == 1_600
    assert logger.write_errors == 0


def test_memory_does_not_grow_where_it_is_switched_off(tmp_path: Path) -> None:
    """Counts and the newest record of each kind remain, for reports and the session file."""
    logger = CurriculumLogger(tmp_path, console_output=False, keep_in_memory=False)
    logger.log_stage_start(0, {})
    for step in range(50):
        logger.log_training_step(step, {"loss": 0.5})
        logger.log_growth_event("cortex", 1, "r")
        logger.log_consolidation("REM", 1, 1.0)

    log = logger.stage_logs[0]
    assert [len(log.step_metrics), len(log.growth_events), len(log.consolidation_events)] == [1, 1, 1]
    assert log.summary()["n_steps"] == 50
    assert "Total steps: 49" in logger.generate_stage_report(0)
    assert "Growth events: 50" in logger.generate_session_report()


def test_a_closed_console_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal of a training is closed, and training goes on."""
    with (tmp_path / "closed").open("w") as console:
        monkeypatch.setattr("sys.stderr", console)
        logger = CurriculumLogger(tmp_path / "run", console_output=True)
    logger.log_stage_start(0, {})
    logger.log_training_step(1_000, {"loss": 0.5})

    assert log_lines(logger)[-1]["step"] == 1_000
    assert logger.write_errors == 0


class Raising(logging.Handler):
    """A handler of somebody else that raises at every record."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise."""
        raise RuntimeError(f"not my day: {record.msg}")


def test_a_log_handler_of_others_that_raises_is_kept_from_the_training(logger: CurriculumLogger) -> None:
    """The documented files are written before any failure is reported."""
    theirs = logging.getLogger("CurriculumTrainer")
    handler = Raising()
    theirs.addHandler(handler)
    try:
        logger.log_training_step(1_000, {"loss": 0.5})
    finally:
        theirs.removeHandler(handler)

    assert log_lines(logger)[-1]["step"] == 1_000
    assert logger.write_errors == 1
