"""What the viewers of a run share in each worker: the state that was read last, and the answers to their browsers.

Within a second of the clock :class:`RunStateCache` gives the same state to all viewers that do not have it yet, so
that their browsers show the same; :class:`SharedAnswers` computes once what they are sent next.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from threading import Condition, Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from cachetools import TTLCache, cached

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

MAX_ANSWERS: Final = 128
"""Number of answers that a worker keeps in memory."""
ANSWER_TTL: Final = 1.0
"""Seconds for which an answer is given again; an age in it ("3 s ago") is behind by so much at most."""

T = TypeVar("T")


class SharedAnswers:
    """Return values of callbacks, each computed once for all browsers that show the same.

    Whoever passes the checks of host name and password may see the same (these run before any callback), so the key
    needs nothing of the viewer but what the browser shows and the version that it is to show next. A callback that
    changes something, or whose answer depends on who sends the request, must not use this.

    Args:
        clock: monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: TTLCache[Hashable, Any] = TTLCache(MAX_ANSWERS, ANSWER_TTL, lambda: self._clock())
        # The condition lets the first of many compute; the others wait for it, or try it themselves if it fails.
        self._once = cached(self._kept, key=lambda key, _: key, condition=Condition())(
            lambda _, compute: compute()
        )

    def __len__(self) -> int:
        """Number of answers that are kept."""
        return len(self._kept)

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the answer of this key, computed now unless it is kept; raises what ``compute`` raises."""
        return cast(T, self._once(key, compute))


VERSION_TTL: Final = 2.0
"""Greatest age in seconds of a state that :meth:`RunStateCache.state_at_version` returns.

Long enough for a page that received a version to request all of its parts.
"""
MAX_RUNS: Final = 16
"""Number of runs of which versions are kept; beyond it, the run requested longest ago is dropped."""
MAX_READ_WAIT: Final = 0.1
"""Seconds to wait for another thread that is reading the same run, before this one reads it as well."""


@dataclass(frozen=True, slots=True)
class ReadState:
    """State of a run, and when it was read."""

    read_at: float
    """Unix seconds just before the reading began, by the clock that all workers share."""
    state: TrainingState


class RunStateCache:
    """Cache of the last two states of each run, so that all viewers get the same one within a second.

    A log that grows ten lines a second would have another version for each of a hundred viewers, and reading and
    drawing it for each would block them all. So the first request of a second reads the run, and the others get that
    state: it is at most a second old, and never older than what the viewer has on the screen. A viewer who already
    has it, or who opens a page, gets the state as it is now, which is read for this request.

    Args:
        clock: Unix time.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._runs: OrderedDict[str, tuple[Lock, deque[ReadState]]] = OrderedDict()
        """The lock held while a run is read, and its last two states; the run requested last at the end."""

    def next_state(
        self, run: str, read: Callable[[], TrainingState], known: Mapping[str, Any] | None
    ) -> ReadState:
        """Return the state to show next, read in this second or now; raises what ``read`` raises.

        Args:
            run: id of the run.
            read: reads the run.
            known: ``version`` and ``read`` of the state on the viewer's screen; None if there is none.
        """
        read_lock, states = self._entry(run)
        if shared := self._shared(states, known):
            return shared
        locked = read_lock.acquire(timeout=MAX_READ_WAIT)
        try:
            # Another thread may have read the run while this one waited for the lock.
            if locked and (shared := self._shared(states, known)):
                return shared
            own = self._read(states, read)
            # Another thread may have stored a newer state meanwhile: both return that one.
            return self._shared(states, known) or own
        finally:
            if locked:
                read_lock.release()

    def state_at_version(
        self, run: str, read: Callable[[], TrainingState], known: Mapping[str, Any]
    ) -> TrainingState:
        """Return the state at the version of ``known``, or a later one if that is no longer kept.

        Arguments and exceptions are those of :meth:`next_state`.
        """
        _, states = self._entry(run)
        now = self._clock()
        for each in tuple(states):
            if each.state.version == known.get("version") and 0 <= now - each.read_at < VERSION_TTL:
                return each.state
        return self.next_state(run, read, known).state  # another worker read that version, or it has expired

    def _entry(self, run: str) -> tuple[Lock, deque[ReadState]]:
        """Return the lock and the states of ``run``, and drop the runs beyond :data:`MAX_RUNS`."""
        with self._lock:
            entry = self._runs.setdefault(run, (Lock(), deque(maxlen=2)))
            self._runs.move_to_end(run)
            while len(self._runs) > MAX_RUNS:
                self._runs.popitem(last=False)
            return entry

    def _shared(self, states: deque[ReadState], known: Mapping[str, Any] | None) -> ReadState | None:
        """Return the newest of ``states`` if it was read in this second of the clock and is newer than ``known``.

        None for a viewer who has no state yet: a page that is opened reads the run itself.
        """
        seen = known.get("read") if known else None
        if not states or known is None or not isinstance(seen, int | float):
            return None
        last, second = states[-1], int(self._clock())
        if int(last.read_at) != second or last.read_at <= seen or last.state.version == known.get("version"):
            return None
        return last

    def _read(self, states: deque[ReadState], read: Callable[[], TrainingState]) -> ReadState:
        """Read the run and add the result to ``states``, in place of the last one if the version is the same."""
        result = ReadState(self._clock(), read())
        with self._lock:
            ahead = states[-1].read_at - result.read_at if states else 0.0
            if 0 < ahead < VERSION_TTL:
                return result  # another thread began later; further ahead is a clock that was set back
            if states and states[-1].state.version == result.state.version:
                states[-1] = result
            else:
                states.append(result)
        return result
