"""What is remembered of a run between two looks and over restarts: what is going on, and what is still to be sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from thalia_monitor.state import Severity

MOST_WAITING: Final = 200
"""Messages kept while they cannot be sent."""


@dataclass(frozen=True, slots=True)
class Ongoing:
    """A trouble that has begun and is not over."""

    since: float
    """Unix seconds."""
    severity: Severity
    text: str
    told: bool = False
    muted: bool = False
    """It was there before we first looked at a run that was not alive, so nobody needs to be told."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell people."""

    time: float
    """When it happened, Unix seconds."""
    severity: Severity
    text: str
    over: bool = False
    """Whether it tells that a trouble is over."""
    waiting: tuple[str, ...] = ()
    """Names of the channels that it still has to be sent to."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What went to one channel."""

    sent: tuple[float, ...] = ()
    """When messages were sent in the last hour."""
    failures: int = 0
    """Tries in a row that failed."""
    next_try: float = 0.0


@dataclass(frozen=True, slots=True)
class Journal:
    """Everything that is remembered of one run."""

    seen: bool = False
    """Whether the run had data at any look; before, nothing can be new."""
    stage: int | None = None
    passed: frozenset[str] = frozenset()
    finished: bool = False
    ongoing: Mapping[str, Ongoing] = field(default_factory=dict)
    told_at: Mapping[str, float] = field(default_factory=dict)
    """When each trouble was last told, while that still keeps it from being told again."""
    messages: tuple[Message, ...] = ()
    traffic: Mapping[str, Traffic] = field(default_factory=dict)


class JournalFile:
    """A journal on disk; whoever uses it holds the run's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Journal:
        """Read the journal; a new one where there is none, or none that can be understood."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Journal)
        except (OSError, msgspec.MsgspecError):
            return Journal()

    def write(self, journal: Journal) -> None:
        """Replace the journal as one: a crash leaves the old or the new one, never half of it."""
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(msgspec.json.encode(journal))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
