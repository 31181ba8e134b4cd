"""Charts of two runs side by side: one x axis, one scale, the same order and colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plotly.io.json import to_json_plotly

from tests.analysis.test_curriculum import event, metrics, run
from tests.analysis.test_pairs import sided, two
from tests.figures.test_curriculum import bars
from tests.figures.test_shares import run as grown_run
from thalia_monitor.analysis.comparison import RUN
from thalia_monitor.analysis.pairs import Two
from thalia_monitor.figures import side_by_side
from thalia_monitor.figures.chart import CAPTION_ONLY, Chart, View, spanned
from thalia_monitor.figures.side_by_side import BASELINE, BESIDE
from thalia_monitor.figures.theme import SYMBOLS, side_style
from thalia_monitor.model.run import TrainingState

__all__ = ["two"]  # a fixture
DRAWN = (
    side_by_side.timelines,
    side_by_side.kept,
    side_by_side.grown,
    side_by_side.neurons,
    side_by_side.replayed,
)
SIGNS = [SYMBOLS[side_style(look)["symbol"]] for look in (0, 1)]


def trained(chart: Chart) -> dict[str, list[tuple[float, float]]]:
    """From where to where each stage was trained, by its lane."""
    found: dict[str, list[tuple[float, float]]] = {}
    for trace in chart.traces:
        if trace["name"] == "trained":
            for lane, first, last in bars(Chart([trace], {}))["trained"]:
                found.setdefault(lane, []).append((first, last))
    return found


def test_the_same_stage_of_both_runs_is_on_lanes_below_each_other(two: Two) -> None:
    """Each lane with the symbol of its run, each bar in its run's colour, all on one axis of steps."""
    chart = side_by_side.timelines(two, "", View(), RUN)
    lanes = [*reversed(chart.layout["yaxis"]["categoryarray"])]
    stages = ["-1 Sensorimotor", "0 Sensory Found…"]
    assert lanes[:4] == [f"{sign} {stage}" for stage in stages for sign in SIGNS]
    assert len(lanes) == 5, "only the first has begun the third"
    assert trained(chart)[lanes[0]] == [(0, 10_000)]
    assert trained(chart)[lanes[1]] == [(0, 14_000)]
    colors = {trace["marker"]["color"] for trace in chart.traces if trace["name"] == "trained"}
    assert colors == {side_style(look)["color"] for look in (0, 1)}
    assert "base, -1 Sensorimotor: attempt 1: steps 0 to 10,000" in chart.traces[0]["hovertext"]


def test_aligned_at_a_stage_both_begin_it_at_0(two: Two) -> None:
    """What was before is left of it; a run that never reached it is named and not drawn."""
    chart = side_by_side.timelines(two, "", View(), "0")
    lanes = [*reversed(chart.layout["yaxis"]["categoryarray"])]
    found = trained(chart)
    assert [found[lane] for lane in lanes[:4]] == [
        [(-10_000, 0)],
        [(-14_000, 0)],
        [(0, 10_000)],
        [(0, 6_000)],
    ]
    assert chart.layout["xaxis"]["title"]["text"] == "steps since the start of stage 0"
    assert side_by_side.timelines(two, "", View(), "1").notes == ("no stage 1: beside",)
    nobody = side_by_side.timelines(two, "", View(), "7")
    assert (nobody.traces, nobody.layout["height"]) == ([], CAPTION_ONLY)


@pytest.mark.parametrize("draw", DRAWN)
def test_a_hidden_run_is_not_drawn(two: Two, draw: Any) -> None:
    """The caption or a note says that it is hidden."""
    chart = draw(two, BESIDE, View(hidden=frozenset({"b"})), RUN)
    assert "hidden" in chart.caption or chart.notes == ("hidden: beside",)
    assert not any(SIGNS[1] in str(trace["y"]) for trace in chart.traces)


def test_what_is_kept_has_the_scales_of_both(two: Two) -> None:
    """The first forgets a tenth and the second a third: a glance at both tells which is lower."""
    charts = [spanned(side_by_side.kept(two, name, View(), RUN), View()) for name in (BASELINE, BESIDE)]
    assert [trace["y"] for chart in charts for trace in chart.traces] == [[100, 90], [100, 70]]
    for axis in ("xaxis", "yaxis"):
        options = [chart.layout[axis]["autorangeoptions"] for chart in charts]
        assert options[0] == options[1]
    assert charts[0].layout["xaxis"]["autorangeoptions"] == {"minallowed": 10_000, "maxallowed": 20_000}
    y = charts[0].layout["yaxis"]["autorangeoptions"]
    assert 65 < y["minallowed"] < 70 and 104 < y["maxallowed"] < 110


@pytest.fixture
def brains() -> Two:
    """Runs of 1,000 and 500 steps that log their regions in different orders."""
    few, many = [100.0] * 100, [300.0] * 100
    return sided(grown_run(cortex=few, vta=many), grown_run(50, vta=many, cortex=few, lgn=few))


def areas(chart: Chart) -> dict[str, str]:
    """Colour of each area, from the bottom."""
    return {trace["name"]: trace["line"]["color"] for trace in chart.traces}


