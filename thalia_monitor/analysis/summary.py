"""A run in words: for terminals, phones, screen readers and programs, the same for all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from thalia_monitor import contract
from thalia_monitor.analysis.checklist import completion
from thalia_monitor.analysis.finding import Finding
from thalia_monitor.analysis.health import DEFAULTS, findings
from thalia_monitor.analysis.liveness import Liveness, liveness
from thalia_monitor.analysis.pace import Pace, pace
from thalia_monitor.analysis.thresholds import Thresholds
from thalia_monitor.analysis.trend import Trend, trend
from thalia_monitor.analysis.wording import counted
from thalia_monitor.state import Severity, TrainingState


@dataclass(frozen=True, slots=True)
class Summary:
    """What there is to say about a run at one moment."""

    where: str
    """``Stage 0 Sensory Foundations, week 2 of 4.``"""
    trends: tuple[Trend, ...]
    """The core metrics that the run has."""
    milestones: tuple[int, int]
    """How many passed, of how many evaluated."""
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    """The trainer's own, as the newest checkpoint has them."""
    pace: Pace
    liveness: Liveness
    step: int
    stage: int | None
    stage_name: str
    week: float
    total_weeks: float

    @property
    def sentences(self) -> list[str]:
        """The run in sentences, the most important first."""
        passed, evaluated = self.milestones
        grave = [each.message for each in self.findings if each.severity is not Severity.INFO]
        said = [self.where, *(f"{each}." for each in self.trends)]
        if evaluated:
            said.append(f"{passed} of {counted(evaluated, 'milestone')}.")
        said += [_sentence(message) for message in grave]
        if self.warnings:
            said.append(
                f"{counted(len(self.warnings), 'warning')} by the trainer: {_sentence(self.warnings[0])}"
            )
        if self.pace.recent is not None:
            said.append(_sentence(str(self.pace)))
        return [*said, *([self.liveness.clock] if self.liveness.clock else []), self.liveness.text]

    def __str__(self) -> str:
        return " ".join(self.sentences)

    def fields(self) -> dict[str, Any]:
        """The same as plain JSON values; numbers that are not finite are words (``NaN``)."""
        left = self.pace.left
        return {
            "text": str(self),
            "sentences": self.sentences,
            "stage": self.stage,
            "stage_name": self.stage_name,
            "step": self.step,
            "week": self.week,
            "total_weeks": self.total_weeks,
            "metrics": {
                each.name: {"value": _plain(each.value), "change": each.change, "steps": each.steps}
                for each in self.trends
            },
            "milestones": dict(zip(("passed", "evaluated"), self.milestones, strict=True)),
            "findings": [
                {
                    "kind": each.kind.value,
                    "severity": each.severity.value,
                    "message": each.message,
                    "evidence": each.evidence,
                    "since_step": each.since_step,
                    "series": each.series,
                }
                for each in self.findings
            ],
            "warnings": list(self.warnings),
            "status": self.liveness.status.value,
            "age_seconds": self.liveness.age,
            "usual_gap_seconds": self.liveness.rhythm.line,
            "clock": self.liveness.clock,
            "steps_per_second": self.pace.recent,
            "steps_per_second_overall": self.pace.overall,
            "pace_reason": self.pace.reason or self.pace.left_reason,
            "seconds_left": left and {"low": left.low, "likely": left.likely, "high": left.high},
            "expected_end": self.pace.end,
        }


def summary(
    state: TrainingState, now: float, refresh: float = 0.0, thresholds: Thresholds = DEFAULTS
) -> Summary:
    """Sum a run up at the moment ``now`` (Unix seconds), for a viewer who looks every ``refresh`` seconds."""
    trends = (trend(state, name) for name in contract.CORE_METRICS)
    order = ("loss", "performance", "firing_rate", "capacity")
    return Summary(
        where=_where(state),
        trends=tuple(sorted((each for each in trends if each), key=lambda each: order.index(each.name))),
        milestones=completion(state),
        findings=tuple(findings(state, thresholds)),
        warnings=tuple(each.message for each in state.warnings),
        pace=pace(state, now),
        liveness=liveness(state, now, refresh),
        step=state.current_step,
        stage=state.current_stage,
        stage_name=state.stage_name,
        week=state.current_week,
        total_weeks=state.total_weeks,
    )


def _where(state: TrainingState) -> str:
    stage = (
        "Unknown stage" if state.current_stage is None else f"Stage {state.current_stage} {state.stage_name}"
    )
    week = ""
    if state.total_weeks:
        over = ", extended" if state.current_week > state.total_weeks else ""
        week = f", week {state.current_week:g} of {state.total_weeks:g}{over}"
    return f"{stage}{week}, step {state.current_step:,}."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _plain(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
