"""What the pages say of six small runs, against tables that were worked out by hand from each log.

Each log is written line by line. The expected words follow from it and from ``docs/views.md`` alone, by the sums
beside them. Here: a resume. The others: ``test_truth_plans.py`` (extension, overrun), ``test_truth_kept.py``
(forgetting) and ``test_truth_silence.py`` (silence, no data).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

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
    summary,
    text,
)
from tests.support import Run, line

LATER: Final = (
    "Object Permanence & Working Memory: not begun [0.0%]",
    "Language & Executive Function: not begun [0.0%]",
    "Reading & Planning: not begun [0.0%]",
    "Abstract Reasoning: not begun [0.0%]",
    "Expert Knowledge: not begun [0.0%]",
    "LLM-Level Capabilities: not begun [0.0%]",
)
"""The stages after Sensory Foundations in the strip of stages."""
LEGEND: Final = "light: plan, hatched: extension, grey: repeated after a resume, diamond: expected next"


def brain(step: int, cortex: int, **more: object) -> str:
    """A metric line of a brain of a growing cortex and 1,000 neurons of hippocampus."""
    return line(step, neuron_counts={"cortex": cortex, "hippocampus": 1_000}, **more)


def slept(step: int, phase: str, patterns: int, steps: int) -> str:
    """A phase of sleep."""
    fields = {"sleep_stage": phase, "patterns_replayed": patterns, "duration_steps": steps}
    return line(step, event_type="consolidation", **fields)


def grew(step: int, more: int, total: int) -> str:
    """A growth of the cortex."""
    fields = {"region": "cortex", "neurons_added": more, "new_total": total, "reason": "capacity 0.91"}
    return line(step, event_type="growth", **fields)


def probed(step: int, accuracy: float, task: str = "reach", stage: int = -1) -> str:
    """A probe of a task in 100 trials."""
    return line(step, event_type="evaluation", task=task, stage=stage, accuracy=accuracy, n=100)


PLAN: Final = {"duration_steps": 4_000, "consolidation_interval": 1_500, "growth_check_interval": 1_000}
FIRST: Final = (
    line(0, event_type="stage_start", stage=-1, config=PLAN),
    brain(1_000, 1_000, performance=0.5),
    brain(2_000, 1_000, performance=0.6),
    grew(2_500, 100, 1_100),
    brain(3_000, 1_100, performance=0.7),
    # Training goes back to here: what follows is trained once more.
    slept(3_200, "NREM", 60, 100),
    grew(3_400, 200, 1_300),
    line(3_500, event_type="milestone", stage=-1, results={"reaching_accuracy": True}),
    line(3_700, event_type="extension", stage=-1, additional_steps=2_000, reason="slow"),
    probed(3_800, 0.8),
    brain(4_000, 1_300, performance=0.8),
    line(4_000, event_type="stage_end", stage=-1),
    line(4_000, event_type="stage_start", stage=0, config={"duration_steps": 5_000}),
    probed(5_000, 0.4),
    brain(5_000, 1_300, performance=0.3),
    line(6_000, event_type="intervention", intervention="rollback", reason="performance fell"),
    brain(6_000, 1_300, performance=0.2),
)
BACK: Final = (
    brain(3_000, 1_100, performance=0.7),
    line(3_550, event_type="milestone", stage=-1, results={"reaching_accuracy": False}),
    brain(3_600, 1_100, performance=0.75),
)
ON: Final = (
    slept(3_800, "NREM", 50, 200),
    probed(3_900, 0.8),
    brain(4_000, 1_100, performance=0.8),
    line(4_000, event_type="stage_end", stage=-1),
    line(4_000, event_type="stage_start", stage=0, config={"duration_steps": 5_000}),
    probed(4_500, 0.72),
    brain(4_500, 1_100, performance=0.5),
    brain(5_000, 1_100, performance=0.55),
)


def resumed(run: Run, *later: str) -> Run:
    """The run that went back, with the checkpoints of its first attempt."""
    run.append(*FIRST)
    none: dict[str, Any] = {"current_week": None, "total_weeks": None, "metrics": {}}
    run.metadata(3_000, current_stage=-1, milestones={"basic_movements": True, "x": False}, **none)
    run.metadata(5_000, current_stage=0, milestones={"mnist_accuracy": True}, **none)
    run.append(*BACK, *later)
    return run


def after_the_resume() -> Iterator[Row]:
    """At step 3,600, back in stage -1, after a first attempt that came to 6,000 and into stage 0.

    Of the first attempt only what is before 3,000 counts: one growth of 100, no sleep, no probe, no milestone, no
    extension, nothing of stage 0, one checkpoint. 3,600 of 4,000 steps are 90 %. Sleep is due each 1,500 steps from
    the stage's start at 0: 4,500. The growth check is due each 1,000 after the growth at 2,500: 3,500 is over, so
    4,500. The rollback has happened, whatever was trained since. 1,000 of 2,000 neurons are 50 %, 1,100 of 2,100 are
    52.4 %. Thalia's table has the room to grow: in stage -1 the hippocampus grows above 80 %, the cortex above 85 %
    (not before 2,500 + 12,000 steps), to 3.5 and 2.5 times the first size; 1,000 of 3,500 are 0.2857, 1,100 of 2,500
    are 0.44.
    """
    yield from everywhere(
        (fact("Stage -1"), "Sensorimotor"),
        (fact("Step"), "3,600"),
        (fact("Step of stage"), "3,600/4,000 90%"),
        (text("frame-warnings"), "✓ No warnings at step 3,600"),
    )
    yield from [
        (path, fact("Consolidations"), "0 1 phase repeated after a resume")
        for path in ("/", "/curriculum", "/growth", "/events")
    ]
    yield "/", fact("Growth events"), "1 1 more repeated after a resume"
    said = (
        "Stage -1 Sensorimotor (stage 1 of 8): 3,600 steps of 4,000 planned (90%); attempt 2; next sleep expected at "
        "step 4,500; next growth check expected at step 4,500."
    )
    yield "/", block("Next stage"), "Sensory Foundations needs 10 more milestones"
    yield (
        "/",
        strip(),
        [
            "Sensorimotor: being trained, 90% of its plan [90.0%]",
            "Sensory Foundations: not begun [0.0%]",
            *LATER,
        ],
    )
    yield "/", has(said), True
    yield (
        "/",
        block("Growth"),
        "Neurons now 2,100 Since the start +100 in 1 event In the last hour times not logged "
        "Newest cortex, step 2,500",
    )
    yield "/", has("No consolidation yet"), True
    yield "/", block("Health"), "✓ Nothing found wrong in the numbers."
    yield "/", has("1 of 11 passed"), True  # the ten of stage -1 and x, by the checkpoint at 3,000
    yield "/curriculum", lead("curriculum-stages"), [said]
    yield (
        "/curriculum",
        rows("Stages and their plans"),
        [
            "-1 Sensorimotor | 2, 1 repeated | 0 | 3,600 so far | 4,000 steps | 400 steps left",
            "0 Sensory Foundations | 1, 1 repeated | 4,000 | 4,000 | – | nothing counts after a resume",
        ],
    )
    yield "/curriculum", summary("curriculum-timeline"), [f"2 stages, 3 attempts; {LEGEND}", said]
    yield (
        "/curriculum",
        bars("curriculum-timeline"),
        {
            "plan": [("-1 Sensorimotor", 0, 4_000)],
            "trained": [("-1 Sensorimotor", 0, 3_000), ("-1 Sensorimotor", 3_000, 3_600)],
            "repeated": [
                ("0 attempt 1, repeated", 4_000, 6_000),
                ("-1 attempt 1, repeated", 3_000, 4_000),
            ],
        },
    )
    yield (
        "/curriculum",
        row("Criteria of the stage", "reaching_accuracy"),
        "reaching_accuracy | ✗ not yet | – | > 0.9 | – | – | –",
    )
    yield "/curriculum", has("No task was probed"), True
    yield "/curriculum", lead("curriculum-safety"), ["1 intervention (rollback 1)."]
    yield (
        "/curriculum",
        rows("Interventions by kind"),
        ["rollback | 1 | 6,000 | performance fell"],
    )
    yield "/growth", fact("Neurons now"), "2,100"
    yield (
        "/growth",
        fact("Growth events"),
        ["1 1 more repeated after a resume"] * 2,
    )  # the page's and the frame's
    yield "/growth", fact("Neurons added"), "100"
    yield "/growth", fact("Grew most"), "cortex +100 neurons, 100 % of all added"
    shares = (
        "2,000 neurons became 2,100; cortex gained most: 50 % to 52.4 % of all; "
        "hippocampus lost most: 50 % to 47.6 % of all."
    )
    yield "/growth", fact("Shares"), f"2 regions {shares}"
    yield "/growth", summary("growth-reasons"), ["1 event", "capacity #: 1 event, +100 neurons."]
    yield (
        "/growth",
        rows("Room to grow"),
        [
            "hippocampus | – | 0.8 | – | 1,000 | 3,500 | 0.2857 | – | –",
            "cortex | – | 0.85 | – | 1,100 | 2,500 | 0.44 | 2,500 | 14,500",
        ],
    )
    yield "/consolidation", fact("Consolidations"), ["0 1 phase repeated after a resume"] * 2
    yield "/consolidation", fact("Patterns replayed"), "–"
    yield "/consolidation", rows("What each did"), []
    yield "/consolidation", has("Sleep debt"), False
    # Two at the checkpoint at 3,000, reaching_accuracy at 3,550; of the 11 of the list one is passed.
    yield "/milestones", fact("Milestones"), "3 8 more not evaluated yet"
    yield "/milestones", fact("Passed"), "1"
    yield "/milestones", fact("Completion"), "33.3%"
    yield "/metrics", has("Performance 0.75 no checkpoint yet"), False
    yield "/metrics", has("Performance 0.75"), True
    yield "/", has("Performance 0.75"), True
    yield "/events", has("Resumed at step 3,000"), True
    yield "/events", has("reaching_accuracy lost"), False
    yield "/checkpoints", fact("Checkpoints"), "2"
    yield "/checkpoints", fact("Kept"), "1 1 superseded"
    yield "/checkpoints", fact("Newest"), "step 3,000"


def after_the_stage_was_trained_again() -> Iterator[Row]:
    """At step 5,000 of the same run: it has slept at 3,800, and stage 0 has begun at 4,000 for the second time.

    1,000 of 5,000 steps are 20 %. Stage 0 configures no intervals: sleep is due 10,000 steps after its start, at
    14,000, the growth check after 5,000, at 9,000; the debt is 5,000 - 3,800 of the same 10,000. Task reach has 0.72
    of the 0.8 at the end of its stage: 90 % kept, 10 % forgotten. Allowed in stage 0 with 2,100 neurons:
    log10(2,100 / 50,000) = -1.377, so 10 % (1 + 0.413) = 14.1 %. The errors are sqrt(0.8 0.2 / 100) = 0.04 and
    sqrt(0.72 0.28 / 100) = 0.0449.
    """
    yield from everywhere(
        (fact("Stage 0"), "Sensory Foundations"),
        (fact("Step"), "5,000"),
        (fact("Step of stage"), "1,000/5,000 20%"),
        (text("frame-warnings"), "✓ No warnings at step 5,000"),
    )
    said = (
        "Stage 0 Sensory Foundations (stage 2 of 8): 1,000 steps of 5,000 planned (20%); attempt 2; "
        "next sleep expected at step 14,000; next growth check expected at step 9,000."
    )
    kept = (
        "0 of 1 earlier task forgotten beyond the allowed 14.1 %: most reach of stage -1, 10 %. Backward transfer is "
        "−0.08."
    )
    yield "/", strip(), ["Sensorimotor: trained [100.0%]", f"{_being('20')} [20.0%]", *LATER]
    yield "/", has(said), True
    yield "/", has("Phases NREM When – Step 3,800 Replayed 50 patterns"), True
    yield "/curriculum", lead("curriculum-stages"), [said]
    yield (
        "/curriculum",
        rows("Stages and their plans"),
        [
            "0 Sensory Foundations | 2, 1 repeated | 4,000 | 5,000 so far | 5,000 steps | 4,000 steps left",
            "-1 Sensorimotor | 2, 1 repeated | 0 | 4,000 | 4,000 steps | as planned",
        ],
    )
    yield "/curriculum", lead("curriculum-kept"), [kept]
    yield (
        "/curriculum",
        rows("Tasks by stage"),
        ["reach | stage -1 | 0.8 ± 0.04 | 90 %  0.72 ± 0.0449 | 10 % of 14.1 % allowed | 500 steps ago"],
    )
    yield (
        "/curriculum",
        summary("curriculum-retention"),
        [
            "1 task, 2 probes; dashed: 85.9 % must be kept",
            kept,
        ],
    )
    yield "/consolidation", fact("Consolidations"), ["1 1 phase, 1 more repeated after a resume"] * 2
    yield "/consolidation", fact("Patterns replayed"), "50"
    yield "/consolidation", fact("Average patterns"), "50 per phase"
    yield "/consolidation", fact("Average duration"), "200 steps per phase"
    yield "/consolidation", fact("Sleep debt"), "1,200 steps of 10,000 (Thalia's default)"
    yield "/consolidation", rows("What each did"), ["3,800 | NREM | 50 | – | – | – | – | – | –"]
    yield (
        "/consolidation",
        summary("sleep-proportions"),
        [
            "1 phase",
            "NREM 100 % of the phases, 100 % of the patterns, 100 % of the steps.",
        ],
    )
    yield "/consolidation", summary("sleep-frequency"), ["needs two consolidations at different steps"]


def _being(percent: str) -> str:
    return f"Sensory Foundations: being trained, {percent}% of its plan"


def test_what_a_resume_repeats_counts_for_nothing(run: Run) -> None:
    """Training went into the next stage, fell, and went back into the stage before: every page is back there."""
    assert differences(resumed(run), after_the_resume()) == []


def test_a_stage_that_was_trained_again_counts_once(run: Run) -> None:
    """The same run further on: growth, sleep and probes of the second attempt, and none of the first."""
    assert differences(resumed(run, *ON), after_the_stage_was_trained_again()) == []


def test_without_checkpoints_the_log_says_which_stage_a_resume_went_back_to(run: Run) -> None:
    """The stage that was begun beyond the resume is not the present one, in header and curriculum alike."""
    run.append(*FIRST, *BACK)
    table = everywhere((fact("Stage -1"), "Sensorimotor"), (fact("Step of stage"), "3,600/4,000 90%"))
    assert differences(run, table) == []


def test_without_stages_in_the_log_the_checkpoints_say_where_a_resume_went_back_to(run: Run) -> None:
    """Week 3 of 4 at step 3,000; the checkpoint at 5,000, week 1 of 8 in the next stage, is passed by."""
    run.metrics(0, 1_000, 3_000, 5_000, 6_000, 3_000, 3_600)
    for step, week in ((1_000, 1), (3_000, 3)):
        run.metadata(step, current_stage=-1, current_week=week, total_weeks=4)
    run.metadata(5_000, current_stage=0, current_week=1, total_weeks=8)
    said = "Stage -1 Sensorimotor (stage 1 of 8): "
    table = [
        *everywhere((fact("Stage -1"), "Sensorimotor"), (fact("Week"), "3/4 75%")),
        ("/", has(said), True),
        ("/curriculum", has(said), True),
    ]
    assert differences(run, table) == []
