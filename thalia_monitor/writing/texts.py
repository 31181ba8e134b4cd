"""The records of ``curriculum_training.log``, worded as Thalia's own logger words them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

RULE: Final = "=" * 80

STAGE_NAMES: Final[Mapping[float, str]] = {
    -1: "Sensorimotor",
    0: "Sensory Foundations",
    1: "Toddler",
    2: "Grammar & Executive",
    3: "Reading & Theory of Mind",
    4: "Abstract Reasoning",
    5: "Expert Domains",
    6: "LLM-Level",
}
"""Thalia's text log names some stages otherwise than its dashboard does; who reads old logs expects these."""


def number(value: Any, digits: int = 3) -> str:
    """Write a number with so many decimals, anything else as it is."""
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) else str(value)


def stage_start(stage: float, config: Mapping[str, Any]) -> str:
    """Announce a stage with its duration, tasks and success criteria."""
    lines = [RULE, f"[Stage {stage} Start] {STAGE_NAMES.get(stage, f'Stage {stage}')}"]
    lines.append(f"  Duration: {config.get('duration_weeks', '?')} weeks")
    if "tasks" in config:
        lines += ["  Tasks:", *_tasks(config["tasks"] or [], config.get("task_weights") or {})]
    if "success_criteria" in config:
        criteria = config["success_criteria"] or {}
        lines += [
            "  Success Criteria:",
            *(f"    - {name}: >{number(criteria[name], 2)}" for name in criteria),
        ]
    return _block([*lines, RULE])


def _tasks(tasks: Iterable[str], weights: Mapping[str, float]) -> list[str]:
    names = list(tasks)
    return [f"    - {task}: {number(100 * weights.get(task, 1 / len(names)), 0)}%" for task in names]


def stage_end(stage: float, hours: float) -> str:
    """Announce the end of a stage."""
    return _block([f"[Stage {stage} End] Duration: {hours:.1f} hours"])


def step(at: int, metrics: Mapping[str, Any]) -> str:
    """Put a step's metrics on one line; regions' values are left out."""
    values = (f"{name}={number(value)}" for name, value in metrics.items() if not isinstance(value, dict))
    return f"[Step {at}] " + ", ".join(values)


def health(message: str) -> str:
    """Put a health warning below the step that it belongs to."""
    return f"  ⚠️  {message}"


def growth(region: str, added: Any, reason: str, at: int | None) -> str:
    """Say which region grew, by how much and why."""
    return _block([f"[Growth Event]{_step(at)} - {region} +{added} neurons", f"  Reason: {reason}"])


def consolidation(sleep_stage: str | None, patterns: Any, seconds: Any, steps: Any, at: int | None) -> str:
    """Say what was replayed in a phase of sleep."""
    head = f"[Consolidation]{_step(at)} - {_known(sleep_stage)}"
    duration = f"{number(seconds, 1)}s" if seconds is not None else _known(steps, " steps")
    return _block([head, f"  Patterns replayed: {_known(patterns)}", f"  Duration: {duration}"])


def milestones(stage: float, results: Mapping[str, Any], week: Any) -> str:
    """List a stage's milestones with those that passed."""
    passed = sum(1 for result in results.values() if result)
    week_part = "" if week is None else f" Week {week}"
    lines = [f"[Milestone Check] Stage {stage}{week_part} - {passed}/{len(results)} passed"]
    lines += [f"  {'✅' if result else '⚠️ '} {name}" for name, result in results.items()]
    if passed < len(results):
        lines.append("  Action: EXTENDING STAGE")
    return _block(lines)


def transition(old_stage: float, new_stage: float, reason: str) -> str:
    """Announce the next stage."""
    return _block([RULE, f"[Stage Transition] {old_stage} → {new_stage}", f"  Reason: {reason}", RULE])


def extension(stage: float, weeks: Any, steps: Any, reason: str) -> str:
    """Announce that a stage is given more time."""
    added = f"{steps} steps" if weeks is None else f"{weeks} weeks"
    return _block([f"[Stage Extension] Stage {stage}", f"  Adding {added}", f"  Reason: {reason}"])


def event(kind: str, fields: Mapping[str, Any], at: int | None) -> str:
    """Put anything else that happened on one line."""
    values = (f"{name}={number(value)}" for name, value in fields.items())
    return f"[Event]{_step(at)} - {kind}: " + ", ".join(values)


def _known(value: Any, unit: str = "") -> str:
    return "unknown" if value is None else f"{value}{unit}"


def _step(at: int | None) -> str:
    return "" if at is None else f" Step {at}"


def _block(lines: Iterable[str]) -> str:
    """Set a record of several lines apart: its header line stays empty, and a blank line follows it."""
    return "\n" + "\n".join(lines) + "\n"
