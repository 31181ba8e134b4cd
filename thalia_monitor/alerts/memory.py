"""Persistent state of alerts: active alerts per run, queued messages per channel."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec

from thalia_monitor.model.records import Severity

T = TypeVar("T", bound=msgspec.Struct)

MOST_FAILURES: Final = 1_000

Time = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
"""Unix seconds; anything beyond is no time."""
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class ActiveAlert(msgspec.Struct, frozen=True):
    """An alert that has begun and is not over."""

    since: Time
    severity: Severity
    text: str
    notified: bool = msgspec.field(default=False, name="told")
    """Whether a message was made of it."""
    muted: bool = False
    """Present at the first look at a run that was not live: no message is sent for it."""


class Message(msgspec.Struct, frozen=True):
    """A notification of one alert or event of one run."""

    time: Time
    """When it happened."""
    severity: Severity
    text: str
    over: bool = False
    """Whether it says that an alert is over."""
    channels: tuple[str, ...] = msgspec.field(default=(), name="waiting")
    """Names of the channels that it is for."""
    run: str = ""
    """Name of the run."""


class RunState(msgspec.Struct, frozen=True):
    """Everything that is remembered of one run."""

    seen: bool = False
    """Whether the run had data at any look; before, nothing can be new."""
    stage: int | None = None
    passed: frozenset[str] = frozenset()
    """Milestones that were ever passed."""
    finished: bool = False
    active: Mapping[str, ActiveAlert] = msgspec.field(default_factory=dict, name="ongoing")
    """Alerts that are not over, by key."""
    notified_at: Mapping[str, Time] = msgspec.field(default_factory=dict, name="told_at")
    """When a message was last made of each alert, while that keeps another from being made."""
    messages: tuple[Message, ...] = ()
    """Those that are not in the channels' queues yet."""


class Outbox(msgspec.Struct, frozen=True):
    """What one channel has to send, and how sending went."""

    messages: tuple[Message, ...] = ()
    dropped: Count = 0
    """Messages left out because the queue was full, since the last notification."""
    sent: tuple[Time, ...] = ()
    """When notifications were sent in the last hour."""
    failures: Annotated[int, msgspec.Meta(ge=0, le=MOST_FAILURES)] = 0
    """Tries in a row that failed."""
    next_try: Time = 0.0
    reason: str = ""
    """Why the last try failed, without anything of the address."""


class StateFile(Generic[T]):
    """A value of one type on disk; its user holds the watcher's lock."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self.path, self._kind = path, kind
        self._written: T | None = None

    def read(self) -> T:
        """Read the value; what makes no sense in the file is left out, and the rest counts."""
        try:
            content = msgspec.json.decode(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):  # msgspec's own errors are ValueErrors
            content = None
        return usable(self._kind, content)

    def write(self, value: T) -> None:
        """Replace the value as one, if it is another: a crash leaves the old or the new one, never half of it."""
        if value == self._written:
            return
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(msgspec.json.encode(value))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        self._written = value


def usable(kind: type[T], content: object) -> T:
    """Build a value from decoded JSON; fields, and elements of lists and tables, that do not fit are left out."""
    if not isinstance(content, dict):
        return kind()
    known = [each for each in msgspec.structs.fields(kind) if each.encode_name in content]
    found = {each.name: _fitting(each.type, content[each.encode_name]) for each in known}
    return kind(**{name: value for name, value in found.items() if value is not msgspec.UNSET})


def _fitting(kind: Any, value: object) -> Any:
    if isinstance(value, list):
        value = [each for each in value if _converted(kind, [each]) is not msgspec.UNSET]
    elif isinstance(value, dict):
        value = {
            key: each for key, each in value.items() if _converted(kind, {key: each}) is not msgspec.UNSET
        }
    return _converted(kind, value)


def _converted(kind: Any, value: object) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return msgspec.UNSET
