"""Where a training is: what metadata say of it, and which of Thalia's health limits its metrics pass.

What an earlier process wrote into its metadata is taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from thalia_monitor import contract, metric_info

WEEK: Final = "current_week"
TOTAL_WEEKS: Final = "total_weeks"
"""Keys among the metrics that hold the stage's progress and are no metrics."""

MAX_ALERTS: Final = 20
"""Warnings that are kept for the next metadata."""
CHECK_INTERVAL: Final = 1_000
"""Steps between two looks at the health limits, and between two step lines of the text log."""


class Progress:
    """Stage, week, newest metrics, checklist and region sizes of a training."""

    def __init__(self, before: Mapping[str, Any]) -> None:
        self.stage: float | None = None
        self.milestones: dict[str, Any] = {}
        self.metrics: dict[str, Any] = dict(_object(before, "metrics"))
        """The newest value of everything among the stage's metrics, numbers or not."""
        self._before = before
        self._week: Any = 0
        self._total_weeks: Any = None
        self._neurons: dict[str, Any] = {}
        self._alerts: list[dict[str, str]] = []
        self._awaits_metrics = False

    def begin(self, stage: float, config: Mapping[str, Any]) -> None:
        """Begin a stage; one that an earlier process was in goes on where its metadata say."""
        self.stage, self._awaits_metrics = stage, True
        self._week, self._total_weeks, self.milestones = 0, config.get("duration_weeks"), {}
        self._carry_over(self._before)
        self._before = {}

    def go_back(self, before: Mapping[str, Any]) -> None:
        """Return to what the metadata of an earlier step say of the stage."""
        self._week, self.milestones = 0, {}
        self._carry_over(before)

    def take_weeks(self, metrics: dict[str, Any], week: Any) -> None:
        """Take the progress of the stage out of a step's metrics; ``week`` wins over them."""
        if TOTAL_WEEKS in metrics:
            self._total_weeks = metrics.pop(TOTAL_WEEKS)
        if WEEK in metrics:
            self._week = metrics.pop(WEEK)
        self._week = self._week if week is None else week

    def absorb(self, metrics: Mapping[str, Any]) -> bool:
        """Remember a step's metrics; tell whether they are the first of the stage."""
        first, self._awaits_metrics = self._awaits_metrics, False
        if first:  # those of the stage before are history
            self.metrics = {}
        self.metrics.update(metrics)
        counts = metrics.get(contract.NEURON_COUNTS)
        if isinstance(counts, dict):
            self._neurons.update(counts)
        return first

    def grow(self, region: str, added: Any, new_total: Any) -> Any:
        """Work out a region's size after growth; None if its size was never logged."""
        if new_total is None and isinstance(added, int) and isinstance(self._neurons.get(region), int):
            new_total = self._neurons[region] + added
        if new_total is not None:
            self._neurons[region] = new_total
        return new_total

    def check(self, results: dict[str, Any], week: Any) -> None:
        """Take the evaluation of the stage's checklist."""
        self.milestones = results
        self._week = self._week if week is None else week

    def extend(self, weeks: Any) -> None:
        """Plan more weeks for the stage."""
        if _is_number(self._total_weeks) and _is_number(weeks):
            self._total_weeks += weeks

    def alert(self, severity: str, message: str) -> None:
        """Keep a health warning for the next metadata."""
        self._alerts = [*self._alerts[1 - MAX_ALERTS :], {"severity": severity, "message": message}]

    def alerts_shown(self) -> None:
        """Let go of the warnings that metadata have shown."""
        self._alerts = []

    def metadata(self, step: int, warnings: list[str]) -> dict[str, Any]:
        """State where training is, with these warnings before the ones that were raised."""
        raised = [{"severity": "warning", "message": message} for message in warnings]
        fields = {
            "current_stage": self.stage,
            contract.STEP: step,
            WEEK: self._week,
            TOTAL_WEEKS: self._total_weeks,
            "metrics": {name: value for name, value in self.metrics.items() if _is_number(value)},
            "milestones": self.milestones,
            "warnings": [*raised, *self._alerts],
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _carry_over(self, before: Mapping[str, Any]) -> None:
        if not before or stage_of(before) != self.stage:
            return
        self._week = before.get(WEEK) or 0
        self.milestones = _object(before, "milestones")
        planned, extended = self._total_weeks, number_in(before, TOTAL_WEEKS)
        if extended is not None and (not _is_number(planned) or extended > planned):
            self._total_weeks = extended


def number_in(metadata: Mapping[str, Any], name: str) -> float | None:
    """Read a number of metadata; None for anything else."""
    value = metadata.get(name)
    return value if _is_number(value) else None


def whole_in(metadata: Mapping[str, Any], name: str) -> int | None:
    """Read a whole number of metadata; None for anything else."""
    value = metadata.get(name)
    return value if isinstance(value, int) else None


def stage_of(metadata: Mapping[str, Any]) -> float | None:
    """Read the stage of metadata."""
    return number_in(metadata, "current_stage")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _object(metadata: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = metadata.get(name)
    return value if isinstance(value, dict) else {}


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
