"""Regions over time: cells that are right, that grow with the log, and units that are never mixed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.build import CountingFloats, history, state
from thalia_monitor.analysis import regions
from thalia_monitor.analysis.regions import (
    FURTHEST,
    Cells,
    Family,
    Grid,
    cells,
    families,
    grid,
    round_width,
)
from thalia_monitor.firing_ranges import range_hz
from thalia_monitor.model.history import Column, History, Lineage, Series

NAME = "region_firing_rates/cortex"


def cut(found: History, most: int = 4, x: str = "step") -> Cells:
    """The cells of the one series of a history."""
    series, where = found.series(NAME), grid(found, x, None, None, most)  # type: ignore[arg-type]
    assert series is not None and where is not None
    return cells(found, series, where)


def test_a_cell_has_the_median_the_least_and_the_greatest() -> None:
    """Of the lines from its first step to the one before the next cell's; one silent line is its least."""
    found = cut(history(range(0, 40, 5), **{NAME: [0.1, 0.3, 0.0, 0.2, 0.5, 0.4, 0.6, 0.7]}), most=4)
    assert found.number.tolist() == [0, 1]
    assert found.median.tolist() == [pytest.approx(0.15), pytest.approx(0.55)]
    assert (found.least.tolist(), found.greatest.tolist()) == ([0.0, 0.4], [0.3, 0.7])
    assert found.count.tolist() == [4, 4]


def test_values_that_are_not_finite_are_counted_apart() -> None:
    """They do not move the median, and a cell of nothing else has none."""
    nan, inf = float("nan"), float("inf")
    found = cut(history([0, 1, 10, 11], **{NAME: [0.1, inf, nan, nan]}), most=3)
    assert found.median.tolist()[0] == 0.1
    assert np.isnan(found.median[1])
    assert (found.count.tolist(), found.odd.tolist()) == ([1, 0], [1, 2])


def test_what_a_resume_has_repeated_is_left_out() -> None:
    """The later attempt counts from the step at which it goes on, the earlier one until there."""
    found = cut(history([0, 10, 20, 30, 20, 30], **{NAME: [1.0, 2, 3, 4, 5, 6]}), most=4)
    assert found.number.tolist() == [0, 1, 2, 3]
    assert found.median.tolist() == [1, 2, 5, 6]


def test_new_lines_change_only_the_newest_cell() -> None:
    """The cells of a grown log are those of the whole log, and cost no look at the older values."""
    values = np.random.default_rng(3).normal(0.1, 0.02, 10_000)
    lineage = Lineage()
    whole = history(range(10_000), **{NAME: values})
    where = grid(whole, "step", None, None, 50)
    assert where is not None
    for length in (9_000, 9_001, 9_399, 9_400, 10_000):
        part = replace(history(range(length), **{NAME: values[:length]}), lineage=lineage)
        counting = values[:length].view(CountingFloats)
        part = replace(part, metrics={NAME: Column(counting)})
        CountingFloats.longest = 0
        series = part.series(NAME)
        assert series is not None
        grown = cells(part, series, where)
        if length > 9_000:
            assert CountingFloats.longest <= 1_000  # two cells
        fresh = cells(replace(part, lineage=Lineage()), series, where)
        for name in Cells.__slots__:
            assert getattr(grown, name).tolist() == getattr(fresh, name).tolist(), (length, name)


def _clock(odd: str) -> list[float]:
    """Timestamps of 10,000 lines a second apart, with something odd among the first 5,000."""
    time = np.arange(10_000.0)
    if odd == "one line without":
        time[4_000] = np.nan
    if odd == "the newest lines without":
        time[8_990:9_001] = np.nan
    if odd == "set back":
        time[4_000:] -= 3_000
    if odd == "one line ahead":
        time[4_000] = 9_500
    return [1e9 + float(each) for each in time]


@pytest.mark.parametrize(
    "odd", ["one line without", "the newest lines without", "set back", "one line ahead", "resumed"]
)
def test_a_line_with_an_odd_time_costs_no_look_at_the_whole_log_at_each_tick(odd: str) -> None:
    """Over wall time, too, new lines cost the newest cells, and the cells are those of the whole log."""
    values, time = np.random.default_rng(3).normal(0.1, 0.02, 10_000), _clock(odd)
    step = [*range(4_000), *range(3_000, 9_000)] if odd == "resumed" else list(range(10_000))
    lineage = Lineage()
    where = grid(history(step, time=time, **{NAME: values}), "time", None, None, 50)
    assert where is not None
    for length in (8_000, 8_001, 8_399, 9_000, 9_001, 9_400, 10_000):
        part = replace(history(step[:length], time=time[:length], **{NAME: values[:length]}), lineage=lineage)
        part = replace(part, metrics={NAME: Column(values[:length].view(CountingFloats))})
        series = part.series(NAME)
        assert series is not None
        with pytest.MonkeyPatch.context() as patch:
            if length > 8_000:
                patch.setattr(regions, "_whole", None)
            grown = cells(part, series, where)
        fresh = cells(replace(part, lineage=Lineage()), series, where)
        for name in Cells.__slots__:
            assert getattr(grown, name).tolist() == getattr(fresh, name).tolist(), (length, name)


