"""A monitor as it is served in earnest: gunicorn and its workers, with what they cost together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks this machine's own servers, whatever proxies the environment names."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server and its workers."""

    address: str
    process: psutil.Process

    @property
    def processes(self) -> list[psutil.Process]:
        """The master and every worker."""
        return [self.process, *self.process.children(recursive=True)]

    @property
    def share(self) -> float:
        """Their proportional share of memory in bytes: a page that four map counts as a quarter for each."""
        return sum(float(each.memory_full_info().pss) for each in self.processes)

    @property
    def spent(self) -> float:
        """Seconds of processor time so far."""
        times = [each.cpu_times() for each in self.processes]
        return sum(float(each.user + each.system) for each in times)

    def crowd(self, viewers: int, seconds: float, page: str = "/metrics") -> dict[str, Any]:
        """Let so many viewers watch a page for a while; in a process of their own."""
        command = [sys.executable, "-m", "benchmarks.crowd", self.address, str(viewers), str(seconds), page]
        found: dict[str, Any] = json.loads(subprocess.check_output(command, text=True))
        return found

    def steps(self) -> int:
        """The step that the newest run is at, as the API tells it; -1 while its log is being read."""
        with DIRECT.open(f"{self.address}api/v1/runs", timeout=60) as answer:
            run = json.load(answer)["runs"][0]["id"]
        try:
            with DIRECT.open(f"{self.address}api/v1/runs/{run}", timeout=60) as answer:
                return int(json.load(answer)["current_step"])
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return -1


@contextmanager
def served(run: Path, workers: int, cache: Path, *, refresh: float = 1) -> Iterator[Served]:
    """Serve a run from so many workers, until it is read in as far as its last line."""
    command = [sys.executable, "-m", "thalia_monitor", "--checkpoint-dir", str(run), "--port", "0"]
    command += ["--refresh-seconds", str(refresh), "--cache-dir", str(cache)]
    process = subprocess.Popen(
        [*command, "serve", "--workers", str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        line = next(line for line in process.stdout if " at http" in line)
        _drain(process.stdout.fileno())
        found = Served(line.rsplit(" ", 1)[-1].strip(), psutil.Process(process.pid))
        last = _last_step(run / "training_log.json")
        while found.steps() < last:
            time.sleep(0.2)
        yield found
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _drain(descriptor: int) -> None:
    """Let the access log go: a pipe that nobody reads would block the server."""
    subprocess.Popen(["cat"], stdin=descriptor, stdout=subprocess.DEVNULL)


def _last_step(log: Path) -> int:
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - 4096, 0))
        return int(json.loads(file.read().splitlines()[-1])["step"])
