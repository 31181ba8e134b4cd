"""Where the brain grew: shares that add up, reasons, capacity around a growth, and room that is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plotly.io.json import to_json_plotly

from tests.figures.states import START, fixture_state
from thalia_monitor.figures import shares
from thalia_monitor.figures.chart import View
from thalia_monitor.model.history import Column, History, Lineage, Segment
from thalia_monitor.model.records import Checkpoint, Event
from thalia_monitor.model.run import TrainingState
from thalia_monitor.stages import growth_rule
from thalia_monitor.web.live.charts import difference


def run(
    lines: int = 100, lineage: Lineage | None = None, events: tuple[Event, ...] = (), **regions: list[float]
) -> TrainingState:
    """A run with these neuron counts at steps 0, 10, 20, ..., capacity a thousandth of them, in stage 0."""
    columns = {name: Column(np.asarray(each, np.float64)[:lines]) for name, each in regions.items()}
    history = History(
        step=np.arange(lines) * 10,
        segment=np.zeros(lines, np.int64),
        time=np.arange(float(lines)) + START,
        neurons=columns,
        capacity={name: Column(each.values / 1000) for name, each in columns.items()},
        segments=(Segment(0, 0, 0),),
        lineage=lineage or Lineage(),
    )
    return TrainingState(history=history, events=events, checkpoints=(Checkpoint("m.json", 0, stage=0),))


def grown(
    step: int | None, region: str, more: float, reason: str = "Capacity 0.86 > threshold 0.85"
) -> Event:
    """A growth event."""
    return Event("growth", step, {"region": region, "neurons_added": more, "reason": reason})


def areas(state: TrainingState, view: View | None = None) -> dict[str, list[float]]:
    """The stacked values of each region."""
    chart = shares.shares(state, "shares", view or View())
    return {each["name"]: each["y"] for each in chart.traces if each.get("stackgroup")}


def test_regions_are_stacked_at_the_same_places() -> None:
    """Each with its newest count there; the last place is the newest line."""
    found = areas(run(cortex=[100.0] * 50 + [300.0] * 50, vta=[100.0] * 100))
    assert (found["cortex"][0], found["cortex"][-1], found["vta"][-1]) == (100, 300, 100)
    assert len(found["cortex"]) == len(found["vta"]) <= shares.PLACES + 1
    assert set(found["cortex"]) == {100, 300}


def test_shares_add_up_to_all() -> None:
    """With the percent button; a hidden region is no part of the sum."""
    state = run(cortex=[100.0] * 50 + [300.0] * 50, vta=[100.0] * 100)
    found = areas(state, View(percent=frozenset({"shares"})))
    assert (found["cortex"][-1], found["vta"][-1]) == (0.75, 0.25)
    assert all(a + b == 1 for a, b in zip(*found.values(), strict=True))
    alone = areas(state, View(percent=frozenset({"shares"}), hidden=frozenset({"cortex"})))
    assert set(alone["vta"]) == {1.0}


def test_what_a_resume_repeats_counts_once() -> None:
    """From the step at which it goes on, the later attempt's sizes are shown."""
    step = [0, 10, 20, 30, 20, 30]
    history = History(
        step=np.array(step),
        segment=np.array([0, 0, 0, 0, 1, 1]),
        time=np.arange(6.0),
        neurons={"cortex": Column(np.array([1.0, 2, 3, 4, 50, 60]))},
        segments=(Segment(0, 0, 0), Segment(1, 4, 20, "resume")),
    )
    found = shares.sizes(TrainingState(history=history), View())
    assert found is not None
    sizes = dict(zip(found[0].tolist(), found[3]["cortex"].tolist(), strict=True))
    assert (sizes[0], sizes[10], sizes[20], sizes[30]) == (1, 2, 50, 60)


def test_the_stack_of_25_regions_is_small_and_a_tick_of_it_smaller() -> None:
    """Opening at most 60 KB, a tick at most 10 KB; beyond 24 the smallest regions are one area."""
    lines, lineage = 100_000, Lineage()
    regions = {f"area_{number}": [1000.0 + number] * lines for number in range(30)}
    before = shares.shares(run(lines - 10, lineage, (), **regions), "shares", View())
    assert len(to_json_plotly(before.figure)) < 60_000
    after = shares.shares(run(lines, lineage, (), **regions), "shares", View())
    assert len(to_json_plotly(difference(before, after))) < 10_000
    stacked = {each["name"]: each["y"][-1] for each in after.traces if each.get("stackgroup")}
    assert len(stacked) == 25
    assert stacked[shares.OTHERS] == sum(1000 + number for number in range(6))


