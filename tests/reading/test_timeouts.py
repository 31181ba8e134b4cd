"""Calls about many directories share a few threads, and one that hangs holds up none of the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thalia_monitor.errors import RunUnreadable
from thalia_monitor.reading.timeouts import Call, TimedCalls, run_together


def call(question: Callable[[], Any], directory: str = "run") -> Call[Any]:
    """A call about a directory of its own."""
    return TimedCalls(Path(directory)).prepare(question, 5.0)


def test_quick_calls_share_few_threads() -> None:
    """A hundred that take no time need no hundred threads; each has its own result."""
    threads = set()

    def answer(number: int) -> int:
        threads.add(threading.get_ident())
        return number

    calls = [call(lambda number=number: answer(number)) for number in range(100)]  # type: ignore[misc]
    run_together(calls, 5.0)
    assert [each.result.result(0) for each in calls] == list(range(100))
    assert len(threads) < 20


def test_calls_that_hang_hold_up_none_of_the_others() -> None:
    """The threads that they keep are replaced by others; the wait ends with the limit."""
    go_on = threading.Event()
    calls = [call(go_on.wait) for _ in range(5)] + [call(lambda: "there") for _ in range(20)]
    begun = time.monotonic()
    run_together(calls, 0.5)
    assert 0.5 <= time.monotonic() - begun < 10
    assert [each.result.done() for each in calls] == [False] * 5 + [True] * 20
    go_on.set()
    assert [each.result.result(10) for each in calls[:5]] == [True] * 5


def test_a_call_that_fails_fails_alone() -> None:
    """Its error is raised where its result is wanted."""
    failing, working = call(lambda: 1 / 0), call(lambda: 1)
    run_together([failing, working], 5.0)
    assert working.result.result(0) == 1
    with pytest.raises(ZeroDivisionError):
        failing.result.result(0)


def test_a_directory_that_hangs_is_not_called_again_and_again() -> None:
    """Its threads cannot be ended: after the limit it fails at once, until it answers."""
    go_on = threading.Event()
    calls = TimedCalls(Path("mount"), limit=0.1)
    first = calls.prepare(go_on.wait, 0.1)
    run_together([first], 0.2)
    again = calls.prepare(lambda: True, 0.1)
    run_together([again], 5.0)
    with pytest.raises(RunUnreadable, match="mount does not answer"):
        again.result.result(0)
    go_on.set()
    assert first.result.result(10)


def test_nothing_to_call_needs_no_thread() -> None:
    """And no time."""
    before = threading.active_count()
    run_together([], 5.0)
    assert threading.active_count() == before
