"""What the pages say of a region that falls silent, and of a run without data: two of six small runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import pytest

from tests.pages.truth import (
    PAGES,
    Part,
    Row,
    block,
    differences,
    everywhere,
    fact,
    facts,
    has,
    lead,
    row,
    rows,
    summary,
    text,
)
from tests.screen import Screen, parts, words
from tests.support import Run, line

SILENT: Final = (
    line(0, event_type="stage_start", stage=-1, config={}),
    *(
        line(
            step,
            firing_rate=0.09,
            region_firing_rates={"cortex": 0.1, "hippocampus": 0.08, "thalamus": 0.2, "striatum": striatum},
            neuromodulator={"dopamine_global": 0.5, "acetylcholine": 0.3},
            oscillator={"theta_frequency": theta, "gamma_frequency": 40.0},
        )
        for step, striatum, theta in (
            *((0, 0.06, 7.0), (250, 0.06, 7.0), (500, 0.06, 7.0), (750, 0.06, 7.0), (1_000, 0.06, 7.0)),
            *((1_250, 0.0, 7.0), (1_500, 0.0, 7.0), (1_750, 0.0, 7.0), (2_000, 0.0, 7.0)),
            *((2_250, 0.0, 7.0), (2_500, 0.0, 7.0), (2_750, 0.0, 7.0), (3_000, 0.0, 9.1)),
        )
    ),
)
SPIKES: Final = {
    "step": 3_000,
    "window_ms": 200,
    "regions": {
        "cortex": {
            "spikes": {"1": [0, 40, 80, 120, 160], "2": [10], "3": [], "4": [5, 15]},
            "neurons": 4,
            "of": 1_000,
        },
        "striatum": {"spikes": {"1": [], "2": [], "3": [], "4": []}, "neurons": 4, "of": 500},
    },
}


def of_the_silence() -> Iterator[Row]:
    """At step 3,000: striatum has been at 0 since 1,250, cortex and hippocampus are between 0.05 and 0.15.

    1,750 steps below 0.01 are more than the 1,000 that a silence needs. Thalamus is at 0.2 / 0.15 = 1.3 times the
    upper end, log2 of which is 0.4 doublings; silence is three halvings, so it is the furthest. 3,000 steps in at
    most 120 cells are cells of 50 (3,000 / 119 = 25.2, and the next of 1, 2, 5, ... is 50), each with one line: four
    regions on 13 lines fill 52, and 8 of striatum's are silent. Its median is 0, as 8 of its 13 values are. Of stage
    -1's ten criteria the run logs three: firing_stability holds by 0.04 (0.09 to 0.05), no_runaway by 0.6 (0.2 to
    0.8), and no_silence misses 0.01 by as much. In the window of spikes four neurons of cortex have 8 spikes in
    0.2 s, 10 Hz; the intervals of the one with five are all 40 ms, so that they do not vary; all eight neurons have
    5 Hz.
    """
    silent = "striatum has been silent since step 1,250."
    yield from everywhere(
        (text("frame-warnings"), f"✖ 1 critical {silent} ✖ critical, found in the numbers {silent}")
    )
    yield "/", block("Health"), f"✖ critical {silent}  firing rate 0, below 0.01 for 1,000 steps"
    said = (
        "2 of 4 regions in range in the newest cell; furthest below: striatum at 0; "
        "lines without activity in striatum."
    )
    yield (
        "/activity",
        facts("activity-facts"),
        [f"region_firing_rates (shares of neurons active per step) 4 regions {said}"],
    )
    yield (
        "/activity",
        summary("activity", "region_firing_rates"),
        [
            "healthy 0.05–0.15",
            "4 regions, 52 cells of 50 steps, in shares of neurons active per step",
            said,
        ],
    )
    yield (
        "/activity",
        rows("Regions"),
        [
            # Region, family, unit, newest, median, least, greatest, where, silent cells, step; the last logged first.
            "striatum | region_firing_rates | share | 0 | 0 | 0 | 0.06 | silent | 8 | 3,000",
            "thalamus | region_firing_rates | share | 0.2 | 0.2 | 0.2 | 0.2 | 1.3 × the upper end | 0 | 3,000",
            "hippocampus | region_firing_rates | share | 0.08 | 0.08 | 0.08 | 0.08 | in range | 0 | 3,000",
            "cortex | region_firing_rates | share | 0.1 | 0.1 | 0.1 | 0.1 | in range | 0 | 3,000",
        ],
    )
    window = "8 spikes of 8 sampled neurons in 200 ms, mean 5 Hz; 5 neurons silent"
    yield (
        "/activity",
        summary("raster", "newest"),
        [
            f"1 window, step 3,000 to 3,000; this one, step 3,000: {window}",
            f"Window at step 3,000: {window}.",
        ],
    )
    yield (
        "/activity",
        rows("Regions of this window"),
        [
            "cortex | 4 | 1,000 | 8 | 10 | 1 | 0",
            "striatum | 4 | 500 | 0 | 0 | 4 | –",
        ],
    )
    yield (
        "/curriculum",
        lead("curriculum-why-not"),
        ["2 of 10 criteria hold; no_silence misses its limit by 0.01, fewer than 30 values in this stage."],
    )
    criteria = "Criteria of the stage"
    few = "fewer than 30 values in this stage"
    yield (
        "/curriculum",
        row(criteria, "no_silence"),
        f"no_silence | ✗ not yet | 0 | > 0.01 | −0.01 | – | {few}",
    )
    yield "/curriculum", row(criteria, "no_runaway"), "no_runaway | ✓ yes | 0.2 | < 0.8 | +0.6 | – | –"
    yield (
        "/curriculum",
        row(criteria, "firing_stability"),
        ("firing_stability | ✓ yes | 0.09 | 0.05–0.15 | +0.04 | – | –"),
    )
    yield "/milestones", has("no_silence 0  of > 0.01 0.01 to go"), True
    yield "/metrics", has("Firing rate 0.09"), True
    yield "/", has("Firing rate 0.09"), True
    # The first family is shown. Theta at 9.1 Hz is beyond the 8.5 of Thalia's safety monitor.
    yield "/metrics", text("metrics-other-family-words"), "At step 3,000: neuromodulator: 2 series."


def test_a_silent_region_is_silent_on_every_page(run: Run) -> None:
    """Map, table, finding, criterion and raster agree which region, since when, and how far from the limit."""
    run.append(*SILENT)
    (run.directory / "spikes").mkdir()
    (run.directory / "spikes/step_0000003000.json").write_text(json.dumps(SPIKES))
    assert differences(run, of_the_silence()) == []


def test_a_family_says_which_series_is_out_of_its_band(run: Run) -> None:
    """Theta at 9.1 Hz, where Thalia's safety monitor wants 6.5 to 8.5."""
    run.append(line(3_000, oscillator={"theta_frequency": 9.1, "gamma_frequency": 40.0}))
    said = "At step 3,000: oscillator: 2 series; oscillator/theta_frequency 9.1 Hz, out of 6.5–8.5."
    assert differences(run, [("/metrics", text("metrics-other-family-words"), said)]) == []


