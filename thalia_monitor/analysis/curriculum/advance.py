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
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.analysis.milestones import Milestone, checklist, group_of
from thalia_monitor.analysis.pace import Span, pace
from thalia_monitor.analysis.recent import Recent, recent, stage_start
from thalia_monitor.model.series_key import metric
from thalia_monitor.model.stage_plan import configuration
from thalia_monitor.stages import Criterion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thalia_monitor.model.history import Floats, Ints
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

CONFIDENCE: Final = 0.80
"""Confidence level of the range of steps in which the trend reaches its limit."""
SIGNIFICANCE_LEVEL: Final = 0.05
"""Significance level of the slope: how often one is reported as a trend where there is none."""
_SLOPE_CHANGE_LEVEL: Final = 0.01
"""Significance level of a difference between the slopes of a window's two halves."""
MIN_VALUES: Final = 30
"""Minimum number of values for a trend."""
MAX_ITEMS: Final = 50
"""Maximum number of configured criteria, and of entries read from each list of a gate's result."""
MAX_BLOCKS: Final = 100
"""Values are reduced to at most this many means before a fit, which bounds its cost."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Straight line fitted to the newest values, with the covariance of its parameters."""

    center: float
    """Step at which the line's value is ``level``."""
    level: float
    slope: float
    """Change per step."""
    covariance: NDArray[np.float64]
    """(2, 2) of level and slope."""
    degrees_of_freedom: float
    """Of the residuals, reduced by their autocorrelation; not an integer."""
    first_step: int
    """Step of the first value that it is fitted to."""
    last_step: int

    @property
    def significant(self) -> bool:
        """Whether the slope differs from 0, by a two-sided t-test."""
        error = math.sqrt(max(float(self.covariance[1, 1]), 0.0))
        return abs(self.slope) > student_quantile(1 - SIGNIFICANCE_LEVEL / 2, self.degrees_of_freedom) * error

    def at(self, step: float) -> float:
        """The line's value at a step."""
        return self.level + self.slope * (step - self.center)

    def steps_to_limit(self, limit: float) -> Span | None:
        """Steps from the last value to where the line reaches a limit, with an 80 % range; None if it is unbounded.

        The range is Fieller's (1954, "Some problems in interval estimation"): all steps ``x`` from ``center`` with
        ``(level + slope x - limit)^2 <= t^2 (v00 + 2 v01 x + v11 x^2)``, where the ``v`` are the entries of
        ``covariance`` and ``t`` is the quantile of Student's distribution. Written as
        ``a x^2 + 2 b x + c <= 0``, they are bounded if ``a > 0``.
        """
        (v00, v01), (_, v11) = self.covariance.tolist()
        t2 = student_quantile((1 + CONFIDENCE) / 2, self.degrees_of_freedom) ** 2
        gap = self.level - limit
        a, b, c = self.slope**2 - t2 * v11, gap * self.slope - t2 * v01, gap**2 - t2 * v00
        if a <= 0:
            return None
        root = math.sqrt(max(b * b - a * c, 0.0))
        since_center = self.last_step - self.center
        return Span(
            (-b - root) / a - since_center, -gap / self.slope - since_center, (-b + root) / a - since_center
        )


def trend(values: Recent) -> Trend | None:
    """Fit a straight line to the newest values; None if they are fewer than MIN_VALUES.

    Ordinary least squares on at most MAX_BLOCKS means of consecutive values. The errors are assumed to have the
    autocorrelation ``r^k`` between means ``k`` apart. With ``P = (X'X)^-1 X'`` and ``R = r^|i-j|``, the parameters'
    covariance is ``s^2 P R P'``, where ``s^2`` is the residuals' sum of squares over ``tr(M R)`` and ``M`` the
    projection onto the residuals (Johnston and DiNardo, "Econometric Methods", 4th edition, chapter 6). The
    residuals' own lag-1 autocorrelation is too low in short series (Marriott and Pope 1954, "Bias in the estimation
    of autocorrelations"), so ``r`` is the value for which the one measured would be expected. The window is halved
    while the slopes of its halves differ, so that only the newest straight part of a curve is fitted.
    """
    step, value = values.step.astype(np.float64), values.value
    while len(step) >= MIN_VALUES:
        fitted = _fit(step, value)
        half = len(step) // 2
        if half < MIN_VALUES or not _slopes_differ(step, value, half):
            return fitted
        step, value = step[half:], value[half:]
    return None


def _slopes_differ(step: Floats, value: Floats, half: int) -> bool:
    older, newer = _fit(step[:half], value[:half]), _fit(step[half:], value[half:])
    error = math.sqrt(max(float(older.covariance[1, 1] + newer.covariance[1, 1]), 0.0))
    degrees_of_freedom = min(older.degrees_of_freedom, newer.degrees_of_freedom)
    threshold = student_quantile(1 - _SLOPE_CHANGE_LEVEL / 2, degrees_of_freedom) * error
    return abs(older.slope - newer.slope) > threshold


