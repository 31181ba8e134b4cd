"""Thalia's own logs brought together: whose records are whose, and which start of a stage is which."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.reading.logger_files import (
    BEGAN,
    Logger,
    logged,
    record,
    stage_log,
    started,
    steps,
    write_json,
    write_text,
)
from thalia_monitor.model.records import Source
from thalia_monitor.model.run import TrainingState
from thalia_monitor.reading.formats.stage_log import FORMAT as stage_log_format
from thalia_monitor.reading.formats.stage_spans import resolve
from thalia_monitor.reading.formats.text_log import FORMAT as text_format
from thalia_monitor.reading.recording import Recording, Stretch, Written
from thalia_monitor.reading.run_reader import load_training_state

LISTS = {
    "growth_events": "growth",
    "consolidation_events": "consolidation",
    "milestone_checks": "milestone",
}


def totals_of_files(folder: Path) -> dict[str, int]:
    """Steps and events that the folder's stage files hold."""
    files = [json.loads(path.read_text()) for path in folder.glob("stage_*_log.json")]
    found = {kind: sum(len(each[name]) for each in files) for name, kind in LISTS.items()}
    return found | {"steps": sum(len(each["step_metrics"]) for each in files), "stage_start": len(files)}


def totals_of_state(state: TrainingState) -> dict[str, int]:
    """The same of what is shown."""
    counts = Counter(event.kind for event in state.events)
    return {kind: counts[kind] for kind in (*LISTS.values(), "stage_start")} | {"steps": len(state.history)}


def left_out(state: TrainingState) -> list[str]:
    """The notes on other loggers' records."""
    return [problem.reason for problem in state.problems if "another logger" in problem.reason]


def losses(state: TrainingState) -> list[float]:
    """Every loss that was logged, in order."""
    return [float(loss) for loss in state.metrics_history["loss"]]


def pause() -> None:
    """Let the clock of the text log, which has milliseconds, go on."""
    time.sleep(0.02)


def stage(logger: Logger, number: float, loss: float) -> None:
    """Log a short stage from its start to its end."""
    logger.start(number)
    pause()
    for step in (500, 1000, 2000):
        logger.step(step, loss)
        logger.grow(step)
    logger.sleep(2000)
    logger.check(2000)
    logger.end(number)
    pause()


def one_after_the_other(root: Path) -> None:
    """The same stage in two folders, the second logger made when the first has finished."""
    handlers: list[Path] = []
    for name, loss in (("a", 0.5), ("b", 9.0)):
        stage(Logger(root / name, handlers), 0, loss)


def interleaved(root: Path) -> None:
    """The same two stages in two folders, step by step in turns."""
    handlers: list[Path] = []
    loggers = [Logger(root / name, handlers) for name in "ab"]
    for number in (0, 1):
        for logger in loggers:
            logger.start(number)
            pause()
        for step in (500, 1000, 2000):
            for index, logger in enumerate(loggers):
                logger.step(step, 0.5 + index)
                logger.grow(step)
        for logger in loggers:
            logger.sleep(2000)
            logger.check(2000)
        for logger in loggers:
            logger.end(number)
            pause()


def different_stages(root: Path) -> None:
    """Different stages in two folders, step by step in turns."""
    handlers: list[Path] = []
    loggers = [Logger(root / name, handlers) for name in "ab"]
    for index, logger in enumerate(loggers):
        logger.start(index)
        pause()
    for step in (500, 1000, 2000):
        for index, logger in enumerate(loggers):
            logger.step(step, 0.5 + index)
            logger.grow(step)
    for index, logger in enumerate(loggers):
        logger.end(index)
        pause()


def demo(root: Path) -> None:
    """The four folders of Thalia's logging demo, some of whose stages are the same."""
    handlers: list[Path] = []
    for name, numbers in (("a", (0,)), ("b", (-1, 0, 1)), ("c", (1,)), ("d", (0,))):
        logger = Logger(root / name, handlers)
        for number in numbers:
            stage(logger, number, 0.5 + number)


SHAPES = (one_after_the_other, interleaved, different_stages, demo)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_totals_are_those_of_the_folders_own_stage_files(
    tmp_path: Path, shape: Callable[[Path], None]
) -> None:
    """Whatever other loggers wrote into a folder's text log, its totals equal those of its stage files."""
    shape(tmp_path)
    for folder in sorted(tmp_path.iterdir()):
        state = load_training_state(folder)
        assert totals_of_state(state) == totals_of_files(folder), folder.name
        assert {each.kind for each in state.history.segments} <= {"start", "stage"}
    assert left_out(load_training_state(tmp_path / "a"))


