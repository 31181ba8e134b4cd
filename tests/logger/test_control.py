from __future__ import annotations

import json
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from thalia_monitor import control_folder
from thalia_monitor.logger import CurriculumLogger
from thalia_monitor.logger import control as logger_control
from thalia_monitor.model.control_request import LARGEST_REQUEST, Request, new_id

pytestmark = pytest.mark.skipif(not control_folder.OFFERED, reason="not offered on this system")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the folder at every step."""
    monkeypatch.setattr(logger_control, "INTERVAL", 0.0)


@pytest.fixture
def logger(tmp_path: Path) -> CurriculumLogger:
    """A logger whose training has declared one of each kind, and is at step 40."""
    made = CurriculumLogger(tmp_path, console_output=False)
    made.declare("learning_rate", 1e-3, 1e-6, 1e-1, unit="1/step", help="Size of an update")
    made.declare("batch", 32, low=1, high=512)
    made.declare("noise", False)
    made.declare("schedule", "cosine", choices=["cosine", "constant"])
    made.record(40, {"loss": 1.0})
    return made


def events(logger: CurriculumLogger, kind: str) -> list[dict[str, Any]]:
    """The events of one kind in the log."""
    lines = (logger.log_dir / "training_log.json").read_text("utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line.get("event_type") == kind]


def request(logger: CurriculumLogger, name: str, value: Any, based_on: Any = None, **other: Any) -> Request:
    """A request as a monitor makes it that has just read the log."""
    session = events(logger, "declare")[-1]["session"]
    made = Request(new_id(), session, name, value, based_on, "anna", time.time())
    return made._replace(**other)


def put(logger: CurriculumLogger, *requests: Request) -> None:
    """Put requests into the run's folder."""
    with control_folder.opened(logger.log_dir) as folder:
        for each in requests:
            control_folder.put(folder, each)


def answer(logger: CurriculumLogger, asked: Request) -> dict[str, Any]:
    """Let one step pass, and find the one answer to a request."""
    logger.control()
    found = [event for event in events(logger, "control") if event["id"] == asked.id]
    assert len(found) == 1
    return found[0]


def test_what_is_declared_stands_in_the_log(logger: CurriculumLogger) -> None:
    """A monitor knows from the log alone what it may ask for: kinds, values, bounds, unit, choices, one session."""
    declared = {event["name"]: event for event in events(logger, "declare")}
    assert declared["learning_rate"] | {"timestamp": 0, "session": ""} == {
        "step": 0,
        "timestamp": 0,
        "event_type": "declare",
        "session": "",
        "name": "learning_rate",
        "kind": "float",
        "value": 1e-3,
        "low": 1e-6,
        "high": 1e-1,
        "unit": "1/step",
        "help": "Size of an update",
    }
    assert (declared["batch"]["kind"], declared["batch"]["low"]) == ("int", 1)
    assert (declared["noise"]["kind"], declared["noise"]["value"]) == ("bool", False)
    assert declared["schedule"]["choices"] == ["cosine", "constant"]
    assert len({event["session"] for event in declared.values()}) == 1


