"""What a chart shows of a series: nothing that matters is left out, and nothing moves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.build import CountingFloats, beginning, restarted, series
from thalia_monitor.analysis.series.pyramid import Pyramid
from thalia_monitor.analysis.series.sampling import Sample, sample, tail_after
from thalia_monitor.model.history import Floats, Series

MILLION = 1_000_000
WAVE: Floats = np.sin(np.arange(MILLION) / 5000)

odd_values = st.sampled_from([float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1e308])
values = st.lists(st.one_of(st.floats(-5, 5, width=16), odd_values), min_size=1, max_size=700)


@st.composite
def logs(draw: st.DrawFn) -> Series:
    """Any series: some segments with steps that overlap, repeat and leave gaps, and any values."""
    value = np.array(draw(values))
    cuts = draw(st.lists(st.integers(0, len(value)), max_size=3))
    edges = sorted({0, len(value), *cuts})
    lengths = np.diff(edges)
    gaps = np.array(draw(st.lists(st.integers(0, 3), min_size=len(value), max_size=len(value))))
    step = np.concatenate([np.cumsum(gaps[a:b]) for a, b in pairwise(edges)])
    return series(value, step=step, segment=np.repeat(np.arange(len(lengths)), lengths))


def pyramid_of(given_series: Series) -> Pyramid:
    """A pyramid that has seen all of a series."""
    pyramid = Pyramid()
    pyramid.extend(given_series.value, given_series.time)
    return pyramid


def drawn(result: Sample) -> set[int]:
    """The positions that are drawn."""
    return set(result.index.tolist())


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, MILLION - 1), height=st.sampled_from([9.0, -9.0]))
def test_a_spike_anywhere_among_a_million_points_is_drawn(place: int, height: float) -> None:
    """One point that stands out is on the chart, whichever of 1,000,000 it is."""
    before = WAVE[place]
    WAVE[place] = height
    try:
        result = sample(series(WAVE), 1200)
    finally:
        WAVE[place] = before
    assert place in drawn(result)
    assert len(result) <= 1800


@settings(deadline=None)
@given(logs(), st.integers(2, 120))
def test_first_last_least_and_greatest_of_each_segment_are_always_drawn(log: Series, points: int) -> None:
    """No segment loses its ends or its extremes, whatever the budget."""
    found = drawn(sample(log, points))
    for number in np.unique(log.segment):
        places = np.flatnonzero(log.segment == number)
        assert {places[0], places[-1]} <= found
        finite = places[np.isfinite(log.value[places])]
        if len(finite):
            shown = log.value[[place for place in places if place in found]]
            shown = shown[np.isfinite(shown)]
            assert shown.min() == log.value[finite].min()
            assert shown.max() == log.value[finite].max()


def stretches(result: Sample) -> list[tuple[int, int, int]]:
    """Where the sample is not finite: each stretch's first and last position in the series, and its count."""
    first, last, count = result.stretches()
    return list(zip(result.index[first].tolist(), result.index[last].tolist(), count.tolist(), strict=True))


@settings(deadline=None)
@given(logs(), st.integers(2, 120), st.integers(-2, 900), st.integers(0, 900))
def test_the_stretches_stand_for_every_value_that_is_not_finite(
    log: Series, points: int, start: int, width: int
) -> None:
    """Each NaN and infinity of the range is in exactly one; it begins and ends with such a value, and counts them."""
    result = sample(log, points, start=start, end=start + width)
    odd = ~np.isfinite(log.value)
    inside = (log.step >= start) & (log.step <= start + width)
    assert result.nonfinite.tolist() == np.flatnonzero(odd & inside).tolist()
    covered: list[int] = []
    for first, last, count in stretches(result):
        assert log.segment[first] == log.segment[last]
        assert first // result.bucket == last // result.bucket
        found = [place for place in result.nonfinite.tolist() if first <= place <= last]
        assert (found[0], found[-1], len(found)) == (first, last, count)
        covered += found
    assert covered == result.nonfinite.tolist()
    if result.exact:
        assert all(count == 1 for _, _, count in stretches(result))


