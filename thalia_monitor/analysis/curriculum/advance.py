"""Why a stage does not advance: its criteria, how far each is from its limit, and when its trend may get there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.criteria import Measure, Target, measure
from thalia_monitor.analysis.curriculum.stage_course import configuration
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.analysis.health import stage_start
from thalia_monitor.analysis.milestones import Milestone, checklist, group_of, verdicts
from thalia_monitor.analysis.pace import Span, pace
from thalia_monitor.analysis.recent import Recent, recent
from thalia_monitor.model.series_key import metric
from thalia_monitor.stages import Criterion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thalia_monitor.model.history import Floats, Ints
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

COVERED: Final = 0.80
"""Share of ranges that contain the step at which the trend reaches its limit."""
SIGNIFICANT: Final = 0.05
"""Probability of a slope as steep as this without any trend, below which it counts as one."""
_BENDS: Final = 0.01
"""The same for a difference between the slopes of two halves."""
ENOUGH: Final = 30
"""Least number of values for a trend."""
MOST_CONDITIONS: Final = 50
BLOCKS: Final = 100
"""Means that the values are reduced to: as many as a trend needs, so that the fit costs the same for any length."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through the newest values, with the covariance of its parameters."""

    center: float
    """Step at which ``level`` is the line's value."""
    level: float
    slope: float
    """Change per step."""
    covariance: NDArray[np.float64]
    """(2, 2) of level and slope."""
    freedom: float
    """Degrees of freedom of its residuals, with their autocorrelation."""
    first: int
    """Step of the first value that it is fitted to."""
    last: int

    @property
    def significant(self) -> bool:
        """Whether the slope differs from 0."""
        error = math.sqrt(max(float(self.covariance[1, 1]), 0.0))
        return abs(self.slope) > quantile(1 - SIGNIFICANT / 2, self.freedom) * error

    def at(self, step: float) -> float:
        """The line's value at a step."""
        return self.level + self.slope * (step - self.center)

    def crossing(self, limit: float) -> Span | None:
        """Steps from the last value until the line is at a limit, with its 80 % range; None without a bounded one.

        Fieller's theorem (Fieller 1954, "Some problems in interval estimation"): all steps ``x`` with
        ``(level + slope x - limit)^2 <= t^2 (v00 + 2 v01 x + v11 x^2)``, the ``v`` from ``covariance`` and ``t`` the
        quantile of Student's distribution.
        """
        (v00, v01), (_, v11) = self.covariance.tolist()
        t2 = quantile((1 + COVERED) / 2, self.freedom) ** 2
        gap = self.level - limit
        a, b, c = self.slope**2 - t2 * v11, gap * self.slope - t2 * v01, gap**2 - t2 * v00
        if a <= 0:
            return None
        room = math.sqrt(max(b * b - a * c, 0.0))
        ahead = self.last - self.center
        return Span((-b - room) / a - ahead, -gap / self.slope - ahead, (-b + room) / a - ahead)


def trend(values: Recent) -> Trend | None:
    """Straight trend of the newest values; None where there are too few.

    Ordinary least squares on at most 100 means of consecutive values. Errors follow from residuals with an
    autocorrelation ``r`` at one block's distance and ``r^k`` at ``k``: with ``P = (X'X)^-1 X'`` and
    ``R = r^|i-j|``, the covariance is ``s^2 P R P'`` and ``s^2`` the sum of squares over ``tr(M R)``, ``M`` being the
    residual projection (Johnston and DiNardo, "Econometric Methods", 4th edition, chapter 6). ``r`` is the one whose
    expected estimate from residuals is the one found, since that of short series is too low (Marriott and Pope
    1954, "Bias in the estimation of autocorrelations"). The window is halved while the slopes of its halves differ,
    so that a curve is followed by its newest straight part.
    """
    step, value = values.step.astype(np.float64), values.value
    while len(step) >= ENOUGH:
        found = _fit(step, value)
        half = len(step) // 2
        if half < ENOUGH or not _bends(step, value, half):
            return found
        step, value = step[half:], value[half:]
    return None


def _bends(step: Floats, value: Floats, half: int) -> bool:
    one, other = _fit(step[:half], value[:half]), _fit(step[half:], value[half:])
    error = math.sqrt(max(float(one.covariance[1, 1] + other.covariance[1, 1]), 0.0))
    freedom = min(one.freedom, other.freedom)
    return abs(one.slope - other.slope) > quantile(1 - _BENDS / 2, freedom) * error


