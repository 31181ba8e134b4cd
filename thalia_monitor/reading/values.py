"""Untyped JSON to the shapes that a run is made of; whatever does not fit is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from thalia_monitor.reading import plain


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
        if len(found) > plain.MOST_SERIES:  # the rest is left out in any case
            break
        if isinstance(value, dict):
            inner = ((f"{name}/{key}", plain.number(each)) for key, each in value.items())
            found.update((key, each) for key, each in inner if each is not None)
        elif (number := plain.number(value)) is not None:
            found[name] = number
    return plain.well_named(found, lambda _: None)


def flags(value: object) -> dict[str, bool]:
    """Take the fields that are true or false, up to a number of them; 0.42 is not a milestone passed."""
    found = ((plain.text(name), each) for name, each in table(value).items() if isinstance(each, bool))
    return dict(islice(found, plain.LARGEST_COLLECTION))


def utc_seconds(stamp: object) -> float | None:
    """Read an ISO time as Unix seconds; one without an offset counts as UTC."""
    if not isinstance(stamp, str):
        return None
    try:
        moment = datetime.fromisoformat(stamp)
        return plain.unix_time((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
