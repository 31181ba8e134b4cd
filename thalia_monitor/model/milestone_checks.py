"""Milestones as checkpoints and milestone events check them: over the whole run, and in the present stage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import add
from typing import TYPE_CHECKING, Final

from thalia_monitor import contract
from thalia_monitor.model.stage_begin import stage_number

if TYPE_CHECKING:
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

RESULTS: Final = "results"
"""The field of a milestone event that holds what passed, by name."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked at one time."""

    step: int
    results: Mapping[str, bool]
    segment: int = 0
    time: float | None = None
    event: int | None = None
    """Index in the state's events; None for a checkpoint."""
    stage: int | None = None
    """The stage whose milestones these are; None if it is not logged."""


def checks(state: TrainingState) -> Iterator[Check]:
    """Every check of the run that counts, in no order."""
    for point in state.valid_checkpoints:
        if point.milestones:
            yield Check(point.step, point.milestones)
    yield from _logged(state)


def _logged(state: TrainingState) -> Iterator[Check]:
    limits = state.history.supersessions()
    for check in state.extended("milestone checks", _checks_of, add):
        if check.segment >= len(limits) or check.step < limits[check.segment]:
            yield check


def _checks_of(events: tuple[Event, ...], first: int) -> tuple[Check, ...]:
    found = []
    for index, event in enumerate(events, first):
        if event.kind == contract.MILESTONE and event.step is not None:
            results = event.fields.get(RESULTS)
            if isinstance(results, Mapping):
                flags = {str(name): each for name, each in results.items() if isinstance(each, bool)}
                stage = _stage(event)
                found.append(Check(event.step, flags, event.segment, event.time, index, stage))
    return tuple(found)


def _stage(event: Event) -> int | None:
    given = event.fields.get("stage")
    usable = isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
    return stage_number(given) if usable else None


def of_the_stage(state: TrainingState) -> dict[str, bool]:
    """Newest result of each milestone that was checked in the present stage.

    A check belongs to the stage that it names; without one to that in which it was made. What was checked at the
    step at which the stage began was so at the end of the stage before.
    """
    saved = state.checkpoints_since(state.plan.first)
    before = state.valid_checkpoints[: len(state.valid_checkpoints) - len(saved)]
    begun = max([state.plan.first, *(each.step for each in before[-1:])])
    made = [Check(each.step, each.milestones) for each in saved if each.milestones]
    for check in _logged(state):
        other = check.stage is not None and check.stage != state.current_stage
        since = check.step >= begun if check.stage is not None or not begun else check.step > begun
        if since and not other and state.history.is_of_this_stage(check.segment):
            made.append(check)
    known: dict[str, bool] = {}
    for check in sorted(made, key=lambda each: (each.step, each.event is not None)):
        known.update(check.results)
    return known
