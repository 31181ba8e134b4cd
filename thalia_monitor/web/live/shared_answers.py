"""Response cache shared by all viewers: identical callback requests are computed once, and each run is normally
read at most once a second.

:class:`RunStateCache` gives all viewers the same version of a run within a second; that makes their next requests
identical. :class:`ResponseCache` stores the response to each of these requests. Both hold for a second or two.
"""

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

MAX_RESPONSES: Final = 128
"""Number of responses that a worker keeps in memory."""
MAX_RESPONSE_BYTES: Final = 128 * 1024
"""Bytes of the largest response that is stored: those to ticks are small, and those that fill a new page are rare."""
MAX_WAIT: Final = 0.25
"""Seconds to wait for an identical request that is in progress, before the response is computed here as well."""
POLL_INTERVAL: Final = 0.01
"""Seconds between two looks into the shared cache while another worker computes the response."""
SHARED_TTL: Final = 3
"""Seconds that an entry stays in the cache of all workers: longer than any response is valid."""
TICK_TRIGGER: Final = b'"changedPropIds":["live-pulse.data"]'
"""Part of the body of a request that a tick triggers."""
VERSION_TRIGGER: Final = b'"changedPropIds":["live-version.data"]'
"""Part of the body of a request that a new version on the page triggers."""
TICK_TIME: Final = re.compile(rb'("id":"live-pulse","property":"data","value":)[0-9.]+')
"""Time of the tick in a request body: different in each browser, and not used by any callback."""

CachedResponse = tuple[float, bytes]
"""Expiry in Unix seconds, and the body of the response."""


def cache_response_until(expires: float) -> None:
    """Mark the response to the current request as valid for identical requests until ``expires``, in Unix seconds."""
    g.expires = expires


