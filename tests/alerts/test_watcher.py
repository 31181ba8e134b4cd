"""The watch: one sender among many workers, and what it survives."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.support import START, Day, Desk
from tests.support import Run, line, wait_until
from thalia_monitor.alerts.conditions import Rule
from thalia_monitor.alerts.delivery import Notification, outbox_file
from thalia_monitor.alerts.memory import StateFile
from thalia_monitor.alerts.rules import Channel, Plan
from thalia_monitor.alerts.watcher import Watcher
from thalia_monitor.alerts.watcher import _key as key
from thalia_monitor.errors import SettingsError
from thalia_monitor.model.records import Severity
from thalia_monitor.model.run import TrainingState
from thalia_monitor.reading.run_reader import RunReader

PLAN = Plan((Channel("desk", Severity.INFO, "json://x"),), (Rule(on="nan"), Rule(on="stale")))


@pytest.fixture
def day(run: Run) -> Day:
    """A run that has logged for ten minutes."""
    made = Day(run)
    made.log(60)
    return made


def worker(day: Day, desk: Desk, folder: Path, *others: Path) -> Watcher:
    """One worker of a server: with readers of its own, and everything else shared."""
    readers = [RunReader(directory) for directory in (day.run.directory, *others)]
    return Watcher(PLAN, lambda: readers, folder, send=desk, clock=day.clock)


def look(*workers: Watcher) -> None:
    """Each looks once and sends what is due."""
    for each in workers:
        each.check_runs()
        each.deliver()


def test_four_workers_send_one_alert(day: Day, tmp_path: Path) -> None:
    """Whoever takes the lock first watches; the others stand by."""
    desk = Desk()
    workers = [worker(day, desk, tmp_path / "state") for _ in range(4)]
    look(*workers)
    day.log(3, loss=math.nan)
    for _ in range(3):
        look(*workers)
    assert len(desk.take()) == 1


def test_another_worker_takes_over_where_the_first_left(day: Day, tmp_path: Path) -> None:
    """When the watching worker ends, the next one goes on from what it remembered."""
    desk = Desk()
    first, second = (worker(day, desk, tmp_path / "state") for _ in range(2))
    look(first)
    day.log(3, loss=math.nan)
    look(first)
    look(second)
    first.release_lock()
    look(second)
    assert len(desk.take()) == 1
    day.log(60)
    look(second)
    assert [each.over for each in desk.take()] == [True]


def test_a_message_that_could_not_be_sent_survives_a_restart(day: Day, tmp_path: Path) -> None:
    """It is on disk before it is sent."""
    desk = Desk(failing=True)
    first = worker(day, desk, tmp_path / "state")
    look(first)
    day.log(3, loss=math.nan)
    look(first)
    first.release_lock()
    desk.failing = False
    day.now += 60
    look(worker(day, desk, tmp_path / "state"))
    assert [each.severity for each in desk.take()] == [Severity.CRITICAL]


def test_one_run_that_cannot_be_watched_does_not_end_the_watch_over_others(
    day: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that refuses one file is logged; the other run is still watched."""
    other = tmp_path / "other"
    other.mkdir()
    desk = Desk()
    watch = worker(day, desk, tmp_path / "state", other)
    look(watch)
    write, broken = StateFile.write, tmp_path / "state" / f"{key(other)}.json"
    day.log(3, loss=math.nan)
    Run(other).metrics(1, 2, 3)

    def refuse(self: StateFile[Any], value: Any) -> None:
        if self.path == broken:
            raise OSError(28, "No space left on device")
        write(self, value)

    monkeypatch.setattr(StateFile, "write", refuse)
    look(watch)
    assert len(desk.take()) == 1
    assert "No space left" in caplog.text


def test_a_channel_that_failed_for_ever_is_tried_again_after_a_restart(day: Day, tmp_path: Path) -> None:
    """Files of before, with 1,024 failures and messages that wait: the letter goes out."""
    folder = tmp_path / "state"
    folder.mkdir()
    waiting = {"time": START, "severity": "critical", "text": "old", "waiting": ["desk"]}
    (folder / f"{key(day.run.directory)}.json").write_text(
        json.dumps(
            {
                "seen": True,
                "messages": [waiting],
                "traffic": {"desk": {"sent": [], "failures": 1024, "next_try": 1e12}},
            }
        )
    )
    (outbox_file(folder, "watch", "desk").path).write_text('{"failures": 1024, "next_try": 1e12}')
    desk = Desk()
    look(worker(day, desk, folder))
    assert [each.body[-3:] for each in desk.take()] == ["old"]


