"""How fast a run goes, and how long its stage may still take: with a range, or with the reason for none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from thalia_monitor.analysis.rhythm import (
    MEMORY,
    RECENT,
    Gaps,
    checkpoint_gaps,
    progress,
    recurring_pause,
)
from thalia_monitor.analysis.schedule import Span, steps_left
from thalia_monitor.analysis.wording import number, rough
from thalia_monitor.history import Floats, History
from thalia_monitor.state import TrainingState

FIRST_MOMENTS: Final = 10
"""Gaps between lines below which no pace is given: the first steps of a run are the slowest."""
FEW_CHECKPOINTS: Final = 3

_SPANS: Final = 10
"""Stretches that the recent lines are cut into, to see how much the pace varies."""
_LOOKS: Final = 4096
"""Lines at most that the overall pace is taken from, evenly spread over the history."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a run goes; what cannot be told is None, and the reason beside it says why."""

    recent: float | None = None
    """Steps a second over the last 200 lines."""
    overall: float | None = None
    """Steps a second over the whole run, one-off pauses left out."""
    reason: str = ""
    """Why there is no pace; empty when there is."""
    left: Span | None = None
    """Until the planned end of the stage."""
    steps_left: float | None = None
    left_reason: str = ""
    """Why there is no time left; empty when there is."""
    end: float | None = None
    """When the stage is likely to end, in Unix seconds; None for a run that stands still."""

    def __str__(self) -> str:
        if self.recent is None:
            return self.reason
        speed = f"{number(self.recent, 'rate')} steps/s"
        condition = " if it goes on" if self.end is None else ""
        return f"{speed}, {in_words(self.left)} left in this stage{condition}" if self.left else speed


def in_words(seconds: Span) -> str:
    """Say a range of time: ``about 3 h (2.5 h to 4 h)``."""
    low, high = rough(seconds.low), rough(seconds.high)
    return f"about {rough(seconds.likely)}" + (f" ({low} to {high})" if low != high else "")


def pace(state: TrainingState, now: float) -> Pace:
    """Tell a run's pace and the time left in its stage, at the moment ``now`` (Unix seconds).

    Both need a beginning: ten gaps between lines with timestamps, or three checkpoints. Resumes and one-off
    pauses are left out; pauses that recur (sleep) are part of the pace. Steps a week are learned from
    the checkpoints of this stage. The range covers the tenth to the ninetieth percentile of the recent
    pace, the overall pace, and every planned end that fits the weeks which the checkpoints tell.
    """
    recent, overall = _measured(state)
    if not len(recent):
        return Pace(reason=_too_early(state), left_reason="The pace is not known yet.")
    rate = _rate(recent)
    whole = _rate(overall) if len(overall) else rate
    steps, reason = steps_left(state)
    if steps is None:
        return Pace(rate, whole, left_reason=reason)
    rates = np.append(_rates(recent), (rate, whole))
    slow, fast = np.quantile(rates, 0.1), np.quantile(rates, 0.9)
    low, high = float(max(fast, rate)), float(min(slow, rate))
    left = Span(steps.low / low, steps.likely / rate, steps.high / high)
    return Pace(rate, whole, left=left, steps_left=steps.likely, end=now + left.likely)


def _measured(state: TrainingState) -> tuple[Gaps, Gaps]:
    """Take the recent gaps and those of the whole run; empty ones where there are too few to tell."""
    lines = progress(state.history, slice(-MEMORY - 1, None)).regular()
    if len(lines) >= FIRST_MOMENTS and lines.seconds[-RECENT:].sum() > 0:
        recent = Gaps(lines.seconds[-RECENT:], lines.steps[-RECENT:])
        return recent, _whole_run(state.history)
    saved = checkpoint_gaps(state).regular()
    if len(saved) >= FEW_CHECKPOINTS - 1:
        return Gaps(saved.seconds[-10:], saved.steps[-10:]), saved
    return Gaps(saved.seconds[:0], saved.steps[:0]), Gaps(saved.seconds[:0], saved.steps[:0])


def _whole_run(history: History) -> Gaps:
    """Take gaps between lines that are evenly spread over the history, so that any length costs the same."""
    stride = 1 << max((len(history) - 1) // _LOOKS, 0).bit_length()
    found = progress(history, slice(None, None, stride))
    if stride == 1 or len(found) < FIRST_MOMENTS:
        return found.regular()
    # A gap of many lines hides a pause in its length, but not beside its neighbours; the pace itself may drift.
    before, after = np.roll(found.seconds, 1), np.roll(found.seconds, -1)
    longest = np.maximum(2 * np.maximum(before, after), recurring_pause(found.seconds) or 0.0)
    kept = (found.seconds <= longest) & (found.steps > 0)
    return Gaps(found.seconds[kept], found.steps[kept])


def _rate(measured: Gaps) -> float:
    return float(measured.steps.sum() / measured.seconds.sum())


def _rates(measured: Gaps) -> Floats:
    """The pace of each of ten stretches of about as many lines."""
    cuts = np.unique(np.linspace(0, len(measured), min(_SPANS, len(measured)) + 1).astype(np.int64))[:-1]
    seconds = np.add.reduceat(measured.seconds, cuts)
    steps = np.add.reduceat(measured.steps, cuts)
    return steps[seconds > 0] / seconds[seconds > 0]


def _too_early(state: TrainingState) -> str:
    if not len(state.history) and not state.checkpoints:
        return "Nothing has been logged yet."
    if len(state.history) > FIRST_MOMENTS and np.isnan(state.history.time[-MEMORY:]).all():
        return f"The log has no timestamps: the pace is known after {FEW_CHECKPOINTS} checkpoints."
    return f"The pace is known after {FIRST_MOMENTS} lines with timestamps, or {FEW_CHECKPOINTS} checkpoints."
