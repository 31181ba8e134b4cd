"""Calls that give up after a time limit, for file systems that do not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Final, TypeVar

from thalia_monitor.errors import RunUnreadable

LONGEST_WAIT: Final = 5.0
"""Seconds a directory is waited for; a network file system that is well answers in milliseconds."""

T = TypeVar("T")


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
        """Start a call; it fails at once where another has taken longer than the limit."""
        answer: Future[T] = Future()
        with self._lock:
            oldest = min(self._asked.values(), default=None)
            if oldest is not None and time.monotonic() - oldest > limit:
                # threads that hang cannot be ended, so there are never more than were begun before it was noticed
                answer.set_exception(self._hanging())
                return answer
            self._asked[answer] = time.monotonic()

        def work() -> None:
            try:
                answer.set_result(question())
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
                answer.set_exception(error)
            finally:
                with self._lock:
                    del self._asked[answer]

        threading.Thread(target=work, daemon=True, name=f"read {self._directory.name}").start()
        return answer

    def _hanging(self) -> RunUnreadable:
        return RunUnreadable(
            f"{self._directory} does not answer. Is its file system mounted and well? Other runs go on, and so "
            "does this one as soon as it answers."
        )