def test_a_request_is_applied_at_a_step_and_acknowledged(logger: CurriculumLogger) -> None:
    """The value changes at the next look, the log says who, what, old, new and the step, and the file is gone."""
    asked = request(logger, "learning_rate", 1e-4, 1e-3)
    put(logger, asked)
    control = logger.control(50)
    assert control["learning_rate"] == 1e-4
    (event,) = events(logger, "control")
    assert {name: event[name] for name in ("id", "name", "user", "old", "new", "outcome", "step")} == {
        "id": asked.id,
        "name": "learning_rate",
        "user": "anna",
        "old": 1e-3,
        "new": 1e-4,
        "outcome": "applied",
        "step": 50,
    }
    assert list((logger.log_dir / "control").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "based_on"),
    [
        ("batch", 64, 32),
        ("noise", True, False),
        ("schedule", "constant", "cosine"),
        ("learning_rate", 0.1, 1e-3),
    ],
)
def test_every_kind_takes_its_values(logger: CurriculumLogger, name: str, value: Any, based_on: Any) -> None:
    """Whole numbers, switches, choices, and a float at its bound."""
    asked = request(logger, name, value, based_on)
    put(logger, asked)
    assert answer(logger, asked)["outcome"] == "applied"
    assert logger.control()[name] == value
    assert type(logger.control()[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "value", "based_on", "reason"),
    [
        ("momentum", 0.9, 0.9, "momentum is not declared by this training"),
        ("learning_rate", 1.0, 1e-3, "1 is above 0.1, the highest allowed"),
        ("learning_rate", 1e-9, 1e-3, "1e-09 is below 1e-06, the lowest allowed"),
        ("learning_rate", "0.01", 1e-3, "0.01 is not a finite number"),
        ("learning_rate", True, 1e-3, "on is not a finite number"),
        ("learning_rate", None, 1e-3, "nothing is not a finite number"),
        ("learning_rate", 10**400, 1e-3, "a very large number is not a finite number"),
        ("batch", 64.0, 32, "64 is not a whole number"),
        ("batch", True, 32, "on is not a whole number"),
        ("batch", 10**30, 32, "the whole number is too large"),
        ("noise", 1, False, "1 is neither on nor off"),
        ("schedule", "linear", "cosine", "linear is none of cosine, constant"),
        ("learning_rate", 1e-4, 1e-2, "it was based on 0.01, and the value is 0.001 now"),
        ("learning_rate", 1e-4, None, "it was based on nothing, and the value is 0.001 now"),
    ],
)
def test_nothing_else_is_accepted(
    logger: CurriculumLogger, name: str, value: Any, based_on: Any, reason: str
) -> None:
    """An undeclared name, a wrong type, a value out of bounds, a stale one: refused, with the reason in the log."""
    before = dict(logger.control())
    asked = request(logger, name, value, based_on)
    put(logger, asked)
    event = answer(logger, asked)
    assert (event["outcome"], event["reason"], event["user"]) == ("refused", reason, "anna")
    assert dict(logger.control()) == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the request is not valid JSON"),
        (b'{"id": ', "the request is not valid JSON"),
        (b"\xff\xfe", "the request is not valid JSON"),
        (b"[" * 4000, "the request is not valid JSON"),
        (b"[]", "the request does not have the fields of one"),
        (b'{"name": "learning_rate", "value": 0.01}', "the request does not have the fields of one"),
        (b"x" * 2**20, f"the request is larger than {LARGEST_REQUEST:,} bytes"),
    ],
)
def test_a_file_that_is_no_request_is_refused_and_removed(
    logger: CurriculumLogger, content: bytes, reason: str
) -> None:
    """Torn, no JSON, nested, incomplete, a megabyte long: each is answered once, and changes nothing."""
    identifier = new_id()
    path = logger.log_dir / "control" / f"{identifier}.json"
    path.write_bytes(content)
    for _ in range(3):
        assert logger.control()["learning_rate"] == 1e-3
    (event,) = events(logger, "control")
    assert (event["id"], event["outcome"], event["reason"]) == (identifier, "refused", reason)
    assert not path.exists()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_is_refused(logger: CurriculumLogger, number: str) -> None:
    """What Python's own json reads as a float is no value."""
    asked = request(logger, "learning_rate", 1e-4, 1e-3)
    content = asked.content().replace(b"0.0001", number.encode())
    (logger.log_dir / "control" / asked.file).write_bytes(content)
    assert answer(logger, asked)["reason"] == f"{number} is not a finite number"
    assert logger.control()["learning_rate"] == 1e-3


def a_link(path: Path, target: Path) -> None:
    """A link to a request outside the folder."""
    path.symlink_to(target)


