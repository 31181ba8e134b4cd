"""When messages go out, and how."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from tests.alerts.support import Desk
from thalia_monitor.alerts.delivery import deliver, letter, states
from thalia_monitor.alerts.hours import Hours
from thalia_monitor.alerts.journal import Journal, Message
from thalia_monitor.alerts.plan import Channel, On, Plan, Rule
from thalia_monitor.state import Severity

NOON = 12 * 3600.0
NIGHT = Hours(((time(22), time(7)),), ZoneInfo("UTC"))


def plan(**fields: Any) -> Plan:
    """A plan with one channel."""
    return Plan((Channel("desk", Severity.INFO, "json://x"),), (Rule(on=On.STALE),), **fields)


def waiting(*texts: str, severity: Severity = Severity.WARNING, **fields: Any) -> Journal:
    """A journal in which these messages wait."""
    return Journal(
        messages=tuple(Message(NOON, severity, text, waiting=("desk",)) for text in texts), **fields
    )


def test_a_message_is_sent_and_gone() -> None:
    """Sent once: the next round has nothing to send."""
    desk = Desk()
    journal = deliver(plan(link="https://lab/"), waiting("Loss is high."), "run 7", NOON, desk)
    (only,) = desk.take()
    assert only.title == "▲ run 7: Loss is high."
    assert only.body == f"{datetime.fromtimestamp(NOON, UTC):%b %d %H:%M} UTC: Loss is high.\nhttps://lab/"
    deliver(plan(), journal, "run 7", NOON + 10, desk)
    assert desk.take() == []
    assert journal.messages == ()


def test_what_cannot_be_sent_is_tried_again_ever_more_rarely() -> None:
    """After 30 s, 60 s, 120 s, and nothing in between; it arrives when the line is back."""
    desk, journal = Desk(failing=True), waiting("Loss is high.")
    tries = []

    def send(channel: Channel, sent: Any) -> str:
        tries.append(now)
        return desk(channel, sent)

    for second in range(0, 400, 10):
        now = NOON + second
        journal = deliver(plan(), journal, "run", now, send)
    assert [moment - NOON for moment in tries] == [0, 30, 90, 210]
    assert states(journal) == {"desk": "failed 4 times"}
    desk.failing = False
    journal = deliver(plan(), journal, "run", NOON + 1000, send)
    assert len(desk.take()) == 1
    assert states(journal) == {"desk": "1 sent in the last hour"}


def test_one_dead_channel_does_not_hold_up_another() -> None:
    """Each channel gets its own, once."""
    both = Plan(
        (Channel("dead", Severity.INFO, "json://d"), Channel("desk", Severity.INFO, "json://x")),
        (Rule(on=On.STALE),),
    )
    desk = Desk()

    def send(channel: Channel, sent: Any) -> str:
        return "no" if channel.name == "dead" else desk(channel, sent)

    journal = Journal(messages=(Message(NOON, Severity.INFO, "m", waiting=("dead", "desk")),))
    for second in range(0, 100, 10):
        journal = deliver(both, journal, "run", NOON + second, send)
    assert len(desk.take()) == 1
    assert journal.messages[0].waiting == ("dead",)


def test_more_than_the_limit_waits_and_comes_together() -> None:
    """Two an hour: the third and fourth come as one letter when the hour is over."""
    desk, journal = Desk(), Journal()
    for number in range(4):
        journal = Journal(
            messages=(*journal.messages, *waiting(f"m{number}").messages), traffic=journal.traffic
        )
        journal = deliver(plan(most_per_hour=2), journal, "run", NOON + number, desk)
    assert [each.body[-2:] for each in desk.take()] == ["m0", "m1"]
    deliver(plan(most_per_hour=2), journal, "run", NOON + 3601, desk)
    (bundle,) = desk.take()
    assert bundle.title == "▲ run: 2 messages"
    assert [line[-2:] for line in bundle.body.splitlines()] == ["m2", "m3"]


def test_quiet_hours_keep_messages_until_morning() -> None:
    """What happened at night comes as one letter; what is critical does not wait, unless it was told to."""
    desk, night, morning = Desk(), 2 * 3600.0, 7 * 3600.0
    journal = deliver(plan(quiet=NIGHT), waiting("a", "b"), "run", night, desk)
    assert desk.take() == []
    deliver(plan(quiet=NIGHT), waiting("c", severity=Severity.CRITICAL), "run", night, desk)
    assert len(desk.take()) == 1
    strict = plan(quiet=NIGHT, critical_when_quiet=False)
    deliver(strict, waiting("c", severity=Severity.CRITICAL), "run", night, desk)
    assert desk.take() == []
    deliver(plan(quiet=NIGHT), journal, "run", morning, desk)
    assert desk.take()[0].title == "▲ run: 2 messages"


def test_a_channel_that_left_the_file_keeps_nothing_waiting() -> None:
    """Messages for a channel that is no more are dropped."""
    journal = Journal(messages=(Message(NOON, Severity.INFO, "m", waiting=("gone",)),))
    assert deliver(plan(), journal, "run", NOON, Desk()).messages == ()


def test_a_recovery_looks_like_one() -> None:
    """Only what is all good news is marked as such."""
    over = Message(NOON, Severity.CRITICAL, "Over.", over=True)
    assert letter("run", [over]).over
    assert letter("run", [over]).title.startswith("✓ run")
    assert not letter("run", [over, Message(NOON, Severity.INFO, "m")]).over
