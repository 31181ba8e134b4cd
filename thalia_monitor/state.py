"""What a training run is, at one moment: immutable values that every floor above the files speaks in."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import chain
from operator import add
from typing import TYPE_CHECKING, Any, TypeVar

from thalia_monitor import contract
from thalia_monitor.growing import Growing
from thalia_monitor.history import History
from thalia_monitor.once import Once
from thalia_monitor.series_key import Kind
from thalia_monitor.stages import stage_name
from thalia_monitor.tables import event_table, one_table

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class Severity(StrEnum):
    """How bad a health warning is; the text is what the API and the pages show."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class HealthWarning:
    """One health warning of the trainer."""

    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the files that could not be read: where it is, and why, in words for the reader."""

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
    """One file that this state was read from, for "where do these numbers come from"."""

    file: str
    format: str
    records: int
    """Lines, checkpoints or entries read from it."""
    first_step: int | None = None
    last_step: int | None = None
    note: str = ""
    """What to know about it that is no problem: still being written, superseded by a resume, listed only."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", contract.legible(self.file))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: growth, consolidation, a milestone check, a transition, or any other kind."""

    kind: str
    step: int | None
    """None where the log does not say; such an event is listed but cannot be placed on a chart."""
    fields: Mapping[str, Any]
    """Everything else on the line, by the documented field names."""
    segment: int = 0
    time: float | None = None
    """Unix seconds, when logged."""
    file: str = contract.LOG_NAME
    line: int | None = None

    @property
    def stage_begun(self) -> float | None:
        """The number of the stage that begins with this start of a stage or transition; None where it has none."""
        told = {contract.STAGE_START: "stage", contract.TRANSITION: "new_stage"}.get(self.kind)
        stage = self.fields.get(told) if told else None
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
    """What the checkpoint itself calls its stage."""
    progress: float | None = None
    """How far training is, 0 to 1, where the checkpoint counts steps and no weeks."""


@dataclass(frozen=True)
class TrainingState(Once):
    """A training run as its files tell it at one moment.

    Built by :func:`thalia_monitor.load_training_state` and by the pages' reader; never changes afterwards.
    """

    name: str = ""
    """The run's display name: the directory's own."""
    version: str = ""
    """Signature of the files it was read from: equal versions mean equal states."""
    checkpoints: tuple[Checkpoint, ...] = ()
    """Ordered by step, then modification time: the last is the newest."""
    history: History = field(default_factory=History)
    events: tuple[Event, ...] = ()
    """Every event line, in file order; what only other files than the documented log tell of stands in front."""
    criteria: Mapping[str, float] = field(default_factory=dict)
    """Milestone thresholds that the run itself configured; they win over the stage table's."""
    problems: list[Problem] = field(default_factory=list)
    sources: tuple[Source, ...] = ()
    last_update: datetime | None = None
    """When a file of the run last changed (aware, UTC)."""
    scheme: str = "documented"
    """The stage numbering in use, a key of :data:`thalia_monitor.stages.SCHEMES`."""
    read_fraction: float = 1.0
    """How much of the log has been read in; below 1 while a long log is still being read."""
    total_problems: int = 0
    """How many problems there were; ``problems`` lists a bounded number of them."""

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint: the one with the greatest step."""
        return self.checkpoints[-1] if self.checkpoints else None

    @cached_property
    def current_step(self) -> int:
        """The furthest step known, or after a resume the step that training is at again."""
        saved = self.checkpoint.step if self.checkpoint else None
        history = self.history
        if not len(history):
            return saved or 0
        logged = history.current_step
        if saved is None or logged >= saved:
            return logged
        # A checkpoint of the part that a resume threw away says nothing about where training is now.
        return logged if history.is_superseded(saved) else saved

    @property
    def current_stage(self) -> int | None:
        """The stage's number (-0.5 reads as -1), or None where no file tells it.

        The newest checkpoint that names one tells it; where none does, the log's newest start of a stage.
        """
        saved = (point.stage for point in reversed(self.checkpoints))
        begun = (
            each.stage_begun for each in reversed(self.events_of(contract.STAGE_START, contract.TRANSITION))
        )
        number = next((each for each in chain(saved, begun) if each is not None), None)
        if number is None:
            return None
        return -1 if number == -0.5 else int(number)

    @property
    def stage_name(self) -> str:
        """The stage's name, ``Stage N`` for one outside the table, ``Unknown`` where no file tells it."""
        given = self.checkpoint.stage_name if self.checkpoint else ""
        number = self.current_stage
        return given if given and number is None else stage_name(number, self.scheme)

    @property
    def current_week(self) -> float:
        """Weeks into the stage; may exceed ``total_weeks`` when a stage was extended."""
        return (self.checkpoint.week if self.checkpoint else None) or 0

    @property
    def total_weeks(self) -> float:
        """Weeks the stage is planned to last; 0 where no file tells it."""
        return (self.checkpoint.total_weeks if self.checkpoint else None) or 0

    @property
    def stage_progress(self) -> float:
        """Week over total weeks, or where there are none what a binary checkpoint says; within 0 and 1."""
        if self.total_weeks <= 0:
            return (self.checkpoint.progress if self.checkpoint else None) or 0.0
        return min(max(self.current_week / self.total_weeks, 0.0), 1.0)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The metrics of the newest checkpoint; the newest logged values where a run has no checkpoint."""
        if self.checkpoint:
            return dict(self.checkpoint.metrics)
        return self.history.latest(self.history.metrics)

    @cached_property
    def metric_deltas(self) -> dict[str, float]:
        """Newest checkpoint minus the one before, for each metric that both have."""
        if len(self.checkpoints) < 2:
            return {}
        before, now = (point.metrics for point in self.checkpoints[-2:])
        return {name: value - before[name] for name, value in now.items() if name in before}

    @cached_property
    def metrics_history(self) -> pd.DataFrame:
        """``step``, ``segment`` and one float column per metric; NaN where not logged; metric lines only."""
        return self.history.frame(Kind.METRIC)

    @cached_property
    def neuron_count_history(self) -> pd.DataFrame:
        """``step``, ``segment`` and one column of neuron counts per region, over the lines that have any."""
        return self.history.frame_where_logged(Kind.NEURONS)

    @cached_property
    def capacity_history(self) -> pd.DataFrame:
        """``step``, ``segment`` and one column of capacity (0 to 1) per region, over lines that have any."""
        return self.history.frame_where_logged(Kind.CAPACITY)

    @cached_property
    def capacity_by_region(self) -> dict[str, float]:
        """Each region's capacity (0 to 1), from the newest line that has it."""
        return self.history.newest_line(self.history.capacity)

    @cached_property
    def _growing(self) -> Growing[Event]:
        return self.events if isinstance(self.events, Growing) else Growing(self.events)

    def extended(
        self,
        what: Hashable,
        compute: Callable[[tuple[Event, ...], int], T],
        join: Callable[[T, T], T],
    ) -> T:
        """Compute something of all events from what it was for the version before (:class:`Growing`)."""
        return self._growing.extended(what, compute, join)

    def events_of(self, *kinds: str) -> tuple[Event, ...]:
        """Every event of these kinds, in the order of :attr:`events`: of one kind, that of the file."""
        what = ("events of", *kinds)
        return self.extended(what, lambda new, _: tuple(each for each in new if each.kind in kinds), add)

    def count_of(self, kind: str) -> int:
        """How many events of one kind there are."""
        return len(self.events_of(kind))

    def event_frame(self, kind: str, names: Sequence[str]) -> pd.DataFrame:
        """The events of one kind, a column for each field; whole numbers are nullable integers."""
        what = ("frame of", kind, *names)
        return self.extended(
            what, lambda new, _: event_table([each for each in new if each.kind == kind], names), one_table
        )

    @property
    def growth_events(self) -> pd.DataFrame:
        """``step, region, neurons_added, new_total, reason``; whole numbers are nullable integers."""
        return self.event_frame(contract.GROWTH, contract.GROWTH_FIELDS)

    @property
    def consolidation_events(self) -> pd.DataFrame:
        """``step, sleep_stage, patterns_replayed, duration_steps``; whole numbers are nullable integers."""
        return self.event_frame(contract.CONSOLIDATION, contract.CONSOLIDATION_FIELDS)

    @property
    def milestones(self) -> dict[str, bool]:
        """The newest checkpoint's checklist: name to passed."""
        return dict(self.checkpoint.milestones) if self.checkpoint else {}

    @property
    def warnings(self) -> list[HealthWarning]:
        """The newest checkpoint's health warnings."""
        return list(self.checkpoint.warnings) if self.checkpoint else []

    @cached_property
    def training_duration(self) -> timedelta:
        """Wall time spent training: as the newest checkpoint says, else the span of the log's timestamps."""
        if self.checkpoint and self.checkpoint.training_seconds is not None:
            return timedelta(seconds=self.checkpoint.training_seconds)
        return timedelta(seconds=self.history.time_span)