@settings(max_examples=60, deadline=None)
@given(
    time=st.lists(st.one_of(st.integers(0, 60), st.just(math.nan)), min_size=2, max_size=40),
    cuts=st.lists(st.integers(1, 39), max_size=5),
    view=st.sampled_from([(None, None), (10.0, 30.0)]),
)
def test_the_cells_of_a_grown_log_are_those_of_the_whole_whatever_its_clock(
    time: list[float], cuts: list[int], view: tuple[float | None, float | None]
) -> None:
    """Clocks that jump either way, and lines without one, in any order."""
    lineage, where = Lineage(), Grid("time", 0.0, 5.0, 0.0, 60.0)
    for length in sorted({min(each, len(time)) for each in (*cuts, len(time))}):
        part = history(range(length), time=time[:length], **{NAME: np.arange(float(length))})
        series = part.series(NAME)
        assert series is not None
        grown = cells(replace(part, lineage=lineage), series, where, *view)
        fresh = cells(replace(part, lineage=Lineage()), series, where, *view)
        for name in Cells.__slots__:
            assert getattr(grown, name).tolist() == getattr(fresh, name).tolist(), (length, name)


def test_lines_of_a_resume_are_computed_again() -> None:
    """A log that goes back to an earlier step changes older cells, too."""
    lineage = Lineage()
    steps = [0, 10, 20, 30, 15, 25]
    for length in (4, 5, 6):
        part = replace(history(steps[:length], **{NAME: [1.0, 2, 3, 4, 5, 6][:length]}), lineage=lineage)
        where = grid(part, "step", None, None, 10)
        assert where is not None
        series = part.series(NAME)
        assert series is not None
        found = cells(part, series, replace(where, width=10.0))
    assert found.median.tolist() == [1, 3.5, 6]


def test_a_clock_that_is_set_back_leaves_the_cells_in_order() -> None:
    """Cells of time are ascending whatever the order of the lines."""
    found = cut(history([0, 1, 2, 3], time=[100.0, 200.0, 150.0, 260.0], **{NAME: [1.0, 2, 3, 4]}), x="time")
    assert found.number.tolist() == sorted(found.number.tolist())
    assert found.count.sum() == 4


@pytest.mark.parametrize(
    ("least", "whole", "width"),
    [(0, True, 1), (1, False, 1), (1.1, False, 2), (2.1, True, 5), (51, True, 100)],
)
def test_a_width_is_round(least: float, whole: bool, width: float) -> None:
    """1, 2 or 5 times a power of ten, and a whole step at least."""
    assert round_width(least, whole=whole) == width


def test_units_are_never_mixed() -> None:
    """Shares, spike counts and Hz are families of their own; a count logged as both is one, of spikes."""
    found = state(
        history(
            [0],
            **{
                "region_firing_rates/cortex": [0.1],
                "region_firing_rates/vta": [0.1],
                "firing_rate/cortex": [3.0],
                "firing_rate/average": [3.0],
                "region_firing_rates_hz/cortex": [5.0],
                "sweep/a/region_firing_rates_hz/vta": [5.0],
                "loss": [1.0],
            },
        )
    )
    assert [(each.name, each.unit, [name for name, _ in each.series]) for each in families(found)] == [
        ("region_firing_rates", "share", ["vta"]),
        ("firing_rate", "spikes/100", ["cortex"]),
        ("region_firing_rates_hz", "Hz", ["cortex"]),
        ("sweep/a/region_firing_rates_hz", "Hz", ["vta"]),
    ]


def test_colour_is_the_distance_from_the_healthy_band() -> None:
    """In halvings or doublings: 0 within 0.05 to 0.15, 1 at 0.30, -1 at 0.025; silence is furthest."""
    share = Family("r", "share", ())
    values = np.array([0.05, 0.15, 0.30, 0.025, 0.0099, 5.0, np.nan])
    assert share.distance("cortex", values).tolist()[:-1] == [
        0, 0, pytest.approx(1), pytest.approx(-1), -FURTHEST, FURTHEST,
    ]  # fmt: skip
    assert np.isnan(share.distance("cortex", values)[-1])


def test_hz_are_judged_by_the_biological_range() -> None:
    """Thalia's ranges by the longest name that fits; without one, only silence and more than 100 Hz are out of it."""
    assert range_hz("cortex_sensory:l23_pyr") == (0.1, 15)
    assert range_hz("cortex_motor:L23_pyr") == (0.1, 3)
    assert range_hz("hippocampus:ca3_inhibitory_pv") == (5, 20)
    assert range_hz("globus_pallidus_interna:principal") == (50, 100)
    assert range_hz("striatum") == (0.1, 50)
    assert range_hz("nowhere") is None
    hertz = Family("r", "Hz", ())
    assert hertz.distance("entorhinal", np.array([1.0, 20.0, 0.5])).tolist() == [0, 1, -1]
    assert hertz.distance("nowhere", np.array([0.0, 0.01, 100.0, 200.0])).tolist() == [-FURTHEST, 0, 0, 1]


def test_a_series_without_lines_has_no_cells() -> None:
    """Nothing is made up where nothing was logged."""
    empty = history([], **{NAME: []})
    assert grid(empty, "step", None, None, 10) is None
    assert families(state(history([]))) == ()
    assert isinstance(empty.series(NAME), Series)
