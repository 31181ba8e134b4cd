"""What the pages say of the stage: begun in the log since the last checkpoint, logged once more, trained before.

Tables that were worked out by hand from each log, as in ``test_truth.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.pages.test_truth import LATER, slept
from tests.pages.truth import (
    Row,
    bars,
    block,
    differences,
    everywhere,
    fact,
    has,
    lead,
    row,
    rows,
    strip,
)
from tests.screen import words
from tests.support import Run, callback, line
from thalia_monitor import load_training_state
from thalia_monitor.analysis import report
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.web.app import create_app
from thalia_monitor.web.prometheus import figures


def begun(stage: int, step: int, **config: object) -> str:
    """The start of a stage with its configuration."""
    return line(step, event_type="stage_start", stage=stage, config=config)


def ended(stage: int, step: int) -> str:
    """The end of a stage."""
    return line(step, event_type="stage_end", stage=stage)


def trained(*steps: int) -> tuple[str, ...]:
    """A metric line at each of these steps."""
    return tuple(line(step, performance=0.5) for step in steps)


def saved(
    run: Run, step: int, stage: int | None, week: float | None, total: float | None, **fields: Any
) -> None:
    """A checkpoint with its stage and weeks."""
    given: dict[str, Any] = {"metrics": {}, "milestones": {}, **fields}
    run.metadata(step, current_stage=stage, current_week=week, total_weeks=total, **given)


def entered(run: Run, **plan: object) -> Run:
    """Stage -1 of four weeks, saved in week 3; then stage 0, of which 500 steps are trained and nothing is saved."""
    run.append(begun(-1, 0, duration_weeks=4), *trained(*range(0, 4_001, 500)), ended(-1, 4_000))
    passed = {"basic_movements": True, "reaching_accuracy": False, "firing_stability": True}
    saved(run, 3_000, -1, 3, 4, milestones=passed)
    run.append(begun(0, 4_000, **plan), *trained(4_500))
    return run


def of_the_new_stage() -> Iterator[Row]:
    """At step 4,500: stage 0 began at 4,000, after the checkpoint at 3,000, and is planned for 5,000 steps.

    500 of 5,000 are 10 %. The checkpoint is one of stage -1: its week 3 of 4 and its milestones are not those of
    stage 0, of whose eleven criteria (six of its own, five of health) none is evaluated. Three weeks at 3,000 are
    1,000 steps each, so that stage -1 with its four weeks lasted as long as planned.
    """
    yield from everywhere(
        (fact("Stage 0"), "Sensory Foundations"),
        (fact("Step of stage"), "500/5,000 10%"),
    )
    said = "Stage 0 Sensory Foundations (stage 2 of 8): 500 steps of 5,000 planned (10%)."
    yield "/", has(said), True
    yield "/", block("Next stage"), "Object Permanence & Working Memory needs 11 more milestones"
    yield "/", has("0 of 11 passed"), True
    yield (
        "/",
        strip(),
        [
            "Sensorimotor: trained [100.0%]",
            "Sensory Foundations: being trained, 10% of its plan [10.0%]",
            *LATER,
        ],
    )
    yield "/curriculum", lead("curriculum-stages"), [said]
    yield (
        "/curriculum",
        rows("Stages and their plans"),
        [
            "0 Sensory Foundations | 1 | 4,000 | 4,500 so far | 5,000 steps | 4,500 steps left",
            "-1 Sensorimotor | 1 | 0 | 4,000 | 4,000 steps (4 weeks) | as planned",
        ],
    )
    not_yet = (
        "firing_stability | · not checked | – | every region fires at 0.05–0.15 over 10,000 steps | – | – | –"
    )
    yield "/curriculum", row("Criteria of the stage", "firing_stability"), not_yet
    yield "/milestones", fact("Milestones"), "0 11 more not evaluated yet"
    yield "/milestones", fact("Passed"), "0"
    yield "/milestones", has("basic_movements", "page"), False


def test_a_stage_that_began_after_the_last_checkpoint_is_the_present_one(run: Run) -> None:
    """Every page says the new stage, its plan, and nothing of the former stage's checkpoint."""
    assert differences(entered(run, duration_steps=5_000), of_the_new_stage()) == []


def test_two_runs_are_compared_in_the_stage_of_the_pages(run: Run, tmp_path: Path) -> None:
    """The same run beside an empty one: stage 0 at step 4,500."""
    (tmp_path / "other").mkdir()
    app = create_app([entered(run, duration_steps=5_000).directory, tmp_path / "other"])
    answer = callback(app, "compare-table.children", {"compare-chosen.data": {}})
    assert "0 · Sensory Foundations 4,500" in words(answer["compare-table"]["children"])


