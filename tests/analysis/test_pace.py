"""How fast a run goes and how long its stage may take, with a fake clock."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.analysis.pace import Span, in_words, pace, planned_end
from thalia_monitor.model.history import Floats, History
from thalia_monitor.model.records import Checkpoint

START = 1_770_000_000.0
NOW = START + 1e6


def lines(count: int, every: float = 20.0, steps: int = 1000) -> History:
    """A steady history: a line each ``every`` seconds and ``steps`` steps."""
    return history(range(0, count * steps, steps), time=START + every * np.arange(count))


def weekly(upto: int, *, per_week: int = 25_000, total: float = 8, stage: float = 0) -> list[Checkpoint]:
    """Checkpoints each 5,000 steps, in whole weeks."""
    return [
        checkpoint(step, stage=stage, week=step // per_week, total_weeks=total)
        for step in range(0, upto + 1, 5000)
    ]


def test_a_steady_run_has_its_pace() -> None:
    """Steps over seconds, recently and over all."""
    found = pace(state(lines(500)), NOW)
    assert (found.recent, found.overall, found.reason) == (50, 50, "")


def test_the_time_left_is_that_of_the_steps_left() -> None:
    """Eight weeks of 25,000 steps, 60,000 done at 50 a second: 2,800 s, give or take a checkpoint."""
    found = pace(state(lines(61), *weekly(60_000)), NOW)
    assert found.left is not None
    assert found.left.low <= 2800 <= found.left.high
    assert found.left.likely == pytest.approx(2800, rel=0.1)
    assert found.left.high < 2800 * 1.6
    assert found.end == NOW + found.left.likely
    assert str(found).startswith("50 steps/s, about ")


def test_the_range_narrows_as_weeks_go_by() -> None:
    """The longer the stage, the better its weeks are known."""
    early = pace(state(lines(61), *weekly(60_000)), NOW).left
    late = pace(state(lines(161), *weekly(160_000)), NOW).left
    assert early is not None
    assert late is not None
    assert (late.high - late.low) < (early.high - early.low) / 3


def test_fractions_of_weeks_are_exact() -> None:
    """Where checkpoints tell fractions of weeks, a steady run's end is known."""
    points = [checkpoint(step, week=step / 25_000, total_weeks=4.0) for step in range(10_000, 60_001, 10_000)]
    left = pace(state(lines(61), *points), NOW).left
    assert left == Span(800, 800, 800)
    assert in_words(left) == "about 13 min"


