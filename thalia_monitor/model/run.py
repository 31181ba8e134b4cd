"""The state of a run (:class:`TrainingState`)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from operator import add
from typing import TYPE_CHECKING, TypeVar

from thalia_monitor import contract
from thalia_monitor.model.event_tables import event_table, one_table
from thalia_monitor.model.history import History
from thalia_monitor.model.memo import AppendOnly, Memoized
from thalia_monitor.model.milestone_checks import of_the_stage
from thalia_monitor.model.records import (
    Checkpoint,
    Event,
    HealthWarning,
    Note,
    Problem,
    SavedFile,
    Source,
    warnings_in_force,
)
from thalia_monitor.model.series_key import Kind, SeriesKey, metric, parse
from thalia_monitor.model.spike_window import SpikeFile
from thalia_monitor.model.stage_begin import Beginning, beginnings, is_newer, newest_begun, stage_number
from thalia_monitor.model.stage_plan import StagePlan, stage_plan
from thalia_monitor.stages import stage_name

if TYPE_CHECKING:
    import pandas as pd


T = TypeVar("T")
Saved = TypeVar("Saved", Checkpoint, SpikeFile)


@dataclass(frozen=True, slots=True)
class Current:
    """Newest known value of a metric, as cards, tables and the API show it."""

    value: float
    """May not be finite."""
    step: int
    """Step at which it was measured."""
    file: str | None
    """Checkpoint file that it comes from; None for the metric log."""
    change: float | None = None
    """Difference from the newest earlier checkpoint; None if that lacks the metric."""
    outdated: bool = False
    """Whether training has gone on since; the value is then shown with its step."""

    @property
    def as_of(self) -> str:
        """``as of step 90`` if outdated, else empty."""
        return f"as of step {self.step:,}" if self.outdated else ""


@dataclass(frozen=True)
class TrainingState(Memoized):
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
    unread: tuple[Source, ...] = ()
    """Files that are there and are not read, by folder and kind, with the reason."""
    last_update: datetime | None = None
    """When a file of the run last changed (aware, UTC)."""
    scheme: str = "documented"
    """The stage numbering in use, a key of :data:`thalia_monitor.stages.SCHEMES`."""
    saved_files: tuple[SavedFile, ...] = ()
    """Every checkpoint file, those that do not count too."""
    spike_files: tuple[SpikeFile, ...] = ()
    """Every file with a window of spikes, by step; each is read when it is shown."""
    read_fraction: float = 1.0
    """Share of the log read so far; below 1 while a long log is being read."""
    notes: tuple[Note, ...] = ()
    """What people have noted, by step; it lies in the monitor's own folder."""
    total_problems: int = 0
    """Total number of problems; ``problems`` lists a bounded number of them."""

    @cached_property
    def valid_checkpoints(self) -> tuple[Checkpoint, ...]:
        """Checkpoints without those of attempts that a resume has abandoned."""
        found = self._without_superseded(self.checkpoints)
        abandoned = self.history.abandoned([each.step for each in found], [each.modified for each in found])
        return tuple(each for each, gone in zip(found, abandoned, strict=True) if not gone)

    @cached_property
    def spike_windows(self) -> tuple[SpikeFile, ...]:
        """Windows of spikes without those that a resume has passed by and training has not come to since."""
        return self._without_superseded(self.spike_files)

    def _without_superseded(self, found: tuple[Saved, ...]) -> tuple[Saved, ...]:
        passed_by = self.history.passed_by
        return tuple(each for each in found if each.step not in passed_by) if passed_by else found

    @property
    def checkpoint(self) -> Checkpoint | None:
        """Newest checkpoint that is not superseded by a resume; None if there is none."""
        return self.valid_checkpoints[-1] if self.valid_checkpoints else None

    @cached_property
    def current_step(self) -> int:
        """The furthest step known, or after a resume the step that training is at again."""
        return max(self.checkpoint.step if self.checkpoint else 0, self.history.current_step)

    def current(self, series: SeriesKey | str) -> Current | None:
        """Newest value of a series, by its key or public name; None if never logged or saved.

        The greatest step wins, whether from the history or a checkpoint; on a tie, the
        history. Superseded values are ignored; a value from before steps restarted is used only if
        there is no other.
        """
        key = parse(series) if isinstance(series, str) else series
        name = key.name if key.kind is Kind.METRIC else ""
        saved = self._saved(name)
        logged = self.history.newest(key)
        here = logged is not None and self.history.is_of_this_stage(logged.segment)
        if logged is None or (saved is not None and not (here and logged.step >= saved.measured_at)):
            if saved is None:
                return None
            value, step, file = saved.metrics[name], saved.measured_at, saved.file
        else:
            value, step, file = logged.value, logged.step, None
        outdated = step < self.current_step or (file is None and not here)
        return Current(value, step, file, self._change(name, value, step), outdated)

    def saved(self, name: str) -> Current | None:
        """A metric's value in the newest checkpoint that has it; None if none has."""
        newest = self._saved(name)
        if newest is None:
            return None
        value, step = newest.metrics[name], newest.measured_at
        return Current(value, step, newest.file, self._change(name, value, step), step < self.current_step)

    def _saved(self, name: str) -> Checkpoint | None:
        return next((each for each in reversed(self.valid_checkpoints) if name in each.metrics), None)

    def _change(self, name: str, value: float, step: int) -> float | None:
        """A value minus that of the newest checkpoint whose metrics are of a lower step."""
        before = next((each for each in reversed(self.valid_checkpoints) if each.measured_at < step), None)
        return None if before is None or name not in before.metrics else value - before.metrics[name]

    @cached_property
    def current_stage(self) -> int | None:
        """Stage number (-0.5 reads as -1); None if unknown.

        The newest start of a stage or transition in the log says it, unless a checkpoint with a stage was saved at a
        later step. What a resume has passed by counts only where there is nothing else.
        """
        saved, any_saved = (
            next((point for point in reversed(each) if point.stage is not None), None)
            for each in (self.valid_checkpoints, self.checkpoints)
        )
        begun = newest_begun(self.counting(contract.STAGE_START, contract.TRANSITION), self.history)
        if begun and (saved is None or is_newer(begun, saved, self.history)):
            return stage_number(begun.stage_begun)
        return stage_number(saved.stage if saved else any_saved.stage if any_saved else None)

    @property
    def stage_name(self) -> str:
        """The stage's name, ``Stage N`` for one outside the table, ``Unknown`` without a number."""
        given = self.checkpoint.stage_name if self.checkpoint else ""
        number = self.current_stage
        return given if given and number is None else stage_name(number, self.scheme)

    @property
    def current_week(self) -> float:
        """Weeks into the stage; may exceed ``total_weeks`` when a stage was extended."""
        return (self.stage_checkpoint.week if self.stage_checkpoint else None) or 0

    @cached_property
    def plan(self) -> StagePlan:
        """How long the stage was planned to last when it began, and its extensions."""
        number = self.current_stage
        return stage_plan(self.stage_events, None if number is None else self.beginnings.get(number), number)

    @cached_property
    def beginnings(self) -> Mapping[float, Beginning]:
        """Where each stage began that the log names, by number."""
        return beginnings(self.stage_events, self.history)

    @cached_property
    def stage_checkpoints(self) -> tuple[Checkpoint, ...]:
        """The checkpoints of the present stage that were saved since its plan is counted."""
        return self.checkpoints_since(self.plan.begun, again=self.plan.begun > self.plan.first)

    @property
    def stage_checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint of the present stage; None if there is none yet."""
        return self.stage_checkpoints[-1] if self.stage_checkpoints else None

    def checkpoints_since(self, begun: int, *, again: bool = False) -> tuple[Checkpoint, ...]:
        """The newest checkpoints of the present stage, from the step at which it began.

        At that very step those that name the stage, unless it was trained already and began ``again``.
        """
        found: list[Checkpoint] = []
        for point in reversed(self.valid_checkpoints):
            at_begin = point.step == begun and (again or (point.stage is None and begun > 0))
            if point.step < begun or at_begin or stage_number(point.stage) not in (None, self.current_stage):
                break
            found.append(point)
        return tuple(reversed(found))

    @cached_property
    def total_weeks(self) -> float:
        """Weeks the stage is planned to last, including extensions; 0 if unknown."""
        saved = self.stage_checkpoints
        return self.plan.total_weeks(saved if self.plan.extensions else saved[-1:]) or 0

    @property
    def planned_in_steps(self) -> bool:
        """Whether progress is counted in planned steps, as no checkpoint has a week above 0.

        A checkpoint in week 0 may come from a trainer that counts no weeks.
        """
        return self.plan.steps is not None and not (self.total_weeks > 0 and self.current_week)

    @property
    def stage_steps(self) -> int:
        """Steps done since the planned stage began."""
        return max(self.current_step - self.plan.begun, 0)

    @property
    def stage_progress(self) -> float:
        """Share of the planned weeks, else of the planned steps, else what a binary checkpoint says; 0 to 1."""
        if self.planned_in_steps:
            return min(self.stage_steps / (self.plan.steps or 1), 1.0)
        if self.total_weeks <= 0:
            return (self.stage_checkpoint.progress if self.stage_checkpoint else None) or 0.0
        return min(max(self.current_week / self.total_weeks, 0.0), 1.0)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Metrics of the newest checkpoint, measured at :attr:`metrics_step`.

        Without a checkpoint: the newest logged value of each.
        """
        if self.checkpoint:
            return dict(self.checkpoint.metrics)
        newest = ((name, self.history.newest(metric(name))) for name in self.history.metrics)
        return {name: found.value for name, found in newest if found}

    @property
    def metrics_step(self) -> int:
        """Step of :attr:`metrics`; lower than ``current_step`` if the log has gone on since."""
        return self.checkpoint.measured_at if self.checkpoint else self.current_step

    @cached_property
    def metric_deltas(self) -> dict[str, float]:
        """Newest checkpoint minus the one before, for each metric that both have."""
        if not self.checkpoint:
            return {}
        changes = (
            (name, self._change(name, value, self.metrics_step)) for name, value in self.metrics.items()
        )
        return {name: change for name, change in changes if change is not None}

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
    def _append_only(self) -> AppendOnly[Event]:
        return self.events if isinstance(self.events, AppendOnly) else AppendOnly(self.events)

    def extended(
        self,
        what: Hashable,
        compute: Callable[[tuple[Event, ...], int], T],
        join: Callable[[T, T], T],
    ) -> T:
        """Return a result over all events, computed incrementally (:meth:`AppendOnly.extended`)."""
        return self._append_only.extended(what, compute, join)

    def events_of(self, *kinds: str) -> tuple[Event, ...]:
        """Every event of these kinds, in the order of :attr:`events`: of one kind, that of the file."""
        what = ("events of", *kinds)
        return self.extended(what, lambda new, _: tuple(each for each in new if each.kind in kinds), add)

    def extended_counting(
        self, what: Hashable, compute: Callable[[tuple[Event, ...]], T], join: Callable[[T, T], T]
    ) -> T:
        """A result over all events without those that a resume repeats; costs what is new, unless one has begun."""
        history = self.history
        return self._append_only.extended(
            what,
            lambda new, _: compute(history.counting(new)),
            join,
            depends=history.supersessions().tobytes(),
        )

    def counting(self, *kinds: str) -> tuple[Event, ...]:
        """The events of these kinds without those that a resume repeats."""
        return self.extended_counting(
            ("counting", *kinds), lambda new: tuple(each for each in new if each.kind in kinds), add
        )

    @cached_property
    def stage_events(self) -> tuple[Event, ...]:
        """Starts, ends, transitions and extensions of stages, without those that a resume repeats."""
        return self.history.counting(self.events_of(*contract.STAGE_EVENTS), restarts=True)

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
        """What the newest check of the present stage says of each milestone: name to passed."""
        return dict(self.memoized("milestones", lambda: of_the_stage(self)))

    @property
    def warnings(self) -> list[HealthWarning]:
        """The health warnings in force: the newest checkpoint's, then those of the log's warning events."""
        return list(self.memoized("warnings in force", self._warnings))

    def _warnings(self) -> tuple[HealthWarning, ...]:
        segment = self.history.segments[-1].index if self.history.segments else 0
        return warnings_in_force(
            self.checkpoint, self.events_of(contract.WARNING), self.current_step, segment
        )

    @cached_property
    def training_duration(self) -> timedelta:
        """Wall time spent training: as the newest checkpoint says, else the span of the log's timestamps."""
        if self.checkpoint and self.checkpoint.training_seconds is not None:
            return timedelta(seconds=self.checkpoint.training_seconds)
        return timedelta(seconds=self.history.time_span)
