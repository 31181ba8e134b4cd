"""Plans of stages: in weeks and in steps, from wherever a configuration stands, with every extension once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

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
from tests.screen import words
from tests.support import ROOT
from tests.web.components.test_header import plain
from thalia_monitor.analysis import report
from thalia_monitor.analysis.pace import Span, steps_left
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.logger import CurriculumLogger
from thalia_monitor.model.run import TrainingState
from thalia_monitor.reading.run_reader import load_training_state
from thalia_monitor.web.components.header import header

FIXTURES = ROOT / "fixtures"


def event(kind: str, step: int, **fields: Any) -> dict[str, Any]:
    """An event's line."""
    return {"step": step, "timestamp": BEGAN + step / 100, "event_type": kind, **fields}


def line(step: int) -> dict[str, Any]:
    """A metric line."""
    return {"step": step, "timestamp": BEGAN + step / 100, "loss": 0.5}


def run(
    folder: Path, *lines: Mapping[str, Any], saved: list[Mapping[str, Any]] | None = None
) -> TrainingState:
    """A documented run of these lines and metadata."""
    (folder / "training_log.json").write_text("".join(json.dumps(each) + "\n" for each in lines))
    for metadata in saved or []:
        (folder / f"metadata_{metadata['step']}.json").write_text(
            json.dumps({"current_stage": 0, **metadata})
        )
    return load_training_state(folder)


def progress(state: TrainingState) -> tuple[float, Span | None]:
    """Stage progress, and the steps left."""
    return round(state.stage_progress, 6), steps_left(state)[0]


def exactly(count: float) -> Span:
    """An amount that is known."""
    return Span(count, count, count)


def test_planned_steps_give_progress_and_time_left() -> None:
    """The fixture is at step 20,000 of 50,000: 40 %, 30,000 steps left, said by header and status."""
    state = load_training_state(FIXTURES / "planned_steps")
    assert progress(state) == (0.4, exactly(30_000))
    assert "Step of stage 20,000/50,000 40%" in words(plain(header(state)))
    summary = summarize(state, state.history.time[-1])
    assert "20,000 of 50,000 steps in this stage" in report.text(summary)
    assert "left in this stage" in report.pace_words(summary)


def test_planned_steps_count_from_the_start_of_the_stage(tmp_path: Path) -> None:
    """Of a second stage only its own steps count; without a known stage, the log's newest start does."""
    first = [event("stage_start", 0, stage=-1, config={"duration_steps": 9000}), line(1000), line(9000)]
    second = [event("stage_start", 9000, stage=0, config={"duration_steps": 4000}), line(10_000)]
    assert progress(run(tmp_path, *first, *second)) == (0.25, exactly(3000))


def test_a_stage_that_is_started_again_from_a_checkpoint_lasts_its_full_steps(tmp_path: Path) -> None:
    """Thalia's trainer trains the whole duration from the checkpoint on: its step is where the stage began."""
    config = {"duration_steps": 20_000}
    lines = [
        *(event("stage_start", 0, stage=0, config=config), line(5000), line(7000)),
        *(event("stage_start", 7000, stage=0, config=config), line(5000), line(10_000)),
    ]
    for number, each in enumerate(lines):
        each["timestamp"] = BEGAN + number
    assert progress(run(tmp_path, *lines)) == (0.25, exactly(15_000))


def test_weeks_that_checkpoints_tell_win_over_planned_steps(tmp_path: Path) -> None:
    """A trainer that counts weeks says how far it is; one that is at week 0 for ever does not."""
    start = event("stage_start", 0, stage=0, config={"duration_steps": 50_000, "duration_weeks": 4})
    state = run(tmp_path, start, line(5000), saved=[{"step": 5000, "current_week": 0, "total_weeks": 4}])
    assert state.stage_progress == 0.1
    state = run(tmp_path, start, line(5000), saved=[{"step": 5000, "current_week": 1, "total_weeks": 4}])
    assert state.stage_progress == 0.25


def test_a_plan_that_is_used_up_says_so(tmp_path: Path) -> None:
    """Beyond the planned steps progress stays at 1, and no time is left."""
    state = run(tmp_path, event("stage_start", 0, stage=0, config={"duration_steps": 900}), line(1000))
    assert state.stage_progress == 1
    assert steps_left(state) == (None, "The stage has reached the end of its 900 planned steps.")


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("counted_on", [False, True])
def test_a_stage_logs_configuration_tells_planned_steps(
    tmp_path: Path, ended: bool, counted_on: bool
) -> None:
    """In Thalia's own stage files, whether steps begin again with the stage or count on."""
    offset = 5000 if counted_on else 0
    write_json(tmp_path, "stage_-1_log.json", stage_log(-1, 0, 9, step_metrics=logged((1000, 5000), 1)))
    own: dict[str, Any] = {"config": {"duration_steps": 10_000}}
    if ended:
        own["step_metrics"] = logged((1000 + offset, 4000 + offset), 21)
    write_json(tmp_path, "stage_0_log.json", stage_log(0, 20, 29 if ended else None, **own))
    text = started(0, -1) + started(20, 0, "?") + steps((1000 + offset, 4000 + offset), 21)
    write_text(tmp_path, text + (record(29, "\n[Stage 0 End] Duration: 0.0 hours\n") if ended else ""), 22)
    assert progress(load_training_state(tmp_path)) == (0.4, exactly(6000))


EXTENSION = "\n[Stage Extension] Stage 0\n  Adding 2 weeks\n  Reason: slow\n"
CHECK = "\n[Milestone Check] Stage 0 Week 4 - 0/1 passed\n  ⚠️  n_back_2\n  Action: EXTENDING STAGE\n"


