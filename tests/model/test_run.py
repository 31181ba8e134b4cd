"""What a training state promises those who use it: each attribute of the documented table."""

from __future__ import annotations

import dataclasses
import math
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.screen import words
from tests.support import Run, line
from thalia_monitor import load_training_state
from thalia_monitor.analysis import report
from thalia_monitor.analysis.comparison import run_values
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.model.history import Column, History, Segment
from thalia_monitor.model.records import Checkpoint, Event, HealthWarning, Severity
from thalia_monitor.model.run import Current, TrainingState
from thalia_monitor.web import api
from thalia_monitor.web.components.metric_cards import metric_cards

REGIONS = {"neuron_counts": {"cortex": 100, "striatum": 50}, "capacity_by_region": {"cortex": 0.5}}


def growth(step: int | None, **fields: Any) -> str:
    """A growth event's line."""
    given = {"region": "cortex", "neurons_added": 10, "new_total": 110, "reason": "capacity"}
    return line(step, event_type="growth", **(given | fields))


def sleep(step: int | None, **fields: Any) -> str:
    """A consolidation event's line."""
    given = {"sleep_stage": "REM", "patterns_replayed": 100, "duration_steps": 2000}
    return line(step, event_type="consolidation", **(given | fields))


def test_an_empty_directory_is_a_state_of_nothing(run: Run) -> None:
    """Nothing is None, 0 or empty, and every table has its documented columns all the same."""
    state = load_training_state(run.directory)
    assert (state.current_stage, state.stage_name) == (None, "Unknown")
    assert (state.current_step, state.current_week, state.total_weeks, state.stage_progress) == (0, 0, 0, 0.0)
    assert (state.metrics, state.metric_deltas, state.capacity_by_region, state.milestones) == (
        {},
        {},
        {},
        {},
    )
    assert (state.warnings, list(state.problems), state.last_update) == ([], [], None)
    assert state.training_duration == timedelta(0)
    for frame in (state.metrics_history, state.neuron_count_history, state.capacity_history):
        assert (list(frame.columns), len(frame)) == (["step", "segment"], 0)
    assert list(state.growth_events) == ["step", "region", "neurons_added", "new_total", "reason"]
    assert list(state.consolidation_events) == ["step", "sleep_stage", "patterns_replayed", "duration_steps"]


@pytest.mark.parametrize(
    ("number", "stage", "name"),
    [
        (-1, -1, "Sensorimotor"),
        (-0.5, -1, "Sensorimotor"),
        (0, 0, "Sensory Foundations"),
        (1, 1, "Object Permanence & Working Memory"),
        (2, 2, "Language & Executive Function"),
        (3, 3, "Reading & Planning"),
        (4, 4, "Abstract Reasoning"),
        (5, 5, "Expert Knowledge"),
        (6, 6, "LLM-Level Capabilities"),
        (9, 9, "Stage 9"),
        (None, None, "Unknown"),
    ],
)
def test_current_stage_and_its_name(run: Run, number: float | None, stage: int | None, name: str) -> None:
    """Stages go by Thalia's table; -0.5 is -1, 0 is never missing, an unknown one is "Stage N"."""
    run.metadata(1, current_stage=number)
    state = load_training_state(run.directory)
    assert (state.current_stage, state.stage_name) == (stage, name)
    assert stage is None or isinstance(state.current_stage, int)


def test_without_a_checkpoint_that_names_it_the_log_tells_the_stage(run: Run) -> None:
    """Its newest start of a stage or transition with a number; a checkpoint that names one counts more."""
    run.append(line(0, event_type="stage_start", stage=-0.5, config={}))
    assert load_training_state(run.directory).current_stage == -1
    run.append(line(5, event_type="transition", old_stage=-1, new_stage=0, reason="passed"))
    for nonsense in (None, "one", True, [1], {"number": 1}):
        run.append(line(6, event_type="stage_start", stage=nonsense))
    run.metadata(7, current_stage=None)
    state = load_training_state(run.directory)
    assert (state.current_stage, state.stage_name) == (0, "Sensory Foundations")
    run.metadata(8, current_stage=2)
    assert load_training_state(run.directory).current_stage == 2


