"""The map of regions over time: its colours, its marks, and how little a tick of it costs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from plotly.io.json import to_json_plotly

from tests.figures.states import START
from thalia_monitor.figures import activity
from thalia_monitor.figures.chart import Chart, View
from thalia_monitor.model.history import Column, Floats, History, Lineage, Segment
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.live.charts import difference

FAMILY = "region_firing_rates"


def run(lines: int = 100, lineage: Lineage | None = None, **regions: list[float] | Floats) -> TrainingState:
    """A run with these rates, at steps 0, 1, 2, ..., a second apart."""
    history = History(
        step=np.arange(lines),
        segment=np.zeros(lines, np.int64),
        time=np.arange(float(lines)) + START,
        metrics={
            f"{FAMILY}/{name}": Column(np.asarray(each, np.float64)[:lines]) for name, each in regions.items()
        },
        segments=(Segment(0, 0, 0),),
        lineage=lineage or Lineage(),
    )
    return TrainingState(history=history)


def drawn(state: TrainingState, view: View | None = None) -> Chart:
    """The map of the one family."""
    return activity.heatmap(state, FAMILY, view or View())


def test_a_cell_is_coloured_by_its_distance_from_the_band() -> None:
    """Regions are rows from the top; 0.30 is one doubling above the band, whatever the other regions do."""
    chart = drawn(run(cortex=[0.1] * 100, striatum=[0.3] * 100))
    cells = chart.traces[0]
    assert chart.layout["yaxis"]["ticktext"] == ["cortex", "striatum"]
    assert chart.layout["yaxis"]["range"] == [1.5, -0.5]
    assert {(y, z) for y, z in zip(cells["y"], cells["z"], strict=True)} == {(0, 0.0), (1, 1.0)}
    assert cells["text"][0] == "0.1 (0.1–0.1), 1"
    assert (
        chart.summary
        == "1 of 2 regions in range in the newest cell; furthest above: striatum at 0.3; no silent line."
    )


def test_one_silent_line_is_visible() -> None:
    """Of 10,000 lines in cells of hundreds, one at 0 has a mark, though the median of its cell is healthy."""
    rates = np.full(10_000, 0.1)
    rates[5_001] = 0.0
    chart = drawn(run(10_000, cortex=rates))
    silent = next(each for each in chart.traces if each.get("name") == "with silence")
    width = chart.traces[0]["meta"]["width"]
    assert silent["y"] == [0]
    assert abs(silent["x"][0] - 5_001) <= width / 2
    assert "lines without activity in cortex" in chart.summary


def test_values_that_are_not_finite_have_a_mark() -> None:
    """Their cell says so, and so does the chart."""
    chart = drawn(run(4, cortex=[0.1, float("nan"), 0.1, 0.1]))
    assert chart.notes == ("1 value not finite",)
    assert next(each for each in chart.traces if each.get("name") == "not finite")["y"] == [0]
    json.dumps(chart.figure, allow_nan=False)


def test_a_region_without_a_finite_newest_value_does_not_hide_the_worst() -> None:
    """Of three regions the one without a value has no place in the sentence, wherever it is among them."""
    nan = [0.1] * 3 + [float("nan")]
    for regions in (
        {"a": nan, "b": [0.3] * 4, "c": [0.1] * 4},
        {"b": [0.3] * 4, "c": [0.1] * 4, "z": nan},
    ):
        assert drawn(run(4, None, **regions)).summary == (
            "1 of 2 regions in range in the newest cell; furthest above: b at 0.3; no silent line."
        )
    assert drawn(run(4, a=nan)).summary == "0 of 0 regions in range in the newest cell; no silent line."


@pytest.mark.parametrize("x", ["step", "wall", "elapsed"])
def test_the_cells_stand_where_the_lines_do(x: str) -> None:
    """On every axis the map begins and ends around the run's first and last line."""
    chart = drawn(run(100, cortex=[0.1] * 100), View(x=x))  # type: ignore[arg-type]
    first, last = {"step": (0, 99), "wall": (START * 1000, (START + 99) * 1000), "elapsed": (0, 99 / 3600)}[x]
    edges, width = chart.traces[1]["x"], chart.traces[0]["meta"]["width"]
    assert first - width <= edges[0] <= first
    assert last <= edges[1] + 1e-6 <= last + width + 2e-6


def test_a_zoom_has_finer_cells() -> None:
    """What a click on a cell leads to."""
    state = run(10_000, cortex=np.full(10_000, 0.1))
    whole, near = drawn(state), drawn(state, View(start=5_000, end=5_300))
    assert near.traces[0]["meta"]["width"] < whole.traces[0]["meta"]["width"]
    assert min(near.traces[0]["x"]) >= 4_990
    assert max(near.traces[0]["x"]) <= 5_310


def test_a_click_finds_the_series_of_a_row() -> None:
    """The trace names them in the order of its rows, hidden regions left out."""
    state = run(cortex=[0.1] * 100, striatum=[0.3] * 100)
    assert drawn(state).traces[0]["meta"]["series"] == [f"{FAMILY}/cortex", f"{FAMILY}/striatum"]
    hidden = drawn(state, View(hidden=frozenset({"cortex"})))
    assert hidden.traces[0]["meta"]["series"] == [f"{FAMILY}/striatum"]


def test_the_map_of_25_regions_is_small_and_a_tick_of_it_smaller() -> None:
    """Opening at most 100 KB, a tick at most 10 KB, whatever the length of the log."""
    lines = 200_000
    noise = np.random.default_rng(1).normal(0.1, 0.03, (25, lines))
    regions = {f"area_{number}": each for number, each in enumerate(noise)}
    lineage = Lineage()
    before = drawn(run(lines - 5_000, lineage, **regions))
    assert len(to_json_plotly(before.figure)) < 100_000
    for length in (lines - 4_990, lines):
        after = drawn(run(length, lineage, **regions))
        assert len(to_json_plotly(difference(before, after))) < 10_000
        before = after


def test_the_table_says_where_each_region_is() -> None:
    """With the newest value, the extremes of the whole run, and the cells in which it was silent."""
    rates = [0.1] * 99
    table = activity.table(
        run(cortex=[*rates, 0.3], vta=[*rates, 0.025], pfc=[*rates, 0.0], striatum=[0.0, *rates])
    )
    rows = table.set_index("region")
    assert rows["where"].to_dict() == {
        "cortex": "2.0 × the upper end", "vta": "0.50 × the lower end", "pfc": "silent", "striatum": "in range",
    }  # fmt: skip
    assert rows["silent"].to_dict() == {"cortex": 0, "vta": 0, "pfc": 1, "striatum": 1}
    assert rows.loc["striatum", "least"] == 0
    assert rows.loc["cortex", "greatest"] == 0.3


def test_a_run_without_rates_says_so() -> None:
    """There is no empty map, and nothing is guessed."""
    state = replace(run(cortex=[0.1] * 100), history=History())
    assert drawn(state).caption == "no rate of this family is logged"
    assert activity.facts(state) == []
    assert activity.table(state).empty
