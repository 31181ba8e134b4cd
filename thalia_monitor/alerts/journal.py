"""What alerts remember on disk: of each run what is wrong with it, of each channel what is still to be sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Final, Generic, TypeVar, get_type_hints

import msgspec

from thalia_monitor.state import Severity

T = TypeVar("T")

MOST_WAITING: Final = 200
"""Messages kept of one run until its channels have taken them."""

Time = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
"""Unix seconds; anything beyond is no time."""
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class Ongoing:
    """A trouble that has begun and is not over."""

    since: Time
    severity: Severity
    text: str
    told: bool = False
    muted: bool = False
    """It was there before we first looked at a run that was not alive, so nobody needs to be told."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell people."""

    time: Time
    """When it happened."""
    severity: Severity
    text: str
    over: bool = False
    """Whether it tells that a trouble is over."""
    waiting: tuple[str, ...] = ()
    """Names of the channels that it has to be sent to."""
    run: str = ""
    """Name of the run."""


@dataclass(frozen=True, slots=True)
class Journal:
    """Everything that is remembered of one run."""

    seen: bool = False
    """Whether the run had data at any look; before, nothing can be new."""
    stage: int | None = None
    passed: frozenset[str] = frozenset()
    finished: bool = False
    ongoing: Mapping[str, Ongoing] = field(default_factory=dict)
    told_at: Mapping[str, Time] = field(default_factory=dict)
    """When each trouble was last told, while that still keeps it from being told again."""
    messages: tuple[Message, ...] = ()
    """Those that are not in the channels' queues yet."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """What one channel has to send, and how sending went."""

    messages: tuple[Message, ...] = ()
    dropped: Count = 0
    """Messages left out because the queue was full, since the last letter."""
    sent: tuple[Time, ...] = ()
    """When letters were sent in the last hour."""
    failures: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    """Tries in a row that failed."""
    next_try: Time = 0.0
    reason: str = ""
    """Why the last try failed, without anything of the address."""


class StateFile(Generic[T]):
    """A value of one dataclass on disk; whoever uses it holds the lock."""

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
    """Build a dataclass from decoded JSON; fields, and elements of lists and tables, that do not fit are left out."""
    if not isinstance(content, dict):
        return kind()
    kinds = get_type_hints(kind, include_extras=True)
    names = [each.name for each in fields(kind) if each.name in content]  # type: ignore[arg-type]
    found = {name: _fitting(kinds[name], content[name]) for name in names}
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
