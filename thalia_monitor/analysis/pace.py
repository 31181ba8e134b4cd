"""Pace of a run (gaps between lines and checkpoints, steps per second) and the time left in its stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor.analysis.formatting import number, rough
from thalia_monitor.model.history import EMPTY_FLOATS, Floats, History

if TYPE_CHECKING:
    from thalia_monitor.model.records import Checkpoint
    from thalia_monitor.model.run import TrainingState

RECENT: Final = 200
"""Newest gaps for the typical one: enough for a steady median, few enough to follow a new pace."""

LOOKBACK_ROWS: Final = 2000
"""Newest rows searched for recurring pauses: sleep comes once in some hundred lines."""

ENOUGH: Final = 5
"""Minimum number of gaps for a typical one."""

_RECURS: Final = 4
_RECURS_IN: Final = 200
"""A pause belongs to the rhythm when gaps as long came four times, and in one of 200 at least: the brain
sleeping does, restarts and nights do not."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """Neighbouring metric lines that both have a timestamp, in file order; clocks set back are left out."""

    seconds: Floats
    """(n,) not negative."""
    steps: Floats
    """(n,) steps done in that time; not positive where a resume lies between."""

    def __len__(self) -> int:
        return len(self.seconds)

    def regular(self) -> Gaps:
        """Leave out resumes and one-off pauses: what is longer than ten usual gaps and does not recur."""
        if not len(self):
            return self
        longest = max(10 * usual(self.seconds), recurring_pause(self.seconds) or 0.0)
        kept = (self.seconds <= longest) & (self.steps > 0)
        return Gaps(self.seconds[kept], self.steps[kept])


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Typical gaps in seconds; None if not known (yet)."""

    line: float | None = None
    """Between metric lines."""
    pause: float | None = None
    """The longest gap between metric lines that recurs, such as while the brain sleeps."""
    checkpoint: float | None = None
    """Between checkpoints."""
    timestamps: bool = False
    """Whether lines have timestamps; if not, ``line`` comes from the checkpoints' modification times."""


def gaps(history: History, count: int) -> Gaps:
    """Newest ``count`` gaps; the cost is independent of the history's length."""
    tail = slice(max(len(history) - count - 1, 0), None)
    return gaps_between(history.time[tail], history.step[tail].astype(np.float64))


def progress(history: History, rows: slice) -> Gaps:
    """Gaps between lines whose step exceeds all earlier ones of their segment.

    Lines in between (of the same step, or of another writer that is behind) take time but are no progress.
    """
    known = ~np.isnan(history.time[rows])
    time, step, segment = history.time[rows][known], history.step[rows][known], history.segment[rows][known]
    order = np.lexsort((step, segment))
    other = (np.diff(step[order]) != 0) | (np.diff(segment[order]) != 0)
    place = np.empty(len(order), np.int64)
    place[order] = np.cumsum(np.concatenate(([True], other)))[: len(order)]
    further = np.diff(np.maximum.accumulate(place), prepend=0) > 0
    return gaps_between(time[further], step[further].astype(np.float64))


def gaps_between(time: Floats, step: Floats) -> Gaps:
    """Gaps between lines with these times and steps, (n,) each."""
    known = ~np.isnan(time)
    seconds, steps = np.diff(time[known]), np.diff(step[known])
    forward = seconds >= 0
    return Gaps(seconds[forward], steps[forward])


