"""What alert tests share: a receiver on this machine, a plan, a run whose clock the test turns."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support import Run
from thalia_monitor.alerts.delivery import Notification
from thalia_monitor.alerts.rules import Channel

START = 1_770_000_000.0


@dataclass(slots=True)
class Receiver:
    """A webhook on this machine and what it was sent."""

    port: int = 0
    status: int = 200
    letters: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address as Apprise writes it, with a secret in it."""
        return f"json://someone:hunter2secret@127.0.0.1:{self.port}/hook-tok3n"

    @property
    def titles(self) -> list[str]:
        """Titles of all letters, in order."""
        return [each["title"] for each in self.letters]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Take letters over HTTP until the block ends."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if received.status == 200:
                received.letters.append(json.loads(body))
            self.send_response(received.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def dripping(seconds: float = 0.1) -> Iterator[str]:
    """The address of a receiver that takes a letter and answers a byte now and then, until the block ends."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            with suppress(OSError):  # the sender has had enough
                while not ended.wait(seconds):
                    self.wfile.write(b".")
                    self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"json://someone:hunter2secret@127.0.0.1:{server.server_port}/hook-tok3n"
    finally:
        ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(slots=True)
class Desk:
    """Stands for a channel: keeps what it is sent, and fails on demand."""

    letters: list[Notification] = field(default_factory=list)
    failing: bool = False

    def __call__(self, _: Channel, letter: Notification) -> str:
        """Take a letter."""
        if self.failing:
            return "the line is dead"
        self.letters.append(letter)
        return ""

    def take(self) -> list[Notification]:
        """Everything that came since the last time."""
        taken, self.letters = self.letters, []
        return taken


@dataclass(slots=True)
class Day:
    """A run and the time of day, both in the hands of a test: files are dated as if written then."""

    run: Run
    now: float = START
    step: int = 0

    def log(self, count: int = 1, *, seconds: float = 10.0, steps: int = 100, **metrics: Any) -> None:
        """Log lines, each some seconds and steps after the one before."""
        for _ in range(count):
            self.now += seconds
            self.step += steps
            fields = {"loss": 0.5, "firing_rate": 0.1, "performance": 0.95} | metrics
            self.run.metrics(self.step, timestamp=self.now, **fields)
        self.date(self.run.log)

    def save(self, **fields: Any) -> None:
        """Write a checkpoint."""
        self.date(self.run.metadata(self.step, **fields))

    def date(self, path: Path) -> None:
        """Give a file the time that it is."""
        os.utime(path, (self.now, self.now))

    def clock(self) -> float:
        """The time that it is."""
        return self.now