@settings(deadline=None)
@given(logs(), st.integers(2, 120))
def test_a_sample_is_the_log_itself_at_some_places(log: Series, points: int) -> None:
    """Drawn points are logged points, in the order of the series and none twice."""
    result = sample(log, points)
    assert np.all(np.diff(result.index) > 0)
    assert result.total == len(log)
    for name in ("step", "segment", "time", "value"):
        np.testing.assert_array_equal(getattr(result, name), getattr(log, name)[result.index])


@settings(deadline=None)
@given(logs(), st.integers(2, 120), st.data())
def test_a_sample_with_a_pyramid_is_the_same_as_without(
    log: Series, points: int, data: st.DataObject
) -> None:
    """The levels save time and change nothing, for any range and however far the pyramid has come."""
    start, end = sorted((data.draw(st.integers(-2, 900)), data.draw(st.integers(-2, 900))))
    pyramid = Pyramid()
    for length in sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=4))):
        pyramid.extend(log.value[:length], log.time[:length])
    slow = sample(log, points, start=start, end=end)
    fast = sample(log, points, start=start, end=end, pyramid=pyramid)
    np.testing.assert_array_equal(fast.index, slow.index)
    assert (fast.total, fast.bucket) == (slow.total, slow.bucket)
    np.testing.assert_array_equal(fast.nonfinite, slow.nonfinite)


@pytest.mark.parametrize("bounds", [(0, MILLION), (1, 999_998), (123_457, 876_543), (500_000, 500_900)])
def test_a_pyramid_of_a_million_points_gives_the_same_picture(bounds: tuple[int, int]) -> None:
    """High levels, too, are the same as looking at every point, with NaN and infinities in between."""
    value = WAVE.copy()
    value[::9973] = np.nan
    value[200_000:200_300] = np.inf
    log = series(value)
    pyramid = Pyramid()
    for length in (10, 70_001, 70_002, 640_000, MILLION):
        pyramid.extend(value[:length])
    slow = sample(log, 1000, start=bounds[0], end=bounds[1])
    fast = sample(log, 1000, start=bounds[0], end=bounds[1], pyramid=pyramid)
    np.testing.assert_array_equal(fast.index, slow.index)


@settings(deadline=None)
@given(logs(), st.integers(2, 120), st.data())
def test_new_points_never_move_an_older_one(log: Series, points: int, data: st.DataObject) -> None:
    """At the same bucket size the older part of the picture stays as it was, but for its unfinished end."""
    length = data.draw(st.integers(1, len(log)))
    old_log = beginning(log, length)
    old, new = sample(old_log, points), sample(log, points)
    if old.bucket != new.bucket:
        assert new.bucket > old.bucket
        return
    unfinished = (length - 1) // old.bucket * old.bucket
    np.testing.assert_array_equal(old.index[old.index < unfinished], new.index[new.index < unfinished])
    before, after = ([each for each in stretches(seen) if each[0] < unfinished] for seen in (old, new))
    assert before == after


@settings(deadline=None)
@given(logs(), st.integers(2, 120), st.integers(0, 900), st.integers(0, 900), st.data())
def test_what_to_send_after_an_append_completes_the_old_picture(
    log: Series, points: int, start: int, width: int, data: st.DataObject
) -> None:
    """Old points up to the given place and new points from there on are together the new sample."""
    length = data.draw(st.integers(1, len(log)))
    old_log = beginning(log, length)
    old = sample(old_log, points, start=start, end=start + width)
    new = sample(log, points, start=start, end=start + width)
    place = tail_after(new, old.length, old.bucket)
    if place is None:
        assert old.bucket != new.bucket
        return
    np.testing.assert_array_equal(old.index[:place], new.index[:place])
    assert place == len(new.index) or np.all(old.index[place:] >= 0)


