import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.reading.clock import own_offset, zone_offset


@given(st.integers(-56, 56), st.floats(-2.9, 2.9), st.floats(1e9, 2e9))
def test_a_zone_is_found_by_one_known_moment(quarters: int, error: float, moment: float) -> None:
    """Whatever the zone, a clock is set right by a moment that it also tells, up to a small error."""
    assert zone_offset(moment + quarters * 900 + error, moment) == quarters * 900


@pytest.mark.parametrize("difference", [4.0, -16 * 3600.0, 86_400.0])
def test_other_moments_give_no_zone(difference: float) -> None:
    """Two times that no zone brings together are not the same moment."""
    assert zone_offset(1e9 + difference, 1e9) is None


def test_this_machines_zone_is_a_zone() -> None:
    """The own zone is a whole number of quarter hours."""
    assert own_offset(1_765_220_000.0) % 900 == 0
