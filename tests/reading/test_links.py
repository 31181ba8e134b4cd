"""A run's directory belongs to somebody else: links in it lead nowhere that was not allowed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import Run, line
from thalia_monitor.errors import RunUnreadable
from thalia_monitor.reading.files import leads_outside, open_regular, scan
from thalia_monitor.reading.formats import text_log
from thalia_monitor.reading.library import Library
from thalia_monitor.reading.listing import summarize
from thalia_monitor.reading.run_reader import RunReader


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


SWAP = """
import os, sys
target, *others = sys.argv[1:]
print(flush=True)
while True:
    for other in others:  # each has two names, so that one can be renamed while the other stays
        os.link(other, target + ".next", follow_symlinks=False)
        os.rename(target + ".next", target)
"""


@contextmanager
def swapping(target: Path, *others: Path) -> Iterator[None]:
    """Another process that puts these files in the place of the target, in turns, as fast as it can."""
    command = [sys.executable, "-S", "-c", SWAP, *map(str, (target, *others))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["training_log.json", "metadata_5.json", "trials.csv", "stage_1_log.json"])
def test_a_file_swapped_for_a_pipe_or_a_link_tells_nothing(run: Run, outside: Run, name: str) -> None:
    """Whatever is put in a file's place while it is read: no pipe is waited for, and no outside file is shown."""
    spare = outside.directory.parent / "spare"
    spare.mkdir()
    good, link, pipe = spare / "good", spare / "link", spare / "pipe"
    texts = {
        "training_log.json": '{{"step": {}, "loss": 1.0}}\n',
        "metadata_5.json": '{{"step": {}}}',
        "trials.csv": "trial,loss\n{},1.0\n",
        "stage_1_log.json": '{{"stage": 1, "step_metrics": [{{"step": {}, "loss": 1.0}}]}}',
    }
    secret = outside.directory / "secret"
    good.write_text(texts[name].format(5))
    secret.write_text(texts[name].format(77_777))
    link.symlink_to(secret)
    os.mkfifo(pipe)
    steps: set[int] = set()
    with swapping(run.directory / name, good, link, good, pipe):
        for _ in range(400):
            steps.add(RunReader(run.directory, within=run.directory).read().current_step)
    assert steps == {0, 5}


def test_what_is_opened_is_judged_not_its_name(tmp_path: Path, outside: Run) -> None:
    """A pipe, a device, a directory and a file outside are refused by the opening itself, links followed or not."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "good").write_text("good")
    (here / "inner").symlink_to("good")
    (here / "folder").symlink_to(outside.directory)
    os.mkfifo(here / "pipe")
    for name in ("good", "inner"):
        with open_regular(here / name, here) as file:
            assert file.read() == b"good"
    for name in ("pipe", "folder", "folder/training_log.json"):
        with pytest.raises(OSError, match=r"not a regular file|leads out"):
            open_regular(here / name, here)
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(Path("/dev/zero"))
    with pytest.raises(OSError, match="leads out"), scan(here / "folder", here):
        pass


def test_without_proc_the_name_has_to_lead_to_the_very_same_file(
    tmp_path: Path, outside: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On other systems the same holds: a file within is read, one outside is refused."""

    def nowhere(self: Path) -> Path:
        raise OSError

    monkeypatch.setattr(Path, "readlink", nowhere)
    (tmp_path / "good").write_text("good")
    (tmp_path / "inner").symlink_to("good")
    (tmp_path / "link").symlink_to("/etc/passwd")
    with open_regular(tmp_path / "inner", tmp_path) as file:
        assert file.read() == b"good"
    with pytest.raises(OSError, match="leads out"):
        open_regular(tmp_path / "link", tmp_path)


def test_a_run_that_becomes_a_link_outwards_is_not_listed(tmp_path: Path, outside: Run) -> None:
    """A directory below a root that is exchanged for a link out of the root is refused as a whole."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "run").symlink_to(outside.directory)
    with pytest.raises(RunUnreadable, match="leads out"):
        RunReader(root / "run", within=root).read()
