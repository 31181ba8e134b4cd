from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import psutil
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.reading.logger_files import BEGAN, logged, stage_log, write_json
from tests.reading.states import comparable
from tests.reading.wild import USUAL, WILD_LOGS
from tests.reading.writing import append, growth, line, log_text, write_log
from thalia_monitor.reading import arrays, columns, snapshot
from thalia_monitor.reading.jsonl import bulk_decode, parallel
from thalia_monitor.reading.jsonl import log as training_log
from thalia_monitor.reading.run_reader import RunReader, load_training_state
from thalia_monitor.reading.snapshot import SnapshotFolder

Reader = Callable[[], RunReader]


@pytest.fixture(autouse=True)
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs of any size have a snapshot, and whatever is added makes a new one."""
    monkeypatch.setattr(training_log, "MIN_SHARED_BYTES", 1)
    monkeypatch.setattr(training_log, "LOCK_TIMEOUT", 0.02)
    monkeypatch.setattr(training_log, "MIN_ADDED_BYTES", 0)
    monkeypatch.setattr(training_log, "MIN_ADDED_SHARE", 0)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache directory that does not exist yet."""
    return tmp_path / "cache"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with some lines, an event and a problem."""
    directory = tmp_path / "run"
    directory.mkdir()
    lines = [line(step, loss=1 / (step + 1), neuron_counts={"cortex": step}) for step in range(20)]
    write_log(directory, *lines, growth(20, new_total=float("nan")), {"step": -1}, line(20, other=0.5))
    return directory


@pytest.fixture
def reader(run: Path, cache: Path) -> Reader:
    """Makes readers of the run, as other processes or later ones would."""
    return lambda: RunReader(run, cache=cache)


def log(directory: Path) -> Path:
    """The run's log."""
    return directory / "training_log.json"


def test_a_second_reader_need_not_read_the_log(run: Path, reader: Reader) -> None:
    """After a restart, or in another worker: everything is there, and no byte was read."""
    first = reader()
    first.read()
    second = reader()
    assert comparable(second.read()) == comparable(first.read()) == comparable(load_training_state(run))
    assert second.bytes_read == 0


def test_what_is_new_is_read_once_for_all(run: Path, reader: Reader) -> None:
    """The readers take turns at reading first."""
    readers = [reader() for _ in range(3)]
    for turn in range(6):
        append(log(run), log_text(line(21 + turn, loss=0.5), growth(21 + turn)))
        states = [each.read() for each in readers[turn % 3 :] + readers[: turn % 3]]
        assert all(comparable(state) == comparable(states[0]) for state in states)
        assert len(states[0].history) == 22 + turn
    assert sum(each.bytes_read for each in readers) == log(run).stat().st_size
    assert comparable(readers[0].read()) == comparable(load_training_state(run))


def test_columns_are_mapped_and_read_only(reader: Reader) -> None:
    """Several processes share the pages of one file, and none can spoil them."""
    state = reader().read()
    again = reader().read()
    values = state.history.metrics["loss"].values
    base: Any = values
    while not isinstance(base, arrays.MappedArrays):
        base = base.obj if isinstance(base, memoryview) else base.base
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1
    assert not np.shares_memory(values, again.history.metrics["loss"].values)


def test_a_state_does_not_change_while_another_reader_goes_on(run: Path, reader: Reader) -> None:
    """Not even the segment of a line that another reader finds to be a straggler."""
    first, second = reader(), reader()
    append(log(run), log_text(line(5)))
    before = first.read()
    expected = comparable(before)
    append(log(run), log_text(*(line(step, loss=0.1, new=1) for step in range(30, 60))))
    after = second.read()
    assert comparable(before) == expected
    assert not after.history.ordered
    assert comparable(first.read()) == comparable(after)
    assert first.read().history.lineage is not before.history.lineage


def test_the_lineage_lives_as_long_as_the_rows(run: Path, reader: Reader) -> None:
    """What was computed for earlier rows can be kept as long as they are the same."""
    first, second = reader(), reader()
    lineage = first.read().history.lineage
    append(log(run), log_text(line(30)))
    second.read()
    assert first.read().history.lineage is lineage
    log(run).write_text(log_text(line(1)))
    second.read()
    assert first.read().history.lineage is not lineage


