from __future__ import annotations

import copy
import gc
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT
from thalia_monitor import load_training_state
from thalia_monitor.logger import CurriculumLogger

FOREIGN = b"weights"


def steps_of(directory: Path) -> list[int]:
    """The steps of the log's metric lines."""
    lines = map(json.loads, (directory / "training_log.json").read_bytes().splitlines())
    return [line["step"] for line in lines if "event_type" not in line]


def running(directory: Path, **options: Any) -> CurriculumLogger:
    """A logger that has logged step 1000."""
    logger = CurriculumLogger(directory, **{"console_output": False} | options)
    logger.log_stage_start(0, {"duration_weeks": 8})
    logger.log_training_step(1_000, {"loss": 0.5})
    return logger


def run(program: str, *arguments: str) -> str:
    """Run a program that closes descriptors in a process of its own, and return what it prints."""
    process = subprocess.run(
        [sys.executable, "-c", PREFACE + program, *arguments],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


PREFACE = """
import os, sys
from pathlib import Path
from thalia_monitor.logger import CurriculumLogger
directory, place = Path(sys.argv[1]), Path(sys.argv[2])
def opened(first, last):
    names = [place / f"checkpoint_{number}.pt" for number in range(first, last)]
    return [os.open(name, os.O_RDWR | os.O_CREAT) for name in names]
logger = CurriculumLogger(directory, console_output=len(sys.argv) > 3)
logger.log_stage_start(0, {})
logger.log_training_step(1_000, {"loss": 0.5})
"""


def test_a_copy_is_the_logger_itself(tmp_path: Path) -> None:
    """Two loggers of one directory would write everything twice; a trainer that is copied takes its logger along."""
    logger = running(tmp_path)

    class Trainer:
        def __init__(self) -> None:
            self.logger = logger

    assert copy.copy(logger) is logger
    assert copy.deepcopy(Trainer()).logger is logger


def test_nothing_lands_in_a_file_that_was_opened_after_a_copy(tmp_path: Path) -> None:
    """Every number that a copy might have closed belongs to another's file by then."""
    logger = running(tmp_path / "run")
    for copied in (copy.copy(logger), copy.deepcopy(logger), pickle.loads(pickle.dumps(logger))):
        del copied
    gc.collect()
    files = [(tmp_path / f"checkpoint_{number}.pt").open("w+b", buffering=0) for number in range(20)]
    for file in files:
        file.write(FOREIGN)
    logger.log_training_step(2_000, {"loss": 0.5})
    logger.log_stage_end(0)

    assert {(tmp_path / f"checkpoint_{number}.pt").read_bytes() for number in range(20)} == {FOREIGN}
    assert steps_of(tmp_path / "run") == [1_000, 2_000]
    for file in files:
        file.close()  # raises where its descriptor was closed by another


def test_a_logger_that_is_unpickled_goes_on(tmp_path: Path) -> None:
    """In the same stage and directory, whatever configuration, clock or lock it was made with."""
    logger = CurriculumLogger(tmp_path, console_output=False, clock=lambda: 1_795_870_300.0)
    logger.log_stage_start(0, {"duration_weeks": 8, "sampler": lambda: 0})
    logger.log_training_step(1_000, {"loss": 0.5}, week=3)
    logger.log_growth_event("cortex", 64, "full", step=1_000)

    again = pickle.loads(pickle.dumps(logger))
    again.log_training_step(2_000, {"loss": 0.4})
    again.log_stage_end(0)

    assert again.write_errors == logger.write_errors == 0
    assert steps_of(tmp_path) == [1_000, 2_000]
    state = load_training_state(tmp_path)
    assert (state.current_stage, state.current_step, state.current_week, state.total_weeks) == (
        0,
        2_000,
        3,
        8,
    )
    stage = json.loads((tmp_path / "stage_0_log.json").read_bytes())
    assert [record["step"] for record in stage["step_metrics"]] == [1_000, 2_000]
    assert len(stage["growth_events"]) == 1
    assert "[Step 2000]" in (tmp_path / "curriculum_training.log").read_text()


CLOSED = """
os.closerange(3, 256)
files = opened(0, 20)
for step in range(2_000, 12_000, 1_000):
    logger.log_training_step(step, {"loss": 0.5})
logger.log_stage_end(0)
for file in files:
    os.fstat(file)
print(logger.write_errors, sum(os.path.getsize(path) for path in place.iterdir()))
"""

REPLACED = """
import stat
foreign = opened(0, 1)[0]
for number in range(3, 64):
    if number != foreign:
        os.dup2(foreign, number)
for step in range(2_000, 12_000, 1_000):
    logger.log_training_step(step, {"loss": 0.5})
logger.log_stage_end(0)
print(logger.write_errors, sum(os.path.getsize(path) for path in place.iterdir()))
"""

READ = """
os.closerange(3, 256)
files = [os.open(directory / name, os.O_RDONLY) for name in ("training_log.json", "curriculum_training.log") * 4]
for step in range(2_000, 12_000, 1_000):
    logger.log_training_step(step, {"loss": 0.5})
logger.log_stage_end(0)
for file in files:
    os.fstat(file)
print(logger.write_errors, 0)
"""

FORKED = """
child = os.fork()
if child == 0:
    os.closerange(3, 256)
    os.setsid()
    files = opened(0, 20)
    for step in range(2_000, 12_000, 1_000):
        logger.log_training_step(step, {"loss": 0.5})
    logger.log_stage_end(0)
    os._exit(logger.write_errors)
_, status = os.waitpid(child, 0)
print(status, sum(os.path.getsize(path) for path in place.iterdir()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="daemons, and numbers of descriptors, of POSIX")
@pytest.mark.parametrize(
    "program", [CLOSED, REPLACED, READ, FORKED], ids=["closed", "dup2", "read", "daemon"]
)
def test_descriptors_that_others_close_or_replace_are_left_to_them(tmp_path: Path, program: str) -> None:
    """Every step is in the log, and not a byte in another's file, which stays open."""
    (tmp_path / "theirs").mkdir()

    assert run(program, str(tmp_path / "run"), str(tmp_path / "theirs")).split() == ["0", "0"]
    assert steps_of(tmp_path / "run") == list(range(1_000, 12_000, 1_000))
    text = (tmp_path / "run" / "curriculum_training.log").read_text()
    assert text.count("[Step ") == 11
    assert "[Stage 0 End]" in text


CONSOLE = """
os.closerange(0, 256)
opened(0, 8)
for step in range(2_000, 12_000, 1_000):
    logger.log_training_step(step, {"loss": 0.5})
logger.log_warning("too hot", severity="critical")
os._exit(logger.write_errors)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="daemons, and numbers of descriptors, of POSIX")
def test_the_console_ends_where_its_descriptor_became_another_file(tmp_path: Path) -> None:
    """A daemon closes its standard streams too: the next files that it opens have their numbers."""
    (tmp_path / "theirs").mkdir()
    run(CONSOLE, str(tmp_path / "run"), str(tmp_path / "theirs"), "with a console")

    assert {path.stat().st_size for path in (tmp_path / "theirs").iterdir()} == {0}
    assert len(list((tmp_path / "theirs").iterdir())) == 8
    assert steps_of(tmp_path / "run") == list(range(1_000, 12_000, 1_000))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open descriptors")
def test_no_file_is_kept_open_between_two_records(tmp_path: Path) -> None:
    """What is not kept cannot be closed, replaced or inherited by mistake."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    logger = running(tmp_path)
    logger.log_stage_end(0)
    logger.save_session()

    assert len(list(Path("/proc/self/fd").iterdir())) == before
