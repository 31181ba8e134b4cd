import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.reading.formats.text_log import LARGEST_RECORD, Splitter, TextLog
from thalia_monitor.reading.recording import Recording, Stretch

RULE = "=" * 80
START = f"""
{RULE}
[Stage 1 Start] Toddler
  Duration: 4 weeks
  Tasks:
    - n_back: 60%
    - objects: 40%
  Success Criteria:
    - n_back_2: >0.80
    - prediction_error: >0.05
{RULE}
"""
CHECK = """
[Milestone Check] Stage 1 Week 4 - 1/2 passed
  ✅ n_back_2
  ⚠️  object_permanence
  Action: EXTENDING STAGE
"""


def record(body: str, second: float = 0, level: str = "INFO") -> str:
    """One record as Python's logging formats it for Thalia, written at 11:17 and so many seconds."""
    stamp = f"2026-11-23 11:17:{int(second):02d},{int(second % 1 * 1000):03d}"
    return f"{stamp} - CurriculumTrainer - {level} - {body}\n"


def written(directory: Path, *records: str, encoding: str = "utf-8", newline: str = "\n") -> TextLog:
    """Write a log whose clock runs two hours ahead of UTC, as its last record came."""
    path = directory / "curriculum_training.log"
    path.write_bytes("".join(records).replace("\n", newline).encode(encoding, "replace"))
    stamps = re.findall(r"^2026-11-23 11:17:\d\d,\d{3}", "".join(records), re.MULTILINE)
    if stamps:
        last_record = datetime.fromisoformat(f"{stamps[-1]}+02:00").timestamp()
        os.utime(path, (last_record, last_record))
    return TextLog(path, path.name)


def read(directory: Path, *records: str, **options: Any) -> Recording:
    """Read a log that has one stretch."""
    (recording,) = written(directory, *records, **options).read()
    return recording


def test_steps_become_metric_lines(tmp_path: Path) -> None:
    """A step record is a metric line, NaN and infinity included; the file's time sets its clock right."""
    recording = read(
        tmp_path,
        record(START),
        record("[Step 1000] loss=0.414, firing_rate=0.111", 2.5),
        record("[Step 2000] loss=nan, x=inf, odd name=-1.500", 3),
    )
    first, second = recording.lines
    assert (first.step, first.stage, first.metrics) == (1000, 1, {"loss": 0.414, "firing_rate": 0.111})
    assert first.time == datetime.fromisoformat("2026-11-23T11:17:02.500+02:00").timestamp()
    assert second.metrics["loss"] != second.metrics["loss"]
    assert (second.metrics["x"], second.metrics["odd name"]) == (float("inf"), -1.5)


def test_a_stage_start_tells_its_configuration(tmp_path: Path) -> None:
    """Stage, weeks, tasks and criteria of a stage are read from its start, a record over many lines."""
    recording = read(tmp_path, record(START, 1), record("\n[Stage 1 End] Duration: 2.5 hours\n", 31))
    start = datetime.fromisoformat("2026-11-23T11:17:01+02:00").timestamp()
    assert recording.stretch == Stretch(1, start, start + 30, 4)
    assert recording.criteria == {"n_back_2": 0.8, "prediction_error": 0.05}
    begin, end = recording.events
    assert (begin.kind, begin.line, begin.fields["name"]) == ("stage_start", 1, "Toddler")
    assert begin.fields["tasks"] == {"n_back": "60", "objects": "40"}
    assert (end.kind, end.line, end.fields) == ("stage_end", 13, {"stage": 1, "duration_hours": 2.5})


