"""One record of ``curriculum_training.log``: a header, and the lines below it up to the next header.

The bodies are written for people; what they mean is read here. Source: the messages of Thalia's
``curriculum_logger.py``, which never changed from 2025-12 to 2026-02.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from thalia_monitor import contract
from thalia_monitor.model.records import Severity
from thalia_monitor.reading.formats import json_values

HEADER: Final = re.compile(
    rb"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) - CurriculumTrainer - (DEBUG|INFO|WARNING|ERROR) - ",
    re.MULTILINE,
)
STEP: Final = "step"
SESSION: Final = "session"
MISUSE: Final = "misuse"
NOTE: Final = "note"

STEPS_BETWEEN_TEXT_LINES: Final = 1000
"""Of the steps that it is given, the logger writes the multiples of this into its text log."""

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """What one record says: its kind, and the documented fields of that kind."""

    kind: str
    """A kind of event; or ``step`` (fields: the metrics), ``session`` (``path``: one was saved there),
    ``misuse`` (``message``: a call came at the wrong time), ``note`` (``message``: words of the script)."""
    step: int | None
    fields: Fields
    clock: float | None
    """Seconds since 1970 by the wall clock of the training machine, whose zone the file does not say."""
    line: int
    health: bool = False
    """Whether it is one of the logger's own health warnings."""
    lossy: bool = False
    """Whether some of its characters were lost to an encoding other than UTF-8."""


def read_record(stamp: bytes, level: bytes, body: bytes, line: int) -> Record:
    """Read one record; a body of no known shape is a note, or a warning when it was logged as one."""
    text = body.decode("utf-8", "replace").replace("\r\n", "\n")
    lossy = "\ufffd" in text
    kind, step, fields = _meaning(_RULE.sub("", text).strip(), level.decode())
    health = kind == contract.WARNING and _HEALTH.fullmatch(fields["message"]) is not None
    return Record(kind, step, fields, seconds(stamp.decode()), line, health, lossy)


def health_value(message: str) -> str | None:
    """The value that one of the logger's own health warnings prints; None for any other warning."""
    found = _HEALTH.fullmatch(message)
    return found and found[1]


def seconds(stamp: str) -> float | None:
    """Read a header's stamp as if it were UTC; None for one that is no date."""
    try:
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _meaning(text: str, level: str) -> tuple[str, int | None, Fields]:
    for pattern, kind, meaning in _SHAPES:
        if found := pattern.fullmatch(text):
            fields = json_values.bounded(meaning(found))
            step = _number(fields.pop(contract.STEP, None))
            return kind, json_values.count(step), fields
    if level not in ("WARNING", "ERROR"):
        return NOTE, None, {"message": json_values.text(text)}
    message = json_values.text(text.lstrip("⚠\ufe0f\ufffd? "))
    severity = Severity.CRITICAL if level == "ERROR" else Severity.WARNING
    return contract.WARNING, None, {"severity": str(severity), "message": message}


