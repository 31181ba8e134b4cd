"""Consolidations: phases put together, and the performance of the 20 lines on either side."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.build import history, state
from thalia_monitor.analysis.quantities import series_of
from thalia_monitor.analysis.sleep import consolidations as module
from thalia_monitor.analysis.sleep.consolidations import consolidations, debt_now, gaps, how_many, interval
from thalia_monitor.analysis.sleep.effects import Effect, amounts
from thalia_monitor.analysis.sleep.effects import effects as effects_on
from thalia_monitor.model.memo import AppendOnly
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState


def slept(step: int | None, stage: str | None = "NREM", segment: int = 0, **fields: Any) -> Event:
    """One phase of a consolidation."""
    return Event("consolidation", step, {"sleep_stage": stage} | fields, segment)


def effects(run: TrainingState) -> list[Effect]:
    """The effects on what the run logs its performance as."""
    return effects_on(run, series_of(run, "performance"))


def test_phases_of_one_consolidation_are_put_together() -> None:
    """At one step, or REM within the steps of the NREM before it; NREM after REM is the next one."""
    events = (
        slept(100),
        slept(100, "REM"),
        slept(200, duration_steps=50),
        slept(250, "REM", duration_steps=100),
        slept(300),
        slept(500, "REM"),
        slept(None),
    )
    found = consolidations(state(events=events))
    assert [[event.step for event in each.events] for each in found] == [[100, 100], [200, 250], [300], [500]]


def test_what_a_resume_repeats_counts_once() -> None:
    """A consolidation at a step that a later attempt has reached again is left out."""
    lines = history([0, 100, 200, 300, 150, 300], performance=[0.1] * 6)
    events = (slept(100), slept(200), slept(200, segment=1))
    assert [(each.step, each.segment) for each in consolidations(state(lines, events=events))] == [
        (100, 0),
        (200, 1),
    ]


def test_before_and_after_are_the_20_lines_next_to_it() -> None:
    """The line at its own step is neither; further lines, and those that are not finite, have no say."""
    step = np.arange(100)
    values = np.where(step < 50, 0.4, 0.6)
    values[50] = 9.0
    values[29], values[71] = 5.0, 5.0  # the 21st on either side
    values[40] = np.nan
    [found] = effects(state(history(step.tolist(), performance=values), events=(slept(50), slept(50, "REM"))))
    assert found.before == pytest.approx(0.4)
    assert found.after == pytest.approx(0.6)
    assert np.isfinite(found.lines).sum() == 39


def test_a_new_stage_among_the_lines_is_no_effect() -> None:
    """Its tasks are others: neither the fall of performance nor its rise is the consolidation's."""
    lines = history(range(200), performance=[0.9] * 100 + [0.1] * 100)
    stage = Event("stage_start", 100, {"stage": 1})
    events = (slept(50), slept(81), slept(100), slept(118), slept(150), stage)
    assert [each.consolidation.step for each in effects(state(lines, events=events))] == [50, 150]
    assert len(effects(state(lines, events=events[:-1]))) == 5


@pytest.mark.parametrize(
    ("at", "kept"),
    [
        *((30, True), (31, False), (70, False), (71, True)),
        *((None, True),),
    ],
)
def test_a_stage_counts_from_the_line_after_the_first_to_the_last(at: int | None, kept: bool) -> None:
    """Begun at the first of the 40 lines it is the stage of all of them; in another segment it is none of theirs."""
    lines = history(range(200), performance=[0.5] * 200)
    for segment in (0, 1):
        events = (slept(50), Event("stage_start", at, {"stage": 1}, segment), Event("transition", 5, {}, 0))
        found = effects(state(lines, events=events))
        assert bool(found) is (kept or segment == 1)


def test_many_stages_cost_no_look_at_each_for_each_consolidation() -> None:
    """4,000 stage events with 500 consolidations take a few calls each, and the means are made once."""
    lines = history(range(0, 60_000, 10), performance=[0.5] * 6_000)
    stages = tuple(Event("stage_start", 60_000 + each, {"stage": 1}) for each in range(4_000))

    def calls(*more: Event) -> int:
        """How many calls the effects take, generators' steps included."""
        made, run = 0, state(lines, events=(*map(slept, range(1_000, 51_000, 100)), *more))

        def counting(*_: object) -> None:
            nonlocal made
            made += 1

        sys.setprofile(counting)
        try:
            found = effects(run)
        finally:
            sys.setprofile(None)
        assert len(found) == 500
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(np, "nanmean", None)
            assert (found[0].before, found[0].after) == (0.5, 0.5)
        return made

    assert calls(*stages) - calls() < 20 * len(stages)


def test_too_few_lines_are_no_comparison() -> None:
    """Three on either side are needed: the newest consolidation waits for them."""
    for after, count in ((2, 0), (3, 1)):
        lines = history(range(51 + after), performance=[0.5] * (51 + after))
        assert len(effects(state(lines, events=(slept(50),)))) == count


