"""What the pages say of checkpoints of an abandoned attempt, against a table that was worked out by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

from tests.pages.truth import Row, block, differences, everywhere, fact, has, rows, text
from tests.support import Run, line
from thalia_monitor import load_training_state
from thalia_monitor.analysis.comparison import stage_starts

BEGAN: Final = 1_700_000_000


def timed(step: int, second: int, **fields: object) -> str:
    """A metric line that was logged so many seconds after the start."""
    return line(step, timestamp=BEGAN + second, **fields)


def saved(run: Run, step: int, second: int, stage: int, **fields: Any) -> None:
    """A checkpoint that was saved so many seconds after the start."""
    path = run.metadata(step, current_stage=stage, **fields)
    os.utime(path, (BEGAN + second,) * 2)


def passed_again(run: Run) -> Run:
    """A first attempt to step 6,000 that saved at 3,000 and 5,000; a second one from 3,000 to 6,000 did not save."""
    steps = (*range(0, 7_000, 1_000), *range(3_000, 7_000, 1_000))
    run.append(*(timed(step, 10 * place, performance=0.5) for place, step in enumerate(steps)))
    warned: dict[str, Any] = {
        "warnings": ["Firing rate too high: 0.35"],
        "milestones": {"mnist_accuracy": True},
    }
    saved(run, 3_000, 31, -1, current_week=3, milestones={"basic_movements": True}, metrics={"score": 0.3})
    saved(run, 5_000, 51, 0, current_week=1, total_weeks=8, metrics={"score": 0.9}, **warned)
    return run


def of_the_second_attempt() -> Iterator[Row]:
    """At step 6,000 of the second attempt, which saved nothing: the checkpoint at 5,000 was saved before it began.

    The first attempt came to 6,000 at second 60, the second began at second 70. The save of second 51 is thus of the
    first, and of what lies beyond 3,000: its stage 0, week 1 of 8, warning, milestone and score of 0.9
    do not count. What counts was saved at 3,000: stage -1, week 3 of 4, and one of the ten criteria of that stage.
    """
    yield from everywhere(
        (fact("Stage -1"), "Sensorimotor"),
        (fact("Step"), "6,000"),
        (fact("Week"), "3/4 75%"),
        (text("frame-warnings"), "✓ No warnings at step 6,000"),
    )
    yield "/", block("Next stage"), "Sensory Foundations needs 9 more milestones"
    yield "/", has("1 of 10 passed"), True
    yield "/milestones", fact("Passed"), "1"
    yield "/milestones", has("mnist_accuracy"), False
    yield "/metrics", has("0.9 as of step 5,000"), False
    yield "/curriculum", has("Stage -1 Sensorimotor (stage 1 of 8): "), True
    yield (
        "/curriculum",
        rows("Stages and their plans"),
        ["-1 Sensorimotor | 1 | 3,000 | 6,000 so far | – | no plan logged"],
    )
    yield "/checkpoints", fact("Kept"), "1 1 superseded"


def test_a_checkpoint_of_an_abandoned_attempt_never_counts_again(run: Run) -> None:
    """Training has come past its step once more without saving: what it holds is that of the first attempt."""
    assert differences(passed_again(run), of_the_second_attempt()) == []


def test_a_checkpoint_that_the_second_attempt_has_overwritten_counts(run: Run) -> None:
    """The same file, saved again at second 91, when the second attempt was at step 5,000: stage 0, week 1 of 8."""
    saved(passed_again(run), 5_000, 91, 0, current_week=1, total_weeks=8)
    table = [
        *everywhere((fact("Stage 0"), "Sensory Foundations"), (fact("Week"), "1/8 12%")),
        ("/checkpoints", fact("Kept"), "2"),
    ]
    assert differences(run, table) == []


def test_checkpoints_without_a_time_to_compare_count_by_their_step(run: Run) -> None:
    """Files that were copied are as new as the copy, and a log without times places none: all count."""
    passed_again(run)
    for path in run.directory.glob("metadata_*"):
        os.utime(path, (BEGAN + 10_000,) * 2)
    assert [each.step for each in load_training_state(run.directory).valid_checkpoints] == [3_000, 5_000]
    saved(run, 5_000, 51, 0)
    run.log.write_text(
        "".join(line(step, loss=0.5) for step in (*range(0, 7_000, 1_000), 3_000, 4_000, 6_000))
    )
    assert [each.step for each in load_training_state(run.directory).valid_checkpoints] == [3_000, 5_000]


def test_a_stage_of_an_abandoned_attempt_has_no_start_to_compare_runs_by(run: Run) -> None:
    """Only stage -1 has, which its checkpoint at step 3,000 is the first to name."""
    assert list(stage_starts(load_training_state(passed_again(run).directory))) == [-1]
