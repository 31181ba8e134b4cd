from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.reading.segments import Segmenter

NAN = float("nan")
Line = tuple[int, float, float]


def assigned(
    lines: list[Line], cuts: tuple[int, ...] = ()
) -> tuple[list[int], list[tuple[int, int, str]], bool]:
    """Each line's segment, the segments, and whether they are in order; read in the pieces that cuts give."""
    segmenter, found = Segmenter(), list[int]()
    for first, last in zip((0, *cuts), (*cuts, len(lines)), strict=True):
        step, time, stage = (np.array([line[at] for line in lines[first:last]]) for at in range(3))
        changed = segmenter.assign(step.astype(np.int64), time.astype(float), stage.astype(float))
        found[changed:] = segmenter.numbers(changed).tolist()
    segments = [(each.first_row, each.first_step, each.kind) for each in segmenter.segments]
    return found, segments, segmenter.ordered


def steps(*given: int) -> list[Line]:
    """Lines without timestamps."""
    return [(step, NAN, NAN) for step in given]


def test_rising_steps_are_one_segment() -> None:
    """The same step again does not begin another."""
    assert assigned(steps(10, 20, 20, 30)) == ([0, 0, 0, 0], [(0, 10, "start")], True)


def test_a_step_that_falls_and_stays_below_is_a_resume() -> None:
    """Training went back to a checkpoint and repeats steps."""
    assert assigned(steps(10, 20, 30, 20, 30, 40)) == (
        [0, 0, 0, 1, 1, 1],
        [(0, 10, "start"), (3, 20, "resume")],
        True,
    )


def test_a_single_line_below_the_highest_step_is_a_straggler() -> None:
    """The very next line is back above: two writers overtook one another."""
    assert assigned(steps(10, 30, 20, 40)) == ([0, 0, 0, 0], [(0, 10, "start")], False)


def test_a_last_line_that_falls_counts_as_a_resume_until_the_next() -> None:
    """What is shown depends only on the lines that are there."""
    assert assigned(steps(10, 30, 20))[0] == [0, 0, 1]


def test_with_timestamps_a_fall_while_time_goes_on_is_a_resume() -> None:
    """Even when the next step is above again: a resume from a late checkpoint that logs rarely."""
    lines = [(10, 1.0, NAN), (30, 2.0, NAN), (20, 9.0, NAN), (40, 10.0, NAN)]
    assert assigned(lines)[0] == [0, 0, 1, 1]


def test_with_timestamps_a_fall_at_an_earlier_or_equal_time_is_a_straggler() -> None:
    """However many of them come in a row."""
    lines = [(10, 1.0, NAN), (30, 5.0, NAN), (15, 2.0, NAN), (20, 5.0, NAN), (40, 6.0, NAN)]
    assert assigned(lines) == ([0, 0, 0, 0, 0], [(0, 10, "start")], False)


def test_steps_that_restart_with_the_stage_are_a_segment_of_that_kind() -> None:
    """By design, not by resuming: nothing earlier is superseded."""
    lines = [(10, NAN, 0.0), (20, NAN, 0.0), (10, NAN, 1.0), (30, NAN, 1.0)]
    assert assigned(lines)[1] == [(0, 10, "start"), (2, 10, "stage")]


def test_a_resume_may_be_resumed() -> None:
    """Each fall is seen against the highest step of its own segment."""
    assert assigned(steps(10, 20, 30, 10, 15, 12, 13))[0] == [0, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("cut", range(6))
def test_a_straggler_is_recognised_across_two_readings(cut: int) -> None:
    """Wherever the reading was cut."""
    lines = steps(10, 30, 20, 40, 50)
    assert assigned(lines, (cut,) if cut < 6 else ()) == assigned(lines)


@given(
    lines=st.lists(
        st.tuples(
            st.integers(0, 6), st.sampled_from([NAN, 1.0, 2.0, 3.0]), st.sampled_from([NAN, NAN, 0.0, 1.0])
        ),
        max_size=14,
    ),
    cuts=st.lists(st.integers(0, 14), max_size=4),
)
def test_any_way_of_cutting_gives_the_same_segments(lines: list[Line], cuts: list[int]) -> None:
    """The segments are a function of the lines alone; no step falls within one unless it says so."""
    within = tuple(sorted(min(cut, len(lines)) for cut in cuts))
    whole = assigned(lines)
    assert assigned(lines, within) == whole
    found, segments, ordered = whole
    assert found == sorted(found)
    assert found == [0] * len(found) or len(segments) == found[-1] + 1
    falls = [
        before[0] > after[0] and found[row] == found[row + 1]
        for row, (before, after) in enumerate(pairwise(lines))
    ]
    assert not any(falls) if ordered else any(falls)
