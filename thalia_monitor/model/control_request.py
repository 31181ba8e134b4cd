"""Parameters and commands that a training declares, and requests for them: what monitor and logger have in common.

Nothing but the standard library, and no dataclasses: the logger is imported into trainings.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from thalia_monitor import contract

LARGEST_REQUEST: Final = 4096
"""Bytes of a request's file; a larger one is refused unread."""
LONGEST_NAME: Final = 100
LONGEST_WORDS: Final = 300
"""Characters of a help text, a unit, a choice and a reason."""
MOST_CHOICES: Final = 50
MOST_DECLARED: Final = 200
LARGEST_WHOLE: Final = 2**63 - 1

FLOAT: Final = "float"
INT: Final = "int"
BOOL: Final = "bool"
CHOICE: Final = "choice"
COMMAND: Final = "command"
KINDS: Final = (FLOAT, INT, BOOL, CHOICE, COMMAND)

APPLIED: Final = "applied"
REFUSED: Final = "refused"
FAILED: Final = "failed"
"""Outcomes of a request; a command fails where the training's own function for it does."""

PAUSE: Final = "pause"
RESUME: Final = "resume"
CHECKPOINT_NOW: Final = "checkpoint_now"
STOP_AFTER_STAGE: Final = "stop_after_stage"
STOP: Final = "stop"
KNOWN_COMMANDS: Final[Mapping[str, tuple[str, bool]]] = {
    PAUSE: ("Wait at the next step, until resumed.", False),
    RESUME: ("Go on after a pause.", False),
    CHECKPOINT_NOW: ("Save a checkpoint at the next step.", False),
    STOP_AFTER_STAGE: ("End the training when this stage is over.", True),
    STOP: ("End the training at the next step.", True),
}
"""What each usual command does, and whether it cannot be taken back."""

REQUEST_NAME: Final = re.compile(r"([0-9a-f]{32})\.json")
"""How a request's file is called; files of other names are left alone."""

Value = float | int | bool | str


class Unacceptable(ValueError):
    """A value, declaration or request that is not accepted; its text is the reason, for the reader."""


class Parameter(NamedTuple):
    """A parameter that may be changed while training runs, or a command that may be given."""

    name: str
    kind: str
    value: Value | None = None
    """None for a command."""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    help: str = ""
    choices: tuple[Value, ...] = ()
    confirm: bool = False
    """Whether it cannot be taken back, so that a person has to confirm it."""

    def check(self, value: Any) -> Value | None:
        """Return the value as this parameter's own type; raises Unacceptable with the reason."""
        if self.kind == COMMAND:
            if value is not None:
                raise Unacceptable(f"{self.name} is a command and takes no value")
            return None
        if self.kind == CHOICE:
            for each in self.choices:
                if type(each) is type(value) and each == value:
                    return each
            raise Unacceptable(f"{shown(value)} is none of {', '.join(map(shown, self.choices))}")
        if self.kind == BOOL:
            if type(value) is not bool:
                raise Unacceptable(f"{shown(value)} is neither on nor off")
            return value
        return self._within(self._number(value))

    def _number(self, value: Any) -> float | int:
        if self.kind == INT:
            if type(value) is not int:
                raise Unacceptable(f"{shown(value)} is not a whole number")
            if abs(value) > LARGEST_WHOLE:
                raise Unacceptable("the whole number is too large")
            return value
        try:
            number = float(value) if type(value) in (int, float) else math.nan
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise Unacceptable(f"{shown(value)} is not a finite number")
        return number

    def _within(self, value: float | int) -> float | int:
        if self.low is not None and value < self.low:
            raise Unacceptable(f"{shown(value)} is below {shown(self.low)}, the lowest allowed")
        if self.high is not None and value > self.high:
            raise Unacceptable(f"{shown(value)} is above {shown(self.high)}, the highest allowed")
        return value

    def parse(self, text: str) -> Value | None:
        """Read a value as a person types it; raises Unacceptable with the reason."""
        text = text.strip()
        if self.kind == COMMAND:
            return self.check(None)
        if self.kind == BOOL:
            known = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
            return self.check(known.get(text.lower(), text))
        if self.kind == CHOICE:
            return self.check(next((each for each in self.choices if shown(each) == text), text))
        try:
            return self.check(int(text) if self.kind == INT else float(text))
        except ValueError as error:
            if isinstance(error, Unacceptable):
                raise
            what = "a whole number" if self.kind == INT else "a number"
            raise Unacceptable(f"{shown(text)} is not {what}") from None

    def fields(self) -> dict[str, Any]:
        """Fields of the event that declares it; what says nothing is left out."""
        found: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.kind != COMMAND:
            found["value"] = self.value
        bounds = {
            name: bound for name, bound in (("low", self.low), ("high", self.high)) if bound is not None
        }
        words = {name: text for name, text in (("unit", self.unit), ("help", self.help)) if text}
        choices = {"choices": list(self.choices)} if self.choices else {}
        return found | bounds | words | choices | ({"confirm": True} if self.confirm else {})


