"""Lines that came out of order stand where their steps say, in whatever pieces the log was read."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.model.growable_array import (
    IN_FILE_ORDER,
    REMEMBERED,
    GrowableArray,
    SortedLog,
    SortedSeries,
)

LINES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 8), st.integers(0, 99)), max_size=40).map(
    lambda lines: sorted(lines, key=lambda line: line[0])  # segments never fall, steps do
)
"""Segment, step, value."""
CUTS = st.lists(st.integers(0, 40), max_size=8).map(sorted)


def columns(lines: list[tuple[int, int, int]]) -> tuple[Any, Any, Any, Any]:
    """Step, value, segment and time of lines."""
    table = np.array(lines, np.int64).reshape(-1, 3)
    return table[:, 1], table[:, 2].astype(np.float64), table[:, 0], np.arange(len(table), dtype=np.float64)


def listed(found: SortedSeries) -> list[tuple[Any, ...]]:
    """The points of a sorted series."""
    parts = found.segment, found.step, found.value, found.time
    return list(zip(*(part.tolist() for part in parts), strict=True))


def sorted_at_once(lines: list[tuple[int, int, int]]) -> list[tuple[Any, ...]]:
    """The same points, sorted without any cleverness."""
    points = [
        (segment, step, float(value), float(place)) for place, (segment, step, value) in enumerate(lines)
    ]
    return sorted(points, key=lambda point: point[:2])


@given(lines=LINES, cuts=CUTS, asked=st.lists(st.booleans(), min_size=9, max_size=9))
def test_every_version_is_as_if_sorted_at_once(
    lines: list[tuple[int, int, int]], cuts: list[int], asked: list[bool]
) -> None:
    """However the log was cut, also for a quantity that is requested only now and then; old versions stay."""
    log, handed_out = SortedLog(), []
    for cut, both in zip([*cuts, 40], asked, strict=False):
        step, value, segment, time = columns(lines[:cut])
        found = log.sort("all", "loss", step, value, segment, time)
        assert found and listed(found) == sorted_at_once(lines[:cut])
        if both:
            other = log.sort("all", "firing_rate", step, -value, segment, time)
            assert other and (-other.value).tolist() == found.value.tolist()
        handed_out.append((cut, found))
    for cut, found in handed_out:
        assert listed(found) == sorted_at_once(lines[:cut])


@given(lines=LINES, cuts=CUTS)
def test_an_order_says_what_is_settled(lines: list[tuple[int, int, int]], cuts: list[int]) -> None:
    """Whatever was computed of the points before that place is still right."""
    log = SortedLog()
    versions = [log.sort("all", "loss", *columns(lines[:cut])) for cut in [*cuts, 40]]
    for place, before in enumerate(versions):
        for now in versions[place:]:
            assert before and now
            settled = now.order.settled_since(before.order.number)
            same = len(before.step) if settled is None else min(settled, len(before.step))
            assert listed(now)[:same] == listed(before)[:same]


def test_an_older_version_is_not_answered() -> None:
    """Its lines may stand elsewhere by now."""
    log = SortedLog()
    lines = [(0, 1, 1), (0, 2, 2), (0, 0, 0)]
    assert log.sort("all", "loss", *columns(lines))
    assert log.sort("all", "loss", *columns(lines[:2])) is None


def test_a_line_in_order_moves_nothing() -> None:
    """What is known of all the others stays known."""
    log = SortedLog()
    lines = [(0, 1, 1), (0, 3, 3), (0, 2, 2)]
    before = log.sort("all", "loss", *columns(lines))
    now = log.sort("all", "loss", *columns([*lines, (0, 3, 4)]))
    assert before and now and now.order == before.order


def test_the_first_straggler_is_a_change() -> None:
    """Whoever has looked at the lines in file order must know from where on they have moved."""
    log = SortedLog()
    lines = [(0, 1, 1), (0, 2, 2), (0, 4, 4), (0, 3, 3)]
    found = log.sort("all", "loss", *columns(lines))
    assert found and found.order.settled_since(IN_FILE_ORDER.number) == 2
    in_order = SortedLog().sort("all", "loss", *columns(lines[:3]))
    assert in_order and in_order.order == IN_FILE_ORDER


def test_orders_of_different_lines_have_different_numbers() -> None:
    """A quantity that new lines lack is sorted with lines of its own: of what was known nothing counts."""
    log = SortedLog()
    lines = [(0, 2, 1), (0, 1, 1)]
    every = log.sort("all", "loss", *columns(lines))
    some = log.sort("those with loss", "loss", *columns(lines))
    assert every and some and every.order.number < some.order.number
    assert some.order.settled_since(every.order.number) == 0


def test_a_quantity_that_parts_from_others_is_not_kept_among_them() -> None:
    """It would be kept twice as long as the log is looked at."""
    log = SortedLog()
    lines = [(0, 2, 1), (0, 1, 1)]
    every = log.sort("all", "loss", *columns(lines))
    assert every and every.value.base is not None
    room = weakref.ref(every.value.base)
    del every
    assert log.sort("those with loss", "loss", *columns(lines))
    assert room() is None


def test_few_changes_are_remembered() -> None:
    """A reader older than those kept starts over."""
    log, lines = SortedLog(), [(0, 10_000, 0)]
    first = log.sort("all", "loss", *columns(lines))
    for number in range(REMEMBERED + 1):
        lines.append((0, 5_000 + number, 1))
        now = log.sort("all", "loss", *columns(lines))
    assert first and now and len(now.order.changes) == REMEMBERED
    assert now.order.settled_since(first.order.number) == 0
    assert now.order.settled_since(now.order.number - 1) == REMEMBERED


def test_what_a_buffer_gave_out_stays() -> None:
    """Whatever is put behind it, and whatever is cut and rewritten."""
    buffer = GrowableArray(np.int64)
    buffer.append(np.arange(20))
    given_out = buffer.view
    buffer.cut(5)
    buffer.append(np.full(100, -1))
    assert given_out.tolist() == list(range(20))
    assert buffer.view.tolist() == [*range(5), *[-1] * 100]
    assert not given_out.flags.writeable
    buffer.cut(1000)
    assert len(buffer) == 105


def test_a_buffer_takes_little_more_than_its_rows() -> None:
    """However it grew: there is one for each column of a log that may fill half of the memory."""
    at_once, by_and_by = GrowableArray(np.float64), GrowableArray(np.float64)
    at_once.append(np.arange(10_000.0))
    for first in range(0, 10_000, 10):
        by_and_by.append(np.arange(first, first + 10.0))
    for buffer in (at_once, by_and_by):
        assert buffer.view.tolist() == list(range(10_000))
        room = buffer.view.base
        assert room is not None and room.nbytes < 1.2 * buffer.view.nbytes
