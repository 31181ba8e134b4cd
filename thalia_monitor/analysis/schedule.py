"""How many steps are left in a stage, by the weeks that its checkpoints tell or by its planned steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from thalia_monitor.history import Floats
from thalia_monitor.state import TrainingState

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
