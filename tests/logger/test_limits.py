"""The limits at which the logger warns, whatever a trainer calls its metrics."""

from __future__ import annotations

import pytest

from thalia_monitor.logger.progress import health_issues


@pytest.mark.parametrize("name", ["firing_rate", "avg_firing_rate", "firing_rate/average"])
def test_a_rate_is_warned_of_under_each_of_its_names(name: str) -> None:
    """A birth run at 0.42 is over the limit of 0.30."""
    assert health_issues({name: 0.42, "loss": 0.1}) == {"firing rate high": "High firing rate: 0.420"}
    assert health_issues({name: 0.01}) == {"firing rate low": "Low firing rate: 0.010"}
    assert health_issues({name: 0.1}) == {}


@pytest.mark.parametrize("name", ["firing_rate/cortex", "mean_fr_hz", "performance/steps_per_sec"])
def test_other_units_have_no_limits(name: str) -> None:
    """Spike counts, Hz and speed are not shares of 1."""
    assert health_issues({name: 9.1}) == {}


def test_capacity_and_what_is_no_number() -> None:
    """Above 0.85; what is no number is not judged."""
    assert health_issues({"capacity": 0.9, "firing_rate": None}) == {"capacity high": "High capacity: 0.900"}
    assert health_issues({"capacity": "full", "firing_rate": {"cortex": 0.9}}) == {}
