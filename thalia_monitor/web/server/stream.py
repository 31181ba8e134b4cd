"""The stream of a page: Server-Sent Events that say which version its runs have, as soon as that changes.

``GET live?run=ID`` (repeatable) passes the checks of every address, in Flask and in a thread; its events are then
sent from the event loop (:mod:`~thalia_monitor.web.server.front`), where an open stream costs a socket and no thread.
They carry no data of a run: the page asks for that, as at a tick (``assets/push.js``).

Each process looks at a run once for all of its streams, by the status of the files. Notifications of the kernel
(inotify) would save little, a look takes 0.1 ms, and they miss what another machine writes to a network drive.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import orjson
from flask import Flask, Response, request

from thalia_monitor import system
from thalia_monitor.errors import BadParameter, MonitorError, OtherSite, TooManyStreams, UnknownRun
from thalia_monitor.settings import LONGEST_REFRESH, SHORTEST_REFRESH, is_loopback
from thalia_monitor.web.context import monitor

if TYPE_CHECKING:
    from thalia_monitor.settings import Settings

STREAMS: Final = "thalia_monitor.streams"
"""Under this key a request's environ has the :class:`Streams` of the server that can send one."""
OPENED: Final = "thalia_monitor.stream"
"""And under this one the stream that was opened for it."""
MOST_OF_CLIENT: Final = 32
"""Streams of one address in a process; this machine's own has no such limit: it may be a proxy's, for everybody."""
MOST_RUNS: Final = 16
LOOK: Final = 0.1
"""Seconds between two looks at a run's files, and twenty times what the quickest of the last five took if longer."""
GAP: Final = 0.25
"""Seconds at least between two events of one run."""
PACE: Final = 1.0
"""Seconds between two of many events: a page that is drawn four times a second takes most of a core."""
BURST: Final = 4
"""Events that may come faster than PACE; each PACE without an event gives one back."""
AT_ONCE: Final = 400
"""Questions a second that the events of one run may cause; with more streams the events are rarer."""
UNANSWERED: Final = 5.0
"""Seconds a look may take, and the pause after one that failed is a fifth of it."""
LONGEST: Final = 600.0
"""Seconds, give or take a tenth, after which a stream ends: its page opens another one, if it still may."""
RETRY: Final = (500, 2500)
"""Milliseconds after which a client that is no page of ours comes back, at random: not all at the same moment."""
BEAT: Final = b"event: beat\ndata:\n\n"
"""An event, not a comment: a page has to see that the stream still reaches it."""

Look = Callable[[], Future[str]]
"""Starts a look at a run's version."""


def register(server: Flask, settings: Settings) -> None:
    """Give the server the address of the stream."""

    @server.get(f"{settings.base_path}live")
    def live() -> Response:
        refuse_other_sites()
        streams: Streams | None = request.environ.get(STREAMS)
        looks, beat = _looks(), _beat()
        if (
            streams is None or not settings.most_streams
        ):  # a server of threads, which an open stream would block
            return Response(status=204)
        answer = Response(mimetype="text/event-stream")
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Accel-Buffering"] = "no"  # nginx would collect events until its buffer is full
        if request.method != "HEAD":
            client = request.remote_addr or ""
            request.environ[OPENED] = streams.open(client, looks, beat, settings.most_streams)
        return answer


