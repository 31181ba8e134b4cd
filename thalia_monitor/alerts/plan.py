"""What an operator wants to be told, and where: the file given as ``--alerts``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from thalia_monitor.alerts.hours import Hours, hours
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import table
from thalia_monitor.state import Severity

ORDER: Final = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)
"""From harmless to bad."""
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")


class On(StrEnum):
    """What a rule looks at."""

    METRIC = "metric"
    """A logged series that is above or below a bound."""
    WARNING = "warning"
    """A health warning of the trainer."""
    HEALTH = "health"
    """A finding of the monitor's own."""
    NAN = "nan"
    """Values that are not finite."""
    STALE = "stale"
    """Nothing written for ten times as long as usual, or a directory that cannot be read."""
    MILESTONE = "milestone"
    """A milestone passed, or lost again."""
    STAGE = "stage"
    """Another stage."""
    FINISHED = "finished"
    """The end of the training."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of the file."""

    on: On = On.METRIC
    metric: str = ""
    """Name of a series, or a pattern of names with ``*``."""
    above: float | None = None
    below: float | None = None
    steps: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """For how many steps it must have been so; 0 judges the newest value alone."""
    severity: Severity | None = None
    """How bad it is; for warnings and health, the least that counts."""


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
    """Seconds for which the same trouble is not told again, should it come back."""
    most_per_hour: int = 20
    """Letters to each channel, of all runs together; what is more is kept and sent as one."""
    quiet: Hours = field(default_factory=Hours)
    critical_when_quiet: bool = True
    """Whether critical messages are sent in quiet hours too."""
    link: str = ""
    """Where the dashboard is, for whoever reads the message."""


DEFAULT_SEVERITY: Final = {On.NAN: Severity.CRITICAL, On.STALE: Severity.CRITICAL}


def severity_of(rule: Rule) -> Severity:
    """How bad it is when a rule holds: as it says itself; NaN and silence are critical, all else a warning."""
    return rule.severity or DEFAULT_SEVERITY.get(rule.on, Severity.WARNING)


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
        quiet=hours(delivery.quiet, _zone(path, delivery.time_zone)),
        critical_when_quiet=delivery.critical_when_quiet,
        link=delivery.link,
    )


def _check(path: Path, number: int, rule: Rule) -> None:
    bounded = rule.above is not None or rule.below is not None
    if rule.on is On.METRIC and not (rule.metric and bounded):
        raise SettingsError(
            f'{path}, rule {number}: say on = "...", or a metric with above or below; '
            f"on is one of {', '.join(On)}."
        )
    if rule.on is not On.METRIC and bounded:
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
