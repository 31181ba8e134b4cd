"""The limits at which Thalia's own logger warns of a brain's health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from thalia_monitor import metric_info

CHECK_INTERVAL: Final = 1_000
"""Steps between two looks at the limits, and between two step lines of the text log."""


def health_issues(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Find which limits these metrics pass: name of the limit to message."""
    issues = {}
    for quantity in metric_info.CORE:
        series = metric_info.source_of(
            quantity, metrics, lambda name: isinstance(metrics[name], (int, float)), judged=True
        )
        if series is None:
            continue
        value, words = metrics[series], quantity.title.lower()
        if quantity.warn_above is not None and value > quantity.warn_above:
            issues[f"{words} high"] = f"High {words}: {value:.3f}"
        elif quantity.warn_below is not None and value < quantity.warn_below:
            issues[f"{words} low"] = f"Low {words}: {value:.3f}"
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