def test_status_api_and_prometheus_say_the_stage_of_the_pages(run: Run) -> None:
    """The same run: stage 0, 500 of 5,000 steps, no week, and none of eleven milestones."""
    state = load_training_state(entered(run, duration_steps=5_000).directory)
    said = report.text(summarize(state, 0.0))
    assert "Stage 0 Sensory Foundations, 500 of 5,000 steps in this stage" in said
    assert "0 of 11 milestones" in said
    exported = figures(state, "", 0.0, 5.0)
    assert (exported.stage_name, exported.single["stage"]) == ("Sensory Foundations", 0)
    assert exported.single["stage_progress"] == 0.1
    assert set(exported.milestones.values()) == {0.0}
    client = create_app(run.directory).server.test_client()
    [listed] = client.get("/api/v1/runs").json["runs"]
    for path in ("", "/summary"):
        answer = client.get(f"/api/v1/runs/{listed['id']}{path}").json
        answer = answer.get("stage", answer) if isinstance(answer.get("stage"), dict) else answer
        assert (answer["current_stage"], answer["current_week"], answer["total_weeks"]) == (0, 0, 0)
        assert answer["stage_progress"] == 0.1


def test_of_a_new_stage_in_weeks_no_week_is_known_before_its_first_checkpoint(run: Run) -> None:
    """Planned for 8 weeks, at week 0; the first checkpoint, at step 5,000 in week 1, makes it 12 %."""
    entered(run, duration_weeks=8)
    assert (
        differences(run, everywhere((fact("Stage 0"), "Sensory Foundations"), (fact("Week"), "0/8 0%"))) == []
    )
    run.append(*trained(5_000))
    saved(run, 5_000, 0, 1, 8)
    said = "Stage 0 Sensory Foundations (stage 2 of 8): 1,000 steps of 8,000 planned (week 1 of 8)."
    table = [*everywhere((fact("Week"), "1/8 12%")), ("/", has(said), True), ("/curriculum", has(said), True)]
    assert differences(run, table) == []


def test_the_last_checkpoint_of_a_stage_is_older_than_the_start_at_its_step(run: Run) -> None:
    """Saved at step 4,000, where stage 0 begins, with and without the stage in it: week 4 of 4 is over."""
    entered(run, duration_steps=5_000)
    for stage in (-1, None):
        saved(run, 4_000, stage, 4, 4)
        table = everywhere((fact("Stage 0"), "Sensory Foundations"), (fact("Step of stage"), "500/5,000 10%"))
        assert differences(run, table) == []


def test_a_checkpoint_that_is_newer_than_every_start_says_the_stage(run: Run) -> None:
    """The log names stage -1 only; the checkpoints at 3,000 and 4,000 are of stage 0, in week 1 and 2 of 8.

    A week is counted when it is over. Week 1 was over by 3,000 and week 2 not, week 2 was by 4,000 and week 3 not:
    with the stage begun at s and weeks of w steps, s + w <= 3,000 < s + 2 w <= 4,000 < s + 3 w. Stage -1 has no end
    but the checkpoint of stage 0.
    """
    run.append(begun(-1, 0, duration_steps=3_000), *trained(*range(0, 4_501, 500)))
    saved(run, 2_000, -1, None, None)
    saved(run, 3_000, 0, 1, 8)
    saved(run, 4_000, 0, 2, 8)
    table = [
        *everywhere((fact("Stage 0"), "Sensory Foundations"), (fact("Week"), "2/8 25%")),
        ("/curriculum", has("Stage 0 Sensory Foundations (stage 2 of 8): 1,500 steps"), True),
        ("/", has("Stage 0 Sensory Foundations (stage 2 of 8): 1,500 steps"), True),
        (
            "/curriculum",
            row("Stages and their plans", "-1 Sensorimotor"),
            "-1 Sensorimotor | 1 | 0 | 3,000 | 3,000 steps | as planned",
        ),
        ("/milestones", fact("Milestones"), "0 11 more not evaluated yet"),
    ]
    assert differences(run, table) == []


AGAIN: Final = begun(-1, 3_000, duration_steps=4_000)


