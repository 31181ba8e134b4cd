"""What is kept between the versions of a log is what it would be computed afresh, stragglers or not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.analysis import pyramid as levels
from thalia_monitor.analysis.sampling import sample
from thalia_monitor.analysis.smoothing import smooth
from thalia_monitor.analysis.workbench import nonfinite, pyramid, smoothed
from thalia_monitor.history import Column, Floats, History, Ints, Lineage, Segment, Series


def version(steps: list[int], count: int, lineage: Lineage) -> History:
    """The first so many lines of a log with stragglers, in which every seventh value is not finite."""
    values = np.sin(np.arange(count) * 12.9898) * 1000
    values[::7] = np.nan
    return History(
        np.array(steps[:count], np.int64),
        np.zeros(count, np.int64),
        np.arange(1000.0, 1000.0 + count),
        metrics={"loss": Column(values)},
        segments=(Segment(0, 0, steps[0]),) if count else (),
        ordered=False,
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
    """Also an older one that is asked for after a newer."""
    lineage = Lineage()
    for count in data.draw(st.lists(st.integers(1, len(steps)), min_size=1, max_size=5)):
        history = version(steps, count, lineage)
        alone = version(steps, count, Lineage())
        series, expected = taken(history), taken(alone)
        assert series.step.tolist() == expected.step.tolist() == sorted(steps[:count])
        found = sample(series, 40, pyramid=pyramid(history, series))
        assert found.index.tolist() == sample(expected, 40).index.tolist()
        assert found.nonfinite.tolist() == np.flatnonzero(np.isnan(expected.value)).tolist()
        line, _ = smoothed(history, series, 0.9)
        np.testing.assert_array_equal(line.value, smooth(expected, 0.9))
        column = history.metrics["loss"]
        assert nonfinite(history, "loss", column).tolist() == list(range(0, count, 7))


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
