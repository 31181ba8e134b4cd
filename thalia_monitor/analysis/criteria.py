"""What a milestone is about, where the run logs it: its value now, its target, and how far away that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from thalia_monitor import metric_info
from thalia_monitor.analysis.findings import Thresholds
from thalia_monitor.analysis.quantities import measured, series_of
from thalia_monitor.contract import exact
from thalia_monitor.model.series_key import metric
from thalia_monitor.stages import Criterion, criterion_of

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState


@dataclass(frozen=True, slots=True)
class Target:
    """Range that a milestone's value must lie in."""

    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"> {exact(self.low)}"
        return f"< {exact(self.high)}" if math.isinf(self.low) else f"{exact(self.low)}–{exact(self.high)}"

    def distance_to_limit(self, value: float) -> float:
        """How much the value must still change; 0 or less if it is in the range."""
        return max(self.low - value, value - self.high)


@dataclass(frozen=True, slots=True)
class Measure:
    """Value now of what a milestone is about, beside its target."""

    series: str
    """Name of the metric."""
    value: float
    """May not be finite."""
    target: Target


_USUAL: Final = Thresholds()
_RATE: Final = Target(_USUAL.firing_low, _USUAL.firing_high)
_STABLE: Final = frozenset({"firing_stability", "stable_firing_rates", "firing_rate_stability"})
_RUNAWAY: Final = frozenset({"no_runaway", "no_runaway_excitation"})
_SILENT: Final = frozenset({"no_silence", "no_silent_regions"})
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "basic_movements": ("motor_control_accuracy", "task/motor_control_accuracy"),
    "sequence_prediction": ("temporal_prediction", "task/temporal_sequences_accuracy"),
    "phoneme_discrimination": ("task/audio_phonemes_accuracy",),
    "phoneme_maintained": ("phoneme_discrimination", "task/audio_phonemes_accuracy"),
    "mnist_accuracy": ("task/visual_mnist_accuracy",),
    "mnist_maintained": ("mnist_accuracy", "task/visual_mnist_accuracy"),
    "cifar10_accuracy": ("task/cifar10_recognition_accuracy",),
    "n_back_maintained": ("n_back_2_accuracy", "n_back_2", "task/n_back_2_accuracy"),
    "weight_health": ("weight_saturation", "weights/saturation"),
    "bcm_convergence": ("bcm_threshold_drift", "bcm_drift"),
}
"""Names that Thalia's trainers log what a milestone asks for under, beside those made from its own name."""
_LIMITS: Final[Mapping[str, Target]] = {
    "weight_health": Target(high=0.8),
    "bcm_convergence": Target(high=0.01),
}


def measure(state: TrainingState, name: str) -> Measure | None:
    """Value and target of a milestone; None where it has no threshold, or the run logs nothing that it is about."""
    target = _target(state, name)
    if target is None:
        return None
    found = [
        Measure(series, now.value, target)
        for series in _series_about(state, name)
        if (now := state.current(metric(series)))
    ]
    if name in _RUNAWAY | _SILENT and found:  # of all regions, the one closest to the limit
        return max(
            found, key=lambda each: (not math.isfinite(each.value), target.distance_to_limit(each.value))
        )
    return next(iter(found), None)


def _target(state: TrainingState, name: str) -> Target | None:
    known = criterion_of(name, state.current_stage, state.scheme)
    threshold = state.criteria.get(name, known.threshold if known else None)
    if threshold is not None:
        criterion = known if known and name not in state.criteria else Criterion(name, threshold)
        return Target(high=threshold) if criterion.below else Target(low=threshold)
    if name in _STABLE:
        return _RATE
    if name in _RUNAWAY | _SILENT:
        return Target(high=_USUAL.runaway) if name in _RUNAWAY else Target(low=_USUAL.silent)
    return _LIMITS.get(name)


def _series_about(state: TrainingState, name: str) -> list[str]:
    """Metrics of the run that a milestone is about, the most fitting first."""
    logged = [*state.history.metrics, *(each for each in state.metrics if each not in state.history.metrics)]
    if name in _STABLE:
        rate = series_of(state, metric_info.FIRING_RATE.name)
        return [rate] if measured(state, rate) else []
    if name in _RUNAWAY | _SILENT:
        return [each for each in logged if _is_regional_rate(each)]
    stem = name.removesuffix("_maintained").removesuffix("_accuracy")
    made = (f"{stem}_accuracy", f"task/{name}", f"task/{stem}_accuracy", f"task_performance/{stem}", stem)
    by_path = {each.replace(".", "/").lower(): each for each in reversed(logged)}
    wanted = dict.fromkeys(each.lower() for each in (name, *_ALIASES.get(name, ()), *made))
    return [by_path[each] for each in wanted if each in by_path]


def _is_regional_rate(name: str) -> bool:
    quantity, known = metric_info.lookup(name)
    return quantity.regional_rate and known.judged