def _fit(step: Floats, value: Floats) -> Trend:
    edges = np.linspace(0, len(step), min(len(step), MAX_BLOCKS) + 1).astype(np.int64)
    sizes = np.diff(edges)
    x, y = (np.add.reduceat(each, edges[:-1]) / sizes for each in (step, value))
    center, width = float(x.mean()), float(np.ptp(x)) or 1.0
    design = np.column_stack([np.ones(len(x)), (x - center) / width])
    projection = np.linalg.pinv(design)
    level, slope = (projection @ y).tolist()
    residuals = y - design @ (level, slope)
    sum_of_squares = float(residuals @ residuals)
    lag1 = float(residuals[1:] @ residuals[:-1]) / sum_of_squares if sum_of_squares > 0 else 0.0
    lags, autocorrelations, expected_lag1, degrees_of_freedom, expected_sums = _expected_residuals(len(x))
    r = float(np.interp(lag1, expected_lag1, autocorrelations))
    variance = sum_of_squares / float(np.interp(r, autocorrelations, expected_sums))
    errors = variance * (r ** np.arange(len(x)))[lags]
    covariance = projection @ errors @ projection.T / np.outer((1, width), (1, width))
    return Trend(
        center=center,
        level=level,
        slope=slope / width,
        covariance=covariance,
        degrees_of_freedom=float(np.interp(r, autocorrelations, degrees_of_freedom)),
        first_step=int(step[0]),
        last_step=int(step[-1]),
    )


@lru_cache(maxsize=MAX_BLOCKS)
def _expected_residuals(count: int) -> tuple[Ints, Floats, Floats, Floats, Floats]:
    """Tabulate what is expected of the residuals of a line through ``count`` values, by the errors' autocorrelation.

    Returns the lag between any two of the values, (count, count), and (30,) each: lag-1 autocorrelations of the
    errors, and for each of these the expected lag-1 autocorrelation of the residuals, their degrees of freedom
    (Satterthwaite's), and their expected sum of squares for errors of variance 1.
    """
    autocorrelations = np.linspace(-0.5, 0.95, 30)
    index = np.arange(count)
    design = np.column_stack([np.ones(count), index - index.mean()])
    to_residuals = np.eye(count) - design @ np.linalg.pinv(design)
    lags = np.abs(np.subtract.outer(index, index))
    neighbours = np.eye(count, k=1)
    expected_lag1, degrees_of_freedom, expected_sums = [], [], []
    for r in autocorrelations.tolist():
        covariance = to_residuals @ (r**index)[lags] @ to_residuals
        expected_lag1.append(float((covariance * neighbours).sum() / np.trace(covariance)))
        degrees_of_freedom.append(float(np.trace(covariance) ** 2 / (covariance * covariance).sum()))
        expected_sums.append(float(np.trace(covariance)))
    increasing = np.maximum.accumulate(expected_lag1)  # as np.interp requires
    return lags, autocorrelations, increasing, np.array(degrees_of_freedom), np.array(expected_sums)


def student_quantile(probability: float, degrees_of_freedom: float) -> float:
    """Quantile of Student's distribution, by Cornish and Fisher's expansion (Abramowitz and Stegun, 26.7.5)."""
    z, n = NormalDist().inv_cdf(probability), max(degrees_of_freedom, 2.0)
    parts = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(part / n**power for power, part in enumerate(parts, 1))


@dataclass(frozen=True, slots=True)
class Estimate:
    """Steps until a criterion is met if its trend continues."""

    steps: Span | None = None
    """From now; None if they cannot be estimated."""
    reason: str = ""
    """Why they cannot."""
    slope: float | None = None
    """Change in 1,000 steps; None without a trend."""


