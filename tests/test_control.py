"""Asking a running training for a change: what is written, where, and what is refused before."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dash
import pytest

from tests.controlled import Training, tree
from tests.screen import Screen
from tests.support import ROOT
from thalia_monitor import control_folder, load_training_state
from thalia_monitor.analysis.control_history import controls
from thalia_monitor.control import MOST_A_MINUTE, MOST_WAITING, ControlFolder, NotAsked, ask
from thalia_monitor.model.control_request import Request
from thalia_monitor.web.app import create_app

pytestmark = pytest.mark.skipif(not control_folder.OFFERED, reason="not offered on this system")


@pytest.fixture
def training(tmp_path: Path) -> Training:
    """A live training with something to change."""
    return Training(tmp_path / "run")


def asked(training: Training, name: str, value: Any, **other: Any) -> Request:
    """Ask for a change as a page does that shows the run as it is."""
    state = load_training_state(training.directory)
    known = controls(state)
    offered = known.offered.get(name)
    given = {
        "user": "anna",
        "seen": offered.value if offered else None,
        "session": known.session,
        "now": time.time(),
    }
    folder = ControlFolder(training.directory, training.directory)
    return ask(state, folder, name, value, **(given | other))


def test_a_request_is_one_file_and_comes_back_as_an_answer(training: Training) -> None:
    """Nothing but one file in ``control/`` changes; after a step the log has the answer and the state the value."""
    before = tree(training.directory)
    request = asked(training, "learning_rate", 1e-4)
    after = tree(training.directory)
    new = {name for name in after if before.get(name) != after[name]}
    assert new == {"control", f"control/{request.id}.json"}
    assert training.requests == [
        {
            "id": request.id,
            "session": request.session,
            "name": "learning_rate",
            "value": 1e-4,
            "based_on": 1e-3,
            "user": "anna",
            "asked": request.asked,
        }
    ]
    training.steps()
    known = controls(load_training_state(training.directory))
    answer = known.answer_to(request.id)
    assert answer is not None
    assert (answer.applied, answer.words, answer.step) == (True, "learning_rate 0.001 → 0.0001 by anna", 200)
    assert known.offered["learning_rate"].value == 1e-4


@pytest.mark.parametrize(
    ("name", "value", "other", "words"),
    [
        ("momentum", 0.9, {}, "has not declared momentum"),
        ("learning_rate", 5.0, {}, "5 is above 0.1, the highest allowed"),
        ("learning_rate", float("nan"), {}, "is not a finite number"),
        ("learning_rate", "fast", {}, "fast is not a finite number"),
        ("learning_rate", 1e-4, {"seen": 1e-2}, "it was changed to 0.001 meanwhile, and you saw 0.01"),
        ("learning_rate", 1e-4, {"session": "other"}, "The training was started again meanwhile"),
        ("pause", 1, {}, "pause is a command and takes no value"),
        ("learning_rate", 1e-4, {"now": time.time() + 3600}, "This run takes no requests: it is"),
    ],
)
def test_what_cannot_be_applied_is_not_written(
    training: Training, name: str, value: Any, other: dict[str, Any], words: str
) -> None:
    """Whoever asks hears why at once, and the run's directory is as it was."""
    before = tree(training.directory)
    with pytest.raises(NotAsked, match=re.escape(words)):
        asked(training, name, value, **other)
    assert tree(training.directory) == before


def test_a_run_that_has_ended_takes_no_requests(training: Training) -> None:
    """Nobody is there to answer."""
    training.logger.log_event("training_end", {"reason": "all stages done"})
    with pytest.raises(NotAsked, match="no requests: it is finished"):
        asked(training, "learning_rate", 1e-4)


def test_a_paused_run_takes_requests_for_as_long_as_it_is_paused(training: Training) -> None:
    """Its silence is wanted: else nobody could ever resume it."""
    asked(training, "pause", None)
    training.logger.control(wait=False)
    request = asked(training, "resume", None, now=time.time() + 7200)
    assert [each["id"] for each in training.requests] == [request.id]


