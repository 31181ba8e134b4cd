"""One version for many: viewers whose requests are answered at the same time are shown the same moment of a run."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from flask import Flask, Response, g, request

from thalia_monitor.state import TrainingState

CROWDED: Final = 4
"""Requests that a process answers at the same time, from which on it is behind."""
MANY: Final = 40
"""Requests in the second before, from which on it soon will be: some ten viewers' ticks."""
TOGETHER: Final = 2
"""Requests at the same time that are a crowd then: one program that asks quickly, one after another, is none."""
HELD: Final = 1.0
"""Seconds for which it then goes on showing the state that it read last; nobody may refresh faster than that."""
ANSWERS: Final = 128
"""Answers that are kept for so long, for those who ask the very same."""
FOLLOWING: Final = b'"changedPropIds":["live-version.data"]'
"""What only a part of a page says that follows a new version: it asks for nothing else, and changes nothing."""


class Crowd:
    """Counts the requests under way, and while there are many, holds on to what was read last.

    A log that grows ten lines a second has another version for each of a hundred viewers; drawn for each, they
    wait for each other. Shown the same version, they find it drawn; those that also hold the same ask the very same,
    and are given the answer that was written a moment ago. Who is alone is always shown the newest.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._under_way = 0
        self._second = self._asked = self._asked_before = 0
        self._held: tuple[str, float, TrainingState] | None = None
        self._answers: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()

    def watch(self, server: Flask) -> None:
        """Count the requests of a server, and answer what was just answered."""
        server.before_request(self._begin)
        server.after_request(self._keep)
        server.teardown_request(self._end)

    def state(self, run: str, read: Callable[[], TrainingState], wanted: str | None = None) -> TrainingState:
        """The run's state: read, unless many wait and one was read just now. Raises what ``read`` raises.

        A page has been told which version it is ``wanted`` to show, maybe by another worker: it is given no other one
        that was held, which may be older, and would stay on its screen.
        """
        now, held = time.monotonic(), self._held
        fits = held and held[0] == run and now - held[1] < HELD and wanted in (None, held[2].version)
        if held and fits and self._crowded:
            return held[2]
        state = read()
        self._held = (run, now, state) if self._under_way > 1 else None
        return state

    @property
    def _crowded(self) -> bool:
        return self._under_way >= (CROWDED if self._asked_before < MANY else TOGETHER)

    def _begin(self) -> Response | None:
        g.counted = True
        self.enter()
        if not self._crowded or request.method != "POST" or FOLLOWING not in request.get_data():
            return None
        g.asked = request.get_data()
        written, answer = self._answers.get(g.asked, (0.0, b""))
        if not answer or time.monotonic() - written >= HELD:
            return None
        g.pop("asked")
        return Response(answer, mimetype="application/json")

    def _keep(self, answer: Response) -> Response:
        asked = g.pop("asked", None)
        if asked is not None and answer.status_code == 200:
            with self._lock:
                self._answers[asked] = time.monotonic(), answer.get_data()
                while len(self._answers) > ANSWERS:
                    self._answers.popitem(last=False)
        return answer

    def _end(self, _: BaseException | None) -> None:
        if g.pop("counted", False):  # what was refused before it came here was never counted
            self.leave()

    def enter(self) -> None:
        """One request more is under way."""
        with self._lock:
            self._under_way += 1
            second = int(time.monotonic())
            if second != self._second:
                self._asked_before = self._asked if second == self._second + 1 else 0
                self._second, self._asked = second, 0
            self._asked += 1

    def leave(self) -> None:
        """One request is answered."""
        with self._lock:
            self._under_way -= 1
            if not self._under_way and not self._asked_before:  # nobody asks any more
                self._answers.clear()
