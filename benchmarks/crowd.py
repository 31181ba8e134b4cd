"""Many viewers of a page: ``python -m benchmarks.crowd ADDRESS VIEWERS SECONDS PAGE``; prints what they saw as JSON.

Each does what a browser does at a tick: asks for the version, and when it is a new one, for every part of the page,
telling what it holds already. For servers on this machine only.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from tests.screen import Screen, key_of
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.settings import is_loopback

EVERY: Final = 2.0
"""Seconds between two looks of a viewer."""
CALLBACKS: Final = "/_dash-update-component"


class Browser:
    """One connection to the server, kept open; stands for a test client where a page is opened through it."""

    def __init__(self, address: str) -> None:
        self._host = urlsplit(address).netloc
        self._connection = http.client.HTTPConnection(self._host, timeout=30)
        self.asked: list[dict[str, Any]] = []
        """Every callback so far, as it was asked."""

    def get(self, path: str) -> Answer:
        """Ask for an address."""
        return self._ask("GET", path)

    def post(self, path: str, json: dict[str, Any]) -> Answer:
        """Call a callback."""
        self.asked.append(json)
        return self._ask("POST", path, orjson.dumps(json))

    def call(self, body: dict[str, Any]) -> Answer:
        """Call a callback without noting it."""
        return self._ask("POST", CALLBACKS, orjson.dumps(body))

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        self._connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = self._connection.getresponse()
        return Answer(answer.status, answer.read())


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status_code: int
    data: bytes

    def get_json(self) -> Any:
        """Its content."""
        return orjson.loads(self.data)

    def get_data(self, as_text: bool = False) -> str | bytes:
        """Its content as it is."""
        return self.data.decode() if as_text else self.data


@dataclass(slots=True)
class Viewer:
    """One reader of the page, who asks again and again."""

    address: str
    bodies: list[dict[str, Any]]
    """The callbacks of a tick: the one that looks first, then those that follow a new version."""
    known: dict[tuple[str, str], Any] = field(default_factory=dict)
    ticks: list[float] = field(default_factory=list)
    """Seconds that each tick took with something new to show, from the question to the last answer."""
    versions: set[str] = field(default_factory=set)
    errors: int = 0
    asked: int = 0
    """Questions so far."""

    def watch(self, begin: float, end: float) -> None:
        """Look every two seconds between two moments of the monotonic clock."""
        browser, due = Browser(self.address), begin
        while due < end:
            time.sleep(max(due - time.monotonic(), 0))
            try:
                self.look(browser)
            except (OSError, http.client.HTTPException):
                self.errors += 1
                browser = Browser(self.address)
            due = max(due + EVERY, time.monotonic())

    def look(self, browser: Browser) -> None:
        """Ask once, as at a tick."""
        start, before = time.monotonic(), self.known.get(("live-version", "data"))
        look, *parts = self.bodies
        self.known["live-pulse", "data"] = int(time.time() * 1000)
        self._call(browser, look)
        now = self.known.get(("live-version", "data"))
        if now == before:
            return
        for body in parts:
            self._call(browser, body)
        self.ticks.append(time.monotonic() - start)
        self.versions.add(str(now["version"]) if now else "")

    def _call(self, browser: Browser, body: dict[str, Any]) -> None:
        self.asked += 1
        answer = browser.call(body | {part: self._current(body[part]) for part in ("inputs", "state")})
        if answer.status_code == 200:
            for name, properties in answer.get_json()["response"].items():
                if "data" in properties:
                    self.known[name, "data"] = properties["data"]
        elif answer.status_code != 204:
            self.errors += 1

    def _current(self, arguments: Any) -> Any:
        if isinstance(arguments, list):
            return [self._current(each) for each in arguments]
        name = key_of(arguments["id"]), arguments["property"]
        return arguments | {"value": self.known[name]} if name in self.known else arguments


def questions(address: str, page: str) -> list[dict[str, Any]]:
    """Open the page once: what it asks at a tick, the callback that looks first."""
    browser = Browser(address)
    screen = Screen(browser, page, markers=[str(kind) for kind in MarkerKind])
    browser.asked.clear()
    screen.refresh()
    look, *others = browser.asked
    parts = [each for each in others if any(one["id"] == "live-version" for one in each["inputs"])]
    look["inputs"][0]["value"] = 1  # as at a tick
    bodies = [look | {"changedPropIds": ["live-pulse.data"]}]
    bodies += [each | {"changedPropIds": ["live-version.data"]} for each in parts]
    return bodies


def main() -> None:
    """Let all viewers look at the page."""
    address, count, seconds, page = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    if not is_loopback(urlsplit(address).hostname or ""):
        sys.exit("only for servers on this machine")
    bodies = questions(address, page)
    begin = time.monotonic() + 1
    viewers = [Viewer(address, bodies) for _ in range(count)]
    threads = [
        threading.Thread(target=each.watch, args=(begin + EVERY * place / count, begin + seconds))
        for place, each in enumerate(viewers)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    ticks = sorted(tick for viewer in viewers for tick in viewer.ticks[1:])  # the first is the opening
    found = {
        "ticks": len(ticks),
        "median": statistics.median(ticks) if ticks else None,
        "p95": ticks[int(0.95 * len(ticks))] if ticks else None,
        "asked": sum(each.asked for each in viewers),
        "errors": sum(each.errors for each in viewers),
        "versions": len(set().union(*(each.versions for each in viewers))),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
