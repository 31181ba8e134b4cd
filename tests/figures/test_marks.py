"""The marks that events leave on every chart."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.figures.marks import Marker, markers
from thalia_monitor.model.records import Event, HealthWarning, Severity
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components.event_table import chronicle

STEPS = range(0, 10_000, 100)
LINES = history(STEPS, time=[1000.0 + step / 10 for step in STEPS])


def growth(step: int | None, region: str = "cortex", added: object = 50, time: float | None = None) -> Event:
    """A growth event."""
    return Event("growth", step, {"region": region, "neurons_added": added}, time=time)


def labels(run: TrainingState, *kinds: MarkerKind) -> list[str]:
    """What the marks say, in the order of the chart."""
    return [mark.label for mark in markers(run, kinds or tuple(MarkerKind))]


def test_each_kind_of_event_has_its_mark() -> None:
    """Growth, sleep, stages, milestones, warnings and resumes, in the order of their steps."""
    run = state(
        history([*range(0, 3000, 100), *range(2000, 4000, 100)]),
        events=[
            Event("stage_start", 0, {"stage": 0}),
            growth(500),
            Event("consolidation", 1000, {"sleep_stage": "NREM2", "patterns_replayed": 120}),
            Event("consolidation", 1000, {"sleep_stage": "REM", "patterns_replayed": 60}),
            Event("warning", 1500, {"severity": "critical", "message": "Seizure-like activity"}),
            Event("milestone", 1600, {"results": {"mnist_accuracy": True, "gaze_following": False}}),
            Event("milestone", 1700, {"results": {"mnist_accuracy": False, "gaze_following": False}}),
            Event("extension", 1800, {"stage": 0, "additional_weeks": 2}),
            Event("extension", 1900, {"stage": 0, "additional_steps": 2000}),
            Event("stage_end", 3500, {"stage": 0}),
            Event("transition", 3500, {"old_stage": 0, "new_stage": 1}),
            Event("stage_start", 3500, {"stage": 1}),
            Event("checkpoint", 3600, {}),
        ],
    )
    found = markers(run)
    assert [(mark.kind.value, mark.step, mark.label) for mark in found] == [
        ("stage", 0, "Stage 0 Sensory Foundations"),
        ("growth", 500, "cortex, +50 neurons"),
        ("nrem", 1000, "NREM2, 120 patterns"),
        ("rem", 1000, "REM, 60 patterns"),
        ("warning", 1500, "Seizure-like activity"),
        ("milestone", 1600, "mnist_accuracy passed"),
        ("milestone", 1700, "mnist_accuracy lost"),
        ("stage", 1800, "Stage 0 Sensory Foundations extended by 2 weeks"),
        ("stage", 1900, "Stage 0 Sensory Foundations extended by 2,000 steps"),
        ("resume", 2000, "Resumed at step 2,000"),
        ("other", 3500, "stage_end"),
        ("stage", 3500, "Stage 1 Object Permanence & Working Memory"),
        ("other", 3600, "checkpoint"),
    ]
    assert [mark.step for mark in found if mark.alarming] == [1500, 1700]


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({"cycles": 5, "patterns_replayed": 103}, "unknown stage, 103 patterns"),
        ({"sleep_stage": "SWS"}, "SWS"),
    ],
)
def test_a_sleep_that_is_not_said_to_be_nrem_has_a_mark_of_its_own(
    fields: dict[str, object], label: str
) -> None:
    """What the trainer does not say is not made up."""
    found = markers(state(LINES, events=[Event("consolidation", 500, fields)]))

    assert [(mark.kind, mark.label) for mark in found] == [(MarkerKind.SLEEP, label)]


def test_a_mark_leads_to_its_event() -> None:
    """The position of the event in the state is the way to its row in a table."""
    run = state(LINES, events=[Event("checkpoint", 1, {}), growth(200), growth(300)])
    assert [mark.event for mark in markers(run)] == [0, 1, 2]


@pytest.mark.parametrize("kind", ["intervention", "gate", "readiness", "transition_analysis", "lunch"])
def test_an_event_of_any_other_kind_is_listed_under_its_own_name(kind: str) -> None:
    """No event of the log is left out of the table of events; milestones and parameters are shown otherwise."""
    others = [Event(each, 400, {}) for each in ("milestone", "declare", "control")]
    run = state(LINES, events=[Event(kind, 300, {"message": "x"}), *others])
    assert [(mark.kind, mark.step, mark.label) for mark in markers(run)] == [(MarkerKind.OTHER, 300, kind)]
    assert chronicle(run)[["kind", "what"]].to_numpy().tolist() == [["other", kind]]


def test_kinds_are_toggled_one_by_one() -> None:
    """What the reader did not ask for is not there; kinds may be given by name."""
    run = state(LINES, events=[growth(200), Event("warning", 300, {"message": "x"})])
    assert [mark.kind for mark in markers(run, ["growth"])] == [MarkerKind.GROWTH]
    assert markers(run, []) == []


def test_growth_of_a_hidden_region_has_no_mark() -> None:
    """Nor is it counted in a cluster; what other events say is not about the region."""
    warned = Event("warning", 900, {"message": "cortex"})
    run = state(LINES, events=[growth(500), growth(500, "striatum"), growth(900), warned])
    found = markers(run, hidden=frozenset({"cortex"}))
    assert [(mark.step, mark.label) for mark in found] == [(500, "striatum, +50 neurons"), (900, "cortex")]


def test_checkpoints_tell_what_no_event_does() -> None:
    """Stages, warnings and milestones of a run that logs no events of them are marked where they first appear."""
    warning = HealthWarning(Severity.CRITICAL, "Runaway")
    run = state(
        None,
        checkpoint(0, stage=-1, milestones={"a": False}),
        replace(checkpoint(5000, stage=-1, milestones={"a": True}), warnings=(warning,)),
        replace(checkpoint(10_000, stage=0), warnings=(warning,)),
        checkpoint(15_000, stage=0),
        replace(checkpoint(20_000, stage=0), warnings=(warning,)),
    )
    assert [(mark.step, mark.label, mark.event) for mark in markers(run)] == [
        (0, "Stage -1 Sensorimotor", None),
        (5000, "a passed", None),
        (5000, "Runaway", None),
        (10_000, "Stage 0 Sensory Foundations", None),
        (20_000, "Runaway", None),
    ]


def test_a_milestone_told_twice_is_marked_once() -> None:
    """An event and the checkpoints around it tell of the same check."""
    run = state(
        None,
        checkpoint(5000, milestones={"a": False}),
        checkpoint(10_000, milestones={"a": True}),
        events=[Event("milestone", 9000, {"results": {"a": True}})],
    )
    assert [(mark.step, mark.event) for mark in markers(run, ["milestone"])] == [(9000, 0)]


class TestPlaces:
    def test_a_mark_has_the_time_of_the_lines_beside_it(self) -> None:
        """An event without a timestamp is at the time of the next line of its segment."""
        (mark,) = markers(state(LINES, events=[growth(450)]), x="time")
        assert mark.time == 1050
        twice = history([*range(0, 500, 100), *range(200, 500, 100)], time=[*range(5), *range(100, 103)])
        run = state(twice, events=[growth(300), replace(growth(300), segment=1), growth(9999)])
        assert [mark.time for mark in markers(run, ["growth"], x="time")] == [3, 4, 101]

    def test_a_mark_has_the_step_of_the_lines_beside_it(self) -> None:
        """An event that was logged with a time only is at the step of the next line."""
        (mark,) = markers(state(LINES, events=[growth(None, time=1049.0)]))
        assert (mark.step, mark.time) == (500, 1049)
        assert markers(state(LINES, events=[growth(None, time=1e9)]))[0].step == 9900

    def test_what_cannot_be_placed_is_left_out(self) -> None:
        """Without timestamps there is no mark on the clock, and without either there is none."""
        timeless = state(history(STEPS), events=[growth(200), growth(None, time=5.0), growth(None)])
        assert [mark.step for mark in markers(timeless)] == [200]
        assert [mark.time for mark in markers(timeless, x="time")] == [5]

    def test_only_the_range_is_marked(self) -> None:
        """A zoomed chart has the marks of what it shows, on either axis."""
        run = state(LINES, events=[growth(step) for step in (100, 200, 300, 400)])
        assert [mark.step for mark in markers(run, start=150, end=350)] == [200, 300]
        assert [mark.step for mark in markers(run, start=1019, end=1031, x="time")] == [200, 300]


class TestBundles:
    def test_many_events_are_bundled_with_their_sum(self) -> None:
        """A bundle says how many, of what, and leads to the first."""
        run = state(LINES, events=[growth(step, ("cortex", "striatum")[step % 2]) for step in range(4)])
        (mark,) = markers(run, cells=1)
        assert mark == Marker(
            MarkerKind.GROWTH, 0, 1000, "4 growths; cortex, striatum; +200 neurons", 4, 0, False
        )

    def test_what_happens_at_one_place_is_one_mark(self) -> None:
        """A milestone that is lost must not lie below one that is passed."""
        results = [{"seq": False, "mnist": True}, {"seq": True, "mnist": False}]
        events = [
            Event("milestone", 500 * number, {"results": each}) for number, each in enumerate(results, 1)
        ]
        found = markers(state(LINES, events=events), ["milestone"])
        assert [(mark.step, mark.label) for mark in found] == [
            (500, "mnist passed"),
            (1000, "2 milestones; mnist lost, seq passed"),
        ]

    def test_events_are_clustered_only_where_they_are_denser_than_a_few_pixels(self) -> None:
        """On 10,000 steps a cell of 128 is some 8 pixels: the dense part is clusters, the rest single marks."""
        dense, apart = range(0, 1000, 40), range(2000, 10_000, 250)
        found = markers(state(LINES, events=[growth(step) for step in (*dense, *apart)]))
        assert [(mark.step, mark.count) for mark in found if mark.step in apart] == [
            (step, 1) for step in apart
        ]
        clusters = [mark.count for mark in found if mark.step in dense]
        assert sum(clusters) == len(dense) and max(clusters) == 13

    def test_a_zoom_takes_a_cluster_apart(self) -> None:
        """What is a few pixels wide depends on what is looked at."""
        run = state(LINES, events=[growth(step) for step in range(0, 1000, 40)])
        assert {mark.count for mark in markers(run, start=0, end=1000)} == {1}

    def test_events_far_beyond_the_lines_are_clustered_too(self) -> None:
        """However far apart a log says that they are, there are few marks."""
        run = state(LINES, events=[growth(step**4) for step in range(3000)])
        found = markers(run)
        assert sum(mark.count for mark in found) == 3000
        assert len(found) <= 97

    def test_a_bundle_of_many_names_counts_them(self) -> None:
        """A label stays short."""
        run = state(LINES, events=[growth(step, f"region{step}", added=None) for step in range(9)])
        assert labels(state(LINES, events=run.events[:1])) == ["region0"]
        assert markers(run, cells=1)[0].label == "9 growths; 9 different"

    def test_a_critical_warning_is_seen_in_its_bundle(self) -> None:
        """Bundling hides no alarm."""
        events = [Event("warning", step, {"message": "m", "severity": "info"}) for step in range(5)]
        events[3] = Event("warning", 3, {"message": "m", "severity": "critical"})
        assert [mark.alarming for mark in markers(state(LINES, events=events), cells=1)] == [True]

    @given(st.lists(st.integers(0, 100_000), min_size=1, max_size=80), st.integers(1, 20))
    def test_every_event_is_in_one_bundle_and_there_are_few(self, steps: list[int], cells: int) -> None:
        """No event is lost, none counted twice, and the chart stays readable."""
        found = markers(state(LINES, events=[growth(step) for step in steps]), cells=cells)
        assert sum(mark.count for mark in found) == len(steps)
        assert len(found) <= cells + 1
        assert [mark.step for mark in found] == sorted(mark.step for mark in found if mark.step is not None)

    @given(st.lists(st.integers(0, 5000), min_size=30, max_size=60), st.integers(5001, 6000))
    def test_a_new_event_moves_no_bundle(self, steps: list[int], new: int) -> None:
        """Edges are fixed, so that an older bundle stays as it is, or joins its neighbour."""
        before = markers(state(LINES, events=[growth(step) for step in steps]), cells=20)
        after = markers(state(LINES, events=[growth(step) for step in [*steps, new]]), cells=20)
        assert {mark.step for mark in after} <= {mark.step for mark in before} | {new}


@pytest.mark.parametrize("value", ["many", None, [1], math.nan])
def test_fields_may_hold_anything(value: object) -> None:
    """The log is untrusted: a field of the wrong kind leaves its part of the label out."""
    run = state(
        LINES,
        events=[
            growth(1000, added=value),
            Event("consolidation", 2000, {}),
            Event("stage_start", 3000, {"stage": value}),
            Event("extension", 4000, {"additional_weeks": value}),
            Event("warning", 5000, {}),
        ],
    )
    assert labels(run) == ["cortex", "unknown stage", "Stage", "Stage extended", "warning"]
