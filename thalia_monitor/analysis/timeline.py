"""Events of a run to mark on charts, as columns for each kind."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from thalia_monitor import contract
from thalia_monitor.analysis.control_history import change_of
from thalia_monitor.analysis.milestones import changes
from thalia_monitor.model.memo import Memoized
from thalia_monitor.model.records import Event, Severity
from thalia_monitor.stages import stage_name

if TYPE_CHECKING:
    from thalia_monitor.model.history import Floats, History, Ints
    from thalia_monitor.model.run import TrainingState


class MarkerKind(StrEnum):
    """Kind of marker on a chart; each can be switched on and off."""

    GROWTH = "growth"
    NREM = "nrem"
    REM = "rem"
    SLEEP = "consolidation"
    """Consolidation not logged as NREM or REM."""
    STAGE = "stage"
    MILESTONE = "milestone"
    WARNING = "warning"
    RESUME = "resume"
    CONTROL = "control"
    """A parameter changed, or a command given, while training ran."""
    NOTE = "note"
    """What a person has noted, in the monitor and not in the run."""
    OTHER = "other"
    """Any other event of the log, under its own name."""


LISTED_ELSEWHERE: Final = frozenset(
    {
        *(contract.MILESTONE, contract.DECLARE, contract.CONTROL),
        *(contract.EVALUATION, contract.COGNITIVE_LOAD, contract.HEALTH_SCORE),
    }
)
"""Events that are no OTHER: milestones are marked where one changes, parameters are on the control page, and what is
measured again and again is on the curriculum page."""


@dataclass(frozen=True, slots=True)
class MarkedEvent:
    """One event to mark on charts."""

    kind: MarkerKind
    step: int | None
    time: float | None
    """Unix seconds."""
    label: str
    amount: float = math.nan
    """Neurons added or patterns replayed."""
    event: int | None = None
    """Index in the state's events; None if it comes from a checkpoint or the history."""
    alarming: bool = False
    """Whether it is a lost milestone or a critical warning."""
    segment: int = 0


@dataclass(frozen=True)
class MarkedEvents(Memoized):
    """All marked events of one kind, as columns."""

    step: Ints
    """(n,) 0 if not logged."""
    stepped: NDArray[np.bool_]
    """(n,) whether the step is logged."""
    time: Floats
    """(n,) Unix seconds; NaN if not logged."""
    label: NDArray[np.object_]
    amount: Floats
    event: Ints
    """(n,) indexes in the state's events; -1 if from a checkpoint or the history."""
    alarming: NDArray[np.bool_]
    segment: Ints

    def __len__(self) -> int:
        return len(self.step)

    @staticmethod
    def of(found: Sequence[MarkedEvent]) -> MarkedEvents:
        """Convert records to columns."""
        return MarkedEvents(
            np.array([each.step or 0 for each in found], np.int64),
            np.array([each.step is not None for each in found], np.bool_),
            np.array([math.nan if each.time is None else each.time for each in found], np.float64),
            np.array([each.label for each in found], np.object_),
            np.array([each.amount for each in found], np.float64),
            np.array([-1 if each.event is None else each.event for each in found], np.int64),
            np.array([each.alarming for each in found], np.bool_),
            np.array([each.segment for each in found], np.int64),
        )

    @cached_property
    def placed(self) -> bool:
        """Whether all have a logged step and time, so that no metric lines are needed."""
        return bool(self.stepped.all() and not np.isnan(self.time).any())

    def where(self, chosen: NDArray[Any]) -> MarkedEvents:
        """Subset by positions or by a boolean mask."""
        return MarkedEvents(*(getattr(self, each.name)[chosen] for each in fields(self)))

    def then(self, later: MarkedEvents) -> MarkedEvents:
        """These followed by ``later``."""
        both = [(getattr(self, each.name), getattr(later, each.name)) for each in fields(self)]
        return MarkedEvents(*map(np.concatenate, both))


ByKind = Mapping[MarkerKind, MarkedEvents]


def marked_events(state: TrainingState) -> ByKind:
    """All markable events by kind; memoized per state, incremental over events."""
    return state.memoized("marked_events", lambda: _collect(state))


def _collect(state: TrainingState) -> ByKind:
    known = state.extended(("marked_events", state.scheme), partial(_of_events, scheme=state.scheme), _joined)
    found = dict(known)
    if MarkerKind.STAGE in found:
        found[MarkerKind.STAGE] = _each_once(found[MarkerKind.STAGE])
    rest = {
        MarkerKind.STAGE: _stages_of_checkpoints(state),
        MarkerKind.WARNING: _warnings_of_checkpoints(state),
        MarkerKind.MILESTONE: _milestones(state),
        MarkerKind.RESUME: _resumes(state.history),
        MarkerKind.NOTE: _notes(state),
    }
    for kind, records in rest.items():
        if kind not in found and (several := list(records)):
            found[kind] = MarkedEvents.of(several)
    return found


