"""Steps in time and times in steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.analysis.build import history
from thalia_monitor.model.step_times import StepFinder, time_at, times_at

TWICE = history([0, 100, 200, 300, 200, 300, 400], time=[0, 1, 2, 3, 50, 51, 52])


def test_a_step_was_when_the_next_line_was_logged() -> None:
    """In the newest segment that has come to it, or in the given one."""
    assert [time_at(TWICE, step) for step in (0, 50, 200, 250, 400, 9999)] == [0, 1, 50, 51, 52, 52]
    assert [time_at(TWICE, step, 0) for step in (200, 250, 9999)] == [2, 3, 3]
    assert time_at(TWICE, 250, 7) == 51


def test_where_no_line_tells_there_is_no_time() -> None:
    """Without lines, without timestamps, or with lines out of order."""
    assert time_at(history([]), 5) is None
    assert time_at(history([0, 1]), 1) is None
    assert time_at(replace(TWICE, ordered=False), 1) is None


def test_many_steps_are_where_each_of_them_is() -> None:
    """As asked one by one, whatever the segment."""
    steps, segments = np.array([0, 50, 200, 250, 9999, 250]), np.array([0, 1, 0, 0, 1, 7])
    each = [time_at(TWICE, int(step), int(segment)) for step, segment in zip(steps, segments, strict=True)]
    assert times_at(TWICE, steps, segments).tolist() == each
    for lost in (history([]), history([0, 1]), replace(TWICE, ordered=False)):
        assert np.isnan(times_at(lost, steps, segments)).all()


def test_a_time_is_at_the_next_line() -> None:
    """After the last line, at that."""
    find = StepFinder(TWICE)
    assert [find.step_at(time) for time in (-5, 0.5, 3, 4, 99)] == [0, 100, 300, 200, 400]


def test_a_clock_that_was_set_back_finds_no_step() -> None:
    """Nor does a log without timestamps."""
    assert StepFinder(history([0, 1, 2], time=[5, 4, 6])).step_at(5) is None
    assert StepFinder(history([0, 1])).step_at(5) is None
