"""``thalia-monitor alerts test``: one message to every channel, to see that it arrives."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from thalia_monitor.alerts.delivery import Letter
from thalia_monitor.alerts.plan import load
from thalia_monitor.alerts.sending import check, send
from thalia_monitor.analysis.wording import counted
from thalia_monitor.state import Severity

TEST = Letter(
    "● thalia-monitor: a test", "This is a test. Alerts of thalia-monitor will arrive here.", Severity.INFO
)


def tried(path: Path) -> Iterator[tuple[str, bool]]:
    """Send to every channel in turn: what is to be said of it, and whether all is well.

    Raises:
        SettingsError: the file cannot be used.
    """
    plan = load(path)
    for channel in plan.channels:
        check(channel)
    yield f"{path}: {counted(len(plan.rules), 'rule')}, {counted(len(plan.channels), 'channel')}.", True
    if readable_by_others(path):
        yield (
            f"Warning: other users of this machine can read {path}, and the addresses in it are secrets.",
            True,
        )
    for channel in plan.channels:
        reason = send(channel, TEST)
        yield f"{channel.name}: {f'failed: {reason}' if reason else 'sent'}", not reason


def readable_by_others(path: Path) -> bool:
    """Tell whether users other than the file's owner and group may read it."""
    return bool(path.stat().st_mode & stat.S_IROTH)
