"""One moment for all: within a second of the clock, everybody who looks at a run is shown the same version of it."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from thalia_monitor.state import TrainingState
from thalia_monitor.web.answers import settle

KEPT: Final = 2.0
"""Seconds in which a page that was told of a version has asked for all of it: as long it is kept, and its answers."""
RUNS: Final = 16
"""Runs of which a version is kept; of more, the one looked at longest ago is read at every look."""
PATIENCE: Final = 0.1
"""Seconds to wait for the one who is reading for all."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A run as it was when it was read."""

    read: float
    """Unix seconds; the clock that the workers have in common."""
    state: TrainingState


class Moments:
    """Keeps what was read of each run within this second.

    A log that grows ten lines a second has another version for each of a hundred viewers; read and drawn for each,
    they wait for each other. So who lacks the version that was read a moment ago is given that one, and what is
    drawn from it is an answer for all who hold the same (:mod:`~thalia_monitor.web.answers`). It is never older than
    a second, nor older than what a viewer has seen; and who has it already and asks again is always shown the newest.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[str, tuple[Lock, deque[Moment]]] = OrderedDict()

    def newer(self, run: str, read: Callable[[], TrainingState], known: Mapping[str, Any] | None) -> Moment:
        """What a page is to show that has ``known`` on its screen: its ``version`` and when that was ``read``.

        Raises what ``read`` raises.
        """
        reading, moments = self._of(run)
        if found := self._found(moments, known):
            return found
        first = reading.acquire(timeout=PATIENCE)
        try:
            if first and (found := self._found(moments, known)):
                return found
            read_now = self._read(moments, read)
            return self._found(moments, known) or read_now
        finally:
            if first:
                reading.release()

    def told(self, run: str, read: Callable[[], TrainingState], known: Mapping[str, Any]) -> TrainingState:
        """The state of the version that a page was told of, or a newer one. Raises what ``read`` raises."""
        _, moments = self._of(run)
        now = self._clock()
        for each in tuple(moments):
            if each.state.version == known.get("version") and 0 <= now - each.read < KEPT:
                settle(each.read + KEPT)
                return each.state
        moment = self.newer(run, read, known)  # another worker has told of it, or it was long ago
        if moment.state.version == known.get("version"):
            settle(moment.read + KEPT)
        return moment.state

    def _of(self, run: str) -> tuple[Lock, deque[Moment]]:
        with self._lock:
            kept = self._kept.setdefault(run, (Lock(), deque(maxlen=2)))
            self._kept.move_to_end(run)
            while len(self._kept) > RUNS:
                self._kept.popitem(last=False)
            return kept

    def _found(self, moments: deque[Moment], known: Mapping[str, Any] | None) -> Moment | None:
        seen = known.get("read") if known else None
        if not moments or known is None or not isinstance(seen, int | float):
            return None
        newest, second = moments[-1], int(self._clock())
        if int(newest.read) != second or newest.read <= seen or newest.state.version == known.get("version"):
            return None
        settle(second + 1.0)
        return newest

    def _read(self, moments: deque[Moment], read: Callable[[], TrainingState]) -> Moment:
        begun = self._clock()
        found = Moment(begun, read())
        if not moments or moments[-1].state.version != found.state.version:
            moments.append(found)
        else:
            moments[-1] = found
        return found