def a_pipe(path: Path, target: Path) -> None:
    """A pipe that nobody writes into."""
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "reason"), [(a_link, "the request is a link"), (a_pipe, "the request is not a regular file")]
)
def test_links_and_pipes_are_refused_and_never_waited_for(
    logger: CurriculumLogger, tmp_path: Path, make: Callable[[Path, Path], None], reason: str
) -> None:
    """What a link leads to is neither read nor removed."""
    asked = request(logger, "learning_rate", 1e-4, 1e-3)
    target = tmp_path / "elsewhere.json"
    target.write_bytes(asked.content())
    make(logger.log_dir / "control" / asked.file, target)
    assert answer(logger, asked)["reason"] == reason
    assert logger.control()["learning_rate"] == 1e-3
    assert target.read_bytes() == asked.content()
    assert list((logger.log_dir / "control").iterdir()) == []


def test_a_folder_named_like_a_request_is_answered_once_and_left(logger: CurriculumLogger) -> None:
    """What cannot be removed is never applied, and does not hold up others."""
    (logger.log_dir / "control" / f"{new_id()}.json").mkdir()
    asked = request(logger, "learning_rate", 1e-4, 1e-3)
    put(logger, asked)
    for _ in range(3):
        logger.control()
    assert sorted(event["outcome"] for event in events(logger, "control")) == ["applied", "refused"]
    assert logger.write_errors == 0


def test_a_control_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """Nothing is read from, or removed in, a folder that somebody has put in its place."""
    logger = CurriculumLogger(tmp_path / "run", console_output=False)
    logger.declare("learning_rate", 1e-3)
    other = tmp_path / "other"
    other.mkdir()
    (logger.log_dir / "control").rmdir()
    (logger.log_dir / "control").symlink_to(other)
    asked = request(logger, "learning_rate", 1e-4, 1e-3)
    (other / asked.file).write_bytes(asked.content())
    assert logger.control()["learning_rate"] == 1e-3
    assert [path.name for path in other.iterdir()] == [asked.file]
    assert logger.write_errors == 0


def test_other_files_in_the_folder_are_left_alone(logger: CurriculumLogger) -> None:
    """A note, and a request that a monitor is writing at this moment; what a killed one has left goes later."""
    folder = logger.log_dir / "control"
    (folder / "notes.txt").write_text("mine")
    unfinished, orphan = (folder / f".{new_id()}.json.tmp" for _ in range(2))
    unfinished.write_text("{")
    orphan.write_text("{")
    os.utime(orphan, (time.time() - 120,) * 2)
    logger.control()
    assert sorted(folder.iterdir()) == sorted([folder / "notes.txt", unfinished])


def test_of_two_users_at_once_the_first_wins_and_the_second_is_told(logger: CurriculumLogger) -> None:
    """Both saw the same value: the later request is stale by then, and its answer says what the value is now."""
    first = request(logger, "learning_rate", 1e-4, 1e-3)
    second = request(logger, "learning_rate", 1e-2, 1e-3, user="ben")
    put(logger, first)
    os.utime(logger.log_dir / "control" / first.file, (time.time() - 1,) * 2)
    put(logger, second)
    assert logger.control()["learning_rate"] == 1e-4
    answers = {event["user"]: event for event in events(logger, "control")}
    assert answers["anna"]["outcome"] == "applied"
    assert answers["ben"]["outcome"] == "refused"
    assert answers["ben"]["reason"] == "it was based on 0.001, and the value is 0.0001 now"


def test_a_request_is_applied_once_even_if_its_file_comes_back(logger: CurriculumLogger) -> None:
    """A file server may bring a removed file back: the process that has answered it refuses it."""
    there = request(logger, "learning_rate", 1e-4, 1e-3)
    back = request(logger, "learning_rate", 1e-3, 1e-4)
    for each in (there, back, there):
        put(logger, each)
        logger.control()
    assert [event["outcome"] for event in events(logger, "control")] == ["applied", "applied", "refused"]
    assert logger.control()["learning_rate"] == 1e-3


