"""The raster of a window of spikes: its strokes, rows and numbers, and that it is bounded."""

from __future__ import annotations

import json
import random

import pytest

from tests.figures.states import made, texts
from thalia_monitor.figures import raster
from thalia_monitor.figures.chart import View
from thalia_monitor.model.records import Problem
from thalia_monitor.model.run import TrainingState
from thalia_monitor.model.spike_window import RegionSpikes, SpikeFile, SpikeWindow
from thalia_monitor.web.live.charts import difference

CORTEX = RegionSpikes("cortex", 1_600, ("3", "9", "12"), ((1.5, 20.0), (), (7.25,)))
STRIATUM = RegionSpikes("striatum", 500, ("0",), ((5.0,) * 1,), left_out=4)


def file(step: int, *regions: RegionSpikes, left_out: int = 0) -> SpikeFile:
    """A window of 200 ms."""
    window = SpikeWindow(step, 200.0, regions or (CORTEX, STRIATUM), left_out)
    return SpikeFile(f"spikes/step_{step:010d}.json", step, step, lambda: window)


def state(*files: SpikeFile) -> TrainingState:
    """A run with these windows."""
    return TrainingState(spike_files=files)


def test_each_spike_is_a_stroke_in_the_row_of_its_neuron() -> None:
    """Regions from the top with a row between them, each with its name and its colour; x is ms in the window."""
    chart = raster.raster(state(file(36_000)), "", View())
    cortex, striatum = chart.traces
    assert (cortex["x"], cortex["y"], cortex["text"]) == ([1.5, 20.0, 7.25], [0, 0, 2], ["3", "3", "12"])
    assert (striatum["x"], striatum["y"]) == ([5.0], [4])
    assert cortex["marker"]["color"] != striatum["marker"]["color"]
    assert chart.layout["yaxis"]["tickvals"] == [1, 4]
    assert chart.layout["yaxis"]["ticktext"] == ["cortex", "striatum"]
    assert chart.layout["yaxis"]["range"] == [4.5, -0.5]
    assert chart.layout["xaxis"]["autorangeoptions"]["include"] == [0, 200.0]
    assert chart.own_axis


def test_the_caption_has_the_window_in_numbers() -> None:
    """Windows and their steps; spikes, neurons, rate and silence of this one; what the file leaves out."""
    every = state(file(3_000), file(36_000, left_out=2))
    chart = raster.raster(every, "", View())
    words = "8 spikes of 4 sampled neurons in 200 ms, mean 10 Hz; 1 neuron silent"
    assert chart.caption == f"2 windows, step 3,000 to 36,000; this one, step 36,000: {words}"
    assert chart.summary == f"Window at step 36,000: {words}."
    assert chart.notes == ("4 spikes counted, not in the file", "2 regions not in the file")
    assert raster.numbers(every, "") == [
        ("cortex", "3", "1,600", "3", "5", "1", "–"),
        ("striatum", "1", "500", "5", "25", "0", "–"),
    ]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("", 9_000),
        ("newest", 9_000),
        ("3000", 3_000),
        ("4000", 3_000),
        ("0", 3_000),
        ("9" * 18, 9_000),
        ("9" * 19, 9_000),
        ("../../etc/passwd", 9_000),
        ("²", 9_000),
        ("-1", 9_000),
    ],
)
def test_a_window_is_chosen_by_its_step(name: str, step: int) -> None:
    """The nearest one; what is no step is the newest, and never a path."""
    every = state(file(3_000), file(6_000), file(9_000))
    found = raster.chosen(every, name)
    assert found and found.step == step


