from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import Run, line
from thalia_monitor.figures import metrics
from thalia_monitor.figures.chart import View
from thalia_monitor.reading.clock import own_offset, zone_offset
from thalia_monitor.reading.run_reader import RunReader, load_training_state


@given(st.integers(-56, 56), st.floats(-2.9, 2.9), st.floats(1e9, 2e9))
def test_a_zone_is_found_by_one_known_moment(quarters: int, error: float, moment: float) -> None:
    """Whatever the zone, a clock is set right by a moment that it also tells, up to a small error."""
    assert zone_offset(moment + quarters * 900 + error, moment) == quarters * 900


@pytest.mark.parametrize("difference", [4.0, -16 * 3600.0, 86_400.0])
def test_other_moments_give_no_zone(difference: float) -> None:
    """Two times that no zone brings together are not the same moment."""
    assert zone_offset(1e9 + difference, 1e9) is None


def test_this_machines_zone_is_a_zone() -> None:
    """The own zone is a whole number of quarter hours."""
    assert own_offset(1_765_220_000.0) % 900 == 0


GOOD = 1_795_870_300.0
UNSET = {
    "never": 0.0,
    "1970": 86_400.0,
    "2000": 946_684_800.0,
    "2010": 1_262_304_000.0,
    "2100": 4_102_444_800.0,
}


def started_without_a_clock(wrong: float) -> list[str]:
    """Five lines before the clock is set, fifteen after it, a minute apart; an event in either part."""
    lines = [line(step, loss=0.5, timestamp=wrong + step) for step in range(5)]
    lines.append(line(4, event_type="growth", region="PFC", neurons_added=5, timestamp=wrong + 4))
    lines += [line(5 + step, loss=0.5, timestamp=GOOD + 60 * step) for step in range(15)]
    lines.append(line(19, event_type="growth", region="PFC", neurons_added=5, timestamp=GOOD + 840))
    return lines


@pytest.mark.parametrize("wrong", UNSET.values(), ids=UNSET)
def test_lines_from_before_the_clock_was_set_have_no_time(run: Run, wrong: float) -> None:
    """Training took what the others tell; it is said once, and an axis of time begins with them."""
    run.append(*started_without_a_clock(wrong))
    state = load_training_state(run.directory)
    assert state.training_duration.total_seconds() == 840
    assert np.isnan(state.history.time[:5]).all()
    assert state.history.time[5:].tolist() == [GOOD + 60 * step for step in range(15)]
    assert [event.time for event in state.events] == [None, GOOD + 840]
    assert [segment.kind for segment in state.history.segments] == ["start"]
    assert len(state.problems) == 1
    assert "clock was not set" in state.problems[0].reason
    drawn = metrics.metric(state, "loss", View(x="wall"))
    assert [drawn.traces[0]["x"][at] for at in (0, -1)] == [GOOD * 1000, (GOOD + 840) * 1000]


@pytest.mark.parametrize("wrong", UNSET.values(), ids=UNSET)
def test_a_clock_that_is_set_while_watched_is_noticed(run: Run, wrong: float) -> None:
    """Until then the times are all there is; afterwards the page shows what one that is opened then would."""
    reader, lines = RunReader(run.directory), started_without_a_clock(wrong)
    for number, each in enumerate(lines, 1):
        run.append(each)
        state = reader.read()
        if number == 5:
            assert state.training_duration.total_seconds() == 4
            assert not state.problems
    whole = load_training_state(run.directory)
    assert state.training_duration == whole.training_duration
    assert np.array_equal(state.history.time, whole.history.time, equal_nan=True)
    assert state.events == whole.events
    assert state.problems == whole.problems
    assert reader.bytes_read == len("".join(lines))


def test_a_clock_that_is_lost_later_is_noticed_too(run: Run) -> None:
    """After a restart without one, or a leap of years: only those lines have no time, and nothing is resumed."""
    times = [GOOD, GOOD + 60, 5.0, 6.0, GOOD + 300, GOOD + 2e9, GOOD + 360]
    run.append(*(line(step, loss=0.5, timestamp=time) for step, time in enumerate(times)))
    state = load_training_state(run.directory)
    assert np.isnan(state.history.time).tolist() == [False, False, True, True, False, True, False]
    assert state.training_duration.total_seconds() == 360
    assert len(state.problems) == 1


def test_a_clock_that_was_never_set_still_measures(run: Run) -> None:
    """Where no time can be right, all are of the same clock: they tell how long training took."""
    run.append(*(line(step, loss=0.5, timestamp=60 * step) for step in range(15)))
    state = load_training_state(run.directory)
    assert state.training_duration.total_seconds() == 840
    assert not state.problems


def test_events_alone_tell_that_the_clock_was_set(run: Run) -> None:
    """Where the lines have no times."""
    events = [
        line(step, event_type="growth", region="PFC", timestamp=time) for step, time in ((0, 0), (9, GOOD))
    ]
    run.append(events[0], line(5, loss=0.5), events[1])
    state = load_training_state(run.directory)
    assert [event.time for event in state.events] == [None, GOOD]
    assert sum("clock was not set" in each.reason for each in state.problems) == 1


def test_a_training_that_lasted_since_1970_is_none(run: Run) -> None:
    """A checkpoint that counts from a clock that was not set tells no length; the log does."""
    run.append(*started_without_a_clock(0.0))
    run.metadata(19, training_time_seconds=GOOD)
    state = load_training_state(run.directory)
    assert state.training_duration.total_seconds() == 840
    assert any(each.file == "metadata_19.json" for each in state.problems)