@pytest.mark.parametrize("ended", [False, True])
def test_an_extension_in_the_text_log_adds_to_the_plan(tmp_path: Path, ended: bool) -> None:
    """Week 4 of 4 becomes 4 of 6, while the stage runs and when its file is complete."""
    checks = [{"step": 1000, "week": 4, "timestamp": BEGAN + 2, "results": {"n_back_2": False}}]
    own = {"step_metrics": logged((1000,), 1), "milestone_checks": checks} if ended else {}
    write_json(tmp_path, "stage_0_log.json", stage_log(0, 0, 9 if ended else None, **own))
    text = started(0, 0) + steps((1000,), 1) + record(2, CHECK) + record(3, EXTENSION, "WARNING")
    write_text(tmp_path, text + (record(9, "\n[Stage 0 End] Duration: 0.0 hours\n") if ended else ""), 9)
    state = load_training_state(tmp_path)
    assert (state.current_week, state.total_weeks) == (4, 6)
    assert "Week 4/6 67%" in words(plain(header(state)))
    assert "week 4 of 6, step" in report.stage_words(summarize(state, BEGAN + 9))


@pytest.mark.parametrize("kind", ["extension", "stage_extension"])
@pytest.mark.parametrize("name", ["additional_weeks", "weeks"])
@pytest.mark.parametrize("start", [{}, {"duration_weeks": 4}])
def test_an_extension_in_the_documented_log_adds_to_the_plan(
    tmp_path: Path, kind: str, name: str, start: dict[str, Any]
) -> None:
    """Where metadata still say 4 of 4, by whatever name the extension is logged, and without a known start."""
    lines = [
        event("stage_start", 0, stage=0, config=start),
        *(line(8000), event(kind, 8000, stage=0, **{name: 2}), line(9000)),
    ]
    state = run(tmp_path, *lines, saved=[{"step": 8000, "current_week": 4, "total_weeks": 4}])
    assert (state.current_week, state.total_weeks) == (4, 6)


@pytest.mark.parametrize("start", [{}, {"duration_weeks": 4}])
def test_an_extension_that_metadata_count_already_counts_once(tmp_path: Path, start: dict[str, Any]) -> None:
    """Metadata that were saved with the extension say 6: 6 it is; a second extension makes it 7."""
    lines = [
        event("stage_start", 0, stage=0, config=start),
        *(line(8000), event("extension", 8000, stage=0, additional_weeks=2), line(9000)),
    ]
    saved: list[Mapping[str, Any]] = [
        {"step": 4000, "current_week": 2, "total_weeks": 4},
        {"step": 9000, "current_week": 5, "total_weeks": 6},
    ]
    assert run(tmp_path, *lines, saved=saved).total_weeks == 6
    more = event("extension", 9500, stage=0, additional_weeks=1)
    assert run(tmp_path, *lines, more, saved=saved).total_weeks == 7


def test_our_own_logger_extends_once(tmp_path: Path) -> None:
    """The drop-in writes the extension into log, text log and metadata: the plan grows by it once."""
    logger = CurriculumLogger(tmp_path, console_output=False)
    logger.log_stage_start(0, {"duration_weeks": 4})
    logger.log_training_step(8000, {"loss": 0.5}, week=4)
    logger.log_stage_extension(0, 2, "slow")
    assert load_training_state(tmp_path).total_weeks == 6
    logger.log_training_step(9000, {"loss": 0.5}, week=5)
    logger.log_stage_extension(0, 1, "slow")
    assert load_training_state(tmp_path).total_weeks == 7


def test_an_extension_of_another_stage_or_an_earlier_attempt_adds_nothing(tmp_path: Path) -> None:
    """The plan is that of the newest start of the current stage."""
    config = {"duration_weeks": 4}
    lines = [
        event("stage_start", 0, stage=0, config=config),
        *(line(1000), event("extension", 1000, stage=0, additional_weeks=2)),
        *(event("stage_start", 1000, stage=0, config=config), line(2000)),
        event("extension", 2000, stage=1, additional_weeks=3),
    ]
    assert run(tmp_path, *lines).total_weeks == 4


def test_an_extension_adds_to_planned_steps(tmp_path: Path) -> None:
    """In steps as Thalia's trainer extends; in weeks where the plan says how many steps a week has."""
    start = event("stage_start", 0, stage=0, config={"duration_steps": 4000})
    state = run(tmp_path, start, line(1000), event("extension", 1000, stage=0, additional_steps=1000))
    assert progress(state) == (0.2, exactly(4000))
    weekly = event("stage_start", 0, stage=0, config={"duration_steps": 4000, "duration_weeks": 4})
    longer = event("extension", 1000, stage=0, additional_weeks=1)
    assert progress(run(tmp_path, weekly, line(1000), longer)) == (0.2, exactly(4000))
    assert steps_left(run(tmp_path, start, line(1000), longer)) == (
        None,
        "The stage was extended by 1 week, and nothing says how many steps a week takes.",
    )


@pytest.mark.parametrize("value", ["many", None, True, -5, float("nan"), [], {}])
def test_a_plan_that_is_no_number_is_none(tmp_path: Path, value: Any) -> None:
    """Neither progress nor an error."""
    config = {"duration_steps": value, "duration_weeks": value}
    lines = [event("stage_start", 0, stage=0, config=config), event("extension", 1, stage=0, weeks=value)]
    state = run(tmp_path, *lines, line(1000))
    assert (state.stage_progress, state.total_weeks) == (0, 0)
    assert state.plan.steps is None
