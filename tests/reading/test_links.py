"""A run's directory belongs to somebody else: links in it lead nowhere that was not allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import Run, line
from thalia_monitor.reading import text_log
from thalia_monitor.reading.library import Library
from thalia_monitor.reading.links import leads_outside
from thalia_monitor.reading.summary import summarize


@pytest.fixture
def outside(tmp_path: Path) -> Run:
    """Another run, which nobody allowed to be shown."""
    directory = tmp_path / "outside"
    directory.mkdir()
    run = Run(directory)
    run.metrics(1, 2, 3)
    run.metadata(77_777)
    return run


def test_a_linked_log_is_not_read(run: Run, outside: Run) -> None:
    """A log that is a link out of the run is a problem that names the flag, and none of it is shown."""
    run.log.symlink_to(outside.log)
    library = Library([run.directory])
    state = library.read(library.entry().id)
    assert len(state.history) == 0
    assert [(each.file, "--follow-links" in each.reason) for each in state.problems] == [(run.log.name, True)]


def test_linked_checkpoints_and_folders_are_not_read(run: Run, outside: Run) -> None:
    """Neither metadata nor a whole folder is reached through a link that leads out."""
    (run.directory / "metadata_9.json").symlink_to(outside.directory / "metadata_77777.json")
    (run.directory / "logs").symlink_to(outside.directory)
    (outside.directory / text_log.NAME).write_text("2026-01-01 00:00:00 - INFO - Step 77777\n")
    library = Library([run.directory])
    state = library.read(library.entry().id)
    assert (state.checkpoints, state.sources) == ((), ())
    assert summarize(run.directory, run.directory).step is None


def test_links_within_the_run_are_followed(run: Run) -> None:
    """A trainer may link its newest log."""
    real = run.directory / "log-2.json"
    real.write_text(line(5, loss=1.0))
    run.log.symlink_to(real)
    library = Library([run.directory])
    assert library.read(library.entry().id).current_step == 5


def test_the_operator_can_allow_links(run: Run, outside: Run) -> None:
    """With ``--follow-links`` a log may lie on another disk."""
    run.log.symlink_to(outside.log)
    library = Library([run.directory], follow_links=True)
    assert library.read(library.entry().id).current_step == 3


def test_circles_and_dead_ends_count_as_outside(tmp_path: Path) -> None:
    """A link that leads nowhere is not followed."""
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "c").symlink_to(tmp_path / "missing")
    assert all(leads_outside(tmp_path / name, tmp_path) for name in "abc")
    assert not leads_outside(tmp_path, tmp_path)
