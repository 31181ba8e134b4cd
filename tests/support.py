"""What tests write runs with, and how they talk to a running monitor."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dash import Dash

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
CI = os.environ.get("CI") == "true"


def line(step: int | None = None, **fields: Any) -> str:
    """One line of a training log, as Python's own ``json`` writes it."""
    return json.dumps(({} if step is None else {"step": step}) | fields) + "\n"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port


def wait_until(true: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until something holds; it failing to come true fails the test."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def program(name: str) -> str:
    """Where a program of Debian's lies: missing at home it skips the test, missing under CI it fails."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found:
        return found
    if CI:
        pytest.fail(f"{name} is missing: scripts/install-test-tools installs it")
    pytest.skip(f"no {name} on this machine")


@dataclass(frozen=True, slots=True)
class Run:
    """A run directory under a test's control: it writes what a trainer would."""

    directory: Path

    @property
    def log(self) -> Path:
        """The training log's path."""
        return self.directory / "training_log.json"

    def append(self, *lines: str) -> None:
        """Append lines to the log, as one write."""
        with self.log.open("a", encoding="utf-8") as file:
            file.write("".join(lines))

    def metrics(self, *steps: int, **fields: Any) -> None:
        """Log one metric line per step."""
        self.append(*(line(step, **({"loss": 1 / (1 + step)} | fields)) for step in steps))

    def metadata(self, step: int, *, name: str | None = None, **fields: Any) -> Path:
        """Write a checkpoint's metadata, complete but for what ``fields`` says otherwise."""
        content: dict[str, Any] = {
            "current_stage": 0,
            "step": step,
            "current_week": 2,
            "total_weeks": 4,
            "metrics": {"firing_rate": 0.1, "capacity": 0.7, "performance": 0.6, "loss": 0.3},
            "milestones": {"mnist_accuracy": True, "sequence_prediction": False},
            "warnings": [],
            "training_time_seconds": 3600,
        }
        path = self.directory / (name or f"metadata_{step}.json")
        path.write_text(json.dumps(content | fields), encoding="utf-8")
        return path


def callback_body(
    app: Dash, output: str, inputs: dict[str, Any], states: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What a browser sends to call a callback, named by the first of its outputs."""
    app.server.test_client().get("/")
    spec = next(spec for spec in app.callback_map if output in spec.strip(".").split("..."))
    outputs = spec.strip(".").split("...")
    given = {}
    for part in ("inputs", "state"):
        values = inputs if part == "inputs" else states or {}
        given[part] = [
            [] if _several(each["id"]) else each | {"value": values.get(f"{each['id']}.{each['property']}")}
            for each in app.callback_map[spec][part]
        ]
    named = [
        [] if _several(name) else dict(zip(("id", "property"), name.rsplit(".", 1), strict=True))
        for name in outputs
    ]
    return {
        "output": spec,
        "outputs": named if spec.startswith("..") else named[0],
        "changedPropIds": list(inputs),
        **given,
    }


def callback(
    app: Dash, output: str, inputs: dict[str, Any], states: dict[str, Any] | None = None, **request: Any
) -> dict[str, Any]:
    """Call a callback as a browser does, by the first of its outputs; gives what it changes (nothing for 204)."""
    body = callback_body(app, output, inputs, states)
    answer = app.server.test_client().post("/_dash-update-component", json=body, **request)
    assert answer.status_code in (200, 204), answer.text
    changed: dict[str, Any] = answer.json["response"] if answer.status_code == 200 else {}
    return changed


def _several(identifier: str) -> bool:
    """Whether an id stands for all of a kind; a page without any of them is asked for."""
    return identifier.startswith("{")


DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks this machine's own servers, whatever proxies the environment names."""


@dataclass(slots=True)
class Server:
    """A monitor in a process of its own, with everything it printed."""

    url: str
    process: subprocess.Popen[str]
    output: list[str] = field(default_factory=list)

    def get(self, path: str) -> tuple[int, Any]:
        """Ask the API: status and decoded JSON (or text)."""
        try:
            with DIRECT.open(self.url + path.lstrip("/"), timeout=20) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        return status, json.loads(text) if text.startswith(("{", "[")) else text


@contextmanager
def serving(
    *arguments: str | Path,
    program: Sequence[str | Path] = (sys.executable, "-m", "thalia_monitor"),
    folder: Path = ROOT,
    **environment: str,
) -> Iterator[Server]:
    """Run ``thalia-monitor`` on a free port until the block ends; what it printed is shown when a test fails."""
    process = subprocess.Popen(
        [*program, "--port", "0", *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "default"} | environment,
    )
    assert process.stdout is not None
    output: list[str] = []
    address = ""
    for text in process.stdout:
        output.append(text)
        if found := re.search(r"(?<= at )http://\S+", text):
            address = found[0]
            break
    assert address, f"no address was printed: {''.join(output)}"
    reader = threading.Thread(target=output.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield Server(address, process, output)
    finally:
        process.terminate()
        process.wait(timeout=20)
        reader.join(timeout=5)
        process.stdout.close()
        sys.stdout.write("".join(output))
