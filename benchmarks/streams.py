"""Pages that hold a stream: ``python -m benchmarks.streams ADDRESS RUN COUNT SECONDS [TICK]``; for this machine only.

Prints ``open`` once each has its first event, and at the end what they went through as JSON. With a file that holds
the body of a browser's tick, each asks that at an event; a stream that is cut is opened again as by
``assets/push.js``.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.crowd import Browser, Viewer
from thalia_monitor.settings import is_loopback


@dataclass(slots=True)
class Tally:
    """What happened to all of them."""

    first: int = 0
    """Streams that have had an event."""
    open: set[int] = field(default_factory=set)
    """Those that are open and have had one."""
    bytes: int = 0
    events: int = 0
    beats: int = 0
    away: list[float] = field(default_factory=list)
    """Seconds from a cut to the next event."""


async def hold(address: str, run: str, place: int, tally: Tally, viewer: Viewer | None) -> None:
    """Hold one stream until cancelled."""
    parts = urlsplit(address)
    asking = ThreadPoolExecutor(1) if viewer else None
    browser = Browser(address)
    cut = 0.0
    head = f"GET {parts.path}live?run={run}&beat=5 HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    while True:
        try:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(head)
            while line := await reader.readline():
                tally.bytes += len(line)
                if not line.startswith(b"event:"):
                    continue
                if cut:
                    tally.away.append(time.monotonic() - cut)
                tally.first += place not in tally.open and not cut
                tally.open.add(place)
                cut = 0.0
                tally.events += line.startswith(b"event: version")
                tally.beats += line.startswith(b"event: beat")
                if viewer and asking and line.startswith(b"event: version"):
                    await asyncio.get_running_loop().run_in_executor(asking, viewer.look, browser)
            writer.close()
        except OSError:
            pass
        tally.open.discard(place)
        cut = cut or time.monotonic()
        await asyncio.sleep(0.5 + 2 * random.random())


async def all_of_them(address: str, run: str, count: int, seconds: float, tick: str) -> dict[str, Any]:
    """Hold so many streams for so long once all are open."""
    tally = Tally()
    bodies = [json.loads(Path(tick).read_text(encoding="utf-8"))] if tick else []
    viewers = [Viewer(address, bodies) if tick else None for _ in range(count)]
    tasks = [
        asyncio.create_task(hold(address, run, place, tally, each)) for place, each in enumerate(viewers)
    ]
    while tally.first < count:
        await asyncio.sleep(0.05)
    print("open", flush=True)
    before = tally.bytes
    await asyncio.sleep(seconds)
    for each in tasks:
        each.cancel()
    return {
        "open": len(tally.open),
        "bytes": tally.bytes - before,
        "events": tally.events,
        "beats": tally.beats,
        "away": sorted(tally.away),
        "errors": sum(each.errors for each in viewers if each),
    }


def main() -> None:
    """Hold the streams, and print what came of it."""
    address, run, count, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    if not is_loopback(urlsplit(address).hostname or ""):
        sys.exit("only for servers on this machine")
    tick = sys.argv[5] if len(sys.argv) > 5 else ""
    found = asyncio.run(all_of_them(address, run, count, seconds, tick))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