def recurring_pause(seconds: Floats) -> float | None:
    """Longest gap that recurs; None if there are too few gaps."""
    rank = max(_RECURS, len(seconds) // _RECURS_IN)
    if len(seconds) < _RECURS * ENOUGH:
        return None
    return float(np.partition(seconds, -rank)[-rank])


def usual(seconds: Floats) -> float:
    """Median gap; for lines in bursts (most gaps 0), the mean without the longest."""
    middle = float(np.median(seconds))
    if middle > 0 or len(seconds) < _RECURS:
        return middle
    return float(np.sort(seconds)[: 1 - _RECURS].mean())


def rhythm_of(state: TrainingState) -> Rhythm:
    """Typical gaps of a run, from its timestamps or else its checkpoints' modification times."""
    return state.memoized("rhythm", lambda: _learned(state))


def _learned(state: TrainingState) -> Rhythm:
    between_checkpoints = _usual_or_none(_checkpoint_gaps(state.checkpoints).seconds, enough=2)
    found = gaps(state.history, LOOKBACK_ROWS)
    seconds = found.seconds[found.steps >= 0]
    line = _usual_or_none(seconds[-RECENT:])
    if line is not None:
        return Rhythm(line, recurring_pause(seconds), between_checkpoints, True)
    return Rhythm(_line_gap_by_checkpoints(state), None, between_checkpoints, bool(len(found)))


def _usual_or_none(seconds: Floats, enough: int = ENOUGH) -> float | None:
    return (usual(seconds) or None) if len(seconds) >= enough else None


def _checkpoint_gaps(checkpoints: tuple[Checkpoint, ...]) -> Gaps:
    """Gaps between the modification times of the newest checkpoints; none for files copied together."""
    saved = sorted((point.modified, point.step) for point in checkpoints[-RECENT:] if point.modified > 0)
    if len(saved) < 2:
        return Gaps(EMPTY_FLOATS, EMPTY_FLOATS)
    times, steps = np.array(saved, np.float64).T
    found = gaps_between(times, steps)
    apart = found.seconds >= 1
    return Gaps(found.seconds[apart], found.steps[apart])


def checkpoint_gaps(state: TrainingState) -> Gaps:
    """Gaps between the newest checkpoints, in logged training time, else in modification times."""
    times = [(point.training_seconds, point.step) for point in state.checkpoints[-RECENT:]]
    known = [(seconds, step) for seconds, step in times if seconds is not None]
    if len(known) < 2:
        return _checkpoint_gaps(state.checkpoints)
    times, steps = np.array(known, np.float64).T
    found = gaps_between(times, steps)
    apart = found.seconds > 0
    return Gaps(found.seconds[apart], found.steps[apart])


def _line_gap_by_checkpoints(state: TrainingState) -> float | None:
    """Estimate the gap between lines: their usual distance in steps, by the checkpoints' seconds a step."""
    steps = np.diff(state.history.step[-RECENT - 1 :])
    steps = steps[steps > 0]
    saved = _checkpoint_gaps(state.checkpoints)
    forward = saved.steps > 0
    if len(steps) < ENOUGH or forward.sum() < 2:
        return None
    return float(np.median(steps) * np.median(saved.seconds[forward] / saved.steps[forward]))


_FINENESS: Final = 2_000
"""Candidate lengths of a week."""
_TELLING: Final = 200
"""Maximum number of checkpoints used to estimate the length of a week."""


@dataclass(frozen=True, slots=True)
class Span:
    """An estimate with its range."""

    low: float
    likely: float
    high: float


def steps_left(state: TrainingState) -> tuple[Span | None, str]:
    """Estimated steps to the planned end of the stage; or None and the reason."""
    left, reason = _left_of_weeks(state)
    if state.plan.steps is not None and (state.planned_in_steps or reason == _NOT_YET):
        return _left_of_steps(state, state.plan.steps)
    return left, reason


_NOT_YET: Final = "How many steps a week takes is known after the next week begins."


def _left_of_steps(state: TrainingState, planned: float) -> tuple[Span | None, str]:
    left = state.plan.begun + planned - state.current_step
    if state.plan.unmeasured_weeks:
        more = f"{state.plan.unmeasured_weeks:g} week{'' if state.plan.unmeasured_weeks == 1 else 's'}"
        return None, f"The stage was extended by {more}, and nothing says how many steps a week takes."
    if left <= 0:
        return None, f"The stage has reached the end of its {planned:,.0f} planned steps."
    return Span(left, left, left), ""


def _left_of_weeks(state: TrainingState) -> tuple[Span | None, str]:
    newest, total = state.stage_checkpoint, state.total_weeks
    if newest is None or not total:
        return None, "No checkpoint says how long this stage is planned to last."
    if newest.week is None:
        return None, "No checkpoint says which week the stage is in."
    if newest.week >= total:
        return None, f"The stage has reached the end of its {total:g} planned weeks."
    saved = state.stage_checkpoints
    week, step = np.array([(each.week, each.step) for each in saved if each.week is not None], np.float64).T
    if week[-1] <= week[0]:
        return None, _NOT_YET
    before = len(state.valid_checkpoints) - len(saved)
    earlier = [each.step for each in state.valid_checkpoints[:before] if each.step < step[0]]
    ends = planned_end(week, step, total, max(earlier, default=0))
    if ends is None:
        return None, "The weeks that the checkpoints tell do not go on evenly."
    low, high = (max(end - state.current_step, 0.0) for end in ends)
    if not high:
        return None, "The stage has reached its planned end."
    return Span(low, (low + high) / 2, high), ""


def planned_end(week: Floats, step: Floats, total: float, earliest: float) -> tuple[float, float] | None:
    """Range of steps at which ``total`` weeks are over; None if no constant length of a week fits.

    ``week`` and ``step`` are those of the stage's checkpoints, (n,), ``earliest`` the first step at which the
    stage can have begun. Fractions of weeks are taken as they are. A whole week is counted when it is over:
    with the stage begun at ``s`` and weeks of ``w`` steps, ``s + week * w <= step < s + (week + 1) * w`` for
    every checkpoint; the answer covers all ``s`` and ``w`` for which that holds.
    """
    if np.any(week % 1):
        length = (step[-1] - step[0]) / (week[-1] - week[0])
        end = float(step[-1] + (total - week[-1]) * length)
        return end, end
    changes = week[1:] != week[:-1]  # the first and last checkpoint of a week determine the bounds
    telling = np.flatnonzero(np.append(True, changes) | np.append(changes, True))[-_TELLING:]
    week, step = week[telling], step[telling]
    shortest = (step[-1] - step[0]) / (week[-1] - week[0] + 1)
    lengths, fineness = np.linspace(shortest, (step[-1] - earliest) / week[-1], _FINENESS, retstep=True)
    begins = np.maximum((step - (week + 1) * lengths[:, np.newaxis]).max(axis=1), earliest)
    until = (step - week * lengths[:, np.newaxis]).min(axis=1)
    fits = begins <= until
    if not fits.any():
        return None
    ends = begins[fits] + total * lengths[fits], until[fits] + total * lengths[fits]
    between = total * abs(float(fineness))  # the error from trying discrete lengths
    return float(ends[0].min() - between), float(ends[1].max() + between)


FIRST_MOMENTS: Final = 10
"""Minimum number of gaps for a pace: the first steps of a run are the slowest."""
FEW_CHECKPOINTS: Final = 3

_SPANS: Final = 10
"""Parts that recent lines are split into, to measure how much the pace varies."""
_LOOKS: Final = 4096
"""Maximum number of lines for the overall pace, evenly spread over the history."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Pace and remaining time of a run; None where unknown, with the reason beside it."""

    recent: float | None = None
    """Steps per second over the last 200 lines."""
    overall: float | None = None
    """Steps per second over the whole run, without one-off pauses."""
    reason: str = ""
    """Reason for an unknown pace; else empty."""
    left: Span | None = None
    """Seconds until the planned end of the stage."""
    steps_left: float | None = None
    left_reason: str = ""
    """Reason for an unknown remaining time; else empty."""
    end: float | None = None
    """Estimated end of the stage in Unix seconds; None for a run that is not progressing."""

    def __str__(self) -> str:
        if self.recent is None:
            return self.reason
        speed = f"{number(self.recent, 'rate')} steps/s"
        condition = " if it goes on" if self.end is None else ""
        return f"{speed}, {in_words(self.left)} left in this stage{condition}" if self.left else speed


def in_words(seconds: Span) -> str:
    """Format a range of time: ``about 3 h (2.5 h to 4 h)``."""
    low, high = rough(seconds.low), rough(seconds.high)
    return f"about {rough(seconds.likely)}" + (f" ({low} to {high})" if low != high else "")


def pace(state: TrainingState, now: float) -> Pace:
    """Compute a run's pace and the time left in its stage at ``now`` (Unix seconds).

    Both need at least ten gaps between lines with timestamps, or three checkpoints. Resumes and one-off
    pauses are left out; pauses that recur (sleep) are part of the pace. Steps a week are learned from
    the checkpoints of this stage. The range covers the tenth to the ninetieth percentile of the recent
    pace, the overall pace, and every planned end consistent with the checkpoints' weeks.
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
    """Recent gaps and gaps of the whole run; empty if there are too few."""
    lines = progress(state.history, slice(-LOOKBACK_ROWS - 1, None)).regular()
    if len(lines) >= FIRST_MOMENTS and lines.seconds[-RECENT:].sum() > 0:
        recent = Gaps(lines.seconds[-RECENT:], lines.steps[-RECENT:])
        return recent, _whole_run(state.history)
    saved = checkpoint_gaps(state).regular()
    if len(saved) >= FEW_CHECKPOINTS - 1:
        return Gaps(saved.seconds[-10:], saved.steps[-10:]), saved
    return Gaps(saved.seconds[:0], saved.steps[:0]), Gaps(saved.seconds[:0], saved.steps[:0])


def _whole_run(history: History) -> Gaps:
    """Gaps between lines evenly spread over the history: constant cost for any length."""
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
    """Pace of each of ten parts with about equally many lines."""
    cuts = np.unique(np.linspace(0, len(measured), min(_SPANS, len(measured)) + 1).astype(np.int64))[:-1]
    seconds = np.add.reduceat(measured.seconds, cuts)
    steps = np.add.reduceat(measured.steps, cuts)
    return steps[seconds > 0] / seconds[seconds > 0]


def _too_early(state: TrainingState) -> str:
    if not len(state.history) and not state.checkpoints:
        return "Nothing has been logged yet."
    if len(state.history) > FIRST_MOMENTS and np.isnan(state.history.time[-LOOKBACK_ROWS:]).all():
        return f"The log has no timestamps: the pace is known after {FEW_CHECKPOINTS} checkpoints."
    return f"The pace is known after {FIRST_MOMENTS} lines with timestamps, or {FEW_CHECKPOINTS} checkpoints."
