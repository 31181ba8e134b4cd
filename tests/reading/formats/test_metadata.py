from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading.writing import write_metadata
from thalia_monitor.model.records import Checkpoint, HealthWarning, Severity
from thalia_monitor.reading.formats.metadata import LARGEST, MetadataFolder, Unusable, read_checkpoint


def refreshed(folder: MetadataFolder) -> MetadataFolder:
    """The folder, having looked at its files as they are now."""
    folder.refresh({path.name: path.stat() for path in folder.directory.glob("metadata_*.json")})
    return folder


def read(**fields: Any) -> tuple[Checkpoint, list[str]]:
    """A checkpoint with these fields, and the reasons of its problems."""
    reasons: list[str] = []
    content = json.dumps({"step": 1000, **fields}).encode()
    return read_checkpoint(content, "metadata_1.json", 5.0, reasons.append), reasons


def test_a_whole_file_is_a_checkpoint() -> None:
    """Every documented field has its place."""
    checkpoint, reasons = read(
        current_stage=-1,
        current_week=2,
        total_weeks=4,
        metrics={"loss": 0.5, "rates": {"cortex": 0.1}},
        milestones={"mnist_accuracy": True, "gaze_following": False},
        warnings=["Subcritical: branching ratio 0.7"],
        training_time_seconds=60,
    )
    assert reasons == []
    assert checkpoint == Checkpoint(
        "metadata_1.json",
        1000,
        -1.0,
        2.0,
        4.0,
        {"loss": 0.5, "rates/cortex": 0.1},
        {"mnist_accuracy": True, "gaze_following": False},
        (HealthWarning(Severity.WARNING, "Subcritical: branching ratio 0.7"),),
        60.0,
        5.0,
    )


def test_what_is_absent_or_null_is_none_and_never_zero() -> None:
    """Only the step is required."""
    nothing = dict.fromkeys(
        ["current_stage", "current_week", "metrics", "milestones", "warnings", "training_time_seconds"]
    )
    for fields in ({}, nothing, {"metrics": {"loss": None, "flag": True}, "milestones": {"x": None}}):
        checkpoint, reasons = read(**fields)
        assert checkpoint == Checkpoint("metadata_1.json", 1000, modified=5.0)
        assert reasons == []


def test_a_metric_that_is_not_finite_was_saved_as_such() -> None:
    """Python's json writes NaN as a bare word."""
    checkpoint, _ = read(metrics={"loss": float("inf")})
    assert checkpoint.metrics["loss"] == float("inf")


@pytest.mark.parametrize(
    "fields",
    [
        {"current_stage": "one"},
        {"current_week": [1]},
        {"total_weeks": float("nan")},
        {"metrics": 5},
        {"metrics": {"loss": "low"}},
        {"milestones": ["x"]},
        {"milestones": {"x": 0.42}},
        {"warnings": "one"},
        {"warnings": [5]},
        {"warnings": [{"severity": "info"}]},
        {"training_time_seconds": "an hour"},
        {"training_time_seconds": 1e300},
        {"training_time_seconds": -1},
    ],
)
def test_a_field_of_the_wrong_type_is_one_problem_and_costs_only_itself(fields: dict[str, Any]) -> None:
    """The checkpoint stands without it."""
    checkpoint, reasons = read(**fields, other=1)
    assert checkpoint.step == 1000
    assert len(reasons) == 1
    assert str(next(iter(fields))).removesuffix("s") in reasons[0]


def test_only_true_passes_a_milestone() -> None:
    """A number or a text is reported and counts as not passed."""
    checkpoint, _ = read(milestones={"a": True, "b": 1, "c": "yes", "d": False})
    assert checkpoint.milestones == {"a": True, "b": False, "c": False, "d": False}


def test_a_warning_may_be_an_object_with_its_own_severity() -> None:
    """It wins over what the text would say; an unknown one does not."""
    checkpoint, _ = read(
        warnings=[
            {"severity": "Info", "message": "critical"},
            {"severity": "fatal", "message": "x"},
            {"severity": 5, "message": "High capacity: 0.9"},
        ]
    )
    assert [warning.severity.value for warning in checkpoint.warnings] == ["info", "critical", "warning"]


