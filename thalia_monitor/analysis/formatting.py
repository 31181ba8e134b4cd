"""Format ages, durations, rates, counts and percentages for display."""

from __future__ import annotations

import math
from typing import Final, Literal

from thalia_monitor.contract import exact

NumberKind = Literal["count", "value", "percent", "change", "rate"]

MINUS: Final = "\u2212"
NONE: Final = "\u2013"
"""Placeholder for a missing number: a dash, never 0."""

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


def duration(seconds: float) -> str:
    """Format a duration by its two greatest units: ``12 s``, ``4 min 12 s``, ``1 d 2 h``.

    Below ten seconds with one decimal unless it is 0 (``0.4 s``); ``< 1 s`` where that is 0 or less.
    """
    if not math.isfinite(seconds):
        return NONE
    if 0 < seconds < 9.95 and round(seconds, 1) % 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 1:
        return "< 1 s"
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole, _MINUTE, "min", 1, "s")
    if whole < _DAY:
        return _two(whole, _HOUR, "h", _MINUTE, "min")
    return _two(whole, _DAY, "d", _HOUR, "h")


def _two(seconds: int, unit: int, name: str, part: int, part_name: str) -> str:
    rest = seconds % unit // part
    return f"{seconds // unit:,} {name}" + (f" {rest} {part_name}" if rest else "")


def age(seconds: float) -> str:
    """Format an age: ``just now`` (below a second, or in the future), ``12 s``, ``4 min 12 s``."""
    if math.isfinite(seconds) and seconds < 1:
        return "just now"
    return duration(math.floor(seconds)) if math.isfinite(seconds) else NONE


def ago(seconds: float) -> str:
    """Format a time in the past: ``just now``, ``12 s ago``; a dash if unknown."""
    words = age(seconds)
    return words if words in ("just now", NONE) else f"{words} ago"


def rough(seconds: float) -> str:
    """Format an estimated duration, rounded to one unit: ``3 h``."""
    if not math.isfinite(seconds):
        return NONE
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        count = seconds / unit
        if count >= 1:
            digits = 1 if count < 10 and unit > _MINUTE else 0
            return f"{count:,.{digits}f}".removesuffix(".0") + f" {name}"
    return f"{round(seconds)} s" if seconds >= 0.5 else "< 1 s"


def number(value: float | None, kind: NumberKind = "value") -> str:
    """Format a number.

    ``count`` ``84,310``; ``value`` four digits, ``0.2345`` or ``12.35``; ``percent`` of a share, ``23.4 %``;
    ``change`` the same with its sign, ``+4 %``; ``rate`` ``12.5``, ``0.08``. ``None`` is a dash, and
    what is not finite is named: ``NaN``, ``∞``.
    """
    if value is None:
        return NONE
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else f"{MINUS}∞"
    if kind == "count":
        text = _decimals(value, 0)
    elif kind == "percent":
        text = f"{_decimals(value * 100, 1)} %"
    elif kind == "change":
        text = f"{_decimals(value * 100, 0 if abs(value) >= 0.1 else 1, sign='+')} %"
    elif kind == "rate":
        text = _significant(value, 3)
    else:
        text = _significant(value, 4)
    return text.replace("-", MINUS)


def signed(value: float, kind: NumberKind = "value") -> str:
    """Format a difference of two numbers as :func:`number` does, with its sign: ``+0.02``; ``0`` has none."""
    text = number(value, kind)
    return text if text.startswith(MINUS) or text in {"0", "NaN"} else f"+{text}"


def points(difference: float) -> str:
    """Format a difference between shares: ``+2.5 points``, in percentage points."""
    return f"{signed(round(100 * difference, 1), 'rate')} points"


def strict(value: float | None) -> float | str | None:
    """A number as strict JSON has it: what is not finite is its name, as JavaScript writes it; None stays."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def beyond(value: float, bound: float, kind: NumberKind = "value") -> str:
    """Format a number beyond a bound; in full if it would otherwise look equal to the bound."""
    text = number(value, kind)
    return exact(value).replace("-", MINUS) if text == number(bound, kind) and value != bound else text


def _decimals(value: float, digits: int, sign: str = "") -> str:
    text = f"{value:{sign},.{digits}f}"
    text = text[:-2] if text.endswith(".0") else text
    return "0" if float(text.replace(",", "")) == 0 else text


def _significant(value: float, digits: int) -> str:
    size = abs(value)
    if 1e-4 <= size < 10 ** (1 - digits):
        places = digits - 2 - math.floor(math.log10(size))
        return f"{value:.{places}f}".rstrip("0")
    if size >= 1e9 or 0 < size < 1e-4:
        mantissa, _, power = f"{value:.{digits - 2}e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(power)}"
    if size >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    before = len(str(int(size))) if size >= 1 else 0
    text = f"{value:.{digits - before}f}"
    return "0" if float(text) == 0 else text.rstrip("0").rstrip(".")


def counted(count: int, noun: str, plural: str = "") -> str:
    """Format a count with its noun: ``1 point``, ``84,310 points``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def joined(words: list[str]) -> str:
    """Join words for a sentence: ``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(([", ".join(words[:-1])] if words[:-1] else []) + words[-1:])
