"""The smoothed line: an average of every value, which nothing later changes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.build import CountingFloats, beginning, restarted, series
from thalia_monitor.analysis.series.smoothing import FORMULA, Smoother, smooth
from thalia_monitor.model.history import Series

weights = st.one_of(st.just(0.0), st.floats(0.001, 0.999))
any_value = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf]))


@st.composite
def logs(draw: st.DrawFn) -> Series:
    """A series in up to three segments, whose values may be anything."""
    lengths = draw(st.lists(st.integers(1, 60), min_size=1, max_size=3))
    count = sum(lengths)
    return restarted(draw(st.lists(any_value, min_size=count, max_size=count)), *lengths)


def by_definition(values: list[float], weight: float) -> list[float]:
    """TensorBoard's loop: accumulate, then divide the bias out; what is not finite is skipped."""
    smoothed, last, count = [], 0.0, 0
    for value in values:
        if math.isfinite(value):
            last, count = last * weight + (1 - weight) * value, count + 1
            smoothed.append(last / (1 - weight**count))
        else:
            smoothed.append(math.nan)
    return smoothed


@settings(deadline=None)
@given(logs(), weights)
def test_it_is_tensorboards_average_of_each_segment(log: Series, weight: float) -> None:
    """Every segment starts fresh, and each value is the debiased average of those up to it."""
    expected = [
        value
        for number in np.unique(log.segment)
        for value in by_definition(log.value[log.segment == number].tolist(), weight)
    ]
    np.testing.assert_allclose(smooth(log, weight), expected, rtol=1e-7, atol=1e-6)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 9000), weights)
def test_a_constant_stays_that_constant(value: float, count: int, weight: float) -> None:
    """A flat line is not made to wobble, not in the last bit and not across blocks."""
    assert np.all(smooth(series(np.full(count, value)), weight) == value)


@settings(deadline=None)
@given(logs(), weights, st.data())
def test_what_comes_later_changes_nothing(log: Series, weight: float, data: st.DataObject) -> None:
    """The smoothed values of the first n points are the same to the bit when more are logged."""
    length = data.draw(st.integers(1, len(log)))
    before = smooth(beginning(log, length), weight)
    np.testing.assert_array_equal(smooth(log, weight)[:length], before)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 15_000), min_size=1, max_size=6), weights)
def test_reading_in_parts_gives_the_same_as_at_once(ends: list[int], weight: float) -> None:
    """However the log arrived, the smoothed line is the same to the bit."""
    value = np.random.default_rng(0).normal(size=max(ends))
    value[::701] = math.nan
    log = series(value, segment=np.arange(len(value)) // 6000)
    smoother = Smoother(weight)
    for end in sorted(ends):
        smoother.extend(log.value[:end], log.segment[:end])
    np.testing.assert_array_equal(smoother.values, smooth(log, weight))


def test_an_append_averages_the_unfinished_block_only() -> None:
    """One more value on a long series costs one block, not the series again."""
    value = np.arange(100_000.0)
    segment = np.zeros(100_001, np.int64)
    smoother = Smoother(0.9)
    smoother.extend(value, segment)
    watched = np.append(value, 1.0).view(CountingFloats)
    CountingFloats.longest = 0
    smoother.extend(watched, segment)
    assert len(smoother) == 100_001
    assert 0 < CountingFloats.longest <= 4096


@given(weights)
def test_a_value_that_is_not_finite_poisons_nothing(weight: float) -> None:
    """NaN and infinities are gaps in the line, and what follows goes on as if they were not there."""
    smoothed = smooth(series([1.0, math.nan, 3.0, math.inf, -math.inf, 5.0]), weight)
    assert np.isnan(smoothed).tolist() == [False, True, False, True, True, False]
    np.testing.assert_array_equal(smoothed[[0, 2, 5]], smooth(series([1.0, 3.0, 5.0]), weight))


def test_huge_values_do_not_overflow() -> None:
    """A loss near the largest float is averaged like any other, and the line comes down again."""
    value = np.concatenate((np.full(5000, 1.7e308), np.full(9000, -1.7e308), np.ones(9000)))
    smoothed = smooth(series(value), 0.9)
    assert np.all(np.isfinite(smoothed))
    assert smoothed[-1] == pytest.approx(1)


def test_only_gaps_are_smoothed_to_gaps() -> None:
    """A series without a finite value has a smoothed line without one."""
    assert np.isnan(smooth(series([math.nan] * 5000), 0.9)).all()
    assert len(smooth(series([]), 0.9)) == 0


@pytest.mark.parametrize("weight", [-0.1, 1.0, math.nan])
def test_a_weight_outside_its_range_is_refused(weight: float) -> None:
    """A weight of 1 would never forget its first value."""
    with pytest.raises(ValueError, match="a smoothing weight is 0 to"):
        Smoother(weight)


def test_smoothed_values_cannot_be_changed() -> None:
    """What is handed out is shared, so it is read-only."""
    assert not smooth(series([1.0, 2.0]), 0.5).flags.writeable


def test_the_formula_is_there_for_the_tooltip() -> None:
    """The reader can see what was done to the values, and whose method it is."""
    assert "w^(t−i)" in FORMULA
    assert "TensorBoard" in FORMULA
