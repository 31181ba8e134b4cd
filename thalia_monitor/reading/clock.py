"""Clocks that are not right: without a zone, set right by a moment that is known, or never set at all."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from thalia_monitor.model.history import Floats

EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
"""Thalia is younger: a clock that says less was not set."""
FURTHEST_AHEAD: Final = 366 * 86400.0
"""Seconds ahead of this computer's clock that another may be."""

_QUARTER: Final = 900.0
"""Seconds; every zone in use is a whole number of quarter hours from UTC."""
_FARTHEST: Final = 15 * 3600.0


def zone_offset(clock: float, moment: float, tolerance: float = 3.0) -> float | None:
    """Return how many seconds a clock without a zone is ahead of UTC.

    ``clock`` is its reading taken as UTC, ``moment`` the same instant in Unix seconds. None when no zone
    brings the two within ``tolerance`` seconds: then they are not the same instant.
    """
    offset = round((clock - moment) / _QUARTER) * _QUARTER
    same = abs(clock - moment - offset) <= tolerance and abs(offset) <= _FARTHEST
    return offset if same else None


def own_offset(clock: float) -> float:
    """Return this machine's offset from UTC in seconds, as a fallback for ``zone_offset``."""
    return clock - datetime.fromtimestamp(clock, UTC).replace(tzinfo=None).timestamp()


def believable(moment: Floats) -> NDArray[np.bool_]:
    """Mask of the timestamps (Unix seconds) that a correctly set clock can show; False for NaN."""
    found: NDArray[np.bool_] = (moment >= EARLIEST) & (moment <= time.time() + FURTHEST_AHEAD)
    return found


@dataclass(slots=True)
class TrainerClock:
    """The clock that a log's timestamps are from, as far as its lines tell.

    Once one of them can be right, those that cannot are from before the clock was set. Where none can, they are all
    from the same wrong clock, and good for telling how much time has passed.
    """

    was_set: bool = False
    """Whether any timestamp can be right."""
    wrong: float = math.nan
    """The first timestamp that cannot; NaN without any."""

    def examine(self, moments: Floats) -> int | None:
        """Look at more timestamps; return which of them is the very first that can be right, None if none is."""
        known = ~np.isnan(moments)
        good = believable(moments)
        if math.isnan(self.wrong) and (known & ~good).any():
            self.wrong = float(moments[int(np.argmax(known & ~good))])
        if self.was_set or not good.any():
            return None
        self.was_set = True
        return int(np.argmax(good))

    def corrected(self, moments: Floats) -> Floats:
        """These timestamps, NaN for those that cannot be right where another can."""
        return np.where(believable(moments), moments, np.nan) if self.was_set else moments

    @property
    def remark(self) -> str:
        """Problem text for a clock that was not set; empty if there is none."""
        if not self.was_set or math.isnan(self.wrong):
            return ""
        wrong = f"{datetime.fromtimestamp(self.wrong, UTC):%Y-%m-%d %H:%M:%S} UTC"
        return (
            f"has timestamps such as {wrong}, beside others that can be right: the trainer's clock was not set. "
            "These lines count as having no time; set the clock (NTP) before training"
        )
