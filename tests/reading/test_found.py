"""What lies in a run's directory beside what is read: named, bounded, and never unpickled."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from tests.reading.logger_files import write_json
from thalia_monitor import load_training_state
from thalia_monitor.check import inspect
from thalia_monitor.reading import files
from thalia_monitor.reading.files import Torn
from thalia_monitor.reading.formats.numpy_arrays import read_arrays


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (Path.write_text, (Path("/tmp/thalia-monitor-unpickled"), "x"))  # type: ignore[return-value]


def names(directory: Path) -> dict[str, str]:
    """What is named without being read, with its note."""
    return {each.file: each.note for each in load_training_state(directory).unread}


def test_an_array_of_objects_is_never_opened(tmp_path: Path) -> None:
    """Plain arrays are listed with their shapes; a pickle among them is only counted."""
    Path("/tmp/thalia-monitor-unpickled").unlink(missing_ok=True)
    objects = np.empty(1, dtype=object)
    objects[0] = Trap()
    assert pickle.dumps(objects)
    np.savez_compressed(tmp_path / "diagnostics_traces.npz", voltages=np.zeros((3, 2)), trap=objects)
    [source] = load_training_state(tmp_path).sources
    assert source.records == 1
    assert source.note.startswith("listed by their headers; voltages (3 × 2); 1 not opened")
    assert not Path("/tmp/thalia-monitor-unpickled").exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6" + bytes(18) + b"x", b"PK\5\6" + b"\xff" * 18])
def test_a_file_of_arrays_that_is_none_is_reported(tmp_path: Path, content: bytes) -> None:
    """Half-written, damaged, or with a list of members beyond all bounds."""
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(Torn, match="no whole file of NumPy arrays"):
        read_arrays(path, path.name)


def test_what_no_format_takes_is_named_by_folder_and_suffix(tmp_path: Path) -> None:
    """Other programs' JSON, images, and folders that are runs of their own; not what is read, nor hidden files."""
    write_json(tmp_path, "metadata_1.json", {"step": 1})
    write_json(tmp_path / "results", "other.json", {"hello": 1})
    write_json(tmp_path, "metrics.json", {"accuracy": 0.5})
    for name in ("plots/a.png", "plots/b.png", "deep/er/x.bin", "2026-03-25T101010/trials.csv", ".hidden"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    assert names(tmp_path) == {
        "2026-03-25T101010/": "not read here: open that directory, or this one with --root",
        "metrics.json": "not read",
        "plots/*.png": "2 files, listed, not shown",
        "results/other.json": "not read",
        "deep/er/x.bin": "not read",
    }
    assert "deep/er/x.bin" in inspect(tmp_path).text()


def test_requests_to_change_a_training_are_no_files_of_the_run(tmp_path: Path) -> None:
    """They come and go without a new version of the run; a folder of that name deeper down is like any other."""
    (tmp_path / "metadata_1.json").write_text('{"step": 1}')
    before = load_training_state(tmp_path).version
    for folder in ("control", "old/control"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / f"{'a' * 32}.json").write_text("{}")
    assert set(names(tmp_path)) == {f"old/control/{'a' * 32}.json"}
    assert load_training_state(tmp_path).version == before


def test_a_directory_without_a_run_says_what_it_holds(tmp_path: Path) -> None:
    """Rather than only what it lacks."""
    (tmp_path / "notes.md").write_text("x")
    assert "It holds: notes.md." in (inspect(tmp_path).unusable or "")


def test_the_names_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of thousands of kinds costs a bounded list, which says how many it leaves out."""
    monkeypatch.setattr(files, "MOST_NAMED", 3)
    for number in range(5):
        (tmp_path / f"a.{number}").touch()
    assert list(names(tmp_path).items())[-1] == ("…", "2 more kinds of file or folders are not named")
    (tmp_path / "a.9").touch()
    assert list(names(tmp_path).values())[-1] == "3 more kinds of file or folders are not named"
