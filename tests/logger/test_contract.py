from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thalia_monitor import load_training_state
from thalia_monitor.logger import CurriculumLogger

TICKS = count(1_765_200_000)


def make(directory: Path, **options: Any) -> CurriculumLogger:
    """A logger of the documented files alone; the clock moves on a second each time it is read."""
    return CurriculumLogger(
        directory,
        console_log=False,
        file_log=False,
        json_log=True,
        clock=lambda: float(next(TICKS)),
        **options,
    )


@pytest.fixture
def logger(tmp_path: Path) -> CurriculumLogger:
    """A logger in stage -1, planned for 4 weeks."""
    logger = make(tmp_path)
    logger.log_stage_start(-1, {"duration_weeks": 4})
    return logger


def lines(logger: CurriculumLogger, kind: str | None = "metrics") -> list[dict[str, Any]]:
    """The log's lines of one kind, without their timestamps; None for all."""
    read = [json.loads(line) for line in (logger.log_dir / "training_log.json").read_bytes().splitlines()]
    assert all(isinstance(line.pop("timestamp"), float) for line in read)
    return [line for line in read if kind in (None, line.get("event_type", "metrics"))]


def metadata(logger: CurriculumLogger) -> list[dict[str, Any]]:
    """All metadata, by name."""
    return [json.loads(path.read_bytes()) for path in sorted(logger.log_dir.glob("metadata_*.json"))]


def test_a_step_is_a_metric_line(logger: CurriculumLogger) -> None:
    """With its regions, and with any metric of any name."""
    metrics = {
        "firing_rate": 0.1,
        "task/reaching_accuracy": np.float32(0.5),
        "loss": float("nan"),
        "healthy": True,
        "neuron_counts": {"cortex": np.int64(1600)},
        "capacity_by_region": {"cortex": 0.5},
    }
    logger.log_training_step(1_000, metrics)

    (line,) = lines(logger)
    assert np.isnan(line.pop("loss"))
    assert line == {
        "step": 1_000,
        "firing_rate": 0.1,
        "task/reaching_accuracy": 0.5,
        "healthy": 1,
        "neuron_counts": {"cortex": 1600},
        "capacity_by_region": {"cortex": 0.5},
    }


def test_a_metric_cannot_pass_itself_off_as_the_lines_own_fields(logger: CurriculumLogger) -> None:
    """A metric called ``step`` or ``event_type`` is written under another name."""
    logger.log_training_step(5, {"step": 7, "event_type": "growth", "timestamp": 1.0, "loss": 0.5})

    assert lines(logger) == [
        {"step": 5, "metric_step": 7, "metric_event_type": "growth", "metric_timestamp": 1.0, "loss": 0.5}
    ]


def test_every_event_reaches_the_log(logger: CurriculumLogger) -> None:
    """Under the documented names, in the order in which things happened."""
    logger.log_growth_event("cortex", 210, "Capacity 0.86", step=900, new_total=1810)
    logger.log_consolidation("NREM", 120, 45.2, step=1_000)
    logger.log_consolidation("REM", 96, step=1_001, duration_steps=2_000)
    logger.log_milestone_evaluation(-1, {"reaching_accuracy": np.bool_(False)}, week=4, step=1_002)
    logger.log_stage_extension(-1, 2, "Reaching below threshold")
    logger.log_warning("Theta unstable", "critical", step=1_003)
    logger.log_stage_end(-1)
    logger.log_transition(-1, 0)

    assert lines(logger, None)[1:] == [
        {
            "step": 900,
            "event_type": "growth",
            "region": "cortex",
            "neurons_added": 210,
            "new_total": 1810,
            "reason": "Capacity 0.86",
        },
        {
            "step": 1_000,
            "event_type": "consolidation",
            "sleep_stage": "NREM",
            "patterns_replayed": 120,
            "duration_seconds": 45.2,
        },
        {
            "step": 1_001,
            "event_type": "consolidation",
            "sleep_stage": "REM",
            "patterns_replayed": 96,
            "duration_steps": 2_000,
        },
        {
            "step": 1_002,
            "event_type": "milestone",
            "stage": -1,
            "week": 4,
            "results": {"reaching_accuracy": False},
        },
        {
            "step": 0,
            "event_type": "extension",
            "stage": -1,
            "additional_weeks": 2,
            "reason": "Reaching below threshold",
        },
        {"step": 1_003, "event_type": "warning", "severity": "critical", "message": "Theta unstable"},
        {"step": 0, "event_type": "stage_end", "stage": -1},
        {
            "step": 0,
            "event_type": "transition",
            "old_stage": -1,
            "new_stage": 0,
            "reason": "Milestones passed",
        },
    ]


