"""Consolidations put together from their phases: how many, how often, and how long ago the newest is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.model.stage_plan import configuration

if TYPE_CHECKING:
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

MOST_EVENTS: Final = 5_000
"""Newest events that are put together to consolidations."""
INTERVAL: Final = 10_000
"""Steps between consolidations of Thalia's stage configurations."""
ENOUGH: Final = 3
"""Gaps between consolidations from which their median says when the next one is due."""
CONFIGURED: Final = "configured"
DEFAULT: Final = "Thalia's default"
"""Who says an interval."""


@dataclass(
    frozen=True
)  # without slots: it stays while a run grows, and what is derived from its phases with it
class Consolidation:
    """The phases of one consolidation: NREM, and the REM that follows."""

    events: tuple[Event, ...]

    @property
    def step(self) -> int:
        """The step at which it began."""
        return self.events[0].step or 0

    @property
    def last_step(self) -> int:
        """The step at which its last phase began."""
        return self.events[-1].step or 0

    @property
    def segment(self) -> int:
        """The stretch between resumes that it is in."""
        return self.events[0].segment

    @cached_property
    def phases(self) -> str:
        """``NREM + REM``; ``unknown`` for one that is not logged."""
        return " + ".join(
            dict.fromkeys(str(each.fields.get("sleep_stage") or "unknown") for each in self.events)
        )

    @cached_property
    def patterns(self) -> float | None:
        """How many patterns its phases replayed; None if none is logged."""
        given = self.field("patterns_replayed")
        known = [each for each in given if isinstance(each, int | float) and not isinstance(each, bool)]
        return sum(known) if known else None

    @cached_property
    def cycles(self) -> list[Any]:
        """The cycles of each phase that has them."""
        return self.field("cycles")

    @cached_property
    def her(self) -> list[bool]:
        """Whether hindsight experience replay was on, for each phase that says so."""
        return [bool(each) for each in self.field("her_enabled")]

    def field(self, name: str) -> list[Any]:
        """The values of a field, of the phases that have it."""
        return [each.fields[name] for each in self.events if each.fields.get(name) is not None]

    def takes(self, event: Event) -> bool:
        """Whether an event is a further phase of it.

        It is at the same step, or within the steps of the phase before; NREM after REM begins another one.
        """
        newest = self.events[-1]
        if event.segment != newest.segment or event.step is None or newest.step is None:
            return False
        if event.step == newest.step:
            return True
        length = newest.fields.get("duration_steps")
        within = isinstance(length, int | float) and newest.step < event.step <= newest.step + length
        return bool(within) and not (phase_of(newest) == "REM" and phase_of(event) == "NREM")


def phase_of(event: Event) -> str:
    """``NREM``, ``REM`` or ``other``."""
    return phase(str(event.fields.get("sleep_stage") or ""))


def phase(stage: str) -> str:
    """``NREM`` of ``NREM1`` to ``NREM3``, ``REM``, or ``other``."""
    stage = stage.upper()
    return next((each for each in ("NREM", "REM") if stage.startswith(each)), "other")


def consolidations(state: TrainingState) -> list[Consolidation]:
    """The consolidations of a run that have a step and count, of its newest 5,000 events.

    Costs what is new, unless a resume has begun since.
    """
    return state.extended_counting("consolidations", _grouped, _joined)


def _grouped(events: Iterable[Event]) -> list[Consolidation]:
    phases = [each for each in events if each.kind == contract.CONSOLIDATION and each.step is not None]
    found: list[list[Event]] = []
    for event in phases[-MOST_EVENTS:]:
        if found and Consolidation((found[-1][-1],)).takes(event):
            found[-1].append(event)
        else:
            found.append([event])
    return [Consolidation(tuple(each)) for each in found]


def _joined(known: list[Consolidation], more: list[Consolidation]) -> list[Consolidation]:
    """The consolidations of earlier and of later events; the newest of those may go on in the oldest of these."""
    if not known or not more:
        return known or more
    if known[-1].takes(more[0].events[0]):
        found = [*known[:-1], Consolidation(known[-1].events + more[0].events), *more[1:]]
    else:
        found = known + more
    beyond = sum(len(each.events) for each in found) - MOST_EVENTS
    while beyond > 0:
        oldest = found[0].events
        found = [Consolidation(oldest[beyond:]), *found[1:]] if len(oldest) > beyond else found[1:]
        beyond -= len(oldest)
    return found


@dataclass(frozen=True, slots=True)
class _Tally:
    """How many consolidations a part of the events has, with its first and last phase that has a step."""

    count: int = 0
    first: Event | None = None
    last: Event | None = None

    def then(self, later: _Tally) -> _Tally:
        """These and those of later events."""
        goes_on = bool(self.last and later.first and Consolidation((self.last,)).takes(later.first))
        return _Tally(self.count + later.count - goes_on, self.first or later.first, later.last or self.last)


def _tally(events: Iterable[Event]) -> _Tally:
    found, alone = _Tally(), 0
    for event in events:
        if event.kind != contract.CONSOLIDATION:
            continue
        if event.step is None:
            alone += 1
        else:
            found = found.then(_Tally(1, event, event))
    return _Tally(found.count + alone, found.first, found.last)


def how_many(state: TrainingState) -> int:
    """How many consolidations count, in the whole run; a phase without a step is one by itself.

    Costs what is new, unless a resume has begun since.
    """
    return state.extended_counting("number of consolidations", _tally, _Tally.then).count


def newest(state: TrainingState) -> Consolidation | None:
    """The newest consolidation that counts; None if there is none."""
    logged = state.counting(contract.CONSOLIDATION)[-1:]
    if not logged or logged[0].step is None:
        return Consolidation(logged) if logged else None
    return consolidations(state)[-1]


def interval(state: TrainingState) -> tuple[int, str]:
    """Steps at which a consolidation is due, and who says so: the stage's configuration, the run's habit, Thalia."""
    if steps := configured_interval(state, "consolidation_interval"):
        return steps, CONFIGURED
    known = [each for each in gaps(consolidations(state)) if each]
    if len(known) >= ENOUGH:
        return round(float(np.median(known))), "median of this run"
    return INTERVAL, DEFAULT


def configured_interval(state: TrainingState, name: str) -> int:
    """A number of steps in the configuration of the present stage; 0 if it has none of at least 1."""
    steps = configuration(state.stage_events, state.current_stage).get(name)
    if isinstance(steps, int | float) and not isinstance(steps, bool) and 1 <= steps < math.inf:
        return int(steps)
    return 0


def gaps(every: list[Consolidation]) -> list[int | None]:
    """Steps from each consolidation's predecessor; None for the first, and where steps have begun again."""
    before: list[int | None] = [None, *(each.step for each in every)][: len(every)]
    return [
        None if last is None or each.step <= last else each.step - last
        for each, last in zip(every, before, strict=True)
    ]


def debt_now(state: TrainingState) -> int | None:
    """Steps since the newest consolidation; None without one."""
    every = consolidations(state)
    return max(state.current_step - every[-1].step, 0) if every else None