def test_requests_are_limited(training: Training) -> None:
    """So many a minute for each user, however they are spread over monitors, and so many that wait altogether."""
    for _ in range(MOST_A_MINUTE // 2):
        asked(training, "learning_rate", 1e-4)
    training.steps()  # the first is applied and the rest refused: all of them count
    for _ in range(MOST_A_MINUTE // 2):
        asked(training, "learning_rate", 1e-3)
    with pytest.raises(NotAsked, match=f"{MOST_A_MINUTE} requests within a minute"):
        asked(training, "learning_rate", 1e-3)
    for number in range(MOST_WAITING - MOST_A_MINUTE // 2):
        asked(training, "learning_rate", 1e-3, user=f"user {number}")
    with pytest.raises(NotAsked, match=f"{MOST_WAITING} requests are waiting"):
        asked(training, "learning_rate", 1e-3, user="ben")


def no_folder(training: Training, elsewhere: Path) -> None:
    """The folder is gone."""
    (training.directory / "control").rmdir()


def linked_folder(training: Training, elsewhere: Path) -> None:
    """The folder is a link out of the run."""
    no_folder(training, elsewhere)
    (training.directory / "control").symlink_to(elsewhere)


def linked_run(training: Training, elsewhere: Path) -> None:
    """The run's own directory was replaced by a link."""
    training.directory.rename(training.directory.with_name("moved"))
    (elsewhere / "control").mkdir()
    training.directory.symlink_to(elsewhere)


@pytest.mark.parametrize("spoil", [no_folder, linked_folder, linked_run])
def test_nothing_is_written_through_a_link(
    training: Training,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    spoil: Callable[[Training, Path], None],
) -> None:
    """Only the folder that the training has made takes requests; the monitor makes none, and follows none."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    state = load_training_state(training.directory)
    known = controls(state)
    spoil(training, elsewhere)
    before = tree(elsewhere)
    with pytest.raises(NotAsked, match="cannot be written"):
        ask(
            state,
            ControlFolder(training.directory, tmp_path),
            "learning_rate",
            1e-4,
            user="anna",
            seen=1e-3,
            session=known.session,
            now=time.time(),
        )
    assert tree(elsewhere) == before


def test_what_waits_can_be_withdrawn_once(training: Training) -> None:
    """One of the two takes it: who withdraws it, or the training."""
    folder = ControlFolder(training.directory)
    request = asked(training, "learning_rate", 1e-4)
    assert folder.waiting() == [request]
    assert folder.withdraw(request.id)
    assert not folder.withdraw(request.id)
    training.steps()
    assert training.events("control") == []
    taken = asked(training, "learning_rate", 1e-4)
    training.steps()
    assert not folder.withdraw(taken.id)
    assert not folder.withdraw("../../etc/passwd")


def test_a_hostile_folder_does_not_hold_up_a_page(training: Training) -> None:
    """Pipes, links, folders and huge files of a request's name are no requests."""
    folder = training.directory / "control"
    os.mkfifo(folder / f"{'a' * 32}.json")
    (folder / f"{'b' * 32}.json").symlink_to("/dev/zero")
    (folder / f"{'c' * 32}.json").mkdir()
    (folder / f"{'d' * 32}.json").write_bytes(b" " * 2**20)
    request = asked(training, "learning_rate", 1e-4)
    assert ControlFolder(training.directory).waiting() == [request]


def test_without_the_flag_nothing_is_written(training: Training) -> None:
    """Every page of a run that may be changed leaves its directory, which cannot be written to, as it was."""
    asked(training, "learning_rate", 1e-4)  # what another monitor has asked for
    writable = [training.directory, training.directory / "control"]
    for each in writable:
        each.chmod(0o555)
    before = tree(training.directory)
    try:
        client = create_app(training.directory).server.test_client()
        for path in (page["path"] for page in dash.page_registry.values() if page["path"] != "/404"):
            Screen(client, path).refresh()
        assert tree(training.directory) == before
    finally:
        for each in writable:
            each.chmod(0o755)


def terminal(directory: Path, *arguments: str, wait: float = 20) -> tuple[int, str]:
    """Run ``thalia-monitor set``: exit code and everything it printed."""
    program = [sys.executable, "-m", "thalia_monitor", "set", "--wait", str(wait), str(directory), *arguments]
    done = subprocess.run(
        program, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"LOGNAME": "anna"}
    )
    return done.returncode, done.stdout + done.stderr


def test_a_terminal_does_the_same(training: Training) -> None:
    """Values and commands, one after the other, each with its answer; the user's name is in the log."""
    stop = threading.Event()

    def train() -> None:
        while not stop.wait(0.02):
            training.steps()

    thread = threading.Thread(target=train)
    thread.start()
    try:
        code, said = terminal(training.directory, "learning_rate=1e-4", "noise=on", "pause")
    finally:
        stop.set()
        thread.join()
    first, second, third = said.splitlines()
    assert code == 0
    assert re.fullmatch(r"learning_rate=0\.0001: applied at step [\d,]+, was 0\.001", first)
    assert re.fullmatch(r"noise=on: applied at step [\d,]+, was off", second)
    assert re.fullmatch(r"pause: applied at step [\d,]+", third)
    assert {event["user"] for event in training.events("control")} == {"anna (terminal)"}


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("momentum=0.9", "has declared learning_rate, noise, schedule, pause, resume, stop_after_stage"),
        ("learning_rate", "Which value? learning_rate=0.001 is the present one."),
        ("learning_rate=fast", "learning_rate stays as it is: fast is not a number."),
        ("learning_rate=1", "1 is above 0.1, the highest allowed"),
        ("pause=1", "pause is a command and takes no value."),
        ("schedule=linear", "linear is none of cosine, constant"),
    ],
)
def test_a_terminal_says_what_is_wrong(training: Training, argument: str, words: str) -> None:
    """Exit code 2, one sentence, and nothing is written."""
    before = tree(training.directory)
    code, said = terminal(training.directory, argument)
    assert (code, words in said) == (2, True), said
    assert tree(training.directory) == before


def test_a_terminal_does_not_wait_for_ever(training: Training) -> None:
    """A trainer that does not answer is told as such, with exit code 1; the request waits on."""
    code, said = terminal(training.directory, "learning_rate=1e-4", wait=0.3)
    assert code == 1
    assert said.startswith("learning_rate=0.0001: not heard for 0.3 s: is the trainer alive?")
    assert len(training.requests) == 1


def test_a_request_is_small_and_plain(training: Training) -> None:
    """A user's name cannot make it large, forge a field, or command a terminal."""
    request = asked(training, "learning_rate", 1e-4, user='a"}\n\x1b[2J' + "x" * 10_000)
    (path,) = (training.directory / "control").glob("*.json")
    assert path.stat().st_size < 1_000
    assert json.loads(path.read_bytes())["user"] == request.user
    assert request.user.startswith('a"}��[2Jxxx')
    assert len(request.user) == 100