@pytest.mark.parametrize(
    "content",
    [
        *("", "\0\0\0", "null", "[]", "5", '{"step": 1', "{", "garbage", "[" * 10_000, "{}"),
        *('{"step": null}', '{"step": -1}', '{"step": true}', '{"step": "1"}'),
        '{"step": 1' + "0" * 5000 + "}",
    ],
)
def test_a_file_that_is_no_checkpoint_is_a_problem(tmp_path: Path, content: str) -> None:
    """Empty, torn, null, a list, nested beyond measure, or without a step: a reason, no exception."""
    (tmp_path / "metadata_1.json").write_text(content)
    folder = refreshed(MetadataFolder(tmp_path))
    assert folder.checkpoints == ()
    assert [problem.file for problem in folder.problems] == ["metadata_1.json"]


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    """No checkpoint's metadata has 16 MB."""
    with (tmp_path / "metadata_1.json").open("wb") as file:
        file.truncate(LARGEST + 1)
    folder = refreshed(MetadataFolder(tmp_path))
    assert "larger than 16 MB" in folder.problems[0].reason
    assert folder.bytes_read == 0


def test_each_file_is_parsed_once_for_each_time_it_is_written(tmp_path: Path) -> None:
    """Thousands of old checkpoints cost their status only."""
    for step in range(50):
        write_metadata(tmp_path, str(step), step)
    folder = refreshed(MetadataFolder(tmp_path))
    before, points = folder.bytes_read, folder.checkpoints
    assert refreshed(folder).checkpoints is points
    assert folder.bytes_read == before
    path = write_metadata(tmp_path, "50", 50)
    refreshed(folder)
    assert folder.bytes_read - before == path.stat().st_size


def test_a_half_written_file_keeps_its_last_good_reading(tmp_path: Path) -> None:
    """Until it is whole again, with a problem that says so."""
    path = write_metadata(tmp_path, "1", 1000, metrics={"loss": 0.5})
    folder = refreshed(MetadataFolder(tmp_path))
    path.write_text('{"step": 2000, "metr')
    assert [point.step for point in refreshed(folder).checkpoints] == [1000]
    assert folder.problems[0].reason.endswith("the last good reading of it is shown")
    path.write_text('{"step": 2000}')
    assert [point.step for point in refreshed(folder).checkpoints] == [2000]
    assert folder.problems == ()


def test_a_deleted_file_is_forgotten(tmp_path: Path) -> None:
    """A trainer keeps only its last few checkpoints."""
    paths = [write_metadata(tmp_path, str(step), step) for step in (1, 2)]
    folder = refreshed(MetadataFolder(tmp_path))
    paths[0].unlink()
    assert [point.step for point in refreshed(folder).checkpoints] == [2]


def test_checkpoints_are_ordered_by_step_then_time(tmp_path: Path) -> None:
    """The file's name has no say."""
    for label, step, modified in (("z", 1, 30), ("b", 2, 20), ("a", 2, 10)):
        os.utime(write_metadata(tmp_path, label, step), (modified, modified))
    folder = refreshed(MetadataFolder(tmp_path))
    assert [point.file for point in folder.checkpoints] == [
        "metadata_z.json",
        "metadata_a.json",
        "metadata_b.json",
    ]


@given(st.binary(max_size=100))
def test_random_bytes_are_never_more_than_unusable(content: bytes) -> None:
    """No other exception comes out of a file."""
    try:
        read_checkpoint(content, "x", 0.0, lambda _: None)
    except Unusable as error:
        assert str(error)


@given(
    st.dictionaries(
        st.sampled_from(["step", "current_stage", "metrics", "milestones", "warnings", "current_week"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
            max_leaves=6,
        ),
    )
)
def test_wrong_types_anywhere_never_raise(fields: dict[str, Any]) -> None:
    """The checkpoint is made of what can be used."""
    try:
        read_checkpoint(json.dumps(fields).encode(), "x", 0.0, lambda _: None)
    except Unusable as error:
        assert "step" in str(error)