def test_the_scheme_of_2026_numbers_the_stages_differently(run: Run) -> None:
    """From February 2026 on, 0 is Bootstrap and every other stage two further."""
    run.metadata(1, current_stage=0)
    assert load_training_state(run.directory, scheme="2026").stage_name == "Bootstrap"
    run.metadata(2, current_stage=2)
    assert load_training_state(run.directory, scheme="2026").stage_name == "Sensory Foundations"


def test_a_stage_is_remembered_when_a_newer_checkpoint_does_not_say(run: Run) -> None:
    """The stage is that of the newest checkpoint that names one."""
    run.metadata(1, current_stage=3)
    run.metadata(2, current_stage=None)
    assert load_training_state(run.directory).current_stage == 3


def test_current_step_is_the_furthest_of_checkpoint_and_log(run: Run) -> None:
    """Whichever of the two is ahead says where training is."""
    run.metrics(100, 200)
    assert load_training_state(run.directory).current_step == 200
    run.metadata(500)
    assert load_training_state(run.directory).current_step == 500
    run.metrics(600)
    assert load_training_state(run.directory).current_step == 600


def test_after_a_resume_the_step_is_the_one_training_is_at_again(run: Run) -> None:
    """Neither the abandoned lines nor the checkpoint of the abandoned part count."""
    run.metrics(*range(0, 1000, 100))
    run.metadata(900)
    run.metrics(500, 600)
    assert load_training_state(run.directory).current_step == 600


@pytest.mark.parametrize(
    ("week", "total", "progress"),
    [(2, 4, 0.5), (0, 4, 0.0), (6, 4, 1.0), (2.5, 4, 0.625), (2, 0, 0.0), (-1, 4, 0.0), (None, None, 0.0)],
)
def test_stage_progress_is_a_share(
    run: Run, week: float | None, total: float | None, progress: float
) -> None:
    """Week over total weeks, never below 0 nor above 1, and 0 where no file tells it."""
    run.metadata(1, current_week=week, total_weeks=total)
    state = load_training_state(run.directory)
    assert state.stage_progress == progress
    assert (state.current_week, state.total_weeks) == (week or 0, total or 0)


def test_metrics_are_the_newest_checkpoints_and_deltas_are_against_the_one_before(run: Run) -> None:
    """A metric that either of them lacks has no delta, not one from zero."""
    run.metadata(1, metrics={"loss": 0.5, "gone": 1.0})
    run.metadata(2, metrics={"loss": 0.25, "new": 3.0})
    state = load_training_state(run.directory)
    assert state.metrics == {"loss": 0.25, "new": 3.0}
    assert state.metric_deltas == {"loss": -0.25}


def test_a_missing_metric_is_absent_and_never_zero(run: Run) -> None:
    """Not in the metrics, and NaN in the history, on the lines that do not log it."""
    run.metadata(1, metrics={"loss": None})
    run.append(line(1, loss=0.5), line(2, capacity=0.7))
    state = load_training_state(run.directory)
    assert state.metrics == {}
    assert math.isnan(state.metrics_history["loss"].iloc[1])


def test_a_run_without_checkpoints_tells_its_metrics_from_the_log(run: Run) -> None:
    """Each the newest logged value."""
    run.append(line(1, loss=0.5, capacity=0.7), line(2, loss=0.4))
    assert load_training_state(run.directory).metrics == {"loss": 0.4, "capacity": 0.7}


def test_metrics_history_has_a_row_for_each_metric_line_and_none_for_events(run: Run) -> None:
    """``step``, ``segment``, then a float column for each metric; an event is no row of zeros."""
    run.append(line(1, loss=0.5), growth(1), sleep(2), line(3, loss=0.25, dopamine=2))
    frame = load_training_state(run.directory).metrics_history
    assert list(frame.columns) == ["step", "segment", "loss", "dopamine"]
    assert frame["step"].tolist() == [1, 3]
    assert frame["segment"].tolist() == [0, 0]
    assert frame["loss"].tolist() == [0.5, 0.25]
    assert [str(each) for each in frame.dtypes] == ["int64", "int64", "float64", "float64"]


