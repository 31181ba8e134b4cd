"""What happened in a run and where to put it on a chart: one light record for each, by kind."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from thalia_monitor import contract
from thalia_monitor.analysis.milestones import changes
from thalia_monitor.history import History
from thalia_monitor.stages import stage_name
from thalia_monitor.state import Event, Severity, TrainingState


class MarkerKind(StrEnum):
    """What can be marked on a chart, each switched on and off by itself."""

    GROWTH = "growth"
    NREM = "nrem"
    REM = "rem"
    STAGE = "stage"
    MILESTONE = "milestone"
    WARNING = "warning"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened."""

    kind: MarkerKind
    step: int | None
    time: float | None
    """Unix seconds."""
    label: str
    amount: float = math.nan
    """Neurons added, patterns replayed."""
    event: int | None = None
    """Its position in the state's events; None where a checkpoint or the history tells of it."""
    alarming: bool = False
    """A milestone lost, a critical warning."""
    segment: int = 0


def happenings(state: TrainingState) -> list[Happening]:
    """Collect everything that can be marked, in no particular order; once per state."""
    return state.once("happenings", lambda: _collect(state))


def _collect(state: TrainingState) -> list[Happening]:
    found: list[Happening] = []
    stages: set[tuple[int | None, str]] = set()
    for index, event in enumerate(state.events):
        each = _of_event(event, index, state.scheme)
        if each is None:
            continue
        if each.kind is MarkerKind.STAGE:  # a transition and the start that follows it are one
            if (each.step, each.label) in stages:
                continue
            stages.add((each.step, each.label))
        found.append(each)
    kinds = {each.kind for each in found}
    if MarkerKind.STAGE not in kinds:
        found += _stages_of_checkpoints(state)
    if MarkerKind.WARNING not in kinds:
        found += _warnings_of_checkpoints(state)
    for change in changes(state):
        words = "passed" if change.passed else "lost"
        label = f"{change.name} {words}"
        segment = 0 if change.event is None else state.events[change.event].segment
        found.append(
            Happening(
                MarkerKind.MILESTONE,
                change.step,
                change.time,
                label,
                event=change.event,
                alarming=not change.passed,
                segment=segment,
            )
        )
    return found + list(_resumes(state.history))


def _of_event(event: Event, index: int, scheme: str) -> Happening | None:
    fields = event.fields
    if event.kind == contract.GROWTH:
        region = str(fields.get("region", "unknown region"))
        kind, label, amount = MarkerKind.GROWTH, region, _number(fields.get("neurons_added"))
    elif event.kind == contract.CONSOLIDATION:
        sleep = str(fields.get("sleep_stage", "sleep"))
        kind = MarkerKind.REM if sleep.upper().startswith("REM") else MarkerKind.NREM
        label, amount = sleep, _number(fields.get("patterns_replayed"))
    elif event.kind in (contract.STAGE_START, contract.TRANSITION, contract.EXTENSION):
        kind, label, amount = MarkerKind.STAGE, _stage_label(event.kind, fields, scheme), math.nan
    elif event.kind == contract.WARNING:
        kind, label, amount = MarkerKind.WARNING, str(fields.get("message", "warning")), math.nan
    else:
        return None
    alarming = kind is MarkerKind.WARNING and fields.get("severity") == Severity.CRITICAL
    return Happening(kind, event.step, event.time, label, amount, index, alarming, event.segment)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _stage_label(kind: str, fields: Mapping[str, Any], scheme: str) -> str:
    number = _number(fields.get("new_stage" if kind == contract.TRANSITION else "stage"))
    stage = "Stage" if math.isnan(number) else f"Stage {number:g} {stage_name(number, scheme)}"
    if kind != contract.EXTENSION:
        return stage
    weeks = _number(fields.get("additional_weeks"))
    return f"{stage} extended" + ("" if math.isnan(weeks) else f" by {weeks:g} weeks")


def _stages_of_checkpoints(state: TrainingState) -> Iterator[Happening]:
    before: float | None = None
    for point in state.checkpoints:
        if point.stage is not None and point.stage != before:
            label = f"Stage {point.stage:g} {stage_name(point.stage, state.scheme)}"
            yield Happening(MarkerKind.STAGE, point.step, None, label)
            before = point.stage


def _warnings_of_checkpoints(state: TrainingState) -> Iterator[Happening]:
    """Mark each warning where it first appears, and again after it was gone."""
    before: set[str] = set()
    for point in state.checkpoints:
        for warning in point.warnings:
            if warning.message not in before:
                alarming = warning.severity is Severity.CRITICAL
                yield Happening(MarkerKind.WARNING, point.step, None, warning.message, alarming=alarming)
        before = {warning.message for warning in point.warnings}


def _resumes(history: History) -> Iterator[Happening]:
    for segment in history.segments:
        if segment.kind == "resume":
            time = float(history.time[segment.first_row])
            known = None if math.isnan(time) else time
            label = f"Resumed at step {segment.first_step:,}"
            yield Happening(MarkerKind.RESUME, segment.first_step, known, label, segment=segment.index)