@pytest.mark.parametrize("happening", ["replaced", "cut", "rewritten"])
def test_a_snapshot_is_valid_only_for_its_own_file(
    tmp_path: Path, run: Path, reader: Reader, happening: str
) -> None:
    """Another file in the log's place is read again, by a new reader and by an old one."""
    old = reader()
    before = old.read()
    text = log_text(*(line(step, loss=0.25) for step in range(100, 140)))
    if happening == "replaced":
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").rename(log(run))
    else:
        log(run).write_text(text if happening == "rewritten" else log_text(line(7)))
    expected = comparable(load_training_state(run))
    assert comparable(reader().read()) == expected
    after = old.read()
    assert comparable(after) == expected
    assert after.history.lineage is not before.history.lineage


def damaged_files(cache: Path) -> list[Path]:
    """Every file of the cache that could be damaged."""
    return sorted(path for path in cache.rglob("*") if path.is_file() and path.name != "lock")


@pytest.mark.parametrize("damage", ["removed", "emptied", "garbage"])
def test_a_damaged_snapshot_is_rebuilt_without_a_message(
    run: Path, cache: Path, reader: Reader, damage: str
) -> None:
    """Whichever of its files is lost, cut, or not what it was, nobody sees more than a moment's delay."""
    reader().read()
    for place, _ in enumerate(damaged_files(cache)):
        path = damaged_files(cache)[place]
        path.unlink()
        if damage != "removed":
            path.write_bytes(b"" if damage == "emptied" else os.urandom(200))
        again = reader()
        assert comparable(again.read()) == comparable(load_training_state(run)), path.name
        append(log(run), log_text(line(50 + place)))
        assert (
            comparable(again.read()) == comparable(reader().read()) == comparable(load_training_state(run))
        ), path.name


CUT = """
import os, sys
from pathlib import Path
from thalia_monitor.reading.jsonl import log as training_log
from thalia_monitor.reading.run_reader import RunReader, load_training_state
training_log.MIN_SHARED_BYTES = 1
run, cache, grows = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "grows"
reader = RunReader(run, cache=cache)
reader.read()
snapshots = list(cache.rglob("*.snapshot"))
for each in snapshots:
    os.truncate(each, 0)
if grows:
    with (run / "training_log.json").open("a") as log:
        log.write('{"step": 30, "loss": 0.125}\\n')
found, right = reader.read().history, load_training_state(run).history
assert found.step.tolist() == right.step.tolist()
assert found.metrics["loss"].values.tolist() == right.metrics["loss"].values.tolist()
again = RunReader(run, cache=cache).read().history
assert again.metrics["loss"].values.tolist() == right.metrics["loss"].values.tolist()
print(len(snapshots), "cut")
"""


@pytest.mark.parametrize("log_then", ["grows", "stays"])
def test_a_snapshot_that_is_cut_while_it_is_mapped_kills_nobody(
    run: Path, cache: Path, log_then: str
) -> None:
    """Reading a mapped file behind its end is the death of a process: it is seen before, the log read again."""
    command = [sys.executable, "-c", CUT, str(run), str(cache), log_then]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.split()[1:]) == (0, ["cut"]), done.stderr


CUT_WHILE_SLOW = """
import os, sys, time
from pathlib import Path
from thalia_monitor.reading import run_reader
from thalia_monitor.reading.jsonl import log as training_log
training_log.MIN_SHARED_BYTES, run_reader.SLOW = 1, 0.2
run, cache = Path(sys.argv[1]), Path(sys.argv[2])
reader = run_reader.RunReader(run, cache=cache)
reader.read()
read = training_log.LogReader.read
training_log.LogReader.read = lambda *arguments: (time.sleep(1.5), read(*arguments))[1]
for each in cache.rglob("*.snapshot"):
    os.truncate(each, 0)
history = reader.read(patience=0.1).history
print(len(history), sum(float(column.values.sum()) for column in history.metrics.values()))
"""


def test_while_a_log_is_read_again_nobody_is_shown_what_was_cut(run: Path, cache: Path) -> None:
    """The reading takes longer than the page waits: the page has what there is of it, not the columns of before."""
    write_log(run, *(line(step, loss=0.5) for step in range(20_000)))
    command = [sys.executable, "-c", CUT_WHILE_SLOW, str(run), str(cache)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, ["0", "0"]), done.stderr


