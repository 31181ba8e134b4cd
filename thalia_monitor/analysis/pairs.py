"""Two runs beside each other: their stages, tasks, regions and consolidations in pairs, and in a sentence each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor.analysis.comparison import LONGEST_NAME, Side
from thalia_monitor.analysis.curriculum.retention import Retention, retention
from thalia_monitor.analysis.curriculum.stage_course import Course, courses
from thalia_monitor.analysis.formatting import NumberKind, counted, joined, number, points, signed
from thalia_monitor.analysis.quantities import series_of
from thalia_monitor.analysis.sleep.consolidations import consolidations, gaps, how_many
from thalia_monitor.analysis.sleep.effects import amounts, effects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from thalia_monitor.model.run import TrainingState

Two = tuple[Side, Side]
"""The baseline, and the run beside it."""
MOST_STAGES: Final = 24
"""Stages that are paired: those with the greatest numbers."""


@dataclass(frozen=True, slots=True)
class StagePair:
    """One stage in two runs; None where a run has not begun it."""

    courses: tuple[Course | None, Course | None]
    forgotten: tuple[Forgotten | None, Forgotten | None] = (None, None)
    """The most that was forgotten of an earlier task at the end of the stage; None where none was probed."""

    @property
    def label(self) -> str:
        """Number and name; both numbers where the runs count their stages differently."""
        known = [each for each in self.courses if each]
        numbers = dict.fromkeys(f"{each.stage:g}" for each in known)
        return f"{' / '.join(numbers)} {known[0].name}"

    @property
    def ended(self) -> bool:
        """Whether it is over in both runs."""
        return all(each is not None and not each.running for each in self.courses)

    @property
    def difference(self) -> int | None:
        """Steps it took beside the baseline, less those it took there; None where one of them has not begun it."""
        base, beside = self.courses
        return beside.steps - base.steps if base and beside else None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much of one task was forgotten at the last probe in a later stage."""

    task: str
    share: float
    """1 - R."""


def stage_pairs(states: tuple[TrainingState, TrainingState]) -> list[StagePair]:
    """Every stage that one of two runs has begun, by its number.

    A stage is known by its name: runs that count their stages differently have the same names.
    """
    base, beside = ({each.name: each for each in courses(state) if each.counts} for state in states)
    numbers = {name: course.stage for found in (beside, base) for name, course in found.items()}
    named = sorted(numbers, key=lambda name: (numbers[name], name))[-MOST_STAGES:]
    return [
        StagePair(
            (base.get(name), beside.get(name)),
            (_forgotten(states[0], base.get(name)), _forgotten(states[1], beside.get(name))),
        )
        for name in named
    ]


def _forgotten(state: TrainingState, course: Course | None) -> Forgotten | None:
    """The most forgotten of the tasks that other stages teach, by their last probes in this one."""
    if course is None:
        return None
    found = [
        Forgotten(each.task, 1 - kept)
        for each in retention(state)
        if each.stage != course.stage and (kept := each.kept(each.by_stage.get(course.stage))) is not None
    ]
    return max(found, key=lambda each: each.share, default=None)


def stage_sentence(two: Two, pairs: Iterable[StagePair]) -> str:
    """How many steps the stages took that both runs have ended; empty where neither names a stage."""
    pairs = list(pairs)
    names = _names(two)
    begun = [sum(each.courses[at] is not None for each in pairs) for at in (0, 1)]
    if not pairs:
        return ""
    if not all(begun):
        return (
            f"{joined([name for name, count in zip(names, begun, strict=True) if not count])} names no stage."
        )
    ended = [each for each in pairs if each.ended]
    if not ended:
        now = (f"{name} is in its stage {count:,}" for name, count in zip(names, begun, strict=True))
        return f"No stage has ended in both: {joined(list(now))}."
    took = [sum(course.steps for each in ended if (course := each.courses[at])) for at in (0, 1)]
    more = took[1] - took[0]
    beside = f"{abs(more):,} {'more' if more > 0 else 'fewer'} than" if more else "as many as"
    words = f"{counted(len(ended), 'stage')} ended in both: {names[1]} took {took[1]:,} steps, {beside} {names[0]}"
    furthest = max(ended, key=lambda each: abs(each.difference or 0))
    if len(ended) > 1 and furthest.difference:
        way = "more" if furthest.difference > 0 else "fewer"
        words += f"; furthest apart in {furthest.label}, {abs(furthest.difference):,} {way}"
    return f"{words}."


