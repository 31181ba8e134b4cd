"""Decoding one line of the log carefully: whatever it holds becomes values and problems, never an exception.

Event lines come in three vocabularies (the contract's, Thalia's logger's, its trainer's) and are translated to
the contract's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from thalia_monitor import contract
from thalia_monitor.metric_info import CORE_METRICS
from thalia_monitor.model.records import Event, Problem
from thalia_monitor.reading.files import LONGEST_LINE
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.formats.json_values import LongNumber
from thalia_monitor.reading.formats.problems import Repeated, event_severity
from thalia_monitor.reading.recording import MetricLine

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


def _event_text(value: object) -> str | None:
    return json_values.text(value) if isinstance(value, str) else None


_KNOWN: Final[Mapping[str, Mapping[str, Field]]] = {
    contract.GROWTH: {
        "region": Field(_event_text, "a text", ("component_name",), needed=True),
        "neurons_added": Field(json_values.whole, "a whole number", ("n_added", "n_neurons_added")),
        "new_total": Field(json_values.count, "a whole number of at least 0", ("new_size",)),
        "reason": Field(_event_text, "a text"),
    },
    contract.CONSOLIDATION: {
        "sleep_stage": Field(_event_text, "a text", ("stage",), needed=True, unless="cycles"),
        "patterns_replayed": Field(
            json_values.count, "a whole number of at least 0", ("n_patterns", "total_replayed")
        ),
        "duration_steps": Field(json_values.count, "a whole number of at least 0"),
        "duration_seconds": Field(json_values.seconds, "a number of seconds"),
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
    step = _taken(fields, contract.STEP, json_values.count, "a whole number of at least 0", report)
    time = _taken(fields, contract.TIMESTAMP, json_values.unix_time, "a Unix time in seconds", report)
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
    others = {json_values.text(name): value for name, value in checked(kind, fields, report).items()}
    if kind == contract.WARNING:
        message = others.get("message")
        others["severity"] = str(
            event_severity(others.get("severity"), message if isinstance(message, str) else "")
        )
    return Event(kind, step, json_values.bounded(others), time=time, file=file, line=line)


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
        report(f"{name} should be {expected}, and is {json_values.shown(value)}")
    return found


@dataclass(frozen=True, slots=True)
class TextField:
    """A text in a custom field: a note, or a problem where numbers are logged under the same name."""

    name: str
    problem: Problem


Item = MetricLine | Event | Problem | TextField

_NOT_METRICS: Final = contract.CONTEXT | {
    contract.STEP,
    contract.TIMESTAMP,
    contract.EVENT_TYPE,
    contract.NEURON_COUNTS,
    contract.CAPACITY_BY_REGION,
}
REPAIR_BUDGET: Final = 8 * LONGEST_LINE
"""Characters looked at, at most, in search of a good object within a broken array."""
REPAIR_FACTOR: Final = 8
"""A bad line may be looked at so many times over, so that its cost grows with its length alone."""
LEAST_REPAIR: Final = 1_000
"""Characters that may be looked at for a short line in any case."""
OBJECT = re.compile(r'\{\s*"')
_BETWEEN = re.compile(r"[\s,]*")
_decoder = json.JSONDecoder(parse_int=json_values.parse_whole)


def decode_line(line: bytes, number: int, file: str = contract.LOG_NAME) -> list[Item]:
    """Read one line of the log: its metrics or event (of several objects, each), and its problems."""
    found: list[Item] = []

    def report(reason: str) -> None:
        found.append(Problem(file, number, reason))

    for each in _objects(line, report):
        item = read_object(each, file, number, report)
        found += [item] if item is not None else []
        if isinstance(item, MetricLine):
            found += text_fields(each, file, number)
    return found


def text_fields(fields: dict[str, Any], file: str, number: int | None) -> Iterator[TextField]:
    """Find the texts among the custom fields of a metric line that are no numbers in quotes."""
    for name, value in fields.items():
        custom = name not in _NOT_METRICS and name not in CORE_METRICS
        if type(value) is str and custom and not json_values.is_quoted_number(value):
            reason = Repeated(f"{_named(name)} should be a number, and is a text")
            yield TextField(name, Problem(file, number, reason))


def _objects(line: bytes, report: Report) -> Iterator[dict[str, Any]]:
    if len(line) > LONGEST_LINE:
        report(f"longer than {LONGEST_LINE // 2**20} MB; skipped")
        return
    text = _text(line, report)
    if not text:
        return
    try:
        values = [json.loads(text, parse_int=json_values.parse_whole)]
    except (ValueError, RecursionError) as error:
        values = _recover(text, error, report)
    for value in values:
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield each
            else:
                report(f"should be a JSON object, and is {json_values.kind_of(each)}")


def _text(line: bytes, report: Report) -> str:
    nuls = line.count(b"\0")
    if nuls:
        report(f"holds {nuls:,} NUL bytes: a write that did not reach the disk")
        line = line.replace(b"\0", b" ")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        report("is not valid UTF-8; what cannot be read in it is replaced")
        text = line.decode(errors="replace")
    return text.strip("\ufeff \t\r\n")


def _recover(text: str, error: ValueError | RecursionError, report: Report) -> list[Any]:
    """Read what can be read of a line that is not one JSON value: objects side by side, or after a torn."""
    good: list[Any] = []
    position, budget, torn = 0, REPAIR_FACTOR * len(text) + LEAST_REPAIR, False
    while budget > 0 and (match := OBJECT.search(text, position)):
        torn = torn or bool(text[position : match.start()].strip(" \t\r\n,"))
        try:
            value, end = _decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError) as failure:
            position, torn = match.end() - 1, True
            # A failure costs its whole position, not just what was scanned: json counts the lines before it.
            budget -= failure.pos if isinstance(failure, json.JSONDecodeError) else len(text)
            continue
        if contract.STEP in value or contract.EVENT_TYPE in value:
            good.append(value)
        else:  # a whole object within a torn line, such as its neuron_counts
            torn = True
        position = end
    if torn or text[position:].strip(" \t\r\n,") or not good:
        report(what_is_wrong(error) + ("; the rest of the line is read" if good else ""))
    return good


def what_is_wrong(error: ValueError | RecursionError, start: int = 0) -> str:
    """Say why a text, of which the part from ``start`` on was read, is no JSON."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"is not valid JSON ({error.msg} at character {error.pos - start + 1:,})"
    return "holds a number with too many digits"


