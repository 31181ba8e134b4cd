from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reading.states import comparable
from tests.reading.wild import WILD_LOGS
from tests.reading.writing import append, growth, line, log_text, write_log
from thalia_monitor.reading import run_reader
from thalia_monitor.reading.jsonl import log as training_log
from thalia_monitor.reading.jsonl import parallel
from thalia_monitor.reading.jsonl.parallel import Helper, Range, decode_ranges, ranges
from thalia_monitor.reading.run_reader import RunReader, load_training_state


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs of a few hundred bytes count as large."""
    monkeypatch.setattr(parallel, "RANGE", 100)
    for module in (parallel, training_log, run_reader):
        monkeypatch.setattr(module, "MIN_PARALLEL_BYTES", 300, raising=False)


def many_lines(count: int) -> list[dict[str, Any]]:
    """Lines with an event here and there, and one that is wrong."""
    lines = [line(step, loss=0.5, neuron_counts={"cortex": step}) for step in range(count)]
    lines[count // 2] = {"step": -1}
    return [each for pair in ((each, growth(5)) for each in lines) for each in pair]


@given(log=WILD_LOGS, size=st.sampled_from([1, 7, 100]))
@settings(max_examples=50)
def test_ranges_are_whole_lines_one_after_another(tmp_path: Path, log: bytes, size: int) -> None:
    """Together they are a beginning of the file; each begins where a line does and ends where one does."""
    path = tmp_path / "log"
    path.write_bytes(log)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "RANGE", size)
        found = ranges(path, 0, len(log))
    assert b"".join(each.read() for each in found) == log[: found[-1].end if found else 0]
    assert all(each.read().endswith(b"\n") for each in found)
    assert b"\n" not in log[found[-1].end if found else 0 :][size:]


@pytest.mark.parametrize("helpers", [0, 1, 2])
def test_a_large_log_reads_the_same_with_any_number_of_helpers(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch, helpers: int
) -> None:
    """In order, with the right line numbers."""
    content = log_text(*many_lines(200))
    write_log(tmp_path, *many_lines(200))
    monkeypatch.setattr(training_log, "MIN_PARALLEL_BYTES", 10**9)
    expected = comparable(load_training_state(tmp_path))
    monkeypatch.setattr(training_log, "MIN_PARALLEL_BYTES", 300)
    monkeypatch.setattr(training_log, "helpers_here", lambda: helpers)
    reader = RunReader(tmp_path)
    assert comparable(reader.read()) == expected
    assert reader.bytes_read == len(content)
    append(tmp_path / "training_log.json", log_text(line(1000)))
    assert reader.read().history.step[-1] == 1000


def test_a_helper_that_dies_costs_only_time(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was given is decoded by this process."""
    write_log(tmp_path, *many_lines(100))
    started: list[Helper] = []

    class Dying(Helper):
        def __init__(self, file: str) -> None:
            super().__init__(file)
            self._process.kill()
            started.append(self)

    monkeypatch.setattr(parallel, "Helper", Dying)
    monkeypatch.setattr(training_log, "helpers_here", lambda: 2)
    assert len(load_training_state(tmp_path).history) == 99
    assert started


def test_no_helper_outlives_a_reading_that_is_given_up(tmp_path: Path, small: None) -> None:
    """Whether the reading ends by itself or not."""
    path = write_log(tmp_path, *many_lines(100))
    reading = decode_ranges(ranges(path, 0, path.stat().st_size), path.name, 2)
    next(reading)
    before = threading.active_count()
    reading.close()
    assert threading.active_count() == before - 2


def test_a_file_that_changes_while_it_is_read_in_ranges_is_an_error(tmp_path: Path) -> None:
    """Another file in its place, or a shorter one: half of each would be neither."""
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    status = path.stat()
    task = Range(path, (status.st_dev, status.st_ino), 0, 8)
    assert task.read() == b"one\ntwo\n"
    os.truncate(path, 4)
    with pytest.raises(OSError, match="changed"):
        task.read()
    (tmp_path / "new").write_bytes(b"six\nten\n")
    (tmp_path / "new").rename(path)
    with pytest.raises(OSError, match="changed"):
        task.read()


def test_with_patience_a_large_log_is_shown_as_far_as_it_is_read(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is up at once: the part read so far, with its share of the whole, then more, then all."""
    write_log(tmp_path, *(line(step, loss=0.5) for step in range(100)))
    go_on = threading.Semaphore(0)
    halfway = threading.Event()

    def slowly(*arguments: Any) -> Iterator[Any]:
        for count, each in enumerate(decode_ranges(*arguments)):
            go_on.acquire()
            yield each
            if count == 9:
                halfway.set()

    monkeypatch.setattr(training_log, "decode_ranges", slowly)
    monkeypatch.setattr(training_log, "helpers_here", lambda: 0)
    reader = RunReader(tmp_path)
    none = reader.read(patience=0)
    assert (none.read_fraction, len(none.history)) == (0, 0)
    go_on.release(10)
    assert halfway.wait(20)
    part = reader.read(patience=0)
    assert 0 < part.read_fraction < 1
    assert 0 < len(part.history) < 100
    assert part.version not in (none.version, "")
    assert reader.version() == part.version
    assert reader.read(patience=0) is part
    go_on.release(1000)
    whole = reader.read(patience=20)
    assert (whole.read_fraction, len(whole.history)) == (1, 100)
    assert whole.version == reader.version() != part.version
    assert part.history.step.tolist() == list(range(len(part.history)))


def test_with_patience_a_small_log_is_read_at_once(tmp_path: Path) -> None:
    """There is nothing to wait for."""
    write_log(tmp_path, line(1))
    state = RunReader(tmp_path).read(patience=0)
    assert (len(state.history), state.read_fraction) == (1, 1)


def test_many_threads_get_one_reading(tmp_path: Path) -> None:
    """Each sees the same state, and the log is read once."""
    path = write_log(tmp_path, *(line(step, loss=0.5) for step in range(500)))
    reader, states, barrier = RunReader(tmp_path), list[Any](), threading.Barrier(8)

    def look() -> None:
        barrier.wait()
        states.append(reader.read())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(state) for state in states}) == 1
    assert reader.bytes_read == path.stat().st_size
