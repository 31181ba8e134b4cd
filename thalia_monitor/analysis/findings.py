"""Health findings, and the thresholds that they depend on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from thalia_monitor.errors import SettingsError
from thalia_monitor.metric_info import FIRING_RATE, GROWING, HEALTHY_RATE
from thalia_monitor.model.records import Severity


class Kind(StrEnum):
    """Kind of a health finding."""

    NONFINITE = "nonfinite"
    FIRING = "firing"
    SILENT = "silent"
    RUNAWAY = "runaway"
    CAPACITY = "capacity"
    LOSS = "loss"
    PLATEAU = "plateau"
    FORGETTING = "forgetting"
    """A milestone that was passed once and no longer is."""
    RETENTION = "retention"
    """A task of an earlier stage that is done worse than allowed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One health finding: something in a run that is not as it should be."""

    kind: Kind
    severity: Severity
    """``info`` marks a note: nothing is wrong now."""
    message: str
    evidence: str
    """The measured numbers, and the healthy range."""
    since_step: int | None = None
    series: str | None = None
    """Series whose chart shows it, or the milestone's name."""

    @property
    def wrong(self) -> bool:
        """Whether it is more than a note (``info``)."""
        return self.severity is not Severity.INFO

    @property
    def key(self) -> str:
        """Identity of the finding, independent of its changing numbers."""
        return f"{self.kind}:{self.series}"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Thresholds of the health checks; each can be set in the settings file's table ``[health]``."""

    firing_low: float = HEALTHY_RATE.low
    """Healthy firing rates are 0.05 to 0.15: ``firing_stability`` of Thalia's stage evaluation."""
    firing_high: float = HEALTHY_RATE.high
    firing_steps: float = 10_000
    """Steps that the rate must be outside for: the window of ``firing_stability``."""
    firing_least: float = FIRING_RATE.warn_below or 0.0
    """Below this Thalia's own logger warns; here, where the rate was never higher."""
    firing_most: float = FIRING_RATE.warn_above or math.inf
    """Above this Thalia's own logger warns; here, where the rate was never lower."""
    silent: float = 0.01
    """A region below this rate is silent: ``no_silence``."""
    silent_steps: float = 1_000
    """Steps that it must be silent for: ``no_silence``."""
    runaway: float = 0.8
    """No rate may be above: ``no_runaway``."""
    capacity: float = GROWING.low
    """Capacity in use above which a region should grow: Thalia's growth manager and logger."""
    growth_steps: float = 25_000
    """Steps within which it should have grown: Thalia's longest pause between two growths of a region."""
    full_grown: float = 2.5
    """Multiple of its initial size where a region may have reached its limit: the least limit in Thalia's table."""
    loss_factor: float = 2.0
    """Loss diverges when it stays above this multiple of the stage's best: ours."""
    loss_steps: float = 5_000
    """Steps that loss is compared over: ours, one checkpoint interval."""
    plateau_gain: float = 0.02
    """Performance is on a plateau below this relative gain: Thalia's rule for growth."""
    plateau_steps: float = 5_000
    """Steps that the gain is over: Thalia's rule for growth."""
    plateau_below: float = 0.9
    """At or above this performance there is little left to gain: ours, most of Thalia's task milestones."""
    performance_drop: float = 0.10
    """A relative fall within the same steps that is a warning: ``PERFORMANCE_DROP`` of Thalia's safety system."""
    recent_steps: float = 1_000
    """Steps for which a non-finite value counts as a current problem: ours."""

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any]) -> Thresholds:
        """Read thresholds from a TOML table; raises SettingsError for an unknown name or invalid value."""
        known = {each.name for each in fields(cls)}
        for name, value in table.items():
            if name not in known:
                raise SettingsError(
                    f"There is no health threshold {name!r}; known are {', '.join(sorted(known))}."
                )
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise SettingsError(
                    f"The health threshold {name!r} must be a number from 0 on, not {value!r}."
                )
        return cls(**{name: float(value) for name, value in table.items()})