def test_neurons_and_capacity_have_a_column_for_each_region(run: Run) -> None:
    """Over the lines that log any region; a region that a line leaves out is NaN there."""
    run.append(line(1, **REGIONS), growth(2), line(3, loss=1), line(4, neuron_counts={"cortex": 120}))
    state = load_training_state(run.directory)
    neurons, capacity = state.neuron_count_history, state.capacity_history
    assert list(neurons.columns) == ["step", "segment", "cortex", "striatum"]
    assert neurons["step"].tolist() == [1, 4]
    assert neurons["cortex"].tolist() == [100, 120]
    assert math.isnan(neurons["striatum"].iloc[1])
    assert capacity[["step", "cortex"]].values.tolist() == [[1, 0.5]]


def test_capacity_by_region_is_the_newest_line_that_has_any(run: Run) -> None:
    """An event or a line without it behind does not make it vanish; an older line's region does not return."""
    run.append(line(1, capacity_by_region={"cortex": 0.1, "old": 0.2}))
    run.append(line(2, capacity_by_region={"cortex": 0.5}), line(3, loss=0.1), growth(4))
    assert load_training_state(run.directory).capacity_by_region == {"cortex": 0.5}


def test_growth_events_are_a_table_of_whole_numbers(run: Run) -> None:
    """What an event does not say is missing in its row, and the other numbers stay whole."""
    run.append(growth(5), growth(None, reason=None), growth(7, new_total=None))
    frame = load_training_state(run.directory).growth_events
    assert frame["step"].tolist() == [5, pd.NA, 7]
    assert frame["new_total"].tolist() == [110, 110, pd.NA]
    assert frame["region"].tolist() == ["cortex"] * 3
    assert frame["reason"].isna().tolist() == [False, True, False]
    assert [str(frame[name].dtype) for name in ("step", "neurons_added", "new_total")] == ["Int64"] * 3


def test_consolidation_events_are_a_table_of_whole_numbers(run: Run) -> None:
    """In file order, as logged."""
    run.append(sleep(9, sleep_stage="NREM2"), sleep(4))
    frame = load_training_state(run.directory).consolidation_events
    assert frame.values.tolist() == [[9, "NREM2", 100, 2000], [4, "REM", 100, 2000]]


def test_milestones_pass_only_by_true(run: Run) -> None:
    """A number is no verdict, however close to 1 it is."""
    run.metadata(1, milestones={"yes": True, "no": False, "nearly": 0.99})
    assert load_training_state(run.directory).milestones == {"yes": True, "no": False, "nearly": False}


def test_warnings_have_a_severity_and_a_message(run: Run) -> None:
    """A text gets its severity from what Thalia means by it, an object says it."""
    run.metadata(1, warnings=["all well", {"severity": "critical", "message": "silent"}])
    assert load_training_state(run.directory).warnings == [
        HealthWarning(Severity.INFO, "all well"),
        HealthWarning(Severity.CRITICAL, "silent"),
    ]
    assert f"{Severity.CRITICAL}" == "critical"


def test_problems_name_file_line_and_reason(run: Run) -> None:
    """A bad line has its number, a bad file none, and both read as a sentence."""
    run.append(line(1, loss=0.5), "garbage\n")
    (run.directory / "metadata_1.json").write_text("[]")
    state = load_training_state(run.directory)
    places = sorted((each.file, each.line) for each in state.problems)
    assert places == [("metadata_1.json", None), ("training_log.json", 2)]
    assert any(str(each).startswith("training_log.json, line 2: ") for each in state.problems)
    assert state.total_problems == 2


