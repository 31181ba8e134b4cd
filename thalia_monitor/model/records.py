"""Records of a run: events, checkpoints, health warnings and which are in force, read problems and source files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from thalia_monitor import contract

ENDINGS: Final = frozenset(
    f"{what}_{end}" for what in ("training", "session", "run") for end in ("end", "complete", "finished")
) | {"task_learned"}
"""Kinds of events that say the training is over, in lower case."""
STOPS: Final = frozenset(
    {"early_stop", "early_stopping", contract.EMERGENCY_STOP, "training_stopped", "run_stopped"}
)
"""Kinds that say it was stopped before its end."""
_STOP_TEXT: Final = re.compile(r"\W*(?:checkpoint saved for )?(?:early|emergency)[ _]stop", re.I)
"""How a message begins by which Thalia's loop, or its safety system, says that it stops the training."""
_MESSAGES: Final = frozenset({contract.WARNING, "alert", "note"})
"""Kinds of events that are a message."""
_STOP_WORDS: Final = frozenset({"stopped", "failed", "aborted", "error", "cancelled", "interrupted"})
"""States of an end of training that is no completion."""
_USUAL: Final = frozenset({contract.GROWTH, contract.CONSOLIDATION, contract.MILESTONE})
"""Kinds that are no end, of which a run may have very many."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a training ended."""

    stopped: bool
    """Whether it was stopped before its end."""
    reason: str = ""
    """Why, for the reader; empty where nothing says so."""


def ending_of(kind: str, fields: Mapping[str, Any]) -> Ending | None:
    """Read how training ended from an event of this kind; None for one that is no end of it."""
    if kind in _USUAL:
        return None
    kind = kind.lower()
    if kind in _MESSAGES:
        message = fields.get("message")
        text = message if isinstance(message, str) else ""
        if _STOP_TEXT.match(text):
            return Ending(True, text)
        return Ending(False, "the task is learned") if text == "TASK_LEARNED" else None
    if kind == contract.STAGE_END:
        return _failure(fields)
    reason = _reason(fields)
    if kind in STOPS:
        return Ending(True, reason or kind.replace("_", " "))
    if contract.EMERGENCY_STOP in (fields.get("intervention"), fields.get("type")):
        return Ending(True, reason or "emergency stop")
    if kind not in ENDINGS:
        return None
    how = fields.get("status")
    if (isinstance(how, str) and how.lower() in _STOP_WORDS) or _STOP_TEXT.match(reason):
        return Ending(True, reason or str(how).lower())
    if not reason and fields.get("success") is False:
        reason = "not every milestone is passed"
    return Ending(False, "the task is learned" if kind == "task_learned" else reason)


def _failure(fields: Mapping[str, Any]) -> Ending | None:
    """A stage that ended by an error: its failures are listed, where missed milestones only make it unsuccessful."""
    failures = fields.get("failure_reasons")
    if fields.get("success") is not False or not isinstance(failures, list | tuple) or not failures:
        return None
    return Ending(True, f"{failures[0]}")


def _reason(fields: Mapping[str, Any]) -> str:
    given = (fields.get(name) for name in ("reason", "message"))
    return next((each for each in given if isinstance(each, str) and each), "")


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
    """A note about the files, of what was not read or left out: where it is, and why, in words for the reader."""

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
class Note:
    """A person's note on a run, kept by the monitor and not by the run."""

    id: str
    step: int
    text: str
    user: str
    time: float
    """When it was written, in Unix seconds."""
    end: int | None = None
    """The last step it is about; None for a note on one step."""

    @property
    def words(self) -> str:
        """The note in one line: who, what, and up to which step."""
        until = "" if self.end is None else f" (to step {self.end:,})"
        return f"{self.user}: {self.text}{until}"


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


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One checkpoint file on disk, whether it counts or not; what it does not tell is None or empty."""

    file: str
    size: int
    """Bytes."""
    modified: float
    """Unix seconds: when it was saved, by the file itself where it says so."""
    step: int | None = None
    stage: float | None = None
    status: str = "kept"
    """``kept``, ``superseded``, ``being written``, ``failed``, ``not opened`` or ``unreadable``."""
    reason: str = ""
    """Why it is not kept."""
    regions: Mapping[str, float | None] = field(default_factory=dict)
    """Neurons of each region; None where only its name is known."""
    neurons: int | None = None
    synapses: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    milestones: Mapping[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", contract.legible(self.file))


WARNING_STEPS: Final = 10_000
"""Steps for which a logged health warning is in force: the window of Thalia's ``firing_stability``."""
MOST_WARNING_EVENTS: Final = 1_000
"""Newest warning events that are considered."""


def warnings_in_force(
    checkpoint: Checkpoint | None, logged: Sequence[Event], step: int, segment: int
) -> tuple[HealthWarning, ...]:
    """The newest checkpoint's health warnings, then those of the log's warning events.

    A warning event is in force until training is ``WARNING_STEPS`` steps further, a later checkpoint lists
    warnings, steps begin again (a resume, a stage), or its recovery is logged (docs/health.md). The same
    warning with other numbers counts once, as it was given last.

    Args:
        checkpoint: the newest that counts.
        logged: every warning event, in the order of the log.
        step: where training is now.
        segment: the newest segment of the history.
    """
    saved = list(checkpoint.warnings) if checkpoint else []
    listed = {each.message: each.subject for each in saved}
    oldest = max(step - WARNING_STEPS, checkpoint.step if checkpoint and saved else 0)
    added: dict[str, HealthWarning] = {}
    for event in _lasting(logged[-MOST_WARNING_EVENTS:], oldest, segment):
        warning = event.health_warning
        newer = checkpoint is None or event.step is None or event.step > checkpoint.step
        if warning.subject in added:
            continue
        if warning.message in listed:  # the log's own severity wins over one guessed from the text
            saved = [warning if each.message == warning.message else each for each in saved]
        elif newer or warning.subject not in listed.values():
            saved = [each for each in saved if each.subject != warning.subject]
            added[warning.subject] = warning
    return (*saved, *added.values())


def _lasting(logged: Sequence[Event], oldest: int, segment: int) -> Iterator[Event]:
    """Yield the warning events from a step and a segment on that no recovery has ended, the newest first."""
    recovered: list[frozenset[str]] = []
    for event in reversed(logged):
        if event.segment < segment or (event.step is not None and event.step < oldest):
            continue
        warning = event.health_warning
        if (ended := warning.recovery) is not None:
            recovered.append(ended)
        elif not any(words <= warning.words for words in recovered):
            yield event
