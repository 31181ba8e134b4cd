"""What the pages say of sleep: when the next one is due, and how many there were. Worked out by hand."""

from __future__ import annotations

from typing import Final

import pytest

from tests.pages.test_truth import slept
from tests.pages.truth import differences, fact, has, lead
from tests.support import Run, line


def begun(**config: object) -> str:
    """The start of stage -1 with its configuration."""
    return line(0, event_type="stage_start", stage=-1, config=config)


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
