import json
from pathlib import Path
from typing import Any

import pytest

from thalia_monitor.reading.files import FileCache, Torn
from thalia_monitor.reading.formats.stage_log import NAME, read_session, read_stage_log
from thalia_monitor.reading.recording import Recording


def stage_log(**changes: Any) -> dict[str, Any]:
    """One stage as Thalia's logger writes it at the stage's end."""
    return {
        "stage": 1,
        "start_time": 1000.25,
        "end_time": 4600.25,
        "duration_hours": 1.0,
        "config": {
            "duration_weeks": 4,
            "tasks": ["n_back"],
            "success_criteria": {"n_back_2": 0.8, "prediction_error": 0.05, "stable_firing_rates": True},
        },
        "step_metrics": [{"step": 1000, "timestamp": 1001.5, "loss": 0.41, "firing_rate": 0.087}],
        "growth_events": [
            {"step": 940, "timestamp": 1001.4, "region": "cortex", "n_added": 210, "reason": "full"}
        ],
        "consolidation_events": [
            {"step": None, "timestamp": 1001.3, "stage": "REM", "n_patterns": 96, "duration_seconds": 44.1}
        ],
        "milestone_checks": [
            {"step": 1000, "week": 4, "timestamp": 1002.0, "results": {"a": True, "b": False}}
        ],
        "transitions": [{"timestamp": 4600.5, "old_stage": 1, "new_stage": 2, "reason": "Milestones passed"}],
    } | changes


def read(directory: Path, document: Any, name: str = "stage_1_log.json") -> Recording:
    """Write a stage log and read it."""
    path = directory / name
    path.write_text(json.dumps(document, indent=2))
    return read_stage_log(path, name)


def test_steps_become_metric_lines_of_their_stage(tmp_path: Path) -> None:
    """A step entry is a metric line with its metrics, its time and the stage."""
    (line,) = read(tmp_path, stage_log()).lines
    assert (line.step, line.time, line.stage) == (1000, 1001.5, 1)
    assert line.metrics == {"loss": 0.41, "firing_rate": 0.087}


def test_events_take_the_documented_names(tmp_path: Path) -> None:
    """The logger's own field names become the documented ones; events stand in the order of their times."""
    events = read(tmp_path, stage_log()).events
    assert [event.kind for event in events] == [
        "stage_start", "consolidation", "growth", "milestone", "stage_end", "transition",
    ]  # fmt: skip
    _, sleep, growth, check, _, change = events
    assert sleep.step is None
    assert sleep.fields == {"sleep_stage": "REM", "patterns_replayed": 96, "duration_seconds": 44.1}
    assert (growth.step, growth.time) == (940, 1001.4)
    assert growth.fields == {"region": "cortex", "neurons_added": 210, "reason": "full"}
    assert check.fields == {"stage": 1, "week": 4, "results": {"a": True, "b": False}}
    assert change.fields == {"old_stage": 1, "new_stage": 2, "reason": "Milestones passed"}


def test_success_criteria_are_thresholds_unless_they_are_checks(tmp_path: Path) -> None:
    """Numbers among the success criteria are thresholds; true and false are checks without one."""
    assert read(tmp_path, stage_log()).criteria == {"n_back_2": 0.8, "prediction_error": 0.05}


def test_the_stretch_tells_stage_weeks_and_whether_it_ended(tmp_path: Path) -> None:
    """The configured weeks, start and end of the stage are kept; a running stage has no end."""
    stretch = read(tmp_path, stage_log(end_time=None)).stretch
    assert stretch is not None
    assert (stretch.stage, stretch.weeks, stretch.start, stretch.end) == (1, 4, 1000.25, None)


@pytest.mark.parametrize(("name", "stage"), [("stage_-1_log.json", -1), ("stage_-0.5_log.json", -0.5)])
def test_a_stage_missing_inside_is_taken_from_the_name(tmp_path: Path, name: str, stage: float) -> None:
    """The file's name tells the stage where the file itself does not, -0.5 included."""
    recording = read(tmp_path, stage_log(stage=None), name)
    assert recording.stretch is not None
    assert recording.stretch.stage == stage
    assert NAME.fullmatch(name)


def test_the_values_that_matter_most_are_read(tmp_path: Path) -> None:
    """NaN and infinity, which Python writes as bare words, are values of the metric."""
    steps = [{"step": 1, "loss": float("nan"), "x": float("inf")}, {"step": 2, "loss": None}]
    first, second = read(tmp_path, stage_log(step_metrics=steps)).lines
    assert first.metrics["loss"] != first.metrics["loss"]
    assert first.metrics["x"] == float("inf")
    assert second.metrics == {}