def test_an_append_to_a_long_series_sends_little() -> None:
    """One new line on 900,000 costs the unfinished bucket's few points, not the picture again."""
    old, new = sample(series(WAVE[:900_000]), 1200), sample(series(WAVE[:900_001]), 1200)
    place = tail_after(new, old.length, old.bucket)
    assert place is not None
    assert len(new) - place <= 4


def test_a_thinner_picture_must_be_drawn_again() -> None:
    """When the buckets grow, or the series shrank, there is no tail to send."""
    old, new = sample(series(WAVE[:1000]), 700), sample(series(WAVE[:2000]), 700)
    assert tail_after(new, old.length, old.bucket) is None
    assert tail_after(old, new.length, old.bucket) is None


@given(st.integers(1, 60), st.integers(40, 200))
def test_a_sparse_series_keeps_all_its_points(count: int, points: int) -> None:
    """A series with no more points than requested is shown as it was logged, and says so."""
    result = sample(series(WAVE[:count]), max(points, count))
    assert len(result) == result.total == count
    assert result.exact


@given(st.integers(2, 300), st.integers(1, 5000))
def test_the_number_of_points_is_about_what_was_asked(points: int, count: int) -> None:
    """At most half as many again, and never far too few."""
    noise = np.random.default_rng(count).normal(size=count)
    result = sample(series(noise), points)
    assert len(result) <= 1.5 * points + 4
    assert len(result) >= min(count, 0.75 * points) - 4


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_flood_of_nan_costs_no_more_than_any_other_series(every: int) -> None:
    """A run that has been NaN for most of a million lines is drawn with two points more for a bucket, and counted."""
    value = WAVE.copy()
    value[50_000::every] = np.nan
    result = sample(series(value), 1000, pyramid=pyramid_of(series(value)))
    assert sum(count for _, _, count in stretches(result)) == len(result.nonfinite)
    assert len(result.nonfinite) == len(range(50_000, MILLION, every))
    assert len(result) <= 2 * 1500
    assert stretches(result)[0][0] == 50_000
    assert stretches(result)[-1][1] == result.nonfinite[-1]


def test_a_flood_of_nan_does_not_move_points_either() -> None:
    """An append sends the unfinished stretch, which may have grown, and nothing of those before it."""
    value = np.full(100_020, np.nan)
    old, new = sample(series(value[:100_000]), 300), sample(series(value), 300)
    place = tail_after(new, old.length, old.bucket)
    assert place is not None
    assert len(new) - place <= 4
    np.testing.assert_array_equal(old.index[:place], new.index[:place])
    assert stretches(old)[:-1] == stretches(new)[: len(stretches(old)) - 1]
    assert stretches(old)[-1][0] == stretches(new)[len(stretches(old)) - 1][0]


