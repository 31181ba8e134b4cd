"""Which messages go out now: quiet hours, a limit by the hour, and another try where one failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from thalia_monitor.alerts.journal import Journal, Message, Traffic
from thalia_monitor.alerts.plan import Channel, Plan
from thalia_monitor.alerts.trouble import ORDER
from thalia_monitor.state import Severity

HOUR: Final = 3600.0
FIRST_WAIT: Final = 30.0
"""Seconds until a failed message is tried again; twice as long after each further failure, up to an hour."""

ICONS: Final = {Severity.CRITICAL: "✖", Severity.WARNING: "▲", Severity.INFO: "●"}
OVER: Final = "✓"


@dataclass(frozen=True, slots=True)
class Letter:
    """One or more messages as they are sent together."""

    title: str
    body: str
    severity: Severity
    over: bool = False
    """Whether all of it is good news of that kind."""


Send = Callable[[Channel, Letter], str]
"""Sends a letter and returns why it could not be sent: empty when it was."""


def deliver(plan: Plan, journal: Journal, run: str, now: float, send: Send) -> Journal:
    """Send what is due to each channel, and take what became of it into the journal."""
    for channel in plan.channels:
        due = _due(plan, journal, channel, now)
        if not due:
            continue
        failed = bool(send(channel, letter(run, due, plan.link)))
        traffic = _after(journal.traffic.get(channel.name, Traffic()), now, failed)
        journal = replace(journal, traffic=dict(journal.traffic) | {channel.name: traffic})
        if not failed:
            journal = replace(journal, messages=_without(journal.messages, due, channel.name))
    known = {each.name for each in plan.channels}  # a channel may have left the file since
    return replace(journal, messages=tuple(each for each in journal.messages if known & set(each.waiting)))


def _due(plan: Plan, journal: Journal, channel: Channel, now: float) -> tuple[Message, ...]:
    traffic = journal.traffic.get(channel.name, Traffic())
    if now < traffic.next_try or sum(now - at < HOUR for at in traffic.sent) >= plan.most_per_hour:
        return ()
    waiting = tuple(each for each in journal.messages if channel.name in each.waiting)
    if now not in plan.quiet:
        return waiting
    urgent = plan.critical_when_quiet
    return tuple(each for each in waiting if urgent and each.severity is Severity.CRITICAL)


def _after(traffic: Traffic, now: float, failed: bool) -> Traffic:
    sent = tuple(at for at in traffic.sent if now - at < HOUR)
    if failed:
        wait = min(FIRST_WAIT * 2**traffic.failures, HOUR)
        return Traffic(sent, traffic.failures + 1, now + wait)
    return Traffic((*sent, now))


def _without(messages: Sequence[Message], sent: Sequence[Message], channel: str) -> tuple[Message, ...]:
    gone = set(map(id, sent))
    return tuple(
        replace(each, waiting=tuple(name for name in each.waiting if name != channel))
        if id(each) in gone
        else each
        for each in messages
    )


def letter(run: str, messages: Sequence[Message], link: str = "") -> Letter:
    """Put messages together: one with its time, several as a list with theirs; any may have waited for hours."""
    worst = max((each.severity for each in messages), key=ORDER.index)
    over = all(each.over for each in messages)
    if len(messages) == 1:
        only = messages[0]
        title, lines = f"{_icon(only)} {run}: {only.text[:120]}", [f"{_clock(only.time)}: {only.text}"]
    else:
        title = f"{OVER if over else ICONS[worst]} {run}: {len(messages)} messages"
        lines = [f"{_clock(each.time)} {_icon(each)} {each.text}" for each in messages]
    return Letter(title, "\n".join([*lines, *([link] if link else [])]), worst, over)


def _icon(message: Message) -> str:
    return OVER if message.over else ICONS[message.severity]


def _clock(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%b %d %H:%M} UTC"


def states(journal: Journal) -> Mapping[str, str]:
    """What each channel is doing, for whoever asks: without addresses."""
    return {
        name: f"failed {each.failures} times" if each.failures else f"{len(each.sent)} sent in the last hour"
        for name, each in journal.traffic.items()
    }
