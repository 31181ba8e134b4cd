"""Quiet hours."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from thalia_monitor.alerts.hours import Hours, hours

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [("21:59", False), ("22:00", True), ("03:00", True), ("06:59", True), ("07:00", False), ("12:30", True)],
)
def test_a_night_goes_over_midnight(clock: str, quiet: bool) -> None:
    """From 22:00 to before 07:00, and over lunch, by the clock of the zone."""
    spans = hours(["22:00-07:00", "12:00 to 13:00"], BERLIN)
    moment = datetime.fromisoformat(f"2026-07-01T{clock}").replace(tzinfo=BERLIN).timestamp()
    assert (moment in spans) is quiet


def test_no_hours_are_never_quiet() -> None:
    """Without spans there is no quiet."""
    assert 0.0 not in Hours()


def test_a_day_may_end_at_twenty_four() -> None:
    """``20:00-24:00`` ends at midnight."""
    spans = hours(["20:00-24:00"], ZoneInfo("UTC"))
    assert 23 * 3600.0 in spans
    assert 1.0 not in spans
