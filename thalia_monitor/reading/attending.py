"""Asking a run's files from a thread of its own: a file system that hangs holds up nobody but that run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Final, TypeVar

from thalia_monitor.errors import RunUnreadable
from thalia_monitor.reading.run import RunReader
from thalia_monitor.reading.summary import Summary, summarize
from thalia_monitor.state import TrainingState

LONGEST: Final = 3.0
"""Seconds a directory is waited for; a network file system that is well answers in milliseconds."""

T = TypeVar("T")


class Attendant:
    """One run's reader, asked with a time limit."""

    def __init__(self, directory: Path, make: Callable[[], RunReader], limit: float = LONGEST) -> None:
        self.directory = directory
        self._make = make
        self._limit = limit
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._reader: RunReader | None = None
        self.state: TrainingState | None = None
        """What was read last; None before the first reading, and after :meth:`forget`."""
        self._asked: dict[Future[object], float] = {}
        """Questions that are not answered yet, and when they were asked."""

    @property
    def busy(self) -> bool:
        """Whether a question is still open."""
        with self._lock:
            return bool(self._asked)

    def read(self, patience: float | None = None) -> TrainingState:
        """Read what is new (see :meth:`RunReader.read`); raises RunUnreadable, also when nothing answers."""
        self.state = self._ask(lambda: self._read(patience), self._limit + (patience or 0))
        return self.state

    def summary(self) -> Summary:
        """Tell in short where the run is, reading as little as possible; raises RunUnreadable."""
        return self._ask(lambda: summarize(self.directory), self._limit)

    def forget(self) -> None:
        """Let go of everything that was read, to make room; the next reading starts anew."""
        with self._making:
            self._reader = self.state = None

    def _read(self, patience: float | None) -> TrainingState:
        with self._making:
            if self._reader is None:
                self._reader = self._make()
            reader = self._reader
        return reader.read(patience=patience)

    def _ask(self, question: Callable[[], T], limit: float) -> T:
        self._refuse_if_hanging(limit)
        answer: Future[T] = Future()

        def work() -> None:
            try:
                answer.set_result(question())
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
                answer.set_exception(error)
            finally:
                with self._lock:
                    del self._asked[answer]  # type: ignore[arg-type]

        with self._lock:
            self._asked[answer] = time.monotonic()  # type: ignore[index]
        threading.Thread(target=work, daemon=True, name=f"read {self.directory.name}").start()
        try:
            return answer.result(limit)
        except TimeoutError:
            if answer.done():  # the files' own time-out
                raise
            raise self._hanging() from None

    def _refuse_if_hanging(self, limit: float) -> None:
        # threads that hang cannot be ended, so there are never more than were asked before it was noticed
        with self._lock:
            oldest = min(self._asked.values(), default=None)
        if oldest is not None and time.monotonic() - oldest > limit:
            raise self._hanging()

    def _hanging(self) -> RunUnreadable:
        with self._lock:
            oldest = min(self._asked.values(), default=time.monotonic())
        return RunUnreadable(
            f"{self.directory} has not answered for {time.monotonic() - oldest:.0f} s. Is its file system "
            "mounted and well? Other runs go on, and so does this one as soon as it answers."
        )
