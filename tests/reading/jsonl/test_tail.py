from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading.writing import append
from thalia_monitor.reading.files import LONGEST_LINE
from thalia_monitor.reading.jsonl import tail as tail_module
from thalia_monitor.reading.jsonl.tail import Tail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log with two complete lines."""
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    return path


def content(tail: Tail) -> bytes:
    """Everything that is new, whatever the stretches it came in."""
    return b"".join(lines.data for lines in tail.follow())


def restarts(tail: Tail) -> bool:
    """Whether the next reading starts again."""
    return any(lines.restarted for lines in tail.follow())


def test_each_complete_line_is_handed_out_once(path: Path) -> None:
    """A second look at an unchanged file has nothing to give, and reads nothing."""
    tail = Tail(path)
    assert content(tail) == b"one\ntwo\n"
    assert content(tail) == b""
    assert tail.bytes_read == 8


def test_an_unfinished_last_line_is_held_back_until_it_ends(path: Path) -> None:
    """What has no newline yet is still being written; its bytes are read once all the same."""
    tail = Tail(path)
    content(tail)
    append(path, b"thr")
    assert content(tail) == b""
    append(path, b"ee\nfo")
    assert content(tail) == b"three\n"
    append(path, b"ur\n")
    assert content(tail) == b"four\n"
    assert tail.bytes_read == path.stat().st_size


def test_lines_are_numbered_from_one(path: Path) -> None:
    """The number is the line's in the file, over all readings."""
    tail = Tail(path)
    assert [lines.first_number for lines in tail.follow()] == [1]
    append(path, b"three\n")
    assert [lines.first_number for lines in tail.follow()] == [3]


@pytest.mark.parametrize(
    "happening",
    [
        pytest.param(lambda path: path.write_bytes(b"one\n"), id="cut short"),
        pytest.param(lambda path: path.write_bytes(b"six\nten\nelf\n"), id="rewritten in place"),
        pytest.param(lambda path: path.write_bytes(b"one\nten\nelf\n"), id="same first line, other second"),
        pytest.param(
            lambda path: (path.rename(path.with_suffix(".1")), path.write_bytes(b"one\ntwo\nelf\n")),
            id="rotated",
        ),
    ],
)
def test_a_file_that_is_not_the_same_is_read_again(path: Path, happening) -> None:  # type: ignore[no-untyped-def]
    """Shrinking, other contents before the offset, or another inode: what was read no longer counts."""
    tail = Tail(path)
    content(tail)
    happening(path)
    stretches = list(tail.follow())
    assert stretches[0].restarted
    assert b"".join(lines.data for lines in stretches) == path.read_bytes()
    assert not restarts(tail)


def test_a_withdrawn_unfinished_line_is_only_read_again_itself(path: Path) -> None:
    """A writer that cuts its own torn line off and writes it once more has not replaced the log."""
    tail = Tail(path)
    append(path, b"thr")
    content(tail)
    path.write_bytes(b"one\ntwo\nTHREE\n")
    assert [(lines.data, lines.restarted) for lines in tail.follow()] == [(b"THREE\n", False)]


def test_a_missing_file_is_an_oserror_and_following_goes_on_when_it_is_back(path: Path) -> None:
    """What was read stays read."""
    tail = Tail(path)
    content(tail)
    path.rename(path.with_suffix(".aside"))
    with pytest.raises(FileNotFoundError):
        list(tail.follow())
    path.with_suffix(".aside").rename(path)
    append(path, b"three\n")
    assert content(tail) == b"three\n"


def test_a_reading_stops_at_the_offset_it_is_given(path: Path) -> None:
    """What is appended after the file's status was taken belongs to the next reading."""
    tail = Tail(path)
    assert b"".join(lines.data for lines in tail.follow(until=6)) == b"one\n"
    assert content(tail) == b"two\n"


def test_an_endless_line_is_cut_in_memory_and_counted_in_the_file(path: Path) -> None:
    """Memory stays bounded while a line without end is written; the line after it is found."""
    tail = Tail(path)
    content(tail)
    append(path, b"x" * (LONGEST_LINE // 2))
    content(tail)
    append(path, b"y" * LONGEST_LINE)
    content(tail)
    assert len(tail._pending) == LONGEST_LINE + 1
    append(path, b"\nafter\n")
    lines = content(tail).split(b"\n")
    assert (len(lines[0]), lines[1]) == (LONGEST_LINE + 1, b"after")
    assert tail.lines == 4
    append(path, b"more\n")
    assert content(tail) == b"more\n"


@given(
    data=st.lists(st.sampled_from([b"a", b"\n", b"\xc3\xa4", b"bcd"]), max_size=40).map(b"".join),
    cuts=st.lists(st.integers(0, 80), max_size=6),
    chunk=st.integers(1, 5),
)
def test_any_way_of_cutting_the_writing_gives_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cuts: list[int], chunk: int
) -> None:
    """What is handed out in all is every complete line, however the writer and the reads fall together."""
    path = tmp_path_factory.mktemp("tail") / "log"
    path.touch()
    tail, given_out, before = Tail(path), b"", 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail_module, "CHUNK", chunk)
        for cut in [*sorted(cuts), len(data)]:
            append(path, data[before:cut])
            before = max(before, min(cut, len(data)))
            given_out += content(tail)
    assert given_out == data[: data.rfind(b"\n") + 1]
    assert tail.lines == given_out.count(b"\n")
    assert tail.bytes_read == len(data)