def test_an_event_without_a_step_stands_at_the_newest(logger: CurriculumLogger) -> None:
    """So that a chart can place it."""
    logger.log_training_step(1_234, {"loss": 0.5})
    logger.log_growth_event("cortex", 210, "Capacity 0.86")

    assert lines(logger, "growth")[0]["step"] == 1_234


def test_a_regions_new_size_follows_from_what_is_known(logger: CurriculumLogger) -> None:
    """From logged counts and growth since; a region that was never counted has none."""
    logger.log_growth_event("cortex", 10, "unknown")
    logger.log_training_step(1, {"neuron_counts": {"cortex": 1600}})
    logger.log_growth_event("cortex", 100, "first")
    added: Any = np.int64(50)
    logger.log_growth_event("cortex", added, "second")
    logger.log_growth_event("thalamus", 50, "given", new_total=450)
    logger.log_growth_event("thalamus", 5, "after it")

    assert [line.get("new_total") for line in lines(logger, "growth")] == [None, 1700, 1750, 450, 455]


def test_health_warnings_are_told_when_a_limit_is_passed_anew(logger: CurriculumLogger) -> None:
    """Not at every step that is over it; the newest metadata list those that hold."""
    for step, rate in enumerate((0.35, 0.36, 0.1, 0.34), 1):
        logger.log_training_step(1_000 * step, {"firing_rate": rate})

    assert [(line["step"], line["message"]) for line in lines(logger, "warning")] == [
        (1_000, "High firing rate: 0.350"),
        (4_000, "High firing rate: 0.340"),
    ]
    assert [each["warnings"] for each in metadata(logger)[1:]] == [
        [{"severity": "warning", "message": "High firing rate: 0.350"}],
        [{"severity": "warning", "message": "High firing rate: 0.360"}],
        [],
        [{"severity": "warning", "message": "High firing rate: 0.340"}],
    ]


def test_a_raised_warning_is_listed_in_the_next_metadata_only(logger: CurriculumLogger) -> None:
    """Warnings come and go."""
    logger.log_warning("Memory pressure 0.80", "info")
    logger.log_training_step(1_000, {"loss": 0.5})
    logger.log_training_step(2_000, {"loss": 0.5})

    assert [each["warnings"] for each in metadata(logger)[1:]] == [
        [{"severity": "info", "message": "Memory pressure 0.80"}],
        [],
    ]


def test_metadata_say_where_training_is(logger: CurriculumLogger) -> None:
    """All documented fields, with the newest value of each metric and no made-up ones."""
    logger.log_training_step(1_000, {"loss": 0.5, "capacity": 0.7, "note": "warm"}, week=1)
    logger.log_milestone_evaluation(-1, {"reaching_accuracy": True}, week=2, step=1_000)
    logger.log_stage_extension(-1, 2, "slow")
    logger.log_training_step(2_000, {"loss": 0.4})

    newest = metadata(logger)[-1]
    assert newest.pop("training_time_seconds") > 0
    assert newest.pop("timestamp") > 1_765_200_000
    assert newest == {
        "current_stage": -1,
        "step": 2_000,
        "current_week": 2,
        "total_weeks": 6,
        "metrics": {"loss": 0.4, "capacity": 0.7},
        "milestones": {"reaching_accuracy": True},
        "warnings": [],
    }


