from typing import Any

import pytest

from fixtures.thalia_files import metadata
from thalia_monitor.reading.formats.binary import Listed, Save, Unfinished
from thalia_monitor.reading.formats.checkpoints import BinaryFile, recordings_of
from thalia_monitor.reading.recording import Recording

NOW = 2_000_000_000.0


def saved(name: str, step: int, second: int, stage: float | None = -1, **more: Any) -> BinaryFile:
    """One readable checkpoint, saved at that second."""
    fields = metadata(step, stage, timestamp=f"2025-12-12T09:15:{second:02d}") | more
    return BinaryFile(f"{name}.thalia", float(second), Save(fields, 0, 0, 0))


def together(*files: BinaryFile) -> Recording:
    """Put checkpoints together that need no recording of their own."""
    (recording,) = recordings_of(files, "*.thalia", NOW)
    return recording


def test_checkpoints_stand_in_the_order_of_saving() -> None:
    """Names do not order checkpoints: the time of saving does, and the step is the global one."""
    recording = together(saved("stage_-1_final", 12000, 3), saved("stage_-1_step_10000", 10000, 2))
    assert [point.step for point in recording.checkpoints] == [10000, 12000]
    assert (recording.source.records, recording.source.first_step, recording.source.last_step) == (
        2,
        10000,
        12000,
    )


def test_a_resume_supersedes_the_steps_that_it_repeats() -> None:
    """A lower step saved later throws away the higher ones before it, and the source says how many."""
    recording = together(
        saved("stage_-1_step_5000", 5000, 1),
        saved("stage_-1_step_10000", 10000, 2),
        saved("stage_0_final", 18000, 3, None),
        saved("stage_-1_step_0", 5000, 4),
        saved("manual_step_5001", 5001, 5),
    )
    assert [point.file for point in recording.checkpoints] == [
        "stage_-1_step_5000.thalia", "stage_-1_step_0.thalia", "manual_step_5001.thalia",
    ]  # fmt: skip
    assert recording.source.note == "2 superseded by a resume"
    assert recording.source.last_step == 18000


def test_saves_of_the_same_second_are_ordered_by_step() -> None:
    """The header and many disks tell whole seconds only: the higher step is the later save, not a resume."""
    recording = together(saved("b", 5000, 7), saved("a", 10000, 7), saved("c", 15000, 8))
    assert [point.step for point in recording.checkpoints] == [5000, 10000, 15000]
    assert "superseded" not in recording.source.note
    late, early = "2025-12-12T09:15:07.900", "2025-12-12T09:15:07.100"
    recording = together(saved("b", 5000, 7, timestamp=late), saved("a", 10000, 7, timestamp=early))
    assert [point.step for point in recording.checkpoints] == [5000, 10000]


@pytest.mark.parametrize(
    ("name", "stage", "step", "expected"),
    [
        ("stage_0_step_5000", None, 17000, 0),
        ("checkpoints/stage_0_final", None, 0, 0),
        ("stage_-0.5_step_0", None, 0, -0.5),
        ("stage_0_final", 1, 100, 1),
        ("manual_step_70", None, 70, 0),
        ("manual_step_0", None, 0, None),
    ],
)
def test_stage_zero_is_recovered(name: str, stage: float | None, step: int, expected: float | None) -> None:
    """Null means stage 0 once anything was trained; the name tells it where it can; a number always wins."""
    (point,) = together(saved(name, step, 1, stage)).checkpoints
    assert point.stage == expected


def test_what_callers_added_is_used() -> None:
    """Metrics, milestones, weeks and neurons by region are taken where the metadata hold them."""
    recording = together(
        saved(
            *("stage_1_step_0", 400, 1, 1),
            metrics={"loss": 0.4, "note": "x"},
            milestones={"n_back_2": True, "odd": 0.42},
            regions={"cortex": {"n_neurons": 128}, "pfc": {}},
            current_week=3,
            total_weeks=8,
        )
    )
    (point,) = recording.checkpoints
    assert (point.metrics, point.milestones) == ({"loss": 0.4}, {"n_back_2": True})
    assert (point.week, point.total_weeks) == (3, 8)
    (line,) = recording.lines
    assert (line.step, line.metrics, line.neurons) == (400, {"loss": 0.4}, {"cortex": 128})
    assert line.stage is None