def estimate_steps(values: Recent, target: Target, now: int | None = None) -> Estimate:
    """Estimate the steps from ``now`` (default: the last value) until the trend of a series reaches the target."""
    fitted = trend(values)
    if fitted is None:
        return Estimate(reason=f"fewer than {MIN_VALUES} values in this stage")
    if not fitted.significant:
        return Estimate(reason="no trend")
    slope = 1_000 * fitted.slope
    fitted_now = fitted.at(fitted.last_step)
    if target.distance_to_limit(fitted_now) <= 0:
        return Estimate(reason="the trend has reached it", slope=slope)
    limit = target.low if fitted_now < target.low else target.high
    if (limit - fitted_now) * fitted.slope < 0:
        return Estimate(reason="moving away from it", slope=slope)
    span = fitted.steps_to_limit(limit)
    if span is None:  # a significant slope has a bounded range, but its square may underflow to 0
        return Estimate(reason="no trend", slope=slope)
    steps_since = 0 if now is None else max(now - fitted.last_step, 0)
    remaining = (max(each - steps_since, 0.0) for each in (span.low, span.likely, span.high))
    return Estimate(Span(*remaining), slope=slope)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One criterion of the stage."""

    milestone: Milestone
    passed: bool | None
    """Result of the newest check; None if it was never checked."""
    measure: Measure | None
    """Its value and target; None if the run does not log the value or no limit is known."""
    estimate: Estimate

    @property
    def distance_to_limit(self) -> float | None:
        """How much its value must still change; 0 or less if it is within its limit, None without a measure."""
        return self.measure.target.distance_to_limit(self.measure.value) if self.measure else None

    @property
    def met(self) -> bool | None:
        """Whether it holds: by the newest check, else by its value; None if neither is known."""
        if self.passed is not None or self.distance_to_limit is None:
            return self.passed
        return self.distance_to_limit <= 0 if math.isfinite(self.distance_to_limit) else False


def requirements(state: TrainingState) -> tuple[Requirement, ...]:
    """The criteria of the current stage, in the order of its checklist."""
    return state.memoized("requirements", lambda: _requirements(state))


def _requirements(state: TrainingState) -> tuple[Requirement, ...]:
    first_step = stage_start(state)
    result = []
    for each in _criteria(state):
        measured = measure(state, each.name)
        estimate = Estimate()
        if measured and measured.target.distance_to_limit(measured.value) > 0:
            values = recent(state.history, metric(measured.series), first_step)
            estimate = estimate_steps(values, measured.target, state.current_step)
        result.append(Requirement(each, each.passed, measured, estimate))
    return tuple(result)


def _criteria(state: TrainingState) -> list[Milestone]:
    """The checklist of the current stage, followed by the criteria that only its configuration names."""
    listed = checklist(state)
    known = {each.name for each in listed}
    config = configuration(state.stage_events, state.current_stage)
    configured = config.get("success_criteria")
    names = [str(name) for name in configured if name not in known] if isinstance(configured, Mapping) else []
    more = [(name, state.criteria.get(name)) for name in names[:MAX_ITEMS]]
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
    """The newest gate result in the run that no resume has left behind; None if none is logged."""
    logged = state.counting(contract.GATE)
    return _gate_of(logged[-1]) if logged else None


def gate_words(found: Gate) -> str:
    """The verdict of a gate, in one sentence."""
    verdict = {True: "passed", False: "not passed", None: "decided"}[found.passed]
    words = f"Newest gate: {verdict}" + (f", {found.decision}" if found.decision else "")
    words += f" (stage {found.stage:g})" if found.stage is not None else ""
    return words + (f", {counted(len(found.failures), 'condition')} failed." if found.failures else ".")


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
            for name, value in list(numbers.items())[:MAX_ITEMS]
            if isinstance(value, int | float) and not isinstance(value, bool)
        },
        event.step,
        float(stage) if isinstance(stage := fields.get("stage"), int | float) else None,
    )


def _texts(listed: Any) -> tuple[str, ...]:
    return tuple(str(each)[:200] for each in listed[:MAX_ITEMS]) if isinstance(listed, list) else ()


def steps_in_words(steps: Span) -> str:
    """``about 12,000 steps (9,000 to 17,000)``."""
    low, likely, high = (_rounded(each) for each in (steps.low, steps.likely, steps.high))
    return f"about {likely} steps" + (f" ({low} to {high})" if low != high else "")


def _rounded(steps: float) -> str:
    """A number of steps, rounded to two significant digits."""
    size = 10 ** max(len(str(int(abs(steps)))) - 2, 0)
    return number(round(steps / size) * size, "count")


def rate(state: TrainingState) -> float | None:
    """Recent steps per second, to convert steps to time; None if not known."""
    return pace(state, 0.0).recent


def sentence(state: TrainingState) -> str:
    """Why the stage does not advance, in one sentence; empty if it has no criteria."""
    listed = requirements(state)
    if not listed:
        return ""
    unmet = [each for each in listed if not each.met]
    if not unmet:
        return f"All {counted(len(listed), 'criterion', 'criteria')} of this stage hold."
    estimated = [each for each in unmet if each.estimate.steps]
    text = f"{len(listed) - len(unmet):,} of {counted(len(listed), 'criterion', 'criteria')} hold"
    outside = [each for each in unmet if each.distance_to_limit is not None and each.distance_to_limit > 0]
    if estimated:
        slowest = max(estimated, key=lambda each: each.estimate.steps.likely if each.estimate.steps else 0.0)
        steps = slowest.estimate.steps
        assert steps is not None
        return f"{text}; the slowest with a trend is {slowest.milestone.name}: {steps_in_words(steps)} more."
    if outside:
        first = outside[0]
        reason = f", {first.estimate.reason}" if first.estimate.reason else ""
        return (
            f"{text}; {first.milestone.name} misses its limit by {number(first.distance_to_limit)}{reason}."
        )
    return f"{text}; {counted(len(unmet), 'criterion', 'criteria')} not passed or not evaluated yet."