def test_another_loggers_start_of_the_same_stage_is_no_resume(tmp_path: Path) -> None:
    """A folder shows its own loss and growth, no resume, and a note with the number of records left out."""
    one_after_the_other(tmp_path)
    state = load_training_state(tmp_path / "a")
    assert set(losses(state)) == {0.5}
    (note,) = left_out(state)
    assert note.startswith("9 records are left out: stage_0_log.json")
    assert left_out(load_training_state(tmp_path / "b")) == []


def test_a_running_stage_ends_where_another_logger_starts_the_same(tmp_path: Path) -> None:
    """While a stage's file holds only its start, another logger's later start of that stage is left out, too."""
    handlers: list[Path] = []
    own = Logger(tmp_path / "a", handlers)
    own.start(0)
    own.step(1000, 0.5)
    own.grow(900)
    pause()
    other = Logger(tmp_path / "b", handlers)
    other.start(0)
    other.step(1000, 9.0)
    other.grow(900)
    state = load_training_state(tmp_path / "a")
    assert (losses(state), state.count_of("growth")) == ([0.5], 1)
    assert [note.partition(":")[0] for note in left_out(state)] == ["3 records are left out"]
    own.end(0)
    state = load_training_state(tmp_path / "a")
    assert totals_of_state(state) == totals_of_files(tmp_path / "a")


@pytest.mark.parametrize("keeping_times", [True, False])
def test_a_copied_folder_is_read_as_the_original(tmp_path: Path, keeping_times: bool) -> None:
    """Files that were copied together say the same as before, whether or not their times were copied."""
    one_after_the_other(tmp_path)
    pause()
    copy = shutil.copy2 if keeping_times else shutil.copy
    shutil.copytree(tmp_path / "a", tmp_path / "c", copy_function=copy)
    state = load_training_state(tmp_path / "c")
    assert totals_of_state(state) == totals_of_files(tmp_path / "a")
    assert len(left_out(state)) == 1


def attempts(folder: Path, *, end_first: bool, saved: Path | None = None) -> None:
    """A stage that is started again by a new process."""
    logger = Logger(folder, [])
    logger.start(0)
    logger.step(1000, 0.5)
    logger.grow(900)
    if end_first:
        logger.end(0)
    if saved:
        shutil.copy(folder / "stage_0_log.json", saved)
    pause()
    logger = Logger(folder, [])
    logger.start(0)
    logger.step(1000, 0.4)
    logger.grow(900)
    pause()


@pytest.mark.parametrize("end_first", [True, False])
def test_a_new_process_that_starts_the_stage_again_is_a_resume(tmp_path: Path, end_first: bool) -> None:
    """The stage's file is of the newest start; the attempt before it is kept, and nothing is left out."""
    attempts(tmp_path, end_first=end_first)
    state = load_training_state(tmp_path)
    assert losses(state) == [0.5, 0.4]
    assert state.count_of("growth") == 2
    assert left_out(state) == []


def test_an_older_stage_file_put_back_does_not_hide_the_newest_attempt(tmp_path: Path) -> None:
    """A stage file that was copied into a live folder may be older than its text log: nothing is left out."""
    saved = tmp_path / "saved.json"
    attempts(tmp_path / "run", end_first=True, saved=saved)
    shutil.copy(saved, tmp_path / "run" / "stage_0_log.json")
    state = load_training_state(tmp_path / "run")
    assert losses(state) == [0.5, 0.4]
    assert left_out(state) == []


@pytest.mark.parametrize(("stage_copied", "notes"), [(BEGAN + 100, 0), (BEGAN + 5000, 1), (BEGAN, 1)])
def test_a_stage_file_copied_before_the_text_log_does_not_hide_the_newest_attempt(
    stage_copied: float, notes: int
) -> None:
    """In a mirror the text log may be newer than the stage's file; copied together, or never, they agree."""
    own = Recording(
        Source("stage_0_log.json", stage_log_format, 1),
        stretch=Stretch(0, BEGAN),
        written=Written(BEGAN, stage_copied),
    )
    text = [
        Recording(
            Source("curriculum_training.log", text_format, 1),
            stretch=Stretch(0, BEGAN + start),
            written=Written(BEGAN + 4000, BEGAN + 5000, BEGAN + 4000),
        )
        for start in (0, 4000)
    ]
    assert len(resolve([own, *text]).problems) == notes


