"""Untyped JSON to the few kinds of value that a run is made of; whatever does not fit becomes None."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

_LARGEST_STEP: Final = 2**62  # leaves numpy's int64 room for differences


def number(value: object) -> float | None:
    """Take an int or a float (NaN and infinities included); a bool is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def whole(value: object) -> int | None:
    """Take a whole number that can be a step; 4000.0 is one (Thalia logs ``global_step`` as a float)."""
    exact = number(value)
    if exact is None or not exact.is_integer() or abs(exact) > _LARGEST_STEP:
        return None
    return int(value) if isinstance(value, int) else int(exact)


def text(value: object) -> str | None:
    """Take a string as it is, and nothing else."""
    return value if isinstance(value, str) else None


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
        if isinstance(value, dict):
            inner = ((f"{name}/{key}", number(each)) for key, each in value.items())
            found.update((key, each) for key, each in inner if each is not None)
        elif (plain := number(value)) is not None:
            found[name] = plain
    return found


def flags(value: object) -> dict[str, bool]:
    """Take the fields that are true or false; 0.42 is not a milestone passed."""
    return {name: each for name, each in table(value).items() if isinstance(each, bool)}


def utc_seconds(stamp: object) -> float | None:
    """Read an ISO time as Unix seconds; one without an offset counts as UTC."""
    if not isinstance(stamp, str):
        return None
    try:
        moment = datetime.fromisoformat(stamp)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