def test_an_alias_of_performance_is_compared() -> None:
    """A run that logs accuracy has effects too."""
    lines = history(range(100), accuracy=[0.5] * 100)
    assert len(effects(state(lines, events=(slept(50),)))) == 1


def test_the_interval_is_configured_or_the_habit_or_thalias() -> None:
    """In this order; a run with fewer than three gaps has no habit."""
    few = (slept(100), slept(300))
    many = tuple(slept(each) for each in (100, 300, 500, 900))
    start = Event("stage_start", 0, {"stage": 0, "config": {"consolidation_interval": 250}})
    assert interval(state(events=few)) == (10_000, "Thalia's default")
    assert interval(state(events=many)) == (200, "median of this run")
    assert interval(state(events=(start, *many))) == (250, "configured")


def test_debt_is_the_steps_since_the_newest() -> None:
    """None without one; steps that begin again have no gap."""
    lines = history(range(0, 1000, 10), performance=[0.5] * 100)
    assert debt_now(state(lines)) is None
    assert debt_now(state(lines, events=(slept(100), slept(600)))) == 390
    assert gaps(consolidations(state(events=(slept(100), slept(600), slept(50))))) == [None, 500, None]


def test_sums_are_by_phase() -> None:
    """NREM1 to NREM3 are NREM; what was not logged is not 0."""
    events = (
        slept(1, "NREM2", patterns_replayed=100, duration_steps=50),
        slept(1, "REM", patterns_replayed=50, duration_seconds=4.0),
        slept(2, None, patterns_replayed=5),
    )
    assert amounts(state(events=events)) == {
        "phases": {"NREM": 1, "REM": 1, "other": 1},
        "patterns": {"NREM": 100, "REM": 50, "other": 5},
        "steps": {"NREM": 50},
        "seconds": {"REM": 4},
    }


PHASES = st.lists(
    st.builds(
        lambda step, stage, length: (step, stage, {} if length is None else {"duration_steps": length}),
        st.none() | st.integers(0, 60),
        st.sampled_from(["NREM", "REM", None]),
        st.none() | st.integers(0, 30),
    ),
    max_size=30,
)


@given(PHASES, st.lists(st.integers(0, 30), max_size=3))
def test_events_that_come_little_by_little_are_put_together_as_at_once(
    phases: list[tuple[int | None, str | None, dict[str, int]]], cuts: list[int]
) -> None:
    """Whatever is read between two looks, and however many of the newest are kept."""
    events = [slept(step, stage, **more) for step, stage, more in phases]
    growing: AppendOnly[Event] = AppendOnly()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "MOST_EVENTS", 12)
        for cut in [*sorted(cuts), len(events)]:
            growing = growing.next_version(tuple(events[:cut]))
            little_by_little = consolidations(TrainingState(events=growing))
        assert little_by_little == consolidations(TrainingState(events=tuple(events)))


@given(
    st.lists(st.sampled_from([0.2, 0.5, math.nan]), min_size=1, max_size=150),
    st.lists(st.integers(0, 160), max_size=6),
    st.lists(st.integers(0, 160), max_size=3),
)
def test_every_effect_is_that_of_its_lines(values: list[float], sleeps: list[int], stages: list[int]) -> None:
    """As counted one by one: the 20 lines on either side, and no new stage after the first of them."""
    events = [slept(each) for each in sorted(sleeps)]
    events += [Event("stage_start", each, {"stage": place}) for place, each in enumerate(stages)]
    run = state(history(range(len(values)), performance=values), events=events)
    expected: list[Any] = []
    for each in consolidations(run):
        before, after = values[max(each.step - 20, 0) : each.step], values[each.last_step + 1 :][:20]
        lines = [max(each.step - 20, 0), min(each.last_step + 20, len(values) - 1)]
        known = [[value for value in part if math.isfinite(value)] for part in (before, after)]
        if min(map(len, known)) >= 3 and not any(lines[0] < begun <= lines[1] for begun in stages):
            expected.append((each.step, [pytest.approx(sum(part) / len(part)) for part in known]))
    assert [(each.consolidation.step, [each.before, each.after]) for each in effects(run)] == expected


def test_what_was_put_together_before_a_resume_is_put_together_without_what_it_repeats() -> None:
    """Also where no event is new since: a resume alone changes which of them count."""
    growing: AppendOnly[Event] = AppendOnly((slept(100), slept(200)))
    before = TrainingState(history=history([0, 100, 200]), events=growing)
    assert (len(consolidations(before)), how_many(before)) == (2, 2)
    resumed = TrainingState(history=history([0, 100, 200, 150]), events=growing)
    assert ([each.step for each in consolidations(resumed)], how_many(resumed)) == ([100], 1)
    assert amounts(before) != amounts(resumed)
    assert len(resumed.counting("consolidation")) == 1
