"""A log behind what another logger had logged before it began."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.reading.logger_files import BEGAN, logged, stage_log, write_json
from tests.reading.states import comparable
from tests.reading.writing import append, line, log_text, write_log
from thalia_monitor.model.history import History
from thalia_monitor.model.records import Event, Source
from thalia_monitor.reading import columns
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.formats.json_values import TOO_MANY
from thalia_monitor.reading.other_files import _same
from thalia_monitor.reading.recording import MetricLine, Recording
from thalia_monitor.reading.run_reader import RunReader, load_training_state
from thalia_monitor.reading.training_log import TrainingLog

Item = MetricLine | Event
NAMES = st.sampled_from(["loss", "reward", "accuracy"])
LINES = st.builds(
    MetricLine,
    st.integers(0, 20),
    st.dictionaries(NAMES, st.integers(0, 99), max_size=3),
    st.dictionaries(st.just("cortex"), st.integers(0, 9), max_size=1),
)
EVENTS = st.builds(Event, st.just("growth"), st.none() | st.integers(0, 20), st.just({}))
LOGS = st.lists(LINES | EVENTS, max_size=14)


def contents_of(items: list[Item]) -> LogContents:
    """A log that was read at once."""
    contents = LogContents()
    contents.add_items(items)
    return contents


def of_rows(history: History, start: int) -> Any:
    """Numbers of a history from a row on, by row within it."""
    tables = (history.metrics, history.neurons, history.capacity)
    rows = [
        {
            (kind, name): value
            for kind, table in enumerate(tables)
            for name, column in table.items()
            for at, value in zip(
                range(len(history)) if column.rows is None else column.rows, column.values, strict=True
            )
            if at == row
        }
        for row in range(start, len(history))
    ]
    return history.step[start:].tolist(), np.nan_to_num(history.time[start:], nan=-1).tolist(), rows


def plain(contents: LogContents) -> Any:
    """Everything in it, as plain values."""
    history = contents.builder.history()
    segments = history.segment.tolist()
    return of_rows(history, 0), segments, history.segments, history.ordered, contents.events.view()


@example(first=[MetricLine(0, {"loss": 0})], then=[MetricLine(0, {"loss": 0}), MetricLine(1)], cuts=[1, 2])
@given(first=LOGS, then=LOGS, cuts=st.lists(st.integers(0, 14), min_size=1, max_size=6).map(sorted))
def test_a_log_that_grows_behind_another_is_the_whole_log_behind_it(
    first: list[Item], then: list[Item], cuts: list[int]
) -> None:
    """Wherever it is cut, whatever columns come and fail, with late lines and resumes; what was given out stays."""
    earlier, cuts = contents_of(first), [cut for cut in cuts if len(contents_of(then[:cut]).builder)]
    if not cuts:
        return
    growing = contents_of(then[: cuts[0]]).placed_after(earlier)
    given_out, read = [growing.builder.history()], cuts[0]
    expected_rows = [of_rows(given_out[0], 0)]
    for cut in cuts[1:]:
        growing.add_items(then[read:cut])
        read = cut
        given_out.append(growing.builder.history())
        expected_rows.append(of_rows(given_out[-1], 0))
    whole = contents_of(then[:read])
    assert plain(growing) == plain(whole.placed_after(earlier))
    assert [of_rows(each, 0) for each in given_out] == expected_rows
    start, history = growing.builder.log_start, growing.builder.history()
    assert start == len(earlier.builder)
    assert of_rows(history, start) == of_rows(whole.builder.history(), 0)
    assert [each.kind for each in history.segments if each.first_row == start] == [
        "stage" if start else "start"
    ]
    own = growing.builder.first_own_segment
    assert (history.segment[start:] - own).tolist() == whole.builder.history().segment.tolist()
    events = growing.events.view()
    assert events[: len(earlier.events)] == earlier.events.view()
    moved = [each.segment - own for each in events[len(earlier.events) :]]
    assert moved == [each.segment for each in whole.events.view()]


@given(first=LOGS, second=LOGS, then=LOGS)
def test_what_stands_before_a_log_can_change(first: list[Item], second: list[Item], then: list[Item]) -> None:
    """Another stage's file comes, or all of them go: the log's own lines are kept."""
    log = contents_of([MetricLine(3, {"loss": 1}), *then])
    changed = log.placed_after(contents_of(first)).placed_after(contents_of(second))
    expected = log.placed_after(contents_of(second))
    assert of_rows(changed.builder.history(), 0) == of_rows(expected.builder.history(), 0)
    assert changed.builder.history().segments == expected.builder.history().segments
    assert changed.events.view() == expected.events.view()
    alone = changed.placed_after(None)
    assert of_rows(alone.builder.history(), 0) == of_rows(log.builder.history(), 0)
    assert alone.builder.history().segments == log.builder.history().segments
    assert alone.events.view() == log.events.view()


def test_a_log_behind_another_is_not_copied_when_it_grows() -> None:
    """Rows, events and what was computed of them stay the same ones."""
    growing = contents_of([MetricLine(1), Event("growth", 1, {})]).placed_after(contents_of([MetricLine(5)]))
    before, events = growing.builder.history(), growing.events.view()
    growing.add_items([MetricLine(2, {"loss": 1.0}), Event("growth", 2, {})])
    after = growing.builder.history()
    assert after.lineage is before.lineage
    assert np.shares_memory(after.step, before.step)
    assert all(one is other for one, other in zip(events, growing.events.view(), strict=False))
    assert [each.segment for each in growing.events.view()] == [1, 1]


def test_a_clock_that_was_not_set_takes_no_time_from_what_stands_before() -> None:
    """The log began, it said, in 2099; its own first times count for nothing once it says what can be right."""
    earlier = contents_of([MetricLine(1, time=1_795_870_000.0)])
    log = contents_of([MetricLine(1, time=4_070_908_800.0)])
    assert log.first_time == 4_070_908_800.0
    growing = log.placed_after(earlier)
    assert growing.first_time == 4_070_908_800.0
    growing.add_items([MetricLine(2, time=1_795_870_100.0)])
    assert growing.builder.history().time.tolist()[::2] == [1_795_870_000.0, 1_795_870_100.0]
    assert growing.first_time == 1_795_870_100.0


def test_too_many_metrics_of_both_together_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that came first are kept."""
    monkeypatch.setattr(columns, "MOST_SERIES", 2)
    growing = contents_of([MetricLine(1, {"a": 1, "c": 1})]).placed_after(
        contents_of([MetricLine(1, {"a": 1, "b": 1})])
    )
    assert set(growing.builder.history().metrics) == {"a", "b"}
    assert [each.reason for each in growing.log_problems] == [TOO_MANY]


