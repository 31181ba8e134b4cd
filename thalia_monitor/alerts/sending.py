"""Sending through Apprise, which knows mail, chats and webhooks by their addresses; these are secrets.

A notification is sent by a process of its own (``python -m thalia_monitor.alerts.sending``), because nothing else
can be ended whatever it waits for: Apprise's time limits are for one operation of a socket, and would never end
with a receiver that answers a byte now and then.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

from thalia_monitor.alerts.delivery import DEADLINE, Notification
from thalia_monitor.alerts.rules import Channel
from thalia_monitor.analysis.formatting import counted
from thalia_monitor.errors import SettingsError
from thalia_monitor.model.records import Severity

TEST: Final = Notification(
    "● thalia-monitor: a test", "This is a test. Alerts of thalia-monitor will arrive here.", Severity.INFO
)
_TYPES: Final = {
    Severity.INFO: NotifyType.INFO,
    Severity.WARNING: NotifyType.WARNING,
    Severity.CRITICAL: NotifyType.FAILURE,
}
_ASSET: Final = AppriseAsset(app_id="thalia-monitor", app_desc="thalia-monitor", app_url="")
_SHORTEST_SECRET: Final = 3
_LOGGERS: Final = ("apprise", "urllib3.connectionpool", "urllib3.util.retry")
"""Loggers that quote addresses."""
_LONGEST_REASON: Final = 300
_ROOM: Final = 100
"""Characters left free below a service's limit, for how it writes them."""


class Job(msgspec.Struct, frozen=True):
    """What the sending process is given, on its standard input: an address is not for the list of processes."""

    url: str
    notification: Notification
    deadline: float


def send(channel: Channel, notification: Notification, deadline: float = DEADLINE) -> str:
    """Send a notification to a channel and return why it could not be sent, without anything of the address."""
    job = msgspec.json.encode(Job(channel.url, notification, deadline))
    # -P: a file called apprise.py where the server was started is none of ours
    command = [sys.executable, "-P", "-m", "thalia_monitor.alerts.sending"]
    try:
        done = subprocess.run(command, input=job, capture_output=True, timeout=deadline, check=False)
    except subprocess.TimeoutExpired:
        return f"no complete answer within {deadline:g} s"
    except OSError as error:
        return f"no process for sending could be started: {error.strerror}"
    if done.returncode:
        return f"the process that sends ended with code {done.returncode}"
    # cut after the secrets are out: half a secret would not be recognized
    return redacted(done.stdout.decode("utf-8", "replace"), channel.url)[:_LONGEST_REASON]


def main() -> None:
    """Send one notification, and print why it could not be sent."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    end = threading.Timer(job.deadline + 1, os._exit, (3,))  # should the server be killed meanwhile
    end.daemon = True
    end.start()
    sys.stdout.buffer.write(_sent(job).encode("utf-8", "replace"))


def _sent(job: Job) -> str:
    sender = Apprise(asset=_ASSET)
    kind = NotifyType.SUCCESS if job.notification.over else _TYPES[job.notification.severity]
    with _captured_log() as logged:
        sent = sender.add(job.url) and sender.notify(
            body=shortened(job.notification.body, min(each.body_maxlen for each in sender) - _ROOM),
            title=job.notification.title,
            notify_type=kind,
            body_format=NotifyFormat.TEXT,
        )
    return "" if sent else " ".join(" ".join(logged).split()) or "no reason was given"


def shortened(body: str, limit: int) -> str:
    """Leave out lines in the middle of a text that is too long for a service; the last one may be a link."""
    if len(body) <= limit:
        return body
    *lines, last = body.split("\n")
    kept: list[str] = []
    room = limit - len(last) - _ROOM
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    text = "\n".join([*kept, f"(and {len(lines) - len(kept):,} more lines)", last])
    return text[:limit]


@contextmanager
def _captured_log() -> Iterator[list[str]]:
    """Take what Apprise and its HTTP client log, so that none of it reaches a log of ours."""
    logged: list[str] = []

    def capture(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            logged.append(record.getMessage())
        return False

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(capture)
    try:
        yield logged
    finally:
        for logger in loggers:
            logger.removeFilter(capture)


def check(channel: Channel) -> None:
    """Raise SettingsError where Apprise does not understand a channel's address."""
    with _captured_log():
        understood = Apprise(asset=_ASSET).add(channel.url)
    if not understood:
        raise SettingsError(
            f"The address of the channel {channel.name!r} is none that Apprise understands: "
            "its documentation lists them, https://appriseit.com/services/."
        )


def send_test(path: Path) -> Iterator[tuple[str, bool]]:
    """Send a test to every channel of an alerts file in turn: yield a line for each, and whether all is well.

    Raises:
        SettingsError: the file cannot be used.
    """
    from thalia_monitor.alerts.rules import load  # noqa: PLC0415 - the sending process is to start fast

    plan = load(path)
    for channel in plan.channels:
        check(channel)
    yield f"{path}: {counted(len(plan.rules), 'rule')}, {counted(len(plan.channels), 'channel')}.", True
    if path.stat().st_mode & stat.S_IROTH:
        warning = (
            f"Warning: other users of this machine can read {path}, and the addresses in it are secrets."
        )
        yield warning, True
    for channel in plan.channels:
        reason = send(channel, TEST)
        yield f"{channel.name}: {f'failed: {reason}' if reason else 'sent'}", not reason


def redacted(text: str, url: str) -> str:
    """Replace every part of an address that occurs in a text."""
    parts = {
        url,
        *re.split(r"[^\w.-]+", url.partition("://")[2]),
        *re.split(r"[\W_]+", url.partition("://")[2]),
    }
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            text = text.replace(part, "…")
    return text


if __name__ == "__main__":
    main()
