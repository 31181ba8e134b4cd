"""Windows of spikes: listed by their names, read when shown, refused with the reason, never unpickled."""

from __future__ import annotations

import json
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.reading.writing import line, write_log
from thalia_monitor import load_training_state
from thalia_monitor.check import inspect
from thalia_monitor.model.records import Problem
from thalia_monitor.model.run import TrainingState
from thalia_monitor.model.spike_window import RegionSpikes, SpikeWindow
from thalia_monitor.reading import timeouts
from thalia_monitor.reading.files import Torn
from thalia_monitor.reading.formats import spikes
from thalia_monitor.reading.formats.spikes import read_window
from thalia_monitor.reading.run_reader import RunReader

CORTEX = {"neurons": 2, "of": 100, "spikes": {"0": [1.5, 20], "50": []}}


def content(step: int, /, **fields: Any) -> str:
    """A window as the logger writes it, but for what ``fields`` say otherwise."""
    return json.dumps({"step": step, "window_ms": 200.0, "regions": {"cortex": CORTEX}} | fields)


def put(directory: Path, step: int, text: str | bytes | None = None) -> Path:
    """Write a window, or anything else under its name."""
    path = directory / "spikes" / f"step_{step:010d}.json"
    path.parent.mkdir(exist_ok=True)
    written = content(step) if text is None else text
    path.write_bytes(written if isinstance(written, bytes) else written.encode())
    return path


def only(state: TrainingState) -> SpikeWindow | Problem:
    """Read the run's one window."""
    (file,) = state.spike_files
    return file.read()


def test_windows_are_listed_by_step_and_read_when_shown(tmp_path: Path) -> None:
    """Eleven digits come after ten; other names are not windows; nothing is opened for the list."""
    for step in (20_000_000_000, 9_000, 36_000):
        put(tmp_path, step)
    (tmp_path / "spikes" / "step_5.json").write_text("{")
    (tmp_path / "spikes" / "step_0000000001.json").mkdir()
    os.mkfifo(tmp_path / "spikes" / "step_0000000002.json")
    state = load_training_state(tmp_path)
    assert [each.step for each in state.spike_files] == [9_000, 36_000, 20_000_000_000]
    assert state.problems == []
    (source,) = state.sources
    assert (source.file, source.records, source.first_step, source.last_step) == (
        *("spikes/step_*.json", 3, 9_000, 20_000_000_000),
    )
    region = RegionSpikes("cortex", 100, ("0", "50"), ((1.5, 20.0), ()))
    assert state.spike_files[0].read() == SpikeWindow(9_000, 200.0, (region,))
    assert [(each.file, each.note) for each in state.unread] == [("spikes/*.json", "2 files, not read")]


def test_only_a_new_window_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version of the run costs no reading of a window that is the same."""
    write_log(tmp_path, line(1, loss=0.5))
    put(tmp_path, 1)
    reader = RunReader(tmp_path)
    first = only(reader.read())
    monkeypatch.setattr(spikes, "read_document", None)
    with (tmp_path / "training_log.json").open("a") as log:
        log.write('{"step": 2, "loss": 0.4}\n')
    state = reader.read()
    assert state.current_step == 2
    assert only(state) is first
    monkeypatch.undo()
    put(tmp_path, 1, content(1, window_ms=500))
    later = only(reader.read())
    assert isinstance(later, SpikeWindow)
    assert later.milliseconds == 500


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ('{"step": 7, "win', "not whole JSON"),
        ("[1]", "a list"),
        (content(8), "is named for step 7, and holds step 8"),
        (content(7, step=None), "holds step null"),
        (content(7, window_ms=0), "window_ms is 0"),
        (content(7, window_ms=float("nan")), "window_ms is nan"),
        (content(7, window_ms=True), "window_ms is true or false"),
        (content(7, regions={}), "regions are no object of 1 to 100"),
        (content(7, regions={"r" * 201: CORTEX}), "longer than 200"),
        (content(7, regions={"cortex": {"spikes": {}}}), "of region 'cortex' are no object"),
        (content(7, regions={"cortex": CORTEX | {"spikes": {"1": 5}}}), "no list of at most 1,000"),
        (content(7, regions={"cortex": CORTEX | {"spikes": {"1": [0] * 1_001}}}), "no list of at most 1,000"),
        (content(7, regions={"cortex": CORTEX | {"spikes": {"1": ["1"]}}}), "fires at a text"),
        (content(7, regions={"cortex": CORTEX | {"spikes": {"1": [200.1]}}}), "fires at 200.1, not within 0"),
        (content(7, regions={"cortex": CORTEX | {"of": -1}}), "of of 'cortex' is -1"),
        (content(7, regions={"cortex": CORTEX | {"left_out": "many"}}), "left_out of 'cortex' is a text"),
        ("[" * 100_000, "cannot be parsed"),
    ],
)
def test_a_window_that_cannot_be_read_says_why(tmp_path: Path, text: str, words: str) -> None:
    """With the file's name; the run itself is shown, and ``check`` lists it as a problem."""
    put(tmp_path, 7, text)
    state = load_training_state(tmp_path)
    problem = only(state)
    assert isinstance(problem, Problem)
    assert problem.file == "spikes/step_0000000007.json"
    assert words in problem.reason
    assert state.problems == []
    report = inspect(tmp_path)
    assert (report.exit_code, list(report.problems)) == (1, [problem])


def test_check_knows_the_windows(tmp_path: Path) -> None:
    """They are no unknown files, and whole ones no problem."""
    put(tmp_path, 7)
    report = inspect(tmp_path)
    assert report.exit_code == 0
    assert [(each.file, each.format) for each in report.files] == [
        ("spikes/step_0000000007.json", "spike windows")
    ]


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self._proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._proof,)