@pytest.mark.parametrize("fault", [OverflowError("math range error"), RuntimeError("odd"), MemoryError()])
def test_whatever_goes_wrong_with_one_run_ends_no_watch(
    day: Day, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    """It is logged once with its traceback, in one line for all runs it befalls; the other run is watched."""

    @dataclass
    class Broken:
        directory: Path
        name: str = "broken"

        def read(self) -> TrainingState:
            raise fault

    reader, desk = RunReader(day.run.directory), Desk()
    broken = [Broken(tmp_path / str(number)) for number in range(50)]
    watch = Watcher(PLAN, lambda: [*broken, reader], tmp_path / "state", send=desk, clock=day.clock)
    look(watch)
    look(watch)
    day.log(3, loss=math.nan)
    look(watch)
    assert len(desk.take()) == 1
    assert [each.getMessage() for each in caplog.records] == [
        f"alerts: the watch over a run failed (50 of them, broken first): {type(fault).__name__}: {fault}"
    ]
    assert "Traceback" in caplog.text


def test_a_round_that_fails_is_followed_by_another(
    day: Day, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Even the list of runs may fail: the thread goes on."""
    rounds: list[int] = []

    def readers() -> list[RunReader]:
        rounds.append(1)
        raise LookupError("no list")

    watch = Watcher(replace(PLAN, check_seconds=0.01), readers, tmp_path / "state", clock=day.clock)
    watch.start()
    wait_until(lambda: len(rounds) > 2)
    assert watch.role == "watching"
    watch.stop()
    assert "LookupError: no list" in caplog.text


def test_a_disk_that_refuses_delays_no_letter_and_repeats_none(
    day: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is when alerts are wanted: memory goes on, and what is due is written once it can be."""
    desk = Desk()
    watch = worker(day, desk, tmp_path / "state")
    look(watch)
    write = StateFile.write

    def refuse(self: StateFile[Any], value: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StateFile, "write", refuse)
    day.log(3, loss=math.nan)
    for _ in range(3):
        watch.check_runs()
        with suppress(OSError):
            watch.deliver()
    assert len(desk.take()) == 1
    monkeypatch.setattr(StateFile, "write", write)
    look(watch)
    watch.release_lock()
    look(worker(day, desk, tmp_path / "state"))
    assert desk.take() == []


def test_sixty_runs_that_go_wrong_together_are_one_letter(day: Day, tmp_path: Path) -> None:
    """The limit by the hour is a channel's, over all runs; each run is named."""
    directories = [tmp_path / f"run{number}" for number in range(60)]
    days = []
    for directory in directories:
        directory.mkdir()
        days.append(Day(Run(directory)))
        days[-1].log(60)
    desk = Desk()
    plan = replace(PLAN, most_per_hour=2)
    readers = [RunReader(directory) for directory in directories]
    watch = Watcher(plan, lambda: readers, tmp_path / "state", send=desk, clock=day.clock)
    look(watch)
    for each in days:
        each.log(3, loss=math.nan)
    look(watch)
    (letter,) = desk.take()
    assert letter.title == "✖ 60 messages of 60 runs"
    assert all(f" run{number}: loss has been NaN" in letter.body for number in range(60))
    days[0].log(60)
    look(watch)
    assert len(desk.take()) == 1
    for each in days[1:]:
        each.log(60)
        look(watch)
    assert desk.take() == []
    day.now += 3600
    for each in days:
        each.now = day.now
        each.log(1)
    look(watch)
    assert [each.title for each in desk.take()] == ["✓ 59 messages of 59 runs"]


def test_a_receiver_that_drips_delays_no_other_channel(day: Day, tmp_path: Path) -> None:
    """Each channel has a sender of its own; the one that does not get through is stuck, which can be seen."""
    plan = replace(
        PLAN,
        channels=(Channel("drip", Severity.INFO, "json://d"), Channel("desk", Severity.INFO, "json://x")),
        check_seconds=0.05,
    )
    desk, released = Desk(), threading.Event()

    def send(channel: Channel, letter: Notification) -> str:
        if channel.name == "desk":
            return desk(channel, letter)
        released.wait(30)
        return "no complete answer within 20 s"

    reader = RunReader(day.run.directory)
    watch = Watcher(plan, lambda: [reader], tmp_path / "state", send=send, clock=day.clock)
    standby = Watcher(plan, lambda: [reader], tmp_path / "state", send=send, clock=day.clock)
    day.log(3, loss=math.nan)
    watch.start()
    wait_until(lambda: len(desk.letters) == 1)
    assert watch.role == "watching"
    day.log(60)
    wait_until(lambda: len(desk.letters) == 2)
    released.set()
    wait_until(lambda: watch.role == "stuck")
    drip, healthy = watch.channels
    assert (drip.condition, drip.waiting, drip.reason) == ("stuck", 2, "no complete answer within 20 s")
    assert (healthy.condition, healthy.sent) == ("ok", 2)
    standby.start()
    wait_until(lambda: [each.condition for each in standby.channels] == ["stuck", "ok"])
    assert standby.role == "stuck"
    standby.stop()
    watch.stop()


def test_servers_of_other_runs_watch_theirs(day: Day, tmp_path: Path) -> None:
    """The same alerts file for two servers, each with runs of its own: both watch."""
    other = tmp_path / "other"
    other.mkdir()
    second_day, desk = Day(Run(other)), Desk()
    second_day.log(60)
    first = worker(day, desk, tmp_path / "state")
    readers = [RunReader(other)]
    second = Watcher(
        PLAN, lambda: readers, tmp_path / "state", name="other", send=desk, clock=second_day.clock
    )
    look(first, second)
    day.log(3, loss=math.nan)
    second_day.log(3, loss=math.nan)
    look(first, second)
    assert sorted(each.title[:7] for each in desk.take()) == ["✖ other", "✖ run: "]


def test_messages_of_a_watch_that_ended_are_taken_over(day: Day, tmp_path: Path) -> None:
    """A server that is started again with other directories sends what could not be sent before."""
    desk = Desk(failing=True)
    first = worker(day, desk, tmp_path / "state")
    look(first)
    day.log(3, loss=math.nan)
    look(first)
    readers = [RunReader(day.run.directory)]
    second = Watcher(PLAN, lambda: readers, tmp_path / "state", name="other", send=desk, clock=day.clock)
    desk.failing = False
    look(second)
    assert desk.take() == []
    second.release_lock()
    first.release_lock()
    look(second)
    assert len(desk.take()) == 1
    first.release_lock()
    second.release_lock()
    look(first)
    assert desk.take() == []


LIMITED = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from thalia_monitor.alerts.conditions import Rule
from thalia_monitor.alerts.rules import Channel, Plan
from thalia_monitor.alerts.watcher import Watcher
from thalia_monitor.reading.library import Library
from thalia_monitor.model.records import Severity
from thalia_monitor.model.run import TrainingState

runs = sorted(Path(sys.argv[1]).iterdir())
plan = Plan((Channel("desk", Severity.INFO, "json://x"),), (Rule(metric="loss", above=0.1),))
watch = Watcher(plan, Library(runs).alive, Path(sys.argv[2]), send=lambda _, letter: print(letter.title) or "")
watch.check_runs()
watch.deliver()
watch.check_runs()
"""


def test_hundreds_of_runs_need_few_open_files(tmp_path: Path) -> None:
    """With a limit of 64 open files all of them are watched, and nothing is logged."""
    for number in range(300):
        directory = tmp_path / "runs" / f"{number}"
        directory.mkdir(parents=True)
        now = time.time()
        Run(directory).append(
            *(line(step, loss=0.5, timestamp=now - 300 + step) for step in range(0, 300, 10))
        )
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "runs", tmp_path / "state"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "▲ 300 messages of 300 runs\n"
    assert done.stderr == ""
    assert len(list((tmp_path / "state").glob("*.json"))) == 300


def test_nothing_is_written_into_the_runs_directory(day: Day, tmp_path: Path) -> None:
    """Locks and journals lie in the monitor's own folder, which is the user's alone."""
    before = sorted(day.run.directory.iterdir())
    folder = tmp_path / "state"
    look(worker(day, Desk(), folder))
    assert sorted(day.run.directory.iterdir()) == before
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".lock", ".outbox"]
    assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_explained(day: Day, tmp_path: Path) -> None:
    """The error names --state-dir."""
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
    watch = Watcher(PLAN, lambda: [reader], tmp_path / "state", send=send, clock=day.clock)
    watch.start()
    assert sent.wait(30)
    assert watch.role == "watching"
    watch.stop()
    assert watch.role == "stopped"
    second = worker(day, desk, tmp_path / "state")
    look(second)
    assert [each.name for each in second.channels] == ["desk"]
    assert (tmp_path / "state" / "watch.lock").exists()
