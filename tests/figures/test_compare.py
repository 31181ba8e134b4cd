"""Several runs in one chart."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.figures.states import points
from tests.support import Run, line
from thalia_monitor import load_training_state
from thalia_monitor.analysis.comparison import MOST, Side, run_values
from thalia_monitor.figures.chart import View
from thalia_monitor.figures.compare import differences, overlay
from thalia_monitor.figures.theme import side_style


def side(tmp_path: Path, name: str, lines: list[str], position: int = 0, baseline: bool = False) -> Side:
    """A run of these lines."""
    (tmp_path / str(position)).mkdir()
    run = Run(tmp_path / str(position))
    run.append(*lines)
    return Side(load_training_state(run.directory), name, position, baseline)


def losses(offset: int, start: float = 0.0) -> list[str]:
    """Ten lines from a step on, a minute apart."""
    return [line(offset + 10 * n, loss=1 / (n + 1), timestamp=start + 60.0 * n) for n in range(10)]


@pytest.fixture
def two(tmp_path: Path) -> list[Side]:
    """Two runs; in the second, stage 0 begins at step 1040."""
    first = [line(0, event_type="stage_start", stage=0, timestamp=5000.0), *losses(0, 5000.0)]
    second = losses(1000, 9000.0)
    second.insert(4, line(1040, event_type="transition", old_stage=-1, new_stage=0, timestamp=9240.0))
    return [side(tmp_path, "first", first), side(tmp_path, "second", second, 1, True)]


def line_of(chart: Any, name: str) -> list[float]:
    """The x values of a run's line that counts."""
    trace = next(trace for trace in chart.traces if trace["name"] == name)
    return [x for x in trace["x"] if x is not None]


def test_by_step_each_run_stands_where_it_was(two: list[Side]) -> None:
    """Without any other wish, x is the step."""
    chart = overlay(two, "loss", View())
    assert line_of(chart, "first") == [10.0 * n for n in range(10)]
    assert line_of(chart, "second") == [1000 + 10.0 * n for n in range(10)]


def test_since_start_both_begin_at_zero(two: list[Side]) -> None:
    """By time since the start, runs of different days lie over each other."""
    chart = overlay(two, "loss", View(x="elapsed"))
    assert line_of(chart, "first") == line_of(chart, "second")
    assert line_of(chart, "first")[0] == 0


@pytest.mark.parametrize(("x", "unit"), [("step", 10.0), ("elapsed", 60 / 3600)])
def test_at_a_stage_both_begin_with_it(two: list[Side], x: Any, unit: float) -> None:
    """Aligned at a stage, x = 0 is where each run entered it, and what was before is left out."""
    chart = overlay(two, "loss", View(x=x), "0")
    assert line_of(chart, "first") == pytest.approx([unit * n for n in range(10)], abs=1e-3)
    assert [x for x in line_of(chart, "second") if x >= 0] == pytest.approx(
        [unit * n for n in range(6)], abs=1e-3
    )
    assert "since the start of stage 0" in chart.layout["xaxis"]["title"]["text"]


def test_a_zoom_is_one_of_the_common_axis(two: list[Side]) -> None:
    """Looking at a part, each run is sampled where that part lies for it."""
    chart = overlay(two, "loss", View(start=20, end=40), "0")
    assert {20.0, 30.0, 40.0} <= set(line_of(chart, "second"))
    assert max(line_of(chart, "second")) <= 50


def test_a_run_without_the_series_or_the_stage_is_named(two: list[Side]) -> None:
    """What is missing is said beside the chart."""
    assert any("second" in note for note in overlay(two, "loss", View(), "-1").notes) is True
    assert "first, second" in overlay(two, "dopamine", View()).notes[0]


def test_the_baseline_is_the_thick_line_and_looks_differ(two: list[Side]) -> None:
    """As many runs as can be chosen are distinguished by colour and symbol, and eight by either alone."""
    chart = overlay(two, "loss", View())
    widths = {trace["name"]: trace["line"]["width"] for trace in chart.traces[::2]}
    assert widths["second"] > widths["first"]
    styles = [side_style(n) for n in range(MOST)]
    assert len({(each["color"], each["symbol"]) for each in styles}) == MOST
    assert len({each["color"] for each in styles[:8]}) == len({each["symbol"] for each in styles[:8]}) == 8


def test_a_smoothed_line_is_drawn_over_faint_raw_values_both_solid(two: list[Side]) -> None:
    """All raw values first, so that no run's hide another's smoothed line."""
    chart = overlay(two, "loss", View(smooth=0.6))
    drawn = [each for each in chart.traces if each["x"] and each["name"] in ("first", "second")]
    assert [(each["name"], each.get("opacity", 1)) for each in drawn] == [
        ("first", 0.22),
        ("second", 0.22),
        ("first", 1),
        ("second", 1),
    ]
    assert {each["line"].get("dash", "solid") for each in drawn} == {"solid"}
    assert drawn[0]["y"][1] == 0.5 and drawn[2]["y"][1] == pytest.approx(0.6 / 1.6 + 0.5 / 1.6, abs=1e-3)
    assert "smoothed 0.6 over the raw values" in chart.caption


