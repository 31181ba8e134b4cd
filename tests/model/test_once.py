"""What is computed from a value that never changes is computed once, and does not pile up."""

from __future__ import annotations

from thalia_monitor.model.memo import MOST, Memoized


def test_the_same_is_computed_once() -> None:
    """Also what is None or empty."""
    value, times = Memoized(), []
    for _ in range(3):
        assert value.memoized("nothing", lambda: times.append(1)) is None
    assert len(times) == 1


def test_of_many_things_those_asked_for_last_are_kept() -> None:
    """A finished run may be zoomed in a thousand ways."""
    value, times = Memoized(), []
    for number in range(3 * MOST):
        value.memoized("always", lambda: times.append("always"))
        value.memoized(number, lambda: times.append("zoom"))
    assert times.count("always") == 1
    assert len(value.__dict__["_once"]) == MOST


def test_what_fails_is_tried_again() -> None:
    """And says why."""
    value = Memoized()
    for _ in range(2):
        try:
            value.memoized("key", lambda: dict[str, int]()["missing"])
        except KeyError as error:
            assert error.args == ("missing",)
        else:
            raise AssertionError