def of_the_stage_logged_again() -> Iterator[Row]:
    """At step 3,500: stage -1 of 4,000 steps came to 4,000, went back to 3,000 and was started there once more.

    Thalia's trainer then trains the whole 4,000 steps from 3,000 on: 500 are done, 12.5 %, and 3,500 are left, to
    7,000. The 3,000 steps before count as those of the first attempt, the 1,000 after them do not.
    """
    yield from everywhere((fact("Stage -1"), "Sensorimotor"), (fact("Step of stage"), "500/4,000 12%"))
    said = (
        "Stage -1 Sensorimotor (stage 1 of 8): 500 steps of 4,000 planned (12%); attempt 2; "
        "next sleep expected at step 13,000."
    )
    yield "/", has(said), True
    yield "/curriculum", lead("curriculum-stages"), [said]
    yield (
        "/",
        strip(),
        [
            "Sensorimotor: being trained, 12% of its plan [12.5%]",
            "Sensory Foundations: not begun [0.0%]",
            *LATER,
        ],
    )
    yield (
        "/curriculum",
        rows("Stages and their plans"),
        ["-1 Sensorimotor | 2, 1 repeated | 3,000 | 3,500 so far | 4,000 steps | 3,500 steps left"],
    )
    yield (
        "/curriculum",
        bars("curriculum-timeline"),
        {
            "plan": [("-1 Sensorimotor", 3_000, 7_000)],
            "trained": [("-1 Sensorimotor", 0, 3_000), ("-1 Sensorimotor", 3_000, 3_500)],
            "repeated": [("-1 attempt 1, repeated", 3_000, 4_000)],
        },
    )


@pytest.mark.parametrize("first", [True, False])
def test_a_stage_that_is_logged_again_after_a_resume_begins_again(run: Run, first: bool) -> None:
    """Whether its start is logged before the first line of the second attempt, or after it."""
    run.append(
        begun(-1, 0, duration_steps=4_000), slept(500, "NREM", 50, 100), *trained(*range(0, 4_001, 500))
    )
    run.append(*([AGAIN, *trained(3_000)] if first else [*trained(3_000), AGAIN]), *trained(3_500))
    assert differences(run, of_the_stage_logged_again()) == []


def test_weeks_go_on_where_a_stage_is_logged_again(run: Run) -> None:
    """Saved at 3,000 in week 3 of 4, and resumed there: only checkpoints count weeks.

    Three weeks are 3,000 steps, so that four end at 4,000. Progress is that of the weeks, 75 %, as long as no
    checkpoint says that another week is over, though 3,500 of 4,000 steps are 87.5 %.
    """
    run.append(begun(-1, 0, duration_weeks=4), *trained(*range(0, 4_001, 500)))
    saved(run, 3_000, -1, 3, 4)
    run.append(begun(-1, 3_000, duration_weeks=4), *trained(3_000, 3_500))
    said = "Stage -1 Sensorimotor (stage 1 of 8): 3,500 steps of 4,000 planned (week 3 of 4); attempt 2."
    table = [*everywhere((fact("Week"), "3/4 75%")), ("/", has(said), True), ("/curriculum", has(said), True)]
    assert differences(run, table) == []


@pytest.mark.parametrize("ending", [True, False])
def test_a_stage_that_is_trained_a_second_time_begins_again(run: Run, ending: bool) -> None:
    """Back from stage 0 at step 6,000, with 500 of 4,000 steps; what was saved at 4,000 was of the first time.

    So it is after its end, where it is started once more at the same step: at 4,500 of a stage that ended at 4,000.
    """
    run.append(begun(-1, 0, duration_steps=4_000, duration_weeks=4), *trained(*range(0, 4_001, 500)))
    saved(run, 3_500, -1, 3, 4)
    between = [ended(-1, 4_000)] if ending else [begun(0, 4_000), *trained(5_000, 6_000)]
    start = 4_000 if ending else 6_000
    run.append(*between, begun(-1, start, duration_steps=4_000, duration_weeks=4), *trained(start + 500))
    said = "Stage -1 Sensorimotor (stage 1 of 8): 500 steps of 4,000 planned (12%); attempt 2."
    table = [
        *everywhere((fact("Stage -1"), "Sensorimotor"), (fact("Step of stage"), "500/4,000 12%")),
        ("/", has(said), True),
        ("/curriculum", has(said), True),
        (
            "/curriculum",
            row("Stages and their plans", "-1 Sensorimotor"),
            f"-1 Sensorimotor | 2 | {start:,} | {start + 500:,} so far | 4,000 steps (4 weeks) | 3,500 steps left",
        ),
    ]
    assert differences(run, table) == []


