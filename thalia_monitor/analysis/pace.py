"""A run's own rhythm: how far its metric lines and its checkpoints are usually apart."""

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
"""Gaps that the usual one is learned from: enough for a steady median, few enough to follow a new pace."""

MEMORY: Final = 2000
"""Gaps among which recurring pauses are looked for: a sleep comes once in some hundred lines."""

ENOUGH: Final = 5
"""Gaps needed before a rhythm is spoken of."""

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
    """How far apart things usually are, in seconds; None where the files do not tell (yet)."""

    line: float | None = None
    """Between metric lines."""
    pause: float | None = None
    """The longest gap between metric lines that recurs, such as while the brain sleeps."""
    checkpoint: float | None = None
    """Between checkpoints."""
    timestamps: bool = False
    """Whether the lines bear timestamps; without, ``line`` comes from the checkpoints' modification times."""


def gaps(history: History, count: int) -> Gaps:
    """Take the newest ``count`` gaps; the cost does not depend on the history's length."""
    tail = slice(max(len(history) - count - 1, 0), None)
    return gaps_between(history.time[tail], history.step[tail].astype(np.float64))


def progress(history: History, rows: slice) -> Gaps:
    """Take the gaps between those lines that come further than all before them of their segment.

    What lies between, lines of the same step or of another writer that is behind, costs its time and is no progress.
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
    """Take the gaps between these lines, (n,) each."""
    known = ~np.isnan(time)
    seconds, steps = np.diff(time[known]), np.diff(step[known])
    forward = seconds >= 0
    return Gaps(seconds[forward], steps[forward])


def recurring_pause(seconds: Floats) -> float | None:
    """Tell the longest gap that recurs; None while there are too few to tell."""
    rank = max(_RECURS, len(seconds) // _RECURS_IN)
    if len(seconds) < _RECURS * ENOUGH:
        return None
    return float(np.partition(seconds, -rank)[-rank])


def usual(seconds: Floats) -> float:
    """The middle gap; where lines come in bursts (most gaps are 0), the mean but for the longest ones."""
    middle = float(np.median(seconds))
    if middle > 0 or len(seconds) < _RECURS:
        return middle
    return float(np.sort(seconds)[: 1 - _RECURS].mean())


def learn(state: TrainingState) -> Rhythm:
    """Learn a run's rhythm from its timestamps, or without any from its checkpoints' modification times."""
    return state.memoized("rhythm", lambda: _learned(state))


def _learned(state: TrainingState) -> Rhythm:
    between_checkpoints = _usual_or_none(_checkpoint_gaps(state.checkpoints).seconds, enough=2)
    found = gaps(state.history, MEMORY)
    seconds = found.seconds[found.steps >= 0]
    line = _usual_or_none(seconds[-RECENT:])
    if line is not None:
        return Rhythm(line, recurring_pause(seconds), between_checkpoints, True)
    return Rhythm(_line_gap_by_checkpoints(state), None, between_checkpoints, bool(len(found)))


def _usual_or_none(seconds: Floats, enough: int = ENOUGH) -> float | None:
    return (usual(seconds) or None) if len(seconds) >= enough else None


def _checkpoint_gaps(checkpoints: tuple[Checkpoint, ...]) -> Gaps:
    """The gaps between the newest checkpoints as they were saved; files copied together have none."""
    saved = sorted((point.modified, point.step) for point in checkpoints[-RECENT:] if point.modified > 0)
    if len(saved) < 2:
        return Gaps(EMPTY_FLOATS, EMPTY_FLOATS)
    times, steps = np.array(saved, np.float64).T
    found = gaps_between(times, steps)
    apart = found.seconds >= 1
    return Gaps(found.seconds[apart], found.steps[apart])


def checkpoint_gaps(state: TrainingState) -> Gaps:
    """The gaps between the newest checkpoints: training time where it is told, else when they were saved."""
    told = [(point.training_seconds, point.step) for point in state.checkpoints[-RECENT:]]
    known = [(seconds, step) for seconds, step in told if seconds is not None]
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
"""Lengths of a week that are tried."""
_TELLING: Final = 200
"""Checkpoints at most that the weeks are learned from."""


@dataclass(frozen=True, slots=True)
class Span:
    """An amount that is not known exactly."""

    low: float
    likely: float
    high: float


def steps_left(state: TrainingState) -> tuple[Span | None, str]:
    """Estimate the steps to the planned end of the stage, as a range; or say why there is none."""
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
    newest, total = state.checkpoint, state.total_weeks
    if newest is None or not total:
        return None, "No checkpoint says how long this stage is planned to last."
    if newest.week is None:
        return None, "No checkpoint says which week the stage is in."
    if newest.week >= total:
        return None, f"The stage has reached the end of its {total:g} planned weeks."
    points = [each for each in state.checkpoints if each.stage == newest.stage and each.week is not None]
    week = np.array([each.week for each in points], np.float64)
    step = np.array([each.step for each in points], np.float64)
    if week[-1] <= week[0]:
        return None, _NOT_YET
    earlier = [each.step for each in state.checkpoints if each.stage != newest.stage and each.step < step[0]]
    ends = planned_end(week, step, total, max(earlier, default=0))
    if ends is None:
        return None, "The weeks that the checkpoints tell do not go on evenly."
    low, high = (max(end - state.current_step, 0.0) for end in ends)
    if not high:
        return None, "The stage has reached its planned end."
    return Span(low, (low + high) / 2, high), ""


def planned_end(week: Floats, step: Floats, total: float, earliest: float) -> tuple[float, float] | None:
    """Tell between which steps ``total`` weeks are over; None when no even weeks fit.

    ``week`` and ``step`` are those of the stage's checkpoints, (n,), ``earliest`` the first step at which the
    stage can have begun. Fractions of weeks are taken as they are. A whole week is counted when it is over:
    with the stage begun at ``s`` and weeks of ``w`` steps, ``s + week * w <= step < s + (week + 1) * w`` for
    every checkpoint; the answer covers all ``s`` and ``w`` for which that holds.
    """
    if np.any(week % 1):
        length = (step[-1] - step[0]) / (week[-1] - week[0])
        end = float(step[-1] + (total - week[-1]) * length)
        return end, end
    changes = week[1:] != week[:-1]  # the first and the last checkpoint of a week tell all that the others do
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
    between = total * abs(float(fineness))  # what lies between two lengths that were tried
    return float(ends[0].min() - between), float(ends[1].max() + between)


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