def test_another_process_refuses_what_was_meant_for_the_one_before(logger: CurriculumLogger) -> None:
    """What waited when the training was killed is not applied by the one that is started again."""
    asked = request(logger, "learning_rate", 1e-4, 1e-3)
    put(logger, asked)
    again = CurriculumLogger(logger.log_dir, console_output=False)
    again.declare("learning_rate", 1e-3, 1e-6, 1e-1)
    event = answer(again, asked)
    assert (event["outcome"], event["reason"]) == (
        "refused",
        "it was made for an earlier process of this training",
    )
    assert again.control()["learning_rate"] == 1e-3


def test_a_value_that_cannot_be_acknowledged_is_not_applied(
    logger: CurriculumLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk nobody would ever know of it."""
    put(logger, request(logger, "learning_rate", 1e-4, 1e-3))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("thalia_monitor.logger.files.Appender.append", full)
    assert logger.control()["learning_rate"] == 1e-3


def test_commands_call_their_function_or_are_noted(logger: CurriculumLogger) -> None:
    """A function is called once; without one the loop is told once; one that fails is acknowledged as failed."""
    called: list[int] = []

    def fail() -> None:
        raise RuntimeError("the disk is full")

    logger.declare_command("checkpoint_now", lambda: called.append(1))
    logger.declare_command("explode", fail)
    logger.declare_command("stop_after_stage")
    asked = [request(logger, name, None) for name in ("checkpoint_now", "explode", "stop_after_stage")]
    put(logger, *asked)
    outcomes = [answer(logger, each) for each in asked]
    assert [each["outcome"] for each in outcomes] == ["applied", "failed", "applied"]
    assert outcomes[1]["reason"] == "RuntimeError: the disk is full"
    assert called == [1]
    control = logger.control()
    assert [control.requested("stop_after_stage") for _ in range(2)] == [True, False]
    assert not control.requested("checkpoint_now")


def test_a_command_takes_no_value(logger: CurriculumLogger) -> None:
    """And a parameter is no command."""
    logger.declare_command("pause")
    asked = request(logger, "pause", 5)
    put(logger, asked)
    assert answer(logger, asked)["reason"] == "pause is a command and takes no value"
    assert not logger.control().paused


def test_a_pause_holds_the_loop_until_resumed(
    logger: CurriculumLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``control()`` itself waits, other requests are applied meanwhile, and a second pause is refused."""
    monkeypatch.setattr(logger_control, "INTERVAL", 0.01)
    logger.declare_command("pause")
    first, second = request(logger, "pause", None), request(logger, "pause", None)
    put(logger, first)
    passed = threading.Event()

    def loop() -> None:
        logger.control()
        passed.set()

    thread = threading.Thread(target=loop)
    thread.start()
    changed = request(logger, "learning_rate", 1e-2, 1e-3)
    put(logger, second, changed)
    assert not passed.wait(0.2)
    assert {event["id"]: event["outcome"] for event in events(logger, "control")} == {
        first.id: "applied",
        second.id: "refused",
        changed.id: "applied",
    }
    put(logger, request(logger, "resume", None))
    thread.join(5)
    assert passed.is_set()
    assert logger.control(wait=False)["learning_rate"] == 1e-2


def test_without_waiting_a_loop_sees_that_it_is_paused(logger: CurriculumLogger) -> None:
    """For loops that must go on doing something else."""
    logger.declare_command("pause")
    put(logger, request(logger, "pause", None))
    assert logger.control(wait=False).paused
    put(logger, request(logger, "resume", None))
    assert not logger.control(wait=False).paused


@pytest.mark.parametrize(
    "declaration",
    [
        {"name": "", "value": 1.0},
        {"name": "a=b", "value": 1.0},
        {"name": "line\nbreak", "value": 1.0},
        {"name": "x" * 101, "value": 1.0},
        {"name": "rate", "value": float("nan")},
        {"name": "rate", "value": 5.0, "high": 1.0},
        {"name": "rate", "value": 1.0, "low": "much"},
        {"name": "rate", "value": [1.0]},
        {"name": "mode", "value": "c", "choices": ["a", "b"]},
        {"name": "mode", "value": "a", "choices": ["a", ["b"]]},
    ],
)
def test_a_declaration_that_is_no_good_costs_only_the_offer(
    tmp_path: Path, declaration: dict[str, Any]
) -> None:
    """Training goes on with its own value, and nobody can change it."""
    logger = CurriculumLogger(tmp_path, console_output=False)
    logger.declare(**declaration)
    control = logger.control()
    value = control[declaration["name"]]
    assert value == declaration["value"] or value != value
    assert not (tmp_path / "control").exists()
    assert events(logger, "declare") == [] if (tmp_path / "training_log.json").exists() else True


def test_a_training_that_changes_a_value_itself_declares_it_again(logger: CurriculumLogger) -> None:
    """The log has the new value, and a request that is based on the old one is stale; the same again is no news."""
    before = len(events(logger, "declare"))
    for _ in range(3):
        logger.declare("learning_rate", 5e-4, 1e-6, 1e-1, unit="1/step", help="Size of an update")
    assert [event["value"] for event in events(logger, "declare")[before:]] == [5e-4]
    asked = request(logger, "learning_rate", 1e-4, 1e-3)
    put(logger, asked)
    assert answer(logger, asked)["outcome"] == "refused"


def test_without_a_declaration_nothing_is_made_or_read(tmp_path: Path) -> None:
    """Off by default: no folder, and what lies in one is left there."""
    logger = CurriculumLogger(tmp_path, console_output=False)
    logger.record(1, {"loss": 1.0})
    assert not (tmp_path / "control").exists()
    (tmp_path / "control").mkdir()
    asked = Request(new_id(), "x", "learning_rate", 1.0, 1.0, "anna", 0.0)
    put(logger, asked)
    assert dict(logger.control()) == {}
    assert (tmp_path / "control" / asked.file).exists()


def test_without_the_documented_log_nothing_is_offered(tmp_path: Path) -> None:
    """An answer would have nowhere to stand; the values are there all the same."""
    logger = CurriculumLogger(tmp_path, console_output=False, json_log=False)
    logger.declare("learning_rate", 1e-3)
    assert logger.control()["learning_rate"] == 1e-3
    assert not (tmp_path / "control").exists()


def test_a_logger_that_was_pickled_offers_the_same_as_another_process(logger: CurriculumLogger) -> None:
    """Without the functions of commands, which would drag the trainer along."""
    logger.declare_command("checkpoint_now", lambda: None)
    asked = request(logger, "learning_rate", 1e-4, 1e-3)
    copy: CurriculumLogger = pickle.loads(pickle.dumps(logger))
    assert copy.control()["learning_rate"] == 1e-3
    put(logger, asked)
    assert answer(copy, asked)["reason"] == "it was made for an earlier process of this training"
    again = request(copy, "learning_rate", 1e-4, 1e-3)
    put(copy, again)
    assert answer(copy, again)["outcome"] == "applied"
    assert "checkpoint_now" not in {event["name"] for event in events(copy, "declare")[-4:]}


def test_the_folder_is_looked_at_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two looks a step costs no system call."""
    monkeypatch.setattr(logger_control, "INTERVAL", 60.0)
    logger = CurriculumLogger(tmp_path, console_output=False)
    logger.declare("learning_rate", 1e-3)
    looks: list[Any] = []

    def take(inbox: logger_control.Inbox) -> Iterator[tuple[str, bytes | str]]:
        looks.append(inbox)
        return iter(())

    monkeypatch.setattr(logger_control.Inbox, "take", take)
    for _ in range(1_000):
        logger.control()
    assert len(looks) == 1
