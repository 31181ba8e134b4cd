import os
import shutil
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
from thalia_monitor.reading.formats import results
from thalia_monitor.reading.merge import Composed
from thalia_monitor.reading.other_files import Discovery

CHECK = "\n[Milestone Check] Stage {} Week 2 - 1/1 passed\n  ✅ n_back_2\n"
GROWN = {"step": 940, "timestamp": BEGAN + 3, "region": "cortex", "n_added": 210, "reason": "full"}


def read(directory: Path) -> Composed:
    """Read a directory once."""
    return Discovery(directory).composed()


def rows(run: Composed) -> list[list[int]]:
    """The steps of each stretch."""
    return [[line.step for line in stretch.lines] for stretch in run.stretches]


def kinds(run: Composed) -> list[str]:
    """The kinds of all events."""
    return [event.kind for stretch in run.stretches for event in stretch.events]


def test_a_running_stage_is_told_by_the_text_log(tmp_path: Path) -> None:
    """While a stage runs its own file says only when it began: steps and events come from the text log."""
    write_json(tmp_path, "stage_1_log.json", stage_log(1, 0))
    write_text(tmp_path, started(0, 1) + steps((1000, 2000), 1) + record(5, CHECK.format(1)), 5)
    run = read(tmp_path)
    assert rows(run) == [[1000, 2000]]
    assert kinds(run) == ["stage_start", "milestone"]
    (point,) = run.checkpoints
    assert (point.file, point.step, point.stage, point.week, point.total_weeks) == (
        *("curriculum_training.log", 2000, 1, 2, 4),
    )
    assert point.metrics == {"loss": 0.123}
    assert point.milestones == {"n_back_2": True}
    assert run.criteria == {"n_back_2": 0.8}
    assert run.problems == ()


def test_a_finished_stage_is_told_by_its_own_file(tmp_path: Path) -> None:
    """A stage that has ended is taken from its own file, exact and complete; nothing counts twice."""
    own = stage_log(1, 0, 9, step_metrics=logged((500, 1000, 1500, 2000), 1), growth_events=[GROWN])
    write_json(tmp_path, "stage_1_log.json", own)
    growth = record(3, "\n[Growth Event] Step 940 - cortex +210 neurons\n  Reason: full\n")
    warning = record(2, "  ⚠️  High capacity: 0.900", "WARNING")
    end = record(9, "\n[Stage 1 End] Duration: 0.0 hours\n")
    write_text(tmp_path, started(0, 1) + steps((1000,), 1) + warning + growth + end, 9)
    run = read(tmp_path)
    assert rows(run) == [[500, 1000, 1500, 2000]]
    assert run.stretches[0].lines[0].metrics == {"loss": 0.12345}
    assert sorted(kinds(run)) == ["growth", "stage_end", "stage_start", "warning"]


def test_several_stages_stand_in_the_order_of_their_starts(tmp_path: Path) -> None:
    """Stages are stretches in the order in which they began, whose steps may start again."""
    write_json(tmp_path, "stage_0_log.json", stage_log(0, 20, 29, step_metrics=logged((1000, 2000), 21)))
    write_json(tmp_path, "stage_-1_log.json", stage_log(-1, 0, 9, step_metrics=logged((1000, 5000), 1)))
    write_json(tmp_path, "stage_1_log.json", stage_log(1, 40))
    write_text(tmp_path, started(0, -1) + started(20, 0) + started(40, 1) + steps((1000,), 41), 41)
    run = read(tmp_path)
    assert rows(run) == [[1000, 5000], [1000, 2000], [1000]]
    assert [stretch.stretch.stage for stretch in run.stretches if stretch.stretch] == [-1, 0, 1]
    assert [line.stage for stretch in run.stretches for line in stretch.lines] == [-1, -1, 0, 0, 1]
    assert [(point.stage, point.step) for point in run.checkpoints] == [(1, 1000)]


def test_an_attempt_that_a_restart_erased_is_kept_by_the_text_log(tmp_path: Path) -> None:
    """A restart rewrites the stage's file; the attempt before it is still in the text log."""
    write_json(tmp_path, "stage_0_log.json", stage_log(0, 20, 29, step_metrics=logged((1000, 1500), 21)))
    write_text(tmp_path, started(0, 0) + steps((1000, 2000), 1) + started(20, 0) + steps((1000,), 21), 21)
    assert rows(read(tmp_path)) == [[1000, 2000], [1000, 1500]]


def test_a_text_log_alone_is_a_run(tmp_path: Path) -> None:
    """Without any stage log every stretch of the text log counts."""
    write_text(tmp_path, started(0, 0) + steps((1000, 2000), 1) + started(20, 1) + steps((1000,), 21), 21)
    run = read(tmp_path)
    assert rows(run) == [[1000, 2000], [1000]]
    assert run.checkpoints[-1].stage == 1


def test_cross_talk_of_a_stage_without_a_file_is_left_out(tmp_path: Path) -> None:
    """Records of a stage that has no file here come from another folder's logger: left out, and said."""
    write_json(tmp_path, "stage_1_log.json", stage_log(1, 0, 9, step_metrics=logged((1000,), 1)))
    write_text(tmp_path, started(0, 1) + steps((1000,), 1) + started(20, 0) + steps((1000, 2000), 21), 22)
    run = read(tmp_path)
    assert rows(run) == [[1000]]
    (problem,) = run.problems
    assert problem.line == 8
    assert "3 records are left out: they are of stage 0" in problem.reason


