"""The file given as ``--alerts``: rules, channels to notify, and when."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, tzinfo
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from thalia_monitor.alerts.conditions import CONDITIONS, Rule
from thalia_monitor.errors import SettingsError
from thalia_monitor.model.records import Severity
from thalia_monitor.settings import table

_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_SPAN: Final = re.compile(r"\s*(\d{1,2}):(\d\d)\s*(?:-|–|to)\s*(\d{1,2}):(\d\d)\s*")


class _Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    name: str = ""
    severity: Severity = Severity.INFO


class _Delivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    check_seconds: Annotated[float, msgspec.Meta(ge=1)] = 10.0
    again_after_minutes: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    most_per_hour: Annotated[int, msgspec.Meta(ge=1)] = 20
    quiet: list[str] = []
    time_zone: str = ""
    critical_when_quiet: bool = True
    link: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    channel: list[_Address] = []
    rule: list[Rule] = []
    delivery: _Delivery = _Delivery()
    health: dict[str, float] = {}
    """Read by :func:`thalia_monitor.settings.thresholds`."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Spans of the day, each from a time to another, over midnight where the first is the later."""

    spans: tuple[tuple[time, time], ...] = ()
    zone: tzinfo | None = None
    """None: this machine's own."""

    def __contains__(self, now: float) -> bool:
        """Tell whether a moment (Unix seconds) lies within one of the spans."""
        local = datetime.fromtimestamp(now, self.zone).time()
        return any(
            start <= local < end if start <= end else local >= start or local < end
            for start, end in self.spans
        )


@dataclass(frozen=True, slots=True)
class Channel:
    """Somewhere to send to. Its address holds secrets: nothing but the sender may read it."""

    name: str
    severity: Severity
    """The least that is sent here."""
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole file."""

    channels: tuple[Channel, ...]
    rules: tuple[Rule, ...]
    check_seconds: float = 10.0
    """Between two looks at a run."""
    again_after: float = 600.0
    """Seconds for which the same alert makes no other message, should it come back."""
    most_per_hour: int = 20
    """Notifications to each channel, of all runs together; what is more is kept and sent as one."""
    quiet: QuietHours = field(default_factory=QuietHours)
    critical_when_quiet: bool = True
    """Whether critical messages are sent in quiet hours too."""
    link: str = ""
    """Where the dashboard is; added to each notification."""


def load(path: Path) -> Plan:
    """Read the operator's file; raises SettingsError, which never shows an address."""
    content = table(path)
    try:
        file = msgspec.convert(content, _File)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path} cannot be used: {error}.") from None
    for number, rule in enumerate(file.rule, 1):
        _check(path, number, rule)
    if not file.rule or not file.channel:
        raise SettingsError(f"{path} needs at least one [[channel]] with its url and one [[rule]].")
    delivery = file.delivery
    return Plan(
        channels=_channels(path, file.channel),
        rules=tuple(file.rule),
        check_seconds=delivery.check_seconds,
        again_after=60 * delivery.again_after_minutes,
        most_per_hour=delivery.most_per_hour,
        quiet=quiet_hours(delivery.quiet, _zone(path, delivery.time_zone)),
        critical_when_quiet=delivery.critical_when_quiet,
        link=delivery.link,
    )


def _check(path: Path, number: int, rule: Rule) -> None:
    bounded = rule.above is not None or rule.below is not None
    listed = f"on is one of {', '.join(CONDITIONS)}"
    if rule.on not in CONDITIONS:
        raise SettingsError(f"{path}, rule {number}: {listed}, and not {rule.on[:40]!r}.")
    if rule.on == "metric" and not (rule.metric and bounded):
        raise SettingsError(
            f'{path}, rule {number}: say on = "...", or a metric with above or below; {listed}.'
        )
    if rule.on != "metric" and bounded:
        raise SettingsError(f"{path}, rule {number}: above and below belong to a metric, not to {rule.on}.")


def _channels(path: Path, listed: list[_Address]) -> tuple[Channel, ...]:
    channels = [
        Channel(each.name or f"channel {number}", each.severity, _filled(path, number, each.url))
        for number, each in enumerate(listed, 1)
    ]
    names = [each.name for each in channels]
    if len(set(names)) < len(names):
        raise SettingsError(f"{path}: two channels have the same name.")
    return tuple(channels)


def _filled(path: Path, number: int, url: str) -> str:
    """Put environment variables where the address says ``${NAME}``, so that a file can be shared."""
    missing = [name for name in _VARIABLE.findall(url) if name not in os.environ]
    if missing:
        raise SettingsError(f"{path}, channel {number}: the environment variable {missing[0]} is not set.")
    return _VARIABLE.sub(lambda found: os.environ[found[1]], url)


def _zone(path: Path, name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(
            f"{path}: there is no time zone {name!r}; write it like Europe/Berlin."
        ) from error


def quiet_hours(written: Sequence[str], zone: tzinfo | None = None) -> QuietHours:
    """Read spans like ``22:00-07:00``; raises SettingsError."""
    spans = []
    for text in written:
        found = _SPAN.fullmatch(text)
        try:
            if not found:
                raise ValueError
            first, second, third, fourth = map(int, found.groups())
            spans.append((time(first, second), time(third % 24 if fourth == 0 else third, fourth)))
        except ValueError:
            raise SettingsError(f"Quiet hours {text[:40]!r} are not like 22:00-07:00.") from None
    return QuietHours(tuple(spans), zone)