def _of_events(events: Sequence[Event], first: int, scheme: str) -> ByKind:
    found: dict[MarkerKind, list[MarkedEvent]] = {}
    for index, event in enumerate(events, first):
        each = _of_event(event, index, scheme)
        if each is not None:
            found.setdefault(each.kind, []).append(each)
    return {kind: MarkedEvents.of(several) for kind, several in found.items()}


def _joined(before: ByKind, new: ByKind) -> ByKind:
    both = {kind: before[kind].then(new[kind]) for kind in before.keys() & new.keys()}
    return {**before, **new, **both}


def _each_once(stages: MarkedEvents) -> MarkedEvents:
    """Drop repetitions: a transition and the stage start after it are one."""
    steps = np.where(stages.stepped, stages.step, -1).tolist()
    first: dict[tuple[int, str], int] = {}
    for place, known in enumerate(zip(steps, stages.label.tolist(), strict=True)):
        first.setdefault(known, place)
    return stages.where(np.array(list(first.values()), np.int64))


def _milestones(state: TrainingState) -> Iterator[MarkedEvent]:
    for change in changes(state):
        yield MarkedEvent(
            MarkerKind.MILESTONE,
            change.step,
            change.time,
            f"{change.name} {'passed' if change.passed else 'lost'}",
            event=change.event,
            alarming=not change.passed,
            segment=0 if change.event is None else state.events[change.event].segment,
        )


def _of_event(event: Event, index: int, scheme: str) -> MarkedEvent | None:
    fields = event.fields
    if event.kind == contract.GROWTH:
        region = str(fields.get("region", "unknown region"))
        kind, label, amount = MarkerKind.GROWTH, region, _number(fields.get("neurons_added"))
    elif event.kind == contract.CONSOLIDATION:
        sleep = str(fields.get("sleep_stage", "unknown stage"))
        kind, label, amount = _sleep_kind(sleep), sleep, _number(fields.get("patterns_replayed"))
    elif event.kind in (contract.STAGE_START, contract.TRANSITION, contract.EXTENSION):
        kind, label, amount = MarkerKind.STAGE, _stage_label(event.kind, fields, scheme), math.nan
    elif event.kind == contract.CONTROL and (change := change_of(event)).applied:
        kind, label, amount = MarkerKind.CONTROL, change.words, math.nan
    elif event.kind == contract.WARNING:
        kind, label, amount = MarkerKind.WARNING, str(fields.get("message", "warning")), math.nan
    elif event.kind in LISTED_ELSEWHERE:
        return None
    else:
        kind, label, amount = MarkerKind.OTHER, event.kind, math.nan
    alarming = kind is MarkerKind.WARNING and fields.get("severity") == Severity.CRITICAL
    return MarkedEvent(kind, event.step, event.time, label, amount, index, alarming, event.segment)


def _sleep_kind(stage: str) -> MarkerKind:
    if stage.upper().startswith("NREM"):
        return MarkerKind.NREM
    return MarkerKind.REM if stage.upper().startswith("REM") else MarkerKind.SLEEP


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _stage_label(kind: str, fields: Mapping[str, Any], scheme: str) -> str:
    number = _number(fields.get("new_stage" if kind == contract.TRANSITION else "stage"))
    stage = "Stage" if math.isnan(number) else f"Stage {number:g} {stage_name(number, scheme)}"
    if kind != contract.EXTENSION:
        return stage
    weeks, steps = _number(fields.get("additional_weeks")), _number(fields.get("additional_steps"))
    if math.isnan(weeks):
        return f"{stage} extended" + ("" if math.isnan(steps) else f" by {steps:,.0f} steps")
    return f"{stage} extended by {weeks:g} weeks"


def _stages_of_checkpoints(state: TrainingState) -> Iterator[MarkedEvent]:
    before: float | None = None
    for point in state.valid_checkpoints:
        if point.stage is not None and point.stage != before:
            label = f"Stage {point.stage:g} {stage_name(point.stage, state.scheme)}"
            yield MarkedEvent(MarkerKind.STAGE, point.step, None, label)
            before = point.stage


def _warnings_of_checkpoints(state: TrainingState) -> Iterator[MarkedEvent]:
    """Warnings at their first appearance, and again after an absence."""
    before: set[str] = set()
    for point in state.checkpoints:
        for warning in point.warnings:
            if warning.message not in before:
                alarming = warning.severity is Severity.CRITICAL
                yield MarkedEvent(MarkerKind.WARNING, point.step, None, warning.message, alarming=alarming)
        before = {warning.message for warning in point.warnings}


def _notes(state: TrainingState) -> Iterator[MarkedEvent]:
    for note in state.notes:
        yield MarkedEvent(MarkerKind.NOTE, note.step, None, note.words)


def _resumes(history: History) -> Iterator[MarkedEvent]:
    for segment in history.segments:
        if segment.kind == "resume":
            time = float(history.time[segment.first_row])
            known = None if math.isnan(time) else time
            label = f"Resumed at step {segment.first_step:,}"
            yield MarkedEvent(MarkerKind.RESUME, segment.first_step, known, label, segment=segment.index)