def test_a_pickle_under_the_name_is_refused(tmp_path: Path) -> None:
    """Its code does not run."""
    proof = tmp_path / "proof"
    trap = pickle.dumps(Trap(proof))
    put(tmp_path, 7, trap)
    assert isinstance(only(load_training_state(tmp_path)), Problem)
    assert not proof.exists()
    pickle.loads(trap)
    assert proof.exists()  # it would have


def test_a_huge_file_is_a_problem_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse gigabyte is named, not offered, and refused also where it grows after it was listed."""
    os.truncate(put(tmp_path, 7), 2**30)
    put(tmp_path, 8)
    state = load_training_state(tmp_path)
    assert [each.step for each in state.spike_files] == [8]
    (problem,) = state.problems
    assert problem.file == "spikes/step_0000000007.json"
    assert problem.reason == "is larger than 2 MB, more than this monitor reads into memory"
    os.truncate(tmp_path / "spikes" / "step_0000000008.json", 2**30)
    grown = state.spike_files[0].read()
    assert isinstance(grown, Problem)
    assert "is larger than 2 MB" in grown.reason


def test_a_link_out_of_the_run_is_not_followed(tmp_path: Path) -> None:
    """Neither a window that is one, nor one that becomes one after it was listed."""
    outside = put(tmp_path, 7)
    run = tmp_path / "run"
    run.mkdir()
    put(run, 8)
    (run / "spikes" / "step_0000000007.json").symlink_to(outside)
    state = RunReader(run, within=run).read()
    assert [each.step for each in state.spike_files] == [8]
    path = run / "spikes" / "step_0000000008.json"
    path.unlink()
    path.symlink_to(put(tmp_path, 8))
    refused = only(state)
    assert isinstance(refused, Problem)
    assert "leads out of the run's directory" in refused.reason


def test_a_window_that_is_gone_or_replaced_by_a_pipe_says_so(tmp_path: Path) -> None:
    """The logger removes old ones while somebody looks at them; a pipe is not waited for."""
    path = put(tmp_path, 7)
    state = load_training_state(tmp_path)
    path.unlink()
    gone = only(state)
    assert isinstance(gone, Problem)
    assert "cannot be opened: No such file" in gone.reason
    os.mkfifo(path)
    pipe = only(state)
    assert isinstance(pipe, Problem)
    assert "not a regular file" in pipe.reason


def test_a_file_system_that_does_not_answer_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window is given up after the limit, the next at once."""
    put(tmp_path, 7)
    release = threading.Event()
    monkeypatch.setattr(timeouts.TimedCalls.__init__, "__defaults__", (0.05,))
    state = load_training_state(tmp_path)
    monkeypatch.setattr(spikes, "read_window", lambda *_: release.wait(20))
    for _ in range(2):
        given_up = only(state)
        assert isinstance(given_up, Problem)
        assert "does not answer" in given_up.reason
    release.set()


def test_of_very_many_windows_the_newest_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of files says how many there are."""
    monkeypatch.setattr(spikes, "MOST_LISTED", 2)
    for step in (1, 2, 3):
        put(tmp_path, step)
    state = load_training_state(tmp_path)
    assert [each.step for each in state.spike_files] == [2, 3]
    assert state.sources[0].note == "the newest 2 of 3 are offered"


def test_windows_beyond_a_resume_are_not_the_newest(tmp_path: Path) -> None:
    """Training has gone back to before them, and not come to them again."""
    write_log(tmp_path, *(line(step, loss=0.5) for step in (10, 20, 30, 5, 12)))
    for step in (10, 20, 30):
        put(tmp_path, step)
    state = load_training_state(tmp_path)
    assert [each.step for each in state.spike_windows] == [10]


def test_spikes_alone_make_no_run_of_a_folder(tmp_path: Path) -> None:
    """Other programs may have files of such names: below a root they do not count."""
    from thalia_monitor.reading.run_search import Root, search  # noqa: PLC0415 - slow to import

    put(tmp_path, 7)
    assert search(Root(tmp_path)).runs == ()


JSON = some.recursive(
    some.none() | some.booleans() | some.floats() | some.integers() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
TIMES = some.lists(some.floats(-10, 300) | some.integers(-1, 201) | JSON, max_size=5)
REGION = some.fixed_dictionaries(
    {"spikes": some.dictionaries(some.text(max_size=4), TIMES, max_size=4) | JSON},
    optional={"of": JSON | some.integers(0, 9), "left_out": JSON | some.integers(0, 9)},
)
WINDOW = some.fixed_dictionaries(
    {
        "step": some.just(7) | JSON,
        "window_ms": some.just(200.0) | JSON,
        "regions": some.dictionaries(some.text(max_size=4), REGION, min_size=1, max_size=3) | JSON,
    }
)


@given(document=WINDOW | JSON)
def test_whatever_a_file_holds_is_a_window_or_refused(
    tmp_path_factory: pytest.TempPathFactory, document: Any
) -> None:
    """Every time of a window lies in it and in order; anything else is refused with a reason."""
    path = tmp_path_factory.getbasetemp() / "step_0000000007.json"
    path.write_text(json.dumps(document))
    try:
        window = read_window(path, 7)
    except Torn as torn:
        assert torn.reason
        return
    for region in window.regions:
        assert len(region.neurons) == len(region.times) <= region.of
        for times in region.times:
            assert list(times) == sorted(times)
            assert all(0 <= time <= window.milliseconds for time in times)


@given(junk=some.binary(max_size=200))
def test_bytes_that_are_no_json_are_refused(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    """With a reason, whatever they are."""
    path = tmp_path_factory.getbasetemp() / "step_0000000009.json"
    path.write_bytes(junk)
    with pytest.raises(Torn):
        read_window(path, 9)
