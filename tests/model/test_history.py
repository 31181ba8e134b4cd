"""The metric lines by column: what was logged, in segments, and nothing that was not."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import Run, line
from thalia_monitor import load_training_state
from thalia_monitor.model.history import Column, History, Logged, Segment
from thalia_monitor.model.series_key import Kind
from thalia_monitor.reading.run_reader import RunReader


def history_of(run: Run) -> History:
    """The run's history, as read from its files."""
    return load_training_state(run.directory).history


def test_a_history_of_nothing() -> None:
    """Asking an empty one is no error."""
    empty = History()
    assert (len(empty), empty.current_step, empty.time_span, empty.names()) == (0, 0, 0.0, [])
    assert empty.series("loss") is None
    assert 5 not in empty.passed_by


def test_the_time_span_follows_the_log(run: Run) -> None:
    """From the earliest to the latest timestamp of every version, also of one that is asked late."""
    reader = RunReader(run.directory)
    versions: list[History] = []
    for time in (50.0, None, 20.0, 90.0):
        run.append(line(len(versions), **({} if time is None else {"timestamp": time})))
        versions.append(reader.read().history)
    assert [each.time_span for each in (versions[0], versions[2], versions[1], versions[3])] == [0, 30, 0, 70]
    assert [each.time_span for each in versions] == [0, 0, 30, 70]


def test_values_that_are_not_finite_are_values(run: Run) -> None:
    """NaN and the infinities are in the series where they were logged; null and a missing field are not."""
    run.append(line(1, loss=math.nan), line(2, loss=None), line(3), line(4, loss=-math.inf), line(5, loss=1))
    series = history_of(run).series("loss")
    assert series is not None
    assert series.step.tolist() == [1, 4, 5]
    assert [repr(each) for each in series.value.tolist()] == ["nan", "-inf", "1.0"]


def test_a_resume_begins_a_segment_and_loses_nothing(run: Run) -> None:
    """No line runs backwards, every line is kept, and the repeated part is known to be superseded."""
    run.metrics(0, 100, 200, 300)
    run.metrics(200, 300, 400)
    history = history_of(run)
    series = history.series("loss")
    assert series is not None
    assert series.step.tolist() == [0, 100, 200, 300, 200, 300, 400]
    assert series.segment.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert [(each.kind, each.first_step, each.first_row) for each in history.segments] == [
        ("start", 0, 0),
        ("resume", 200, 4),
    ]
    assert history.superseded_from(0) == 200
    assert history.superseded_from(1) is None


def test_a_second_resume_further_back_supersedes_both_attempts(run: Run) -> None:
    """What counts of an attempt ends where any later one begins."""
    run.metrics(*range(0, 500, 100))
    run.metrics(300, 400, 500)
    run.metrics(100, 200)
    history = history_of(run)
    assert [history.superseded_from(each) for each in (0, 1, 2)] == [100, 100, None]
    assert history.supersessions().tolist() == [100, 100, math.inf]
    assert history.current_step == 200
    assert 500 in history.passed_by
    assert 200 not in history.passed_by


def test_a_new_stage_whose_steps_restart_supersedes_nothing(run: Run) -> None:
    """Both stages count in full."""
    run.append(*(line(step, loss=1, stage=0) for step in (0, 100, 200)))
    run.append(*(line(step, loss=1, stage=1) for step in (0, 100)))
    history = history_of(run)
    assert [each.kind for each in history.segments] == ["start", "stage"]
    assert history.superseded_from(0) is None
    assert history.supersessions().tolist() == [math.inf, math.inf]
    assert history.current_step == 100


def test_lines_that_are_merely_out_of_order_are_sorted_in(run: Run) -> None:
    """A straggler is no resume: one segment, and the series rises."""
    for step, time in ((0, 10.0), (100, 11.0), (300, 13.0), (200, 12.0), (400, 14.0)):
        run.append(line(step, loss=step, timestamp=time))
    history = history_of(run)
    series = history.series("loss")
    assert series is not None
    assert len(history.segments) == 1
    assert series.step.tolist() == [0, 100, 200, 300, 400] == series.value.tolist()


def test_core_metrics_are_named_first_then_custom_ones_then_regions(run: Run) -> None:
    """The order in which a reader looks for them."""
    run.append(line(1, zeta=1, loss=1, alpha=1, firing_rate=0.1, neuron_counts={"cortex": 1}))
    run.append(line(2, capacity_by_region={"cortex": 0.5}))
    names = ["firing_rate", "loss", "alpha", "zeta", "neurons.cortex", "capacity.cortex"]
    history = history_of(run)
    assert history.names() == names
    assert all(history.series(name) is not None for name in names)