@pytest.mark.parametrize("later", [20, 900, 3600])
@pytest.mark.parametrize("end", [None, 9])
def test_a_start_that_is_hours_later_is_another_start(
    tmp_path: Path, later: float, end: float | None
) -> None:
    """Two starts that are whole quarter hours apart are not one start in two zones."""
    own: dict[str, Any] = {} if end is None else {"step_metrics": logged((1000,), 1)}
    write_json(tmp_path, "stage_0_log.json", stage_log(0, 0, end, **own))
    own_end = record(9, "\n[Stage 0 End] Duration: 0.0 hours\n") if end else ""
    text = started(0, 0) + steps((1000,), 1) + own_end + started(later, 0) + steps((1000, 2000), later + 1)
    write_text(tmp_path, text, 500_000.0)  # a copied log, whose own time says nothing of its zone
    state = load_training_state(tmp_path)
    assert state.history.step.tolist() == [1000]
    assert state.history.time.tolist() == [BEGAN + 1]
    assert [note.partition(":")[0] for note in left_out(state)] == ["3 records are left out"]


def test_summer_time_that_ends_between_two_stages_moves_no_time(tmp_path: Path) -> None:
    """Each stage's own file sets the clock of its part of the text log right: here by two hours, then by one."""
    write_json(tmp_path, "stage_0_log.json", stage_log(0, 0))
    write_json(tmp_path, "stage_1_log.json", stage_log(1, 10_000))
    winter = started(10_000 - 3600, 1) + steps((1000,), 10_001 - 3600)
    write_text(tmp_path, started(0, 0) + steps((1000, 2000), 1) + winter, 10_001)
    state = load_training_state(tmp_path)
    assert state.history.time.tolist() == [BEGAN + 1, BEGAN + 2, BEGAN + 10_001]
    assert left_out(state) == []


def test_summer_time_that_ends_within_a_running_stage_leaves_the_newest_time_right(tmp_path: Path) -> None:
    """The newest line is as old as the file, though the start of its stage was logged by another offset."""
    write_json(tmp_path, "stage_0_log.json", stage_log(0, 0))
    write_text(tmp_path, started(0, 0) + steps((1000,), 9000 - 3600), 9000)
    state = load_training_state(tmp_path)
    assert state.history.time.tolist() == [BEGAN + 9000]


def test_a_text_log_alone_keeps_every_attempt(tmp_path: Path) -> None:
    """Without stage files nothing shows whose a record is: all of them count, as a resume."""
    write_text(tmp_path, started(0, 0) + steps((1000,), 1) + started(20, 0) + steps((1000,), 21), 21)
    state = load_training_state(tmp_path)
    assert state.history.step.tolist() == [1000, 1000]
    assert left_out(state) == []


def test_only_a_stages_own_warnings_and_one_extension_are_taken_from_a_mixed_log(tmp_path: Path) -> None:
    """Of a finished stage whose text log another logger shares, warnings of values it never had are left out."""
    own = logged((1000,), 1, capacity=0.9) + logged((2000,), 3, capacity=0.5)
    write_json(tmp_path, "stage_0_log.json", stage_log(0, 0, 9, step_metrics=own))
    extension = "\n[Stage Extension] Stage 0\n  Adding 2 weeks\n  Reason: slow\n"
    lines = [
        record(1, "[Step 1000] capacity=0.900") + record(1, "  ⚠️  High capacity: 0.900", "WARNING"),
        record(2, "[Step 1000] capacity=0.950") + record(2, "  ⚠️  High capacity: 0.950", "WARNING"),
        record(3, "[Step 2000] capacity=0.500") + 2 * record(4, extension, "WARNING"),
    ]
    write_text(tmp_path, started(0, 0) + "".join(lines), 9)
    state = load_training_state(tmp_path)
    assert [event.fields["message"] for event in state.events_of("warning")] == ["High capacity: 0.900"]
    assert state.count_of("extension") == 1
    assert [note.partition(":")[0] for note in left_out(state)] == ["1 records are left out"]
