"""A lab's afternoon: many viewers on many growing runs, one server of several workers: ``python -m benchmarks.lab``.

Each viewer asks what a browser asks: the page, its layout, then every callback of the page on screen at each tick;
now and then it turns to another page or another run. Only loopback, only a temporary directory, and an end.
"""

from __future__ import annotations

import gzip
import http.client
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
import numpy as np

from benchmarks.long_log import write_log
from tests.screen import Screen

PAGES: Final = ("/", "/metrics", "/growth", "/consolidation", "/milestones", "/events", "/values")
TURNS: Final = 0.1
"""Share of ticks at which a viewer turns to another page or run."""


@dataclass(slots=True)
class Answer:
    """What the server said, with the few names that :class:`~tests.screen.Screen` asks for."""

    status_code: int
    data: bytes

    def get_data(self, as_text: bool = True) -> str:  # noqa: ARG002 - as Flask's own
        """The body as text."""
        return self.data.decode()

    def get_json(self) -> Any:
        """The body decoded."""
        return json.loads(self.data)


@dataclass(slots=True)
class Tally:
    """What all viewers have met."""

    took: list[float] = field(default_factory=list)
    """Seconds of each request."""
    errors: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    behind: list[int] = field(default_factory=list)
    """How many lines each tick's answer was behind the log as it was before the question."""


class Client:
    """One viewer's connection, kept open as a browser keeps it."""

    def __init__(self, address: str, tally: Tally) -> None:
        parts = urlsplit(address)
        assert parts.hostname == "127.0.0.1", "this is no tool to load other machines with"
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=30)
        self._tally = tally

    def get(self, path: str) -> Answer:
        """Ask for an address."""
        return self._ask("GET", path, None)

    def post(self, path: str, json: Any) -> Answer:
        """Ask a callback."""
        return self._ask("POST", path, json)

    def _ask(self, method: str, path: str, content: Any) -> Answer:
        body = None if content is None else json.dumps(content)
        headers = {"Accept-Encoding": "gzip", "Content-Type": "application/json"}
        start = time.perf_counter()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        self._tally.took.append(time.perf_counter() - start)
        self._tally.bytes += len(raw)
        if answer.status >= 400:
            self._tally.errors[f"{answer.status} {path}"] += 1
        packed = answer.getheader("Content-Encoding") == "gzip"
        return Answer(answer.status, gzip.decompress(raw) if packed else raw)


class Trainer:
    """Writes a line a second to every run."""

    def __init__(self, root: Path, runs: int, lines: int) -> None:
        self.directories = [root / f"run-{number:02}" for number in range(runs)]
        for directory in self.directories:
            directory.mkdir(parents=True)
            write_log(directory / "training_log.json", lines)
        newest = json.loads((self.directories[0] / "training_log.json").read_bytes().splitlines()[-1])
        self.step: int = newest["step"]

    def go(self, stopped: threading.Event) -> None:
        """Append lines until ``stopped`` is set."""
        while not stopped.wait(1.0):
            step = self.step + 1
            line = json.dumps({"step": step, "loss": 1 / (1 + step), "firing_rate": 0.1, "capacity": 0.6})
            for directory in self.directories:
                with (directory / "training_log.json").open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
            self.step = step


def view(
    address: str, runs: list[str], trainer: Trainer, tally: Tally, refresh: float, stopped: threading.Event
) -> None:
    """Simulate one viewer until the benchmark ends."""
    chance = random.Random(threading.get_ident())
    client = Client(address, tally)
    stopped.wait(chance.uniform(0, refresh))
    try:
        screen = _opened(client, chance, runs)
        while not stopped.wait(refresh * chance.uniform(0.9, 1.1)):
            if chance.random() < TURNS:
                screen = _opened(client, chance, runs)
            written = trainer.step
            screen.refresh()
            shown = re.search(r"Step ([0-9,]+)", screen.text("frame-header"))
            if shown:
                tally.behind.append(max(written - int(shown[1].replace(",", "")), 0))
            else:
                tally.errors["a header without a step"] += 1
    except (AssertionError, OSError, http.client.HTTPException, ValueError, KeyError) as error:
        tally.errors[f"{type(error).__name__}: {error}"[:200]] += 1


def _opened(client: Client, chance: random.Random, runs: list[str]) -> Screen:
    path = chance.choice(PAGES)
    client.get(path)
    screen = Screen(client, path)
    screen.set("live-run", data=chance.choice(runs))
    screen.refresh()
    return screen


@contextmanager
def served(root: Path, workers: int, folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A monitor on the root, as the documentation starts it; what it logs goes to a file."""
    command = [sys.executable, "-m", "thalia_monitor", "--root", str(root), "--port", "0"]
    command += ["--cache-dir", str(folder / "cache"), "serve", "--workers", str(workers)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            yield process.stdout.readline().rsplit(" ", 1)[-1].strip(), process
        finally:
            process.terminate()
            process.wait(timeout=30)


@click.command()
@click.option("--viewers", default=50, show_default=True)
@click.option("--runs", default=10, show_default=True)
@click.option("--workers", default=4, show_default=True)
@click.option("--lines", default=20_000, show_default=True, help="Metric lines of each run at the start.")
@click.option("--seconds", default=120.0, show_default=True)
@click.option("--refresh", default=5.0, show_default=True, help="Seconds between two ticks of a viewer.")
def main(viewers: int, runs: int, workers: int, lines: int, seconds: float, refresh: float) -> None:
    """Load a server and print what the viewers met; exit 1 if one met an error."""
    with tempfile.TemporaryDirectory(prefix="thalia-monitor-lab-") as name:
        folder = Path(name)
        trainer = Trainer(folder / "root", runs, lines)
        with served(folder / "root", workers, folder) as (address, _):
            tally, stopped = Tally(), threading.Event()
            client = Client(address, Tally())
            ids = [each["id"] for each in client.get("/api/v1/runs").get_json()["runs"]]
            assert len(ids) == runs
            threads = [threading.Thread(target=trainer.go, args=(stopped,))]
            threads += [
                threading.Thread(target=view, args=(address, ids, trainer, tally, refresh, stopped))
                for _ in range(viewers)
            ]
            for thread in threads:
                thread.start()
            time.sleep(seconds)
            stopped.set()
            for thread in threads:
                thread.join(60)
            status = Client(address, Tally()).get("/api/v1/status").get_json()
        complaints = [each["message"] for each in status["errors"]]
        _print(tally, status, seconds, f"{viewers} viewers, {runs} runs, {workers} workers")
    for error, count in (tally.errors + Counter(complaints)).items():
        print(f"{count} x {error}")
    sys.exit(1 if tally.errors or complaints else 0)


def _print(tally: Tally, status: dict[str, Any], seconds: float, title: str) -> None:
    middle, most, worst = np.percentile(tally.took, (50, 95, 100)) * 1000
    memory = [f"{each['memory_bytes'] / 2**20:.0f}" for each in status["processes"]]
    behind = np.percentile(tally.behind, (50, 95, 100)) if tally.behind else (0, 0, 0)
    print(
        f"{title}, {seconds:.0f} s: {len(tally.took):,} requests ({len(tally.took) / seconds:.0f} a second)"
    )
    print(f"an answer took {middle:.0f} ms (median), {most:.0f} ms (95 %), {worst:.0f} ms (the slowest)")
    print(f"{tally.bytes / 1e6:.0f} MB sent; lines behind: {behind[0]:.0f}, {behind[1]:.0f}, {behind[2]:.0f}")
    print(f"memory, master and workers: {', '.join(memory)} MiB; errors: {sum(tally.errors.values())}")


if __name__ == "__main__":
    main()
