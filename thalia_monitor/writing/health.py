"""The limits at which Thalia's own logger warns of a brain's health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

FIRING_RATE_HIGH: Final = 0.30
FIRING_RATE_LOW: Final = 0.02
CAPACITY_HIGH: Final = 0.85

CHECK_INTERVAL: Final = 1_000
"""Steps between two looks at the limits, and between two step lines of the text log."""


def health_issues(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Find which limits these metrics pass: name of the limit to message."""
    issues = {}
    rate, capacity = metrics.get("firing_rate"), metrics.get("capacity")
    if isinstance(rate, (int, float)):
        if rate > FIRING_RATE_HIGH:
            issues["firing rate high"] = f"High firing rate: {rate:.3f}"
        elif rate < FIRING_RATE_LOW:
            issues["firing rate low"] = f"Low firing rate: {rate:.3f}"
    if isinstance(capacity, (int, float)) and capacity > CAPACITY_HIGH:
        issues["capacity high"] = f"High capacity: {capacity:.3f}"
    return issues


class CheckInterval:
    """Says at which of the logged steps it is time to look: once in each thousand.

    Thalia's own logger looks only at steps that are multiples of 1000, and stays silent for good where a
    trainer's callback comes at 500, 1500, ...
    """

    def __init__(self) -> None:
        self._previous: int | None = None

    def due(self, step: int) -> bool:
        """Tell whether a multiple of 1000 is reached, or was passed since the step before."""
        previous, self._previous = self._previous, step
        if step % CHECK_INTERVAL == 0:
            return True
        return previous is not None and 0 <= previous // CHECK_INTERVAL < step // CHECK_INTERVAL