def test_last_update_is_the_newest_files_time_in_utc(run: Run) -> None:
    """Aware, so that no reader can take it for local time."""
    run.metrics(1)
    os.utime(run.log, (1_765_200_000, 1_765_200_000))
    os.utime(run.metadata(1), (1_765_200_060, 1_765_200_060))
    assert load_training_state(run.directory).last_update == datetime(2025, 12, 8, 13, 21, tzinfo=UTC)


def test_training_duration_is_what_the_checkpoint_says_else_the_logs_span(run: Run) -> None:
    """A timedelta; the timestamps serve where no checkpoint tells."""
    run.append(line(1, timestamp=1000.0), line(2, timestamp=1090.0))
    assert load_training_state(run.directory).training_duration == timedelta(seconds=90)
    run.metadata(2, training_time_seconds=3600)
    assert load_training_state(run.directory).training_duration == timedelta(hours=1)


def test_equal_versions_mean_equal_files(run: Run) -> None:
    """The version changes with the log and stays while nothing is written."""
    run.metrics(1)
    first, again = load_training_state(run.directory), load_training_state(run.directory)
    run.metrics(2)
    assert first.version == again.version != load_training_state(run.directory).version


def test_a_state_cannot_be_changed() -> None:
    """Every viewer sees the same one."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingState().name = "another"  # type: ignore[misc]


def test_events_are_counted_and_listed_by_kind() -> None:
    """Kinds nobody foresaw too."""
    events = (Event("growth", 1, {}), Event("lunch", 2, {}), Event("growth", 3, {}))
    state = TrainingState(events=events)
    assert [each.step for each in state.events_of("growth")] == [1, 3]
    assert (state.count_of("growth"), state.count_of("lunch"), state.count_of("sleep")) == (2, 1, 0)


def test_what_is_computed_from_a_state_is_computed_once() -> None:
    """However many charts ask for it."""
    state, computed = TrainingState(), iter([42])
    assert [state.memoized("sum", lambda: next(computed)) for _ in range(3)] == [42, 42, 42]


def test_a_checkpoint_that_counts_steps_tells_progress_and_name_where_no_week_and_no_number_does() -> None:
    """A binary checkpoint may hold ``total_steps`` and a name of its own; weeks and the stage table win."""
    own = Checkpoint("a.thalia", 5, stage_name="Warm-up", progress=0.25)
    state = TrainingState(checkpoints=(own,))
    assert (state.stage_name, state.stage_progress) == ("Warm-up", 0.25)
    state = TrainingState(checkpoints=(dataclasses.replace(own, stage=0, week=1, total_weeks=2),))
    assert (state.stage_name, state.stage_progress) == ("Sensory Foundations", 0.5)


def test_the_current_value_is_the_one_of_the_greatest_step(run: Run) -> None:
    """A metric that turns into text is what the checkpoint after it says."""
    run.append(*(line(step, loss=0.5) for step in range(0, 100, 10)))
    run.append(*(line(step, loss="diverged") for step in range(100, 200, 10)))
    state = load_training_state(run.directory)
    assert state.current("loss") == Current(0.5, 90, None, None, outdated=True)
    now = state.current("loss")
    assert now and now.as_of == "as of step 90"
    run.metadata(190, metrics={"loss": 0.4})
    state = load_training_state(run.directory)
    assert state.current("loss") == Current(0.4, 190, "metadata_190.json", None, outdated=False)
    run.append(line(200, loss=0.3))
    assert load_training_state(run.directory).current("loss") == Current(0.3, 200, None, 0.3 - 0.4, False)


def test_what_a_resume_repeats_is_not_current(run: Run) -> None:
    """Step, metrics and current values are of the same moment: that of the resumed part and what led to it."""
    run.append(*(line(step, loss=0.5, dopamine=step / 100) for step in range(0, 1000, 100)))
    run.metadata(400, metrics={"loss": 0.45})
    run.metadata(900, metrics={"loss": 0.9})
    run.append(line(500, loss=0.6), line(600, loss=0.55))
    state = load_training_state(run.directory)
    assert (state.current_step, state.metrics, state.metrics_step) == (600, {"loss": 0.45}, 400)
    assert state.current("loss") == Current(0.55, 600, None, 0.55 - 0.45, False)
    assert state.current("dopamine") == Current(4.0, 400, None, None, True)


def test_a_value_of_an_earlier_stage_counts_only_where_nothing_else_tells() -> None:
    """Steps that restart with a stage cannot be compared with those of the stage before."""
    step, segment = np.array([9000, 100]), np.array([0, 1])
    history = History(
        step,
        segment,
        np.full(2, np.nan),
        {"loss": Column(np.array([0.5]), np.array([0])), "novelty": Column(np.array([1.0]), np.array([0]))},
        segments=(Segment(0, 0, 9000), Segment(1, 1, 100, "stage")),
    )
    state = TrainingState(history=history, checkpoints=(Checkpoint("m", 50, metrics={"loss": 0.2}),))
    assert state.current("loss") == Current(0.2, 50, "m", None, True)
    assert state.current("novelty") == Current(1.0, 9000, None, None, True)
    assert state.current("absent") is None


def test_every_surface_shows_the_same_current_value(run: Run) -> None:
    """Overview, metric card, status, comparison and API agree, and say which step it is of where that is past."""
    run.append(line(0, loss=0.5, capacity=0.7), line(100, loss="diverged", capacity=0.8))
    run.metadata(50, metrics={"loss": 0.4})
    state = load_training_state(run.directory)
    summary = summarize(state, 0.0)
    assert "Loss 0.4 as of step 50" in report.text(summary)
    assert report.record(summary)["metrics"]["loss"] | {"change": None} == {
        "value": 0.4, "step": 50, "change": None, "over_steps": None, "series": "loss", "unit": "",
    }  # fmt: skip
    assert (run_values(state, "loss", 100).last, run_values(state, "loss", 100).last_step) == (0.4, 50)
    scalars = api.scalars(state)
    assert scalars["current_metrics"]["loss"] == {
        "value": 0.4, "step": 50, "checkpoint": "metadata_50.json",
    }  # fmt: skip
    assert (scalars["current_step"], scalars["metrics_step"]) == (100, 50)
    card = words(metric_cards(state)[3].to_plotly_json())
    assert "as of step 50" in card


@pytest.mark.parametrize("count", [3, 300])
def test_a_metric_logged_as_text_is_named_once(run: Run, count: int) -> None:
    """Numbers in quotes, and texts under the name of a metric; other texts are notes."""
    run.append(*(line(step, accuracy="0.91", reach=0.5, note="fine", loss=0.5) for step in range(count)))
    run.append(*(line(count + step, reach="none", loss="bad", note="3 of 4") for step in range(count)))
    state = load_training_state(run.directory)
    assert sorted((each.line, each.reason) for each in state.problems) == [
        (1, "accuracy should be a number, and is a number in quotes"),
        (count + 1, "loss should be a number, and is a text"),
        (count + 1, "reach should be a number, and is a text"),
    ]
    assert state.total_problems == 3
    run.append(line(1000, accuracy="0.92", loss="bad"))
    assert load_training_state(run.directory).total_problems == 3


def test_metadata_that_hold_a_metric_as_text_are_named_once(run: Run) -> None:
    """The first of the files stands for all."""
    for step in (1, 2, 3):
        run.metadata(step, metrics={"loss": "0.3"})
    problems = load_training_state(run.directory).problems
    assert [(each.file, each.reason) for each in problems] == [
        ("metadata_1.json", "metric 'loss' should be a number, and is a number in quotes")
    ]


def warning(step: int | None, message: object = "Theta unstable", **fields: Any) -> str:
    """A warning event's line."""
    return line(step, event_type="warning", message=message, **fields)


