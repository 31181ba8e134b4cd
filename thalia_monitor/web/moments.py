"""One moment for all: within a second of the clock, everybody who looks at a run is shown the same version of it."""

from __future__ import annotations

import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from flask import Flask, Response, g, request

from thalia_monitor.state import TrainingState

KEPT: Final = 2.0
"""Seconds in which a page that was told of a version has asked for all of it: as long it is kept, and its answers."""
ANSWERS: Final = 128
"""Answers that are kept for so long, for those who ask the very same."""
LARGEST: Final = 128 * 1024
"""Bytes of an answer that is kept: a tick's are small, and a page is opened seldom."""
RUNS: Final = 16
"""Runs of which a version is kept; of more, the one looked at longest ago is read at every look."""
PATIENCE: Final = 0.1
"""Seconds to wait for the one who is reading for all."""
POLLING: Final = b'"changedPropIds":["live-pulse.data"]'
FOLLOWING: Final = b'"changedPropIds":["live-version.data"]'
"""What only the poll says, and a part of a page that follows a new version: they change nothing on the server."""
PULSE: Final = re.compile(rb'("id":"live-pulse","property":"data","value":)[0-9.]+')
"""When the browser asked, which is another time for each and does not matter."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A run as it was when it was read."""

    read: float
    """Unix seconds; the clock that the workers have in common."""
    state: TrainingState


class Moments:
    """Keeps what was read of each run within this second, and the answers that were written from it.

    A log that grows ten lines a second has another version for each of a hundred viewers; read and drawn for each,
    they wait for each other. So who lacks the version that was read a moment ago is given that one, and its parts are
    answered once for all who hold the same. It is never older than a second, nor older than what a viewer has seen;
    and who has it already and asks again is always shown the newest.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[str, tuple[Lock, deque[Moment]]] = OrderedDict()
        self._answers: dict[bytes, tuple[float, bytes]] = {}

    def newer(self, run: str, read: Callable[[], TrainingState], known: Mapping[str, Any] | None) -> Moment:
        """What a page is to show that has ``known`` on its screen: its ``version`` and when that was ``read``.

        Raises what ``read`` raises.
        """
        reading, moments = self._of(run)
        if found := self._found(moments, known):
            return found
        first = reading.acquire(timeout=PATIENCE)
        try:
            return (self._found(moments, known) if first else None) or self._read(moments, read)
        finally:
            if first:
                reading.release()

    def told(self, run: str, read: Callable[[], TrainingState], version: str | None) -> TrainingState:
        """The state of the version that a page was told of, or a newer one. Raises what ``read`` raises."""
        _, moments = self._of(run)
        now = self._clock()
        for each in tuple(moments):
            if each.state.version == version and 0 <= now - each.read < KEPT:
                g.settled_until = each.read + KEPT
                return each.state
        return self._read(moments, read).state

    def watch(self, server: Flask) -> None:
        """Answer what was just answered."""
        server.before_request(self._again)
        server.after_request(self._keep)

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
        g.settled_until = second + 1.0
        return newest

    def _read(self, moments: deque[Moment], read: Callable[[], TrainingState]) -> Moment:
        begun = self._clock()
        found = Moment(begun, read())
        if not moments or moments[-1].state.version != found.state.version:
            moments.append(found)
        else:
            moments[-1] = found
        return found

    def _again(self) -> Response | None:
        asked = question(request.get_data()) if request.method == "POST" else None
        if asked is None:
            return None
        until, answer = self._answers.get(asked, (0.0, b""))
        if self._clock() < until:
            return Response(answer, mimetype="application/json")
        g.asked = asked
        return None

    def _keep(self, answer: Response) -> Response:
        asked, until = g.pop("asked", None), g.pop("settled_until", None)
        if asked is None or until is None or answer.status_code != 200:
            return answer
        written = answer.get_data()
        if len(written) > LARGEST:
            return answer
        with self._lock:
            now = self._clock()
            fresh = [each for each in self._answers.items() if now < each[1][0]][1 - ANSWERS :]
            self._answers = dict(fresh) | {asked: (until, written)}
        return answer


def question(body: bytes) -> bytes | None:
    """What a request asks, the same for all who ask the same; None where each may be answered something else."""
    if POLLING in body:
        return PULSE.sub(rb"\1", body)
    return body if FOLLOWING in body else None
