from __future__ import annotations

from thalia_monitor.logger.recorder import GlobalSteps


def run(steps: GlobalSteps, *stages: tuple[float, list[int]]) -> list[int]:
    """Go through stages with the steps that a script counts."""
    placed = []
    for stage, counted in stages:
        steps.begin_stage(stage)
        placed += [steps.reach(step) for step in counted]
    return placed


def test_a_script_that_counts_through_is_taken_at_its_word() -> None:
    """Global steps stay as they are, also where a stage begins a little before the last one ended."""
    steps = [0, 1_000, 2_000]

    assert run(GlobalSteps(), (-1, steps), (0, [3_000, 4_000]), (1, [3_999, 5_000])) == [
        *steps,
        3_000,
        4_000,
        3_999,
        5_000,
    ]


def test_a_script_that_starts_again_at_each_stage_is_counted_through() -> None:
    """Thalia's own demo logs steps 1 to 3000 three times: the run has 9000."""
    once = [1, 1_500, 3_000]

    placed = run(GlobalSteps(), (-1, once), (0, once), (1, once))

    assert placed == [1, 1_500, 3_000, 3_001, 4_500, 6_000, 6_001, 7_500, 9_000]


def test_coarse_local_steps_are_recognised_by_the_stage_before() -> None:
    """A stage that begins with the same step as the one before counts by stage."""
    assert run(GlobalSteps(), (0, [2_000]), (1, [2_000, 4_000])) == [2_000, 4_000, 6_000]


def test_a_step_back_within_a_stage_is_a_resume() -> None:
    """It keeps its number."""
    assert run(GlobalSteps(), (0, [1_000, 9_000, 100])) == [1_000, 9_000, 100]


def test_starting_over_from_an_earlier_stage_is_a_resume() -> None:
    """A later process that begins with an earlier stage is not placed after what it throws away."""
    assert run(GlobalSteps(60_000, 0, stage=0), (-1, [40_000, 41_000])) == [40_000, 41_000]


def test_a_later_process_goes_on_counting_as_the_earlier_one_did() -> None:
    """The offset of the running stage is taken over."""
    assert run(GlobalSteps(5_000, 3_000, stage=0), (0, [2_100])) == [5_100]


def test_an_event_of_earlier_does_not_move_where_training_is() -> None:
    """Events may be logged late."""
    steps = GlobalSteps()
    steps.reach(1_000)

    assert steps.of(900) == 900
    assert steps.last == 1_000