def read_object(
    fields: dict[str, Any], file: str, number: int | None, report: Report
) -> MetricLine | Event | None:
    """Read one JSON object of the log; None, after reporting why, where it is neither metrics nor event."""
    kind = fields.get(contract.EVENT_TYPE)
    if kind is None:
        return _metric_line(fields, report)
    if not isinstance(kind, str) or not kind:
        report(f"event_type should be a text, and is {'empty' if kind == '' else json_values.kind_of(kind)}")
        return None
    return read_event(json_values.text(kind)[: json_values.LONGEST_NAME], fields, file, number, report)


def _metric_line(fields: dict[str, Any], report: Report) -> MetricLine | None:
    step = json_values.count(fields.get(contract.STEP))
    if step is None:
        given = fields.get(contract.STEP)
        what = (
            "is missing"
            if given is None
            else f"should be a whole number of at least 0, and is {json_values.shown(given)}"
        )
        report(f"step {what}; the line is left out")
        return None
    return MetricLine(
        step,
        _metrics(fields, report),
        _by_region(fields, contract.NEURON_COUNTS, report),
        _by_region(fields, contract.CAPACITY_BY_REGION, report),
        _time(fields, report),
        _stage(fields),
    )


def _stage(fields: dict[str, Any]) -> float | None:
    stage = json_values.finite(fields.get("stage"))
    return json_values.finite(fields.get("current_stage")) if stage is None else stage


def _time(fields: dict[str, Any], report: Report) -> float | None:
    value = fields.get(contract.TIMESTAMP)
    found = json_values.unix_time(value)
    if value is not None and found is None:
        report(Repeated(f"timestamp should be a Unix time in seconds, and is {json_values.shown(value)}"))
    return found


def _metrics(fields: dict[str, Any], report: Report) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in fields.items():
        if name in _NOT_METRICS:
            continue
        if (plain_value := json_values.number(value)) is not None:
            found[name] = plain_value
        elif type(value) is dict:
            for key, each in value.items():
                inner = json_values.number(each)
                if inner is not None:
                    found[f"{name}/{key}"] = inner
                elif isinstance(each, LongNumber) or json_values.is_quoted_number(each):
                    report(
                        Repeated(f"{_named(name)}/{_named(key)} should be a number, and is {kind_of(each)}")
                    )
        elif value is not None and name in CORE_METRICS:
            report(Repeated(f"{name} should be a number, and is {kind_of(value)}"))
        elif isinstance(value, LongNumber) or json_values.is_quoted_number(value):
            report(Repeated(f"{_named(name)} should be a number, and is {kind_of(value)}"))
    return json_values.well_named(found, report)


def _named(name: str) -> str:
    return json_values.text(name[: json_values.LONGEST_NAME])


def kind_of(value: object) -> str:
    """Name a JSON value's kind for a reader; a number in quotes is distinguished from other texts."""
    return "a number in quotes" if json_values.is_quoted_number(value) else json_values.kind_of(value)


def _by_region(fields: dict[str, Any], name: str, report: Report) -> dict[str, float]:
    table = fields.get(name)
    if table is None:
        return {}
    if type(table) is not dict:
        report(Repeated(f"{name} should be an object of numbers, and is {json_values.kind_of(table)}"))
        return {}
    found = {region: json_values.number(value) for region, value in table.items()}
    wrong = [region for region, value in found.items() if value is None and table[region] is not None]
    if wrong:
        kind = json_values.kind_of(table[wrong[0]])
        report(Repeated(f"{name} should hold numbers; {json_values.text(wrong[0])!r} is {kind}"))
    return json_values.well_named(
        {region: value for region, value in found.items() if value is not None}, report
    )
