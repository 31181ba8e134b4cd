"""What any file may make the reader hold, and how long it may keep it: bounded, and said."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from fixtures.thalia_files import metadata, plain
from tests.reading.jsonl.test_bulk_decode import carefully, in_bulk
from tests.reading.writing import append, growth, line, log_text, write_log, write_metadata
from thalia_monitor.reading import contents as event_list
from thalia_monitor.reading import run_reader
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.formats import binary
from thalia_monitor.reading.jsonl import bulk_decode
from thalia_monitor.reading.jsonl import line as decode
from thalia_monitor.reading.jsonl.bulk_decode import BulkDecoder
from thalia_monitor.reading.jsonl.line import decode_line
from thalia_monitor.reading.run_reader import RunReader, load_training_state

MANY = {f"m{number}": 1.0 for number in range(2_500)}
"""More metrics than are kept."""


def test_the_log_is_shown_while_other_files_take_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that takes long to read keeps no log from being shown, and comes when it is read."""
    write_log(tmp_path, line(1000, loss=0.5))
    (tmp_path / "stage_0_final.thalia").write_bytes(plain(metadata(2000)))
    go_on = threading.Event()
    read_binary = binary.read_binary

    def slowly(*arguments: Any) -> Any:
        assert go_on.wait(20)
        return read_binary(*arguments)

    monkeypatch.setattr(binary, "read_binary", slowly)
    monkeypatch.setattr(run_reader, "SLOW", 0.05)
    reader = RunReader(tmp_path)
    part = reader.read(patience=0)
    assert (part.history.step.tolist(), part.read_fraction) == ([1000], run_reader.ALMOST)
    assert part.checkpoints == ()
    go_on.set()
    monkeypatch.setattr(run_reader, "SLOW", 20.0)
    whole = reader.read(patience=0)
    assert ([point.step for point in whole.checkpoints], whole.read_fraction) == ([2000], 1)
    assert whole.version != part.version


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata_1.json", {"step": 1, "metrics": MANY}),
        ("stage_1_log.json", {"stage": 1, "step_metrics": [{"step": 1, **MANY}]}),
        ("stage_1_log.json", {"stage": 1, "step_metrics": [{"step": 1, "neuron_counts": MANY}]}),
        ("training_results.json", {"total_steps": 1, "stage": "toddler", "final_metrics": MANY}),
        ("trials.csv", "trial," + ",".join(MANY) + "\n1" + ",1" * len(MANY) + "\n"),
        ("stage_0_final.thalia", plain(metadata(1, metrics=MANY))),
        ("stage_0_final.thalia", plain(metadata(1, regions={each: {"n_neurons": 1} for each in MANY}))),
        (
            "curriculum_training.log",
            "".join(
                f"2026-01-01 00:00:00,000 - CurriculumTrainer - INFO - [Step {number}] {name}=1.000\n"
                for number, name in enumerate(MANY)
            ),
        ),
    ],
)
def test_the_log_caps_hold_for_every_format(tmp_path: Path, name: str, content: object) -> None:
    """Of more than 2,000 different metrics in any file the rest is left out, and a problem says so."""
    written = content if isinstance(content, bytes | str) else json.dumps(content)
    (tmp_path / name).write_bytes(written if isinstance(written, bytes) else written.encode())
    state = load_training_state(tmp_path)
    (problem,) = state.problems
    assert problem.reason == "names more than 2,000 different metrics; the rest of them is left out"
    assert len(state.metrics) <= 2002
    assert len(state.history.names()) <= 2002
    assert len(state.metrics) == 2000 or len(state.history.names()) in (2000, 2002)


def test_the_metrics_of_many_metadata_files_are_capped_together(tmp_path: Path) -> None:
    """Files that each name other metrics are bounded as one log that does so."""
    for step in range(3):
        write_metadata(tmp_path, str(step), step, metrics={f"m{step}_{number}": 1.0 for number in range(900)})
    state = load_training_state(tmp_path)
    assert [len(point.metrics) for point in state.checkpoints] == [900, 900, 200]
    assert [(each.file, "2,000 different metrics" in each.reason) for each in state.problems] == [
        ("metadata_*.json", True)
    ]


def test_long_lists_of_a_checkpoint_are_cut_with_a_word(tmp_path: Path) -> None:
    """Milestones and warnings beyond a thousand are left out, and a problem says how many are kept."""
    many = range(1001)
    write_metadata(
        tmp_path, "1", 1, milestones=dict.fromkeys(map(str, many), True), warnings=list(map(str, many))
    )
    state = load_training_state(tmp_path)
    assert (len(state.milestones), len(state.warnings)) == (1000, 1000)
    assert [each.reason for each in state.problems] == [
        "has more than 1,000 milestones; the rest of them is left out",
        "has more than 1,000 warnings; the rest of them is left out",
    ]


