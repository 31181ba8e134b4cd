"""What the pages say of sleep: when the next one is due, and how many there were. Worked out by hand."""

from __future__ import annotations

from typing import Final

import pytest

from tests.pages.test_truth import slept
from tests.pages.truth import differences, fact, has, lead, summary
from tests.support import Run, line
from thalia_monitor import load_training_state
from thalia_monitor.analysis.comparison import run_totals
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.export.run_document import of_run
from thalia_monitor.web.app import create_app


def begun(**config: object) -> str:
    """The start of stage -1 with its configuration."""
    return line(0, event_type="stage_start", stage=-1, config=config)


PROPORTIONS: Final = (
    "NREM 60 % of the phases, 69.2 % of the patterns, 75 % of the steps; "
    "REM 40 % of the phases, 30.8 % of the patterns, 25 % of the steps."
)
FOUR: Final = (2_000, 4_000, 6_000, 8_000)


@pytest.mark.parametrize(
    ("config", "sleeps", "interval", "due", "source"),
    [
        # Three gaps of 2,000: the run's habit, 2,000 after 8,000.
        ({}, FOUR, 2_000, 10_000, "median of this run"),
        # Gaps of 2,000, 2,000 and 3,000: the median is 2,000, 2,000 after 9,000 - 1,000 ago.
        ({}, (1_000, 3_000, 5_000, 8_000), 2_000, 10_000, "median of this run"),
        # Two gaps are too few: Thalia's 10,000 after 6,000.
        ({}, (2_000, 4_000, 6_000), 10_000, 16_000, "Thalia's default"),
        # Configured, whatever the run does: 3,000 after 8,000.
        ({"consolidation_interval": 3_000}, FOUR, 3_000, 11_000, "configured"),
        # Less than a step is no interval: that of the run.
        ({"consolidation_interval": 0.5}, FOUR, 2_000, 10_000, "median of this run"),
    ],
)
def test_the_next_sleep_is_due_by_one_rule(
    run: Run, config: dict[str, object], sleeps: tuple[int, ...], interval: int, due: int, source: str
) -> None:
    """At step 9,000: the interval of the sleep debt on page Consolidation is that of the next sleep elsewhere."""
    events = [slept(step, "NREM", 50, 100) for step in sleeps]
    run.append(begun(**config), *(line(step, performance=0.5) for step in range(0, 9_001, 1_000)), *events)
    said = f"Stage -1 Sensorimotor (stage 1 of 8): 9,000 steps, no plan logged; next sleep expected at step {due:,}."
    debt = f"{9_000 - sleeps[-1]:,} steps of {interval:,} ({source})"
    table = [
        ("/", has(said), True),
        ("/curriculum", lead("curriculum-stages"), [said]),
        ("/consolidation", fact("Sleep debt"), debt),
        ("/consolidation", has(f"due after {interval:,} ({source})"), True),
    ]
    assert differences(run, table) == []


def test_a_consolidation_of_two_phases_is_one_everywhere(run: Run) -> None:
    """At 2,000 and 6,000 NREM and 200 steps later REM, at 7,000 NREM alone: three consolidations of five phases.

    NREM replays 60 patterns and lasts 200 steps, REM 40 and 100: 260 patterns in all, 52 and 160 steps a phase. The
    distances are 4,000 and 1,000; their median is 2,500. The last one is a single phase, of 60 patterns.
    Of NREM are 3 of 5 phases, 180 of 260 patterns and 600 of 800 steps.
    """
    nights = [
        phase
        for step in (2_000, 6_000)
        for phase in (slept(step, "NREM", 60, 200), slept(step + 200, "REM", 40, 100))
    ]
    run.append(begun(), *(line(step, performance=0.5) for step in range(0, 8_001, 1_000)), *nights)
    run.append(slept(7_000, "NREM", 60, 200))
    table = [
        *(
            (path, fact("Consolidations"), "3 5 phases")
            for path in ("/", "/curriculum", "/growth", "/events")
        ),
        ("/consolidation", fact("Consolidations"), ["3 5 phases"] * 2),
        ("/consolidation", fact("Patterns replayed"), "260"),
        ("/consolidation", fact("Average patterns"), "52 per phase"),
        ("/consolidation", fact("Average duration"), "160 steps per phase"),
        ("/consolidation", has("a consolidation every 2,500 steps (median of 2)"), True),
        (
            "/consolidation",
            summary("sleep-proportions"),
            [
                "5 phases",
                PROPORTIONS,
            ],
        ),
        ("/", has("Phases NREM When – Step 7,000 Replayed 60 patterns"), True),
    ]
    assert differences(run, table) == []
    state = load_training_state(run.directory)
    assert run_totals(state)["Consolidations"] == "3"
    [section] = [each for each in of_run(summarize(state, 0.0)).sections if each.title == "Consolidation"]
    assert ("Consolidations", "3", "5 phases") in [
        (each.label, each.value, each.detail) for each in section.facts
    ]
    assert "Last consolidation: NREM at step 7,000, 60 patterns replayed." in section.sentences
    client = create_app(run.directory).server.test_client()
    [listed] = client.get("/api/v1/runs").json["runs"]
    assert (
        client.get(f"/api/v1/runs/{listed['id']}").json["consolidation_event_count"] == 5
    )  # the events: phases


def test_phases_without_a_step_are_consolidations_by_themselves(run: Run) -> None:
    """Nothing says which belong together: two phases without a step and one at 2,000 are three consolidations."""
    fields = {"event_type": "consolidation", "sleep_stage": "NREM", "patterns_replayed": 7}
    run.append(
        begun(), slept(2_000, "NREM", 60, 200), line(None, **fields), line(3_000), line(None, **fields)
    )
    table = [
        ("/consolidation", fact("Consolidations"), ["3 3 phases"] * 2),
        ("/", has("Phases NREM When – Step – Replayed 7 patterns"), True),
    ]
    assert differences(run, table) == []
