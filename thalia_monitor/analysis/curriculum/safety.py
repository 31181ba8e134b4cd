"""Safety of a run: interventions by kind, the health score, and the cognitive load."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.model.history import Series
from thalia_monitor.model.series_key import metric

if TYPE_CHECKING:
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

LOAD_LIMIT: Final = 0.9
"""Above this Thalia's cognitive load is too high: ``docs/design/cognitive_load_implementation.md``."""
OVERLOAD: Final = 1.2
"""Above this it calls it an overload."""
HEALTHY: Final = 0.8
"""From this health score on Thalia's safety guide calls a training healthy."""
SCORES: Final = ("health_score", "safety/health_score", "health/score")
LOADS: Final = ("cognitive_load", "cognitive_load/total", "safety/cognitive_load")
"""Metrics that hold the same, where no events do."""
KINDS: Final = ("intervention", "type", "kind")
"""Fields of an intervention event that name its kind; the first that is there counts."""
LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class Intervention:
    """One intervention of the safety system."""

    kind: str
    reason: str
    step: int | None
    time: float | None
    segment: int = 0


def interventions(state: TrainingState) -> tuple[Intervention, ...]:
    """Every intervention, in the order of the log; costs what is new."""
    return state.extended("interventions", lambda new, _: _read(new), add)


def _read(events: Sequence[Event]) -> tuple[Intervention, ...]:
    return tuple(_intervention(each) for each in events if each.kind == contract.INTERVENTION)


def _intervention(event: Event) -> Intervention:
    given = (event.fields.get(name) for name in KINDS)
    kind = next((each for each in given if isinstance(each, str) and each), "unknown")
    actions = event.fields.get("actions")
    reason = event.fields.get("reason")
    words = reason if isinstance(reason, str) and reason else ""
    if not words and isinstance(actions, list):
        words = ", ".join(str(each)[:LONGEST] for each in actions[:5])
    return Intervention(kind[:LONGEST], words[:300], event.step, event.time, event.segment)


@dataclass(frozen=True, slots=True)
class Tally:
    """The interventions of one kind."""

    kind: str
    count: int
    newest: Intervention


def tallies(state: TrainingState) -> list[Tally]:
    """Interventions by kind, the most frequent first."""
    every = interventions(state)
    newest = {each.kind: each for each in every}
    return [Tally(kind, count, newest[kind]) for kind, count in Counter(e.kind for e in every).most_common()]


def load(state: TrainingState) -> Series | None:
    """The cognitive load over the run; None where it is not recorded."""
    return state.memoized("load", lambda: _measured(state, contract.COGNITIVE_LOAD, "load", LOADS))


def score(state: TrainingState) -> Series | None:
    """The health score over the run; None where it is not recorded."""
    return state.memoized("score", lambda: _measured(state, contract.HEALTH_SCORE, "score", SCORES))


def _measured(state: TrainingState, kind: str, field: str, names: Sequence[str]) -> Series | None:
    """A series of an event's field, else of the first of these metrics."""
    found = state.extended(
        ("values of", kind, field), lambda new, _: _values(new, kind, field), lambda a, b: np.hstack([a, b])
    )
    if found.shape[1]:
        order = np.lexsort((found[0], found[2]))
        step, value, segment, time = found[:, order]
        return Series(kind, step.astype(np.int64), value, segment.astype(np.int64), time, None)
    return next((its for name in names if (its := state.history.series(metric(name))) and len(its)), None)


def _values(
    events: Sequence[Event], kind: str, field: str
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(4, n) step, value, segment and time of each event with a number."""
    rows = [
        (event.step, value, event.segment, math.nan if event.time is None else event.time)
        for event in events
        if event.kind == kind
        and event.step is not None
        and (value := _number(event.fields.get(field))) is not None
    ]
    return np.array(rows, np.float64).reshape(-1, 4).T


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def load_limit(state: TrainingState) -> float:
    """Where the load becomes too high: as logged with it, else Thalia's 0.9."""
    newest = state.events_of(contract.COGNITIVE_LOAD)[-1:]
    given = _number(newest[0].fields.get("threshold")) if newest else None
    return given if given is not None and math.isfinite(given) and given > 0 else LOAD_LIMIT


def recorded(state: TrainingState) -> bool:
    """Whether the run records anything of this."""
    return bool(interventions(state)) or load(state) is not None or score(state) is not None


def sentence(state: TrainingState) -> str:
    """The safety of a run in one sentence; empty where nothing is recorded."""
    if not recorded(state):
        return ""
    kinds = tallies(state)
    total = sum(each.count for each in kinds)
    listed = ", ".join(f"{each.kind} {each.count:,}" for each in kinds[:3])
    parts = [f"{counted(total, 'intervention')}" + (f" ({listed})" if listed else "")]
    health, loaded = score(state), load(state)
    if health is not None:
        parts.append(f"health score {number(float(health.value[-1]))}")
    if loaded is not None:
        limit = load_limit(state)
        above = float(np.mean(loaded.value[np.isfinite(loaded.value)] > limit)) if len(loaded) else 0.0
        now = number(float(loaded.value[-1]))
        share = number(above, "percent")
        parts.append(
            f"cognitive load {now}, above {number(limit)} in {share} of {counted(len(loaded), 'value')}"
        )
    return "; ".join(parts) + "."
