import gc
import weakref
from pathlib import Path

from fixtures.thalia_files import metadata, plain
from tests.reading.logger_files import (
    BEGAN,
    logged,
    record,
    stage_log,
    started,
    steps,
    write_json,
    write_text,
)
from tests.reading.writing import append, growth, line, log_text, write_log, write_metadata
from thalia_monitor.logger import CurriculumLogger
from thalia_monitor.reading.run_reader import RunReader, load_training_state


def test_a_run_of_the_replaced_logger_counts_once(tmp_path: Path) -> None:
    """Where documented files stand beside the logger's own, steps and events are the documented ones alone."""
    for step in (1000, 2000):
        write_metadata(
            tmp_path, str(step), step, current_stage=1, current_week=2, total_weeks=8, metrics={"loss": 0.5}
        )
    lines = [line(step, loss=0.5, timestamp=BEGAN + step / 1000) for step in (1000, 2000)]
    write_log(tmp_path, *lines, growth(1500, timestamp=BEGAN + 1.5))
    own = {"step": 1500, "timestamp": BEGAN + 1.5, "region": "cortex", "n_added": 10, "reason": "capacity"}
    write_json(
        *(tmp_path, "stage_1_log.json"),
        stage_log(1, 0, 9, step_metrics=logged((1000, 2000), 1), growth_events=[own]),
    )
    write_text(tmp_path, started(0, 1) + steps((1000, 2000), 1), 9)
    state = load_training_state(tmp_path)
    assert state.history.step.tolist() == [1000, 2000]
    assert len(state.growth_events) == 1
    assert [point.step for point in state.checkpoints] == [1000, 2000]
    assert (state.current_week, state.total_weeks) == (2, 8)
    assert state.criteria == {"n_back_2": 0.8}
    assert [source.file for source in state.sources] == [
        "training_log.json", "metadata_*.json", "curriculum_training.log", "stage_1_log.json",
    ]  # fmt: skip


def test_stages_before_the_logger_was_replaced_come_first(tmp_path: Path) -> None:
    """Stages that had ended when the documented log began are put in front of it, as stages of their own."""
    write_json(
        tmp_path, "stage_-1_log.json", stage_log(-1, 0, 9, step_metrics=logged((1000, 5000), 1, odd=1.0))
    )
    write_text(tmp_path, started(0, -1) + steps((1000, 5000), 1) + started(100, 0) + steps((1000,), 101), 101)
    write_json(tmp_path, "stage_0_log.json", stage_log(0, 100))
    log = write_log(
        tmp_path, line(1000, loss=0.5, timestamp=BEGAN + 101), growth(1500, timestamp=BEGAN + 102)
    )
    reader = RunReader(tmp_path)
    state = reader.read()
    assert state.history.step.tolist() == [1000, 5000, 1000]
    assert [(each.first_row, each.kind) for each in state.history.segments] == [(0, "start"), (2, "stage")]
    assert state.metrics_history["odd"].tolist()[:2] == [1.0, 1.0]
    assert state.metrics_history["loss"].isna().tolist() == [True, True, False]
    assert [(event.kind, event.segment) for event in state.events if event.kind == "growth"] == [
        ("growth", 1)
    ]
    append(log, log_text(line(2000, loss=0.4, timestamp=BEGAN + 103)))
    assert reader.read().history.step.tolist() == [1000, 5000, 1000, 2000]


def test_a_file_that_changes_nothing_before_the_log_costs_no_joining(tmp_path: Path) -> None:
    """While checkpoints are saved and the text log grows, the joined lines stay the same ones."""
    write_json(tmp_path, "stage_0_log.json", stage_log(0, 0, 9, step_metrics=logged((1000, 5000), 1)))
    text = started(0, 0) + steps((1000, 5000), 1) + started(100, 1)
    write_text(tmp_path, text, 100)
    log = write_log(tmp_path, line(1000, loss=0.5, timestamp=BEGAN + 101))
    reader = RunReader(tmp_path)
    before = reader.read()
    (tmp_path / "stage_1_step_1000.thalia").write_bytes(plain(metadata(1000, 1)))
    write_text(tmp_path, text + steps((1000,), 101), 101)
    append(log, log_text(line(2000, loss=0.4, timestamp=BEGAN + 103)))
    after = reader.read()
    assert after.history.step.tolist() == [1000, 5000, 1000, 2000]
    assert after.history.lineage is before.history.lineage


def test_lines_are_kept_joined_only_while_something_stands_before_them(tmp_path: Path) -> None:
    """They are a second copy of the log's."""
    stage = write_json(tmp_path, "stage_0_log.json", stage_log(0, 0, 9, step_metrics=logged((1000,), 1)))
    write_log(tmp_path, line(1000, loss=0.5, timestamp=BEGAN + 101))
    reader = RunReader(tmp_path)
    joined = weakref.ref(reader.read().history.lineage)
    assert joined() is not None
    stage.unlink()
    assert len(reader.read().history) == 1
    gc.collect()
    assert joined() is None


def test_kinds_that_the_documented_log_lacks_are_filled_in(tmp_path: Path) -> None:
    """Events of kinds that no documented line has come from the other files, in the segment where they belong."""
    write_log(
        tmp_path,
        *(
            line(step, loss=0.5, timestamp=BEGAN + at)
            for step, at in ((1000, 1), (2000, 2), (1000, 3), (2000, 4))
        ),
    )
    check = "\n[Milestone Check] Stage 1 Week 2 - 1/1 passed\n  ✅ a\n"
    write_text(tmp_path, started(0, 1) + record(3.5, check), 3.5)
    state = load_training_state(tmp_path)
    assert [(event.kind, event.segment) for event in state.events] == [("stage_start", 0), ("milestone", 1)]


