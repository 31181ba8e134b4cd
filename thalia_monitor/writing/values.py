"""Any value that a training script may log, as JSON: scalars of numpy and torch, NaN, sets, objects."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from enum import Enum
from numbers import Integral
from typing import Any, Final

PLAIN: Final = frozenset({float, int, bool, str, type(None)})
"""Types that JSON takes as they are; NaN and infinities go out as the bare words that Python reads and writes."""

MAX_ITEMS: Final = 64
"""A tensor with more elements is named by its shape: a log line is no place for weights."""

MAX_DEPTH: Final = 8
"""Deeper nesting, as of an object that holds itself, is written as text."""

MAX_TEXT: Final = 1_000
"""Characters kept of an object that has no other form than its text."""

_FIELDS: Final = "__dataclass_fields__"  # to import dataclasses takes longer than all that is imported here

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False)


def to_line(record: Mapping[str, Any]) -> bytes:
    """Encode one record of plain values as one line of UTF-8 with its newline."""
    return (_ENCODER.encode(record) + "\n").encode("utf-8", "replace")


def plain_metrics(metrics: Any) -> dict[str, Any]:
    """Bring a mapping (or an object with fields) into plain values under text names.

    Raises TypeError where it is neither.
    """
    mapping = metrics if isinstance(metrics, Mapping) else object_fields(metrics)
    if mapping is None:
        raise TypeError(f"metrics must be a mapping of names to values, not {type(metrics).__name__}")
    return _plain_mapping(mapping, 0)


def object_fields(value: Any) -> dict[str, Any] | None:
    """Read the fields of a dataclass or of an object with attributes; None for anything else."""
    if isinstance(value, type):
        return None
    fields = getattr(value, _FIELDS, None)
    if fields is not None:
        return {name: getattr(value, name) for name in fields}
    return dict(vars(value)) if hasattr(value, "__dict__") else None


def plain(value: Any, depth: int = 0) -> Any:
    """Bring any value into what JSON can hold; what has no such form becomes its text."""
    if type(value) in PLAIN:
        return value
    if depth > MAX_DEPTH:
        return _text(value)
    if type(value) is dict:
        return _plain_mapping(value, depth + 1)
    if isinstance(value, Enum):
        return plain(value.value, depth + 1)
    if isinstance(value, Mapping):
        return _plain_mapping(value, depth + 1)
    if isinstance(value, (list, tuple)):
        return [plain(each, depth + 1) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(each, depth + 1) for each in value), key=str)
    return _scalar(value, depth)


def _plain_mapping(mapping: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    """Bring a mapping into plain values; in line for the common ones, for this is done at every step."""
    return {
        name if type(name) is str else str(plain(name, depth)): (
            value if type(value) in PLAIN else plain(value, depth)
        )
        for name, value in mapping.items()
    }


def _scalar(value: Any, depth: int) -> Any:
    """Ask a foreign value for its content; one that raises costs only itself, not the line it stands on."""
    with suppress(Exception):
        return _content(value, depth)
    return f"{type(value).__name__} that cannot be read"


def _content(value: Any, depth: int) -> Any:
    if isinstance(value, Integral):  # numpy registers its integers as such
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "shape"):
        return _array(value, tuple(value.shape), depth)
    if hasattr(value, "__float__"):
        return float(value)
    if hasattr(value, _FIELDS):
        return plain(object_fields(value), depth + 1)
    return _text(value)


def _array(value: Any, shape: Iterable[int], depth: int) -> Any:
    """Take a scalar of numpy or torch out of its wrapping, and a small array as nested lists."""
    size = math.prod(shape)
    if size == 1 and hasattr(value, "item"):
        return plain(value.item(), depth + 1)
    if size <= MAX_ITEMS and hasattr(value, "tolist"):
        return plain(value.tolist(), depth + 1)
    return f"{type(value).__name__} of shape {shape}"


def _text(value: Any) -> str:
    return str(value)[:MAX_TEXT]
