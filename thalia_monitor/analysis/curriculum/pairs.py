"""Stages and tasks of two runs, pair by pair: the steps each stage took, and what is kept of each task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from thalia_monitor.analysis.comparison import LONGEST_NAME, Side
from thalia_monitor.analysis.curriculum.retention import Retention, retention
from thalia_monitor.analysis.curriculum.stage_course import Course, courses
from thalia_monitor.analysis.formatting import counted, joined, number, points

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def _names(two: Two) -> tuple[str, str]:
    return two[0].name[:LONGEST_NAME], two[1].name[:LONGEST_NAME]
