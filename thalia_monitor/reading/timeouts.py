"""Calls that give up after a time limit, for file systems that do not answer."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from thalia_monitor.errors import RunUnreadable

LONGEST_WAIT: Final = 5.0
"""Seconds a directory is waited for; a network file system that is well answers in milliseconds."""

ANOTHER_THREAD: Final = 0.01
"""Seconds after which calls that are run together get one more thread."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A call that can be run in any thread, once, and its result."""

    run: Callable[[], None]
    result: Future[T]


class TimedCalls:
    """Calls about one directory, each in a thread of its own: a file system that hangs delays only these."""

    def __init__(self, directory: Path, limit: float = LONGEST_WAIT) -> None:
        self._directory = directory
        self._limit = limit
        self._lock = threading.Lock()
        self._asked: dict[object, float] = {}
        """Unfinished calls, and when each began (monotonic seconds)."""

    @property
    def busy(self) -> bool:
        """Whether a call has not finished."""
        with self._lock:
            return bool(self._asked)

    def result(self, question: Callable[[], T], limit: float | None = None) -> T:
        """Call, and wait so many seconds; raises RunUnreadable when nothing answers."""
        seconds = self._limit if limit is None else limit
        answer = self.ask(question, seconds)
        try:
            return answer.result(seconds)
        except TimeoutError:
            if answer.done():  # the files' own time-out
                raise
            raise self._hanging() from None

    def ask(self, question: Callable[[], T], limit: float) -> Future[T]:
        """Start a call in a thread of its own; it fails at once where another has taken longer than the limit."""
        call = self.prepare(question, limit)
        if not call.result.done():
            threading.Thread(target=call.run, daemon=True, name=f"read {self._directory.name}").start()
        return call.result

    def prepare(self, question: Callable[[], T], limit: float) -> Call[T]:
        """Make a call that its caller runs soon; it has failed where another has taken longer than the limit."""
        answer: Future[T] = Future()
        with self._lock:
            oldest = min(self._asked.values(), default=None)
            if oldest is not None and time.monotonic() - oldest > limit:
                # threads that hang cannot be ended, so there are never more than were begun before it was noticed
                answer.set_exception(self._hanging())
                return Call(lambda: None, answer)
            self._asked[answer] = time.monotonic()

        def work() -> None:
            try:
                answer.set_result(question())
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
                answer.set_exception(error)
            finally:
                with self._lock:
                    del self._asked[answer]

        return Call(work, answer)

    def _hanging(self) -> RunUnreadable:
        return RunUnreadable(
            f"{self._directory} does not answer. Is its file system mounted and well? Other runs go on, and so "
            "does this one as soon as it answers."
        )


def run_together(calls: Sequence[Call[Any]], limit: float) -> None:
    """Run calls about several directories, and wait until all have a result, so many seconds at most.

    A thread takes them one after the other, and until all are taken there is one more thread every hundredth of a
    second: on a fast disk one or two are enough, which is many times faster than a thread for each call, and a
    directory that hangs, or a slow network drive, delays the others by no more than that.
    """
    left = deque(each.run for each in calls)

    def work() -> None:
        while left:
            try:
                run = left.popleft()
            except IndexError:  # another thread has just taken the last one
                return
            run()

    results = [each.result for each in calls]
    until = time.monotonic() + limit
    while left:
        threading.Thread(target=work, daemon=True, name="read several").start()
        wait(results, timeout=min(ANOTHER_THREAD, max(until - time.monotonic(), 0)))
    wait(results, timeout=max(until - time.monotonic(), 0))
