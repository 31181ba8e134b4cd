"""Notes and named views: TOML in the state folder, bounded, and whole whoever writes at once."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from filelock import FileLock, Timeout

from tests.support import FIXTURES, ROOT, Run
from thalia_monitor import contract, load_training_state
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.errors import NotKept, SettingsError
from thalia_monitor.figures.chart import View
from thalia_monitor.figures.marks import event_traces, markers
from thalia_monitor.figures.metrics import metric
from thalia_monitor.kept import (
    LARGEST,
    LONGEST_QUERY,
    LONGEST_TEXT,
    MOST_A_MINUTE,
    MOST_NOTES,
    RunNotes,
    Views,
    chosen_view,
    query_of,
)
from thalia_monitor.settings import Settings

NOW = 1_765_200_000.0


def test_a_note_is_readable_toml_and_comes_back(tmp_path: Path) -> None:
    """Step, range, text, name and time; another reader of the file has the same."""
    notes = RunNotes(tmp_path, "abc")
    notes.add(500, None, "  loss jumps\nhere ", "Ann", NOW)
    notes.add(100, 300, 'lr "0.1" → ü', "Bo", NOW + 1)
    content = tomllib.loads((tmp_path / "notes" / "abc.toml").read_text(encoding="utf-8"))
    first, second = content["note"]
    assert (first["step"], first["text"], first["user"], first["time"]) == (
        500,
        "loss jumps here",
        "Ann",
        NOW,
    )
    assert (second["step"], second["end"], second["text"]) == (100, 300, 'lr "0.1" → ü')
    assert [each.step for each in RunNotes(tmp_path, "abc").all()] == [100, 500], "by step"
    assert [each.step for each in notes.all()] == [100, 500]
    assert RunNotes(tmp_path, "abd").all() == ()
    assert notes.remove(first["id"])
    assert not notes.remove(first["id"])
    assert [each.words for each in notes.all()] == ['Bo: lr "0.1" → ü (to step 300)']


@pytest.mark.parametrize(
    ("step", "end", "text"),
    [(-1, None, "x"), (2**60, None, "x"), (5, 4, "x"), (1, None, "  "), (1, None, "x" * (LONGEST_TEXT + 1))],
)
def test_what_is_no_note_is_refused(tmp_path: Path, step: int, end: int | None, text: str) -> None:
    """With a sentence, and nothing is written."""
    with pytest.raises(NotKept):
        RunNotes(tmp_path, "abc").add(step, end, text, "Ann", NOW)
    assert not (tmp_path / "notes").exists()


def test_notes_are_limited(tmp_path: Path) -> None:
    """So many a minute by one person, and so many of a run."""
    notes = RunNotes(tmp_path, "abc")
    for each in range(MOST_A_MINUTE):
        notes.add(each, None, "x", "Ann", NOW)
    with pytest.raises(NotKept, match="within a minute"):
        notes.add(1, None, "x", "Ann", NOW + 59)
    notes.add(1, None, "x", "Bo", NOW + 59)
    notes.add(1, None, "x", "Ann", NOW + 61)
    lines = "".join(
        f'[[note]]\nid="{each}"\nstep=1\ntext="t"\nuser="u"\ntime=1\n' for each in range(MOST_NOTES)
    )
    (tmp_path / "notes" / "full.toml").write_text(lines)
    with pytest.raises(NotKept, match="remove one"):
        RunNotes(tmp_path, "full").add(1, None, "x", "Cy", NOW)


@pytest.mark.parametrize(
    "content",
    ["", "no toml [", "note = 3", "[[note]]\nstep = -1\ntext = 'x'", "[[note]]\nstep = 'a'", "\xff"],
)
def test_a_file_that_somebody_broke_is_no_notes(tmp_path: Path, content: str) -> None:
    """What makes no sense is left out."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "abc.toml").write_text(content, encoding="latin-1")
    assert RunNotes(tmp_path, "abc").all() == ()