def test_a_regular_neuron_has_no_variation_and_a_random_one_has_one() -> None:
    """The coefficient of variation of intervals: 0 of a clock, about 1 of a Poisson process; none of too few."""
    draw = random.Random(1)
    poisson, at = [], 0.0
    for _ in range(2_000):
        at += draw.expovariate(1)
        poisson.append(at)

    def variation(*times: tuple[float, ...], left_out: int = 0) -> float | None:
        return RegionSpikes("cortex", 9, ("0",) * len(times), times, left_out).variation

    assert variation((0, 10, 20, 30, 40)) == 0
    assert variation(tuple(poisson)) == pytest.approx(1, abs=0.1)
    assert variation((0, 10, 20, 30, 40), (1,)) == 0
    assert variation((0, 10, 20, 31)) is None
    assert variation((5, 5, 5, 5, 5)) is None
    assert variation((0, 10, 20, 30, 40), left_out=1) is None


@pytest.mark.parametrize(("regions", "neurons", "spikes"), [(32, 32, 200), (2, 1_000, 9), (100, 3, 1_000)])
def test_the_raster_is_bounded(regions: int, neurons: int, spikes: int) -> None:
    """Of very many neurons or spikes an even sample is drawn, every region keeps a row, and the notes say so."""
    large = [
        RegionSpikes(
            f"region {number}",
            neurons,
            tuple(map(str, range(neurons))),
            (tuple(at * 200 / spikes for at in range(spikes)),) * neurons,
        )
        for number in range(regions)
    ]
    chart = raster.raster(state(file(1, *large)), "", View())
    assert len(chart.traces) == regions
    assert 0 < sum(len(trace["x"]) for trace in chart.traces) <= raster.MOST_POINTS + regions
    assert all(trace["x"] for trace in chart.traces)
    assert len(json.dumps(chart.figure)) < 200_000
    assert chart.layout["height"] < 1_000
    assert any("sampled neurons drawn" in note for note in chart.notes)
    assert f"{regions * neurons * spikes:,} spikes" in chart.caption


def test_a_file_that_cannot_be_read_says_so_in_the_place_of_the_chart() -> None:
    """With its name; there is no table of it."""
    problem = Problem("spikes/step_0000000001.json", None, "is empty")
    every = state(SpikeFile(problem.file, 1, 1, lambda: problem))
    chart = raster.raster(every, "", View())
    assert (chart.traces, chart.caption) == ([], "spikes/step_0000000001.json: is empty")
    assert raster.numbers(every, "") == []
    assert raster.height(every, "") == chart.layout["height"]


def test_without_windows_there_is_nothing_to_draw() -> None:
    """Nor where every region is hidden."""
    assert raster.raster(made([1.0]), "", View()).caption == "no window of spikes is logged"
    hidden = View(hidden=frozenset({"cortex", "striatum"}))
    assert raster.raster(state(file(1)), "", hidden).caption == "every region is hidden"
    one = raster.raster(state(file(1)), "", View(hidden=frozenset({"cortex"})))
    assert [trace["name"] for trace in one.traces] == ["striatum"]


def test_names_from_the_file_are_text() -> None:
    """No markup reaches Plotly from a region or a neuron."""
    wild = RegionSpikes("<b>%{x}</b>", 1, ("<i>0",), ((1.0,),))
    chart = raster.raster(state(file(1, wild)), "", View())
    assert not [text for text in texts(chart.figure) if "<b>" in text or "<i>" in text]
    assert "%{x}" not in chart.traces[0]["hovertemplate"].replace("%{x} ms", "")


def test_the_same_window_is_not_sent_again_and_another_brings_its_rows() -> None:
    """The change from one window to the next has the names of its regions."""
    first = raster.raster(state(file(1)), "", View())
    again = raster.raster(state(file(1)), "", View())
    assert difference(first, again).__class__.__name__ == "NoUpdate"
    other = raster.raster(state(file(1), file(2, STRIATUM, CORTEX)), "", View())
    sent = difference(first, other).to_plotly_json()
    places = [each["location"] for each in sent["operations"]]
    assert ["layout", "yaxis", "ticktext"] in places
    assert ["layout", "yaxis", "tickvals"] in places