def test_the_week_may_come_with_the_metrics(logger: CurriculumLogger) -> None:
    """Under the documented names, which are then no metrics."""
    logger.log_training_step(1_000, {"loss": 0.5, "current_week": 3, "total_weeks": 8})

    assert lines(logger) == [{"step": 1_000, "loss": 0.5}]
    assert [metadata(logger)[-1][name] for name in ("current_week", "total_weeks")] == [3, 8]


def test_metadata_are_written_when_something_changes_and_every_so_many_steps(tmp_path: Path) -> None:
    """At stage start and end, at the first step, at a milestone evaluation, and once in each interval."""
    logger = make(tmp_path, metadata_interval=100)
    logger.log_stage_start(0, {})
    assert [each["step"] for each in metadata(logger)] == [0]
    for step in range(30, 331, 30):
        logger.log_training_step(step, {"loss": 0.5})
    assert [each["step"] for each in metadata(logger)] == [0, 30, 120, 210, 300]
    logger.log_milestone_evaluation(0, {"no_silence": True})
    assert [each["step"] for each in metadata(logger)][-1] == 330
    logger.log_training_step(340, {"loss": 0.5})
    logger.log_stage_end(0)
    assert [each["step"] for each in metadata(logger)][-1] == 340


def test_a_new_stage_begins_with_nothing_passed_and_its_own_metrics(logger: CurriculumLogger) -> None:
    """What the stage before had learned is not said of the next."""
    logger.log_training_step(1_000, {"loss": 0.5, "reaching_accuracy": 0.9})
    logger.log_milestone_evaluation(-1, {"reaching_accuracy": True}, week=4)
    logger.log_stage_start(0, {"duration_weeks": 8})
    logger.log_training_step(1_001, {"loss": 0.6})

    newest = metadata(logger)[-1]
    assert (newest["current_stage"], newest["current_week"], newest["total_weeks"]) == (0, 0, 8)
    assert (newest["milestones"], newest["metrics"]) == ({}, {"loss": 0.6})


def test_steps_count_on_where_a_script_starts_again_at_each_stage(tmp_path: Path) -> None:
    """Thalia's own demo does: the run is one line, and its newest metadata are the newest stage's."""
    logger = make(tmp_path)
    for stage in (-1, 0, 1):
        logger.log_stage_start(stage, {})
        for step in range(1, 2_001, 500):
            logger.log_training_step(step, {"loss": 0.5})
        logger.log_growth_event("cortex", 10, "r", step=2_000)
        logger.log_stage_end(stage)

    steps = [line["step"] for line in lines(logger)]
    assert steps == sorted(set(steps))
    state = load_training_state(tmp_path)
    assert (state.current_stage, state.current_step) == (1, steps[-1])
    assert len(state.history.segments) == 1


def test_a_later_process_goes_on_where_the_earlier_one_was(tmp_path: Path) -> None:
    """Same stage: its week, extended plan, checklist and training time are taken over, nothing is overwritten."""
    first = make(tmp_path)
    first.log_stage_start(-1, {"duration_weeks": 4})
    first.log_training_step(1_000, {"loss": 0.5}, week=3)
    first.log_stage_extension(-1, 2, "slow")
    first.log_milestone_evaluation(-1, {"reaching_accuracy": True})
    before = metadata(first)[-1]

    second = make(tmp_path)
    second.log_stage_start(-1, {"duration_weeks": 4})
    second.log_training_step(1_500, {"loss": 0.4})

    newest = metadata(second)[-1]
    assert [newest[name] for name in ("step", "current_week", "total_weeks")] == [1_500, 3, 6]
    assert newest["milestones"] == {"reaching_accuracy": True}
    assert newest["training_time_seconds"] > before["training_time_seconds"]
    assert [line["step"] for line in lines(second)] == [1_000, 1_500]


