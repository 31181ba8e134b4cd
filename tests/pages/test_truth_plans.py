"""What the pages say of an extended stage, and of one that takes longer than its plan: two of six small runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.pages.test_truth import LATER, grew, slept
from tests.pages.truth import (
    Row,
    bars,
    differences,
    everywhere,
    fact,
    has,
    lead,
    row,
    rows,
    strip,
    summary,
    text,
)
from tests.support import Run, line

EXTENDED: Final = (
    line(0, event_type="stage_start", stage=-1, config={"duration_weeks": 4, "duration_steps": 8_000}),
    *(
        line(step, performance=0.4, timestamp=1.7e9 + step / 5, capacity_by_region={"cortex": 0.9})
        for step in range(500, 5_000, 500)
    ),
    slept(5_000, "NREM", 100, 200),
    slept(5_200, "REM", 50, 100),
    *(
        line(step, performance=0.5, timestamp=1.7e9 + step / 5, capacity_by_region={"cortex": 0.9})
        for step in range(5_500, 8_001, 500)
    ),
    line(8_000, event_type="extension", stage=-1, additional_weeks=2, reason="not yet"),
    line(8_000, neuron_counts={"cortex": 1_000}, timestamp=1.7e9 + 1_600),
    grew(8_250, 250, 1_250),
    line(8_500, event_type="extension", stage=-1, additional_steps=1_000, reason="nearly"),
    line(
        8_500,
        performance=0.5,
        timestamp=1.7e9 + 1_700,
        capacity_by_region={"cortex": 0.72},
        neuron_counts={"cortex": 1_250},
    ),
    line(9_000, performance=0.5, timestamp=1.7e9 + 1_800),
)


def of_the_extension() -> Iterator[Row]:
    """At step 9,000 of a stage that was planned for 8,000 steps in 4 weeks.

    A week has 2,000 steps: two more weeks are 4,000 steps, and with 1,000 more the plan is 13,000 steps, 6.5 weeks,
    5,000 of them extensions. 9,000 of 13,000 are 69 %; 4,000 are left, at 5 steps a second 800 s, 13 min. The sleep
    at 5,000 has two phases, so the next is due at 15,000, and 4,000 of 10,000 steps are over. Performance was 0.4 in
    the nine lines before it and 0.5 in the eight after it. The cortex grows above 85 % in stage -1, so that 72 % is
    13 points away, to 2.5 times its first 1,000 neurons, and not before 8,250 + 12,000 steps. The growth check is due
    5,000 steps after the growth: 13,250.
    """
    yield from everywhere(
        (fact("Stage -1"), "Sensorimotor"),
        (fact("Step of stage"), "9,000/13,000 69%"),
        (
            text("frame-totals"),
            "Training time 28 min 20 s Growth events 1 Consolidations 1 2 phases Read from training log",
        ),
    )
    said = (
        "Stage -1 Sensorimotor (stage 1 of 8): 9,000 steps of 13,000 planned (69%); extended by 5,000 steps; "
        "next sleep expected at step 15,000; next growth check expected at step 13,250."
    )
    yield "/", has(said), True
    yield "/", has("Pace 5 steps/s"), True
    yield "/", has("Left in this stage about 13 min"), True
    yield (
        "/",
        strip(),
        [
            "Sensorimotor: being trained, 69% of its plan [69.2%]",
            "Sensory Foundations: not begun [0.0%]",
            *LATER,
        ],
    )
    yield "/curriculum", lead("curriculum-stages"), [said]
    yield (
        "/curriculum",
        rows("Stages and their plans"),
        [
            "-1 Sensorimotor | 1 | 0 | 9,000 so far | 13,000 steps (6.5 weeks) | extended by 5,000 steps, "
            "4,000 steps left"
        ],
    )
    yield (
        "/curriculum",
        bars("curriculum-timeline"),
        {
            "plan": [("-1 Sensorimotor", 0, 8_000)],
            "extension": [("-1 Sensorimotor", 8_000, 13_000)],
            "trained": [("-1 Sensorimotor", 0, 9_000)],
        },
    )
    yield "/events", has("Stage -1 Sensorimotor extended by 2 weeks"), True
    yield "/events", has("Stage -1 Sensorimotor extended by 1,000 steps"), True
    yield (
        "/growth",
        summary("growth-utilization"),
        [
            "capacity 90 % before and 72 % after on average, 1 growth",
            "Capacity 90 % before and 72 % after on average, 1 growth.",
        ],
    )
    yield (
        "/growth",
        rows("Room to grow"),
        ["cortex | 0.72 | 0.85 | 0.13 | 1,250 | 2,500 | 0.5 | 8,250 | 20,250"],
    )
    yield "/growth", fact("Neurons added"), "250"
    yield "/", has("Since the start +250 in 1 event"), True
    change = "Performance changed by +0.1 on average; 1 of 1 consolidation gained."
    yield "/consolidation", fact("Performance after"), f"+0.1 {change}"
    yield "/consolidation", fact("Sleep debt"), "4,000 steps of 10,000 (Thalia's default)"
    yield "/consolidation", fact("Consolidations"), ["1 2 phases"] * 2  # the page's and the frame's
    yield "/consolidation", fact("Average patterns"), "75 per phase"
    yield "/", has("Phases NREM + REM When"), True
    yield "/", has("Step 5,000 Replayed 150 patterns"), True
    yield "/consolidation", rows("What each did"), ["5,000 | NREM + REM | 150 | 0.4 | 0.5 | 0.1 | – | – | –"]
    yield (
        "/consolidation",
        summary("sleep-proportions"),
        [
            "2 phases",
            "NREM 50 % of the phases, 66.7 % of the patterns, 66.7 % of the steps; "
            "REM 50 % of the phases, 33.3 % of the patterns, 33.3 % of the steps.",
        ],
    )


def test_extensions_add_to_the_plan_of_a_stage(run: Run) -> None:
    """Two weeks and 1,000 steps more: the plan, what is left of it, and everything that is counted from it."""
    run.append(*EXTENDED)
    assert differences(run, of_the_extension()) == []


OVER: Final = (
    line(0, event_type="stage_start", stage=-1, config={"duration_steps": 2_000}),
    line(1_900, event_type="extension", stage=-1, additional_steps=500, reason="not yet"),
    *(line(step, timestamp=1.7e9 + step / 10) for step in range(0, 3_100, 50)),
    line(3_100, event_type="stage_end", stage=-1),
    line(
        3_100,
        event_type="stage_start",
        stage=0,
        config={"duration_steps": 1_000, "success_criteria": {"mnist_accuracy": 0.95}},
    ),
    line(3_200, event_type="health_score", score=0.95),
    line(3_300, event_type="cognitive_load", load=0.5),
    line(3_400, event_type="intervention", intervention="reduce_load", reason="load 0.95"),
    line(3_400, event_type="cognitive_load", load=0.95),
    line(3_900, event_type="cognitive_load", load=0.92),
    line(3_900, event_type="intervention", intervention="reduce_load", reason="load 0.92"),
    line(4_000, event_type="intervention", intervention="pause_growth", reason="rest"),
    line(4_300, event_type="cognitive_load", load=0.7),
    line(4_400, event_type="health_score", score=0.85),
    line(
        4_500,
        event_type="gate",
        stage=0,
        passed=False,
        decision="extend",
        failures=["mnist too low"],
        recommendations=["train on"],
        metrics={"mnist_accuracy": 0.64},
    ),
    *(
        # From 0.5 at 3,100 by 0.1 in 1,000 steps to 0.65 at 4,600.
        line(step, timestamp=1.7e9 + step / 10, mnist_accuracy=round(0.5 + (step - 3_100) / 10_000, 3))
        for step in range(3_100, 4_601, 50)
    ),
)


def of_the_overrun() -> Iterator[Row]:
    """At step 4,600: stage -1 took 3,100 steps of 2,000 and 500 more; stage 0 has taken 1,500 of its 1,000.

    Beyond plan and extension are 600 and 500 steps; 1,500 of 1,000 are 150 %. mnist_accuracy needs 0.3 more, which at
    0.1 in 1,000 steps are 3,000 steps, at 10 steps a second 5 min. Two of four loads are above 0.9. Stage 0 has six
    criteria of its own and the five of health, of which none is known to hold.
    """
    yield from everywhere(
        (fact("Stage 0"), "Sensory Foundations"),
        (fact("Step"), "4,600"),
        (fact("Step of stage"), "1,500/1,000 150%"),
    )
    said = "Stage 0 Sensory Foundations (stage 2 of 8): 1,500 steps of 1,000 planned (150%); 500 beyond the plan."
    yield "/", has(said), True
    yield (
        "/",
        strip(),
        [
            "Sensorimotor: trained [100.0%]",
            "Sensory Foundations: being trained, 150% of its plan [100.0%]",
            *LATER,
        ],
    )
    yield "/", has("Left in this stage – The stage has reached the end of its 1,000 planned steps."), True
    yield "/curriculum", lead("curriculum-stages"), [said]
    yield (
        "/curriculum",
        rows("Stages and their plans"),
        [
            "0 Sensory Foundations | 1 | 3,100 | 4,600 so far | 1,000 steps | 500 steps over",
            "-1 Sensorimotor | 1 | 0 | 3,100 | 2,500 steps | extended by 500 steps, 600 steps over",
        ],
    )
    yield (
        "/curriculum",
        bars("curriculum-timeline"),
        {
            "plan": [("-1 Sensorimotor", 0, 2_000), ("0 Sensory Foundations", 3_100, 4_100)],
            "extension": [("-1 Sensorimotor", 2_000, 2_500)],
            "trained": [("-1 Sensorimotor", 0, 3_100), ("0 Sensory Foundations", 3_100, 4_600)],
        },
    )
    why_not = "0 of 11 criteria hold; the slowest with a trend is mnist_accuracy: about 3,000 steps more."
    yield (
        "/curriculum",
        lead("curriculum-why-not"),
        [
            why_not,
            "Newest gate: not passed, extend (stage 0), 1 condition failed.",
            "At step  4,500",
            "Measured: mnist_accuracy 0.64.",
        ],
    )
    yield (
        "/curriculum",
        row("Criteria of the stage", "mnist_accuracy"),
        (
            "mnist_accuracy | ✗ not yet | 0.65 | > 0.95 | −0.3 | +0.1 "
            "| in about 3,000 steps  5 min at the present pace"
        ),
    )
    yield (
        "/curriculum",
        rows("Conditions of the newest gate"),
        ["mnist too low | ✗ failed", "train on | recommended"],
    )
    yield "/milestones", has("mnist_accuracy 0.65  of > 0.95 0.3 to go"), True
    yield "/", has("mnist_accuracy"), True
    safety = (
        "3 interventions (reduce_load 2, pause_growth 1); health score 0.85; "
        "cognitive load 0.7, above 0.9 in 50 % of 4 values."
    )
    yield "/curriculum", lead("curriculum-safety"), [safety]
    yield (
        "/curriculum",
        rows("Interventions by kind"),
        [
            "reduce_load | 2 | 3,900 | load 0.92",
            "pause_growth | 1 | 4,000 | rest",
        ],
    )
    yield "/curriculum", summary("interventions"), ["3 interventions", safety]
    yield (
        "/curriculum",
        summary("levels"),
        [
            "2 health score values, 4 cognitive load values; dashed: load limit 0.9",
            safety,
        ],
    )


def test_a_stage_that_takes_longer_than_its_plan_says_by_how_much(run: Run) -> None:
    """Beyond the plan and its extensions, in steps and percent, with what is missing and when it may be there."""
    run.append(*OVER)
    assert differences(run, of_the_overrun()) == []
