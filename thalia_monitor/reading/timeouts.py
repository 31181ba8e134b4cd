"""Reads with a time limit, each in its own thread: a file system that hangs delays only its own run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from thalia_monitor.errors import RunUnreadable
from thalia_monitor.reading.listing import Summary

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.reading.run_reader import RunReader

LONGEST: Final = 5.0
"""Seconds a directory is waited for; a network file system that is well answers in milliseconds."""

T = TypeVar("T")


class TimedReader:
    """Reader of one run whose calls give up after a time limit."""

    def __init__(
        self,
        directory: Path,
        make: Callable[[Path], RunReader],
        summarize: Callable[[Path], Summary],
        *,
        limit: float = LONGEST,
    ) -> None:
        self.directory = directory
        self._make = make
        self._summarize = summarize
        self._limit = limit
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._reader: RunReader | None = None
        self._asked: dict[object, float] = {}
        """Unfinished reads, and when each began (monotonic seconds)."""

    @property
    def holding(self) -> bool:
        """Whether a reader, and with it the run's data, is in memory."""
        return self._reader is not None

    @property
    def busy(self) -> bool:
        """Whether a read has not finished."""
        with self._lock:
            return bool(self._asked)

    def read(self, patience: float | None = None) -> TrainingState:
        """Read what is new (see :meth:`RunReader.read`); raises RunUnreadable, also when nothing answers."""
        limit = self._limit + (patience or 0)
        answer = self._ask(lambda: self._read(patience), limit)
        try:
            return answer.result(limit)
        except TimeoutError:
            if answer.done():  # the files' own time-out
                raise
            raise self._hanging() from None

    def ask_summary(self) -> Future[Summary]:
        """Start reading the run's stage and step; the future may fail with RunUnreadable, or never finish."""
        return self._ask(self._sum_up, self._limit)

    def ask_version(self) -> Future[str]:
        """Start taking the version of the run's files, from their status alone; it may fail as a reading may."""
        return self._ask(self._version, self._limit)

    def forget(self) -> None:
        """Drop everything in memory; the next read starts from the beginning of the files."""
        self._reader = None

    def _sum_up(self) -> Summary:
        found = self._summarize(self.directory)
        if found.stage is not None or found.step is not None:
            return found
        state = self._read(0.0)  # a run in other formats: only its reader knows
        return Summary(state.current_stage, state.current_step if state.sources else None, state.last_update)

    def _version(self) -> str:
        return (self._reader or self._make(self.directory)).version()

    def _read(self, patience: float | None) -> TrainingState:
        with self._making:
            if self._reader is None:
                self._reader = self._make(self.directory)
            reader = self._reader
        return reader.read(patience=patience)

    def _ask(self, question: Callable[[], T], limit: float) -> Future[T]:
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

        threading.Thread(target=work, daemon=True, name=f"read {self.directory.name}").start()
        return answer

    def _hanging(self) -> RunUnreadable:
        return RunUnreadable(
            f"{self.directory} does not answer. Is its file system mounted and well? Other runs go on, and so "
            "does this one as soon as it answers."
        )
