"""The runs of a monitor: found, chosen by an id, read lazily, held within bounds, and independent of each other."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import Run, wait_until
from thalia_monitor.errors import RunUnreadable, UnknownRun
from thalia_monitor.reading import library as library_module
from thalia_monitor.reading import run_reader
from thalia_monitor.reading.library import Library, SearchedRoot, run_id
from thalia_monitor.reading.listing import Summary, list_directory
from thalia_monitor.reading.run_reader import RunReader
from thalia_monitor.reading.run_search import Found, Root, search


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search again at every question, and give up on a directory after half a second."""
    monkeypatch.setattr(library_module, "LOOK_AGAIN", 0.0)
    monkeypatch.setattr(library_module, "AT_ONCE", 0.0)


def make(directory: Path, *steps: int) -> Run:
    """A run with these steps."""
    directory.mkdir(parents=True)
    run = Run(directory)
    run.metrics(*steps)
    return run


def names(library: Library) -> list[str]:
    """What the runs are called, those that are gone in brackets."""
    return [f"({each.name})" if each.gone else each.name for each in library.entries()]


def test_directories_keep_their_order_and_their_ids(tmp_path: Path) -> None:
    """Runs named outright come as they were named, and an id is the same in every process."""
    first, second = make(tmp_path / "b", 1), make(tmp_path / "a", 2)
    library = Library([first.directory, second.directory])
    assert names(library) == ["b", "a"]
    assert [each.id for each in library.entries()] == [run_id(first.directory), run_id(second.directory)]
    assert library.read(run_id(second.directory)).current_step == 2
    assert library.several


@pytest.mark.parametrize("wanted", ["", "..", "../a", "/etc", "%2e%2e", "a\0b", "x" * 10_000, "\\..\\a"])
def test_a_run_is_chosen_by_its_id_only(tmp_path: Path, wanted: str) -> None:
    """No path, however it is written, is taken for a run."""
    make(tmp_path / "a", 1)
    library = Library([tmp_path / "a"], [Root(tmp_path)])
    with pytest.raises(UnknownRun) as raised:
        library.entry(wanted)
    assert len(str(raised.value)) < 300


def test_new_runs_appear_and_vanished_ones_say_so(tmp_path: Path) -> None:
    """A root is searched again: what is new is there, what is gone is listed as gone, what is back is back."""
    make(tmp_path / "one", 1)
    library = Library([], [Root(tmp_path)])
    assert names(library) == ["one"]
    two = make(tmp_path / "two", 2)
    wait_until(lambda: set(names(library)) == {"one", "two"})
    shutil.rmtree(tmp_path / "one")
    wait_until(lambda: names(library) == ["two", "(one)"])
    with pytest.raises(RunUnreadable):
        library.read(run_id(tmp_path / "one"))
    assert library.entry().directory == two.directory
    make(tmp_path / "one", 3)
    wait_until(lambda: set(names(library)) == {"one", "two"})
    assert library.read(run_id(tmp_path / "one")).current_step == 3


def test_a_run_that_another_worker_has_found_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id that is not known is searched for before it is refused."""
    monkeypatch.setattr(library_module, "LOOK_AGAIN", 1e9)
    library = Library([], [Root(tmp_path)])
    assert names(library) == []
    make(tmp_path / "new", 5)
    assert library.read(run_id(tmp_path / "new")).current_step == 5


def test_a_root_that_is_away_keeps_its_runs(tmp_path: Path) -> None:
    """When a root cannot be listed, its runs are not taken for deleted, and the trouble is said."""
    make(tmp_path / "root" / "one", 1)
    library = Library([], [Root(tmp_path / "root")])
    assert names(library) == ["one"]
    (tmp_path / "root").rename(tmp_path / "away")
    wait_until(lambda: bool(library.entries() and library.notes))
    assert names(library) == ["one"]


def test_listing_reads_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of runs are listed without a reader for any of them."""
    for number in range(300):
        make(tmp_path / f"{number:03}", 1)
    monkeypatch.setattr(RunReader, "__init__", lambda *_, **__: pytest.fail("a run was read"))
    library = Library([], [Root(tmp_path)])
    assert len(library.entries()) == 300
    assert [
        each.step for each in library.summaries([run_id(tmp_path / "007")]) if isinstance(each, Summary)
    ] == [1]


def test_only_so_many_runs_are_held(tmp_path: Path) -> None:
    """The run that was not looked at for longest is let go of, and read again when it is wanted again."""
    runs = [make(tmp_path / str(number), number) for number in range(5)]
    library = Library([run.directory for run in runs], most_readers=2)
    ids = [each.id for each in library.entries()]
    for number, run in enumerate(ids):
        assert library.read(run).current_step == number
    held = [key for key, reader in library._timed_readers.items() if reader.holding]
    assert held == ids[-2:]
    assert library.read(ids[0]).current_step == 0