def test_a_hidden_run_is_in_no_chart(two: list[Side]) -> None:
    """The legend's buttons hide by run, not by name."""
    runs = [replace(side, run=f"id-{at}") for at, side in enumerate(two)]
    hidden = View(hidden=frozenset({"id-0"}))
    assert {each["name"] for each in overlay(runs, "loss", hidden).traces if each["x"]} == {"second"}
    assert not differences(runs, "loss", hidden).traces


def test_differences_are_those_at_the_logged_steps(tmp_path: Path) -> None:
    """The run minus the baseline; between two logged values the baseline is interpolated, never beyond its end."""
    base = side(tmp_path, "base", [line(step, loss=step / 100) for step in (0, 100, 200)], 0, True)
    other = side(tmp_path, "other", [line(step, loss=1.0) for step in (50, 100, 300)], 1)
    chart = differences([base, other], "loss", View())
    [trace] = chart.traces
    assert list(zip(trace["x"], trace["y"], strict=True)) == [(50, 0.5), (100, 0.0), (200, -1.0)]
    assert chart.caption == "below 0 is better"
    assert chart.layout["yaxis"]["zeroline"]
    assert chart.summary == "Loss minus that of base: other from 0.5 to −1, lowest −1, highest 0.5."


def test_a_spike_of_either_run_is_in_the_differences(tmp_path: Path) -> None:
    """Whatever the length: the extremes of both runs are among the drawn positions."""
    spikes = {0: 7_003, 1: 12_345}
    sides = [
        side(
            tmp_path,
            str(at),
            [line(n, loss=9.0 if n == spikes[at] else 0.5) for n in range(20_000)],
            at,
            at == 0,
        )
        for at in range(2)
    ]
    [trace] = differences(sides, "loss", View()).traces
    found = dict(zip(trace["x"], trace["y"], strict=True))
    assert (found[7_003], found[12_345]) == (-8.5, 8.5)
    assert len(trace["x"]) < 3_000


def test_a_value_that_is_not_finite_is_a_gap_in_the_differences(tmp_path: Path) -> None:
    """No difference is made up beside it."""
    base = side(tmp_path, "base", [line(n, loss=0.5) for n in range(5)], 0, True)
    other = side(tmp_path, "other", [line(n, loss=math.nan if n == 2 else 1.0) for n in range(5)], 1)
    [trace] = differences([base, other], "loss", View()).traces
    assert trace["y"] == [0.5, 0.5, None, 0.5, 0.5]


def test_what_a_resume_has_repeated_is_not_in_the_differences(tmp_path: Path) -> None:
    """The newest attempt counts."""
    base = side(tmp_path, "base", [line(n, loss=0.0) for n in range(6)], 0, True)
    steps = [(0, 1), (1, 1), (2, 1), (3, 1), (2, 5), (3, 5), (4, 5)]
    other = side(tmp_path, "other", [line(n, loss=float(value)) for n, value in steps], 1)
    [trace] = differences([base, other], "loss", View()).traces
    assert dict(zip(trace["x"], trace["y"], strict=True)) == {0: 1, 1: 1, 2: 5, 3: 5, 4: 5}


def test_differences_are_aligned_like_the_values(two: list[Side]) -> None:
    """At a stage's start both begin with it: the second is the baseline, four lines further down its curve."""
    chart = differences(two, "loss", View(), "0")
    [trace] = chart.traces
    assert trace["x"][0] == 0 and trace["y"][0] == pytest.approx(1 - 1 / 5)


def test_totals_of_neurons_can_be_subtracted(tmp_path: Path) -> None:
    """The sum over the regions of each run."""
    lines = [line(10 * n, neuron_counts={"cortex": 100 + n, "thalamus": 50}) for n in range(5)]
    more = [line(10 * n, neuron_counts={"cortex": 110 + n}) for n in range(5)]
    sides = [side(tmp_path, "run", lines, 0, True), side(tmp_path, "more", more, 1)]
    assert differences(sides, "neurons", View()).traces[0]["y"] == [-40.0] * 5


def test_small_charts_have_few_points(tmp_path: Path) -> None:
    """Four of them and six runs are no more to send than two large ones."""
    lines = [line(n, loss=float(n % 7)) for n in range(20_000)]
    chart = overlay([side(tmp_path, "run", lines)], "loss", View(smooth=0.6), small=True)
    assert sum(len(trace["x"]) for trace in chart.traces) <= 620
    assert chart.layout["height"] < 200


def test_all_regions_together_can_be_compared(tmp_path: Path) -> None:
    """Neuron counts are added up run by run."""
    lines = [line(10 * n, neuron_counts={"cortex": 100 + n, "thalamus": 50}) for n in range(5)]
    chart = overlay([side(tmp_path, "run", lines)], "neurons", View())
    assert chart.traces[0]["y"][0] == 150


