"""Quiet hours: times of the day at which people would rather sleep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from typing import Final

from thalia_monitor.errors import SettingsError

_SPAN: Final = re.compile(r"\s*(\d{1,2}):(\d\d)\s*(?:-|–|to)\s*(\d{1,2}):(\d\d)\s*")


@dataclass(frozen=True, slots=True)
class Hours:
    """Spans of the day, each from a time to another, over midnight where the first is the later."""

    spans: tuple[tuple[time, time], ...] = ()
    zone: tzinfo | None = None
    """None: this machine's own."""

    def __contains__(self, now: float) -> bool:
        """Tell whether a moment (Unix seconds) lies within one of the spans."""
        local = datetime.fromtimestamp(now, self.zone).time()
        return any(
            start <= local < end if start <= end else local >= start or local < end
            for start, end in self.spans
        )


def hours(written: Sequence[str], zone: tzinfo | None = None) -> Hours:
    """Read spans like ``22:00-07:00``; raises SettingsError."""
    spans = []
    for text in written:
        found = _SPAN.fullmatch(text)
        try:
            if not found:
                raise ValueError
            first, second, third, fourth = map(int, found.groups())
            spans.append((time(first, second), time(third % 24 if fourth == 0 else third, fourth)))
        except ValueError:
            raise SettingsError(f"Quiet hours {text[:40]!r} are not like 22:00-07:00.") from None
    return Hours(tuple(spans), zone)