@dataclass(frozen=True, slots=True)
class TaskPair:
    """One task in two runs; None where a run has never probed it."""

    task: str
    found: tuple[Retention | None, Retention | None]

    @property
    def kept(self) -> tuple[float | None, float | None]:
        """R of the newest probe after the task's stage in each run; None where there is none."""
        base, beside = (None if each is None else each.forgetting for each in self.found)
        return None if base is None else 1 - base, None if beside is None else 1 - beside

    @property
    def difference(self) -> float | None:
        """R beside the baseline, less that of the baseline; None where one of them is not known."""
        base, beside = self.kept
        return None if base is None or beside is None else beside - base


def task_pairs(states: tuple[TrainingState, TrainingState]) -> list[TaskPair]:
    """Every task that one of two runs has probed, in the order of the baseline's stages, then the other's."""
    base, beside = ({each.task: each for each in retention(state)} for state in states)
    return [TaskPair(task, (base.get(task), beside.get(task))) for task in dict.fromkeys([*base, *beside])]


def task_sentence(two: Two, pairs: Iterable[TaskPair]) -> str:
    """What is kept on average of the tasks that both runs know, and how many are beyond their limit in each."""
    pairs = list(pairs)
    names = _names(two)
    if not pairs:
        return ""
    both = [each for each in pairs if each.difference is not None]
    beyond = [
        sum(each is not None and each.beyond for each in found)
        for found in zip(*(each.found for each in pairs), strict=True)
    ]
    limits = f"beyond the allowed limit: {beyond[0]:,} in {names[0]}, {beyond[1]:,} in {names[1]}"
    if not both:
        return f"No task was probed after its stage in both of them; {limits}."
    base, beside = (sum(each.kept[at] or 0.0 for each in both) / len(both) for at in (0, 1))
    means = f"{names[1]} keeps {number(beside, 'percent')} and {names[0]} {number(base, 'percent')}"
    first = f"Of {counted(len(both), 'task')} probed after their stage in both, {means} on average"
    return f"{first} ({points(beside - base)}); {limits}."


@dataclass(frozen=True, slots=True)
class Region:
    """One region in two runs, at the end of each: neurons, None where a run has logged none of it."""

    name: str
    neurons: tuple[float | None, float | None]
    shares: tuple[float | None, float | None]
    """Of all neurons of each run, 0 to 1."""

    @property
    def difference(self) -> float | None:
        """Share beside the baseline, less that of the baseline; None where one of them is not known."""
        base, beside = self.shares
        return None if base is None or beside is None else beside - base


def regions_of(states: tuple[TrainingState, TrainingState]) -> list[Region]:
    """Every region that one of two runs has logged neurons of, the one with the greatest share in either first.

    A region that is not logged is no region of 0 neurons.
    """
    found = [
        {name: value for name, value in latest.items() if np.isfinite(value) and value >= 0}
        for latest in (state.history.latest(state.history.neurons) for state in states)
    ]
    totals = [sum(each.values()) for each in found]
    made = []
    for name in dict.fromkeys(chain(*found)):
        base, beside = (each.get(name) for each in found)
        made.append(Region(name, (base, beside), (_share_of(base, totals[0]), _share_of(beside, totals[1]))))
    return sorted(made, key=lambda each: -max(share or 0.0 for share in each.shares))


def _share_of(value: float | None, total: float) -> float | None:
    return None if value is None or not total else value / total