BROKEN = {
    "a stray line": "<<<<<<< theirs\n",
    "no list": "note = 3\n",
    "too large": f"# {'x' * LARGEST}\n",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_cannot_be_read_is_never_written_over(tmp_path: Path, kind: str) -> None:
    """Adding and removing are refused with what to do, the file stays as it is, and the run says so."""
    notes = RunNotes(tmp_path, "abc")
    note = notes.add(1, None, "weeks of work", "Ann", NOW)
    file = tmp_path / "notes" / "abc.toml"
    before = file.read_text(encoding="utf-8") if kind != "no list" else ""
    file.write_text(before + BROKEN[kind], encoding="utf-8")
    content = file.read_bytes()
    with pytest.raises(NotKept, match=r"abc\.toml .*: repair or move it"):
        notes.add(2, None, "x", "Ann", NOW)
    with pytest.raises(NotKept, match="repair or move it"):
        notes.remove(note.id)
    assert file.read_bytes() == content
    shown = notes.onto(load_training_state(FIXTURES / "healthy"))
    assert shown.notes == ()
    assert "repair or move it" in str(shown.problems[0])
    assert shown.total_problems == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_never_written_over(tmp_path: Path) -> None:
    """The folder may be written to, its file not be read: refused, and kept."""
    notes = RunNotes(tmp_path, "abc")
    notes.add(1, None, "weeks of work", "Ann", NOW)
    file = tmp_path / "notes" / "abc.toml"
    file.chmod(0)
    with pytest.raises(NotKept, match="repair or move it"):
        RunNotes(tmp_path, "abc").add(2, None, "x", "Ann", NOW)
    file.chmod(0o600)
    assert [each.text for each in RunNotes(tmp_path, "abc").all()] == ["weeks of work"]


def test_an_input_error_of_the_disk_keeps_the_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that fails is no empty file."""
    notes = RunNotes(tmp_path, "abc")
    notes.add(1, None, "weeks of work", "Ann", NOW)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "read_text", Mock(side_effect=OSError(errno.EIO, "Input/output error")))
        with pytest.raises(NotKept, match=r"repair or move it .Input/output error"):
            notes.add(2, None, "x", "Ann", NOW)
    assert [each.text for each in RunNotes(tmp_path, "abc").all()] == ["weeks of work"]


def test_a_file_that_is_readable_again_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a permission was given back, which changes neither its content nor its time."""
    notes = RunNotes(tmp_path, "abc")
    notes.add(1, None, "weeks of work", "Ann", NOW)
    file = tmp_path / "notes" / "abc.toml"
    file.chmod(0)
    with monkeypatch.context() as broken:
        broken.setattr(
            Path, "read_text", Mock(side_effect=PermissionError(errno.EACCES, "Permission denied"))
        )
        assert notes.all() == ()
        time.sleep(0.02)
        file.chmod(0o600)
    assert [each.text for each in notes.all()] == ["weeks of work"]


def test_what_somebody_else_wrote_into_the_file_stays(tmp_path: Path) -> None:
    """Another table, a field of a note, and a note that makes no sense are there after adding and removing."""
    file = tmp_path / "notes" / "abc.toml"
    file.parent.mkdir()
    file.write_text(
        '[own]\nx = 1\n[[note]]\nstep = "later"\ntext = "mine"\n'
        '[[note]]\nstep = 5\ntext = "b"\ncolor = "red"\n[[note]]\nid = "c"\nstep = 6\ntext = "c"\n',
        encoding="utf-8",
    )
    notes = RunNotes(tmp_path, "abc")
    notes.add(9, None, "last", "Ann", NOW)
    assert notes.remove("c")
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    assert content["own"] == {"x": 1}
    assert [(each["text"], each.get("color")) for each in content["note"]] == [
        ("mine", None),
        ("b", "red"),
        ("last", None),
    ]


def test_control_characters_do_not_get_in(tmp_path: Path) -> None:
    """Neither escapes nor changes of direction, nor what is no text."""
    note = RunNotes(tmp_path, "abc").add(1, None, "a\x1b[31m\u202eb\ud800", "n\x07", NOW)
    assert note.text == "a\ufffd[31m\ufffdb?"
    assert note.user == "n\ufffd"


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """Four processes add ten notes each: forty are there."""
    code = (
        "import sys; from pathlib import Path; from thalia_monitor.kept import RunNotes\n"
        "notes = RunNotes(Path(sys.argv[1]), 'abc')\n"
        "for each in range(10): notes.add(each, None, sys.argv[2], sys.argv[2], 1e9)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    writers = [subprocess.Popen([*command, name], cwd=ROOT) for name in "abcd"]
    assert [each.wait(60) for each in writers] == [0] * 4
    assert len(RunNotes(tmp_path, "abc").all()) == 40


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """With the option that names another."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NotKept, match="--state-dir"):
        RunNotes(tmp_path / "file", "abc").add(1, None, "x", "Ann", NOW)


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.ENOLCK, errno.EACCES])
def test_a_lock_that_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """In words, for a note and for a view: a drive that is read-only, full, or has no locks."""
    monkeypatch.setattr(FileLock, "acquire", Mock(side_effect=OSError(number, os.strerror(number))))
    with pytest.raises(NotKept, match=f"{os.strerror(number)}.*--state-dir"):
        RunNotes(tmp_path, "abc").add(1, None, "x", "Ann", NOW)
    with pytest.raises(NotKept, match=f"{os.strerror(number)}.*--state-dir"):
        Views(tmp_path).save("q", "x=wall")


def test_a_directory_in_the_place_of_a_lock_is_said(tmp_path: Path) -> None:
    """For a note and for a view, and by the lock itself."""
    for folder, name in (("notes", "abc"), ("views", "q")):
        (tmp_path / folder / f"{name}.lock").mkdir(parents=True)
    with pytest.raises(NotKept, match="--state-dir"):
        RunNotes(tmp_path, "abc").add(1, None, "x", "Ann", NOW)
    with pytest.raises(NotKept, match="--state-dir"):
        Views(tmp_path).save("q", "x=wall")


def test_another_writer_is_waited_for_a_limited_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the answer is to try again, not that the folder cannot be written to."""
    monkeypatch.setattr(FileLock, "acquire", Mock(side_effect=Timeout("q.lock")))
    with pytest.raises(NotKept, match=r"Another process is writing .*q\.toml: please try again"):
        Views(tmp_path).save("q", "x=wall")


def test_a_query_that_is_no_text_is_kept_legibly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lone surrogate becomes a question mark; whatever fails leaves no part of a file."""
    views = Views(tmp_path)
    views.save("q", "x=wall&hide=a\ud800b")
    assert views.query("q") == "x=wall&hide=a%3Fb"
    monkeypatch.setattr(Path, "replace", Mock(side_effect=OSError(errno.ENOSPC, "No space left")))
    with pytest.raises(NotKept, match="No space left"):
        views.save("q", "x=elapsed")
    monkeypatch.setattr(contract, "legible", str)
    with pytest.raises(UnicodeEncodeError):
        views.save("q", "x=\ud800")
    assert {each.suffix for each in (tmp_path / "views").iterdir()} <= {".toml", ".lock"}


def test_a_query_that_is_too_long_is_not_even_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused by its length."""
    monkeypatch.setattr("thalia_monitor.kept.parse_qsl", pytest.fail)
    with pytest.raises(NotKept, match="too long"):
        Views(tmp_path).save("q", "&".join(["x=1"] * LONGEST_QUERY))


def test_notes_are_markers_and_events_of_a_state(tmp_path: Path) -> None:
    """On charts at their step, with their words; a run without any is the very state that was read."""
    notes = RunNotes(tmp_path, "abc")
    state = load_training_state(FIXTURES / "healthy")
    assert notes.onto(state) is state
    notes.add(120_000, 130_000, "<b>new rate</b>", "Ann", NOW)
    noted = notes.onto(state)
    assert noted is notes.onto(state), "the same until either changes"
    assert noted.version != state.version
    assert noted.version == notes.versioned(state.version)
    [mark] = markers(noted, [MarkerKind.NOTE])
    assert (mark.step, mark.label) == (120_000, "Ann: <b>new rate</b> (to step 130,000)")
    [trace] = event_traces(noted, View(markers=frozenset({MarkerKind.NOTE})))
    assert trace["x"] == [120_000]
    assert "&lt;b&gt;" in trace["hovertext"][0]
    chart = metric(noted, "loss", View(markers=frozenset({MarkerKind.NOTE})))
    assert any(each.get("name") == "note" for each in chart.traces)


def test_a_view_is_saved_and_found_by_name_or_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As readable TOML; ``--view`` takes the query itself, the name, or the file."""
    views = Views(tmp_path)
    views.save("Night shift", "?run=abc&x=wall&smooth=0.6&hide=cortex,striatum&pin=a%2Fb&wall=1")
    file = tmp_path / "views" / "Night shift.toml"
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    assert content == {
        "name": "Night shift",
        "view": {"x": "wall", "smooth": "0.6", "hide": "cortex,striatum", "pin": "a/b"},
    }
    expected = "x=wall&smooth=0.6&hide=cortex,striatum&pin=a%2Fb"
    assert views.names() == ["Night shift"]
    for given in ("Night shift", str(file), expected):
        assert chosen_view(Settings(view=given, state_dir=tmp_path)) == expected
    views.save("Night shift", "x=elapsed")
    assert views.query("Night shift") == "x=elapsed"
    shared = tmp_path / "theirs.toml"
    shared.write_text("[view]\nsmooth = 0.5\n")
    monkeypatch.chdir(tmp_path)
    assert chosen_view(Settings(view="theirs.toml", state_dir=tmp_path)) == "smooth=0.5"


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 41, "a\nb.toml", "ü"])
def test_no_name_is_a_path(tmp_path: Path, name: str) -> None:
    """Neither to save nor to find."""
    with pytest.raises(NotKept):
        Views(tmp_path).save(name, "x=wall")
    assert not (tmp_path / "views").exists()
    with pytest.raises(SettingsError):
        Views(tmp_path).query(name)


@pytest.mark.parametrize("content", ["[view]\nrun = 'x'", "x = 1", "[view]\nx = [1]", "no toml"])
def test_a_file_that_is_no_view_is_refused(tmp_path: Path, content: str) -> None:
    """Naming the file, at the start."""
    (tmp_path / "a.toml").write_text(content)
    with pytest.raises(SettingsError, match=r"a\.toml"):
        query_of(tmp_path / "a.toml")
    with pytest.raises(SettingsError, match="There is no view 'nowhere'; there are: none yet"):
        chosen_view(Settings(view="nowhere", state_dir=tmp_path))


def test_nothing_is_written_into_a_run(run: Run, tmp_path: Path) -> None:
    """A note of a run leaves its directory as it was."""
    run.metrics(1, 2)
    before: list[Any] = sorted(run.directory.iterdir())
    RunNotes(tmp_path / "state", "abc").add(1, None, "x", "Ann", NOW)
    assert sorted(run.directory.iterdir()) == before