def checked(step: int, stage: int | None = None, **results: bool) -> str:
    """A check of milestones in the log."""
    named = {} if stage is None else {"stage": stage}
    return line(step, event_type="milestone", results=results, **named)


def of_the_checks(*, passed: int, evaluated: int, mnist: str) -> Iterator[Row]:
    """So many of the eleven criteria of stage 0, and what page Curriculum says of mnist_accuracy (> 0.95)."""
    share = f"{100 * passed / evaluated:.1f}%"
    yield (
        "/curriculum",
        row("Criteria of the stage", "mnist_accuracy"),
        f"mnist_accuracy | {mnist} | – | > 0.95 | – | – | –",
    )
    yield "/curriculum", has(f"{passed} of 11 criteria hold"), True
    yield "/milestones", fact("Milestones"), f"{evaluated} {11 - evaluated} more not evaluated yet"
    yield "/milestones", fact("Passed"), f"{passed}"
    yield "/milestones", fact("Completion"), share
    yield "/", has(f"{passed} of 11 passed"), True
    yield "/", block("Next stage"), f"Object Permanence & Working Memory needs {11 - passed} more milestones"


def test_milestones_that_only_the_log_checks_are_passed_on_every_page(run: Run) -> None:
    """No checkpoint: one of two checks passed, of eleven criteria; checks of another stage are not of this one."""
    run.append(begun(0, 0), *trained(0, 1_000))
    run.append(checked(1_000, 0, mnist_accuracy=True, gaze_following=False), *trained(2_000))
    run.append(checked(2_000, -1, basic_movements=True, no_runaway=True))
    assert differences(run, of_the_checks(passed=1, evaluated=2, mnist="✓ yes")) == []
    state = load_training_state(run.directory)
    assert state.milestones == {"mnist_accuracy": True, "gaze_following": False}
    assert figures(state, "", 0.0, 5.0).milestones["mnist_accuracy"] == 1
    assert "1 of 11 milestones" in report.text(summarize(state, 0.0))


@pytest.mark.parametrize("stage", [0, None])
def test_of_a_checkpoint_and_a_check_in_the_log_the_newer_one_says_what_is_passed(
    run: Run, stage: int | None
) -> None:
    """Passed by the check at 1,000, missed in the checkpoint at 2,000, passed again by the check at 3,000.

    gaze_following is checked at 1,000 only, and passed then; a check that names no stage is one of the present.
    """
    run.append(begun(0, 0), *trained(1_000), checked(1_000, stage, mnist_accuracy=True, gaze_following=True))
    run.append(*trained(2_000))
    run.metadata(2_000, current_stage=0, metrics={}, milestones={"mnist_accuracy": False})
    assert differences(run, of_the_checks(passed=1, evaluated=2, mnist="✗ not yet")) == []
    run.append(checked(3_000, stage, mnist_accuracy=True), *trained(3_000))
    assert differences(run, of_the_checks(passed=2, evaluated=2, mnist="✓ yes")) == []


def test_what_was_checked_as_the_stage_began_was_checked_at_the_end_of_the_one_before(run: Run) -> None:
    """At step 4,000, without a stage in it: not evaluated yet in stage 0. A check at 4,500 is one of stage 0."""
    entered(run, duration_steps=5_000)
    run.append(checked(4_000, no_runaway=True))
    assert differences(run, of_the_new_stage()) == []
    run.append(checked(4_500, mnist_accuracy=False, gaze_following=True))
    assert differences(run, of_the_checks(passed=1, evaluated=2, mnist="✗ not yet")) == []


@pytest.mark.parametrize("over", [True, False])
def test_of_a_stage_that_was_ended_weeks_and_milestones_begin_again(run: Run, over: bool) -> None:
    """Started once more at step 4,000, saved at 3,500 in week 3 of 4 with one of ten milestones passed.

    After its end nothing is known of the new stage; without one it goes on.
    """
    run.append(begun(-1, 0, duration_weeks=4), *trained(*range(0, 4_001, 500)))
    saved(run, 3_500, -1, 3, 4, milestones={"basic_movements": True})
    run.append(*([ended(-1, 4_000)] if over else []), begun(-1, 4_000, duration_weeks=4), *trained(4_500))
    week, passed = ("0/4 0%", "0") if over else ("3/4 75%", "1")
    table = [
        *everywhere((fact("Stage -1"), "Sensorimotor"), (fact("Week"), week)),
        ("/milestones", fact("Passed"), passed),
        ("/", has(f"{passed} of 10 passed"), True),
    ]
    assert differences(run, table) == []