def test_hostile_names_are_escaped_for_plotly(tmp_path: Path) -> None:
    """A run called like markup is text in the legend and in hovers."""
    chart = overlay([side(tmp_path, "<img src=x onerror=alert(1)><b>", losses(0))], "loss", View())
    assert "<" not in json.dumps([trace["name"] for trace in chart.traces])


def test_a_chart_is_bounded_whatever_the_length(tmp_path: Path) -> None:
    """Long runs cost no more points than short ones."""
    lines = [line(n, loss=float(n % 7)) for n in range(20_000)]
    chart = overlay([side(tmp_path, "run", lines)], "loss", View())
    assert sum(len(trace["x"]) for trace in chart.traces) < 1500
    assert "of 20,000 points" in chart.caption


@pytest.fixture
def diverged(tmp_path: Path) -> list[Side]:
    """Two runs, the second aligned at step 1040; its loss has three values that are not finite."""
    first = [line(0, event_type="stage_start", stage=0), *losses(0)]
    odd = {1020: math.nan, 1050: math.nan, 1070: math.inf}
    lines = [line(step, loss=odd.get(step, 0.5), timestamp=9000.0 + step) for step in range(1000, 1100, 10)]
    lines.insert(4, line(1040, event_type="transition", old_stage=-1, new_stage=0, timestamp=9240.0))
    return [side(tmp_path, "first", first), side(tmp_path, "second", lines, 1)]


def test_values_that_are_not_finite_are_counted_for_each_run(diverged: list[Side]) -> None:
    """With the run's own step of the first one in view; a run without any says nothing. Smoothing changes nothing."""
    for view in (View(), View(smooth=0.6)):
        assert overlay(diverged, "loss", view).notes[0] == "second: 3 not finite, first at step 1,020"
    assert overlay(diverged, "loss", View(), "0").notes == ("second: 2 not finite, first at step 1,050",)
    assert overlay(diverged[:1], "loss", View()).notes == ()


def test_they_are_marked_at_the_lower_edge_in_the_colour_of_their_run(diverged: list[Side]) -> None:
    """Where they lie on the common axis, with what was logged and the run's name; hidden with the run."""
    for view in (View(), View(smooth=0.6)):
        marks = [
            trace for trace in overlay(diverged, "loss", view, "0").traces if trace["name"] == "not finite"
        ]
        assert [points(each) for each in marks] == [[], [(10, 0.03), (30, 0.03)]]
        assert [text for text in marks[1]["text"] if text] == [
            "second: NaN at step 1,050",
            "second: ∞ at step 1,070",
        ]
        assert marks[1]["marker"]["color"] == side_style(1)["color"]
        assert marks[1]["legendgroup"] == "second"


def test_what_a_logarithmic_axis_cannot_show_is_counted_too(tmp_path: Path) -> None:
    """As on the other pages."""
    lines = [line(10 * n, loss=float(n - 3)) for n in range(10)]
    chart = overlay([side(tmp_path, "run", lines)], "loss", View(log=frozenset({"loss"})))
    assert chart.notes == ("run: 4 not positive, below the axis",)
    [marks] = [trace for trace in chart.traces if trace["name"] == "not positive"]
    assert [x for x, _ in points(marks)] == [0, 10, 20, 30]


def test_a_comparison_says_in_a_sentence_what_it_shows(two: list[Side]) -> None:
    """Each run's course in numbers."""
    course = "from 1 to 0.1, lowest 0.1, highest 1"
    assert overlay(two, "loss", View()).summary == f"Loss of 2 runs: first {course}; second {course}."
    assert overlay(two, "nothing", View()).summary == "Nothing of 0 runs: nothing to show."


def test_a_gap_between_attempts_is_no_point(tmp_path: Path) -> None:
    """A resume breaks the line; the caption counts what was logged."""
    lines = [line(step, loss=0.5) for step in (0, 10, 20, 30, 10, 20)]
    assert overlay([side(tmp_path, "resumed", lines)], "loss", View()).caption == "6 points"


def test_runs_of_two_vocabularies_are_compared(tmp_path: Path) -> None:
    """The firing rate is drawn from whichever name a run logs it under, and the chart says which; Hz is left out."""
    documented = side(tmp_path, "new", [line(10 * n, firing_rate=0.1) for n in range(3)])
    other = side(tmp_path, "old", [line(10 * n, avg_firing_rate=0.4) for n in range(3)], 1, True)
    herz = side(tmp_path, "hz", [line(10 * n, mean_fr_hz=9.0) for n in range(3)], 2)
    chart = overlay([documented, other, herz], "firing_rate", View())
    drawn = {trace["name"]: trace["y"] for trace in chart.traces if trace["x"]}
    assert drawn == {"new": [0.1] * 3, "old": [0.4] * 3}
    assert "old: from avg_firing_rate" in chart.notes
    assert "no firing rate: hz" in chart.notes
    assert run_values(other.state, "firing_rate", 10).last == 0.4
    assert run_values(herz.state, "firing_rate", 10).last is None