ADVICE: Final = {
    "/curriculum": ("log_stage_start(", "success_criteria", "log_evaluation(", "log_intervention("),
    "/growth": ("neuron_counts", "capacity_by_region", "log_growth_event("),
    "/activity": ("region_firing_rates", "log_spikes("),
    "/consolidation": ("log_consolidation(",),
    "/milestones": ("log_stage_start(", "log_milestone_evaluation("),
    "/": ("log_stage_start(", "log_growth_event(", "log_consolidation("),
    "/checkpoints": ("metadata_*.json", "json_log=True"),
}
"""What each page advises to log where it has nothing."""


def values() -> Part:
    """What a page shows where it has a place for a value: facts, cards and cells of tables, without the clock."""

    def read(screen: Screen) -> object:
        return {
            words(each).strip()
            for each in parts(screen.layout)
            if each["type"] == "Td"
            or (each["type"] != "Time" and each["props"].get("className") in ("fact-value", "card-value"))
        }

    return Part("values", read)


def without_data(steps: bool) -> Iterator[Row]:
    """A dash for what was never logged, 0 for how many events there are; the step, and the lines of the file read."""
    step = "1,000" if steps else "–"
    shown = {"–", "0", "1,000", "training log"} if steps else {"–", "0", "nothing read yet"}
    for path in PAGES:
        files = {"training_log.json", "11", ""} if steps and path == "/diagnostics" else set()
        yield path, values(), shown | files
        yield path, fact("Stage –"), "Unknown"
        yield path, fact("Step"), step
        yield path, fact("Week"), "–"
        yield path, has("No warnings", "frame-warnings"), steps
        yield path, has("Waiting for data"), not steps
    for path, calls in ADVICE.items():
        for call in calls:
            yield path, has(call, "page"), True
    yield "/", block("Health"), _HEALTH[steps]


_HEALTH: Final = {
    True: "✓ Nothing found wrong in the numbers.",
    False: "There is no training log to examine.",
}


@pytest.mark.parametrize("steps", [False, True])
def test_without_data_every_page_says_what_to_log(run: Run, steps: bool) -> None:
    """An empty directory, and a log with nothing but steps: no number is made up."""
    if steps:
        run.append(*(line(step) for step in range(0, 1_001, 100)))
    assert differences(run, without_data(steps)) == []
