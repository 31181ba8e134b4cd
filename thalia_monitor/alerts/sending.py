"""Sending through Apprise, which knows mail, chats and webhooks by their addresses; these are secrets."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

from thalia_monitor.alerts.delivery import Letter
from thalia_monitor.alerts.plan import Channel
from thalia_monitor.errors import SettingsError
from thalia_monitor.state import Severity

_TYPES: Final = {
    Severity.INFO: NotifyType.INFO,
    Severity.WARNING: NotifyType.WARNING,
    Severity.CRITICAL: NotifyType.FAILURE,
}
_ASSET: Final = AppriseAsset(app_id="thalia-monitor", app_desc="thalia-monitor", app_url="")
_SHORTEST_SECRET: Final = 3
_TALKATIVE: Final = ("apprise", "urllib3.connectionpool", "urllib3.util.retry")
"""Loggers that quote addresses."""


def send(channel: Channel, letter: Letter) -> str:
    """Send a letter to a channel and return why it could not be sent, without anything of the address.

    Apprise's own log messages hold addresses: they are caught here and go nowhere else.
    """
    sender = _sender(channel)
    kind = NotifyType.SUCCESS if letter.over else _TYPES[letter.severity]
    with _overheard() as said:
        sent = sender.notify(
            body=letter.body, title=letter.title, notify_type=kind, body_format=NotifyFormat.TEXT
        )
    reason = " ".join(" ".join(said).split())[:300] or "no reason was given"
    return "" if sent else redacted(reason, channel.url)


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """Take what Apprise and its HTTP client log, so that none of it reaches a log of ours."""
    said: list[str] = []

    def swallow(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            said.append(record.getMessage())
        return False

    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    for logger in loggers:
        logger.addFilter(swallow)
    try:
        yield said
    finally:
        for logger in loggers:
            logger.removeFilter(swallow)


def check(channel: Channel) -> None:
    """Raise SettingsError where Apprise does not understand a channel's address."""
    _sender(channel)


def _sender(channel: Channel) -> Apprise:
    sender = Apprise(asset=_ASSET)
    with _overheard():
        understood = sender.add(channel.url)
    if not understood:
        raise SettingsError(
            f"The address of the channel {channel.name!r} is none that Apprise understands: "
            "its documentation lists them, https://appriseit.com/services/."
        )
    return sender


def redacted(text: str, url: str) -> str:
    """Blot out every part of an address that occurs in a text."""
    parts = {
        url,
        *re.split(r"[^\w.-]+", url.partition("://")[2]),
        *re.split(r"[\W_]+", url.partition("://")[2]),
    }
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            text = text.replace(part, "…")
    return text
