"""Event lines: three vocabularies for the same things, brought to the documented one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from thalia_monitor import contract
from thalia_monitor.reading import plain
from thalia_monitor.reading.severity import event_severity
from thalia_monitor.records import Event

Report = Callable[[str], None]
"""Takes the reason of a problem, in words for the reader."""


@dataclass(frozen=True, slots=True)
class Field:
    """A documented field of an event: how it is read, what it should be, and its other names."""

    read: Callable[[Any], Any]
    expected: str
    aliases: tuple[str, ...] = ()
    needed: bool = False
    """Whether an event of the log is incomplete without it."""
    unless: str | None = None
    """A field beside which it is not needed: whole cycles of sleep are of no one phase."""


def _text(value: object) -> str | None:
    return plain.text(value) if isinstance(value, str) else None


_KNOWN: Final[Mapping[str, Mapping[str, Field]]] = {
    contract.GROWTH: {
        "region": Field(_text, "a text", ("component_name",), needed=True),
        "neurons_added": Field(plain.whole, "a whole number", ("n_added", "n_neurons_added")),
        "new_total": Field(plain.count, "a whole number of at least 0", ("new_size",)),
        "reason": Field(_text, "a text"),
    },
    contract.CONSOLIDATION: {
        "sleep_stage": Field(_text, "a text", ("stage",), needed=True, unless="cycles"),
        "patterns_replayed": Field(
            plain.count, "a whole number of at least 0", ("n_patterns", "total_replayed")
        ),
        "duration_steps": Field(plain.count, "a whole number of at least 0"),
        "duration_seconds": Field(plain.seconds, "a number of seconds"),
    },
}
"""The aliases are what Thalia's own logger, trainer and growth history call the same field."""

_OTHER_KINDS: Final[Mapping[str, str]] = {"stage_extension": contract.EXTENSION}
"""Other names of documented kinds: Thalia's method is ``log_stage_extension``."""


def read_event(kind: str, given: Mapping[str, Any], file: str, line: int | None, report: Report) -> Event:
    """Build an event from a line's fields; a field of the wrong type is reported and left out."""
    kind = _OTHER_KINDS.get(kind, kind)
    fields = dict(given)
    known = _KNOWN.get(kind, {})
    if known and fields.get(contract.STEP) is None:
        report(f"step is missing from this {kind} event, so no chart can place it")
    step = _taken(fields, contract.STEP, plain.count, "a whole number of at least 0", report)
    time = _taken(fields, contract.TIMESTAMP, plain.unix_time, "a Unix time in seconds", report)
    del fields[contract.EVENT_TYPE]
    for name, field in known.items():
        for alias in field.aliases:
            # A consolidation's `stage` may also be the curriculum stage; only a text is a sleep stage.
            if (
                name not in fields
                and alias in fields
                and (alias != "stage" or isinstance(fields[alias], str))
            ):
                fields[name] = fields.pop(alias)
        if field.needed and fields.get(name) is None and field.unless not in fields:
            report(f"{name} is missing from this {kind} event")
    others = {plain.text(name): value for name, value in checked(kind, fields, report).items()}
    if kind == contract.WARNING:
        message = others.get("message")
        others["severity"] = str(
            event_severity(others.get("severity"), message if isinstance(message, str) else "")
        )
    return Event(kind, step, plain.bounded(others), time=time, file=file, line=line)


def checked(kind: str, given: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Give an event's fields; a documented one of the wrong type is reported and left out."""
    fields = dict(given)
    for name, field in _KNOWN.get(kind, {}).items():
        value = _taken(fields, name, field.read, field.expected, report)
        if value is not None:
            fields[name] = value
    return fields


def _taken(
    fields: dict[str, Any], name: str, read: Callable[[Any], Any], expected: str, report: Report
) -> Any:
    """Take one field out; None where it is absent, null or, after reporting it, wrong."""
    value = fields.pop(name, None)
    if value is None:
        return None
    found = read(value)
    if found is None:
        report(f"{name} should be {expected}, and is {plain.shown(value)}")
    return found