def test_nested_metrics_are_flattened_and_regions_kept_apart(tmp_path: Path) -> None:
    """Objects among the metrics are flattened one level; regions are series of their own."""
    entry = {
        "step": 3.0,
        "task_performance": {"reaching": 0.31, "note": "x"},
        "neuron_counts": {"cortex": 128},
        "capacity_by_region": {"cortex": 0.5},
    }
    (line,) = read(tmp_path, stage_log(step_metrics=[entry])).lines
    assert line.step == 3
    assert line.metrics == {"task_performance/reaching": 0.31}
    assert (line.neurons, line.capacity) == ({"cortex": 128}, {"cortex": 0.5})


def test_a_metric_called_timestamp_is_no_time(tmp_path: Path) -> None:
    """A metric of that name overwrites the logger's own field; a time long before the stage's start is none."""
    (line,) = read(tmp_path, stage_log(start_time=1e9, step_metrics=[{"step": 1, "timestamp": 1.0}])).lines
    assert line.time is None


def test_steps_that_cannot_be_placed_are_counted_as_a_problem(tmp_path: Path) -> None:
    """An entry without a usable step is left out and reported."""
    recording = read(tmp_path, stage_log(step_metrics=[{"loss": 1.0}, {"step": "x"}, {"step": 5}]))
    assert [line.step for line in recording.lines] == [5]
    assert [problem.reason for problem in recording.problems] == [
        "2 of its step_metrics have no usable step and are left out"
    ]


@pytest.mark.parametrize("content", ["", "  \n", '{"stage": 1, "step_me', "[1]", "null", '{"a": ' * 100_000])
def test_a_half_written_file_is_torn(tmp_path: Path, content: str) -> None:
    """Whatever is not one whole JSON object is torn, with a reason for the reader."""
    path = tmp_path / "stage_1_log.json"
    path.write_text(content)
    with pytest.raises(Torn) as caught:
        read_stage_log(path, path.name)
    assert caught.value.reason


def test_a_half_written_file_keeps_its_last_good_reading(tmp_path: Path) -> None:
    """While the logger rewrites the file, what it held before is kept, beside a problem that says so."""
    path = tmp_path / "stage_1_log.json"
    cache = FileCache(read_stage_log)
    path.write_text(json.dumps(stage_log()))
    whole = cache.read(path, path.name)
    path.write_text(json.dumps(stage_log())[:300])
    torn = cache.read(path, path.name)
    assert torn.value is whole.value is not None
    assert torn.problem is not None
    assert "half-written" in torn.problem.reason
    assert "last good reading" in torn.problem.reason
    path.write_text(json.dumps(stage_log(step_metrics=[])))
    again = cache.read(path, path.name)
    assert again.problem is None
    assert again.value is not None
    assert again.value.lines == ()


def test_an_unchanged_file_is_not_parsed_twice(tmp_path: Path) -> None:
    """The same version of a file is read once, and a file that is gone is a problem, not an error."""
    path = tmp_path / "a.json"
    path.write_text("{}")
    parsed: list[str] = []
    cache = FileCache(lambda _, name: parsed.append(name))
    cache.read(path, "a.json")
    cache.read(path, "a.json")
    assert parsed == ["a.json"]
    path.write_text("{ }")
    cache.read(path, "a.json")
    assert len(parsed) == 2


def test_a_session_tells_what_its_stages_counted(tmp_path: Path) -> None:
    """A session's summary becomes one end of stage each, with its counts."""
    path = tmp_path / "session_20261123_111602.json"
    stages = {"-1": {"end_time": 9.0, "duration_hours": 2.5, "config": {}, "n_steps": 50, "n_transitions": 1}}
    path.write_text(json.dumps({"session_start_time": 1.0, "stages": stages}))
    (event,) = read_session(path, path.name).events
    assert (event.kind, event.time) == ("stage_end", 9.0)
    assert event.fields == {"stage": -1, "duration_hours": 2.5, "n_steps": 50, "n_transitions": 1}


@pytest.mark.parametrize(
    "document", [{}, {"config": 3, "step_metrics": {"a": 1}, "growth_events": [None, 3]}]
)
def test_an_unexpected_shape_is_read_for_what_it_has(tmp_path: Path, document: Any) -> None:
    """Fields of the wrong kind count as absent; nothing raises."""
    recording = read(tmp_path, document)
    assert recording.lines == ()
    assert [event.kind for event in recording.events] == ["stage_start"]


def test_an_events_field_of_the_wrong_type_is_reported_and_left_out(tmp_path: Path) -> None:
    """The event itself is kept."""
    events = [{"step": 5, "region": "cortex", "n_added": "many", "reason": "full"}]
    recording = read(tmp_path, stage_log(growth_events=events))
    (grown,) = (event for event in recording.events if event.kind == "growth")
    assert grown.fields == {"region": "cortex", "reason": "full"}
    assert [each.reason for each in recording.problems] == [
        "neurons_added should be a whole number, and is a text"
    ]
