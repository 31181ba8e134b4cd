from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fixtures.thalia_files import plain
from tests.reading.writing import append, growth, line, log_text, write_log, write_metadata
from thalia_monitor.analysis.liveness import Status, liveness
from thalia_monitor.errors import RunUnreadable
from thalia_monitor.reading.run_reader import RunReader, load_training_state


def test_an_empty_directory_is_an_empty_run(tmp_path: Path) -> None:
    """Nothing has been written yet: no numbers, and no problems either."""
    state = load_training_state(tmp_path)
    assert (state.current_step, state.current_stage, state.metrics, len(state.history)) == (0, None, {}, 0)
    assert (state.problems, state.sources, state.last_update) == ([], (), None)


@pytest.mark.parametrize("what", ["missing", "file"])
def test_a_directory_that_cannot_be_listed_is_an_error_with_advice(tmp_path: Path, what: str) -> None:
    """A missing directory, or a file in its place, is an error that names it: to programs, a problem."""
    path = tmp_path / what
    if what == "file":
        path.write_text("")
    with pytest.raises(RunUnreadable, match=what):
        RunReader(path).version()
    state = load_training_state(path)
    assert (state.name, state.current_stage, state.current_step, state.metrics) == (what, None, 0, {})
    assert [(each.file, each.line) for each in state.problems] == [(str(path), None)]
    assert what in state.problems[0].reason


def test_unchanged_files_give_the_same_state_and_cost_no_reading(tmp_path: Path) -> None:
    """A tick on unchanged files costs their status only."""
    write_log(tmp_path, line(1000, loss=0.5))
    write_metadata(tmp_path, "1", 1000)
    reader = RunReader(tmp_path)
    state, read = reader.read(), reader.bytes_read
    assert reader.version() == state.version
    assert reader.read() is state
    assert reader.bytes_read == read


def test_a_grown_log_costs_only_the_new_bytes(tmp_path: Path) -> None:
    """What was read before is neither read nor decoded again, and the old state stays as it was."""
    path = write_log(tmp_path, *(line(1000 * each, loss=1 / (each + 1)) for each in range(100)))
    reader = RunReader(tmp_path)
    before, read = reader.read(), reader.bytes_read
    new = log_text(line(100_000, loss=0.001), growth(100_500))
    append(path, new)
    after = reader.read()
    assert reader.bytes_read - read == len(new)
    assert (len(before.history), len(after.history)) == (100, 101)
    assert (len(before.growth_events), len(after.growth_events)) == (0, 1)
    assert before.version != after.version


def test_a_log_without_metadata_is_shown(tmp_path: Path) -> None:
    """Either of the two documented files is enough."""
    write_log(tmp_path, line(1000, loss=0.5), line(2000, loss=0.25))
    state = load_training_state(tmp_path)
    assert (state.current_step, state.metrics) == (2000, {"loss": 0.25})


def test_a_log_that_is_gone_stays_on_show_until_it_is_back(tmp_path: Path) -> None:
    """Deleting the log loses nothing that was read; the problem goes when the file returns."""
    path = write_log(tmp_path, line(1000, loss=0.5))
    reader = RunReader(tmp_path)
    reader.read()
    path.rename(tmp_path / "aside")
    gone = reader.read()
    assert len(gone.history) == 1
    assert "is gone" in gone.problems[0].reason
    (tmp_path / "aside").rename(path)
    append(path, log_text(line(2000, loss=0.25)))
    back = reader.read()
    assert (len(back.history), back.problems) == (2, [])
    assert back.history.lineage is gone.history.lineage


def test_a_replaced_log_is_read_again(tmp_path: Path) -> None:
    """Another file in its place is another log, even when it is longer."""
    path = write_log(tmp_path, line(1000, loss=0.5))
    reader = RunReader(tmp_path)
    before = reader.read()
    (tmp_path / "new").write_text(log_text(line(7, loss=0.7), line(8, loss=0.8)))
    (tmp_path / "new").rename(path)
    after = reader.read()
    assert after.history.step.tolist() == [7, 8]
    assert before.history.step.tolist() == [1000]
    assert after.history.lineage is not before.history.lineage


def test_a_directory_that_vanishes_is_an_error_until_it_is_back(tmp_path: Path) -> None:
    """The reader itself survives, and goes on when the directory returns."""
    directory = tmp_path / "run"
    directory.mkdir()
    write_log(directory, line(1000, loss=0.5))
    reader = RunReader(directory)
    reader.read()
    directory.rename(tmp_path / "elsewhere")
    with pytest.raises(RunUnreadable):
        reader.read()
    (tmp_path / "elsewhere").rename(directory)
    assert len(reader.read().history) == 1


def test_a_pipe_in_place_of_the_log_does_not_block(tmp_path: Path) -> None:
    """What is not a regular file is a problem, and is never opened."""
    os.mkfifo(tmp_path / "training_log.json")
    state = load_training_state(tmp_path)
    assert "not a regular file" in state.problems[0].reason


def test_the_version_is_a_short_text_that_changes_with_any_file(tmp_path: Path) -> None:
    """A browser can keep and compare it; a number of nanoseconds it could not."""
    reader = RunReader(tmp_path)
    versions = [reader.version()]
    write_log(tmp_path, line(1))
    versions.append(reader.version())
    write_metadata(tmp_path, "1", 1)
    versions.append(reader.version())
    assert len(set(versions)) == 3
    assert all(len(version) < 40 for version in versions)


@pytest.mark.parametrize("name", ["stage_0_emergency_stop", "stage_0_emergency_stop_low_theta"])
def test_an_emergency_stop_is_kept_beside_a_log_that_has_warnings(tmp_path: Path, name: str) -> None:
    """A checkpoint of the safety system ends the run, though the log's own warnings replace other files'."""
    warning = {"step": 2000, "timestamp": 1000.0, "event_type": "warning", "message": "High capacity: 0.9"}
    (tmp_path / "training_log.json").write_text(
        f'{{"step": 2000, "timestamp": 999.0}}\n{json.dumps(warning)}\n'
    )
    saved = {"global_step": 2100, "current_stage": 0, "timestamp": "1970-01-01T00:16:45"}
    (tmp_path / f"{name}.thalia").write_bytes(plain(saved))
    state = load_training_state(tmp_path)
    stop, own = state.events_of("warning")
    assert (stop.step, stop.time, own.step) == (2100, 1005.0, 2000)
    words = name.removeprefix("stage_0_").replace("_", " ")
    assert stop.fields["message"] == f"Checkpoint saved for {words}"
    assert liveness(state, 2000.0).status is Status.STOPPED


def test_an_early_stop_is_kept_beside_a_log_that_has_warnings(tmp_path: Path) -> None:
    """The same of the newest loop's events, beside a log that our own logger writes."""
    warning = {"step": 5, "event_type": "warning", "message": "High capacity: 0.9"}
    (tmp_path / "training_log.json").write_text(f'{{"step": 5, "loss": 1}}\n{json.dumps(warning)}\n')
    (tmp_path / "events.log").write_text("[trial     5 |      9.0s] ALERT  EARLY STOP: 5 critical issues\n")
    state = load_training_state(tmp_path)
    assert [event.fields["message"] for event in state.events_of("warning")] == [
        "EARLY STOP: 5 critical issues",
        "High capacity: 0.9",
    ]
    assert liveness(state, 2e9).status is Status.STOPPED
