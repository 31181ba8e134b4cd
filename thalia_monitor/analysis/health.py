"""Health findings from a run's own numbers, in addition to the trainer's warnings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from thalia_monitor.analysis.activity import firing, full, not_finite
from thalia_monitor.analysis.findings import Finding, Thresholds
from thalia_monitor.analysis.learning import diverging, forgotten, plateau
from thalia_monitor.model.records import Severity
from thalia_monitor.model.run import TrainingState

Check = Callable[[TrainingState, Thresholds], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (not_finite, firing, full, diverging, plateau, forgotten)
DEFAULTS: Final = Thresholds()

_ORDER: Final = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


def findings(state: TrainingState, thresholds: Thresholds = DEFAULTS) -> list[Finding]:
    """Run all health checks; findings are sorted by severity, worst first.

    Looks at the newest 20,000 values of a series at most, and counts only what is new, so that the cost does not
    grow with the run.
    """
    found = [finding for check in CHECKS for finding in check(state, thresholds)]
    return sorted(found, key=lambda each: (_ORDER.index(each.severity), each.kind, each.series or ""))