@pytest.mark.parametrize(
    ("body", "level", "kind", "step", "fields"),
    [
        (
            "\n[Growth Event] Step 12 - cortex - left +500 neurons\n  Reason: multi\nline = reason\n",
            *("INFO", "growth", 12),
            {"region": "cortex - left", "neurons_added": 500, "reason": "multi\nline = reason"},
        ),
        (
            "\n[Growth Event] - pfc +-5 neurons\n  Reason: pruned\n",
            *("INFO", "growth", None),
            {"region": "pfc", "neurons_added": -5, "reason": "pruned"},
        ),
        (
            "\n[Consolidation] Step 7 - NREM3\n  Patterns replayed: 150\n  Duration: 45.2s\n",
            *("INFO", "consolidation", 7),
            {"sleep_stage": "NREM3", "patterns_replayed": 150, "duration_seconds": 45.2},
        ),
        (
            "\n[Consolidation] Step 7 - unknown\n  Patterns replayed: unknown\n  Duration: unknown\n",
            *("INFO", "consolidation", 7),
            {"sleep_stage": "unknown"},
        ),
        (
            "\n[Consolidation] - REM\n  Patterns replayed: 9\n  Duration: 2000 steps\n",
            *("INFO", "consolidation", None),
            {"sleep_stage": "REM", "patterns_replayed": 9, "duration_steps": 2000},
        ),
        (
            CHECK,
            *("INFO", "milestone", 1000),
            {"stage": 1, "week": 4, "results": {"n_back_2": True, "object_permanence": False}},
        ),
        (
            "\n[Milestone Check] Stage -0.5 - 0/0 passed\n",
            *("INFO", "milestone", 1000),
            {"stage": -0.5, "week": None, "results": {}},
        ),
        (
            f"\n{RULE}\n[Stage Transition] 1 → 2\n  Reason: Milestones passed\n{RULE}\n",
            *("INFO", "transition", None),
            {"old_stage": 1, "new_stage": 2, "reason": "Milestones passed"},
        ),
        (
            "\n[Stage Extension] Stage 1\n  Adding 2 weeks\n  Reason: below (0.75 < 0.80)\n",
            *("WARNING", "extension", 1000),
            {"stage": 1, "weeks": 2, "reason": "below (0.75 < 0.80)"},
        ),
        (
            "\n[Stage Extension] Stage 1\n  Adding 2000 steps\n  Reason: below\n",
            *("WARNING", "extension", 1000),
            {"stage": 1, "additional_steps": 2000, "reason": "below"},
        ),
        (
            "  ⚠️  High capacity: 0.900",
            *("WARNING", "warning", 1000),
            {"severity": "warning", "message": "High capacity: 0.900"},
        ),
        ("GPU lost", "ERROR", "warning", 1000, {"severity": "critical", "message": "GPU lost"}),
        ("epoch of my own", "INFO", "note", None, {"message": "epoch of my own"}),
    ],
)  # fmt: skip
def test_every_message_is_an_event(
    tmp_path: Path, body: str, level: str, kind: str, step: int | None, fields: dict[str, Any]
) -> None:
    """Each message becomes an event by the documented names; without a step it stands after the last one."""
    recording = read(tmp_path, record(START), record("[Step 1000] loss=0.400"), record(body, 1, level))
    event = recording.events[-1]
    assert (event.kind, event.step, event.fields) == (kind, step, fields)
    assert recording.problems == ()


def test_every_start_of_a_stage_is_a_stretch(tmp_path: Path) -> None:
    """A restart of the same stage, or the next stage, begins a recording of its own."""
    log = written(
        tmp_path,
        *(record(START), record("[Step 1000] loss=0.400"), record("[Step 2000] loss=0.300")),
        *(record(START), record("[Step 1000] loss=0.200")),
        record(START.replace("[Stage 1", "[Stage 2")),
    )
    assert [[line.step for line in recording.lines] for recording in log.read()] == [[1000, 2000], [1000], []]
    assert [recording.stretch.stage for recording in log.read() if recording.stretch] == [1, 1, 2]


def test_the_last_record_is_read_again_when_more_arrives(tmp_path: Path) -> None:
    """A record at the end of the file is read as far as it is written, and counts once when it is whole."""
    content = (
        record(START) + record("[Step 1000] loss=0.400") + record(CHECK) + record("[Step 2000] loss=0.300")
    )
    whole = content.encode()
    log = written(tmp_path)
    path = tmp_path / "curriculum_training.log"
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        recordings = log.read()
        assert len(recordings) == 1
        assert len(recordings[0].lines) <= 2
        assert all(value in (0.4, 0.3) for line in recordings[0].lines for value in line.metrics.values())
    (recording,) = recordings
    assert [line.step for line in recording.lines] == [1000, 2000]
    assert [event.kind for event in recording.events] == ["stage_start", "milestone"]
    assert recording.events[1].line == 14


@given(st.lists(st.integers(1, 40), max_size=30))
def test_pieces_make_the_same_records(sizes: list[int]) -> None:
    """However the bytes arrive, the same records come out, with the same line numbers."""
    content = (
        "left over\n" + record(START) + record("[Step 0] a=1.000") + record(CHECK) + record("x")
    ).encode()
    at_once, in_pieces = Splitter(), Splitter()
    expected = at_once.feed(content)
    records = []
    for size in [*sizes, len(content)]:
        piece, content = content[:size], content[size:]
        records += in_pieces.feed(piece)
    assert records == expected
    assert in_pieces.last() == at_once.last()
    assert in_pieces.orphans == at_once.orphans == 1


def test_only_new_bytes_are_read(tmp_path: Path) -> None:
    """What was read before is not read again, and an unchanged log is not read at all."""
    log = written(tmp_path, record(START), record("[Step 1000] loss=0.400"))
    first = log.read()
    before, more = log.bytes_read, record("[Step 2000] loss=0.300")
    assert log.read() is first
    with (tmp_path / "curriculum_training.log").open("a") as file:
        file.write(more)
    assert [line.step for line in log.read()[0].lines] == [1000, 2000]
    assert log.bytes_read - before == len(more)