def test_a_copied_text_log_is_set_right_by_the_stage_logs(tmp_path: Path) -> None:
    """Where the file's time says nothing about the zone of the text log, a start in a stage log does."""
    write_json(tmp_path, "stage_1_log.json", stage_log(1, 0))
    write_text(tmp_path, started(0, 1) + steps((1000,), 1), 500_000)
    (stretch,) = read(tmp_path).stretches
    assert stretch.lines[0].time == BEGAN + 1


def test_a_stage_log_torn_from_the_start_still_tells_its_stage(tmp_path: Path) -> None:
    """A stage file that was never whole is a problem, and the text log fills in for it."""
    (tmp_path / "stage_-0.5_log.json").write_text('{"stage": -0.5, "start')
    write_text(tmp_path, started(0, -0.5) + steps((1000,), 1), 1)
    run = read(tmp_path)
    assert rows(run) == [[1000]]
    assert run.checkpoints[-1].stage == -0.5
    assert [problem.file for problem in run.problems] == ["stage_-0.5_log.json"]


def test_the_birth_scripts_folders_are_one_run(tmp_path: Path) -> None:
    """Checkpoints and results in the run's folders make one run: a step that both tell of counts once."""
    result = {"stage": "sensorimotor", "stage_number": -0.5, "success": True, "total_steps": 12000}
    result |= {"final_metrics": {"accuracy": 0.9}, "milestone_results": {"reaching": True}}
    write_json(tmp_path / "results", "20251212_091521.json", result)
    saves = {"stage_-1_step_5000": 5000, "stage_-1_final": 12000}
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "logs").mkdir()
    for name, step in saves.items():
        (tmp_path / "checkpoints" / f"{name}.thalia").write_bytes(plain(metadata(step), ["cortex"]))
    run = read(tmp_path)
    assert [(point.step, point.file) for point in run.checkpoints] == [
        (5000, "checkpoints/stage_-1_step_5000.thalia"),
        (12000, "results/20251212_091521.json"),
    ]
    assert run.checkpoints[-1].metrics == {"accuracy": 0.9}
    assert rows(run) == [[12000]]
    assert [(source.file, source.format) for source in run.sources] == [
        ("checkpoints/*.thalia", "Thalia checkpoint"),
        ("results/20251212_091521.json", results.FORMAT),
    ]


def test_logs_complete_the_newest_binary_checkpoint(tmp_path: Path) -> None:
    """Week, milestones and metrics that a binary checkpoint lacks come from the logs of the same stage."""
    write_json(tmp_path / "logs", "stage_1_log.json", stage_log(1, 0))
    write_text(tmp_path / "logs", started(0, 1) + steps((1000, 4000), 1) + record(5, CHECK.format(1)), 5)
    (tmp_path / "stage_1_step_5000.thalia").write_bytes(plain(metadata(5000, 1)))
    (point,) = read(tmp_path).checkpoints
    assert (point.file, point.step, point.week) == ("stage_1_step_5000.thalia", 5000, 2)
    assert point.metrics == {"loss": 0.123}
    write_text(tmp_path / "logs", started(0, 1) + steps((1000, 6000), 1), 2)
    assert [point.step for point in read(tmp_path).checkpoints] == [5000, 6000]


def test_what_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    """Between two changes the same answer is given; a change is seen, and so is a file that goes away."""
    write_json(tmp_path, "stage_1_log.json", stage_log(1, 0, 9, step_metrics=logged((1000,), 1)))
    (tmp_path / "a.thalia").write_bytes(plain(metadata(5000, 1)))
    discovery = Discovery(tmp_path)
    look, run = discovery.look(), discovery.composed()
    assert discovery.composed() is run
    assert discovery.look() == look
    (tmp_path / "a.thalia").unlink()
    assert discovery.look().version != look.version
    assert [point.step for point in discovery.composed().checkpoints] == [1000]
    assert discovery.composed().stretches[0].lines is run.stretches[0].lines


def test_a_save_fails_by_waiting(tmp_path: Path) -> None:
    """An unwritten checkpoint becomes a failed one as time passes, and the version tells of it."""
    path = tmp_path / "stage_0_step_0.thalia"
    path.write_bytes(bytes(256))
    os.utime(path, (1000, 1000))
    now = [1001.0]
    discovery = Discovery(tmp_path, clock=lambda: now[0])
    assert discovery.composed().problems == ()
    look = discovery.look()
    now[0] = 1000 + 601
    assert discovery.look().version != look.version
    assert [problem.file for problem in discovery.composed().problems] == [path.name]


def test_other_files_and_pipes_are_left_alone(tmp_path: Path) -> None:
    """Files of no known name, a pipe with a known one, and folders are not opened."""
    (tmp_path / "notes.json").write_text("{")
    os.mkfifo(tmp_path / "curriculum_training.log")
    (tmp_path / "stage_1_log.json").mkdir()
    assert read(tmp_path) == Composed()


def test_a_directory_that_goes_away_is_an_empty_run(tmp_path: Path) -> None:
    """Discovery itself never raises; whether the directory is there is for the run to say."""
    folder = tmp_path / "run"
    write_json(folder, "stage_1_log.json", stage_log(1, 0))
    discovery = Discovery(folder)
    assert discovery.composed().checkpoints
    shutil.rmtree(folder)
    assert discovery.composed() == Composed()


def test_a_resume_within_a_stage_tells_of_the_newest_attempt(tmp_path: Path) -> None:
    """Where the step goes back within a stage, progress is that of what was logged last."""
    steps_taken = logged((1000, 3000, 2000), 1)
    write_json(tmp_path, "stage_1_log.json", stage_log(1, 0, 9, step_metrics=steps_taken))
    assert read(tmp_path).checkpoints[-1].step == 2000