def test_a_text_is_judged_by_the_names_of_its_own_log(tmp_path: Path) -> None:
    """The former logger had numbers under that name; read as it grows, the log says the same."""
    write_json(tmp_path, "stage_-1_log.json", stage_log(-1, 0, 9, step_metrics=logged((1000,), 1, mode=3.0)))
    path = write_log(tmp_path, line(1, loss=0.5, timestamp=BEGAN + 100))
    reader = RunReader(tmp_path)
    reader.read()
    append(path, log_text(line(2, mode="fast", timestamp=BEGAN + 101)))
    assert comparable(reader.read()) == comparable(load_training_state(tmp_path))
    assert not reader.read().problems


def test_metrics_that_had_no_room_behind_another_log_are_read_when_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two names are kept: a and b of the stage; then a and c of the log."""
    monkeypatch.setattr(columns, "MOST_SERIES", 2)
    stage = write_json(
        tmp_path, "stage_-1_log.json", stage_log(-1, 0, 9, step_metrics=logged((1000,), 1, a=1, b=1))
    )
    write_log(tmp_path, line(1, a=0.5, c=0.5, timestamp=BEGAN + 100))
    reader = RunReader(tmp_path)
    assert len(reader.read().history.metrics) == 2
    stage.unlink()
    assert set(reader.read().history.metrics) == {"a", "c"}
    assert comparable(reader.read()) == comparable(load_training_state(tmp_path))


def test_an_array_that_is_written_again_is_never_shown_without_what_precedes_it(tmp_path: Path) -> None:
    """It is read whole whenever it changes, and the other files after it."""
    path = tmp_path / "training_log.json"
    path.write_text("[" + json.dumps(line(1, loss=0.5)) + "]")
    training_log = TrainingLog(path)
    training_log.refresh(path.stat())
    training_log.place_after(contents_of([MetricLine(5), MetricLine(6)]))
    before = training_log.history
    path.write_text("[" + ",".join(json.dumps(line(step, loss=0.5)) for step in (1, 2)) + "]")
    training_log.refresh(path.stat())
    assert training_log.history.step.tolist() == [5, 6, 1, 2]
    assert training_log.history.lineage is before.lineage


def test_a_stage_whose_lines_are_put_together_again_is_the_same_stage() -> None:
    """A report adds its numbers to the stage's lines whenever a file changes: that copies no log."""
    recording = Recording(Source("stage_-1_log.json", "stage log", 1), (MetricLine(1, {"a": 1.0}),))
    assert _same(replace(recording, lines=tuple(replace(each) for each in recording.lines)), recording)
    assert not _same(replace(recording, lines=(MetricLine(2),)), recording)


FORKED = """
import os
import numpy as np
from thalia_monitor.reading.arrays import ColumnArray
array = ColumnArray(np.int64)
array.append(np.zeros(200_000, np.int64))
if (child := os.fork()) == 0:
    array.append(np.full(10, 7))
    os._exit(0)
os.waitpid(child, 0)
print(array._room[200_000:200_010].sum())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_memory_of_a_forked_process_is_its_own() -> None:
    """As of a worker of gunicorn that is forked after a log was read."""
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