def test_shares_have_one_order_one_scale_and_the_same_colours(brains: Two) -> None:
    """In percent, over the x axis of the longer run."""
    base, beside = (side_by_side.grown(brains, name, View(), RUN) for name in (BASELINE, BESIDE))
    assert list(areas(base)) == ["vta", "cortex"]
    assert list(areas(beside)) == ["vta", "cortex", "lgn"]
    assert areas(base).items() <= areas(beside).items()
    assert [trace["y"][-1] for trace in base.traces] == [0.75, 0.25]
    assert [trace["y"][-1] for trace in beside.traces] == [0.6, 0.2, 0.2]
    assert base.layout["yaxis"]["range"] == beside.layout["yaxis"]["range"] == [0, 1]
    for chart in (base, beside):
        ends = {"minallowed": 0, "maxallowed": 990}
        assert spanned(chart, View()).layout["xaxis"]["autorangeoptions"] == ends


def test_neurons_have_the_scales_of_both(brains: Two) -> None:
    """Each region and their total, up to that of the larger run; logarithmic axes of other pages do not count."""
    view = View(log=frozenset({"neurons.*"}))
    base, beside = (side_by_side.neurons(brains, name, view, RUN) for name in (BASELINE, BESIDE))
    assert {trace["name"] for trace in beside.traces} >= {"total", "cortex", "lgn", "vta"}
    assert max(y for trace in base.traces for y in trace["y"]) == 400
    assert base.layout["yaxis"]["autorangeoptions"] == beside.layout["yaxis"]["autorangeoptions"]
    assert base.layout["yaxis"]["autorangeoptions"]["maxallowed"] > 500
    assert "type" not in base.layout["yaxis"]


def test_no_point_leads_to_a_table(two: Two, brains: Two, tmp_path: Path) -> None:
    """A click would open that of the run on screen, which may be neither of the two."""
    lines = (*metrics(0, 2_000), event("consolidation", 2_000, sleep_stage="REM", patterns_replayed=5))
    slept = sided(run(tmp_path / "one", *lines), run(tmp_path / "two", *lines))
    for pair in (two, brains, slept):
        for draw in DRAWN:
            assert all("customdata" not in trace for trace in draw(pair, BESIDE, View(), RUN).traces)
    assert side_by_side.replayed(slept, BESIDE, View(), RUN).traces


def test_a_zoom_is_one_of_the_common_axis(two: Two) -> None:
    """Of runs that are aligned, the same range is another part of each."""
    view = View(start=0, end=5_000)
    for name, first in ((BASELINE, 10_000), (BESIDE, 14_000)):
        chart = side_by_side.kept(two, name, view, "0")
        assert [trace["x"] for trace in chart.traces] == [[0.0]], first


def test_a_run_that_logs_nothing_is_a_sentence(two: Two) -> None:
    """Beside one that does; nothing is drawn as if it were 0."""
    pair = sided(two[0].state, TrainingState())
    assert side_by_side.timelines(pair, "", View(), RUN).notes == ("no stage: beside",)
    assert side_by_side.kept(pair, BESIDE, View(), RUN).caption.startswith("no task was probed")
    assert side_by_side.grown(pair, BESIDE, View(), RUN).caption.startswith("no line has neurons")
    assert side_by_side.kept(pair, BASELINE, View(), RUN).traces
    assert side_by_side.replayed(pair, BESIDE, View(), RUN).traces == []


def test_patterns_have_the_scales_of_both(tmp_path: Path) -> None:
    """From 0, up to the most that either replayed, over the steps of both with room for the outermost points."""
    pair = sided(
        *(
            run(
                tmp_path / name,
                *metrics(0, last),
                event("consolidation", last, sleep_stage="NREM", patterns_replayed=patterns),
            )
            for name, last, patterns in (("few", 1_000, 50), ("many", 4_000, 200))
        )
    )
    charts = [spanned(side_by_side.replayed(pair, name, View(), RUN), View()) for name in (BASELINE, BESIDE)]
    assert [(trace["x"], trace["y"]) for chart in charts for trace in chart.traces] == [
        ([1_000], [50]),
        ([4_000], [200]),
    ]
    for axis, low, high in (("xaxis", 925, 4_075), ("yaxis", -10, 210)):
        for chart in charts:
            assert chart.layout[axis]["autorangeoptions"] == {"minallowed": low, "maxallowed": high}


@pytest.mark.parametrize("x", ["step", "wall", "elapsed"])
def test_every_axis_is_strict_json(two: Two, brains: Two, x: Any) -> None:
    """Also of what has no time, and of runs aligned at a stage."""
    for pair in (two, brains):
        for draw in DRAWN:
            for origin in (RUN, "0"):
                text = to_json_plotly(draw(pair, BESIDE, View(x=x), origin).figure)
                assert "NaN" not in text and "Infinity" not in text


def test_a_hostile_name_is_escaped_for_plotly(two: Two, tmp_path: Path) -> None:
    """Plotly reads markup in hovers and captions."""
    evil = (two[0], type(two[1])(two[1].state, "<b>run", 1, run="b"))
    text = to_json_plotly(side_by_side.timelines(evil, "", View(), RUN).figure)
    assert "&lt;b&gt;run" in text and "<b>run" not in text
