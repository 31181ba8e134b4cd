"""Records of a run: events, checkpoints, health warnings, read problems and source files."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.model.ending import Ending, ending_of

if TYPE_CHECKING:
    pass


LONGEST_SUBJECT: Final = 300
RECOVERY: Final = re.compile(r"\bback to normal\b|\brecovered\b|\bresolved\b", re.I)
"""Words that end a warning."""
_NUMBER: Final = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?%?", re.I)
_WORD: Final = re.compile(r"[^\W\d]\w*")
_FILLERS: Final = frozenset({"has", "have", "is", "are", "was", "were", "now", "the", "again"})


class Severity(StrEnum):
    """Severity of a health warning; the values appear in the API and on the pages."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info to 2 for critical."""
        return tuple(Severity).index(self)


@dataclass(frozen=True, slots=True)
class HealthWarning:
    """One health warning of the trainer."""

    severity: Severity
    message: str

    @property
    def subject(self) -> str:
        """Message with numbers replaced by ``#``, to recognize repetitions of one warning."""
        return _NUMBER.sub("#", self.message[:LONGEST_SUBJECT])

    @property
    def words(self) -> frozenset[str]:
        """The message's words in lower case, without numbers."""
        return frozenset(_WORD.findall(self.message[:LONGEST_SUBJECT].lower()))

    @property
    def recovery(self) -> frozenset[str] | None:
        """Words that a warning must contain to be ended by this message; None if it is no recovery."""
        rest, ends = RECOVERY.subn(" ", self.message[:LONGEST_SUBJECT].lower())
        return frozenset(_WORD.findall(rest)) - _FILLERS if ends else None


@dataclass(frozen=True, slots=True)
class Problem:
    """Part of a file that could not be read, with its location and a reason for the user."""

    file: str
    line: int | None
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", contract.legible(self.file))

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line:,}"
        return f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Source:
    """One file that a state was read from."""

    file: str
    format: str
    records: int
    """Lines, checkpoints or entries read from it."""
    first_step: int | None = None
    last_step: int | None = None
    note: str = ""
    """Remark that is not a problem: still being written, superseded by a resume, listed only."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", contract.legible(self.file))


@dataclass(frozen=True, slots=True)
class Event:
    """One logged event: growth, consolidation, milestone check, transition, or any other kind."""

    kind: str
    step: int | None
    """None if not logged; such an event is listed but cannot be placed on a chart."""
    fields: Mapping[str, Any]
    """Everything else on the line, by the documented field names."""
    segment: int = 0
    time: float | None = None
    """Unix seconds, when logged."""
    file: str = contract.LOG_NAME
    line: int | None = None

    @property
    def ending(self) -> Ending | None:
        """How training ended, if this event ends it; else None."""
        return ending_of(self.kind, self.fields)

    @property
    def health_warning(self) -> HealthWarning:
        """Severity (default ``warning``) and message of a warning event."""
        given = self.fields.get("severity")
        severity = Severity(given) if given in tuple(Severity) else Severity.WARNING
        return HealthWarning(severity, str(self.fields.get("message") or "warning"))

    @property
    def stage_begun(self) -> float | None:
        """Number of the stage that this stage start or transition begins; None if there is none."""
        name = {contract.STAGE_START: "stage", contract.TRANSITION: "new_stage"}.get(self.kind)
        stage = self.fields.get(name) if name else None
        if isinstance(stage, bool) or not isinstance(stage, int | float) or not math.isfinite(stage):
            return None
        return stage


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint's metadata; a field that was absent or unusable is None or empty, never 0."""

    file: str
    step: int
    stage: float | None = None
    """As written: Thalia also writes -0.5 for stage -1."""
    week: float | None = None
    total_weeks: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    milestones: Mapping[str, bool] = field(default_factory=dict)
    warnings: tuple[HealthWarning, ...] = ()
    training_seconds: float | None = None
    modified: float = 0.0
    """Unix seconds: the file's modification time."""
    stage_name: str = ""
    """Stage name as written in the checkpoint."""
    progress: float | None = None
    """Progress 0 to 1, from checkpoints that count steps instead of weeks."""
    metrics_step: int | None = None
    """Step of ``metrics`` if they come from another file at a lower step; None for the checkpoint's own."""

    @property
    def measured_at(self) -> int:
        """Step at which :attr:`metrics` were measured."""
        return self.step if self.metrics_step is None else self.metrics_step
