"""One thing that is not as it should be with a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from thalia_monitor.records import Severity


class Kind(StrEnum):
    """What can be found wanting."""

    NONFINITE = "nonfinite"
    FIRING = "firing"
    SILENT = "silent"
    RUNAWAY = "runaway"
    CAPACITY = "capacity"
    LOSS = "loss"
    PLATEAU = "plateau"
    FORGETTING = "forgetting"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    kind: Kind
    severity: Severity
    """``info`` is worth knowing, but nothing is wrong now."""
    message: str
    evidence: str
    """The numbers it rests on, and the healthy ones."""
    since_step: int | None = None
    series: str | None = None
    """The series whose chart shows it, or the milestone's name."""

    @property
    def wrong(self) -> bool:
        """Whether something is wrong now, rather than worth knowing."""
        return self.severity is not Severity.INFO

    @property
    def key(self) -> str:
        """The same for the same trouble as long as it lasts, however its numbers change."""
        return f"{self.kind}:{self.series}"