def in_force(run: Run) -> list[tuple[str, str]]:
    """The health warnings of the run as it is now."""
    return [(str(each.severity), each.message) for each in load_training_state(run.directory).warnings]


def test_a_logged_warning_is_in_force_for_ten_thousand_steps(run: Run) -> None:
    """From its line on, without any checkpoint, until a line or a checkpoint is more than that further."""
    run.metrics(0, 1_000)
    run.append(warning(1_000, severity="critical"))
    assert in_force(run) == [("critical", "Theta unstable")]
    run.metrics(11_000)
    assert in_force(run) == [("critical", "Theta unstable")]
    run.metadata(11_001)
    assert in_force(run) == []


def test_a_logged_warning_ends_when_training_resumes(run: Run) -> None:
    """Training went back to before it: whether it is still so, the trainer has not said."""
    run.metrics(0, 1_000)
    run.append(warning(1_000, severity="critical"))
    run.metrics(500, 600)
    assert in_force(run) == []


@pytest.mark.parametrize(
    ("recovery", "left"),
    [
        ("Firing rate back to normal in cortex", ["Firing rate high in striatum: 0.3", "Theta unstable"]),
        ("Theta has recovered", ["Firing rate high in striatum: 0.3", "Firing rate high in cortex: 0.3"]),
        ("Resolved", []),
        (
            "Beta recovered",
            ["Firing rate high in striatum: 0.3", "Firing rate high in cortex: 0.3", "Theta unstable"],
        ),
    ],
)
def test_a_logged_recovery_ends_the_warnings_it_names(run: Run, recovery: str, left: list[str]) -> None:
    """Those that have all its other words; a recovery that names nothing ends all. What is logged later stands."""
    run.metrics(0, 1_000)
    run.append(warning(1_000), warning(1_000, "Firing rate high in cortex: 0.3"))
    run.append(warning(1_001, "Firing rate high in striatum: 0.3"), warning(1_002, recovery, severity="info"))
    assert [message for _, message in in_force(run)] == left
    run.append(warning(1_003, severity="critical"))
    assert in_force(run)[0] == ("critical", "Theta unstable")


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"severity": "info", "message": "critical: weights explode"}, "info"),
        ({"severity": "FATAL", "message": "all fine"}, "critical"),
        ({"message": "critical: weights explode"}, "critical"),
        ({"severity": ["critical"], "message": "Theta unstable"}, "warning"),
        ({"severity": "odd"}, "warning"),
    ],
)
def test_a_logged_warning_is_as_bad_as_it_says(run: Run, fields: dict[str, Any], severity: str) -> None:
    """Its stated severity wins over guessing from words; without one its words count, and it is a warning."""
    run.metrics(0)
    run.append(line(1, event_type="warning", **fields))
    assert [each for each, _ in in_force(run)] == [severity]
    assert load_training_state(run.directory).events[0].fields["severity"] == severity


