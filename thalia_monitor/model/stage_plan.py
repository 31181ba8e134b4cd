"""What the trainer planned for a stage, in weeks or steps, with its extensions, and where the stage began."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.model.records import Checkpoint, Event

if TYPE_CHECKING:
    from thalia_monitor.model.stage_begin import Beginning

_WEEKS: Final = ("duration_weeks", "weeks")
_STEPS: Final = ("duration_steps", "steps")
_MORE_WEEKS: Final = ("additional_weeks", "weeks")
_MORE_STEPS: Final = ("additional_steps", "steps")
"""Alternative field names; the first one present counts."""


@dataclass(frozen=True, slots=True)
class StagePlan:
    """Planned duration of one stage: its newest start event plus the extensions after it."""

    weeks: float | None = None
    """As configured, without extensions; None if not logged."""
    steps: float | None = None
    """Planned steps, including extensions; None if not logged."""
    begun: int = 0
    """The step that the plan is counted from: of planned steps the newest start, else the stage's first."""
    first: int = 0
    """The step at which the stage began, see :class:`~thalia_monitor.model.stage_begin.Beginning`."""
    extensions: Sequence[Event] = field(default=())
    """Extension events after that start."""
    more_steps: float = 0.0
    """How many of ``steps`` were added by extensions."""
    unmeasured_weeks: float = 0.0
    """Extension weeks not converted into ``steps``, because the steps per week are unknown."""

    @property
    def more_weeks(self) -> float:
        """Weeks that extensions added."""
        return sum(_number(each.fields, _MORE_WEEKS) or 0.0 for each in self.extensions)

    def total_weeks(self, saved: Sequence[Checkpoint]) -> float | None:
        """Planned weeks with each extension counted once, whether or not the checkpoints ``saved`` include it."""
        with_weeks = [point for point in saved if point.total_weeks is not None and point.total_weeks > 0]
        newest = with_weeks[-1].total_weeks if with_weeks else None
        longer = {id(each): _number(each.fields, _MORE_WEEKS) or 0.0 for each in self.extensions}
        if not any(longer.values()):
            return self.weeks if newest is None else newest
        planned = self.weeks
        if planned is None and with_weeks and not _counts(with_weeks[0], self.extensions[0]):
            planned = with_weeks[0].total_weeks  # from before the first extension
        if planned is not None:
            return max(newest or 0.0, planned + sum(longer.values()))
        if newest is None:
            return None
        return newest + sum(longer[id(each)] for each in self.extensions if not _counts(with_weeks[-1], each))


def configuration(events: Sequence[Event], stage: float | None) -> Mapping[str, Any]:
    """What a stage was configured with when it last began, by its start among these events; empty if none is."""
    starts = (each for each in reversed(events) if each.kind == contract.STAGE_START)
    start = next((each for each in starts if _stage(each.stage_begun) == _stage(stage)), None)
    return _configured(start) if start else {}


def _configured(start: Event) -> Mapping[str, Any]:
    config = start.fields.get("config")
    return {**start.fields, **config} if isinstance(config, Mapping) else start.fields


def by_stage(events: Iterable[Event]) -> dict[float | None, list[Event]]:
    """The events of each stage, in their order; under None those that name no stage."""
    found: dict[float | None, list[Event]] = {}
    for each in events:
        found.setdefault(_stage(each.fields.get("stage")), []).append(each)
    return found


def stage_plan(events: Sequence[Event], began: Beginning | None, stage: float | None) -> StagePlan:
    """Build a stage's plan from stage-start and extension events, given in the run's order, and where it began."""
    own = [each for each in events if _stage(each.fields.get("stage")) == stage]
    starts = [index for index, each in enumerate(own) if each.kind == contract.STAGE_START]
    start = own[starts[-1]] if starts else None
    extensions = [
        each
        for index, each in enumerate(own)
        if each.kind == contract.EXTENSION
        and (start is None or _follows(each, start, later=index > starts[-1]))
    ]
    first, newest = (began.first, began.newest) if began else (0, 0)
    if start is None:
        return StagePlan(begun=first, first=first, extensions=extensions)
    config = _configured(start)
    weeks, steps = _number(config, _WEEKS), _number(config, _STEPS)
    more_weeks = sum(_number(each.fields, _MORE_WEEKS) or 0.0 for each in extensions)
    more_steps = sum(_number(each.fields, _MORE_STEPS) or 0.0 for each in extensions)
    unmeasured = 0.0
    if steps is not None and more_weeks:
        more_steps += more_weeks * steps / weeks if weeks else 0.0
        unmeasured = 0.0 if weeks else more_weeks
    return StagePlan(
        weeks,
        None if steps is None else steps + more_steps,
        first if steps is None else newest,
        first,
        extensions,
        more_steps,
        unmeasured,
    )


def _stage(value: object) -> float | None:
    """Normalize a stage number (Thalia's -0.5 is -1); None if not a finite number."""
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
    """Whether an event follows a start: by position within one file, by time or step across files."""
    if event.file == start.file:
        return later
    if event.time is not None and start.time is not None:
        return event.time >= start.time
    return event.step is None or start.step is None or event.step >= start.step


def _counts(point: Checkpoint, extension: Event) -> bool:
    """Whether a checkpoint was saved after an extension, and so includes it."""
    if extension.step is None:
        return extension.time is None or point.modified >= extension.time
    if point.step == extension.step:  # saved at the same step: if weeks are left, after the extension
        return (point.week or 0.0) < (point.total_weeks or 0.0)
    return point.step > extension.step