def refuse_other_sites() -> None:
    """Raise OtherSite for a request that a browser sends for a page of another origin."""
    origin = request.headers.get("Origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.host
    if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise OtherSite("This address is for the pages of this monitor only.")


def _looks() -> dict[str, Look]:
    """How to look at each run that is requested; those that are gone are left out, unless all are."""
    runs = list(dict.fromkeys(request.args.getlist("run")))
    if not 1 <= len(runs) <= MOST_RUNS:
        raise BadParameter(f"Name 1 to {MOST_RUNS} runs: live?run=ID&run=ID; api/v1/runs lists them.")
    found: dict[str, Look] = {}
    for run in runs:
        try:
            found[run] = monitor().library.watch(run)
        except UnknownRun as error:
            unknown = error
    if not found:
        raise unknown
    return found


def _beat() -> float:
    """Seconds after which a silent stream is to give a sign of life."""
    given = request.args.get("beat", "5")
    try:
        beat = float(given)
    except ValueError:
        beat = 0.0
    if not SHORTEST_REFRESH <= beat <= LONGEST_REFRESH:
        raise BadParameter(f"beat is a number of seconds from {SHORTEST_REFRESH:g} to {LONGEST_REFRESH:g}.")
    return beat


class Streams:
    """The open streams of one process, and the runs that it watches for them."""

    def __init__(self) -> None:
        system.raise_file_limit()
        self._lock = Lock()
        self._clients: Counter[str] = Counter()
        self._watches: dict[str, Watch] = {}
        self._waiting: set[asyncio.Event] = set()
        self.ending = False
        """Whether the server is ending, and every stream with it."""

    def __len__(self) -> int:
        return self._clients.total()

    def open(self, client: str, looks: Mapping[str, Look], beat: float, most: int) -> Stream:
        """Take in one more stream, which its caller closes; from any thread.

        Raises:
            TooManyStreams: the client, or this process, has as many as it may.
        """
        with self._lock:
            if not is_loopback(client) and self._clients[client] >= MOST_OF_CLIENT:
                raise TooManyStreams(
                    f"This address has {MOST_OF_CLIENT} streams open already; close a page, or rely on its interval.",
                    429,
                )
            if self._clients.total() >= most:
                raise TooManyStreams(
                    f"This server keeps at most {most:,} streams open (--most-streams), and has them.", 503
                )
            self._clients[client] += 1
        return Stream(self, client, looks, beat)

    def leave(self, client: str) -> None:
        """Count one stream less of a client."""
        with self._lock:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def join(self, looks: Mapping[str, Look], changed: asyncio.Event) -> dict[str, Watch]:
        """Watch these runs, and set the event at each new version; on the event loop, as everything below."""
        self._waiting.add(changed)
        for run, look in looks.items():
            if run not in self._watches or self._watches[run].over:
                self._watches[run] = Watch(look)
            self._watches[run].waiting.add(changed)
            if self._watches[run].version is not None:
                changed.set()
        return {run: self._watches[run] for run in looks}

    def part(self, watches: Mapping[str, Watch], changed: asyncio.Event) -> None:
        """Stop waiting; a run that nobody waits for is not watched any more."""
        self._waiting.discard(changed)
        for run, watch in watches.items():
            watch.waiting.discard(changed)
            if not watch.waiting:
                watch.stop()
                if self._watches.get(run) is watch:
                    del self._watches[run]

    def end(self) -> None:
        """End every stream: the server is about to end."""
        self.ending = True
        for changed in self._waiting:
            changed.set()


class Watch:
    """A run whose version is looked at again and again, while a stream waits for it."""

    def __init__(self, look: Look) -> None:
        self.version: str | None = None
        """Empty for a run that cannot be read, None before the first look."""
        self.waiting: set[asyncio.Event] = set()
        self._look = look
        self._task = asyncio.create_task(self._follow())
        self._task.add_done_callback(self._tell)

    @property
    def over(self) -> bool:
        """Whether it looks no more."""
        return self._task.done()

    def stop(self) -> None:
        """Look no more."""
        self._task.cancel()

    async def _follow(self) -> None:
        took: deque[float] = deque(maxlen=5)
        spare, last = float(BURST), time.monotonic()
        while True:
            begun = time.monotonic()
            version = await self._now()
            took.append(time.monotonic() - begun)
            pause = max(LOOK if version else UNANSWERED / 5, 20 * min(took))
            if version != self.version:
                self.version = version
                self._tell()
                now = time.monotonic()
                spare, last = min(spare + (now - last) / PACE, BURST) - 1, now
                pause = max(pause, GAP if spare >= 1 else PACE, len(self.waiting) / AT_ONCE)
            await asyncio.sleep(pause)

    async def _now(self) -> str:
        answer = asyncio.wrap_future(self._look())
        done, _ = await asyncio.wait((answer,), timeout=UNANSWERED)  # which leaves a thread that hangs alone
        try:
            return answer.result() if done else ""
        except MonitorError:
            return ""

    def _tell(self, _: object = None) -> None:
        for changed in self.waiting:
            changed.set()


class Stream:
    """One open stream."""

    def __init__(self, streams: Streams, client: str, looks: Mapping[str, Look], beat: float) -> None:
        self._streams = streams
        self._client: str | None = client
        self._looks = looks
        self._beat = beat

    def close(self) -> None:
        """Make room for another one."""
        client, self._client = self._client, None
        if client is not None:
            self._streams.leave(client)

    async def run(self, send: Callable[[bytes], Awaitable[None]], left: asyncio.Future[Any]) -> None:
        """Send events until the client has left, the server ends, or the stream has lasted long enough."""
        changed = asyncio.Event()
        left.add_done_callback(lambda _: changed.set())
        watches = self._streams.join(self._looks, changed)
        said: dict[str, str] = {}
        until = time.monotonic() + LONGEST * random.uniform(0.9, 1.1)
        try:
            await send(f"retry: {random.randint(*RETRY)}\n\n".encode())
            while True:
                silent = not await _wait(changed, self._beat)
                ending = self._streams.ending or time.monotonic() > until
                if left.done() or ending or any(each.over for each in watches.values()):
                    return
                changed.clear()
                new = {
                    run: each.version
                    for run, each in watches.items()
                    if each.version is not None and each.version != said.get(run)
                }
                said |= new
                if new or silent:
                    await send(b"".join(_event(run, version) for run, version in new.items()) or BEAT)
        finally:
            self._streams.part(watches, changed)


async def _wait(changed: asyncio.Event, seconds: float) -> bool:
    """Whether an event was set within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await changed.wait()
    except TimeoutError:
        return False


def _event(run: str, version: str) -> bytes:
    return b"event: version\ndata: " + orjson.dumps({"run": run, "version": version}) + b"\n\n"