def region_sentence(sides: Two, regions: Sequence[Region]) -> str:
    """In which region the shares of two runs differ most; empty where neither has logged neurons by region."""
    if not regions:
        return ""
    names = _names(sides)
    totals = [sum(each.neurons[at] or 0.0 for each in regions) for at in (0, 1)]
    none = [name for at, name in enumerate(names) if all(each.neurons[at] is None for each in regions)]
    if none:
        return f"{none[0]} logs no neurons by region."
    sizes = f"{number(totals[1], 'count')} neurons in {names[1]}, {number(totals[0], 'count')} in {names[0]}"
    both = [each for each in regions if each.difference is not None]
    furthest = max(both, key=lambda each: abs(each.difference or 0.0), default=None)
    if furthest is None:
        return f"{sizes}; no region is in both."
    where = f"{number(furthest.shares[1], 'percent')} against {number(furthest.shares[0], 'percent')}"
    apart = points(furthest.difference or 0.0)
    return f"{sizes}; furthest apart in {furthest.name[:LONGEST_NAME]}: {where} ({apart})."


@dataclass(frozen=True, slots=True)
class SleepNumber:
    """One number about the consolidations of two runs."""

    name: str
    values: tuple[float | None, float | None]
    """None where a run does not log it, or has too few consolidations for it."""
    details: tuple[str, str] = ("", "")
    """How many numbers a mean or median is over: ``over 20``; else empty."""
    kind: NumberKind = "value"

    @property
    def difference(self) -> float | None:
        """The number beside the baseline, less that of the baseline; None where one of them is not known."""
        base, beside = self.values
        return None if base is None or beside is None else beside - base


CONSOLIDATIONS: Final = "Consolidations"
EFFECT: Final = "Change of performance after one (mean)"


def sleep_numbers(states: tuple[TrainingState, TrainingState]) -> list[SleepNumber]:
    """Return how many consolidations two runs had, how far apart, and what they did; empty if neither had one.

    Means and medians are over the consolidations of the newest 5,000 phases.
    """
    if not any(how_many(state) for state in states):
        return []
    base, beside = (_Sleep(state) for state in states)
    return [
        SleepNumber(CONSOLIDATIONS, (base.count, beside.count), kind="count"),
        SleepNumber("Patterns replayed", (base.patterns, beside.patterns), kind="count"),
        _average("Patterns in one (mean)", base.patterns_of_each, beside.patterns_of_each, np.mean),
        _average("Steps from one to the next (median)", base.gaps, beside.gaps, np.median),
        SleepNumber("Steps of all phases together", (base.steps, beside.steps), kind="count"),
        _average(EFFECT, base.changes, beside.changes, np.mean),
    ]


def _average(
    name: str, base: list[float], beside: list[float], average: Callable[[list[float]], Any]
) -> SleepNumber:
    values = [float(average(each)) if each else None for each in (base, beside)]
    details = [f"over {len(each):,}" if each else "" for each in (base, beside)]
    return SleepNumber(name, (values[0], values[1]), (details[0], details[1]))


class _Sleep:
    """What one run logs of the consolidations that count."""

    def __init__(self, state: TrainingState) -> None:
        newest = consolidations(state)
        sums = {name: sum(each.values()) for name, each in amounts(state).items()}
        self.count = how_many(state)
        self.patterns, self.steps = sums.get("patterns"), sums.get("steps")
        """Sums over the phases that log them; None if none does."""
        self.patterns_of_each = _finite(each.patterns for each in newest)
        self.gaps = _finite(each or None for each in gaps(newest))
        performance = series_of(state, "performance")
        self.changes = _finite(each.after - each.before for each in effects(state, performance))


def _finite(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def sleep_sentence(sides: Two, numbers: Sequence[SleepNumber]) -> str:
    """Say how often two runs consolidated, and how performance changed by it; empty where neither did."""
    if not numbers:
        return ""
    by_name = {each.name: each for each in numbers}
    names = _names(sides)
    base, beside = (int(each or 0) for each in by_name[CONSOLIDATIONS].values)
    if not (base and beside):
        return f"{names[0] if beside else names[1]} logs no consolidation."
    words = f"{counted(beside, 'consolidation')} in {names[1]}, {base:,} in {names[0]}"
    effect = by_name[EFFECT]
    if effect.difference is None:
        return f"{words}."
    before, after = (
        f"{signed(each or 0)} ({over})" for each, over in zip(effect.values, effect.details, strict=True)
    )
    return f"{words}; performance changed after one by {after} against {before} on average."


def _names(two: Two) -> tuple[str, str]:
    return two[0].name[:LONGEST_NAME], two[1].name[:LONGEST_NAME]
