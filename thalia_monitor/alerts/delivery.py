"""Delivering messages to channels: a queue and a thread each, quiet hours, a limit by the hour, and retries."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from thalia_monitor.alerts.faults import Faults
from thalia_monitor.alerts.memory import MOST_FAILURES, Message, Outbox, StateFile
from thalia_monitor.model.records import Severity

if TYPE_CHECKING:  # the sending process needs neither
    from thalia_monitor.alerts.rules import Channel, Plan

log: Final = logging.getLogger("thalia_monitor.alerts")

HOUR: Final = 3600.0
FIRST_WAIT: Final = 30.0
"""Seconds until a failed notification is tried again; twice as long after each further failure, up to an hour."""
_DOUBLINGS: Final = 7
DEADLINE: Final = 20.0
"""Seconds in which a notification has to be sent, from the first byte to the last of the answer."""
MOST_QUEUED: Final = 1_000
"""Messages that wait for one channel; the newest and the worst are kept."""
MOST_LISTED: Final = 100
"""Messages that a notification lists; the others it counts."""

ICONS: Final = {Severity.CRITICAL: "✖", Severity.WARNING: "▲", Severity.INFO: "●"}
OVER: Final = "✓"


@dataclass(frozen=True, slots=True)
class Notification:
    """One or more messages as they are sent together."""

    title: str
    body: str
    severity: Severity
    over: bool = False
    """Whether all of it says that alerts are over."""


Send = Callable[["Channel", "Notification"], str]
"""Sends a notification within the deadline and returns why it could not be sent: empty when it was."""


class ChannelCondition(StrEnum):
    """How a channel is doing."""

    OK = "ok"
    WAITING = "waiting"
    """Messages wait for the end of quiet hours, or because of the limit by the hour."""
    STUCK = "stuck"
    """The last try failed, or has taken too long; messages wait for the next."""


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How one channel is doing, without its address."""

    name: str
    condition: ChannelCondition
    waiting: int
    """Messages in its queue."""
    sent: int
    """Notifications sent in the last hour."""
    failures: int
    """Tries in a row that failed."""
    reason: str
    """Why the last try failed."""


def queued(outbox: Outbox, messages: Sequence[Message]) -> Outbox:
    """Put messages into a queue; when it is full, the oldest of the least severe are dropped and counted."""
    both = (*outbox.messages, *messages)
    excess = len(both) - MOST_QUEUED
    if excess <= 0:
        return replace(outbox, messages=both)
    least = sorted(range(len(both)), key=lambda place: (both[place].severity.rank, place))
    gone = set(least[:excess])
    kept = tuple(each for place, each in enumerate(both) if place not in gone)
    return replace(outbox, messages=kept, dropped=outbox.dropped + excess)


def due(plan: Plan, outbox: Outbox, now: float) -> tuple[Message, ...]:
    """The messages that go out now, together.

    A next try further away than the wait after so many failures was set before the clock was put back.
    """
    if now < outbox.next_try <= now + wait_after(outbox.failures):
        return ()
    if len(recent(outbox.sent, now)) >= plan.most_per_hour:
        return ()
    if now not in plan.quiet:
        return outbox.messages
    urgent = plan.critical_when_quiet
    return tuple(each for each in outbox.messages if urgent and each.severity is Severity.CRITICAL)


def recent(times: Sequence[float], now: float) -> tuple[float, ...]:
    """The times of the last hour; those in the future are of a clock that was wrong, and count for nothing."""
    return tuple(at for at in times if 0 <= now - at < HOUR)


def wait_after(failures: int) -> float:
    """Seconds until the next try after so many failures in a row."""
    return min(FIRST_WAIT * 2.0 ** min(max(failures - 1, 0), _DOUBLINGS), HOUR)


def sent(outbox: Outbox, delivered: Sequence[Message], now: float, dropped: int = 0) -> Outbox:
    """The outbox after these messages of it were sent, and ``dropped`` others counted."""
    gone = set(map(id, delivered))
    left = tuple(each for each in outbox.messages if id(each) not in gone)
    return Outbox(left, dropped=max(outbox.dropped - dropped, 0), sent=(*recent(outbox.sent, now), now))


def failed(outbox: Outbox, reason: str, now: float) -> Outbox:
    """The outbox after a notification could not be sent."""
    failures = min(outbox.failures + 1, MOST_FAILURES)
    return replace(
        outbox,
        sent=recent(outbox.sent, now),
        failures=failures,
        next_try=now + wait_after(failures),
        reason=reason,
    )