class ResponseCache:
    """Cache of the responses to ticks and new versions, in this worker's memory and in the cache of all workers.

    The key is the request body alone (:func:`cacheable_body`). Headers and cookies may be ignored for three reasons:

    - Host name and password are checked by ``before_request`` functions that are registered earlier, so they also
      guard a cached response. Every viewer who passes them may see the same.
    - A callback that a tick or a new version triggers reads nothing of the request but its body; a new one must not,
      either. What depends on who sends the request (changing a parameter, writing a note, opening a directory) is
      triggered by the viewer's own action, so it is not cacheable.
    - Only bodies are stored. Security headers and compression are added to each response afterwards.

    Args:
        cache: where workers may share responses; used only if they do share it.
        clock: Unix time.
    """

    def __init__(self, cache: FigureCache | None = None, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._cache = cache if cache and cache.shared else None
        self._lock = Lock()
        self._responses: dict[str, CachedResponse] = {}
        """Responses by the hash of their request body."""
        self._in_progress: dict[str, Event] = {}
        """Requests that this worker is computing, by the same hash; each event is set at the end of its request."""

    def register(self, app: Flask) -> None:
        """Add the cache to ``app`` as request hooks; to be called after the checks of host and password are added."""
        app.before_request(self._serve_cached)
        app.after_request(self._store_response)
        app.teardown_request(self._release_waiters)

    def _serve_cached(self) -> Response | None:
        """Return the cached response to the current request; None if it has to be computed."""
        callback = request.method == "POST" and request.path.endswith(CALLBACKS)
        body = cacheable_body(request.get_data()) if callback else None
        if body is None:
            return None
        g.body_hash = key = body_hash(body)
        response = self._lookup(key) or self._wait_for_thread(key)
        return Response(response, mimetype="application/json") if response else None

    def _lookup(self, key: str) -> bytes | None:
        """Return the body of the response stored under the hash ``key``; None if there is no valid one."""
        expires, response = self._responses.get(key, (0.0, b""))
        if self._clock() < expires:
            return response
        shared = self._cache.get(f"answer:{key}", tuple[float, bytes]) if self._cache else None
        if not shared or self._clock() >= shared[0]:
            return None
        self._remember(key, shared)
        return shared[1]

    def _wait_for_thread(self, key: str) -> bytes | None:
        """Return the response of another thread of this worker; None if none computes it, or not in time.

        If none does, the current request is noted as the one that does.
        """
        with self._lock:
            in_progress = self._in_progress.get(key)
            if in_progress is None:
                self._in_progress[key] = g.in_progress = Event()
                return None
        in_progress.wait(MAX_WAIT)
        return self._lookup(key)

    def wait_for_worker(self) -> None:
        """Wait for another worker that handles an identical request, and send its response to this one as well.

        Called by a callback after it has read the run and before the expensive work: only then is it known
        whether the response may be shared. If there is one, the request ends here, by ``flask.abort``. Otherwise
        this returns, after :data:`MAX_WAIT` at most, and the caller computes the response.
        """
        if self._cache is None or "in_progress" not in g or "expires" not in g:
            return
        if response := self._from_worker(self._cache, g.body_hash):
            del g.expires  # the request that computed it has stored it
            abort(Response(response, mimetype="application/json"))

    def _from_worker(self, cache: FigureCache, key: str) -> bytes | None:
        """Return the response of another worker; None if none computes it, or if it is not stored in time.

        Then the shared cache gets a note until when others wait for this worker.
        """
        in_progress_key = f"sought:{key}"
        in_progress_until = cache.get(in_progress_key, float) or 0.0
        deadline = time.monotonic() + MAX_WAIT  # monotonic: the system clock may be set back meanwhile
        while self._clock() < in_progress_until and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL)
            if response := self._lookup(key):
                return response
        cache.set(in_progress_key, self._clock() + MAX_WAIT, SHARED_TTL)
        return None

    def _store_response(self, response: Response) -> Response:
        """Store ``response`` if its callback called :func:`cache_response_until`, and return it unchanged."""
        key, expires = g.get("body_hash"), g.pop("expires", None)
        if key is None or expires is None or response.status_code != 200:
            return response
        body = response.get_data()
        if len(body) <= MAX_RESPONSE_BYTES:
            self._remember(key, (expires, body))
            if self._cache:
                self._cache.set(f"answer:{key}", (expires, body), SHARED_TTL)
        return response

    def _remember(self, key: str, response: CachedResponse) -> None:
        """Keep ``response`` in memory, and drop what has expired or exceeds :data:`MAX_RESPONSES`."""
        with self._lock:
            now = self._clock()
            valid = [each for each in self._responses.items() if now < each[1][0]][1 - MAX_RESPONSES :]
            self._responses = dict(valid) | {key: response}

    def _release_waiters(self, _: BaseException | None) -> None:
        """Wake the threads that wait for the current request, whether it has a response or has failed.

        Only the request that is entered as in progress has an event in ``g``; one that waited for it has none.
        """
        if in_progress := g.pop("in_progress", None):
            with self._lock:
                del self._in_progress[g.body_hash]
            in_progress.set()


def cacheable_body(body: bytes) -> bytes | None:
    """Return a request ``body`` without what may differ between identical requests; None if it is not cacheable.

    Only requests that a tick or a new version triggers are cacheable: they change nothing on the server.
    """
    if TICK_TRIGGER in body:
        return TICK_TIME.sub(rb"\1", body)
    return body if VERSION_TRIGGER in body else None


def body_hash(body: bytes) -> str:
    """Hash a request ``body``; the hash is the key of its response, since a body may have many kilobytes."""
    return blake2b(body, digest_size=20).hexdigest()


VERSION_TTL: Final = 2.0
"""Seconds that a version of a run and the responses drawn from it are kept.

By then, a page that received the version has sent the requests of all of its parts.
"""
MAX_RUNS: Final = 16
"""Number of runs of which versions are kept; beyond it, the run requested longest ago is dropped."""
MAX_READ_WAIT: Final = 0.1
"""Seconds to wait for another thread that is reading the same run, before this one reads it as well."""


@dataclass(frozen=True, slots=True)
class ReadState:
    """State of a run, and when it was read: in Unix seconds before the reading began, which all workers share."""

    read: float
    """When this worker read it last."""
    first_read: float
    """When a worker read this version first.

    The browser stores it as ``read``, and sends it with each request: as it is the same for all viewers of a version,
    whichever worker they got it from, their next requests are identical.
    """
    state: TrainingState


