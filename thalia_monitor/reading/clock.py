"""Wall clocks without a zone, set right by a moment that is known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_QUARTER: Final = 900.0
"""Seconds; every zone in use is a whole number of quarter hours from UTC."""
_FARTHEST: Final = 15 * 3600.0


def zone_offset(clock: float, moment: float, tolerance: float = 3.0) -> float | None:
    """Tell how many seconds a clock without a zone runs ahead of UTC.

    ``clock`` is its reading taken as UTC, ``moment`` the same instant in Unix seconds. None when no zone
    brings the two within ``tolerance`` seconds: then they are not the same instant.
    """
    offset = round((clock - moment) / _QUARTER) * _QUARTER
    same = abs(clock - moment - offset) <= tolerance and abs(offset) <= _FARTHEST
    return offset if same else None


def own_offset(clock: float) -> float:
    """Tell the same for this machine's own zone, for want of anything better."""
    return clock - datetime.fromtimestamp(clock, UTC).replace(tzinfo=None).timestamp()