def test_a_region_may_have_any_name(run: Run) -> None:
    """Dots in it do not confuse the series' names, nor do metrics that are called like a region's series."""
    run.append(line(1, neuron_counts={"a.b": 1}, **{"neurons.fake": 5}))
    history = history_of(run)
    series = history.series("neurons.a.b")
    assert series is not None and series.value.tolist() == [1]
    assert history.names() == ["metric.neurons.fake", "neurons.a.b"]


@given(st.lists(st.fixed_dictionaries({}, optional={"a": st.floats(), "b": st.floats()}), max_size=20))
def test_the_table_says_the_same_as_the_lines(lines: list[dict[str, float]]) -> None:
    """Whatever is logged on whichever line: the cell holds it, and NaN where it was not."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        run.append(*(line(step, **fields) for step, fields in enumerate(lines)))
        history = history_of(run)
    frame = history.frame(Kind.METRIC)
    for row, fields in enumerate(lines):
        for name in frame.columns[2:]:
            assert repr(float(frame[name].iloc[row])) == repr(fields.get(name, math.nan))
    assert frame["step"].tolist() == list(range(len(lines)))


def test_arrays_handed_out_stay_as_they_were(run: Run) -> None:
    """A newer reading of a longer log changes nothing in an older state, nor can its holder."""
    run.metrics(*range(10))
    history = history_of(run)
    before = history.step.tolist()
    run.metrics(*range(10, 500))
    history_of(run)
    assert history.step.tolist() == before
    series = history.series("loss")
    assert series is not None
    assert not series.value.flags.writeable


def test_quantities_on_the_same_lines_are_put_in_order_together(run: Run) -> None:
    """Their steps are kept once; a quantity that a line lacks parts from the others."""
    lines = [
        *(line(10 * number, timestamp=number, loss=0.5) for number in range(3)),
        *(line(10 * number, timestamp=number, novelty=number, surprise=number) for number in range(3, 9)),
        line(55, timestamp=2, novelty=1, surprise=1),
    ]
    run.append(*lines)
    reader = RunReader(run.directory)
    history = reader.read().history
    novelty, surprise = history.series("novelty"), history.series("surprise")
    assert novelty and surprise
    assert novelty.step.tolist() == surprise.step.tolist() == [30, 40, 50, 55, 60, 70, 80]
    assert np.shares_memory(novelty.step, surprise.step)
    run.append(line(90, timestamp=9, novelty=1))
    history = reader.read().history
    novelty, surprise = history.series("novelty"), history.series("surprise")
    assert novelty and surprise
    assert (novelty.step.tolist()[-1], surprise.step.tolist()[-1]) == (90, 80)


def test_the_newest_value_of_a_sparse_series_is_found_without_gathering_its_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cost is the same for any length: the series itself is not made."""

    def unexpected(*_: object) -> None:
        raise AssertionError("the series was made")

    rows = np.arange(0, 1_000, 2)
    lines = History(
        step=np.arange(1_000),
        segment=np.zeros(1_000, np.int64),
        time=np.full(1_000, np.nan),
        metrics={"loss": Column(rows / 10.0, rows)},
        segments=(Segment(0, 0, 0),),
    )
    monkeypatch.setattr(History, "series", unexpected)
    assert lines.newest("loss") == Logged(99.8, 998, 0)
    assert lines.newest_in("loss", 0, before=101) == Logged(10.0, 100, 0)
    assert lines.newest_in("loss", 0, before=0) is None


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=40), st.booleans())
def test_the_newest_value_is_the_last_that_no_resume_repeats(
    lines: list[tuple[int, bool]], sparse: bool
) -> None:
    """Of lines with any steps, a resume wherever they fall, each with the value or without."""
    steps = np.array([step for step, _ in lines])
    falls = np.diff(steps, prepend=steps[:1]) < 0
    segment = np.cumsum(falls, dtype=np.int64)
    rows = np.flatnonzero([has for _, has in lines]) if sparse else np.arange(len(lines))
    starts = [0, *np.flatnonzero(falls).tolist()]
    made = History(
        step=steps,
        segment=segment,
        time=np.full(len(lines), np.nan),
        metrics={"loss": Column(rows.astype(np.float64), rows if sparse else None)},
        segments=tuple(
            Segment(n, at, int(steps[at]), "resume" if n else "start") for n, at in enumerate(starts)
        ),
    )
    kept = [
        row
        for row in rows.tolist()
        if all(steps[row] < steps[at] for n, at in enumerate(starts) if n > segment[row])
    ]
    found = made.newest("loss")
    assert (found and found.value) == (kept[-1] if kept else None)
