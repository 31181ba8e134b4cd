"""Runs below a root are found by the names of their files, without opening one and without leaving the root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from thalia_monitor.reading.formats import text_log
from thalia_monitor.reading.run_search import Root, search


def make_run(directory: Path, name: str = "training_log.json") -> Path:
    """A directory with one file of a run."""
    directory.mkdir(parents=True)
    (directory / name).touch()
    return directory


def names(root: Root) -> list[str]:
    """What a search calls the runs it finds."""
    return sorted(each.name for each in search(root).runs)


@pytest.mark.parametrize(
    "file",
    ["training_log.json", "metadata_100.json", "stage_1_log.json", f"logs/{text_log.NAME}", "results/a.json"],
)
def test_a_directory_with_a_file_of_a_run_is_a_run(tmp_path: Path, file: str) -> None:
    """Any format that is read counts, also in the folders that Thalia's scripts make."""
    (tmp_path / "run" / file).parent.mkdir(parents=True)
    (tmp_path / "run" / file).touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    assert names(Root(tmp_path)) == ["run"]


def test_runs_lie_as_deep_as_allowed(tmp_path: Path) -> None:
    """A run deeper than the depth is not found; the root itself can be a run."""
    for path in ("one", "a/two", "a/b/three", "a/b/c/four"):
        make_run(tmp_path / path)
    assert names(Root(tmp_path, depth=1)) == ["one"]
    assert names(Root(tmp_path)) == ["a/b/three", "a/two", "one"]
    (tmp_path / "training_log.json").touch()
    assert names(Root(tmp_path, depth=0)) == [tmp_path.name]
    assert len(names(Root(tmp_path, depth=4))) == 5


def test_a_pattern_chooses_by_the_path_below_the_root(tmp_path: Path) -> None:
    """``night-*`` takes what begins so, ``*/seed1`` one level of any name."""
    for path in ("night-1", "night-2/seed1", "day/seed1", "day/seed2"):
        make_run(tmp_path / path)
    assert names(Root(tmp_path, pattern="night-*")) == ["night-1", "night-2/seed1"]
    assert names(Root(tmp_path, pattern="*/seed1")) == ["day/seed1", "night-2/seed1"]


def test_the_folders_of_a_run_are_no_runs(tmp_path: Path) -> None:
    """``checkpoints/`` of a run belongs to it."""
    make_run(tmp_path / "run")
    make_run(tmp_path / "run" / "checkpoints", "metadata_5.json")
    make_run(tmp_path / "bare" / "checkpoints", "metadata_5.json")
    assert names(Root(tmp_path)) == ["bare", "run"]


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    """A link out of the root is left out and said; one within it leads to the same run under the same path."""
    outside = make_run(tmp_path / "outside" / "secret")
    inside = make_run(tmp_path / "root" / "deep" / "run")
    root = tmp_path / "root"
    (root / "a-link-out").symlink_to(outside)
    (root / "a-link-up").symlink_to(tmp_path)
    (root / "a-link-in").symlink_to(inside)
    (root / "a-circle").symlink_to(root)
    (root / "nowhere").symlink_to(root / "missing")
    found = search(Root(root))
    assert [each.directory for each in found.runs] == [inside]
    assert any("2 links" in note and "not followed" in note for note in found.notes)


def test_a_root_that_is_a_link_is_itself_followed(tmp_path: Path) -> None:
    """What the operator names is theirs to name."""
    make_run(tmp_path / "disk" / "run")
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    assert names(Root(tmp_path / "root")) == ["run"]


def test_a_root_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A missing root, or one that is a file, is a sentence and no error."""
    for root in (tmp_path / "missing", make_run(tmp_path / "run") / "training_log.json"):
        found = search(Root(root))
        assert (found.runs, found.complete) == ((), False)
        assert str(root) in found.notes[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_directory_that_may_not_be_read_costs_only_itself(tmp_path: Path) -> None:
    """The runs beside it are found, and it is counted."""
    make_run(tmp_path / "good")
    make_run(tmp_path / "closed").chmod(0)
    found = search(Root(tmp_path))
    (tmp_path / "closed").chmod(0o700)
    assert [each.name for each in found.runs] == ["good"]
    assert "1 directories" in found.notes[0]


def test_hidden_directories_are_left_out(tmp_path: Path) -> None:
    """``.snapshots`` and the like hold copies."""
    make_run(tmp_path / ".snapshots" / "run")
    assert names(Root(tmp_path)) == []


def test_hostile_names_are_names(tmp_path: Path) -> None:
    """Whatever bytes a directory is called, it is found and nothing breaks."""
    hostile = ["<img src=x onerror=alert(1)>", "a\nb", "‮evil", "-rf", "%2e%2e", "*", os.fsdecode(b"\xff\xfe")]
    for name in hostile:
        make_run(tmp_path / name)
    assert sorted(names(Root(tmp_path))) == sorted(hostile)


def test_no_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search only lists: thousands of runs cost no reading, and a pipe cannot hold it up."""
    for number in range(20):
        make_run(tmp_path / f"run {number}")
    os.mkfifo(tmp_path / "run 0" / "metadata_1.json")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    assert len(search(Root(tmp_path)).runs) == 20
