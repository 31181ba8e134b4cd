"""Write failures while logging: counted, reported once, never raised into the training."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from types import TracebackType
from typing import Any
from weakref import WeakSet

from thalia_monitor import system


class WriteErrors:
    """Counts records that could not be written, and reports each series of failures once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.count = 0
        """Records lost so far."""
        self.unseen: list[str] = []
        """Spells of failures that no metadata have shown yet."""
        self._tell = tell
        self._lost: dict[str, int] = {}

    def failed(self, name: str, error: BaseException) -> None:
        """Note that a record of this file (or of this kind) is lost."""
        self.count += 1
        self._lost[name] = self._lost.get(name, 0) + 1
        if self._lost[name] == 1:
            message = f"{name} could not be written ({error or type(error).__name__}); training goes on"
            self.unseen = [*self.unseen[-9:], message]
            self._tell(message)

    def worked(self, name: str) -> str | None:
        """Note that a record was written; return the message that ends a series of failures, also reported."""
        if self._lost and name in self._lost:
            lost = self._lost.pop(name)
            message = (
                f"{name} can be written again; {lost:,} {'record was' if lost == 1 else 'records were'} lost"
            )
            self.unseen = [*self.unseen[-9:], message]
            self._tell(message)
            return message
        return None


class Guard:
    """Keeps every error of its block from the caller: training must not die of its log.

    Interrupts and exits are passed on. One thread at a time: ``with guard.lock, guard:``. The ``with`` of a lock is
    one instruction, so that no interrupt falls between taking the lock and being sure to give it back.
    """

    def __init__(self, errors: WriteErrors) -> None:
        self.lock = RLock()
        self._errors = errors
        _guards.add(self)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        with suppress(Exception):  # another's log handler must not bring down what is guarded here
            self._errors.failed("A record", error)
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        return Guard, (self._errors,)


_guards: WeakSet[Guard] = WeakSet()


def _free_locks() -> None:
    """Replace, in a forked child, the locks of threads that exist only in the parent."""
    for guard in _guards:
        if guard.lock.acquire(blocking=False):  # free, or the forking thread's own
            guard.lock.release()
        else:
            guard.lock = RLock()


system.in_each_fork(_free_locks)
