from __future__ import annotations

import os
from pathlib import Path

import pytest

from thalia_monitor.logger.files import Appender, last_step


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log in a directory that is there."""
    return tmp_path / "run" / "training_log.json"


def test_a_torn_end_gets_a_newline_before_the_next_record(log: Path) -> None:
    """What a killed process left unfinished does not spoil the first line after it."""
    log.parent.mkdir()
    log.write_bytes(b'{"step": 1}\n{"st')

    appender = Appender(log)
    appender.append(b'{"step": 2}\n')
    appender.append(b'{"step": 3}\n')

    assert log.read_bytes() == b'{"step": 1}\n{"st\n{"step": 2}\n{"step": 3}\n'


def test_a_whole_end_gets_none(log: Path) -> None:
    """Going on after a clean end leaves no blank line."""
    log.parent.mkdir()
    log.write_bytes(b"a\n")

    Appender(log).append(b"b\n")

    assert log.read_bytes() == b"a\nb\n"


def test_a_record_is_one_write(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers and other writers never see a part of it."""
    writes: list[bytes] = []
    write = os.write

    def noted(descriptor: int, content: bytes) -> int:
        writes.append(content)
        return write(descriptor, content)

    monkeypatch.setattr(os, "write", noted)
    log.parent.mkdir()

    Appender(log).append(b'{"step": 1, "loss": 0.5}\n')

    assert writes == [b'{"step": 1, "loss": 0.5}\n']


def test_a_record_that_the_disk_took_half_of_is_finished(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short write is gone on with."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, content: write(fd, content[:4]))
    log.parent.mkdir()

    Appender(log).append(b"0123456789\n")

    assert log.read_bytes() == b"0123456789\n"


def test_after_half_a_record_the_next_begins_on_its_own_line(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up in the middle of a record, and is freed again."""
    log.parent.mkdir()
    appender, write, taken = Appender(log), os.write, iter([4])

    def full(fd: int, content: bytes) -> int:
        room = next(taken, 0)
        if not room:
            raise OSError(28, "No space left on device")
        return write(fd, content[:room])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        appender.append(b"0123456789\n")
    monkeypatch.setattr(os, "write", write)
    appender.append(b"next\n")

    assert log.read_bytes() == b"0123\nnext\n"


def test_a_removed_file_is_made_again(log: Path) -> None:
    """Writing on into a file that has no name any more would be silent loss."""
    log.parent.mkdir()
    appender = Appender(log)
    appender.append(b"before\n")
    log.unlink()
    appender.append(b"after\n")
    log.unlink()
    log.parent.rmdir()
    appender.append(b"last\n")

    assert log.read_bytes() == b"last\n"


def test_a_missing_parent_is_not_made(tmp_path: Path) -> None:
    """It may be a disk that is not mounted: writing below it would fill another one."""
    with pytest.raises(FileNotFoundError):
        Appender(tmp_path / "mnt" / "run" / "log").append(b"x\n")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", None),
        (b'{"step": 1}\n{"step": 2}\n', 2),
        (b'{"step": 1}\n{"step": 2, "lo', 1),
        (b'{"step": 7}\nnull\n[1]\n{"step": null}\n{"step": Infinity}\n', 7),
        (b'{"step": 1}\n' + b"x" * (1 << 17), None),
    ],
)
def test_the_last_logged_step_is_found_at_the_end_of_a_log(
    log: Path, content: bytes, expected: int | None
) -> None:
    """Torn lines and lines without a step are passed over; only the end of a long log is read."""
    log.parent.mkdir()
    log.write_bytes(content)

    assert last_step(log) == expected


def test_a_missing_log_has_no_last_step(log: Path) -> None:
    """A new run begins at nothing."""
    assert last_step(log) is None
