"""Where each stage began, by the starts and transitions in the log, and which of them is the newest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from thalia_monitor import contract

if TYPE_CHECKING:
    from thalia_monitor.model.history import History
    from thalia_monitor.model.records import Checkpoint, Event


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a stage began when it was trained last."""

    first: int
    """Step at which it was begun, and since when neither another stage was, nor it was ended."""
    newest: int
    """Step of its newest start: a trainer that starts a stage again trains its whole duration from there."""


def beginnings(events: Iterable[Event], history: History) -> Mapping[float, Beginning]:
    """Where each stage began, by the starts, transitions and ends among these events.

    A transition to a stage that is trained already begins nothing. Where steps begin again, so does the stage.
    """
    stretches = tuple(accumulate(each.kind == "stage" for each in history.segments)) or (0,)
    found: dict[float, Beginning] = {}
    now: tuple[float, int] | None = None
    """The stage that is trained, and how often steps have begun again until then."""
    for event in sorted(events, key=lambda each: (each.segment, placed(each, history))):
        stage = same(event.stage_begun)
        if event.kind == contract.STAGE_END:
            ended = event.fields.get("stage")
            now = None if now and ended in (None, now[0]) else now
        if stage is None:
            continue
        here = (stage, stretches[min(event.segment, len(stretches) - 1)])
        step = begun_at(event, history) if event.kind == contract.STAGE_START else placed(event, history)
        if here != now:
            found[stage] = Beginning(step, step)
        elif event.kind == contract.STAGE_START:
            found[stage] = Beginning(found[stage].first, step)
        now = here
    return found


def newest_begun(events: Iterable[Event], history: History) -> Event | None:
    """The newest start of a stage, or transition to one, that has its number; None if there is none."""
    numbered = ((each.segment, placed(each, history), at, each) for at, each in enumerate(events))
    return max((each for each in numbered if each[-1].stage_begun is not None), default=(None,))[-1]


def is_newer(event: Event, point: Checkpoint, history: History) -> bool:
    """Whether a stage was begun after a checkpoint was saved, or at its step: a stage's last one is saved at its end.

    Where steps begin again at a stage, times tell. A transition begins a stage with the first line after it: until
    then, and after a training that ended with one, the stage is the checkpoint's.
    """
    if event.kind == contract.TRANSITION and not _goes_on(event, history):
        return False
    if history.is_of_this_stage(0):
        return placed(event, history) >= point.step
    return event.time is not None and 0 < point.modified <= event.time


def _goes_on(event: Event, history: History) -> bool:
    """Whether a line was logged after an event."""
    if not len(history):
        return False
    last = float(history.time[-1])
    if event.time is not None and np.isfinite(last):
        return last > event.time
    return int(history.step[-1]) > placed(event, history)


def placed(event: Event, history: History) -> int:
    """Step of a stage event; by its time where none is logged."""
    if event.step is not None:
        return event.step
    if event.kind == contract.STAGE_START:
        return begun_at(event, history)
    row = int(np.searchsorted(history.time, event.time)) if event.time is not None else 0
    return int(history.step[row - 1]) if row else 0


def same(stage: float | None) -> float | None:
    """Thalia's -0.5 is stage -1."""
    return -1 if stage == -0.5 else stage


def stage_number(stage: float | None) -> int | None:
    """A stage's number as a whole one; Thalia's -0.5 is stage -1."""
    return None if stage is None else -1 if stage == -0.5 else int(stage)


def begun_at(start: Event, history: History) -> int:
    """First step of a stage: from its start event, else from the metric lines around it.

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
