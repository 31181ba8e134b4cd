"""Two runs made by hand, and what must be found of their stages, tasks, regions and consolidations pair by pair."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.analysis.build import history
from tests.analysis.test_curriculum import Line, begin, event, metrics, probe, run
from thalia_monitor.analysis.comparison import Side
from thalia_monitor.analysis.pairs import (
    Region,
    Two,
    region_sentence,
    regions_of,
    sleep_numbers,
    sleep_sentence,
    stage_pairs,
    stage_sentence,
    task_pairs,
    task_sentence,
)
from thalia_monitor.model.history import Column
from thalia_monitor.model.run import TrainingState


def sided(base: TrainingState, beside: TrainingState) -> Two:
    """The two sides of a comparison."""
    return Side(base, "base", 0, True, "a"), Side(beside, "beside", 1, False, "b")


def states(two: Two) -> tuple[TrainingState, TrainingState]:
    """The states of both sides."""
    return two[0].state, two[1].state


@pytest.fixture
def two(tmp_path: Path) -> Two:
    """Stage -1 takes 10,000 steps and 14,000, stage 0 takes 10,000 and 6,000; only the first has begun stage 1."""
    base = run(
        tmp_path / "base",
        begin(-1, 0),
        *metrics(0, 10_000),
        probe("digits", -1, 0.8, 10_000),
        event("stage_end", 10_000, stage=-1),
        begin(0, 10_000),
        *metrics(11_000, 20_000),
        probe("digits", -1, 0.72, 20_000),
        event("stage_end", 20_000, stage=0),
        begin(1, 20_000),
        *metrics(21_000, 23_000),
    )
    beside = run(
        tmp_path / "beside",
        begin(-1, 0),
        *metrics(0, 14_000),
        probe("digits", -1, 0.9, 14_000),
        event("stage_end", 14_000, stage=-1),
        begin(0, 14_000),
        *metrics(15_000, 20_000),
        probe("digits", -1, 0.63, 20_000),
        probe("letters", 0, 0.5, 20_000),
        event("stage_end", 20_000, stage=0),
    )
    return sided(base, beside)


def test_the_same_stage_of_both_runs_is_a_pair(two: Two) -> None:
    """With the steps of each and their difference; a stage that one has not begun has none, not 0."""
    pairs = stage_pairs(states(two))
    steps = [tuple(course and course.steps for course in each.courses) for each in pairs]
    assert steps == [(10_000, 14_000), (10_000, 6_000), (3_000, None)]
    assert [each.difference for each in pairs] == [4_000, -4_000, None]
    assert [each.ended for each in pairs] == [True, True, False]


def test_what_was_forgotten_at_the_end_of_a_stage_is_that_of_tasks_of_others(two: Two) -> None:
    """Digits kept 90 % and 70 % through stage 0; in their own stage nothing is forgotten yet."""
    forgotten = [each.forgotten for each in stage_pairs(states(two))]
    assert forgotten[0] == forgotten[2] == (None, None)
    assert [each.task for each in forgotten[1] if each] == ["digits", "digits"]
    assert [each.share for each in forgotten[1] if each] == pytest.approx([0.1, 0.3])


def test_runs_that_count_their_stages_differently_are_paired_by_name(two: Two) -> None:
    """Sensorimotor is stage -1 of the one and stage 1 of the other; the label has both numbers."""
    base, beside = states(two)
    renumbered = run_with_scheme(beside)
    found = {each.label: each.difference for each in stage_pairs((base, renumbered))}
    assert "0 / 2 Sensory Foundations" in found
    assert len([label for label in found if "Sensory Foundations" in label]) == 1


def run_with_scheme(state: TrainingState) -> TrainingState:
    """The run as if its stages were numbered from 2026-02 on."""
    moved = tuple(
        replace(each, fields={**each.fields, "stage": each.fields["stage"] + 2})
        for each in state.events
        if each.kind in ("stage_start", "stage_end")
    )
    return TrainingState(history=state.history, events=moved, scheme="2026")


def test_the_stages_are_a_sentence(two: Two) -> None:
    """In numbers, over the stages that both have ended."""
    words = "2 stages ended in both: beside took 20,000 steps, as many as base"
    furthest = "furthest apart in -1 Sensorimotor, 4,000 more"
    assert stage_sentence(two, stage_pairs(states(two))) == f"{words}; {furthest}."


def test_a_run_without_stages_or_an_end_is_said(two: Two, tmp_path: Path) -> None:
    """None named at all, none in one of them, none that has ended in both."""
    nothing = run(tmp_path / "nothing", *metrics(0, 1_000))
    begun = run(tmp_path / "begun", begin(-1, 0), *metrics(0, 1_000))
    said = [
        stage_sentence(pair, stage_pairs(states(pair)))
        for pair in (sided(nothing, nothing), sided(two[0].state, nothing), sided(two[0].state, begun))
    ]
    assert said == [
        "",
        "beside names no stage.",
        "No stage has ended in both: base is in its stage 3 and beside is in its stage 1.",
    ]


def test_a_task_that_was_never_probed_is_not_0(two: Two) -> None:
    """What is kept is None there, and so is the difference."""
    digits, letters = task_pairs(states(two))
    assert digits.task == "digits"
    assert list(digits.kept) == pytest.approx([0.9, 0.7])
    assert digits.difference == pytest.approx(-0.2)
    assert (letters.task, letters.kept, letters.difference) == ("letters", (None, None), None)
    assert letters.found[0] is None


def test_the_tasks_are_a_sentence(two: Two) -> None:
    """The means over the tasks that both have probed after their stage, and what is beyond the limit."""
    said = task_sentence(two, task_pairs(states(two)))
    means = "beside keeps 70 % and base 90 % on average (\u221220 points)"
    assert said.startswith(f"Of 1 task probed after their stage in both, {means}; beyond the allowed limit: ")
    assert task_sentence(two, ()) == ""


def brain(**neurons: float) -> TrainingState:
    """A run of two lines whose regions have these sizes at its end."""
    columns = {name: Column(np.array([1.0, size])) for name, size in neurons.items()}
    return TrainingState(history=replace(history([0, 10]), neurons=columns))


def test_the_same_region_of_both_runs_is_a_pair() -> None:
    """The one with the greatest share first; a region that is not logged, or whose size is no number, is not 0."""
    found = regions_of((brain(cortex=600, vta=400), brain(cortex=500, lgn=1500, vta=np.nan)))
    assert found == [
        Region("lgn", (None, 1500), (None, 0.75)),
        Region("cortex", (600, 500), (0.6, 0.25)),
        Region("vta", (400, None), (0.4, None)),
    ]
    assert [each.difference for each in found] == [None, -0.35, None]


def test_the_regions_are_a_sentence() -> None:
    """Sizes of both, and the region whose shares differ most."""

    def said(base: TrainingState, beside: TrainingState) -> str:
        return region_sentence(sided(base, beside), regions_of((base, beside)))

    words = said(brain(cortex=600, vta=300, lgn=100), brain(cortex=500, vta=1000, lgn=500))
    assert words.startswith("2,000 neurons in beside, 1,000 in base; furthest apart in ")
    assert words.endswith("cortex: 25 % against 60 % (\u221235 points).")
    assert said(brain(cortex=600), brain()) == "beside logs no neurons by region."
    assert said(brain(cortex=600), brain(vta=1)).endswith("; no region is in both.")
    assert said(brain(), brain()) == ""


def slept(directory: Path, *patterns: int | None) -> TrainingState:
    """A run of 1,000 lines for each of these consolidations, which improve performance by 0.1."""
    lines: list[Line] = []
    for number, replayed in enumerate(patterns):
        first = 10_000 * number
        lines += [{"step": first + 100 * at, "performance": 0.5 + number / 10} for at in range(100)]
        fields = {} if replayed is None else {"patterns_replayed": replayed, "duration_steps": 50}
        lines.append(event("consolidation", first + 9_900, sleep_stage="NREM", **fields))
    last = 10_000 * len(patterns)
    lines += [{"step": last + 100 * at, "performance": 0.5 + len(patterns) / 10} for at in range(100)]
    return run(directory, *lines)


def test_consolidations_of_both_are_beside_each_other(tmp_path: Path) -> None:
    """How many, what they replayed, how far apart, how long, and what performance did; with differences."""
    pair = sided(slept(tmp_path / "base", 100, 201), slept(tmp_path / "beside", 300, 300, 300))
    numbers = sleep_numbers(states(pair))
    assert [(each.name, each.values, each.details) for each in numbers[:-1]] == [
        ("Consolidations", (2, 3), ("", "")),
        ("Patterns replayed", (301, 900), ("", "")),
        ("Patterns in one (mean)", (150.5, 300), ("over 2", "over 3")),
        ("Steps from one to the next (median)", (10_000, 10_000), ("over 1", "over 2")),
        ("Steps of all phases together", (100, 150), ("", "")),
    ]
    assert [each.difference for each in numbers[:-1]] == [1, 599, 149.5, 0, 50]
    assert numbers[-1].values == pytest.approx((0.1, 0.1))
    assert sleep_sentence(pair, numbers) == (
        "3 consolidations in beside, 2 in base; "
        "performance changed after one by +0.1 (over 3) against +0.1 (over 2) on average."
    )


def test_what_a_consolidation_does_not_log_is_not_0(tmp_path: Path) -> None:
    """A mean is over those that log it; one alone has no distance; a run without any has 0, and is named."""
    mixed, alone, none = (
        slept(tmp_path / "mixed", 100, None),
        slept(tmp_path / "alone", None),
        slept(tmp_path / "none"),
    )
    numbers = sleep_numbers((mixed, alone))
    assert [each.values for each in numbers[:5]] == [
        (2, 1),
        (100, None),
        (100, None),
        (10_000, None),
        (50, None),
    ]
    assert numbers[2].details == ("over 1", "")
    assert [each.difference for each in numbers[:5]] == [-1, None, None, None, None]
    assert [each.values for each in sleep_numbers((none, alone))[:3]] == [(0, 1), (None, None), (None, None)]
    assert sleep_sentence(sided(alone, none), sleep_numbers((alone, none))) == "beside logs no consolidation."
    assert sleep_sentence(sided(none, alone), sleep_numbers((none, alone))) == "base logs no consolidation."
    assert sleep_numbers((none, none)) == [] and sleep_sentence(sided(none, none), []) == ""