def _fit(step: Floats, value: Floats) -> Trend:
    first, last = int(step[0]), int(step[-1])
    cuts = np.linspace(0, len(step), min(len(step), BLOCKS) + 1).astype(np.int64)
    sizes = np.diff(cuts)
    x, y = (np.add.reduceat(each, cuts[:-1]) / sizes for each in (step, value))
    center, width = float(x.mean()), float(np.ptp(x)) or 1.0
    design = np.column_stack([np.ones(len(x)), (x - center) / width])
    projection = np.linalg.pinv(design)
    level, slope = (projection @ y).tolist()
    rest = y - design @ (level, slope)
    total = float(rest @ rest)
    found = float(rest[1:] @ rest[:-1]) / total if total > 0 else 0.0
    distance, grid, expected, freedom, trace = _correlations(len(x))
    r = float(np.interp(found, expected, grid))
    errors = total / float(np.interp(r, grid, trace)) * (r ** np.arange(len(x)))[distance]
    covariance = projection @ errors @ projection.T / np.outer((1, width), (1, width))
    return Trend(center, level, slope / width, covariance, float(np.interp(r, grid, freedom)), first, last)


@lru_cache(maxsize=BLOCKS)
def _correlations(count: int) -> tuple[Ints, Floats, Floats, Floats, Floats]:
    """For residuals of ``count`` values in a row, by autocorrelation of the errors: what is expected of them.

    The distance between any two of them, (count, count), and (30,) each: the autocorrelations, the expected estimate
    of each, the degrees of freedom (Satterthwaite's), and the expected sum of squares for errors of variance 1.
    """
    grid = np.linspace(-0.5, 0.95, 30)
    place = np.arange(count)
    design = np.column_stack([np.ones(count), place - place.mean()])
    rest = np.eye(count) - design @ np.linalg.pinv(design)
    distance = np.abs(np.subtract.outer(place, place))
    shift = np.eye(count, k=1)
    expected, freedom, trace = [], [], []
    for r in grid.tolist():
        residual = rest @ (r**place)[distance] @ rest
        expected.append(float((residual * shift).sum() / np.trace(residual)))
        freedom.append(float(np.trace(residual) ** 2 / (residual * residual).sum()))
        trace.append(float(np.trace(residual)))
    return distance, grid, np.maximum.accumulate(expected), np.array(freedom), np.array(trace)


def quantile(probability: float, freedom: float) -> float:
    """Quantile of Student's distribution, by Cornish and Fisher's expansion (Abramowitz and Stegun, 26.7.5)."""
    z, n = NormalDist().inv_cdf(probability), max(freedom, 2.0)
    parts = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(part / n**power for power, part in enumerate(parts, 1))


@dataclass(frozen=True, slots=True)
class Reach:
    """When a criterion may be met by its trend."""

    steps: Span | None = None
    """From now; None where that cannot be estimated."""
    reason: str = ""
    """Why not."""
    slope: float | None = None
    """Change in 1,000 steps; None where there is no trend."""


def reach(values: Recent, target: Target, now: int | None = None) -> Reach:
    """Estimate when the trend of a series reaches the target, in steps from ``now`` (else from its last value)."""
    found = trend(values)
    if found is None:
        return Reach(reason=f"fewer than {ENOUGH} values in this stage")
    if not found.significant:
        return Reach(reason="no trend")
    slope = 1_000 * found.slope
    here = found.at(found.last)
    if target.missing(here) <= 0:
        return Reach(reason="the trend has reached it", slope=slope)
    limit = target.low if here < target.low else target.high
    if (limit - here) * found.slope < 0:
        return Reach(reason="moving away from it", slope=slope)
    span = found.crossing(limit)
    if span is None:
        return Reach(reason="no trend", slope=slope)
    passed = 0 if now is None else max(now - found.last, 0)
    left = (max(each - passed, 0.0) for each in (span.low, span.likely, span.high))
    return Reach(Span(*left), slope=slope)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One criterion of the stage."""

    milestone: Milestone
    passed: bool | None
    """By the newest check; None if it was never checked."""
    measure: Measure | None
    """None where the run logs nothing that it is about, or it has no limit."""
    reach: Reach

    @property
    def missing(self) -> float | None:
        """How much its value must still change; 0 or less where it is within its limit."""
        return self.measure.target.missing(self.measure.value) if self.measure else None

    @property
    def met(self) -> bool | None:
        """Whether it holds: by the newest check, else by its value; None where neither is known."""
        if self.passed is not None or self.missing is None:
            return self.passed
        return self.missing <= 0 if math.isfinite(self.missing) else False


def requirements(state: TrainingState) -> tuple[Requirement, ...]:
    """The criteria of the present stage, in the order of its checklist."""
    return state.memoized("requirements", lambda: _requirements(state))


def _requirements(state: TrainingState) -> tuple[Requirement, ...]:
    checked = verdicts(state)
    begun = stage_start(state)
    made = []
    for each in _criteria(state):
        found = measure(state, each.name)
        passed = each.passed
        if passed is None and each.name in checked and checked[each.name].step >= begun:
            passed = checked[each.name].passed
        estimate = Reach()
        if found and found.target.missing(found.value) > 0:
            values = recent(state.history, metric(found.series), begun)
            estimate = reach(values, found.target, state.current_step)
        made.append(Requirement(each, passed, found, estimate))
    return tuple(made)


def _criteria(state: TrainingState) -> list[Milestone]:
    """The checklist, and what else the stage is configured with."""
    listed = checklist(state)
    known = {each.name for each in listed}
    given = configuration(state, state.current_stage).get("success_criteria")
    names = [str(name) for name in given if name not in known] if isinstance(given, Mapping) else []
    more = [(name, state.criteria.get(name)) for name in names[:MOST_CONDITIONS]]
    return [
        *listed,
        *(Milestone(name, None, str(Criterion(name, limit)), group_of(name)) for name, limit in more),
    ]


@dataclass(frozen=True, slots=True)
class Gate:
    """The newest evaluation of a stage gate, or of the trainer's own readiness check."""

    passed: bool | None
    decision: str
    """Such as ``proceed``, ``extend``, ``emergency_stop``; empty if not logged."""
    failures: tuple[str, ...]
    recommendations: tuple[str, ...]
    measured: Mapping[str, float]
    step: int | None
    stage: float | None = None


