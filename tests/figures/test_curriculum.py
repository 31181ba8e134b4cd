"""What the curriculum's charts draw of a run made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from tests.analysis.build import history
from tests.figures.states import EVERY_KIND
from thalia_monitor.figures import curriculum
from thalia_monitor.figures.chart import WALL_HEIGHT, Chart, View, enlarged
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState


def event(kind: str, step: int, segment: int = 0, **fields: Any) -> Event:
    """An event without a time of its own."""
    return Event(kind, step, fields, segment)


def run() -> TrainingState:
    """Stage 0 to step 6,000 of 5,000, extended by 2,000, then again from 4,000; a sleep and a growth."""
    steps = [*range(0, 6_001, 100), *range(4_000, 4_501, 100)]
    lines = history(steps, time=[1e9 + place for place in range(len(steps))], loss=[0.5] * len(steps))
    events = (
        event("stage_start", 0, stage=0, config={"duration_steps": 5_000, "consolidation_interval": 1_000}),
        event("consolidation", 1_000, sleep_stage="NREM", patterns_replayed=7),
        event("growth", 2_000, region="cortex", neurons_added=5),
        event("extension", 3_900, stage=0, additional_steps=2_000),
    )
    return TrainingState(history=lines, events=events)


def bars(chart: Chart) -> dict[str, list[tuple[str, float, float]]]:
    """Lane, start and end of each bar, by the name of its trace."""
    return {
        trace["name"]: [
            (lane, base, base + length)
            for lane, base, length in zip(trace["y"], trace["base"], trace["x"], strict=True)
        ]
        for trace in chart.traces
        if trace["type"] == "bar"
    }


def test_the_timeline_has_plan_extension_and_attempts_apart() -> None:
    """The plan to 5,000, the extension to 7,000, what counts to 4,500, and what was repeated on a lane of its own."""
    chart = curriculum.timeline(run(), "", View())
    stage = "0 Sensory Foundations"
    assert bars(chart) == {
        "plan": [(stage, 0, 5_000)],
        "extension": [(stage, 5_000, 7_000)],
        "trained": [(stage, 0, 4_000), (stage, 4_000, 4_500)],
        "repeated": [("0 attempt 1, repeated", 4_000, 6_000)],
    }
    lanes = chart.layout["yaxis"]["categoryarray"]
    assert lanes == ["growth", "sleep", "0 attempt 1, repeated", stage]


def test_a_lane_has_room_for_its_name_on_the_wall() -> None:
    """A chart of lanes is as high as on a desk, two rows at most; one with a scale has the height of a row."""
    lanes = curriculum.timeline(run(), "", View())
    assert lanes.layout["height"] == 180
    assert enlarged(lanes, 1.5).layout["height"] == 1.5 * 180
    many = replace(lanes, layout=lanes.layout | {"height": 1000})
    assert enlarged(many, 1.5).layout["height"] == 1.5 * 2 * WALL_HEIGHT
    scale = curriculum.levels(run(), "", View())
    assert enlarged(scale, 1.5).layout["height"] == 1.5 * WALL_HEIGHT


def test_what_is_expected_next_is_on_its_lane() -> None:
    """A sleep each 1,000 steps from the one at 1,000, growth checks each 5,000 from the growth at 2,000."""
    traces = {trace["name"]: trace for trace in curriculum.timeline(run(), "", View()).traces}
    assert (traces["next sleep"]["x"], traces["next sleep"]["y"]) == ([5_000], ["sleep"])
    assert (traces["next growth check"]["x"], traces["next growth check"]["y"]) == ([7_000], ["growth"])
    assert traces["sleep"]["x"] == [1_000]


def test_a_plan_has_no_place_on_a_clock() -> None:
    """Over the wall clock only what was trained is drawn, at the times of its lines, with a note."""
    chart = curriculum.timeline(run(), "", View(x="wall"))
    assert set(bars(chart)) == {"trained", "repeated"}
    assert bars(chart)["trained"][1][1:] == (1_000_000_061_000, 1_000_000_066_000)
    assert chart.notes == ("plans and what is expected are drawn over steps only",)


def test_markers_have_room_above_the_lanes() -> None:
    """With events chosen a free lane is added at the top, which they are marked in."""
    chart = curriculum.timeline(run(), "", View(markers=EVERY_KIND))
    assert chart.layout["yaxis"]["categoryarray"][-1] == ""
    assert chart.layout["yaxis"]["range"][1] == 4.6


def probes(count: int, tasks: int) -> TrainingState:
    """Tasks of stage 0 that are probed in stage 1, at so many steps each, each time one percent worse than before."""
    events = [event("stage_start", 0, stage=0)]
    events += [event("evaluation", 50, task=f"task {each}", stage=0, accuracy=0.8) for each in range(tasks)]
    events.append(event("stage_start", 60, stage=1))
    for place in range(count):
        accuracy = 0.8 * (1 - 0.01 * (place + 1)) if count < 10 else 0.72
        events += [
            event("evaluation", 100 + place, task=f"task {each}", stage=0, accuracy=accuracy)
            for each in range(tasks)
        ]
    return TrainingState(
        history=history(range(0, 200 + count, 100), loss=[0.5] * (-(-(200 + count) // 100))),
        events=tuple(events),
    )


def test_a_tasks_line_is_what_is_kept_of_it() -> None:
    """100 % at the end of its stage, then 99 and 98 %; the dashed line is what must be kept."""
    chart = curriculum.retention(probes(2, 1), "", View())
    (line,) = chart.traces
    assert (line["x"], line["y"]) == ([50, 100, 101], [100, 99, 98])
    assert chart.layout["shapes"][0]["y0"] == 90.5  # 9.5 % may be lost at stage 1, of 50,000 neurons


def test_the_charts_are_bounded_whatever_is_logged() -> None:
    """2,000 probes of 30 tasks and 5,000 interventions and loads are at most 150 KB together."""
    state = probes(2_000, 30)
    more = tuple(
        each
        for step in range(5_000)
        for each in (
            event("intervention", step, intervention=f"kind {step % 5}"),
            event("cognitive_load", step, load=0.5 + step % 7),
        )
    )
    state = TrainingState(history=state.history, events=(*state.events, *more))
    drawn = [
        curriculum.timeline(state, "", View()),
        curriculum.retention(state, "", View()),
        curriculum.interventions(state, "", View()),
        curriculum.levels(state, "", View()),
    ]
    sizes = [len(json.dumps(each.figure)) for each in drawn]
    assert sum(sizes) < 150_000, sizes
    peak = max(value for value in drawn[3].traces[0]["y"] if value is not None)
    assert peak == 6.5  # sampling keeps the extremes


def test_a_lane_for_each_kind_of_intervention() -> None:
    """Each is marked on its lane, and a severe one in the colour of what is bad."""
    events = (
        event("intervention", 100, intervention="consolidate"),
        event("intervention", 200, intervention="rollback"),
        event("intervention", 300, intervention="consolidate"),
    )
    state = TrainingState(history=history(range(0, 401, 100), loss=np.zeros(5)), events=events)
    chart = curriculum.interventions(state, "", View())
    assert {(trace["name"], tuple(trace["x"])) for trace in chart.traces} == {
        ("consolidate", (100, 300)),
        ("rollback", (200,)),
    }
    colors = {trace["name"]: trace["marker"]["color"] for trace in chart.traces}
    assert colors["rollback"] != colors["consolidate"]


def test_the_lanes_of_interventions_are_bounded_whatever_their_kinds() -> None:
    """Of 3,000 kinds the 22 most frequent and the severe one have lanes, and all others one together, the last."""
    names = [f"kind {each:04}" for each in range(3_000)]
    names += [f"often {each % 22:02}" for each in range(44)] + ["rollback"]
    events = tuple(event("intervention", step, intervention=each) for step, each in enumerate(names))
    state = TrainingState(history=history(range(0, 3_101, 100), loss=np.zeros(32)), events=events)
    chart = curriculum.interventions(state, "", View())
    shown = [trace["name"] for trace in chart.traces]
    assert shown == [*(f"often {each:02}" for each in range(22)), "rollback", "other kinds"]
    assert chart.layout["height"] == 30 * 24 + 60
    assert chart.total == len(names)
