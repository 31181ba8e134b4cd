"""Reports of a stage and of a session, as Thalia's own logger words them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from thalia_monitor.writing.stage_log import Record, StageLog, config_fields
from thalia_monitor.writing.texts import RULE


def stage_report(stage: float, log: StageLog) -> str:
    """Sum up a stage: configuration, metrics, growth, consolidation, milestones, transitions."""
    sections = (
        [_duration("Duration", log)],
        list(_configuration(config_fields(log.config))),
        list(_metrics(log.step_metrics)),
        list(_growth(log)),
        list(_consolidation(log)),
        list(_milestones(log)),
        list(_transitions(log.transitions)),
    )
    lines = [line for section in sections if section for line in (*section, "")]
    return "\n".join([RULE, f"Stage {stage} Report", RULE, "", *lines, RULE])


def session_report(logs: Mapping[float, StageLog], hours: float) -> str:
    """Sum up all stages of a session."""
    lines = [RULE, "Curriculum Training Session Report", RULE, ""]
    lines += [f"Session duration: {hours:.1f} hours", f"Stages completed: {len(logs)}", ""]
    for stage in sorted(logs):
        log = logs[stage]
        lines += [f"Stage {stage}:", _duration("  Duration", log)]
        if log.step_metrics:
            lines.append(f"  Total steps: {log.step_metrics[-1]['step']}")
        lines += [
            f"  Growth events: {log.counts['growth_events']}",
            f"  Consolidation events: {log.counts['consolidation_events']}",
            f"  Milestone checks: {log.counts['milestone_checks']}",
            "",
        ]
    return "\n".join([*lines, RULE])


def _duration(label: str, log: StageLog) -> str:
    hours = log.duration_hours()
    return f"{label}: In progress" if hours is None else f"{label}: {hours:.1f} hours"


def _configuration(config: Mapping[str, Any]) -> Iterator[str]:
    if config:
        yield "Configuration:"
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield f"  {name}:"
            yield from (f"    {key}: {each}" for key, each in value.items())
        else:
            yield f"  {name}: {value}"


def _metrics(records: Sequence[Record]) -> Iterator[str]:
    if not records:
        return
    yield "Training Metrics:"
    yield f"  Total steps: {records[-1]['step']}"
    recent = records[-max(1, len(records) // 10) :]
    for name in recent[0]:
        values = [record[name] for record in recent if isinstance(record.get(name), (int, float))]
        if values and name not in ("step", "timestamp"):
            yield f"  {name}: {sum(values) / len(values):.3f} (avg last 10%)"


def _growth(log: StageLog) -> Iterator[str]:
    if log.growth_events:
        yield f"Growth Events: {log.counts['growth_events']}"
    for event in log.growth_events:
        place = "N/A" if event["step"] is None else f"Step {event['step']}"
        yield f"  {place} - {event['region']}: +{event['n_added']} neurons"
        yield f"    Reason: {event['reason']}"


def _consolidation(log: StageLog) -> Iterator[str]:
    events = log.consolidation_events
    if events:
        yield f"Consolidation Events: {log.counts['consolidation_events']}"
        yield f"  Total patterns replayed: {_sum(events, 'n_patterns')}"
        yield f"  Total duration: {_sum(events, 'duration_seconds'):.1f}s"


def _sum(events: Sequence[Record], name: str) -> float:
    """Sum a field up where it is a number."""
    values: Iterator[float] = (event[name] for event in events if isinstance(event[name], (int, float)))
    return sum(values)


def _milestones(log: StageLog) -> Iterator[str]:
    if log.milestone_checks:
        yield f"Milestone Checks: {log.counts['milestone_checks']}"
    for position, check in enumerate(log.milestone_checks, 1):
        place = "N/A" if check["week"] is None else f"Week {check['week']}"
        results = check["results"]
        yield f"  Check {position} ({place}): {sum(map(bool, results.values()))}/{len(results)} passed"
        yield from (f"    {'✅' if passed else '❌'} {name}" for name, passed in results.items())


def _transitions(transitions: Sequence[Record]) -> Iterator[str]:
    if transitions:
        yield "Transitions:"
    for transition in transitions:
        yield f"  {transition['old_stage']} → {transition['new_stage']}"
        yield f"    Reason: {transition['reason']}"