def compose(messages: Sequence[Message], link: str = "", dropped: int = 0) -> Notification:
    """Put messages together: one with its time, several as a list with theirs; any may have waited for hours."""
    worst = max((each.severity for each in messages), key=lambda each: each.rank)
    over = all(each.over for each in messages)
    runs = list(dict.fromkeys(each.run for each in messages))
    if len(messages) == 1 and not dropped:
        only = messages[0]
        title, lines = f"{_icon(only)} {only.run}: {only.text[:120]}", [f"{_clock(only.time)}: {only.text}"]
    else:
        count = f"{len(messages) + dropped:,} messages"
        title = f"{OVER if over else ICONS[worst]} " + (
            f"{runs[0]}: {count}" if len(runs) == 1 else f"{count} of {len(runs):,} runs"
        )
        shown = set(map(id, sorted(messages, key=lambda each: -each.severity.rank)[:MOST_LISTED]))
        listed = [each for each in messages if id(each) in shown]
        lines = [
            f"{_clock(each.time)} {_icon(each)} {f'{each.run}: ' if len(runs) > 1 else ''}{each.text}"
            for each in listed
        ]
        if more := len(messages) - len(listed) + dropped:
            lines.append(f"and {more:,} more")
    return Notification(title, "\n".join([*lines, *([link] if link else [])]), worst, over)


def _icon(message: Message) -> str:
    return OVER if message.over else ICONS[message.severity]


def _clock(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%b %d %H:%M} UTC"


def status(channel: str, outbox: Outbox, now: float, under_way: float = 0.0) -> ChannelStatus:
    """How a channel is doing; ``under_way``: seconds since the notification that is being sent was begun."""
    stuck = (outbox.failures > 0 and len(outbox.messages) > 0) or under_way > 2 * DEADLINE
    waits = ChannelCondition.WAITING if outbox.messages and not under_way else ChannelCondition.OK
    return ChannelStatus(
        channel,
        ChannelCondition.STUCK if stuck else waits,
        len(outbox.messages),
        len(recent(outbox.sent, now)),
        outbox.failures,
        outbox.reason,
    )


def outbox_file(folder: Path, watch: str, channel: str) -> StateFile[Outbox]:
    """The file of a channel's outbox."""
    name = hashlib.blake2s(channel.encode(errors="replace"), digest_size=8).hexdigest()
    return StateFile(folder / f"{watch}.{name}.outbox", Outbox)


class Sender:
    """Sends the messages of one channel, from a thread of its own, so that no other channel waits for it."""

    def __init__(
        self, channel: Channel, plan: Plan, file: StateFile[Outbox], send: Send, clock: Callable[[], float]
    ) -> None:
        self.channel, self._plan, self._file, self._send, self._clock = channel, plan, file, send, clock
        self._outbox = file.read()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._begun: float | None = None
        self._faults = Faults(f"the channel {channel.name}")
        self._thread = threading.Thread(target=self._run, name=f"alerts to {channel.name}", daemon=True)

    def put(self, messages: Sequence[Message]) -> None:
        """Queue messages; :meth:`save` keeps them, :meth:`wake` sends them."""
        with self._lock:
            self._outbox = queued(self._outbox, messages)

    def save(self) -> None:
        """Write the queue to disk, if it has changed; raises OSError."""
        with self._lock:
            self._file.write(self._outbox)

    def step(self) -> None:
        """Send what is due, as one notification."""
        now = self._clock()
        with self._lock:
            chosen, dropped = due(self._plan, self._outbox, now), self._outbox.dropped
        if chosen:
            self._begun = time.monotonic()
            reason = "a fault of the monitor's own, see its log"
            try:
                reason = self._send(self.channel, compose(chosen, self._plan.link, dropped))
            finally:
                self._take(chosen, dropped, reason)
        self.save()

    def _take(self, delivered: Sequence[Message], dropped: int, reason: str) -> None:
        """Record the result of sending; the first failure and its end are logged."""
        now, self._begun = self._clock(), None
        with self._lock:
            before = self._outbox
            self._outbox = failed(before, reason, now) if reason else sent(before, delivered, now, dropped)
        if reason and not before.failures:
            log.warning("alerts: the channel %s is stuck: %s", self.channel.name, reason)
        elif before.failures and not reason:
            log.info("alerts: the channel %s works again", self.channel.name)

    @property
    def status(self) -> ChannelStatus:
        """How the channel is doing."""
        begun = self._begun
        under_way = 0.0 if begun is None else max(time.monotonic() - begun, 1e-9)
        return status(self.channel.name, self._outbox, self._clock(), under_way)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wake(self) -> None:
        """Look for messages now."""
        self._wake.set()

    def stop(self) -> None:
        """Send no further notification."""
        self._stop.set()
        self._wake.set()

    def join(self, seconds: float) -> None:
        """Wait until the notification that is being sent is finished."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._faults.of(self.channel.name):
                self.step()
            self._faults.report(log)
            self._wake.wait(min(self._plan.check_seconds, FIRST_WAIT))
            self._wake.clear()