def test_reasons_that_differ_in_their_numbers_are_one() -> None:
    """Each event is a dot at what it added, on the lane of its reason."""
    events = (
        grown(10, "cortex", 100),
        grown(20, "cortex", 100, "Capacity 0.91 > threshold 0.85"),
        grown(30, "vta", 40, "Weight saturation high (0.91)"),
        grown(40, "vta", 10, ""),
    )
    chart = shares.reasons(run(events=events, cortex=[1.0] * 100), "", View())
    dots = chart.traces[0]
    assert dict(zip(dots["text"], dots["y"], strict=True)) == {
        "cortex +100, 2 times": "Capacity # &gt; threshold #",
        "vta +40": "Weight saturation high (#)",
        "vta +10": "no reason logged",
    }
    assert chart.caption == "4 events"
    assert "Capacity # > threshold #: 2 events, +200 neurons" in chart.summary


def test_capacity_before_and_after_is_that_of_the_neighbouring_lines() -> None:
    """The newest line before the event's step and the first after it; the line of the step itself may be either."""
    capacity = [860.0, 860, 500, 740, 740]
    state = run(5, events=(grown(20, "cortex", 100), grown(None, "cortex", 1)), cortex=capacity)
    chart = shares.utilization(state, "", View())
    assert [each["y"] for each in chart.traces[1:]] == [[0.86], [0.74]]
    assert chart.summary == "Capacity 86 % before and 74 % after on average, 1 growth."
    assert shares.around(state, grown(0, "cortex", 1)) is None
    assert shares.around(state, grown(20, "nowhere", 1)) is None


@pytest.mark.parametrize(
    ("region", "stage", "rule"),
    [
        ("cortex", -1, (0.85, 12_000, 2.5)),
        ("cortex_sensory", -0.5, (0.85, 12_000, 2.5)),
        ("prefrontal_cortex", 1, (0.75, 8_000, 4.0)),
        ("pfc", 1, (0.80, None, 3.0)),
        ("Hippocampus", 4, (0.90, 20_000, 3.5)),
    ],
)
def test_growth_rules_are_thalias(region: str, stage: float, rule: tuple[float, int | None, float]) -> None:
    """By the component whose name is part of the region's, and by stage."""
    found = growth_rule(region, stage)
    assert found is not None
    assert (found.threshold, found.cooldown, found.largest) == rule


def test_a_stage_without_rules_has_none() -> None:
    """Nothing is guessed; the numbering of 2026 begins two later."""
    assert growth_rule("cortex", 5) is None
    assert growth_rule("cortex", None) is None
    assert growth_rule("cortex", 1, "2026") == growth_rule("cortex", -1)


def test_room_is_the_distance_to_threshold_and_limit() -> None:
    """Of stage 0: cortex grows above 0.90, up to 2.5 times its first size, and not again for 15,000 steps."""
    state = run(events=(grown(500, "cortex", 100),), cortex=[600.0] * 50 + [800.0] * 50)
    [row] = shares.room(state).to_dict("records")
    assert row["capacity_now"] == 0.8
    assert row["left"] == pytest.approx(0.1)
    assert (row["neurons"], row["largest"], row["grown"], row["again"]) == (800, 1500, 500, 15_500)
    assert row["of_limit"] == pytest.approx(800 / 1500)


def test_a_run_without_neurons_says_so() -> None:
    """Every view has words instead of an empty chart."""
    empty = replace(run(), history=History(), events=())
    assert shares.shares(empty, "shares", View()).caption == "no line has neurons by region yet"
    assert shares.reasons(empty, "", View()).caption == "no growth event yet"
    assert shares.utilization(empty, "", View()).caption == "no growth event yet"
    assert shares.room(empty).empty
    assert shares.facts(empty) == []


def test_where_the_brain_grew_in_words() -> None:
    """The region with most of what was added, and the shares that moved."""
    events = (grown(500, "cortex", 200), grown(510, "vta", 50))
    grew, moved = shares.facts(run(events=events, cortex=[100.0] * 50 + [300.0] * 50, vta=[100.0] * 100))
    assert grew == ("Grew most", "cortex", "+200 neurons, 80 % of all added")
    assert (
        moved[2]
        == "200 neurons became 400; cortex gained most: 50 % to 75 % of all; vta lost most: 50 % to 25 % of all."
    )


def test_a_real_fixture_has_every_view() -> None:
    """The healthy run has regions, events and capacity around them."""
    state = fixture_state("healthy")
    for build in (shares.shares, shares.reasons, shares.utilization):
        assert build(state, "", View()).traces
    assert len(shares.room(state)) == 6


def test_the_table_leaves_out_a_count_beyond_64_bits() -> None:
    """1e20 neurons have no place in a column of whole numbers; those of other regions are there to the last one."""
    rows = shares.room(run(cortex=[1e20] * 3, vta=[2.0**62] * 3, pfc=[-(2.0**63)] * 3)).set_index("region")
    assert rows["neurons"].isna().to_dict() == {"cortex": True, "vta": False, "pfc": True}
    assert rows.loc["vta", "neurons"] == 2**62