def test_a_resume_from_an_earlier_step_makes_the_present_the_newest(tmp_path: Path) -> None:
    """Metadata beyond it are set aside, and new ones are written at once."""
    first = make(tmp_path)
    first.log_stage_start(-1, {})
    for step in range(1_000, 6_001, 1_000):
        first.log_training_step(step, {"loss": 1_000 / step})

    second = make(tmp_path)
    second.log_stage_start(-1, {})
    second.log_training_step(4_100, {"loss": 0.9})

    assert [each["step"] for each in metadata(second)] == [0, 1_000, 2_000, 3_000, 4_000, 4_100]
    state = load_training_state(tmp_path)
    assert (state.current_step, state.metrics["loss"]) == (4_100, 0.9)
    assert [segment.kind for segment in state.history.segments] == ["start", "resume"]


def test_metadata_of_somebody_else_are_neither_read_nor_touched(tmp_path: Path) -> None:
    """Nor do strange contents under the logger's own names stop it."""
    (tmp_path / "metadata_9.json").write_text('{"step": 9, "current_stage": 5}')
    (tmp_path / "metadata_000000000007.json").write_text('{"step": "x", "metrics": 3, "current_stage": []}')
    logger = make(tmp_path)
    logger.log_stage_start(0, {})
    logger.log_training_step(8, {"loss": 0.5})

    assert (tmp_path / "metadata_9.json").exists()
    assert logger.write_errors == 0


@dataclass
class StageConfig:
    """As Thalia's trainer has it: an object, not a mapping."""

    duration_weeks: int
    success_criteria: dict[str, float]


def test_a_configuration_may_be_an_object(tmp_path: Path) -> None:
    """The docstring of Thalia's class passes one, which its code then cannot take."""
    logger = make(tmp_path)
    logger.log_stage_start(0, StageConfig(8, {"mnist_accuracy": 0.95}))

    (line,) = lines(logger, "stage_start")
    assert line["config"] == {"duration_weeks": 8, "success_criteria": {"mnist_accuracy": 0.95}}
    assert metadata(logger)[-1]["total_weeks"] == 8


def test_the_monitor_reads_what_the_logger_writes(tmp_path: Path) -> None:
    """Without a problem, page by page."""
    logger = make(tmp_path)
    logger.log_stage_start(0, {"duration_weeks": 8, "success_criteria": {"mnist_accuracy": 0.95}})
    for step in range(0, 5_001, 500):
        regions = {"neuron_counts": {"cortex": 1600 + step}, "capacity_by_region": {"cortex": 0.5}}
        core = {"firing_rate": 0.1, "capacity": 0.5, "performance": 0.6, "loss": 0.4}
        logger.log_training_step(step, core | regions, week=2)
    logger.log_growth_event("cortex", 100, "Capacity 0.86")
    logger.log_consolidation("NREM", 120, duration_steps=5_000)
    logger.log_warning("Theta unstable", "critical")
    logger.log_milestone_evaluation(0, {"mnist_accuracy": True}, week=3)

    state = load_training_state(tmp_path)
    assert list(state.problems) == []
    assert (state.current_stage, state.current_step, state.current_week, state.total_weeks) == (
        0,
        5_000,
        3,
        8,
    )
    assert state.metrics == {"firing_rate": 0.1, "capacity": 0.5, "performance": 0.6, "loss": 0.4}
    assert list(state.growth_events["new_total"]) == [6_700]
    assert list(state.consolidation_events["duration_steps"]) == [5_000]
    assert [(str(each.severity), each.message) for each in state.warnings] == [("critical", "Theta unstable")]
    assert state.milestones == {"mnist_accuracy": True}
    assert len(state.metrics_history) == 11
