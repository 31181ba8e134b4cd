"""Typed values from untrusted JSON: numbers, steps, tables, bounded text, and a run's own milestone thresholds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract

if TYPE_CHECKING:
    from thalia_monitor.model.records import Event

LARGEST_INTEGER: Final = 2**63 - 1
END_OF_TIME: Final = 253_402_300_800.0
LONGEST_TIME: Final = 10 * 365 * 86400.0
"""Seconds; what is longer was counted from a clock that was not set."""
LONGEST_NUMBER: Final = 24
"""Characters; every float can be written with as many."""
MOST_DIGITS: Final = 4_000
"""Digits of a whole number; Python refuses to parse more than 4,300."""
LONGEST_INTEGER: Final = 14_000
"""Bits, some 4,200 digits; Python refuses to write longer ones."""
LONGEST_TEXT: Final = 10_000
LONGEST_NAME: Final = 200
LARGEST_COLLECTION: Final = 1_000
DEEPEST: Final = 6
MOST_SERIES: Final = 2_000
"""Different names of metrics in one kind of file: of one that has new ones all the time, the rest is left out."""
TOO_MANY: Final = f"names more than {MOST_SERIES:,} different metrics; the rest of them is left out"
_QUOTED: Final = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")


def number(value: object) -> float | None:
    """Take an int or float (NaN and infinities included) as a float; a bool or anything else is None.

    An integer beyond the floats becomes an infinity, as ``1e400`` does.
    """
    if type(value) is float:
        return value
    if type(value) is not int:
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def whole(value: object) -> int | None:
    """Take an integer, or a float that is one (``4000.0``), that fits 64 bits; anything else is None."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and abs(value) <= LARGEST_INTEGER else None


def count(value: object) -> int | None:
    """Take a whole number that is not negative."""
    found = whole(value)
    return None if found is None or found < 0 else found


def finite(value: object) -> float | None:
    """Take a number that is neither NaN nor an infinity."""
    found = number(value)
    return found if found is not None and math.isfinite(found) else None


def unix_time(value: object) -> float | None:
    """Take a Unix time in seconds that a calendar can show (until the year 9999)."""
    found = number(value)
    return found if found is not None and 0 <= found < END_OF_TIME else None


def seconds(value: object) -> float | None:
    """Take a length of time in seconds that a training may last."""
    found = number(value)
    return found if found is not None and 0 <= found <= LONGEST_TIME else None


def text(value: str) -> str:
    """Bound a text, and replace lone surrogates, which no page or file could encode."""
    value = value[:LONGEST_TEXT]
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def bounded(value: Any, depth: int = DEEPEST) -> Any:
    """Bound any JSON value in length and depth; what is cut away is left out."""
    if isinstance(value, str):
        return text(value)
    if type(value) is int and abs(value) > LARGEST_INTEGER:
        return number(value)
    if isinstance(value, dict):
        kept = list(value.items())[:LARGEST_COLLECTION] if depth else []
        return {text(name): bounded(each, depth - 1) for name, each in kept}
    if isinstance(value, list):
        return [bounded(each, depth - 1) for each in (value[:LARGEST_COLLECTION] if depth else [])]
    return value


class LongNumber(str):
    """A whole number with more digits than Python parses: its first digits, never a value."""

    __slots__ = ()


def parse_whole(digits: str) -> int | LongNumber:
    """Parse a whole number of a JSON text, for ``json``'s ``parse_int``: one that is too long costs only itself."""
    return int(digits) if len(digits) <= MOST_DIGITS else LongNumber(f"{digits[:LONGEST_NUMBER]}…")


def kind_of(value: object) -> str:
    """Name a JSON value's kind for a reader."""
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        LongNumber: "a number with too many digits",
    }
    return "null" if value is None else names.get(type(value), "a number")


def is_quoted_number(value: object) -> bool:
    """Whether a text is a number as programs write it (``"0.91"``): one that was put in quotes by mistake."""
    return isinstance(value, str) and len(value) <= LONGEST_NAME and bool(_QUOTED.fullmatch(value))


def shown(value: object) -> str:
    """Name a JSON value for a reader: a number by its digits (the first of very many), anything else by its kind."""
    if number(value) is None:
        return kind_of(value)
    if isinstance(value, int) and value.bit_length() > LONGEST_INTEGER:
        return "a number with too many digits"
    digits = repr(value)
    return (
        digits
        if len(digits) <= LONGEST_NUMBER
        else f"{digits[:LONGEST_NUMBER]}… ({len(digits):,} characters)"
    )


class Names:
    """The names of a kind of file's metrics, of which only the first so many are kept."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self.full = False
        """Whether there were more."""

    def keep(self, values: dict[str, float]) -> dict[str, float]:
        """Leave out the values whose names are too many."""
        known = self._known
        if values.keys() <= known:
            return values
        for name in values:
            if len(known) >= MOST_SERIES:
                break
            known.add(name)
        kept = {name: value for name, value in values.items() if name in known}
        self.full = self.full or len(kept) < len(values)
        return kept


def well_named(values: dict[str, float], report: Callable[[str], None]) -> dict[str, float]:
    """Leave out values whose names cannot be shown: empty, or absurdly long."""
    if all(name.isascii() and 0 < len(name) <= LONGEST_NAME for name in values):
        return values
    named = {text(name): value for name, value in values.items() if 0 < len(name) <= LONGEST_NAME}
    if len(named) < len(values):
        report(f"a name is empty or longer than {LONGEST_NAME} characters; its value is left out")
    return named


def table(value: object) -> Mapping[str, Any]:
    """Take a JSON object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def entries(value: object) -> Iterator[Mapping[str, Any]]:
    """Take the objects of a JSON list, leaving out entries that are none."""
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Take the numeric fields; those of an object in it are named ``object/field``, one level deep."""
    found: dict[str, float] = {}
    for name, value in values.items():
        if len(found) > MOST_SERIES:  # the rest is left out in any case
            break
        if isinstance(value, dict):
            inner = ((f"{name}/{key}", number(each)) for key, each in value.items())
            found.update((key, each) for key, each in inner if each is not None)
        elif (parsed := number(value)) is not None:
            found[name] = parsed
    return well_named(found, lambda _: None)


def flags(value: object) -> dict[str, bool]:
    """Take the fields that are true or false, up to a number of them; 0.42 is not a milestone passed."""
    found = ((text(name), each) for name, each in table(value).items() if isinstance(each, bool))
    return dict(islice(found, LARGEST_COLLECTION))


def utc_seconds(stamp: object) -> float | None:
    """Read an ISO time as Unix seconds; one without an offset counts as UTC."""
    if not isinstance(stamp, str):
        return None
    try:
        moment = datetime.fromisoformat(stamp)
        return unix_time((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def thresholds(config: Mapping[str, Any]) -> dict[str, float]:
    """Take the ``success_criteria`` that have a threshold; one that is true or false is a check."""
    criteria = table(config.get("success_criteria"))
    kept = islice(criteria.items(), LARGEST_COLLECTION)
    limits = ((text(name), finite(each)) for name, each in kept)
    return {name: limit for name, limit in limits if limit is not None}


def configured_by(events: Iterable[Event]) -> dict[str, float]:
    """Take those of every stage that the log says began; a later stage's win."""
    found: dict[str, float] = {}
    for event in events:
        if event.kind == contract.STAGE_START:
            found |= thresholds(table(event.fields.get("config")))
    return found
