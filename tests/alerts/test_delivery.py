"""When messages go out, and how."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.alerts.support import Desk
from tests.support import wait_until
from thalia_monitor.alerts.conditions import Rule
from thalia_monitor.alerts.delivery import (
    Notification,
    Sender,
    compose,
    due,
    failed,
    outbox_file,
    queued,
    sent,
)
from thalia_monitor.alerts.memory import Message, Outbox
from thalia_monitor.alerts.rules import Channel, Plan, QuietHours
from thalia_monitor.model.records import Severity

NOON = 12 * 3600.0
NIGHT = QuietHours(((time(22), time(7)),), ZoneInfo("UTC"))
DESK = Channel("desk", Severity.INFO, "json://x")


def plan(**fields: Any) -> Plan:
    """A plan with one channel."""
    return Plan((DESK,), (Rule(on="stale"),), **fields)


def messages(*texts: str, severity: Severity = Severity.WARNING, run: str = "run") -> list[Message]:
    """Messages of noon for the desk."""
    return [Message(NOON, severity, text, channels=("desk",), run=run) for text in texts]


@dataclass(slots=True)
class Post:
    """A channel's sender, its desk, and the clock of both."""

    folder: Path
    plan: Plan = field(default_factory=plan)
    desk: Desk = field(default_factory=Desk)
    now: float = NOON
    tries: list[float] = field(default_factory=list)
    sender: Sender = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process, with what is on disk."""
        file = outbox_file(self.folder, "watch", "desk")
        self.sender = Sender(DESK, self.plan, file, self.send, lambda: self.now)

    def send(self, channel: Channel, letter: Notification) -> str:
        """Note the time and send."""
        self.tries.append(self.now)
        return self.desk(channel, letter)

    def put(self, *texts: str, **fields: Any) -> None:
        """Queue messages."""
        self.sender.put(messages(*texts, **fields))
        self.sender.save()

    def at(self, now: float) -> list[Notification]:
        """What arrives at a time."""
        self.now = now
        self.sender.step()
        return self.desk.take()


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """A channel with the usual plan."""
    return Post(tmp_path)


def test_a_message_is_sent_and_gone(tmp_path: Path) -> None:
    """Sent once: the next round has nothing to send, nor has another process."""
    post = Post(tmp_path, plan(link="https://lab/"))
    post.put("Loss is high.", run="run 7")
    (only,) = post.at(NOON)
    assert only.title == "▲ run 7: Loss is high."
    assert only.body == f"{datetime.fromtimestamp(NOON, UTC):%b %d %H:%M} UTC: Loss is high.\nhttps://lab/"
    assert post.at(NOON + 10) == []
    post.restart()
    assert post.at(NOON + 20) == []


def test_what_cannot_be_sent_is_tried_again_ever_more_rarely(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """After 30 s, 60 s, 120 s, and nothing in between; it arrives when the line is back. One line is logged."""
    post.put("Loss is high.")
    post.desk.failing = True
    for second in range(0, 400, 10):
        post.at(NOON + second)
    assert [moment - NOON for moment in post.tries] == [0, 30, 90, 210]
    status = post.sender.status
    assert (status.condition, status.failures, status.reason) == ("stuck", 4, "the line is dead")
    post.desk.failing = False
    assert len(post.at(NOON + 1000)) == 1
    status = post.sender.status
    assert (status.condition, status.failures, status.sent) == ("ok", 0, 1)
    assert [each.getMessage() for each in caplog.records] == [
        "alerts: the channel desk is stuck: the line is dead"
    ]


@pytest.mark.parametrize("failures", [7, 8, 100, 1_000, 10**9])
def test_however_often_a_channel_failed_it_is_tried_each_hour(failures: int) -> None:
    """The wait is bounded and can be worked out, whatever the count."""
    outbox = failed(Outbox(tuple(messages("m")), failures=failures), "no", NOON)
    assert outbox.next_try == NOON + 3600
    assert outbox.failures <= 1_000
    assert due(plan(), outbox, NOON + 3599) == ()
    assert len(due(plan(), outbox, NOON + 3600)) == 1


def test_a_clock_put_back_keeps_nothing_from_being_sent(post: Post) -> None:
    """Letters and tries of the future count for nothing; a wait is never longer than it was meant to be."""
    future = NOON + 86_400
    outbox = Outbox(tuple(messages("m")), sent=tuple(future + each for each in range(20)))
    assert len(due(plan(), outbox, NOON)) == 1
    assert sent(outbox, outbox.messages, NOON).sent == (NOON,)
    post.desk.failing = True
    post.put("m")
    post.at(future)
    post.desk.failing = False
    assert len(post.at(NOON)) == 1
    failing = failed(Outbox(tuple(messages("m"))), "no", NOON)
    assert due(plan(), failing, NOON - 1) != ()
    assert due(plan(), failing, NOON + 1) == ()


def test_more_than_the_limit_waits_and_comes_together(tmp_path: Path) -> None:
    """Two an hour: the third and fourth come as one letter when the hour is over."""
    post, bodies = Post(tmp_path, plan(most_per_hour=2)), []
    for number in range(4):
        post.put(f"m{number}")
        bodies += [each.body for each in post.at(NOON + number)]
    assert [each[-2:] for each in bodies] == ["m0", "m1"]
    assert post.sender.status.condition == "waiting"
    (bundle,) = post.at(NOON + 3601)
    assert bundle.title == "▲ run: 2 messages"
    assert [line[-2:] for line in bundle.body.splitlines()] == ["m2", "m3"]


def test_quiet_hours_keep_messages_until_morning(tmp_path: Path) -> None:
    """What happened at night comes as one notification; what is critical does not wait, unless the plan says so."""
    night, morning = 2 * 3600.0, 7 * 3600.0
    post = Post(tmp_path, plan(quiet=NIGHT))
    post.put("a", "b")
    assert post.at(night) == []
    post.put("c", severity=Severity.CRITICAL)
    (urgent,) = post.at(night)
    assert urgent.title == "✖ run: c"
    assert post.at(morning)[0].title == "▲ run: 2 messages"
    strict = plan(quiet=NIGHT, critical_when_quiet=False)
    assert due(strict, Outbox(tuple(messages("c", severity=Severity.CRITICAL))), night) == ()


def test_messages_survive_a_restart(post: Post) -> None:
    """They are on disk before they are sent."""
    post.put("m")
    post.restart()
    assert len(post.at(NOON)) == 1


def test_messages_of_many_runs_are_one_letter() -> None:
    """Each line names its run; the worst come through where there are more than can be listed."""
    both = messages("a", run="one") + messages("b", run="two")
    assert compose(both).title == "▲ 2 messages of 2 runs"
    assert [line.split("▲ ")[1] for line in compose(both).body.splitlines()] == ["one: a", "two: b"]
    many = messages(*"x" * 200) + messages("worst", severity=Severity.CRITICAL)
    lines = compose(many).body.splitlines()
    assert len(lines) == 101
    assert lines[-2].endswith("worst")
    assert lines[-1] == "and 101 more"


def test_a_queue_is_bounded_by_the_worst_and_newest() -> None:
    """A thousand messages wait; what is dropped is counted in the letter."""
    first = messages("critical", severity=Severity.CRITICAL) + messages("old")
    outbox = queued(Outbox(tuple(first)), messages(*(f"m{number}" for number in range(1_500))))
    assert len(outbox.messages) == 1_000
    assert [each.text for each in outbox.messages[:2]] == ["critical", "m501"]
    assert compose(outbox.messages, dropped=outbox.dropped).title == "✖ run: 1,502 messages"
    assert compose(outbox.messages, dropped=outbox.dropped).body.endswith("and 1,402 more")
    assert sent(outbox, outbox.messages, NOON, outbox.dropped).dropped == 0
    assert sent(outbox, outbox.messages, NOON, outbox.dropped - 1).dropped == 1


def test_a_recovery_looks_like_one() -> None:
    """Only what is all good news is marked as such."""
    over = Message(NOON, Severity.CRITICAL, "Over.", over=True, run="run")
    assert compose([over]).over
    assert compose([over]).title.startswith("✓ run")
    assert not compose([over, Message(NOON, Severity.INFO, "m")]).over


def test_a_fault_while_sending_is_logged_and_the_sender_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its traceback is in the log, it counts as a failed try, and the letter arrives at the next."""
    post = Post(tmp_path, plan(check_seconds=0.01))

    def send(channel: Channel, letter: Notification) -> str:
        if not post.tries:
            post.send(channel, letter)
            raise OverflowError("math range error")
        return post.send(channel, letter)

    sender = Sender(DESK, post.plan, outbox_file(tmp_path, "watch", "desk"), send, lambda: post.now)
    sender.put(messages("m"))
    with caplog.at_level(logging.ERROR):
        sender.start()
        wait_until(lambda: sender.status.failures == 1)
        wait_until(lambda: "OverflowError: math range error" in caplog.text)
        assert "Traceback" in caplog.text
        post.desk.take()
        post.now += 30
        wait_until(lambda: len(post.tries) == 2)
    sender.stop()
    sender.join(10)
    assert [each.title for each in post.desk.take()] == ["▲ run: m"]
