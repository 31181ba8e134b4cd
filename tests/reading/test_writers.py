"""Several writers in one log, beside runs that are resumed: each is what it is."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading.test_segments import NAN, Line, assigned
from tests.support import Run, line
from thalia_monitor.analysis.pace import pace
from thalia_monitor.reading.run_reader import RunReader, load_training_state
from thalia_monitor.reading.segments import SEVERAL_WRITERS

START = 1_795_870_300.0


def ranks(lags: Sequence[int], rounds: int = 100, *, every: float = 0.2, first: int = 0) -> Iterator[Line]:
    """A line of each writer a round of ten steps; each so many rounds behind, ``every`` seconds after another."""
    for number in range(rounds):
        for place, lag in enumerate(lags):
            time = START + len(lags) * number + every * place
            yield first + 10 * max(0, number - lag), time, NAN


def untimed(lines: Sequence[Line]) -> list[Line]:
    """The same lines without timestamps."""
    return [(step, NAN, stage) for step, _, stage in lines]


def crash_loop(lines: int, back: int, *, pause: float) -> list[Line]:
    """Forty attempts of so many lines, each begun so many lines before the end of the one before, after a pause."""
    found: list[Line] = []
    step, time = 0, START
    for _ in range(40):
        for _ in range(lines):
            found.append((step, time, NAN))
            step, time = step + 10, time + 1
        step, time = max(step - 10 * back, 0), time + pause
    return found


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize(
    "lags",
    [
        pytest.param([0, 3], id="two"),
        pytest.param([3, 0], id="the one behind first"),
        pytest.param([0, -3], id="the second ahead"),
        pytest.param([0, 50], id="far behind"),
        pytest.param([0, 1, 2], id="three"),
        pytest.param([0, 3, 1], id="three in no order"),
        pytest.param([0, -3, -6], id="three, each further"),
        pytest.param(range(8), id="eight"),
        pytest.param([3 * rank for rank in range(8)], id="eight far apart"),
    ],
)
def test_writers_that_share_a_log_resume_nothing(lags: Sequence[int], timed: bool) -> None:
    """However many, whichever is ahead: their lines are one segment, out of order."""
    lines = list(ranks(lags))
    found, segments, ordered = assigned(lines if timed else untimed(lines))
    assert (set(found), [kind for *_, kind in segments], ordered) == ({0}, ["start"], False)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_writers_does_not_matter(seed: int) -> None:
    """Eight that overtake one another at random."""
    chance, lines = random.Random(seed), list(ranks(range(8)))
    for first in range(0, len(lines), 8):
        steps = [step for step, *_ in lines[first : first + 8]]
        chance.shuffle(steps)
        lines[first : first + 8] = [
            (step, time, stage)
            for step, (_, time, stage) in zip(steps, lines[first : first + 8], strict=True)
        ]
    assert set(assigned(lines)[0]) == {0}


@pytest.mark.parametrize("lags", [[0, 3], range(8)], ids=["two", "eight"])
def test_a_resume_of_all_writers_is_one_resume(lags: Sequence[int]) -> None:
    """They all fall below where any of them was."""
    lines = [*ranks(lags), *ranks(lags, first=400)]
    _, segments, _ = assigned(lines)
    assert segments == [(0, 0, "start"), (100 * len(lags), 400, "resume")]


@pytest.mark.parametrize(
    ("lines", "back", "pause"),
    [
        (20, 10, 30),
        (10, 5, 30),
        (5, 2, 30),
        (3, 2, 30),
        (8, 7, 30),
        (2, 2, 30),
        (6, 6, 0),
        (10, 5, 0),
        (5, 2, 0),
    ],
)
def test_a_crash_loop_resumes_each_time(lines: int, back: int, pause: float) -> None:
    """However short the attempts are, and whether they come further or not."""
    found = crash_loop(lines, back, pause=pause)
    assert [kind for *_, kind in assigned(found)[1]].count("resume") == 39
    if back not in {2, 7} or lines == 5:  # without times, some could as well be as many writers as lines
        assert [kind for *_, kind in assigned(untimed(found))[1]].count("resume") == 39


@given(
    lags=st.lists(st.integers(-4, 4), min_size=2, max_size=4),
    rounds=st.integers(1, 30),
    cuts=st.lists(st.integers(0, 120), max_size=5),
    timed=st.booleans(),
)
def test_any_way_of_cutting_finds_the_same_writers(
    lags: list[int], rounds: int, cuts: list[int], timed: bool
) -> None:
    """What is taken back depends on the lines alone, not on when they were read."""
    lines = list(ranks(lags, rounds))
    lines = lines if timed else untimed(lines)
    within = tuple(sorted(min(cut, len(lines)) for cut in cuts))
    assert assigned(lines, within) == assigned(lines)


@pytest.mark.parametrize("timed", [True, False])
def test_lines_that_are_late_have_one_writer(run: Run, timed: bool) -> None:
    """Each seventh is written behind the next one: no note, and no resume."""
    lines = [line(10 * at, loss=0.5, **({"timestamp": START + at} if timed else {})) for at in range(200)]
    for at in range(10, 199, 7):
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    run.append(*lines)
    state = load_training_state(run.directory)
    assert ([each.kind for each in state.history.segments], state.problems) == (["start"], [])


def shared_log() -> list[str]:
    """Two writers, a second apart, the other one three lines behind."""
    found = []
    for number in range(100):
        found.append(line(10 * number, loss=0.5, timestamp=START + 2 * number))
        found.append(line(10 * max(0, number - 3), loss=0.5, timestamp=START + 2 * number + 1))
    return found


def test_two_writers_have_their_pace_and_their_step(run: Run) -> None:
    """5 steps/s, step 990, nothing resumed; said once, with what to do."""
    run.append(*shared_log())
    state = load_training_state(run.directory)
    found = pace(state, START + 200)
    assert found.recent == pytest.approx(5) == found.overall
    assert state.current_step == 990
    assert [each.kind for each in state.history.segments] == ["start"]
    assert [(each.file, each.line, each.reason) for each in state.problems] == [
        ("training_log.json", None, SEVERAL_WRITERS)
    ]
    assert "a directory of its own" in SEVERAL_WRITERS


def test_lines_of_the_same_step_count_once_for_the_pace(run: Run) -> None:
    """Two that write the same step a second apart: ten steps in two seconds."""
    run.append(
        *(line(10 * (at // 2), timestamp=START + at) for at in range(200)),
    )
    assert pace(load_training_state(run.directory), START + 200).recent == pytest.approx(5)


def test_a_log_that_turns_out_to_be_shared_is_read_once(run: Run) -> None:
    """Line by line gives what reading it whole gives; the note comes once, and no byte is read again."""
    reader, written = RunReader(run.directory), shared_log()
    for each in written:
        run.append(each)
        reader.read()
    state, whole = reader.read(), load_training_state(run.directory)
    assert state.history.segments == whole.history.segments
    assert state.history.segment.tolist() == whole.history.segment.tolist()
    assert state.problems == whole.problems
    assert reader.bytes_read == len("".join(written))
    lineage = state.history.lineage
    run.append(line(1000, loss=0.5, timestamp=START + 200), line(970, loss=0.5, timestamp=START + 201))
    assert reader.read().history.lineage is lineage