def test_totals_of_the_header_are_metrics() -> None:
    """Neurons and synapses of the header are metrics, unless they are the 0 that stands for unknown."""
    (recording,) = recordings_of([BinaryFile("a.thalia", 1.0, Save(metadata(5), 1, 700, 0))], "*.thalia", NOW)
    assert recording.lines[0].metrics == {"total_neurons": 700}


def test_growth_is_read_in_both_shapes_and_once() -> None:
    """Either shape of growth takes the documented names; what every checkpoint repeats is one event."""
    old = {"timestamp": "2025-12-08T20:00:00+00:00", "region": "pfc", "neurons_added": 8, "new_size": 40}
    new = {
        "timestamp": "2025-12-08T21:00:00",
        "component_name": "cortex",
        "n_neurons_added": 20,
        "reason": "full",
    }
    events = together(
        saved("stage_-1_step_0", 0, 1, growth_history=[old]),
        saved("stage_-1_step_5000", 5000, 2, growth_history=[old, new]),
    ).events
    assert [event.fields for event in events] == [
        {"region": "pfc", "neurons_added": 8, "new_total": 40},
        {"region": "cortex", "neurons_added": 20, "reason": "full"},
    ]
    assert [(event.step, event.time) for event in events] == [(None, 1765224000.0), (None, 1765227600.0)]


def test_ended_stages_and_safety_saves_are_events() -> None:
    """The training history tells ended stages, each once; an emergency stop is a critical warning."""
    history = [{"stage": -1, "success": True, "total_steps": 12000}]
    events = together(
        saved("a", 12000, 1, 0, training_history=history),
        saved("b", 13000, 2, 0, training_history=history, checkpoint_reason="emergency_stop_theta"),
    ).events
    assert [(event.kind, event.step) for event in events] == [("stage_end", None), ("warning", 13000)]
    assert events[1].fields == {
        "severity": "critical",
        "message": "Checkpoint saved for emergency stop theta",
    }


def test_a_young_unwritten_header_is_a_save_under_way() -> None:
    """Unwritten for less than ten minutes is a note; for longer, a problem."""
    young, old = (
        BinaryFile("new.thalia", NOW - 5, Unfinished()),
        BinaryFile("old.thalia", NOW - 601, Unfinished()),
    )
    recording = together(young, old)
    assert recording.source.note == "1 being written"
    assert [problem.file for problem in recording.problems] == ["old.thalia"]
    assert "failed" in recording.problems[0].reason


def test_files_that_are_not_opened_are_listed() -> None:
    """A file that is not opened is a source of its own, with its step if known, and a problem."""
    (listed,) = recordings_of([BinaryFile("d.delta.thalia", 1.0, Listed("is a delta", 600))], "*.thalia", NOW)
    assert (listed.source.file, listed.source.last_step, listed.source.note) == (
        "d.delta.thalia",
        600,
        "listed only",
    )
    assert listed.problems[0].reason == "is a delta"


def test_regions_of_the_newest_are_told() -> None:
    """The regions that the newest checkpoint's index names stand in the source's note."""
    (recording,) = recordings_of(
        [BinaryFile("a.thalia", 1.0, Save(metadata(5), 1, 0, 0, ("cortex", "pfc"), complete=False))],
        "*.thalia",
        NOW,
    )
    assert recording.source.note == "1 without checksum yet; regions cortex, pfc"


def test_what_the_notebooks_monitor_looks_for_is_used_where_it_is_there() -> None:
    """A stage's name, and steps out of a total: no writer of Thalia's sets them, a caller may."""
    (point,) = together(saved("mine", 250, 1, None, stage_name="Warm-up", total_steps=1000)).checkpoints
    assert (point.stage_name, point.progress) == ("Warm-up", 0.25)
    (point,) = together(saved("mine", 250, 1, None, total_steps=0, stage_name=5)).checkpoints
    assert (point.stage_name, point.progress) == ("", None)


def test_growth_of_the_wrong_type_is_reported_once_however_many_checkpoints_repeat_it() -> None:
    """The growth itself is kept."""
    history = [{"region": "cortex", "neurons_added": 1.5, "reason": "full"}]
    recording = together(*(saved(f"{at}", at, at, growth_history=history) for at in (1, 2, 3)))
    assert [event.fields for event in recording.events] == [{"region": "cortex", "reason": "full"}]
    assert [(each.file, each.reason) for each in recording.problems] == [
        ("1.thalia", "neurons_added should be a whole number, and is 1.5")
    ]
