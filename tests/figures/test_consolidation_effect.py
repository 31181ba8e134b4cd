"""What consolidations did, as charts, table and words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from plotly.io.json import to_json_plotly

from tests.figures.states import fixture_state, made
from thalia_monitor.figures import consolidation_effect as effect
from thalia_monitor.figures.chart import View
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.live.charts import difference

VIEW = View()


def run(lines: int = 1_000, every: int = 100, gain: float = 0.1) -> TrainingState:
    """A run at steps 0, 10, 20, ... whose performance rises by ``gain`` at each consolidation, of two phases."""
    place = np.arange(lines, dtype=np.float64)
    values = 0.2 + gain * (place // every)
    steps = range(every * 10, lines * 10, every * 10)
    events = tuple(
        Event(
            "consolidation",
            step,
            {"sleep_stage": stage, "patterns_replayed": 30, "cycles": 5, "her_enabled": stage == "REM"},
        )
        for step in steps
        for stage in ("NREM", "REM")
    )
    return made(values, name="performance", events=events)


def test_the_average_is_the_change_around_the_event() -> None:
    """0 on the 20 lines before, the gain on the 20 after; the band is one deviation wide."""
    low, high, mean = effect.average(run(), "", VIEW).traces
    assert mean["x"] == [*range(-20, 0), *range(1, 21)]
    assert mean["y"][:20] == pytest.approx([0.0] * 20, abs=1e-9)
    assert mean["y"][20:] == pytest.approx([0.1] * 20)
    assert np.subtract(high["y"], low["y"]) == pytest.approx(np.zeros(40), abs=1e-9)


def test_each_consolidation_is_a_line_from_before_to_after() -> None:
    """Green where performance rose; the words say how many did."""
    chart = effect.change(run(300), "", VIEW)
    assert [each["y"] for each in chart.traces[1:]] == [[0.2, 0.3], [0.3, 0.4]]
    assert chart.summary.startswith("Performance changed by +0.1 ± ")
    assert chart.summary.endswith("on average; 2 of 2 consolidations gained.")


def test_debt_falls_to_0_at_each_consolidation() -> None:
    """It rises to the gap before, and ends at the steps since the newest."""
    chart = effect.debt(run(350), "", VIEW)
    assert chart.traces[0]["y"] == [None, 0, 1000, 0, 1000, 0, 490]
    assert chart.caption == "490 of 10,000 steps"
    assert chart.band == "due after 10,000 (Thalia's default)"


def test_proportions_are_shares_of_all() -> None:
    """Half of the phases and of the patterns each; what was never logged has no row."""
    chart = effect.proportions(run(), "", VIEW)
    assert {each["name"]: dict(zip(each["y"], each["x"], strict=True)) for each in chart.traces} == {
        "NREM": {"phases": 0.5, "patterns": 0.5},
        "REM": {"phases": 0.5, "patterns": 0.5},
    }


def test_the_table_has_a_row_for_each() -> None:
    """Patterns of all phases, performance on either side, the gap, and what else was recorded."""
    first, second = effect.table(run(300)).to_dict("records")
    assert (first["step"], first["phases"], first["patterns"]) == (1000, "NREM + REM", 60)
    assert (second["before"], second["after"]) == (pytest.approx(0.3), pytest.approx(0.4))
    assert (second["gap"], second["cycles"], second["her"]) == (1000, 5, "off")


@pytest.mark.parametrize(
    ("patterns", "shown"),
    [((2**63 - 1,), 2**63 - 1), ((2**63 - 1, 1), None), ((1e308, 1e308), None), ((float("nan"),), None)],
)
def test_the_table_leaves_out_patterns_beyond_64_bits(patterns: tuple[float, ...], shown: int | None) -> None:
    """Their sum is there to the last one, or it is missing; the other rows are as they were."""
    events = [Event("consolidation", 100, {"patterns_replayed": each}) for each in patterns]
    events.append(Event("consolidation", 200, {"patterns_replayed": 7}))
    events.append(Event("consolidation", 300, {}))
    table = effect.table(made(np.full(100, 0.5), name="performance", events=tuple(events)))
    found = [None if value is pd.NA else value for value in table["patterns"]]
    assert found == [shown, 7, None]


def test_the_facts_have_what_was_recorded() -> None:
    """Cycles and HER only where the trainer logs them."""
    found = {name: value for name, value, _ in effect.facts(run())}
    assert found["Performance after"] == "+0.1"
    assert (found["Sleep debt"], found["Cycles"], found["HER"]) == ("990 steps", "5", "9 of 18")
    assert "Cycles" not in {name for name, *_ in effect.facts(fixture_state("healthy"))}


def test_a_run_without_consolidations_says_what_is_needed() -> None:
    """Words instead of an empty chart."""
    empty = TrainingState()
    assert (
        effect.average(empty, "", VIEW).caption
        == "needs a consolidation with three lines of performance before it and three after"
    )
    assert effect.debt(empty, "", VIEW).caption == "no consolidation with a step yet"
    assert effect.proportions(empty, "", VIEW).caption == "no consolidation yet"
    assert effect.facts(empty) == []
    assert effect.table(empty).empty


def test_the_charts_of_many_consolidations_are_bounded() -> None:
    """Of 2,500 the newest 150 are drawn; a tick is at most 5 KB."""
    whole, shorter = run(100_000, 20), run(99_990, 20)
    for build in (effect.average, effect.change, effect.debt, effect.proportions):
        assert len(to_json_plotly(build(whole, "", VIEW).figure)) < 40_000
    assert (
        len(to_json_plotly(difference(effect.debt(shorter, "", VIEW), effect.debt(whole, "", VIEW)))) < 5_000
    )
