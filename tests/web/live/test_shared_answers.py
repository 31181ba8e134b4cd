"""Everybody who looks at a run within a second is shown the same version; who has it and asks again, the newest."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask

from thalia_monitor.errors import MonitorError
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.live.shared_answers import MAX_RUNS, ReadState, RunStateCache

KNOWN = {"run": "a", "version": "seen", "read": 40.0}
"""What a page has on its screen."""


class Clock:
    """The seconds of a test."""

    now = 50.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def states(clock: Clock) -> Iterator[RunStateCache]:
    """Nothing was read yet; a request is being answered."""
    with Flask("test").test_request_context():
        yield RunStateCache(clock=clock)


def versions() -> Any:
    """A reader that finds another version at every reading."""
    numbers = iter(range(1000))
    return lambda: TrainingState(version=str(next(numbers)))


def known(read_state: ReadState) -> dict[str, Any]:
    """What a page has on its screen that shows this state."""
    return {"run": "a", "version": read_state.state.version, "read": read_state.read_at}


def test_who_asks_again_is_shown_the_newest(states: RunStateCache) -> None:
    """However soon after the last look: what it has already is no answer."""
    read, shown = versions(), KNOWN
    for expected in ("0", "1", "2"):
        read_state = states.next_state("a", read, shown)
        assert read_state.state.version == expected
        shown = known(read_state)


def test_who_opens_a_page_is_shown_the_newest(states: RunStateCache) -> None:
    """It has nothing yet that would tell what is newer."""
    read = versions()
    assert [states.next_state("a", read, None).state.version for _ in range(2)] == ["0", "1"]


def test_all_others_are_shown_what_was_read_in_this_second(states: RunStateCache, clock: Clock) -> None:
    """In the next, the next is read."""
    read = versions()
    assert [states.next_state("a", read, KNOWN).state.version for _ in range(3)] == ["0", "0", "0"]
    clock.now = 50.9
    assert states.next_state("a", read, KNOWN).state.version == "0"
    clock.now = 51.0
    assert [states.next_state("a", read, KNOWN).state.version for _ in range(2)] == ["1", "1"]


def test_nobody_is_shown_less_than_another_worker_has_shown(states: RunStateCache, clock: Clock) -> None:
    """A page that was told of a version read later than ours is not led back."""
    read = versions()
    states.next_state("a", read, KNOWN)
    clock.now = 50.5
    later = KNOWN | {"read": 50.2}
    assert states.next_state("a", read, later).state.version == "1"


def test_a_clock_that_was_set_back_holds_nothing_up(states: RunStateCache, clock: Clock) -> None:
    """What was read in a second that is still to come is read anew."""
    read = versions()
    states.next_state("a", read, KNOWN)
    clock.now = 20.0
    assert [states.next_state("a", read, KNOWN).state.version for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize("read_at", ["yesterday", None, [], {}], ids=str)
def test_what_a_page_claims_to_have_need_not_make_sense(states: RunStateCache, read_at: Any) -> None:
    """Then the newest is shown."""
    read = versions()
    states.next_state("a", read, KNOWN)
    assert states.next_state("a", read, {"read": read_at}).state.version == "1"


def test_a_part_is_of_the_version_that_its_page_was_told_of(states: RunStateCache, clock: Clock) -> None:
    """Also when others have been told of a newer one; after two seconds it is of the newest."""
    read = versions()
    told = [known(states.next_state("a", read, KNOWN))]
    clock.now = 51.2
    told.append(known(states.next_state("a", read, KNOWN)))
    assert [states.state_at_version("a", read, each).version for each in told] == ["0", "1"]
    clock.now = 52.1
    assert states.state_at_version("a", read, told[0]).version == "2"


def test_a_version_that_another_worker_told_of_is_answered_with_a_newer_one(
    states: RunStateCache, clock: Clock
) -> None:
    """The same for all who were told of it; who was told of it after this one was read, with the newest."""
    read, elsewhere = versions(), KNOWN | {"version": "told by another worker"}
    assert [states.state_at_version("a", read, elsewhere).version for _ in range(2)] == ["0", "0"]
    clock.now = 50.5
    assert states.state_at_version("a", read, elsewhere | {"read": 50.2}).version == "1"


def test_another_run_is_read(states: RunStateCache) -> None:
    """What is kept is of the run that was asked for."""
    read = versions()
    assert [states.next_state(run, read, KNOWN).state.version for run in "abb"] == ["0", "1", "1"]


def test_few_runs_are_kept(states: RunStateCache) -> None:
    """Of others, nothing stays in memory."""
    read = versions()
    for number in range(3 * MAX_RUNS):
        states.next_state(str(number), read, KNOWN)
    assert len(states._runs) == MAX_RUNS


def test_one_reads_for_all(clock: Clock) -> None:
    """Who comes while the first is reading waits a little, and is shown the same."""
    states, reading, go_on = RunStateCache(clock=clock), Event(), Event()
    shown: list[str] = []

    def slow() -> TrainingState:
        reading.set()
        go_on.wait(10)
        return TrainingState(version="slow")

    def look(read: Any) -> None:
        with Flask("test").test_request_context():
            shown.append(states.next_state("a", read, KNOWN).state.version)

    first = Thread(target=look, args=(slow,))
    first.start()
    assert reading.wait(10)
    second = Thread(target=look, args=(lambda: TrainingState(version="read for itself"),))
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert shown in (["slow", "slow"], ["slow", "read for itself"])  # on a machine that is very busy


def test_who_began_to_read_first_does_not_hide_what_was_read_later(
    states: RunStateCache, clock: Clock
) -> None:
    """A reading hangs, another thread reads on, and the first comes to its end: the later state stays the last."""

    def hanging() -> TrainingState:
        clock.now += 0.25
        states.next_state("a", lambda: TrainingState(version="later"), KNOWN)
        return TrainingState(version="earlier")

    assert states.next_state("a", hanging, KNOWN).state.version == "later"
    unread = lambda: pytest.fail("it was read again")  # noqa: E731
    assert states.next_state("a", unread, KNOWN).state.version == "later"


def test_a_run_that_cannot_be_read_keeps_nobody_waiting(clock: Clock) -> None:
    """While one still tries, the next tries for itself; and what went wrong is raised for each."""
    states, reading, go_on = RunStateCache(clock=clock), Event(), Event()

    def hangs() -> TrainingState:
        reading.set()
        go_on.wait(10)
        raise MonitorError("gone")

    def look() -> None:
        with Flask("test").test_request_context(), pytest.raises(MonitorError, match="gone"):
            states.next_state("a", hangs, KNOWN)

    first = Thread(target=look)
    first.start()
    assert reading.wait(10)
    with Flask("test").test_request_context():
        assert states.next_state("a", versions(), KNOWN).state.version == "0"
    go_on.set()
    first.join()