def _value(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:  # the logger prints "?" for weeks that it was not given
        return None


def _number(text: str | None) -> float | None:
    return json_values.finite(_value(text))


def _items(text: str, pattern: re.Pattern[str]) -> dict[str, str]:
    return dict(pattern.findall(text))


def _step(found: re.Match[str]) -> dict[str, Any]:
    pairs = (pair.rpartition("=") for pair in found["metrics"].split(", "))
    values = ((name, _value(text)) for name, _, text in pairs if name != contract.STEP)
    metrics = {name: value for name, value in values if value is not None}
    return {contract.STEP: found["step"]} | json_values.well_named(metrics, lambda _: None)


def _start(found: re.Match[str]) -> dict[str, Any]:
    tasks, _, criteria = found["rest"].partition("Success Criteria:")
    thresholds = _items(criteria, _CRITERION)
    return {
        "stage": _number(found["stage"]),
        "name": found["name"].strip(),
        "weeks": _number(found["weeks"]),
        "tasks": _items(tasks, _TASK),
        "criteria": {name: float(limit) for name, limit in thresholds.items()},
    }


def _check(found: re.Match[str]) -> dict[str, Any]:
    results = {name.strip(): mark == "✅" for mark, name in _RESULT.findall(found["rest"])}
    return {"stage": _number(found["stage"]), "week": _number(found["week"]), "results": results}


def _growth(found: re.Match[str]) -> dict[str, Any]:
    return found.groupdict() | {"neurons_added": json_values.whole(_number(found["neurons_added"]))}


def _sleep(found: re.Match[str]) -> dict[str, Any]:
    patterns, seconds = (
        json_values.whole(_number(found["patterns_replayed"])),
        _number(found["duration_seconds"]),
    )
    steps = json_values.whole(_number(found["duration_steps"]))
    numbers = {"patterns_replayed": patterns, "duration_seconds": seconds, "duration_steps": steps}
    known = {name: value for name, value in numbers.items() if value is not None}
    return {"sleep_stage": found["sleep_stage"], contract.STEP: found[contract.STEP]} | known


def _numbered(*names: str) -> Callable[[re.Match[str]], dict[str, Any]]:
    def meaning(found: re.Match[str]) -> dict[str, Any]:
        named = _named(found)
        return named | {name: _number(named[name]) for name in names if name in named}

    return meaning


def _named(found: re.Match[str]) -> dict[str, Any]:
    return {name: text for name, text in found.groupdict().items() if text is not None}


_RULE: Final = re.compile(r"^={20,}$", re.MULTILINE)
_TASK: Final = re.compile(r"^ +- (.+): (\d+)%$", re.MULTILINE)
_CRITERION: Final = re.compile(r"^ +- (.+): >(-?\d+\.\d+)$", re.MULTILINE)
_RESULT: Final = re.compile(r"^ *(✅|⚠️) +(.+)$", re.MULTILINE)
_HEALTH: Final = re.compile(r"(?:High firing rate|Low firing rate|High capacity): (\d+\.\d+)")

_N: Final = r"-?\d+"
_SHAPES: Final[tuple[tuple[re.Pattern[str], str, Callable[[re.Match[str]], dict[str, Any]]], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), kind, meaning)
    for pattern, kind, meaning in (
        (rf"\[Step (?P<step>{_N})\] ?(?P<metrics>.*)", STEP, _step),
        (
            r"\[Stage (?P<stage>\S+) Start\] (?P<name>[^\n]*)"
            r"(?:\n +Duration: (?P<weeks>\S+) weeks)?(?P<rest>.*)",
            contract.STAGE_START,
            _start,
        ),
        (
            r"\[Stage (?P<stage>\S+) End\] Duration: (?P<duration_hours>\S+) hours",
            contract.STAGE_END,
            _numbered("stage", "duration_hours"),
        ),
        (
            rf"\[Growth Event\](?: Step (?P<step>{_N}))? - (?P<region>[^\n]+)"
            rf" \+(?P<neurons_added>{_N}) neurons(?:\n +Reason: (?P<reason>.*))?",
            contract.GROWTH,
            _growth,
        ),
        (
            rf"\[Consolidation\](?: Step (?P<step>{_N}))? - (?P<sleep_stage>[^\n]*)"
            rf"\n +Patterns replayed: (?P<patterns_replayed>{_N}|unknown)"
            rf"\n +Duration: (?:(?P<duration_seconds>-?\d+\.\d+)s|(?P<duration_steps>{_N}) steps|unknown)",
            contract.CONSOLIDATION,
            _sleep,
        ),
        (
            r"\[Milestone Check\] Stage (?P<stage>\S+)(?: Week (?P<week>\S+))? - \d+/\d+ passed(?P<rest>.*)",
            contract.MILESTONE,
            _check,
        ),
        (
            r"\[Stage Transition\] (?P<old_stage>\S+) \S+ (?P<new_stage>\S+)\n +Reason: (?P<reason>.*)",
            contract.TRANSITION,
            _numbered("old_stage", "new_stage"),
        ),
        (
            r"\[Stage Extension\] Stage (?P<stage>\S+)"
            r"\n +Adding (?:(?P<weeks>\S+) weeks|(?P<additional_steps>\S+) steps)"
            r"\n +Reason: (?P<reason>.*)",
            contract.EXTENSION,
            _numbered("stage", "weeks", "additional_steps"),
        ),
        (r"Session saved to (?P<path>.*)", SESSION, re.Match.groupdict),
        (r"(?P<message>No active stage for .*|Stage \S+ not found in logs)", MISUSE, re.Match.groupdict),
    )
)
"""Every message of the logger, the kind of record that it is, and how its fields are read."""