def test_weeks_are_those_of_the_stage() -> None:
    """An earlier stage's weeks do not count, and a stage begins after the last checkpoint of another."""
    before = [
        checkpoint(step, stage=-1, week=step // 1000, total_weeks=40) for step in range(0, 40_000, 5000)
    ]
    now = [
        checkpoint(step, week=(step - 40_000) // 20_000, total_weeks=3)
        for step in range(40_000, 75_001, 5000)
    ]
    left = pace(state(lines(76), *before, *now), NOW).left
    assert left is not None
    assert left.low <= (100_000 - 75_000) / 50 <= left.high


@given(
    st.integers(0, 50_000),
    st.integers(2_000, 60_000),
    st.integers(500, 20_000),
    st.integers(3, 40),
    st.integers(2, 60),
)
def test_the_range_of_a_regular_stage_holds_its_end(
    begin: int, per_week: int, interval: int, count: int, total: int
) -> None:
    """Whenever a stage begins, however long its weeks and however often it is saved: the true end is in the range."""
    steps = begin + interval * np.arange(count)
    weeks = (steps - begin) // per_week
    steps, weeks = steps[weeks < total], weeks[weeks < total]
    if weeks[-1] == 0:
        return
    ends = planned_end(weeks.astype(np.float64), steps.astype(np.float64), total, 0)
    assert ends is not None
    assert ends[0] <= begin + total * per_week <= ends[1]


def test_a_varying_pace_gives_a_wide_range() -> None:
    """A run that goes now slow, now fast, ends sooner or later."""
    gaps: Floats = np.tile(np.repeat([10.0, 40.0], 20), 10)
    run = history(range(0, 401_000, 1000), time=START + np.cumsum(np.concatenate(([0.0], gaps))))
    points = [checkpoint(step, week=step / 100_000, total_weeks=8.0) for step in range(0, 400_001, 50_000)]
    left = pace(state(run, *points), NOW).left
    assert left is not None
    assert left.low < 0.6 * left.likely
    assert left.high > 1.4 * left.likely


def test_pauses_and_resumes_do_not_poison_it() -> None:
    """A night, and a restart from an earlier checkpoint, leave the pace as it was."""
    steps = [*range(0, 200_000, 1000), *range(150_000, 400_000, 1000)]
    gaps = np.full(len(steps), 20.0)
    gaps[[100, 200, 350]] = [8 * 3600, 3600, 86_400]
    run = history(steps, time=START + np.cumsum(gaps))
    found = pace(state(run), NOW)
    assert found.recent == pytest.approx(50)
    assert found.overall == pytest.approx(50)


def test_pauses_in_a_long_history_do_not_poison_it_either() -> None:
    """Where only some lines of many are looked at, a night is still distinguished from training."""
    gaps = np.full(300_000, 0.5)
    gaps[[40_000, 150_001, 222_222]] = [9 * 3600, 8 * 3600, 3600]
    run = history(range(0, 30_000_000, 100), time=START + np.cumsum(gaps))
    assert pace(state(run), NOW).overall == pytest.approx(200, rel=0.01)


def test_sleep_is_part_of_the_pace() -> None:
    """Pauses that recur take their share of the time that is left."""
    gaps = np.tile([*[1.0] * 49, 51.0], 20)
    run = history(range(0, 100_000, 100), time=START + np.cumsum(gaps))
    found = pace(state(run), NOW)
    assert found.recent == pytest.approx(50, rel=0.05)
    assert found.overall == pytest.approx(50, rel=0.05)


@pytest.mark.parametrize(
    ("count", "reason"),
    [
        (0, "Nothing has been logged yet."),
        (8, "The pace is known after 10 lines with timestamps, or 3 checkpoints."),
    ],
)
def test_in_the_first_moments_there_is_none(count: int, reason: str) -> None:
    """The first steps are the slowest, so nothing is said, but why."""
    found = pace(state(lines(count)), NOW)
    assert (found.recent, found.left, found.reason) == (None, None, reason)
    assert str(found) == reason


def test_without_timestamps_the_checkpoints_tell() -> None:
    """Training time if logged, else when each was saved."""
    points = [checkpoint(step, training_seconds=step / 40) for step in range(0, 50_000, 5000)]
    saved = [checkpoint(step, modified=START + step / 25) for step in range(0, 50_000, 5000)]
    assert pace(state(None, *points), NOW).recent == pytest.approx(40)
    assert pace(state(None, *saved), NOW).recent == pytest.approx(25)


def test_a_log_without_timestamps_says_that_it_has_none() -> None:
    """Waiting for more lines would not help."""
    assert pace(state(history(range(50))), NOW).reason == (
        "The log has no timestamps: the pace is known after 3 checkpoints."
    )


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([], "No checkpoint says how long this stage is planned to last."),
        ([checkpoint(5000, week=1)], "No checkpoint says how long this stage is planned to last."),
        (weekly(15_000), "How many steps a week takes is known after the next week begins."),
        (weekly(200_000), "The stage has reached the end of its 8 planned weeks."),
        (
            [checkpoint(5000, week=0.5, total_weeks=2), checkpoint(6000, week=0.5, total_weeks=2)],
            "How many steps a week takes is known after the next week begins.",
        ),
        (
            [checkpoint(week * 100 if week < 5 else 10_000, week=week, total_weeks=9) for week in range(6)],
            "The weeks that the checkpoints tell do not go on evenly.",
        ),
    ],
)
def test_no_end_is_expected_where_none_can_be_known(points: list[Checkpoint], reason: str) -> None:
    """A pace without a plan has no end, and a reason is given."""
    found = pace(state(lines(20), *points), NOW)
    assert (found.recent, found.left, found.end, found.left_reason) == (50, None, None, reason)
    assert str(found) == "50 steps/s"


def test_a_stage_past_its_expected_end_says_so() -> None:
    """When the steps are done and no checkpoint is newer, no time is left to tell."""
    run = state(lines(300), *weekly(190_000))
    assert pace(run, NOW).left_reason == "The stage has reached its planned end."