@pytest.mark.parametrize("replacement", [record("[Step 5] a=1.000"), record("[Step 5] a=1.000", 9) * 20])
def test_a_replaced_log_is_read_again(tmp_path: Path, replacement: str) -> None:
    """A log that is shorter, or that begins with other words, is another log."""
    log = written(tmp_path, record(START), record("[Step 1000] loss=0.400"))
    log.read()
    (tmp_path / "curriculum_training.log").write_text(replacement)
    assert {line.step for line in log.read()[0].lines} == {5}


def test_a_log_that_goes_away_is_a_problem_and_keeps_what_was_read(tmp_path: Path) -> None:
    """When the file cannot be opened any more, its last reading stays, beside a problem."""
    log = written(tmp_path, record(START), record("[Step 1000] loss=0.400"))
    log.read()
    (tmp_path / "curriculum_training.log").unlink()
    kept, trouble = log.read()
    assert len(kept.lines) == 1
    assert "cannot be opened" in trouble.problems[0].reason


def test_windows_line_ends_are_no_part_of_the_text(tmp_path: Path) -> None:
    """CRLF line ends read like any other."""
    recording = read(tmp_path, record(START), record("[Step 1000] loss=0.400"), record(CHECK), newline="\r\n")
    assert recording.lines[0].metrics == {"loss": 0.4}
    assert recording.events[-1].fields["results"] == {"n_back_2": True, "object_permanence": False}
    assert recording.criteria["n_back_2"] == 0.8


def test_an_encoding_without_the_symbols_is_noticed(tmp_path: Path) -> None:
    """Where an unhealthy step has no warning after it, the log was written without its symbols: say so."""
    recording = read(
        tmp_path, record(START), record("[Step 1000] firing_rate=0.350"), record("[Step 2000] a=1.000")
    )
    assert ["symbols" in problem.reason for problem in recording.problems] == [True]


def test_lost_characters_are_counted(tmp_path: Path) -> None:
    """Text in another encoding is read with its strange characters replaced, and counted."""
    growth = record("\n[Growth Event] - cortex +5 neurons\n  Reason: Kapazität\n")
    recording = read(tmp_path, record(START), growth, encoding="latin-1")
    assert recording.events[-1].fields["neurons_added"] == 5
    assert recording.problems[0].line == 13
    assert "no UTF-8" in recording.problems[0].reason


def test_records_of_other_loggers_are_noticed(tmp_path: Path) -> None:
    """Sessions saved to several folders, and steps going to and fro, tell of several loggers."""
    recording = read(
        tmp_path,
        record(START),
        *(record(f"[Step {step}] loss=0.400") for step in (1000, 2000, 1000, 3000, 2000)),
        *(
            record("Session saved to logs/a/session_1.json"),
            record("Session saved to logs\\b\\session_1.json"),
        ),
    )
    reasons = [problem.reason for problem in recording.problems]
    assert any("logs\\a, logs\\b" in reason for reason in reasons)
    assert any("goes back 2 times" in reason for reason in reasons)


def test_calls_at_the_wrong_time_are_counted(tmp_path: Path) -> None:
    """The logger's own complaints are one problem each, with the first line and the number of times."""
    complaint = record("No active stage for step logging", level="WARNING")
    recording = read(tmp_path, complaint, complaint, record(START))
    assert [(problem.line, "2 ×" in problem.reason) for problem in recording.problems] == [(1, True)]
    assert recording.stretch is not None
    assert recording.stretch.stage == 1


def test_a_file_of_another_kind_does_not_fill_the_memory() -> None:
    """Of bytes without any header a bounded part is kept."""
    splitter = Splitter()
    for _ in range(3):
        assert splitter.feed(b"\n" * LARGEST_RECORD) == []
        assert len(splitter.rest) <= LARGEST_RECORD
    assert splitter.feed(("garbage\n" + record("a") + "\n" * LARGEST_RECORD * 2).encode()) == []
    (first,) = splitter.feed(("\n" + record("b")).encode())
    lines = 3 * LARGEST_RECORD + 1
    assert (first.line, splitter.orphans) == (lines + 1, lines)
    second = splitter.last()
    assert second is not None
    assert second.line == lines + 1 + 1 + 2 * LARGEST_RECORD + 1


@given(st.binary(max_size=200))
def test_no_body_crashes_the_reader(body: bytes) -> None:
    """Whatever a record holds, it is read as something."""
    head = b"2026-99-23 11:17:20,403 - CurriculumTrainer - INFO - "
    splitter = Splitter()
    splitter.feed(head + body + b"\n" + head + b"[Stage x Start] y\n")
    last = splitter.last()
    assert last is not None
    assert last.clock is None