def test_a_broken_run_costs_the_others_nothing(tmp_path: Path) -> None:
    """One good run among two hundred broken ones is read, and each broken one says what is wrong."""
    for number in range(200):
        broken = tmp_path / f"{number:03}"
        broken.mkdir()
        (broken / "training_log.json").write_bytes(bytes([number]) * 100)
        (broken / "metadata_1.json").write_text("{" * number)
    make(tmp_path / "good", 1, 2)
    library = Library([], [Root(tmp_path)])
    assert library.read(run_id(tmp_path / "good")).current_step == 2
    assert len(library.entries()) == 201
    summaries = library.summaries([each.id for each in library.entries()], limit=30)
    assert all(isinstance(each, Summary) for each in summaries)
    assert library.read(run_id(tmp_path / "007")).problems


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], threading.Event]]:
    """Make everything that lists a directory wait, as on a mount whose server is gone."""
    freed: list[threading.Event] = []

    def hang(directory: Path) -> threading.Event:
        answering = threading.Event()
        freed.append(answering)

        def slow(asked: Path, *rest: object) -> object:
            if asked == directory:
                answering.wait()
            return list_directory(asked, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr("thalia_monitor.reading.run_reader.list_directory", slow)
        monkeypatch.setattr("thalia_monitor.reading.listing.list_directory", slow)
        return answering

    monkeypatch.setattr(run_reader.TimedReader.__init__, "__kwdefaults__", {"limit": 0.3})
    yield hang
    for each in freed:
        each.set()


def test_a_run_on_a_hanging_mount_holds_up_nobody_else(
    tmp_path: Path, hanging: Callable[[Path], threading.Event]
) -> None:
    """That it does not answer is said, at once from the second time on; others are read; it comes back."""
    good, bad = make(tmp_path / "good", 1), make(tmp_path / "bad", 2)
    library = Library([bad.directory, good.directory])
    answering = hanging(bad.directory)
    for _ in range(5):
        with pytest.raises(RunUnreadable, match="does not answer"):
            library.read(run_id(bad.directory))
    assert library.read(run_id(good.directory)).current_step == 1
    stuck = [each for each in threading.enumerate() if each.name == "read bad"]
    assert len(stuck) <= 2, "asking again leaves no more threads behind"
    summaries = library.summaries([run_id(bad.directory), run_id(good.directory)])
    assert isinstance(summaries[0], str)
    assert isinstance(summaries[1], Summary)
    answering.set()
    wait_until(lambda: not any(each.name == "read bad" for each in threading.enumerate()))
    assert library.read(run_id(bad.directory)).current_step == 2


def test_a_root_on_a_hanging_mount_holds_up_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs below another root are listed, and the slow search is said."""
    monkeypatch.setattr(library_module, "WAIT", 0.2)
    make(tmp_path / "good" / "run", 1)
    answering = threading.Event()

    def slow(root: Root) -> Found:
        if root.directory.name == "bad":
            answering.wait()
        return search(root)

    monkeypatch.setattr(SearchedRoot.__init__, "__defaults__", (slow,))
    library = Library([], [Root(tmp_path / "bad"), Root(tmp_path / "good")])
    assert names(library) == ["run"]
    wait_until(lambda: any("is not done" in note for note in library.notes))
    answering.set()


def test_without_any_run_it_is_said_what_to_do(tmp_path: Path) -> None:
    """Nothing named and nothing found are two different sentences."""
    with pytest.raises(UnknownRun, match="--checkpoint-dir"):
        Library([]).entry()
    with pytest.raises(UnknownRun, match="No run was found below"):
        Library([], [Root(tmp_path)]).entry()


def test_a_typed_directory_becomes_a_run(tmp_path: Path) -> None:
    """A directory is taken in once; what is none is refused."""
    library = Library([])
    run = make(tmp_path / "typed", 4)
    assert library.add(run.directory) == library.add(run.directory)
    assert library.read(library.entry().id).current_step == 4
    with pytest.raises(RunUnreadable, match="not a directory"):
        library.add(tmp_path / "missing")


def test_a_run_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    """A directory deleted and made again under the same name shows what is there now."""
    run = make(tmp_path / "run", 1, 2, 3)
    library = Library([run.directory])
    assert library.read(library.entry().id).current_step == 3
    shutil.rmtree(run.directory)
    with pytest.raises(RunUnreadable, match="no directory"):
        library.read(library.entry().id)
    make(run.directory, 9)
    assert library.read(library.entry().id).current_step == 9


def test_a_pipe_in_place_of_a_file_blocks_nothing(tmp_path: Path) -> None:
    """What is no regular file is not waited for."""
    run = make(tmp_path / "run", 1)
    os.mkfifo(run.directory / "metadata_5.json")
    library = Library([run.directory])
    assert library.read(library.entry().id).current_step == 1