class RunStateCache:
    """Cache of the last two states of each run, so that all viewers get the same one within a second.

    A log that grows ten lines a second would have another version for each of a hundred viewers, and reading and
    drawing it for each would block them all. So the first request of a second reads the run, and the others get that
    state: it is at most a second old, and never older than what the viewer has on the screen. A viewer who already
    has it, or who opens a page, gets the state as it is now, which is read for this request.

    Args:
        cache: where workers may share the times of first reading; used only if they do share it.
        clock: Unix time.
    """

    def __init__(self, cache: FigureCache | None = None, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._cache = cache if cache and cache.shared else None
        self._lock = Lock()
        self._runs: OrderedDict[str, tuple[Lock, deque[ReadState]]] = OrderedDict()
        """The lock held while a run is read, and its last two states; the run requested last at the end."""

    def latest(
        self, run: str, read: Callable[[], TrainingState], known: Mapping[str, Any] | None
    ) -> ReadState:
        """Return the state to show next, read in this second or now; raises what ``read`` raises.

        Args:
            run: id of the run.
            read: reads the run.
            known: ``version`` and ``read`` of the state on the viewer's screen; None if there is none.
        """
        reading, states = self._entry(run)
        if shared := self._shared(states, known):
            return shared
        locked = reading.acquire(timeout=MAX_READ_WAIT)
        try:
            # Another thread may have read the run while this one waited for the lock.
            if locked and (shared := self._shared(states, known)):
                return shared
            own = self._read(run, states, read)
            # Looked up again, for two reasons: this marks the response as cacheable if the new state may be shared;
            # and if a thread that did not get the lock has stored a later state, both return the same.
            return self._shared(states, known) or own
        finally:
            if locked:
                reading.release()

    def state_at_version(
        self, run: str, read: Callable[[], TrainingState], known: Mapping[str, Any]
    ) -> TrainingState:
        """Return the state at the version of ``known``, or a later one if that is no longer kept.

        Arguments and exceptions are those of :meth:`latest`.
        """
        _, states = self._entry(run)
        now = self._clock()
        for each in tuple(states):
            if each.state.version == known.get("version") and 0 <= now - each.read < VERSION_TTL:
                cache_response_until(each.read + VERSION_TTL)
                return each.state
        latest = self.latest(run, read, known)  # another worker read that version, or it has expired
        if latest.state.version == known.get("version"):
            cache_response_until(latest.read + VERSION_TTL)
        return latest.state

    def _entry(self, run: str) -> tuple[Lock, deque[ReadState]]:
        """Return the lock and the states of ``run``, and drop the runs beyond :data:`MAX_RUNS`."""
        with self._lock:
            entry = self._runs.setdefault(run, (Lock(), deque(maxlen=2)))
            self._runs.move_to_end(run)
            while len(self._runs) > MAX_RUNS:
                self._runs.popitem(last=False)
            return entry

    def _shared(self, states: deque[ReadState], known: Mapping[str, Any] | None) -> ReadState | None:
        """Return the last of ``states`` and mark the response as cacheable for the rest of this second.

        None if it was not read in this second, or is not newer than ``known``, or the viewer has nothing yet.
        """
        seen = known.get("read") if known else None
        if not states or known is None or not isinstance(seen, int | float):
            return None
        last, second = states[-1], int(self._clock())
        if int(last.read) != second or last.read <= seen or last.state.version == known.get("version"):
            return None
        cache_response_until(second + 1.0)
        return last

    def _read(self, run: str, states: deque[ReadState], read: Callable[[], TrainingState]) -> ReadState:
        """Read the run and add the result to ``states``, in place of the last one if the version is the same."""
        started = self._clock()
        state = read()
        if states and states[-1].state.version == state.version:
            result = states[-1] = ReadState(started, states[-1].first_read, state)
        else:
            result = ReadState(started, self._first_read(run, state.version, started), state)
            states.append(result)
        return result

    def _first_read(self, run: str, version: str, now: float) -> float:
        """When a worker read this version of the run first, ``now`` if none is known to have; never later."""
        if self._cache is None:
            return now
        key = f"read:{run}:{version}"
        first = self._cache.get(key, float)
        if first is None:
            self._cache.set(key, now, SHARED_TTL)
        return now if first is None else min(first, now)
