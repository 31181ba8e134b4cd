"""Milestone history: passed, missed or lost again, over all checks of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from thalia_monitor.model.milestone_checks import checks
from thalia_monitor.stages import HEALTH, Criterion, criterion_of, stage_of

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState


@dataclass(frozen=True, slots=True)
class Change:
    """A milestone that was passed, or lost after having been passed."""

    name: str
    passed: bool
    step: int
    time: float | None = None
    """Unix seconds; None if not logged."""
    event: int | None = None
    """Index of the check in the state's events; None if it comes from a checkpoint."""


def changes(state: TrainingState) -> list[Change]:
    """Milestones passed and lost, by step, from milestone events and checkpoints.

    A milestone that has not been passed yet is no change; neither is one that a later stage does not check. Checks of
    an attempt that a resume has abandoned do not count.
    """
    known: dict[str, bool] = {}
    found = []
    for check in sorted(checks(state), key=lambda each: (each.step, each.event is not None)):
        for name, passed in check.results.items():
            if known.get(name, False) != passed:
                found.append(Change(name, passed, check.step, check.time, check.event))
            known[name] = passed
    return found


def verdicts(state: TrainingState) -> dict[str, Change]:
    """Newest result of each milestone, by name, with the step since which it has been so.

    Checks of an attempt that a resume has abandoned do not count.
    """
    known: dict[str, Change] = {}
    for check in sorted(checks(state), key=lambda each: (each.step, each.event is not None)):
        for name, passed in check.results.items():
            if name not in known or known[name].passed != passed:
                known[name] = Change(name, passed, check.step, check.time, check.event)
    return known


def lost(state: TrainingState) -> list[Change]:
    """Milestones that an earlier check passed and the newest check of them did not."""
    newest = {change.name: change for change in changes(state)}
    return [change for change in newest.values() if not change.passed]


_HEALTH_NAMES = frozenset(each.name for each in HEALTH)


@dataclass(frozen=True, slots=True)
class Milestone:
    """One line of the checklist."""

    name: str
    passed: bool | None
    """None: not evaluated yet."""
    criterion: str
    """Such as ``> 0.95``; empty if neither the run nor the stage table has one."""
    group: str
    """``Tasks``, ``Health`` or ``Maintained`` (an earlier stage was not forgotten)."""


def checklist(state: TrainingState) -> list[Milestone]:
    """List the milestones that were checked in the present stage, then those of the stage still to be evaluated."""
    stage = stage_of(state.current_stage, state.scheme)
    known = [each.name for each in stage.milestones] if stage else []
    evaluated = state.milestones
    names = [*evaluated, *(name for name in known if name not in evaluated)]
    return [Milestone(name, evaluated.get(name), _criterion(state, name), group_of(name)) for name in names]


def group_of(name: str) -> str:
    """Sort a milestone by its name: health check, an earlier stage's skill, or a task of this stage."""
    if name.endswith("_maintained"):
        return "Maintained"
    return "Health" if name in _HEALTH_NAMES else "Tasks"


def _criterion(state: TrainingState, name: str) -> str:
    if name in state.criteria:
        return str(Criterion(name, state.criteria[name]))
    return str(criterion_of(name, state.current_stage, state.scheme) or "")


def completion(state: TrainingState) -> tuple[int, int]:
    """How many milestones of the present stage are passed, and how many are evaluated."""
    return sum(state.milestones.values()), len(state.milestones)
