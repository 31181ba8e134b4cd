"""How many growth events, consolidations and phases of them count: without those that a resume has repeated."""

from __future__ import annotations

from collections.abc import Iterable
from operator import add
from typing import TYPE_CHECKING

from thalia_monitor import contract
from thalia_monitor.analysis.formatting import counted
from thalia_monitor.analysis.sleep.consolidations import how_many

if TYPE_CHECKING:
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState


def count_in_words(state: TrainingState, kind: str) -> tuple[str, str]:
    """How many events of a kind count, and how many more a resume has repeated; empty where none was."""
    counts = len(state.counting(kind))
    more = state.count_of(kind) - counts
    return f"{counts:,}", f"{more:,} more repeated after a resume" if more else ""


def consolidations_in_words(state: TrainingState) -> tuple[str, str]:
    """How many consolidations count, and of how many phases they are: ``2`` and ``4 phases``."""
    phases, logged = len(state.counting(contract.CONSOLIDATION)), state.count_of(contract.CONSOLIDATION)
    if not phases:
        return "0", f"{counted(logged, 'phase')} repeated after a resume" if logged else ""
    more = count_in_words(state, contract.CONSOLIDATION)[1]
    return f"{how_many(state):,}", ", ".join(filter(None, (counted(phases, "phase"), more)))


def neurons_added(state: TrainingState) -> int:
    """Neurons that all growth events added, without those that a resume has repeated."""
    total: int = state.extended_counting("neurons added", added, add)
    return total


def added(events: Iterable[Event]) -> int:
    """Neurons that the growth events among these added."""
    return sum(_whole(each.fields.get("neurons_added")) for each in events if each.kind == contract.GROWTH)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
