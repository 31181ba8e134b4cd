"""How long a stage is planned to last: in weeks, in steps, or both, extensions included."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor import contract

if TYPE_CHECKING:
    from thalia_monitor.model.history import History
    from thalia_monitor.model.records import Checkpoint, Event

_WEEKS: Final = ("duration_weeks", "weeks")
_STEPS: Final = ("duration_steps", "steps")
_MORE_WEEKS: Final = ("additional_weeks", "weeks")
_MORE_STEPS: Final = ("additional_steps", "steps")
"""Names of one thing, the first of them that a stage's start or an extension has."""


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The plan of one stage, by the newest start of it that the files tell of and what was added since."""

    weeks: float | None = None
    """As configured; None where no start of the stage says so."""
    steps: float | None = None
    """The same in steps, extensions included."""
    begun: int = 0
    """The step at which the stage began."""
    extensions: Sequence[Event] = field(default=())
    """Those since that start."""
    unmeasured_weeks: float = 0.0
    """By which the stage was extended and ``steps`` was not, since nothing says how many steps a week takes."""

    def total_weeks(self, saved: Sequence[Checkpoint]) -> float | None:
        """Weeks with extensions, each counted once: checkpoints of the stage may count them, too, or may not."""
        told = [point for point in saved if point.total_weeks is not None and point.total_weeks > 0]
        newest = told[-1].total_weeks if told else None
        longer = {id(each): _number(each.fields, _MORE_WEEKS) or 0.0 for each in self.extensions}
        if not any(longer.values()):
            return self.weeks if newest is None else newest
        planned = self.weeks
        if planned is None and told and not _counts(told[0], self.extensions[0]):
            planned = told[0].total_weeks  # as it was before the first extension
        if planned is not None:
            return max(newest or 0.0, planned + sum(longer.values()))
        if newest is None:
            return None
        return newest + sum(longer[id(each)] for each in self.extensions if not _counts(told[-1], each))


def stage_plan(events: Sequence[Event], history: History, stage: float | None) -> StagePlan:
    """Take the plan of a stage from starts and extensions of stages, in the order of the run's events."""
    own = [each for each in events if _stage(each.fields.get("stage")) == stage]
    starts = [index for index, each in enumerate(own) if each.kind == contract.STAGE_START]
    start = own[starts[-1]] if starts else None
    extensions = [
        each
        for index, each in enumerate(own)
        if each.kind == contract.EXTENSION
        and (start is None or _follows(each, start, later=index > starts[-1]))
    ]
    if start is None:
        return StagePlan(extensions=extensions)
    config = start.fields.get("config")
    config = {**start.fields, **config} if isinstance(config, Mapping) else start.fields
    weeks, steps = _number(config, _WEEKS), _number(config, _STEPS)
    more_weeks = sum(_number(each.fields, _MORE_WEEKS) or 0.0 for each in extensions)
    more_steps = sum(_number(each.fields, _MORE_STEPS) or 0.0 for each in extensions)
    unmeasured = 0.0
    if steps is not None and more_weeks:
        more_steps += more_weeks * steps / weeks if weeks else 0.0
        unmeasured = 0.0 if weeks else more_weeks
    return StagePlan(
        weeks, None if steps is None else steps + more_steps, _begun(start, history), extensions, unmeasured
    )


def _stage(value: object) -> float | None:
    """The number of a stage, Thalia's -0.5 as the -1 that it is."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return -1 if value == -0.5 else value


def _number(fields: Mapping[str, Any], names: Iterable[str]) -> float | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
            return value
    return None


def _follows(event: Event, start: Event, *, later: bool) -> bool:
    """Whether an event came after a start: by its place in one file, between two files by time or step."""
    if event.file == start.file:
        return later
    if event.time is not None and start.time is not None:
        return event.time >= start.time
    return event.step is None or start.step is None or event.step >= start.step


def _counts(point: Checkpoint, extension: Event) -> bool:
    """Whether a checkpoint was saved after an extension, and so counts it."""
    if extension.step is None:
        return extension.time is None or point.modified >= extension.time
    if point.step == extension.step:  # it was saved at the same step: with weeks left, after it
        return (point.week or 0.0) < (point.total_weeks or 0.0)
    return point.step > extension.step


def _begun(start: Event, history: History) -> int:
    """The step at which a stage began: as its start says, or by the lines before and after it.

    A trainer that resumes from a checkpoint starts the stage again before its first line shows that the step
    went back.
    """
    if start.step is not None:
        after = (each.first_step for each in history.segments if each.index > start.segment)
        return min((start.step, *after))
    if start.time is None or not len(history):
        return 0
    row = int(np.searchsorted(history.time, start.time))
    before = int(history.step[row - 1]) if row else 0
    restarted = row < len(history) and int(history.step[row]) < before
    return 0 if restarted else before