def test_binary_checkpoints_stand_between_the_documented_ones(tmp_path: Path) -> None:
    """A binary checkpoint completes the metadata of its step, adds steps between, and hides nothing newer."""
    write_metadata(tmp_path, "a", 5000, metrics={"loss": 0.5})
    write_metadata(
        tmp_path, "b", 10000, metrics={"loss": 0.4}, current_stage=1, current_week=3, total_weeks=8
    )
    for step in (5000, 7000, 12000):
        (tmp_path / f"stage_1_step_{step}.thalia").write_bytes(
            plain(metadata(step, 1, milestones={"a": True}))
        )
    state = load_training_state(tmp_path)
    assert [point.step for point in state.checkpoints] == [5000, 7000, 10000]
    assert state.checkpoints[0].stage == 1
    assert state.checkpoints[0].milestones == {"a": True}
    assert state.metrics == {"loss": 0.4}
    assert state.current_week == 3


def test_a_binary_checkpoint_behind_the_newest_metadata_is_the_newest(tmp_path: Path) -> None:
    """It says where training is; what it does not tell itself is that of the metadata, metrics with their step."""
    write_metadata(
        *(tmp_path, "a", 3100),
        metrics={"loss": 0.4},
        current_stage=1,
        current_week=3,
        total_weeks=8,
    )
    write_log(tmp_path, line(3100, loss=0.5), line(3200, loss=0.3))
    for step in (3000, 3650):
        content = plain(metadata(step, 1, timestamp="2025-12-12T09:15:00"), neurons=900)
        (tmp_path / f"stage_1_step_{step}.thalia").write_bytes(content)
    state = load_training_state(tmp_path)
    assert [point.step for point in state.checkpoints] == [3000, 3100, 3650]
    assert (state.current_step, state.current_week, state.total_weeks) == (3650, 3, 8)
    assert (state.metrics, state.metrics_step) == ({"loss": 0.4}, 3100)
    now = state.current("loss")
    assert now and (now.value, now.step, now.as_of) == (0.3, 3200, "as of step 3,200")


def test_steps_that_restart_with_each_stage_are_no_resume(tmp_path: Path) -> None:
    """A stage whose steps begin again supersedes nothing of the stage before it; a restart of a stage does."""
    write_json(tmp_path, "stage_-1_log.json", stage_log(-1, 0, 9, step_metrics=logged((1000, 5000), 1)))
    write_json(tmp_path, "stage_0_log.json", stage_log(0, 60))
    text = started(0, -1) + started(20, 0) + steps((1000, 2000), 21) + started(60, 0) + steps((1000,), 61)
    write_text(tmp_path, text, 61)
    state = load_training_state(tmp_path)
    history = state.history
    assert [(each.first_row, each.kind) for each in history.segments] == [
        (0, "start"),
        (2, "stage"),
        (4, "resume"),
    ]
    assert [history.superseded_from(each) for each in range(3)] == [None, 1000, None]
    assert (2000 in history.passed_by, 5000 in history.passed_by) == (True, False)
    assert (state.current_stage, state.current_step) == (0, 1000)


def test_a_run_grows_without_its_rows_changing(tmp_path: Path) -> None:
    """While the text log grows the history stays the same one; it is another when a stage log replaces its rows."""
    write_json(tmp_path, "stage_1_log.json", stage_log(1, 0))
    write_text(tmp_path, started(0, 1) + steps((1000,), 1), 1)
    reader = RunReader(tmp_path)
    first = reader.read()
    write_text(tmp_path, started(0, 1) + steps((1000, 2000), 1), 2)
    second = reader.read()
    assert second.version != first.version
    assert (second.history.lineage is first.history.lineage, len(second.history)) == (True, 2)
    write_json(tmp_path, "stage_1_log.json", stage_log(1, 0, 9, step_metrics=logged((500, 1000, 2000), 1)))
    third = reader.read()
    assert third.history.lineage is not second.history.lineage
    assert third.history.step.tolist() == [500, 1000, 2000]


def test_unchanged_files_of_other_formats_give_the_same_state(tmp_path: Path) -> None:
    """A tick on unchanged files gives the very same state, and tells when they last changed."""
    path = write_json(tmp_path, "stage_1_log.json", stage_log(1, 0))
    reader = RunReader(tmp_path)
    state = reader.read()
    assert reader.read() is state
    assert reader.version() == state.version
    assert state.last_update is not None
    assert abs(state.last_update.timestamp() - path.stat().st_mtime) < 1e-3


def test_what_the_drop_in_writes_counts_once(tmp_path: Path) -> None:
    """The drop-in writes every step and event into two or three files: the run has each of them once."""
    logger = CurriculumLogger(log_dir=str(tmp_path), console_output=False)
    for stage in (-1, 0):
        logger.log_stage_start(stage, {"duration_weeks": 4, "success_criteria": {"reaching": 0.9}})
        for step in range(0, 5001, 500):
            logger.log_training_step(step, {"loss": 0.5, "firing_rate": 0.35, "capacity": 0.7})
        logger.log_growth_event("cortex", 100, "full", step=2000)
        logger.log_consolidation("REM", 90, 30.5, step=3000)
        logger.log_milestone_evaluation(stage, {"reaching": True}, week=2, step=5000)
        logger.log_stage_end(stage)
    logger.log_transition(-1, 0)
    state = load_training_state(tmp_path)
    assert len(state.history) == 22
    assert {kind: state.count_of(kind) for kind in ("growth", "consolidation", "milestone", "stage_end")} == {
        "growth": 2, "consolidation": 2, "milestone": 2, "stage_end": 2,
    }  # fmt: skip
    assert state.criteria == {"reaching": 0.9}
    assert {event.file for event in state.events} == {"training_log.json"}
    assert len({source.format for source in state.sources}) == 4
