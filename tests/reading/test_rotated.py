"""A log that is rotated while training goes on: its parts are read in front of it, in order, and nothing is lost."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.reading.writing import append, growth, line, log_text, write_log, write_metadata
from thalia_monitor.model.run import TrainingState
from thalia_monitor.reading import rotated
from thalia_monitor.reading.library import Library
from thalia_monitor.reading.rotated import RotatedParts
from thalia_monitor.reading.run_reader import RunReader, load_training_state


def lines(*steps: int) -> bytes:
    """Metric lines of these steps, each with a time."""
    return log_text(
        *(line(step, loss=step / 1000, timestamp=1_795_870_300.0 + step) for step in steps)
    ).encode()


def steps(state: TrainingState) -> list[int]:
    """The steps of the history, which has to be one segment."""
    assert set(state.history.segment.tolist()) <= {0}
    found: list[int] = state.history.step.tolist()
    return found


@pytest.mark.parametrize(
    "names",
    [
        ("training_log.json.2", "training_log.json.1"),
        ("training_log.json.10", "training_log.json.9"),
        ("training_log.2.json", "training_log.1.json"),
        ("training_log.json-20261127", "training_log.json-20261128"),
        ("training_log.json.2026-11-27", "training_log.json.2026-11-28"),
        ("training_log.json.2026-11-28_09-00-00", "training_log.json.2026-11-28_15-06-00"),
        ("training_log.2026-11-28_09-00-00_123456.json", "training_log.2026-11-28_15-06-00_123456.json"),
        ("training_log-20261127.json", "training_log-20261128.json"),
        ("training_log.json-1795784700", "training_log.json-1795870300"),
    ],
)
@pytest.mark.parametrize(
    ("ending", "packed"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", lambda content: zstandard.ZstdCompressor().compress(content)),
    ],
)
def test_parts_are_read_in_front_of_the_log_in_order(
    tmp_path: Path, names: tuple[str, str], ending: str, packed: Callable[[bytes], bytes]
) -> None:
    """Numbered or dated, compressed or not: one history in the order of time, without a resume or a problem."""
    (tmp_path / (names[0] + ending)).write_bytes(packed(lines(1, 2)))
    (tmp_path / names[1]).write_bytes(lines(3, 4))
    (tmp_path / "training_log.json").write_bytes(lines(5, 6))
    state = load_training_state(tmp_path)
    assert (steps(state), state.problems) == ([1, 2, 3, 4, 5, 6], [])
    assert [(each.file, each.records, each.first_step, each.last_step) for each in state.sources] == [
        (names[0] + ending, 2, 1, 2),
        (names[1], 2, 3, 4),
        ("training_log.json", 2, 5, 6),
    ]


def test_an_open_page_keeps_its_points_when_the_log_is_rotated(tmp_path: Path) -> None:
    """At every moment of a rotation, and of the next one, the history is whole."""
    log = tmp_path / "training_log.json"
    log.write_bytes(lines(1, 2))
    reader = RunReader(tmp_path)
    assert steps(reader.read()) == [1, 2]
    log.rename(tmp_path / "training_log.json.1")
    between = reader.read()
    assert (steps(between), between.problems) == ([1, 2], [])
    append(tmp_path / "training_log.json.1", lines(3))  # the writer has not opened the new log yet
    assert steps(reader.read()) == [1, 2, 3]
    log.write_bytes(lines(4))
    assert steps(reader.read()) == [1, 2, 3, 4]
    append(log, lines(5))
    assert steps(reader.read()) == [1, 2, 3, 4, 5]
    (tmp_path / "training_log.json.2.gz").write_bytes(gzip.compress(lines(1, 2, 3)))
    (tmp_path / "training_log.json.1").unlink()
    log.rename(tmp_path / "training_log.json.1")
    log.write_bytes(lines(6))
    last = reader.read()
    assert (steps(last), last.problems) == ([1, 2, 3, 4, 5, 6], [])


def test_a_growing_part_costs_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a writer goes on in the part, and then in the log, the parts are filled in only once."""
    filled: list[int] = []
    fill = RotatedParts.fill

    def counting(self: RotatedParts, contents: object) -> None:
        filled.append(1)
        fill(self, contents)  # type: ignore[arg-type]

    monkeypatch.setattr(RotatedParts, "fill", counting)
    part, log = tmp_path / "training_log.json.1", tmp_path / "training_log.json"
    part.write_bytes(lines(1))
    reader = RunReader(tmp_path)
    reader.read()
    for step in range(2, 6):
        append(part, lines(step))
        assert steps(reader.read())[-1] == step
    log.write_bytes(lines(6))
    assert steps(reader.read()) == [1, 2, 3, 4, 5, 6]
    append(log, lines(7))
    assert steps(reader.read()) == [1, 2, 3, 4, 5, 6, 7]
    assert len(filled) == 1


def test_another_part_of_the_same_name_and_size_is_read_again(tmp_path: Path) -> None:
    """The system may give it the inode of the one before, which was rotated away further and then deleted."""
    part = tmp_path / "training_log.json.1"
    part.write_bytes(lines(10, 20))
    write_log(tmp_path, line(50))
    reader = RunReader(tmp_path)
    assert steps(reader.read()) == [10, 20, 50]
    with part.open("r+b") as file:  # the same inode
        file.write(lines(30, 40))
    assert steps(reader.read()) == [30, 40, 50]


