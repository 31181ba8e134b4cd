"""Any value that a training script may log, as JSON: scalars of numpy and torch, NaN, sets, objects."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from enum import Enum
from numbers import Integral
from typing import Any, Final

PLAIN: Final = frozenset({float, bool, type(None)})
"""Types that JSON takes as they are; NaN and infinities go out as the bare words that Python reads and writes."""

MAX_ITEMS: Final = 64
"""A tensor with more elements is named by its shape: a log line is no place for weights."""

MAX_DEPTH: Final = 8
"""Deeper nesting, as of an object that holds itself, is named instead of followed."""

MAX_TEXT: Final = 1_000
"""Characters kept of an object that has no other form than its text."""

MAX_STRING: Final = 10_000
"""Characters kept of a text."""

MAX_BITS: Final = 1_024
"""A whole number with more is beyond any float, and soon beyond what Python turns into digits at all."""

SMALL: Final = 1 << 62
"""Whole numbers below it need no second look."""

MAX_SIZE: Final = 100_000
"""Elements and characters of one value; a larger one is named instead of written."""

_FIELDS: Final = "__dataclass_fields__"  # to import dataclasses takes longer than all that is imported here

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False)

_UNSAFE: Final = re.compile(
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that a terminal obeys, that some readers take for the end of a line, or that hide or turn text."""

_CONTROLS: Final = re.compile("[\\x00-\\x08\\x0b-\\x1f]")


def to_line(record: Mapping[str, Any]) -> bytes:
    """Encode one record of plain values as one line of UTF-8 with its newline."""
    return to_bytes(_ENCODER.encode(record) + "\n")


def to_bytes(text: str) -> bytes:
    """Encode JSON as UTF-8, with escapes for characters that are not to be sent to a terminal or an editor."""
    if not text.isascii() or "\x7f" in text:
        text = _UNSAFE.sub(_escaped, text)
    return text.encode("utf-8", "replace")


def printable(text: str) -> str:
    """Replace control characters of a text, but for tabs and line breaks, with their escapes."""
    return _CONTROLS.sub(_escaped, _UNSAFE.sub(_escaped, text))


def _escaped(match: re.Match[str]) -> str:
    return r"\u007f" if match[0] == "\x7f" else json.dumps(match[0]).strip('"')


class Budget:
    """How much of one value may still be written."""

    def __init__(self) -> None:
        self.left = MAX_SIZE

    def spend(self, amount: int) -> bool:
        """Take an amount off; whether there was as much."""
        self.left -= amount
        return self.left >= 0

    def take(self, items: Iterable[Any]) -> Iterator[Any]:
        """Yield items of which there may be endless many, until the budget is used up."""
        for item in items:
            if not self.spend(1):
                return
            yield item


def plain_metrics(metrics: Any) -> dict[str, Any]:
    """Bring a mapping (or an object with fields) into plain values under text names.

    Raises TypeError where it is neither.
    """
    mapping = metrics if isinstance(metrics, Mapping) else object_fields(metrics)
    if mapping is None:
        raise TypeError(f"metrics must be a mapping of names to values, not {type(metrics).__name__}")
    return {
        name if type(name) is str and len(name) < MAX_TEXT else str(plain(name)): (
            value if type(value) in PLAIN else plain(value)
        )
        for name, value in mapping.items()
    }


def object_fields(value: Any) -> dict[str, Any] | None:
    """Read the fields of a dataclass or of an object with attributes; None for anything else."""
    if isinstance(value, type):
        return None
    fields = getattr(value, _FIELDS, None)
    if fields is not None:
        return {name: getattr(value, name) for name in fields}
    return dict(vars(value)) if hasattr(value, "__dict__") else None


def plain(value: Any) -> Any:
    """Bring any value into what JSON can hold; what has no such form, or is too large, becomes a text."""
    if type(value) is int:
        return _whole(value)
    if type(value) is str:
        return text(value)
    budget = Budget()
    found = _plain(value, 0, budget)
    return found if budget.left >= 0 else f"{type(value).__name__} that is too large to be written"


def text(value: Any) -> str:
    """Write anything as a text of bounded length. Raises whatever the value raises."""
    written = str(value)
    return written if len(written) <= MAX_STRING else f"{written[:MAX_STRING]}…"


def whole_step(step: Any) -> int:
    """Read a step as a whole number. Raises ValueError where no training gets so far."""
    at = int(step)
    if not -SMALL < at < SMALL:
        raise ValueError(f"a step of {at.bit_length():,} bits is no step")
    return at


def _whole(value: int) -> int | str:
    bits = value.bit_length()
    return value if bits <= MAX_BITS else f"whole number of {bits:,} bits"


def _plain(value: Any, depth: int, budget: Budget) -> Any:
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is int:
        return _whole(value)
    if isinstance(value, str):
        return text(value) if budget.spend(min(len(value), MAX_STRING)) else None
    if depth > MAX_DEPTH:
        return f"{kind.__name__} that is nested too deeply"
    if kind is dict:
        return _mapping(value.items(), depth + 1, budget) if budget.spend(len(value)) else None
    if isinstance(value, Enum):
        return _plain(value.value, depth + 1, budget)
    if isinstance(value, Mapping):
        return _mapping(budget.take(value.items()), depth + 1, budget)
    if isinstance(value, (list, tuple)):
        return [_plain(each, depth + 1, budget) for each in value] if budget.spend(len(value)) else None
    if isinstance(value, (set, frozenset)):
        items = value if budget.spend(len(value)) else ()
        return sorted((_plain(each, depth + 1, budget) for each in items), key=str)
    return _scalar(value, depth, budget)


def _mapping(items: Iterable[tuple[Any, Any]], depth: int, budget: Budget) -> dict[str, Any]:
    """Bring the items of a mapping into plain values; in line for the common ones, for each step has some."""
    return {
        name if type(name) is str and len(name) < MAX_TEXT else str(_plain(name, depth, budget)): (
            each
            if type(each) in PLAIN or (type(each) is int and -SMALL < each < SMALL)
            else _plain(each, depth, budget)
        )
        for name, each in items
    }


def _scalar(value: Any, depth: int, budget: Budget) -> Any:
    """Ask a foreign value for its content; one that raises costs only itself, not the line it stands on."""
    with suppress(Exception):
        return _content(value, depth, budget)
    return f"{type(value).__name__} that cannot be read"


def _content(value: Any, depth: int, budget: Budget) -> Any:
    if isinstance(value, Integral):  # numpy registers its integers as such
        return _whole(int(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (bytes, bytearray)):
        return _plain(value[: 4 * MAX_STRING].decode("utf-8", "replace"), depth, budget)
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "shape"):
        return _array(value, tuple(value.shape), depth, budget)
    if hasattr(value, "__float__"):
        return float(value)
    if hasattr(value, _FIELDS):
        return _plain(object_fields(value), depth + 1, budget)
    if isinstance(value, Collection):  # a deque, a range, a view of a dict
        return [_plain(each, depth + 1, budget) for each in budget.take(value)]
    return str(value)[:MAX_TEXT]


def _array(value: Any, shape: Iterable[int], depth: int, budget: Budget) -> Any:
    """Take a scalar of numpy or torch out of its wrapping, and a small array as nested lists."""
    size = math.prod(shape)
    if size == 1 and hasattr(value, "item"):
        return _plain(value.item(), depth + 1, budget)
    if size <= MAX_ITEMS and hasattr(value, "tolist"):
        return _plain(value.tolist(), depth + 1, budget)
    return f"{type(value).__name__} of shape {shape}"
