"""One series as traces: no line that was not logged, nothing hidden, nothing at a false place."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.figures.states import START, fixture_state, made, points, rug_of, stands_for, strokes
from tests.support import FIXTURES
from thalia_monitor.figures.chart import View
from thalia_monitor.figures.metrics import metric
from thalia_monitor.figures.traces import drawn_sample, lines, rug, superseded, unplaced
from thalia_monitor.model.run import TrainingState

LOG = frozenset({"loss"})


def drawn(state: TrainingState, view: View | None = None, *, log: bool = False) -> list[dict[str, Any]]:
    """The two traces of the loss: what counts, what is superseded."""
    view = view or View()
    series = state.history.series("loss")
    assert series is not None
    return lines(drawn_sample(series, state.history, view), state.history, view, {}, log=log)


@st.composite
def attempts(draw: st.DrawFn) -> list[int]:
    """Steps of a run that is resumed now and then."""
    steps = [0]
    for resumed in draw(st.lists(st.sampled_from([False, False, False, True]), max_size=60)):
        steps.append(draw(st.integers(0, steps[-1])) if resumed else steps[-1] + 10)
    return steps


@given(attempts())
def test_no_line_runs_backwards(steps: list[int]) -> None:
    """However often a run is resumed: within an unbroken line the step never falls."""
    state = made(np.arange(len(steps), dtype=float), step=steps)
    for trace in drawn(state):
        for stroke in strokes(trace):
            assert all(after[0] >= before[0] for before, after in pairwise(stroke))


@given(attempts())
def test_two_attempts_are_never_joined(steps: list[int]) -> None:
    """A line holds points of one segment only; together the lines hold every point."""
    state = made(np.arange(len(steps), dtype=float), step=steps)
    segment = state.history.segment
    found = []
    for trace in drawn(state):
        for stroke in strokes(trace):
            rows = [int(y) for _, y in stroke]
            assert len(set(segment[rows].tolist())) == 1
            found += rows
    assert sorted(found) == list(range(len(steps)))


def test_the_superseded_part_is_dim_and_dashed_and_ends_where_the_resume_begins() -> None:
    """The newest attempt is the line that counts."""
    state = made([1, 2, 3, 4, 5, 6], step=[0, 10, 20, 30, 20, 30])
    current, gone = drawn(state)
    assert points(current) == [(0, 1), (10, 2), (20, 5), (30, 6)]
    assert points(gone) == [(20, 3), (30, 4)]
    assert gone["line"]["dash"] == "dot" and gone["opacity"] < 1
    assert "dash" not in current["line"] and "opacity" not in current


def test_of_the_resumed_fixture_exactly_the_repeated_steps_are_superseded() -> None:
    """Killed at 60,000, resumed at 40,000: those steps are drawn twice, once dim."""
    state = fixture_state("resumed")
    series = state.history.series("loss")
    assert series is not None
    sample = drawn_sample(series, state.history, View())
    gone = superseded(sample, state.history)
    assert set(sample.segment[gone].tolist()) == {0}
    assert (sample.step[gone].min(), sample.step[gone].max()) == (40_000, 60_000)


@pytest.mark.parametrize("name", ["loss", "firing_rate", "capacity", "performance"])
@pytest.mark.parametrize("fixture", ["nan", "healthy"])
def test_every_value_that_is_not_finite_is_in_the_rug(fixture: str, name: str) -> None:
    """The marks stand for as many as the log has bare words in that field."""
    text = (FIXTURES / fixture / "training_log.json").read_text(encoding="utf-8")
    words = ("NaN", "Infinity", "-Infinity")
    logged = sum(text.count(f'"{name}": {word},') + text.count(f'"{name}": {word}}}') for word in words)
    assert stands_for(rug_of(metric(fixture_state(fixture), name, View()))) == logged
    if (fixture, name) == ("nan", "loss"):
        assert logged == 20


@given(st.lists(st.floats(), min_size=1, max_size=300))
def test_a_value_is_on_the_line_or_in_the_rug_and_never_in_both(values: list[float]) -> None:
    """Whatever is logged, on a linear axis and on a logarithmic one."""
    state = made(values)
    series = state.history.series("loss")
    assert series is not None
    for log in (False, True):
        sample = drawn_sample(series, state.history, View())
        placed = sum(len(points(trace)) for trace in drawn(state, log=log))
        marked = sum(len(points(trace)) for trace in rug(sample, state.history, View(), log=log))
        assert placed + marked == len(values)
        assert marked == sum(not math.isfinite(each) or (log and each <= 0) for each in values)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=2000))
def test_a_logarithmic_axis_never_draws_what_is_not_positive(values: list[float]) -> None:
    """A zero has no place on it, and is not drawn at another one, sampled and smoothed or not."""
    state = made(values)
    for view in (View(log=LOG), View(log=LOG, smooth=0.9)):
        for trace in metric(state, "loss", view).traces:
            if trace.get("yaxis") != "y2":
                assert all(y > 0 for _, y in points(trace))


def test_the_rug_tells_what_was_logged_and_which_way() -> None:
    """Not finite points up, not positive down, with the value in words."""
    state = made([math.nan, math.inf, -math.inf, 0.0, -2.0, 1.0])
    chart = metric(state, "loss", View(log=LOG))
    said = {
        "not finite": ["NaN at step 0", "∞ at step 10", "\u2212∞ at step 20"],
        "not positive": ["0 at step 30", "\u22122 at step 40"],
    }
    for name, symbol in (("not finite", "triangle-up"), ("not positive", "triangle-down")):
        marks = rug_of(chart, name)
        assert [text for text in marks["text"] if text] == said[name]
        assert marks["marker"]["symbol"] == symbol
        assert {y for _, y in points(marks)} == {0.03}


def test_one_mark_stands_for_what_lies_too_close_together() -> None:
    """It is a bar from the first to the last of them, and says how many and where; zoomed in, each has its own."""
    values = np.sin(np.arange(50_000) / 50)
    values[20_480:20_500] = math.nan
    values[20_503] = math.inf
    state = made(values)
    marks = rug_of(metric(state, "loss", View()))
    assert strokes(marks) == [[(204_800, 0.03), (205_030, 0.03)]]
    assert marks["text"] == ["21 not finite, steps 204,800 to 205,030"] * 2
    near = rug_of(metric(state, "loss", View(start=203_000, end=206_000)))
    assert len(strokes(near)) == 21
    assert near["text"][-1] == "∞ at step 205,030"


@pytest.mark.parametrize("every", [1, 2, 7])
def test_the_marks_of_a_flood_stand_for_all_of_it(every: int) -> None:
    """However many: each value that is not finite is covered by a mark, and counted by exactly one."""
    values = np.sin(np.arange(100_000) / 50)
    values[30_000::every] = math.nan
    marks = rug_of(metric(made(values), "loss", View()))
    odd = [10 * place for place in range(30_000, 100_000, every)]
    assert stands_for(marks) == len(odd)
    covered = [
        step for a, *_, b in (2 * each for each in strokes(marks)) for step in odd if a[0] <= step <= b[0]
    ]
    assert covered == odd


def test_no_line_is_drawn_across_what_is_not_finite() -> None:
    """Not even across one that is not drawn itself: the values between are points then, so that they are seen."""
    values = np.where(np.arange(20_000) % 2, math.nan, np.sin(np.arange(20_000) / 50))
    for view in (View(), View(start=1000, end=3000)):
        trace = drawn(made(values), view)[0]
        assert all(len(stroke) == 1 for stroke in strokes(trace))
        assert "markers" in trace["mode"]
    whole = drawn(made(np.sin(np.arange(20_000) / 50)))[0]
    assert whole["mode"] == "lines"
    assert len(strokes(whole)) == 1


def test_points_lie_where_the_axis_says() -> None:
    """By step, in milliseconds since 1970, in hours since the first line."""
    state = made([1.0, 2.0, 3.0])
    by = {x: [point[0] for point in points(drawn(state, View(x=x))[0])] for x in ("step", "wall", "elapsed")}
    assert by["step"] == [0, 10, 20]
    assert by["wall"] == [START * 1000, START * 1000 + 1000, START * 1000 + 2000]
    assert by["elapsed"] == pytest.approx([0, 1 / 3600, 2 / 3600], abs=1e-6)


def test_without_timestamps_a_clock_axis_is_empty_rather_than_false() -> None:
    """No point can be placed, and none is."""
    state = made([1.0, 2.0, 3.0], timed=False)
    for x in ("wall", "elapsed"):
        assert all(points(trace) == [] for trace in drawn(state, View(x=x)))


def test_unplaced_values() -> None:
    """Not finite ones always, zero and below on a logarithmic axis only."""
    values = np.array([math.nan, math.inf, -1.0, 0.0, 1.0])
    assert unplaced(values, log=False).tolist() == [True, True, False, False, False]
    assert unplaced(values, log=True).tolist() == [True, True, True, True, False]
