"""Text and JSON form of a run's summary, for terminals, screen readers, scripts and agents."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor.analysis.formatting import ago, counted, joined, strict
from thalia_monitor.analysis.liveness import Status
from thalia_monitor.model.series_key import metric

if TYPE_CHECKING:
    from thalia_monitor.analysis.findings import Finding
    from thalia_monitor.analysis.pace import Span
    from thalia_monitor.analysis.summary import Summary
    from thalia_monitor.model.records import Severity

STATUS_WORDS: Final[Mapping[Status, str]] = {
    Status.LIVE: "Live",
    Status.QUIET: "Quiet",
    Status.STALE: "Stale",
    Status.FINISHED: "Finished",
    Status.STOPPED: "Stopped",
    Status.UNKNOWN: "Not known to be alive",
}
STATUS_ICONS: Final[Mapping[Status, str]] = {
    Status.LIVE: "●",
    Status.QUIET: "◐",
    Status.STALE: "○",
    Status.FINISHED: "■",
    Status.STOPPED: "▣",
    Status.UNKNOWN: "?",
}
"""Shapes that differ without their colour."""
STATUS_KINDS: Final[Mapping[Status, str]] = {
    Status.LIVE: "good",
    Status.QUIET: "warning",
    Status.STALE: "critical",
    Status.FINISHED: "info",
    Status.STOPPED: "warning",
    Status.UNKNOWN: "info",
}
WAITING: Final = "Waiting for data"
MOST_LISTED: Final = 20


def status_words(summary: Summary) -> str:
    """The run's status in words; of one without any file yet, that it is waited for."""
    return WAITING if summary.waiting else STATUS_WORDS[summary.liveness.status]


def text(summary: Summary) -> str:
    """Whole summary as plain text, one subject per line."""
    status = status_words(summary).lower()
    lines = [
        f"{summary.state.name}: {status}. {summary.liveness.text}",
        summary.liveness.clock if summary.liveness.clock != summary.liveness.text else "",
        stage_words(summary),
        pace_words(summary),
        metric_words(summary),
        milestone_words(summary),
        growth_words(summary),
        sleep_words(summary),
        *warning_words(summary),
        *finding_words(summary),
        problem_words(summary),
    ]
    return "\n".join(printable(line) for line in lines if line) + "\n"


def printable(line: str) -> str:
    """Remove characters that control a terminal: escapes, line breaks, direction changes."""
    return "".join(each for each in line if unicodedata.category(each) not in _COMMANDS)


_COMMANDS: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})


def stage_words(summary: Summary) -> str:
    """Position in the curriculum: ``Stage 0 Sensory Foundations, week 2 of 4, step 84,310.``"""
    state = summary.state
    if state.current_stage is None:
        return f"Stage unknown, step {state.current_step:,}."
    known = f"Stage {state.current_stage}"
    named = f" {state.stage_name}" if state.stage_name != known else ""
    week = ""
    if state.total_weeks:
        over = ", extended" if state.current_week > state.total_weeks else ""
        week = f", week {state.current_week:g} of {state.total_weeks:g}{over}"
    if state.planned_in_steps:
        week = f", {state.stage_steps:,} of {state.plan.steps:,.0f} steps in this stage"
    following = f" Next is {summary.next_stage}." if summary.next_stage else ""
    return f"{known}{named}{week}, step {state.current_step:,}.{following}"


def metric_words(summary: Summary) -> str:
    """Values and trends of the metrics, or that there are none."""
    known = [*summary.state.history.metrics, *summary.state.metrics]
    if summary.trends or not known:
        return " ".join(f"{each}." for each in summary.trends) or "No metrics yet."
    names = joined([name[:80] for name in dict.fromkeys(known[:MOST_LISTED])])
    return f"Nothing measured yet: only {names}, constant 0 or a count of steps."


def pace_words(summary: Summary) -> str:
    """Pace and remaining time, or why they are unknown."""
    pace = summary.pace
    if pace.recent is None:
        return pace.reason
    return f"{pace}." if pace.left else f"{pace}. {pace.left_reason}"


def milestone_words(summary: Summary) -> str:
    """Number of milestones passed, and which are left."""
    if not summary.milestones:
        return "No milestones are known for this stage."
    said = [f"{summary.passed:,} of {counted(len(summary.milestones), 'milestone')}."]
    for heading, left in (
        ("Left", [each for each in summary.left if each.passed is False]),
        ("Not evaluated yet", [each for each in summary.left if each.passed is None]),
    ):
        names = [each.name[:80] + (f" ({each.criterion})" if each.criterion else "") for each in left]
        more = [f"{len(left) - MOST_LISTED:,} more"] if len(left) > MOST_LISTED else []
        if left:
            said.append(f"{heading}: {joined(names[:MOST_LISTED] + more)}.")
    return " ".join(said)


