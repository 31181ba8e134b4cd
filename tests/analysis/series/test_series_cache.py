"""What is kept between the versions of a log is what it would be computed afresh, stragglers or not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.analysis.series import pyramid as levels
from thalia_monitor.analysis.series.sampling import sample
from thalia_monitor.analysis.series.series_cache import nonfinite, pyramid, smoothed
from thalia_monitor.analysis.series.smoothing import smooth
from thalia_monitor.model.history import Column, Floats, History, Ints, Lineage, Segment, Series


def version(steps: list[int], count: int, lineage: Lineage, without: int | None = None) -> History:
    """The first so many lines of a log with stragglers, in which every seventh value is not finite; one has none."""
    values = np.sin(np.arange(count) * 12.9898) * 1000
    values[::7] = np.nan
    rows = None if without is None or without >= count else np.delete(np.arange(count), without)
    return History(
        np.array(steps[:count], np.int64),
        np.zeros(count, np.int64),
        np.arange(1000.0, 1000.0 + count),
        metrics={"loss": Column(values if rows is None else values[rows], rows)},
        segments=(Segment(0, 0, steps[0]),) if count else (),
        ordered=steps[:count] == sorted(steps[:count]),
        lineage=lineage,
    )


def taken(history: History) -> Series:
    """Its loss, in order."""
    found = history.series("loss")
    assert found is not None
    return found


@st.composite
def logs(draw: st.DrawFn) -> list[int]:
    """Steps of some hundred lines, some of them late by a few lines or by many."""
    count = draw(st.integers(1, 700))
    steps = [10 * number for number in range(count)]
    for place in draw(st.lists(st.integers(0, count - 1), max_size=6)):
        steps[place] -= 10 * draw(st.one_of(st.integers(1, 5), st.integers(1, 700)))
    return [max(step, 0) for step in steps]


@given(steps=logs(), data=st.data())
def test_every_version_is_sampled_and_smoothed_as_if_alone(steps: list[int], data: st.DataObject) -> None:
    """Also an older one that is requested after a newer, before the first straggler or the first line without it."""
    lineage, without = Lineage(), data.draw(st.one_of(st.none(), st.integers(1, len(steps))))
    for count in data.draw(st.lists(st.integers(1, len(steps)), min_size=1, max_size=5)):
        history = version(steps, count, lineage, without)
        alone = version(steps, count, Lineage(), without)
        series, expected = taken(history), taken(alone)
        logged = [step for line, step in enumerate(steps[:count]) if line != without]
        assert series.step.tolist() == expected.step.tolist() == sorted(logged)
        # So few points that a bucket is as large as those of a pyramid.
        found = sample(series, 8, pyramid=pyramid(history, series))
        assert found.index.tolist() == sample(expected, 8).index.tolist()
        assert found.nonfinite.tolist() == np.flatnonzero(np.isnan(expected.value)).tolist()
        line, _ = smoothed(history, series, 0.9)
        np.testing.assert_array_equal(line.value, smooth(expected, 0.9))
        column = history.metrics["loss"]
        assert nonfinite(history, "loss", column).tolist() == np.flatnonzero(np.isnan(column.values)).tolist()


def test_the_first_straggler_moves_what_was_looked_at_before_it() -> None:
    """Until then the lines are in file order."""
    steps, lineage = [*range(10, 1010), 5], Lineage()
    for count in (1000, 1001):
        history = version(steps, count, lineage)
        series = taken(history)
        found = sample(series, 8, pyramid=pyramid(history, series))
        assert found.index.tolist() == sample(series, 8).index.tolist()


def test_a_series_that_a_line_lacks_is_looked_at_anew() -> None:
    """Its lines are then others than those that every series is on, and stand in an order of their own."""
    steps, lineage = [*range(10, 1010), 5, 1010, 1011, 4], Lineage()
    for count in (1001, 1003, 1004):
        history = version(steps, count, lineage, 1001)
        series = taken(history)
        levels = pyramid(history, series)
        assert levels is not None
        assert sample(series, 8, pyramid=levels).index.tolist() == sample(series, 8).index.tolist()


def test_a_straggler_costs_what_stands_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of the points before it is kept; after it, a line costs a line again."""
    steps = [*range(100_000), 99_000, 100_000]
    lineage, looked, real = Lineage(), list[int](), levels.extremes
    whole = version(steps, 100_000, lineage)
    pyramid(whole, taken(whole))

    def counted(values: Floats, start: int, stop: int, bucket: int) -> Ints:
        looked.append(stop - start)
        return real(values, start, stop, bucket)

    monkeypatch.setattr(levels, "extremes", counted)
    for count in (100_001, 100_002):
        history = version(steps, count, lineage)
        pyramid(history, taken(history))
    assert 0 < sum(looked) < 2_000
