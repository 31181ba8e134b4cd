"""``curriculum_training.log``, the console and the reports, in the words of Thalia's own logger.

Thalia's own logger shares one Python logger among all runs of a process, which writes each run's records into
the others' files, and leaves out what the system's encoding cannot hold. Here each run has a Python logger of
its own; handlers that others have put on the logger named ``CurriculumTrainer``, or on the root, still get
every record.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor.logger.files import Appender
from thalia_monitor.logger.json_values import printable
from thalia_monitor.logger.stage_log import Record, StageLog, config_fields

if TYPE_CHECKING:
    from thalia_monitor.logger.files import WriteErrors

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


NAME: Final = "CurriculumTrainer"
FILE: Final = "curriculum_training.log"


class LogLevel(Enum):
    """Which records reach the text log and the console: those of this level and above."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def text_logger(level: LogLevel) -> logging.Logger:
    """Make a Python logger that shares its name, but no handlers, with those of other runs."""
    logger = logging.Logger(NAME, level.value)
    logger.parent = logging.getLogger(NAME)
    return logger


class _Formatter(logging.Formatter):
    """Formats records as Thalia does, with escapes for what a terminal would obey."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s - %(name)s - %(levelname)s - %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


class _Unlocked(logging.Handler):
    """Handles records without a handler's lock, which an interrupt at the wrong moment leaves locked for good.

    The run's logger lets one thread in at a time, and a record is one write.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        wanted = bool(self.filter(record))
        if wanted:
            self.emit(record)
        return wanted


class ConsoleHandler(_Unlocked):
    """Writes to the standard error stream, whatever its encoding can hold.

    It stops where the descriptor of that stream leads to another file than at first, as after ``os.closerange`` and
    an ``open``: that file is somebody else's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_Formatter())
        self.stream = sys.stderr
        self._place = _place(self.stream)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a terminal that was closed is no reason to disturb the training."""
        with suppress(OSError, ValueError, AttributeError):
            if _place(self.stream) == self._place:
                encoding = getattr(self.stream, "encoding", None) or "utf-8"
                text = self.format(record).encode(encoding, "backslashreplace").decode(encoding)
                self.stream.write(text + "\n")
                self.stream.flush()


class FileHandler(_Unlocked):
    """Appends to the text log in UTF-8, one write for each record; failures are counted."""

    def __init__(self, directory: Path, errors: WriteErrors) -> None:
        super().__init__()
        self.setFormatter(_Formatter())
        self._errors = errors
        self._file = Appender(directory / FILE)

    def emit(self, record: logging.LogRecord) -> None:
        """Append one record."""
        try:
            self._file.append((self.format(record) + "\n").encode("utf-8", "replace"))
        except OSError as error:
            self._errors.failed(FILE, error)
        else:
            self._errors.worked(FILE)


def _place(stream: Any) -> tuple[int, int] | None:
    """Which file a stream's descriptor leads to; None where it has no descriptor, or a closed one."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return None
    return status.st_dev, status.st_ino