def parameter_from(fields: Mapping[str, Any]) -> Parameter | None:
    """Read the event that declares a parameter; None for one that no logger of ours writes."""
    given = {name: fields.get(name) for name in ("value", "low", "high", "confirm", "kind")}
    choices = fields.get("choices")
    try:
        return declared(
            fields.get("name"),
            given.pop("value"),
            unit=fields.get("unit") or "",
            help=fields.get("help") or "",
            choices=choices if isinstance(choices, list) else None,
            **given,
        )
    except Unacceptable:
        return None


def declared(
    name: Any,
    value: Any,
    *,
    low: Any = None,
    high: Any = None,
    unit: Any = "",
    help: Any = "",
    choices: Sequence[Any] | None = None,
    confirm: Any = False,
    kind: Any = None,
) -> Parameter:
    """Check a declaration, from a training or from its log; raises Unacceptable.

    The kind follows from the value: a whole number with a bound that is none is a float.
    """
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or "=" in name:
        raise Unacceptable(f"a name has 1 to {LONGEST_NAME} characters, and no '='")
    if contract.printable(name) != name or contract.legible(name) != name or name != name.strip():
        raise Unacceptable("the name has characters that cannot be shown")
    options = tuple(choices or ())
    if len(options) > MOST_CHOICES or not all(map(_is_choice, options)):
        raise Unacceptable(f"choices are at most {MOST_CHOICES} short texts or finite numbers")
    if kind is None:
        numbers = [each for each in (value, low, high) if each is not None]
        inferred = FLOAT if float in map(type, numbers) else INT
        kind = CHOICE if options else BOOL if type(value) is bool else inferred
    if kind not in KINDS:
        raise Unacceptable(f"there is no kind {shown(kind)}")
    lowest, highest = (_bound(each) if kind in (FLOAT, INT) else None for each in (low, high))
    found = Parameter(name, kind, None, lowest, highest, _words(unit), _words(help), options, confirm is True)
    return found._replace(value=found.check(value))


def _is_choice(value: Any) -> bool:
    if type(value) is str:
        return 0 < len(value) <= LONGEST_WORDS and contract.printable(value) == value
    return type(value) in (int, bool) or (type(value) is float and math.isfinite(value))


def _bound(value: Any) -> float | int | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not abs(value) <= LARGEST_WHOLE:
        raise Unacceptable(f"a bound has to be a finite number, and is {shown(value)}")
    return value  # type: ignore[no-any-return]


def _words(value: Any) -> str:
    return contract.printable(contract.legible(str(value)))[:LONGEST_WORDS]


def shown(value: Any) -> str:
    """Write a value for a person, bounded: ``0.0001``, ``on``, ``cosine``."""
    if value is None:
        return "nothing"
    if type(value) is bool:
        return "on" if value else "off"
    if type(value) is float:
        return contract.exact(value)
    if type(value) is int:
        return str(value) if abs(value) <= LARGEST_WHOLE else "a very large number"
    if type(value) is str:
        text = contract.printable(contract.legible(value))
        return text if len(text) <= 40 else f"{text[:39]}…"
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "no value"


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of one type, a whole number and its float counting as one."""
    numbers = (int, float)
    return (type(one) is type(other) or (type(one) in numbers and type(other) in numbers)) and one == other


class Request(NamedTuple):
    """One person's request to change a parameter, or to give a command."""

    id: str
    session: str
    """Of the training process whose declarations the person saw: no other one takes it."""
    name: str
    value: Value | None
    """None for a command."""
    based_on: Value | None
    """The value that the person saw; None for a command."""
    user: str
    asked: float
    """Unix seconds, by the monitor's clock."""

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.id}.json"

    def content(self) -> bytes:
        """What its file holds."""
        return json.dumps(self._asdict(), allow_nan=False).encode()


def new_id() -> str:
    """Make the id of a request, which no other has."""
    return os.urandom(16).hex()


def parse_request(content: bytes, identifier: str) -> Request:
    """Read a request's file; raises Unacceptable with the reason."""
    if len(content) > LARGEST_REQUEST:
        raise Unacceptable(f"the request is larger than {LARGEST_REQUEST:,} bytes")
    try:
        given = json.loads(content.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, Unacceptable) else "the request is not valid JSON"
        raise Unacceptable(reason) from None
    if not isinstance(given, dict) or set(given) != set(Request._fields):
        raise Unacceptable("the request does not have the fields of one")
    texts = (given["id"], given["session"], given["name"], given["user"])
    if not all(isinstance(each, str) for each in texts) or given["id"] != identifier:
        raise Unacceptable("the request does not have the fields of one")
    if type(given["asked"]) not in (int, float) or not 0 <= given["asked"] < LARGEST_WHOLE:
        raise Unacceptable("the request's time is none")
    values = (given["value"], given["based_on"])
    if any(isinstance(each, dict | list) for each in values):
        raise Unacceptable("a value has to be a number, a text, on or off")
    return Request(
        identifier,
        given["session"][:LONGEST_NAME],
        contract.printable(contract.legible(given["name"][:LONGEST_NAME])),
        *values,
        user_name(given["user"]),
        float(given["asked"]),
    )


def user_name(text: str) -> str:
    """Bound a user's name, and replace what could not be shown."""
    return contract.printable(contract.legible(text))[:LONGEST_NAME] or "unknown"


def _no_constant(name: str) -> None:
    raise Unacceptable(f"{name} is not a finite number")