class TestRanges:
    def test_a_zoom_shows_every_point_when_they_fit(self) -> None:
        """The range is shown in full, with one point beyond on each side so that lines reach the edge."""
        result = sample(series(WAVE), 1000, start=5000, end=5500)
        assert result.index.tolist() == list(range(4999, 5502))
        assert (result.total, result.first, result.exact) == (501, 5000, True)

    def test_the_extremes_of_a_range_are_its_own(self) -> None:
        """A greater point just outside does not hide the greatest one inside."""
        value = np.zeros(10_000)
        value[[2999, 3000, 7000, 7001]] = [50.0, 40.0, -40.0, -50.0]
        found = drawn(sample(series(value), 100, start=3000, end=7000))
        assert {2999, 3000, 7000, 7001} <= found

    def test_a_range_between_two_points_shows_the_line_through_it(self) -> None:
        """Zooming in between two lines of the log still shows the line that joins them."""
        result = sample(series([1, 2, 3], step=[0, 100, 200]), 50, start=130, end=170)
        assert result.step.tolist() == [100, 200]
        assert result.total == 0

    @pytest.mark.parametrize("bounds", [(-50, -1), (1000, 2000)])
    def test_a_range_beside_the_series_shows_nothing(self, bounds: tuple[float, float]) -> None:
        """Before the first and after the last point there is nothing to draw."""
        result = sample(series([1, 2, 3]), 50, start=bounds[0], end=bounds[1])
        assert len(result) == result.total == 0

    def test_segments_that_overlap_are_each_shown(self) -> None:
        """After a resume a range of steps is looked up in the part before and in the part after."""
        result = sample(restarted(np.arange(40.0), 20, 20), 50, start=5, end=7)
        assert result.step.tolist() == [4, 5, 6, 7, 8] * 2
        assert result.segment.tolist() == [0] * 5 + [1] * 5
        assert (result.total, result.first) == (6, 5)

    def test_bounds_may_be_fractions_huge_or_infinite(self) -> None:
        """A browser's range is taken as it comes."""
        log = series(np.arange(10.0))
        assert sample(log, 50, start=2.5, end=4.5).total == 2
        assert sample(log, 50, start=-1e300, end=1e300).total == 10
        assert sample(log, 50, start=-np.inf, end=np.inf).total == 10
        assert sample(log, 50, start=7, end=3).total == 0

    def test_a_range_on_the_clock(self) -> None:
        """Wall-clock time and time since the start select the same points as the steps logged then."""
        log = series(WAVE[:5000])
        for pyramid in (None, pyramid_of(log)):
            by_step = sample(log, 100, start=1000, end=3000)
            by_clock = sample(log, 100, start=2000, end=4000, x="time", pyramid=pyramid)
            by_age = sample(log, 100, start=1000, end=3000, x="elapsed", pyramid=pyramid)
            since = sample(log, 100, start=2000, end=4000, x="elapsed", origin=0, pyramid=pyramid)
            for other in (by_clock, by_age, since):
                np.testing.assert_array_equal(other.index, by_step.index)

    def test_a_clock_that_was_set_back_hides_no_point(self) -> None:
        """Where timestamps fall or are missing, every point whose time is in the range is still shown."""
        log = series(np.arange(7.0), time=[100, 110, float("nan"), 105, 120, 112, 130])
        for pyramid in (None, pyramid_of(log)):
            result = sample(log, 50, start=104, end=115, x="time", pyramid=pyramid)
            assert {1, 3, 5} <= drawn(result)
            assert result.total == 5
        assert sample(log, 50, start=121, end=129, x="time").index.tolist() == [5, 6]

    def test_without_timestamps_a_range_of_time_is_empty(self) -> None:
        """No line is at a time when no line has one; without a range all of them are there."""
        log = series([1, 2, 3], time=[float("nan")] * 3)
        assert sample(log, 50, start=0, end=9, x="time").total == 0
        assert sample(log, 50, start=0, end=9, x="elapsed").total == 0
        assert sample(log, 50, x="elapsed").total == 3


def test_an_empty_series_has_an_empty_sample() -> None:
    """Nothing logged, nothing drawn."""
    result = sample(series([]), 100)
    assert len(result) == result.total == 0
    assert result.exact
    assert tail_after(result, 0, 1) == 0


def test_an_append_looks_at_what_is_new_only() -> None:
    """A pyramid over a million points takes in one more without reading the others again."""
    value = np.append(WAVE, 0.5)
    pyramid = Pyramid()
    pyramid.extend(WAVE)
    CountingFloats.longest = 0
    pyramid.extend(value.view(CountingFloats))
    assert len(pyramid) == MILLION + 1
    assert CountingFloats.longest <= 64


def test_a_zoom_looks_at_what_is_drawn_only() -> None:
    """With a pyramid, no range of a million points reads more than its edges and what it draws."""
    log = series(WAVE)
    pyramid = pyramid_of(log)
    counted = Series(log.name, log.step, log.value.view(CountingFloats), log.segment, log.time)
    for start, end in ((0, MILLION), (123_456, 765_432), (1, 60_000)):
        CountingFloats.longest = 0
        sample(counted, 1000, start=start, end=end, pyramid=pyramid)
        assert CountingFloats.longest <= 50_000
