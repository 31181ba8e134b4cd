"""The watch: one sender among many workers, and what it survives."""

from __future__ import annotations

import math
import threading
from pathlib import Path

import pytest

from tests.alerts.support import Day, Desk
from tests.support import Run
from thalia_monitor.alerts.journal import Journal, JournalFile, Message
from thalia_monitor.alerts.plan import Channel, On, Plan, Rule
from thalia_monitor.alerts.sentry import Sentry
from thalia_monitor.errors import SettingsError
from thalia_monitor.reading.run import RunReader
from thalia_monitor.state import Severity

PLAN = Plan((Channel("desk", Severity.INFO, "json://x"),), (Rule(on=On.NAN), Rule(on=On.STALE)))


@pytest.fixture
def day(run: Run) -> Day:
    """A run that has logged for ten minutes."""
    made = Day(run)
    made.log(60)
    return made


def worker(day: Day, desk: Desk, folder: Path, *others: Path) -> Sentry:
    """One worker of a server: with readers of its own, and everything else shared."""
    readers = [RunReader(directory) for directory in (day.run.directory, *others)]
    return Sentry(PLAN, lambda: readers, folder, send=desk, clock=day.clock)


def test_four_workers_send_one_alert(day: Day, tmp_path: Path) -> None:
    """Whoever takes the lock first watches; the others stand by."""
    desk = Desk()
    workers = [worker(day, desk, tmp_path / "state") for _ in range(4)]
    for each in workers:
        each.round()
    day.log(3, loss=math.nan)
    for _ in range(3):
        for each in workers:
            each.round()
    assert len(desk.take()) == 1


def test_another_worker_takes_over_where_the_first_left(day: Day, tmp_path: Path) -> None:
    """When the watching worker ends, the next one goes on from what it remembered."""
    desk = Desk()
    first, second = (worker(day, desk, tmp_path / "state") for _ in range(2))
    first.round()
    day.log(3, loss=math.nan)
    first.round()
    second.round()
    first.leave()
    second.round()
    assert len(desk.take()) == 1
    day.log(60)
    second.round()
    assert [each.over for each in desk.take()] == [True]


def test_a_message_that_could_not_be_sent_survives_a_restart(day: Day, tmp_path: Path) -> None:
    """It is on disk before it is sent."""
    desk = Desk(failing=True)
    first = worker(day, desk, tmp_path / "state")
    first.round()
    day.log(3, loss=math.nan)
    first.round()
    first.leave()
    desk.failing = False
    day.now += 60
    worker(day, desk, tmp_path / "state").round()
    assert [each.severity for each in desk.take()] == [Severity.CRITICAL]


def test_one_run_that_cannot_be_watched_does_not_end_the_watch_over_others(
    day: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that refuses one journal is logged; the other run is still watched."""
    other = tmp_path / "other"
    other.mkdir()
    desk = Desk()
    watch = worker(day, desk, tmp_path / "state", other)
    watch.round()
    write, broken = JournalFile.write, watch.posts[other].file.path
    day.log(3, loss=math.nan)
    Run(other).metrics(1, 2, 3)

    def refuse(self: JournalFile, journal: Journal) -> None:
        if self.path == broken:
            raise OSError(28, "No space left on device")
        write(self, journal)

    monkeypatch.setattr(JournalFile, "write", refuse)
    watch.round()
    assert len(desk.take()) == 1
    assert "No space left" in caplog.text


def test_a_journal_that_makes_no_sense_is_begun_anew(tmp_path: Path) -> None:
    """Half a file, or one of another program, is no reason to stop."""
    file = JournalFile(tmp_path / "journal.json")
    assert file.read() == Journal()
    for text in ("{", '{"stage": "two"}', "[]"):
        file.path.write_text(text)
        assert file.read() == Journal()


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Everything that is remembered comes back."""
    file = JournalFile(tmp_path / "journal.json")
    journal = Journal(
        seen=True,
        stage=-1,
        passed=frozenset({"reach"}),
        messages=(Message(1.5, Severity.WARNING, "m", waiting=("desk",)),),
    )
    file.write(journal)
    assert file.read() == journal


def test_nothing_is_written_into_the_runs_directory(day: Day, tmp_path: Path) -> None:
    """Locks and journals lie in the monitor's own folder, which is the user's alone."""
    before = sorted(day.run.directory.iterdir())
    folder = tmp_path / "state"
    worker(day, Desk(), folder).round()
    assert sorted(day.run.directory.iterdir()) == before
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".lock"]
    assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_explained(day: Day, tmp_path: Path) -> None:
    """The operator is told of --state-dir."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="--state-dir"):
        worker(day, Desk(), tmp_path / "file" / "state")


def test_the_thread_watches_until_it_is_stopped(day: Day, tmp_path: Path) -> None:
    """Started, it looks at once; stopped, it gives its lock away."""
    sent = threading.Event()

    def send(*_: object) -> str:
        sent.set()
        return ""

    desk = Desk()
    day.log(3, loss=math.nan)
    reader = RunReader(day.run.directory)
    watch = Sentry(PLAN, lambda: [reader], tmp_path / "state", send=send, clock=day.clock)
    watch.start()
    assert sent.wait(30)
    assert watch.standing == "watching"
    watch.stop()
    assert watch.standing == "stopped"
    second = worker(day, desk, tmp_path / "state")
    second.round()
    assert second.posts[day.run.directory].journal is not None