def test_a_log_that_is_copied_and_cut_is_never_counted_twice(tmp_path: Path) -> None:
    """logrotate's copytruncate: while the copy is made it is not read, and when the log is cut it is its part."""
    log, part = tmp_path / "training_log.json", tmp_path / "training_log.json.1"
    log.write_bytes(lines(1, 2, 3))
    reader = RunReader(tmp_path)
    reader.read()
    shutil.copy(log, part)
    copied = reader.read()
    assert steps(copied) == [1, 2, 3]
    assert [(each.file, "copy" in each.reason) for each in copied.problems] == [(part.name, True)]
    os.truncate(log, 0)
    append(log, lines(4))
    cut = reader.read()
    assert (steps(cut), cut.problems) == ([1, 2, 3, 4], [])


def test_a_log_rewritten_in_place_keeps_its_parts(tmp_path: Path) -> None:
    """What stands before it is still there when the log itself starts again."""
    log = tmp_path / "training_log.json"
    (tmp_path / "training_log.json.1").write_bytes(lines(1, 2))
    log.write_bytes(lines(3, 4, 5))
    reader = RunReader(tmp_path)
    assert steps(reader.read()) == [1, 2, 3, 4, 5]
    log.write_bytes(lines(7))
    assert steps(reader.read()) == [1, 2, 7]


def test_an_array_keeps_its_parts(tmp_path: Path) -> None:
    """A log that is one JSON array, in the part and in the log itself."""
    (tmp_path / "training_log.json.1").write_text(json.dumps([line(1, loss=0.5), line(2, loss=0.5)]))
    log = tmp_path / "training_log.json"
    log.write_text(json.dumps([line(3, loss=0.5)]))
    reader = RunReader(tmp_path)
    assert steps(reader.read()) == [1, 2, 3]
    log.write_text(json.dumps([line(3, loss=0.5), line(4, loss=0.5)]))
    assert steps(reader.read()) == [1, 2, 3, 4]


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    """A file that looks like a part of a log, and is not read, is a problem that says why."""
    write_log(tmp_path, line(1, loss=0.5))
    for name in (
        *("training_log.json.old", "training_log_backup.json", "training_log.json.tmp", "training_log.json~"),
        *("curriculum_training.log.1", "events.log.2026-11-28.gz"),
    ):
        (tmp_path / name).write_bytes(lines(9))
    (tmp_path / "training_log.json.1.gz").write_bytes(gzip.compress(lines(0))[:-12])
    (tmp_path / "training_log.json.1").write_bytes(b"")
    state = load_training_state(tmp_path)
    assert steps(state) == [1]
    assert {each.file: each.reason.partition(":")[0] for each in state.problems} == {
        "training_log.json.1.gz": "is not read",
        "training_log.json.old": "is not read",
        "training_log_backup.json": "is not read",
        "curriculum_training.log.1": "is a rotated part of its log, and is not read",
        "events.log.2026-11-28.gz": "is a rotated part of its log, and is not read",
    }


def test_a_damaged_part_gives_what_stands_before_the_damage(tmp_path: Path) -> None:
    """A compressed part that is cut off is read as far as it goes, and is a problem."""
    content = gzip.compress(lines(*range(200_000)))
    (tmp_path / "training_log.json.1.gz").write_bytes(content[: len(content) // 2])
    write_log(tmp_path, line(200_000, loss=0.5))
    state = load_training_state(tmp_path)
    assert 1_000 < len(state.history) < 200_000
    assert state.history.step[-1] == 200_000
    assert [(each.file, "is damaged" in each.reason) for each in state.problems] == [
        ("training_log.json.1.gz", True)
    ]


def test_a_compressed_part_is_unpacked_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that would unpack to gigabytes is read as far as the budget goes."""
    monkeypatch.setattr(rotated, "LARGEST_UNPACKED", 2**24)
    (tmp_path / "training_log.json.1.gz").write_bytes(gzip.compress(lines(1) + b"\n" * 2**26))
    write_log(tmp_path, line(2, loss=0.5))
    state = load_training_state(tmp_path)
    assert steps(state) == [1, 2]
    assert ["only its beginning is read" in each.reason for each in state.problems] == [True]


def test_problems_and_events_name_the_part_and_its_line(tmp_path: Path) -> None:
    """What is wrong in a part, or happened in it, is found where it stands."""
    (tmp_path / "training_log.json.1").write_bytes(lines(1) + b"broken\n" + log_text(growth(2)).encode())
    write_log(tmp_path, line(3, loss=0.5))
    write_metadata(tmp_path, "1", 3)
    state = load_training_state(tmp_path)
    assert [(each.file, each.line) for each in state.problems] == [("training_log.json.1", 2)]
    assert [(each.file, each.line) for each in state.events] == [("training_log.json.1", 3)]


def test_a_run_of_which_only_parts_are_left_is_a_run(tmp_path: Path) -> None:
    """Also where the log itself is not there (any more, or yet); a linked part that leads out is refused."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "training_log.json.1").write_bytes(lines(1, 2))
    (tmp_path / "secret").write_bytes(lines(77_777))
    (run / "training_log.json.2").symlink_to(tmp_path / "secret")
    library = Library([run])
    state = library.read(library.entry().id)
    assert (steps(state), state.current_step) == ([1, 2], 2)
    assert [(each.file, "leads out" in each.reason) for each in state.problems] == [
        ("training_log.json.2", True)
    ]
