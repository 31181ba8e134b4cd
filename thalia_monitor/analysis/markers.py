"""The marks that a run's events leave on its charts, bundled where they are too many to be told apart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from thalia_monitor.analysis.happenings import Happening, MarkerKind, happenings
from thalia_monitor.analysis.places import StepFinder, time_at
from thalia_monitor.analysis.wording import counted, number
from thalia_monitor.history import History
from thalia_monitor.state import TrainingState

MOST: Final = 32
"""Marks of one kind on a chart; more of them could not be told apart, nor pointed at."""

NAMED: Final = 4
"""Different names in one bundle that are spelt out."""

EVERY_KIND: Final = frozenset(MarkerKind)

_NOUNS: Final = {
    MarkerKind.GROWTH: ("growth", "growths", "neurons"),
    MarkerKind.NREM: ("NREM sleep", "NREM sleeps", "patterns"),
    MarkerKind.REM: ("REM sleep", "REM sleeps", "patterns"),
    MarkerKind.STAGE: ("stage change", "stage changes", ""),
    MarkerKind.MILESTONE: ("milestone", "milestones", ""),
    MarkerKind.WARNING: ("warning", "warnings", ""),
    MarkerKind.RESUME: ("resume", "resumes", ""),
}


@dataclass(frozen=True, slots=True)
class Marker:
    """One mark on a chart; it may stand for several events."""

    kind: MarkerKind
    step: int | None
    """Of the first of them; None where only the time is known."""
    time: float | None
    """Of the first of them, in Unix seconds; None where only the step is known."""
    label: str
    count: int = 1
    event: int | None = None
    """The position of the first in the state's events; None where no event tells of it."""
    alarming: bool = False
    """Whether a milestone lost or a critical warning is among them."""


def markers(
    state: TrainingState,
    kinds: Collection[MarkerKind | str] = EVERY_KIND,
    *,
    start: float | None = None,
    end: float | None = None,
    x: Literal["step", "time"] = "step",
    most: int = MOST,
) -> list[Marker]:
    """Place the events of these kinds that lie within the range, at most ``most`` marks of each kind.

    ``start`` and ``end`` are steps, or Unix seconds where ``x`` is ``time``. Neighbours of one kind are bundled in
    cells whose width (in steps or seconds) is a power of two and whose edges never move, so that a new event joins
    a bundle or begins one, and moves none. An event that cannot be placed on the axis is left out.
    """
    places = _Places(state.history)
    low, high = float("-inf") if start is None else start, float("inf") if end is None else end
    by_kind: dict[MarkerKind, list[tuple[float, Happening]]] = {}
    for each in happenings(state):
        if each.kind not in kinds:
            continue
        at = places.step(each) if x == "step" else places.time(each)
        if at is not None and low <= at <= high:
            by_kind.setdefault(each.kind, []).append((at, each))
    found = [
        _mark(group, places)
        for kind in MarkerKind
        if kind in by_kind
        for group in _groups(sorted(by_kind[kind], key=lambda placed: placed[0]), most)
    ]
    return sorted(found, key=lambda mark: ((mark.step if x == "step" else mark.time) or 0, mark.kind))


class _Places:
    """Places a happening by what it says itself, else by the lines beside it."""

    def __init__(self, history: History) -> None:
        self._history = history

    @cached_property
    def _steps(self) -> StepFinder:
        return StepFinder(self._history)

    def step(self, each: Happening) -> int | None:
        if each.step is not None or each.time is None:
            return each.step
        return self._steps.step_at(each.time)

    def time(self, each: Happening) -> float | None:
        if each.time is not None or each.step is None:
            return each.time
        return time_at(self._history, each.step, each.segment)


def _groups(placed: list[tuple[float, Happening]], most: int) -> list[list[Happening]]:
    """Bundle what is at one place; where that is too many, neighbours in cells of a power of two that leaves few."""
    places: dict[float, list[Happening]] = {}
    for at, each in placed:
        places.setdefault(at, []).append(each)
    if len(places) <= most:
        return list(places.values())
    width = 1
    while len({at // width for at, _ in placed}) > most and width < 2**62:
        width *= 2
    groups: dict[float, list[Happening]] = {}
    for at, each in placed:
        groups.setdefault(at // width, []).append(each)
    return list(groups.values())


def _mark(group: list[Happening], places: _Places) -> Marker:
    first = group[0]
    return Marker(
        first.kind,
        places.step(first),
        places.time(first),
        _label(group),
        len(group),
        first.event,
        any(each.alarming for each in group),
    )


def _label(group: list[Happening]) -> str:
    singular, plural, unit = _NOUNS[group[0].kind]
    amounts = [each.amount for each in group if each.amount == each.amount]
    plus = "+" if group[0].kind is MarkerKind.GROWTH and sum(amounts) > 0 else ""
    what = f"{plus}{number(sum(amounts), 'count')} {unit}" if amounts else ""
    if len(group) == 1:
        return ", ".join(word for word in (group[0].label, what) if word)
    labels = sorted({each.label for each in group})
    names = ", ".join(labels) if len(labels) <= NAMED else f"{len(labels)} different"
    return "; ".join(word for word in (counted(len(group), singular, plural), names, what) if word)
