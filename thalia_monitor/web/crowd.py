"""One version for many: viewers whose requests are answered at the same time are shown the same moment of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Final

from flask import Flask, g

from thalia_monitor.state import TrainingState

CROWDED: Final = 4
"""Requests that a process answers at the same time, from which on it is behind."""
HELD: Final = 1.0
"""Seconds for which it then goes on showing the state that it read last; nobody may refresh faster than that."""


class Crowd:
    """Counts the requests under way, and while there are many, holds on to what was read last.

    A log that grows ten lines a second has another version for each of a hundred viewers; drawn for each, they
    wait for each other. Shown the same version, they find it drawn. Who is alone is always shown the newest.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._under_way = 0
        self._held: tuple[str, float, TrainingState] | None = None

    def watch(self, server: Flask) -> None:
        """Count the requests of a server."""
        server.before_request(self._begin)
        server.teardown_request(self._end)

    def state(self, run: str, read: Callable[[], TrainingState], wanted: str | None = None) -> TrainingState:
        """The run's state: read, unless many wait and one was read just now. Raises what ``read`` raises.

        A page has been told which version it is ``wanted`` to show, maybe by another worker: it is given no other one
        that was held, which may be older, and would stay on its screen.
        """
        now, held = time.monotonic(), self._held
        crowded = self._under_way >= CROWDED
        if crowded and held and held[0] == run and now - held[1] < HELD and wanted in (None, held[2].version):
            return held[2]
        state = read()
        self._held = (run, now, state) if self._under_way > 1 else None
        return state

    def _begin(self) -> None:
        g.counted = True
        self.enter()

    def _end(self, _: BaseException | None) -> None:
        if g.pop("counted", False):  # what was refused before it came here was never counted
            self.leave()

    def enter(self) -> None:
        """One request more is under way."""
        with self._lock:
            self._under_way += 1

    def leave(self) -> None:
        """One request is answered."""
        with self._lock:
            self._under_way -= 1