class Calls:
    """A function that counts its calls, and the length of what it is given first."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.count = self.length = 0

    def __call__(self, *arguments: Any) -> Any:
        """Call it."""
        self.count += 1
        self.length += len(arguments[0]) if isinstance(arguments[0], str | bytes) else 0
        return self.function(*arguments)


def test_blank_lines_are_skipped_in_bulk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million empty lines cost no decoding of their own, and are counted: a problem behind them has its line."""
    calls = Calls(decode_line)
    monkeypatch.setattr(bulk_decode, "decode_line", calls)
    contents = LogContents()
    blank = b"\n" * 500_000 + b" \t\r\n" * 500_000
    contents.add_decoded(BulkDecoder().decode(blank + b"bad\n" + b"\n" * 9 + log_text(line(7)).encode()))
    assert [each.line for each in contents.problems.view()] == [1_000_001]
    assert contents.builder.step.view.tolist() == [7]
    assert calls.count == 2


@pytest.mark.parametrize("blank", ["\n", "\r\n", "  \n", "\t\r\n"])
def test_blank_lines_mean_nothing_wherever_they_stand(blank: str) -> None:
    """Between lines and events of a log, blank ones change nothing but the numbers of the lines."""
    lines = [log_text(each) for each in (line(1, loss=0.5), growth(2), line(3, loss=0.25))] + ["{broken\n"]
    log = (blank + blank.join(lines * 20) + blank).encode()
    assert in_bulk(log) == carefully(log)


def test_a_deeply_nested_line_costs_no_more_than_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects that begin 40,000 times (deeper than any Python goes) and never end are looked at a few times over."""
    nested = '{"a":' * 40_000
    calls = Calls(decode._decoder.raw_decode)
    monkeypatch.setattr(decode, "_decoder", type("Counted", (), {"raw_decode": staticmethod(calls)}))
    (problem,) = decode_line(nested.encode(), 1)
    assert "nested too deeply" in str(problem)
    assert 0 < calls.length <= 10 * len(nested)


def test_events_cost_each_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of events alone places each of them once, however many there are."""
    calls = Calls(event_list._segment_at)
    monkeypatch.setattr(event_list, "_segment_at", calls)
    found = in_bulk(log_text(*(growth(step) for step in range(2_000))).encode())
    assert len(found["events"]) == 2_000
    assert calls.count == 2_000


def test_a_hole_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    """A sparse log of 16 GB costs what is written in it; the line with the hole is a problem when it ends."""
    log = write_log(tmp_path, line(1, loss=0.5))
    with log.open("r+b") as file:
        file.truncate(16 * 2**30)
    reader = RunReader(tmp_path)
    assert (len(reader.read().history), reader.read().total_problems) == (1, 0)
    assert reader.bytes_read < 2**26
    append(log, "\n" + log_text(line(2, loss=0.5)))
    state = reader.read()
    assert state.history.step.tolist() == [1, 2]
    assert [(each.line, each.reason) for each in state.problems] == [(2, "longer than 16 MB; skipped")]
    assert reader.bytes_read < 2**26


@pytest.mark.parametrize("broken", [b"{\n", b"0\n", b"{}\n", b'"\n', b"\0\n", b'{"a":\n', b"\xff\n"])
def test_broken_lines_without_end_are_only_counted(monkeypatch: pytest.MonkeyPatch, broken: bytes) -> None:
    """Of thousands of lines that are unusable the first are reported, all are counted, and the good ones are read."""
    calls = Calls(decode_line)
    monkeypatch.setattr(bulk_decode, "decode_line", calls)
    monkeypatch.setattr(bulk_decode, "MANY_BROKEN", 400)
    good = log_text(line(7, loss=0.5), growth(8)).encode()
    contents = LogContents()
    contents.add_decoded(BulkDecoder().decode(good + broken * 10_000 + good + broken * 10_000 + good))
    assert contents.builder.step.view.tolist() == [7, 7, 7]
    assert [event.line for event in contents.events.view()] == [2, 10_004, 20_006]
    assert contents.problems.view()[0].line == 3
    beside = (
        0 if broken[0] < 128 and broken[0] else bulk_decode.MANY_BROKEN
    )  # NUL and no UTF-8 are problems of their own
    assert 20_000 <= contents.problems.total <= 20_000 + beside
    assert calls.count < 2 * bulk_decode.MANY_BROKEN
