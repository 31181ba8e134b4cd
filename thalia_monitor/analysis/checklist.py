"""The stage's milestones as a checklist: what was evaluated, what was not yet, and what each one asks for."""

from __future__ import annotations

from dataclasses import dataclass

from thalia_monitor.stages import HEALTH, Criterion, stage_of
from thalia_monitor.state import TrainingState

_HEALTH_NAMES = frozenset(each.name for each in HEALTH)


@dataclass(frozen=True, slots=True)
class Milestone:
    """One line of the checklist."""

    name: str
    passed: bool | None
    """None: not evaluated yet."""
    criterion: str
    """Such as ``> 0.95``; empty where neither the run nor the stage table says."""
    group: str
    """``Tasks``, ``Health`` or ``Maintained`` (an earlier stage was not forgotten)."""


def checklist(state: TrainingState) -> list[Milestone]:
    """List the evaluated milestones in the file's order, then those of the stage still to be evaluated."""
    stage = stage_of(state.current_stage, state.scheme)
    known = {each.name: each for each in stage.milestones} if stage else {}
    evaluated = state.milestones
    names = [*evaluated, *(name for name in known if name not in evaluated)]
    return [
        Milestone(name, evaluated.get(name), _criterion(state, name, known), group_of(name)) for name in names
    ]


def group_of(name: str) -> str:
    """Sort a milestone by its name: health check, an earlier stage's skill, or a task of this stage."""
    if name.endswith("_maintained"):
        return "Maintained"
    return "Health" if name in _HEALTH_NAMES else "Tasks"


def _criterion(state: TrainingState, name: str, known: dict[str, Criterion]) -> str:
    if name in state.criteria:
        return str(Criterion(name, state.criteria[name]))
    return str(known[name]) if name in known else ""


def completion(state: TrainingState) -> tuple[int, int]:
    """How many milestones the newest checkpoint passed, and how many it evaluated."""
    return sum(state.milestones.values()), len(state.milestones)
