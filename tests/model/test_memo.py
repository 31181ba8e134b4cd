"""What is computed of a log's events follows the new ones, and is what it would be computed afresh."""

from __future__ import annotations

import json
from dataclasses import replace
from operator import add
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from tests.figures.states import EVERY_KIND, START, made
from tests.support import Run
from thalia_monitor.analysis.comparison import stage_starts
from thalia_monitor.analysis.milestones import lost
from thalia_monitor.analysis.recent import stage_start
from thalia_monitor.analysis.summary import growth_totals
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.figures import consolidation, growth
from thalia_monitor.figures.chart import View
from thalia_monitor.figures.marks import event_traces, markers
from thalia_monitor.model.memo import AppendOnly
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState
from thalia_monitor.reading.run_reader import RunReader
from thalia_monitor.web.components.event_table import chronicle

NAMES = st.sampled_from(["cortex", "REM", "NREM2", "b"])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "region": NAMES,
        "neurons_added": st.integers(0, 500),
        "new_total": st.integers(0, 9000),
        "reason": NAMES,
        "sleep_stage": NAMES,
        "patterns_replayed": st.integers(0, 500),
        "duration_steps": st.integers(0, 500),
        "duration_seconds": st.floats(0, 1e6),
        "stage": st.integers(-1, 3),
        "new_stage": st.integers(-1, 3),
        "message": NAMES,
        "severity": st.sampled_from(["info", "critical"]),
        "results": st.dictionaries(NAMES, st.booleans(), max_size=2),
    },
)
EVENTS = st.lists(
    st.builds(
        Event,
        st.sampled_from(
            ["growth", "consolidation", "milestone", "stage_start", "transition", "warning", "odd"]
        ),
        st.none() | st.integers(0, 200),
        FIELDS,
        st.integers(0, 1),
        st.none() | st.floats(START, START + 30),
    ),
    max_size=40,
)


def derived(state: TrainingState) -> dict[str, Any]:
    """Everything that is computed from the events of a run."""
    views = (View(markers=EVERY_KIND), View(x="wall", markers=EVERY_KIND), View(start=20, end=150))
    builders = (growth.timeline, consolidation.timeline, consolidation.patterns, consolidation.frequency)
    return {
        "charts": [build(state, "", view) for build in builders for view in views],
        "marks": [event_traces(state, view) for view in views],
        "bundles": markers(state, cells=3),
        "totals": consolidation.totals(state),
        "summary": repr(growth_totals(state, START)),
        "lost": lost(state),
        "stages": (stage_start(state), stage_starts(state)),
        "counts": [state.count_of(kind) for kind in ("growth", "consolidation", "odd")],
    }


def frames(state: TrainingState) -> list[Any]:
    """Every table of events."""
    return [state.growth_events, state.consolidation_events, consolidation.sleeps(state), chronicle(state)]


@given(EVENTS, st.lists(st.integers(0, 40), max_size=4))
def test_what_is_computed_bit_by_bit_is_what_is_computed_at_once(
    events: list[Event], cuts: list[int]
) -> None:
    """Any events, however they arrive, looked at after each arrival: the same charts, marks, tables and numbers."""
    run = made([0.5] * 30, step=[*range(0, 200, 10), *range(100, 200, 10)])
    growing: AppendOnly[Event] = AppendOnly()
    for cut in sorted(cuts):
        growing = growing.next_version(tuple(events[:cut]))
        followed = replace(run, events=growing)
        derived(followed), frames(followed)
    growing = growing.next_version(tuple(events))
    followed, fresh = replace(run, events=growing), replace(run, events=tuple(events))
    assert json.dumps(derived(followed), default=repr) == json.dumps(derived(fresh), default=repr)
    for one, other in zip(frames(followed), frames(fresh), strict=True):
        assert_frame_equal(one, other)


def test_only_new_values_are_looked_at() -> None:
    """And nothing at all while there are none."""
    seen: list[tuple[int, ...]] = []

    def compute(new: tuple[int, ...], first: int) -> int:
        seen.append(new)
        assert new[0] == first
        return sum(new)

    first = AppendOnly((0, 1, 2))
    more = (*first, 3)
    assert first.extended("sum", compute, add) == first.extended("sum", compute, add) == 3
    second = first.next_version(more)
    assert second.extended("sum", compute, add) == 6
    assert second.next_version(more) is second
    assert first.extended("sum", compute, add) == 3
    assert seen == [(0, 1, 2), (3,)]


@pytest.mark.parametrize("other", [(), (Event("b", 1, {}),), (Event("b", 1, {}), Event("c", 2, {}))])
def test_other_values_begin_anew(other: tuple[Event, ...]) -> None:
    """Fewer of them, or others in the place of those that were there."""
    before = AppendOnly((Event("a", 1, {}),))
    assert before.extended("kinds", lambda new, _: [each.kind for each in new], add) == ["a"]
    now = before.next_version(other)
    assert now.extended("kinds", lambda new, _: [each.kind for each in new], add) == [e.kind for e in other]


def test_a_metric_line_leaves_the_events_as_they_are(run: Run) -> None:
    """The next state of a run that is read has the very same events, with all that is known of them."""
    run.append('{"step": 1, "event_type": "growth", "region": "cortex", "neurons_added": 5}\n')
    reader = RunReader(run.directory)
    before = reader.read()
    table = before.growth_events
    run.metrics(10)
    after = reader.read()
    assert after is not before
    assert after.growth_events is table
    run.append('{"step": 20, "event_type": "growth", "region": "cortex", "neurons_added": 6}\n')
    assert reader.read().growth_events["neurons_added"].tolist() == [5, 6]
    assert table["neurons_added"].tolist() == [5]


def test_a_replaced_log_has_events_of_its_own(run: Run) -> None:
    """Nothing of the former log stays."""
    run.append('{"step": 1, "event_type": "growth", "region": "cortex"}\n')
    reader = RunReader(run.directory)
    assert markers(reader.read(), [MarkerKind.GROWTH])[0].label == "cortex"
    run.log.unlink()
    run.append('{"step": 7, "event_type": "growth", "region": "striatum", "neurons_added": 5}\n')
    assert markers(reader.read(), [MarkerKind.GROWTH])[0].label == "striatum, +5 neurons"


def test_a_result_that_depends_on_something_else_is_computed_again_where_that_has_changed() -> None:
    """From all values; and as before while it stays the same."""
    first: AppendOnly[int] = AppendOnly((1, 2))
    computed: list[tuple[int, ...]] = []

    def total(numbers: AppendOnly[int], depends: str) -> int:
        def compute(new: tuple[int, ...], _: int) -> int:
            computed.append(new)
            return sum(new)

        return numbers.extended("total", compute, int.__add__, depends)

    assert [total(first, each) for each in "aab"] == [3, 3, 3]
    second = first.next_version((*first, 3))
    assert [total(second, each) for each in "bba"] == [6, 6, 6]
    assert computed == [(1, 2), (1, 2), (3,), (1, 2, 3)]
