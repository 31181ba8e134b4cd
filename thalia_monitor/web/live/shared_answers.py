"""Answers shared by all viewers: a question is computed once, and one version of a run serves a whole second."""

from __future__ import annotations

import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, abort, g, request

from thalia_monitor.web.private_parts import CALLBACKS

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.web.cache import FigureCache

KEPT: Final = 128
"""Answers that are kept, for a second or two."""
LARGEST: Final = 128 * 1024
"""Bytes of an answer that is kept: a tick's are small, and a page is opened seldom."""
PATIENCE: Final = 0.25
"""Seconds to wait for the one who is answering the same question."""
GLANCE: Final = 0.01
"""Seconds between two looks at whether another worker has answered it."""
SHARED: Final = 3
"""Seconds that an answer lies in the cache of all workers, longer than any is given again."""
TICKING: Final = b'"changedPropIds":["live-pulse.data"]'
FOLLOWING: Final = b'"changedPropIds":["live-version.data"]'
"""What a tick of a page says, and a part of one that follows a new version: they change nothing on the server."""
PULSE: Final = re.compile(rb'("id":"live-pulse","property":"data","value":)[0-9.]+')
"""When the browser asked, which is another time for each and does not matter."""

Answer = tuple[float, bytes]
"""Until when it is given again, in Unix seconds, and what it says."""


def settle(until: float) -> None:
    """Say that what is being answered is the answer for everybody who asks the same until then, in Unix seconds."""
    g.settled_until = until


class Answers:
    """Answers of this worker while they are settled, and of others where workers share a cache."""

    def __init__(self, cache: FigureCache | None = None, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._cache = cache if cache and cache.shared else None
        self._lock = Lock()
        self._kept: dict[str, Answer] = {}
        self._sought: dict[str, Event] = {}
        """What is being answered at this moment."""

    def watch(self, server: Flask) -> None:
        """Give a server's answers again to requests that ask the same."""
        server.before_request(self._again)
        server.after_request(self._keep)
        server.teardown_request(self._done)

    def _again(self) -> Response | None:
        callback = request.method == "POST" and request.path.endswith(CALLBACKS)
        asked = question(request.get_data()) if callback else None
        if asked is None:
            return None
        g.asked = mark(asked)
        answer = self._found(g.asked)
        return Response(answer, mimetype="application/json") if answer else None

    def _found(self, asked: str) -> bytes | None:
        until, answer = self._kept.get(asked, (0.0, b""))
        if self._clock() < until:
            return answer
        shared = self._cache.get(f"answer:{asked}", tuple[float, bytes]) if self._cache else None
        if not shared or self._clock() >= shared[0]:
            return None
        self._note(asked, shared)
        return shared[1]

    def share(self) -> None:
        """Before the work begins: where somebody is being answered the very same, wait, and answer that.

        It ends the request then, as ``flask.abort`` does.
        """
        asked = g.get("asked")
        if asked is None or "settled_until" not in g:
            return
        with self._lock:
            sought = self._sought.get(asked)
            if sought is None:
                self._sought[asked] = g.sought = Event()
        answer = self._of_this_worker(asked, sought) if sought else self._of_another(asked)
        if answer:
            del g.settled_until  # whose answer it is has kept it
            abort(Response(answer, mimetype="application/json"))

    def _of_this_worker(self, asked: str, sought: Event) -> bytes | None:
        sought.wait(PATIENCE)
        return self._found(asked)

    def _of_another(self, asked: str) -> bytes | None:
        if self._cache is None:
            return None
        sought = f"sought:{asked}"
        until = self._cache.get(sought, float) or 0.0
        patience = time.monotonic() + PATIENCE  # the other clock may be put back meanwhile
        while self._clock() < until and time.monotonic() < patience:
            time.sleep(GLANCE)
            if answer := self._found(asked):
                return answer
        self._cache.set(sought, self._clock() + PATIENCE, SHARED)
        return None

    def _keep(self, answer: Response) -> Response:
        asked, until = g.get("asked"), g.pop("settled_until", None)
        if asked is None or until is None or answer.status_code != 200:
            return answer
        written = answer.get_data()
        if len(written) <= LARGEST:
            self._note(asked, (until, written))
            if self._cache:
                self._cache.set(f"answer:{asked}", (until, written), SHARED)
        return answer

    def _note(self, asked: str, answer: Answer) -> None:
        with self._lock:
            now = self._clock()
            fresh = [each for each in self._kept.items() if now < each[1][0]][1 - KEPT :]
            self._kept = dict(fresh) | {asked: answer}

    def _done(self, _: BaseException | None) -> None:
        if sought := g.pop("sought", None):  # those who wait for an answer do not end the waiting of others
            with self._lock:
                del self._sought[g.asked]
            sought.set()


def question(body: bytes) -> bytes | None:
    """What a request asks, the same for all who ask the same; None where each may be answered something else."""
    if TICKING in body:
        return PULSE.sub(rb"\1", body)
    return body if FOLLOWING in body else None


def mark(asked: bytes) -> str:
    """Stands for a question, which may be a thousand times as long."""
    return blake2b(asked, digest_size=20).hexdigest()


VERSIONS_KEPT: Final = 2.0
"""Seconds that a version and its responses are kept: until then a page that got it has requested all of its parts."""
RUNS: Final = 16
"""Runs of which a version is kept; of more, the one looked at longest ago is read at every look."""
MOMENT_PATIENCE: Final = 0.1
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
    drawn from it is an answer for all who hold the same. It is never older than a second, nor older than what a
    viewer has seen; and who has it already and asks again is always shown the newest.
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
        first = reading.acquire(timeout=MOMENT_PATIENCE)
        try:
            if first and (found := self._found(moments, known)):
                return found
            read_now = self._read(moments, read)
            return self._found(moments, known) or read_now
        finally:
            if first:
                reading.release()

    def version(self, run: str, read: Callable[[], TrainingState], known: Mapping[str, Any]) -> TrainingState:
        """The state at the version ``known``, or a newer one. Raises what ``read`` raises."""
        _, moments = self._of(run)
        now = self._clock()
        for each in tuple(moments):
            if each.state.version == known.get("version") and 0 <= now - each.read < VERSIONS_KEPT:
                settle(each.read + VERSIONS_KEPT)
                return each.state
        moment = self.newer(run, read, known)  # another worker read it, or it is too old
        if moment.state.version == known.get("version"):
            settle(moment.read + VERSIONS_KEPT)
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
