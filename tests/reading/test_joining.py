"""Two logs, one behind the other: joined line by line, they are what they are joined at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from thalia_monitor.model.history import Column, History, Lineage, Segment
from thalia_monitor.model.records import Event
from thalia_monitor.reading.merge import Joining
from thalia_monitor.reading.recording import RunParts

LINES = st.lists(
    st.dictionaries(st.sampled_from(["loss", "reward", "accuracy"]), st.integers(0, 99), max_size=3),
    max_size=12,
)
"""What each line of a log says."""


def log(lines: list[dict[str, int]], count: int, lineage: Lineage) -> RunParts:
    """The first so many lines, with an event for every third."""
    shown = lines[:count]
    columns = {}
    for name in {name: None for line in shown for name in line}:
        rows = [row for row, line in enumerate(shown) if name in line]
        every = len(rows) == len(shown)
        values = np.array([float(shown[row][name]) for row in rows])
        columns[name] = Column(values, None if every else np.array(rows, np.int64))
    numbers = np.arange(len(shown))
    history = History(
        numbers,
        numbers // 5,
        numbers.astype(np.float64),
        columns,
        segments=tuple(
            Segment(number, 5 * number, 5 * number, "resume" if number else "start")
            for number in range(-(-len(shown) // 5))
        ),
        lineage=lineage,
    )
    return RunParts(history, EVENTS[: count // 3])


EVENTS = tuple(Event("growth", number, {}, segment=number // 2) for number in range(10))


def plain(parts: RunParts) -> Any:
    """A history and its events, as plain values."""
    history = parts.history
    columns = {
        name: (column.values.tolist(), None if column.rows is None else column.rows.tolist())
        for name, column in history.metrics.items()
    }
    numbers = [part.tolist() for part in (history.step, history.segment, history.time)]
    return numbers, columns, history.segments, parts.events


@example(first=[{"loss": 0}], then=[{"loss": 0}, {}], cuts=[0, 1, 2])
@given(first=LINES, then=LINES, cuts=st.lists(st.integers(0, 12), max_size=6).map(sorted))
def test_joined_line_by_line_is_joined_at_once(
    first: list[dict[str, int]], then: list[dict[str, int]], cuts: list[int]
) -> None:
    """However the second log grows, whatever columns come and fail; and what was given out before stays."""
    before, lineage = log(first, len(first), Lineage()), Lineage()
    joining = Joining(before, log(then, 0, lineage))
    given_out = []
    for cut in cuts:
        second = log(then, cut, lineage)
        assert joining.goes_on(before, second)
        found = joining.combined(second)
        expected = plain(Joining(before, second).combined(second))
        assert plain(found) == expected
        assert found.history.step.tolist() == [*range(len(first)), *range(len(then[:cut]))]
        given_out.append((found, expected))
    assert all(plain(found) == expected for found, expected in given_out)
    assert len({found.history.lineage for found, _ in given_out}) <= 1


def test_events_that_were_there_stay_the_very_same() -> None:
    """So that what was computed of them is still known."""
    before, lineage, lines = log([{"loss": 1}] * 6, 6, Lineage()), Lineage(), [{"loss": 2}] * 12
    joining = Joining(before, log(lines, 0, lineage))
    earlier = joining.combined(log(lines, 6, lineage)).events
    later = joining.combined(log(lines, 12, lineage)).events
    assert len(later) == len(earlier) + 2
    assert all(one is other for one, other in zip(earlier, later, strict=False))
    assert [each.segment for each in later] == [0, 0, 2, 2, 3, 3]


def test_another_log_is_joined_again() -> None:
    """One that was replaced, one that is shorter, and other files before it."""
    before, lineage, lines = log([{"loss": 1}], 1, Lineage()), Lineage(), [{"loss": 2}] * 3
    joining = Joining(before, log(lines, 0, lineage))
    joining.combined(log(lines, 3, lineage))
    assert not joining.goes_on(before, log(lines, 3, Lineage()))
    assert not joining.goes_on(before, log(lines, 2, lineage))
    assert not joining.goes_on(log([{"loss": 1}], 1, Lineage()), log(lines, 3, lineage))