def gate(state: TrainingState) -> Gate | None:
    """The newest gate result in the run; None if none is logged."""
    logged = state.events_of(contract.GATE)
    return _gate_of(logged[-1]) if logged else None


def _gate_of(event: Event) -> Gate:
    fields = event.fields
    passed, metrics = fields.get("passed"), fields.get("metrics")
    numbers = metrics if isinstance(metrics, Mapping) else {}
    return Gate(
        passed if isinstance(passed, bool) else None,
        str(fields.get("decision") or "")[:100],
        _texts(fields.get("failures")),
        _texts(fields.get("recommendations")),
        {
            str(name)[:100]: float(value)
            for name, value in list(numbers.items())[:MOST_CONDITIONS]
            if isinstance(value, int | float) and not isinstance(value, bool)
        },
        event.step,
        float(stage) if isinstance(stage := fields.get("stage"), int | float) else None,
    )


def _texts(listed: Any) -> tuple[str, ...]:
    return tuple(str(each)[:200] for each in listed[:MOST_CONDITIONS]) if isinstance(listed, list) else ()


def steps_in_words(steps: Span) -> str:
    """``about 12,000 steps (9,000 to 17,000)``."""
    low, likely, high = (_rounded(each) for each in (steps.low, steps.likely, steps.high))
    return f"about {likely} steps" + (f" ({low} to {high})" if low != high else "")


def _rounded(steps: float) -> str:
    """A number of steps with two digits."""
    size = 10 ** max(len(str(int(abs(steps)))) - 2, 0)
    return number(round(steps / size) * size, "count")


def rate(state: TrainingState) -> float | None:
    """Steps per second lately, to turn steps into time; None if not known."""
    return pace(state, 0.0).recent


def sentence(state: TrainingState) -> str:
    """Why the stage does not advance, in one sentence; empty where it has no criteria."""
    listed = requirements(state)
    if not listed:
        return ""
    unmet = [each for each in listed if not each.met]
    if not unmet:
        return f"All {counted(len(listed), 'criterion', 'criteria')} of this stage hold."
    known = [each for each in unmet if each.reach.steps]
    text = f"{len(listed) - len(unmet):,} of {counted(len(listed), 'criterion', 'criteria')} hold"
    waits = [each for each in unmet if each.missing is not None and each.missing > 0]
    if known:
        last = max(known, key=lambda each: each.reach.steps.likely if each.reach.steps else 0.0)
        assert last.reach.steps is not None
        return f"{text}; the slowest with a trend is {last.milestone.name}: {steps_in_words(last.reach.steps)} more."
    if waits:
        worst = waits[0]
        reason = f", {worst.reach.reason}" if worst.reach.reason else ""
        return f"{text}; {worst.milestone.name} misses its limit by {number(worst.missing)}{reason}."
    return f"{text}; {counted(len(unmet), 'criterion', 'criteria')} not passed or not evaluated yet."