def test_the_same_warning_counts_once_with_its_newest_numbers(run: Run) -> None:
    """Repeated in the log and listed by a checkpoint: one warning; the checkpoint's others stay."""
    run.metrics(0, 1_000)
    run.metadata(1_000, warnings=["High capacity: 0.80", "Theta unstable"])
    run.append(*(warning(1_000 + n, f"High capacity: 0.8{n}", severity="critical") for n in range(3)))
    assert in_force(run) == [("info", "Theta unstable"), ("critical", "High capacity: 0.82")]
    run.metadata(1_400, warnings=[])
    assert in_force(run) == [("critical", "High capacity: 0.82")]
    run.metadata(1_500, warnings=["High capacity: 0.90"])
    assert in_force(run) == [("warning", "High capacity: 0.90")]


def test_the_documented_severity_wins_over_the_text_logs(tmp_path: Path) -> None:
    """A text log beside the documented one holds the same warning without its severity: it counts once."""
    run = Run(tmp_path)
    run.metrics(0, 1_000, timestamp=1_770_000_000.0)
    run.append(warning(1_000, severity="critical", timestamp=1_770_000_001.0))
    (tmp_path / "curriculum_training.log").write_text(
        "2026-02-02 02:40:00,000 - CurriculumTrainer - INFO - [Step 1000] loss=0.5000\n"
        "2026-02-02 02:40:01,000 - CurriculumTrainer - WARNING - ⚠️  Theta unstable\n"
    )
    assert in_force(run) == [("critical", "Theta unstable")]