def test_a_snapshot_of_another_version_is_not_used(
    run: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version may read the same log otherwise."""
    reader().read()
    monkeypatch.setattr(snapshot, "SNAPSHOT_FORMAT", "another")
    again = reader()
    again.read()
    assert again.bytes_read == log(run).stat().st_size


def test_a_snapshot_from_before_the_machine_was_started_is_not_used(
    run: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had not reached the disk is lost then, and nothing tells what."""
    reader().read()
    monkeypatch.setattr(snapshot, "_boot_id", lambda: "later")
    again = reader()
    again.read()
    assert again.bytes_read == log(run).stat().st_size


def test_without_room_for_a_snapshot_the_log_is_read_all_the_same(
    run: Path, cache: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk costs the speed, and nothing else."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(arrays.ArrayLayout, "write", full)
    again = reader()
    assert comparable(again.read()) == comparable(load_training_state(run))
    assert again.bytes_read == log(run).stat().st_size
    assert [each.name for each in damaged_files(cache)] == []


def test_a_log_of_very_many_metrics_takes_one_open_file(run: Path, reader: Reader) -> None:
    """A process may only have so many files open, and serves pages besides."""
    append(log(run), log_text(line(50, **{f"metric {number}": 1 for number in range(200)})))
    first, again = reader(), reader()
    gc.collect()
    before = len(psutil.Process().open_files())
    states = [each.read() for each in (first, again)]
    assert len(psutil.Process().open_files()) <= before + 2
    assert comparable(states[0]) == comparable(states[1]) == comparable(load_training_state(run))
    assert again.bytes_read == 0


def test_a_cache_that_cannot_be_written_does_not_matter(run: Path, tmp_path: Path) -> None:
    """Nor one that is no directory."""
    (tmp_path / "file").write_text("")
    again = RunReader(run, cache=tmp_path / "file")
    assert comparable(again.read()) == comparable(load_training_state(run))
    append(log(run), log_text(line(50)))
    assert len(again.read().history) == 22


def test_a_cache_that_is_emptied_while_it_is_used_does_not_matter(
    run: Path, cache: Path, reader: Reader
) -> None:
    """What is on show stays, and what is new is read."""
    first = reader()
    state = first.read()
    expected = comparable(state)
    for path in damaged_files(cache):
        path.unlink()
    assert comparable(state) == expected
    append(log(run), log_text(*(line(50 + step) for step in range(40))))
    assert comparable(first.read()) == comparable(load_training_state(run))


def test_a_process_that_holds_the_lock_and_hangs_is_not_waited_for_without_end(
    run: Path, cache: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some time the log is read without a snapshot."""
    monkeypatch.setattr(training_log, "MAX_IDLE_CHECKS", 3)
    path = SnapshotFolder(cache, log(run)).path
    path.mkdir(parents=True)
    with FileLock(path / "lock"):
        assert comparable(reader().read()) == comparable(load_training_state(run))


def test_another_reader_sees_how_far_the_first_has_come(
    run: Path, cache: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one process reads a large log in, the others show the part that is there."""
    monkeypatch.setattr(parallel, "RANGE", 100)
    monkeypatch.setattr(training_log, "PROGRESS_BYTES", 100)
    monkeypatch.setattr(training_log, "PROGRESS_SHARE", 0)
    for module in (parallel, training_log):
        monkeypatch.setattr(module, "MIN_PARALLEL_BYTES", 300)
    monkeypatch.setattr(training_log, "helpers_here", lambda: 0)
    seen: list[int] = []

    def watched(*arguments: Any) -> Any:
        for each in parallel.decode_ranges(*arguments):
            yield each
            found = SnapshotFolder(cache, log(run)).load()
            seen.append(found.description.history.step.size if found else 0)

    monkeypatch.setattr(training_log, "decode_ranges", watched)
    reader().read()
    assert len(set(seen)) > 3
    assert seen == sorted(seen)


def test_small_logs_have_no_snapshot(
    run: Path, cache: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read faster than a snapshot is mapped; one that grows has one from then on."""
    monkeypatch.setattr(training_log, "MIN_SHARED_BYTES", 1800)
    first = reader()
    first.read()
    assert not cache.exists()
    append(log(run), log_text(*(line(50 + step) for step in range(100))))
    assert comparable(first.read()) == comparable(reader().read()) == comparable(load_training_state(run))
    assert cache.exists()


def test_the_cache_is_bounded(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond that the snapshots used longest ago are removed; the one in use never is."""
    monkeypatch.setattr(snapshot, "MAX_TOTAL_BYTES", 1)
    for number in range(3):
        directory = tmp_path / f"run{number}"
        directory.mkdir()
        write_log(directory, line(1))
        RunReader(directory, cache=cache).read()
    assert len(list(cache.iterdir())) == 1


def test_nothing_is_written_beside_the_log(run: Path, reader: Reader) -> None:
    """The checkpoint directory belongs to the training; it may be read-only."""
    before = sorted(run.iterdir())
    run.chmod(0o500)
    reader().read()
    run.chmod(0o700)
    assert sorted(run.iterdir()) == before


@pytest.mark.parametrize("few", [0, 100, 10**6])
def test_many_readers_at_once_tell_the_same(
    run: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """However they fall over one another; where all of the log is in the snapshot, each byte is read once."""
    monkeypatch.setattr(training_log, "MIN_ADDED_BYTES", few)
    readers = [reader() for _ in range(4)]
    barrier, states = threading.Barrier(4), list[Any]()

    def follow(each: RunReader) -> None:
        for _ in range(10):
            barrier.wait()
            states.append(comparable(each.read()))
            if barrier.wait() == 0:
                append(log(run), log_text(line(100 + len(states)), growth(5)))

    threads = [threading.Thread(target=follow, args=(each,)) for each in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for turn in range(0, len(states), 4):
        assert all(each == states[turn] for each in states[turn : turn + 4])
    append(log(run), log_text(line(1000)))
    assert comparable(readers[0].read()) == comparable(load_training_state(run))
    if not few:
        assert sum(each.bytes_read for each in readers) == log(run).stat().st_size


def test_a_few_new_lines_need_no_lock(
    run: Path, cache: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every reader takes them from the log itself; the columns stay shared."""
    readers = [reader(), reader()]
    for each in readers:
        each.read()
    monkeypatch.setattr(training_log, "MIN_ADDED_BYTES", 10**6)
    append(log(run), log_text(line(50, loss=0.25, novelty=1), growth(51)))
    with FileLock(SnapshotFolder(cache, log(run)).path / "lock"):
        states = [each.read() for each in readers]
    assert comparable(states[0]) == comparable(states[1]) == comparable(load_training_state(run))
    monkeypatch.setattr(training_log, "MIN_ADDED_BYTES", 0)
    append(log(run), log_text(line(5), line(60), growth(61), line(62, novelty=2)))
    states = [each.read() for each in readers]
    assert comparable(states[0]) == comparable(states[1]) == comparable(load_training_state(run))


def test_a_snapshot_is_written_again_when_a_few_percent_came_behind_it(
    run: Path, cache: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then each process keeps what is new in memory; then all of them share one copy again."""
    monkeypatch.setattr(training_log, "MIN_ADDED_SHARE", 0.05)
    first, second = reader(), reader()
    folder = SnapshotFolder(cache, log(run))

    def rows() -> int:
        found = folder.load()
        return found.description.history.step.size if found else 0

    states, seen = [first.read(), second.read()], {rows()}
    for turn in range(40):
        append(log(run), log_text(line(50 + turn, loss=0.25)))
        states = [first.read(), second.read()]
        assert comparable(states[0]) == comparable(states[1]) == comparable(load_training_state(run))
        seen.add(rows())
    assert 5 < len(seen) < 25
    assert second.bytes_read < log(run).stat().st_size / 2
    lineages = {each.history.lineage for each in states}
    assert len(lineages) == 2  # of its own in each process


def test_a_snapshot_that_knows_less_is_not_taken_over(
    run: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows on show never go away; the next snapshot holds them."""
    monkeypatch.setattr(training_log, "MIN_ADDED_BYTES", 100)
    ahead, behind = reader(), reader()
    ahead.read()
    behind.read()
    append(log(run), log_text(line(50)))
    ahead.read()
    append(log(run), log_text(line(51), line(52)))
    monkeypatch.setattr(training_log, "MIN_ADDED_BYTES", 0)
    behind.read()
    append(log(run), log_text(line(53)))
    read_before = ahead.bytes_read
    assert len(ahead.read().history) == 25
    assert ahead.bytes_read - read_before < 100
    assert comparable(ahead.read()) == comparable(behind.read()) == comparable(load_training_state(run))


def test_a_log_that_other_stages_stand_before_has_a_snapshot_of_its_own_lines(
    run: Path, cache: Path, reader: Reader
) -> None:
    """A later reader need not parse it either, and puts the same in front of it."""
    moments = (BEGAN + 100 + step for step in range(100))
    write_log(run, *(line(step, loss=0.5, timestamp=next(moments)) for step in range(30)))
    write_json(run, "stage_-1_log.json", stage_log(-1, 0, 9, step_metrics=logged((1000, 5000), 1)))
    first = reader()
    states = [first.read(), reader().read()]
    found = SnapshotFolder(cache, log(run)).load()
    assert found
    assert found.description.history.step.size == 30
    for turn in range(3):
        append(log(run), log_text(line(30 + turn, loss=0.25, timestamp=next(moments)), growth(30 + turn)))
        later = reader()
        states = [first.read(), later.read()]
        assert later.bytes_read < 400
        assert comparable(states[0]) == comparable(states[1]) == comparable(load_training_state(run))
    assert states[0].history.step.tolist() == [1000, 5000, *range(33)]
    assert first.bytes_read == log(run).stat().st_size


def test_what_a_killed_process_left_half_written_is_removed(run: Path, cache: Path, reader: Reader) -> None:
    """It is never read, and takes space."""
    reader().read()
    left = SnapshotFolder(cache, log(run)).path / "0123456789ab.new"
    left.write_bytes(b"half")
    append(log(run), log_text(line(50)))
    reader().read()
    assert not left.exists()


def test_a_line_that_one_reader_is_in_doubt_about_does_not_spoil_anothers(
    run: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has read up to a fallen step, the other past it, where it shows to be a straggler."""
    monkeypatch.setattr(training_log, "MIN_ADDED_BYTES", 10**6)
    readers = [reader() for _ in range(3)]
    for each in readers:
        each.read()
    append(log(run), log_text(line(5)))
    doubtful = readers[0].read()
    expected = comparable(doubtful)
    append(log(run), log_text(line(60), line(70)))
    assert comparable(readers[1].read()) == comparable(load_training_state(run))
    assert comparable(doubtful) == expected
    assert (
        comparable(readers[0].read()) == comparable(readers[2].read()) == comparable(load_training_state(run))
    )


def test_what_was_computed_of_a_doubtful_line_ends_with_its_doubt(
    run: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another reader has settled it in one go, and never doubted it: the rows are no longer the same to this one."""
    first, second = reader(), reader()
    for each in (first, second):
        each.read()
    monkeypatch.setattr(training_log, "MIN_ADDED_BYTES", 10**6)
    append(log(run), log_text(line(5, loss=0.75)))
    doubtful = first.read().history
    monkeypatch.setattr(training_log, "MIN_ADDED_BYTES", 0)
    append(log(run), log_text(line(60), line(70)))
    second.read()
    settled = first.read().history
    assert doubtful.segment[-1] == 1
    assert settled.segment[len(doubtful) - 1] == 0
    assert settled.lineage is not doubtful.lineage


@example(
    log_bytes=b"",
    usual=[{"step": 0, "loss": 0.0, "performance": 0.0, "neuron_counts": {"cortex": 0.0, "striatum": 0.0}}],
    happenings=[("first", 96, True), ("replace", 0, True), ("first", 0, True)],
    fast=False,
    few=0,
)
@given(
    log_bytes=WILD_LOGS,
    usual=st.lists(USUAL, min_size=1, max_size=4),
    happenings=st.lists(
        st.tuples(
            st.sampled_from(["first", "second", "restart", "replace"]), st.integers(0, 4000), st.booleans()
        ),
        max_size=6,
    ),
    fast=st.booleans(),
    few=st.sampled_from([0, 200, 10**6]),
)
@settings(max_examples=80, suppress_health_check=list(HealthCheck))
def test_any_log_any_cuts_any_restarts_give_the_same_state(
    tmp_path_factory: pytest.TempPathFactory,
    log_bytes: bytes,
    usual: list[dict[str, Any]],
    happenings: list[tuple[str, int, bool]],
    fast: bool,
    few: int,
) -> None:
    """Fast or slow, alone or with others, one process or two: what is shown is a function of the file alone.

    And what was computed of earlier rows is kept only as long as they are the same.
    """
    directory = tmp_path_factory.mktemp("run")
    cache = directory / "cache"
    content = log_text(*usual, *usual).encode() + log_bytes + b"\n" + log_text(*usual).encode() + log_bytes
    path, written = log(directory), 0
    path.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_log, "MIN_BULK_BYTES", 0 if fast else 10**9)
        patch.setattr(bulk_decode, "ALONE", 1)
        patch.setattr(training_log, "MIN_ADDED_BYTES", few)
        readers = {name: RunReader(directory, cache=cache) for name in ("first", "second", "restart")}
        seen = {name: reader.read().history for name, reader in readers.items()}
        whole = len(content)
        for name, cut, shared in [*happenings, ("first", whole, True), ("second", whole, True)]:
            if name == "replace":
                # Turned twice it would be the same but for a few bytes, which nothing could tell.
                content, written = b"%d\n" % len(content) + content[::-1].replace(b"[", b" "), 0
                path.unlink()
                path.touch()
                continue
            place = max(min(cut, len(content)), written)
            append(path, content[written:place])
            written = place
            if name == "restart":
                readers[name] = RunReader(directory, cache=cache)
            patch.setattr(training_log, "MIN_SHARED_BYTES", 1 if shared else 10**9)
            state, right = readers[name].read(), load_training_state(directory)
            assert comparable(state) == comparable(right)
            assert repr(state.history.first_time) == repr(right.history.first_time)
            assert state.history.time_span == right.history.time_span
            before, seen[name] = seen[name], state.history
            if before.lineage is state.history.lineage:
                rows = slice(len(before))
                assert np.array_equal(state.history.segment[rows], before.segment)
                assert np.array_equal(state.history.time[rows], before.time, equal_nan=True)


def test_a_clock_that_another_reader_found_out_about_ends_what_was_computed(
    run: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has read only lines of 1970; the other all at once, and knows that these have no time."""
    write_log(run, *(line(step, timestamp=1000.0 + step) for step in range(10)))
    monkeypatch.setattr(training_log, "MIN_SHARED_BYTES", 10**9)
    first = reader()
    before = first.read().history
    assert before.time_span == 9
    append(log(run), log_text(*(line(10 + step, timestamp=1_795_000_000.0 + step) for step in range(10))))
    monkeypatch.setattr(training_log, "MIN_SHARED_BYTES", 1)
    reader().read()
    after = first.read().history
    assert (after.time_span, after.first_time) == (9, 1_795_000_000.0)
    assert after.lineage is not before.lineage


@pytest.mark.parametrize("read", [8, 12, 16, 18, 22])
def test_segments_that_another_reader_took_back_are_no_longer_those_of_events(
    run: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch, read: int
) -> None:
    """Two writers share the log: one reader has begun segments at their falls, the other sees it at once."""
    lines = []
    for number in range(30):
        for late, lag in ((0, 0), (1, 3)):
            moment = 1_795_870_500.0 + 2 * number + late
            lines += [growth(100 + 10 * number, timestamp=moment)]
            lines += [line(100 + 10 * max(0, number - lag), loss=0.5, timestamp=moment)]
    write_log(run, *lines[:read])
    monkeypatch.setattr(training_log, "MIN_SHARED_BYTES", 10**9)
    first = reader()
    first.read()
    append(log(run), log_text(*lines[read:]))
    monkeypatch.setattr(training_log, "MIN_SHARED_BYTES", 1)
    reader().read()
    assert comparable(first.read()) == comparable(load_training_state(run))


def test_too_many_metrics_are_one_problem_in_every_process(
    run: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often a snapshot is written and mapped."""
    monkeypatch.setattr(columns, "MOST_SERIES", 2)
    write_log(run, line(1, a=1, b=1, c=1))
    first = reader()
    for step in range(2, 6):
        append(log(run), log_text(line(step, a=1, b=2, c=3)))
        states = [first.read(), reader().read()]
        assert [each.total_problems for each in states] == [1, 1]


def test_a_snapshot_that_cannot_be_mapped_is_not_written_again_and_again(
    run: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the system has no memory for it: the log is read without one, and tried again after a while."""
    written = Mock(side_effect=SnapshotFolder.write, autospec=True)
    monkeypatch.setattr(SnapshotFolder, "write", lambda *arguments: written(*arguments))
    mapping = arrays.MappedArrays.of

    def full(*_: Any) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(arrays.MappedArrays, "of", full)
    first = reader()
    for step in range(50, 60):
        append(log(run), log_text(line(step)))
        assert comparable(first.read()) == comparable(load_training_state(run))
    assert written.call_count == 1
    assert first.bytes_read == log(run).stat().st_size
    monkeypatch.setattr(arrays.MappedArrays, "of", mapping)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + training_log.PAUSE)
    append(log(run), log_text(line(70)))
    assert comparable(first.read()) == comparable(reader().read()) == comparable(load_training_state(run))
    assert written.call_count == 2


def test_a_process_that_waited_for_another_does_not_write_the_same_again(
    run: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It maps what that one has written, and reads the line that came since into its own memory."""
    monkeypatch.setattr(training_log, "MIN_ADDED_BYTES", 1000)
    written = Mock(side_effect=SnapshotFolder.write, autospec=True)
    monkeypatch.setattr(SnapshotFolder, "write", lambda *arguments: written(*arguments))
    waiting, other = reader(), reader()
    lock = SnapshotFolder.write_lock

    def after_the_other(folder: SnapshotFolder, timeout: float) -> Any:
        monkeypatch.setattr(SnapshotFolder, "write_lock", lock)
        other.read()
        append(log(run), log_text(line(50)))
        return lock(folder, timeout)

    monkeypatch.setattr(SnapshotFolder, "write_lock", after_the_other)
    waiting.read()
    assert comparable(waiting.read()) == comparable(load_training_state(run))
    assert written.call_count == 1


def test_a_process_that_reads_for_long_is_waited_for(
    run: Path, cache: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as it shows that it goes on, be it between two snapshots of a huge log."""
    monkeypatch.setattr(training_log, "MAX_IDLE_CHECKS", 3)
    folder, looks = SnapshotFolder(cache, log(run)), iter(range(12))
    lock = FileLock(folder.path / "lock", thread_local=False)

    def goes_on(_: SnapshotFolder) -> int:
        if (look := next(looks)) == 11:
            lock.release()
        return look

    folder.path.mkdir(parents=True)
    lock.acquire()
    monkeypatch.setattr(SnapshotFolder, "last_beat", property(goes_on))
    assert comparable(reader().read()) == comparable(load_training_state(run))
    assert folder.load()


@pytest.mark.parametrize("start", [0.0, 1_795_870_300.0], ids=["unset clock", "set clock"])
def test_readers_agree_on_what_a_log_turns_out_to_be(run: Path, reader: Reader, start: float) -> None:
    """That its clock was set only now, and that two share it, whichever of them reads first."""
    write_log(run, *(line(step, loss=0.5, timestamp=start + step) for step in range(0, 100, 10)))
    readers = [reader(), reader()]
    for number in range(30):
        for late, lag in ((0, 0), (1, 3)):
            moment = 1_795_870_500.0 + 2 * number + late
            event = growth(100 + 10 * number, timestamp=start + number)
            new = line(100 + 10 * max(0, number - lag), loss=0.5, timestamp=moment)
            append(log(run), log_text(event, new))
            readers[number % 2].read()
    whole = load_training_state(run)
    assert comparable(readers[0].read()) == comparable(readers[1].read()) == comparable(whole)
    assert [segment.kind for segment in whole.history.segments] == ["start"]
    assert len(whole.problems) == (2 if start == 0 else 1)