def growth_words(summary: Summary) -> str:
    """Growth in total and in the last hour."""
    growth = summary.growth
    if not growth.events:
        return "No growth yet."
    said = f"Growth: {counted(growth.events, 'time')}, {counted(growth.added, 'neuron')} added"
    if growth.hour_events is not None:
        hour = f"{counted(growth.hour_events, 'time')}, {counted(growth.hour_added or 0, 'neuron')}"
        said += f"; in the last hour {hour}"
    return said + (f"; {growth.neurons:,} neurons now." if growth.neurons is not None else ".")


def sleep_words(summary: Summary) -> str:
    """Phases, place and time of the last consolidation."""
    sleep = summary.sleep
    if sleep is None:
        return "No consolidation yet."
    where = f" at step {sleep.step:,}" if sleep.step is not None else ""
    when = f", {ago(sleep.age)}" if sleep.age is not None else ""
    patterns = f", {counted(sleep.patterns, 'pattern')} replayed" if sleep.patterns is not None else ""
    return f"Last consolidation: {sleep.stage}{where}{when}{patterns}."


def warning_words(summary: Summary) -> list[str]:
    """The trainer's warnings, one per line."""
    listed = summary.state.warnings
    if not listed:
        found = any(each.wrong for each in summary.findings)
        return ["No health warnings."] if summary.state.checkpoints and not found else []
    more = [f"and {len(listed) - MOST_LISTED:,} more warnings"] if len(listed) > MOST_LISTED else []
    return [f"{_marked(each.severity)}: {each.message[:500]}" for each in listed[:MOST_LISTED]] + more


def finding_words(summary: Summary) -> list[str]:
    """Health findings, one per line."""
    more = len(summary.findings) - MOST_LISTED
    return [
        f"{_marked(each.severity)} (found): {each.message} {each.evidence[:1].upper()}{each.evidence[1:]}."
        for each in summary.findings[:MOST_LISTED]
    ] + ([f"and {more:,} more findings"] if more > 0 else [])


def problem_words(summary: Summary) -> str:
    """Say how many notes there are about the files; empty when there are none."""
    total = summary.state.total_problems
    return f"{counted(total, 'note')} about the files: see thalia-monitor check." if total else ""


def _marked(severity: Severity) -> str:
    return f"{severity}".capitalize()


def record(summary: Summary) -> dict[str, Any]:
    """Summary as JSON values; non-finite numbers become their names."""
    state, alive, growth, sleep = summary.state, summary.liveness, summary.growth, summary.sleep
    return {
        "name": state.name,
        "text": text(summary),
        "status": str(alive.status),
        "status_text": alive.text,
        "age_seconds": strict(alive.age),
        "usual_gap_seconds": strict(alive.rhythm.line),
        "clock": alive.clock or None,
        "current_stage": state.current_stage,
        "stage_name": state.stage_name,
        "next_stage": summary.next_stage or None,
        "current_week": state.current_week,
        "total_weeks": state.total_weeks,
        "stage_progress": state.stage_progress,
        "current_step": state.current_step,
        "last_update": moment(alive.time),
        "pace": _pace(summary),
        "metrics": {
            each.place.quantity if each.place else each.name: {
                "value": strict(each.value),
                "step": each.step,
                "change": strict(each.change),
                "over_steps": each.steps,
                "series": metric(each.name).public,
                "unit": each.place.unit if each.place else "",
            }
            for each in summary.trends
        },
        "milestones": {
            "passed": summary.passed,
            "total": len(summary.milestones),
            "left": [
                {"name": each.name, "criterion": each.criterion, "evaluated": each.passed is not None}
                for each in summary.left
            ],
        },
        "growth": {
            "events": growth.events,
            "neurons_added": growth.added,
            "events_last_hour": growth.hour_events,
            "neurons_added_last_hour": growth.hour_added,
            "neurons": growth.neurons,
        },
        "last_sleep": sleep
        and {
            "sleep_stage": sleep.stage,
            "step": sleep.step,
            "patterns_replayed": sleep.patterns,
            "age_seconds": strict(sleep.age),
        },
        "warnings": [{"severity": str(each.severity), "message": each.message} for each in state.warnings],
        "findings": [finding_record(each) for each in summary.findings],
        "unreadable_parts": state.total_problems,
    }


def finding_record(finding: Finding) -> dict[str, Any]:
    """A finding as JSON values."""
    return {
        "kind": str(finding.kind),
        "severity": str(finding.severity),
        "message": finding.message,
        "evidence": finding.evidence,
        "since_step": finding.since_step,
        "series": finding.series,
    }


def _pace(summary: Summary) -> dict[str, Any]:
    pace = summary.pace
    return {
        "steps_per_second": strict(pace.recent),
        "steps_per_second_overall": strict(pace.overall),
        "seconds_left": _span(pace.left),
        "expected_end": moment(pace.end),
        "reason": pace.reason or pace.left_reason or None,
    }


def _span(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    return {"low": strict(span.low), "likely": strict(span.likely), "high": strict(span.high)}


def moment(seconds: float | None) -> str | None:
    """A time (Unix seconds) as ISO 8601 in UTC; None if there is none or no calendar has it."""
    known = seconds is not None and 0 <= seconds < 2e11
    return datetime.fromtimestamp(seconds or 0, UTC).isoformat(timespec="seconds") if known else None
