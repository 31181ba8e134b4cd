"""Summary of a run, as shown by the overview page, the status command and the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.event_counts import added, neurons_added
from thalia_monitor.analysis.health import DEFAULTS, findings
from thalia_monitor.analysis.liveness import Liveness, Status, liveness
from thalia_monitor.analysis.milestones import Milestone, checklist
from thalia_monitor.analysis.pace import Pace, pace
from thalia_monitor.analysis.quantities import filled_places
from thalia_monitor.analysis.recent import Trend, trend
from thalia_monitor.analysis.sleep.consolidations import newest
from thalia_monitor.model.records import Event, Severity
from thalia_monitor.stages import stage_of

if TYPE_CHECKING:
    from thalia_monitor.analysis.findings import Finding, Thresholds
    from thalia_monitor.model.run import TrainingState

HOUR: Final = 3600.0
GONE_STALE: Final = "Nothing has been written for ten times as long as usual."


@dataclass(frozen=True, slots=True)
class GrowthTotals:
    """How much the brain has grown."""

    events: int = 0
    added: int = 0
    """Neurons added in total."""
    hour_events: int | None = None
    """In the last hour; None if times are not logged."""
    hour_added: int | None = None
    neurons: int | None = None
    """Current neurons over all regions; None if not logged."""
    newest: Event | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """The newest consolidation."""

    stage: str
    """Its phases: ``NREM + REM``."""
    step: int | None
    """At which it began, with its first phase."""
    patterns: int | None
    """Replayed by all of its phases."""
    age: float | None
    """Seconds since its last phase; None if times are not logged."""
    steps_ago: int | None


@dataclass(frozen=True)
class Summary:
    """Summary of a run at one time; the parts are computed lazily."""

    state: TrainingState
    now: float
    """Time of the summary in Unix seconds (viewer's clock)."""
    liveness: Liveness
    findings: tuple[Finding, ...]

    @property
    def waiting(self) -> bool:
        """Whether the run has no data yet: no metric line, event or checkpoint."""
        state = self.state
        return not (state.sources or len(state.history) or state.events or state.checkpoints)

    @cached_property
    def pace(self) -> Pace:
        """Pace and time left; no end is estimated for a run that is not progressing."""
        return _if_it_goes_on(pace(self.state, self.now), self.liveness.status)

    @cached_property
    def next_stage(self) -> str:
        """Name of the next stage; empty after the last one or if the stage is unknown."""
        return _next_stage(self.state)

    @cached_property
    def trends(self) -> tuple[Trend, ...]:
        """Trends of the series in the run's places: performance and loss before firing rate and capacity."""
        found = ((each, trend(self.state, each.series)) for each in filled_places(self.state))
        return tuple(replace(its, place=each) for each, its in found if its)

    @cached_property
    def growth(self) -> GrowthTotals:
        """How much the brain has grown."""
        return growth_totals(self.state, self._clock)

    @cached_property
    def sleep(self) -> Sleep | None:
        """The newest consolidation."""
        return last_sleep(self.state, self._clock)

    @cached_property
    def milestones(self) -> tuple[Milestone, ...]:
        """The stage's checklist."""
        return tuple(checklist(self.state))

    @property
    def _clock(self) -> float:
        """The later of ``now`` and the newest time by the trainer's clock, if that is ahead."""
        newest = self.state.history.time[-1:]
        return max(self.now, float(newest[0])) if len(newest) and np.isfinite(newest[0]) else self.now

    @property
    def passed(self) -> int:
        """Milestones of the present stage that are passed."""
        return sum(each.passed is True for each in self.milestones)

    @property
    def left(self) -> tuple[Milestone, ...]:
        """Milestones not passed or not yet evaluated."""
        return tuple(each for each in self.milestones if not each.passed)

    @property
    def criticals(self) -> tuple[str, ...]:
        """Critical now: the trainer's warnings, health findings, a stale run."""
        judged = [(each.severity, each.message) for each in self.state.warnings]
        judged += [(each.severity, each.message) for each in self.findings]
        stale = [GONE_STALE] if self.liveness.status is Status.STALE else []
        return tuple([message for severity, message in judged if severity is Severity.CRITICAL] + stale)


def summarize(
    state: TrainingState,
    now: float,
    *,
    refresh: float = 0.0,
    thresholds: Thresholds = DEFAULTS,
    found: Sequence[Finding] | None = None,
) -> Summary:
    """Summarize a run at ``now`` (Unix seconds, viewer's clock).

    ``refresh`` is the refresh interval in seconds; ``found`` are health findings already computed for the state.
    """
    examined = findings(state, thresholds) if found is None else found
    return Summary(state, now, liveness(state, now, refresh), tuple(examined))


def _if_it_goes_on(measured: Pace, status: Status) -> Pace:
    """Drop the estimated end of a run that is not progressing, since it would move with the clock."""
    if status in _OVER:
        return replace(measured, left=None, steps_left=None, end=None, left_reason=_OVER[status])
    return replace(measured, end=None) if status is Status.STALE else measured


_OVER: Final = {Status.FINISHED: "It has ended.", Status.STOPPED: "It was stopped."}


def _next_stage(state: TrainingState) -> str:
    if state.current_stage is None:
        return ""
    following = stage_of(state.current_stage + 1, state.scheme)
    return following.name if following else ""


def growth_totals(state: TrainingState, now: float) -> GrowthTotals:
    """Growth since the start, and in the hour before ``now``, without what a resume has repeated."""
    events = state.counting(contract.GROWTH)
    timed = any(event.time is not None for event in events[-1:])
    hour = [event for event in events if event.time is not None and now - HOUR <= event.time <= now + 60]
    neurons = state.history.latest(state.history.neurons)
    return GrowthTotals(
        events=len(events),
        added=neurons_added(state),
        hour_events=len(hour) if timed or not events else None,
        hour_added=added(hour) if timed or not events else None,
        neurons=round(sum(neurons.values())) if neurons and np.isfinite(sum(neurons.values())) else None,
        newest=events[-1] if events else None,
    )


def last_sleep(state: TrainingState, now: float) -> Sleep | None:
    """Newest consolidation that counts, with all of its phases; None if there is none."""
    found = newest(state)
    if found is None:
        return None
    first, last = found.events[0], found.events[-1]
    return Sleep(
        stage=found.phases,
        step=first.step,
        patterns=None if found.patterns is None else round(found.patterns),
        age=max(now - last.time, 0.0) if last.time is not None else None,
        steps_ago=max(state.current_step - first.step, 0) if first.step is not None else None,
    )
