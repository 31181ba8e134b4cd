"""What gunicorn itself takes for the same questions: an app that does nothing, asked as often by as many viewers.

``python -m benchmarks.bare ADDRESS VIEWERS SECONDS`` are those viewers.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psutil

from benchmarks.crowd import EVERY, Browser
from benchmarks.served import Served

QUESTION: Final = {"asked": "x" * 5_000}
ANSWER: Final = b"x" * 5_000
"""About as long as ours are at a tick of the metrics page."""


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Read what is asked, and answer the same to all."""
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(ANSWER)))])
    return [ANSWER]


def cost(workers: int, viewers: int, seconds: float) -> float:
    """Seconds of processor time that one question takes, asked by so many viewers."""
    with _served(workers) as site:
        before = site.spent
        command = [sys.executable, "-m", "benchmarks.bare", site.address, str(viewers), str(seconds)]
        asked = int(subprocess.check_output(command, text=True))
        return (site.spent - before) / asked


@contextmanager
def _served(workers: int) -> Iterator[Served]:
    command = [sys.executable, "-m", "gunicorn", "benchmarks.bare:application", "--bind", "127.0.0.1:0"]
    command += [f"--workers={workers}", "--worker-class=gthread", "--threads=16", "--keep-alive=75"]
    process = subprocess.Popen([*command, "--no-control-socket"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = next(line for line in process.stderr if "Listening at" in line)
        found = re.search(r"http://\S+", line)
        assert found
        site = Served(f"{found.group()}/", psutil.Process(process.pid))
        while len(site.processes) <= workers:
            time.sleep(0.1)
        time.sleep(1)  # what it takes them to start is no question's
        yield site
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def main() -> None:
    """Ask, and print how often."""
    address, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    begin, asked = time.monotonic() + 0.5, []

    def watch(place: int) -> None:
        browser, due = Browser(address), begin + EVERY * place / count
        while due < begin + seconds:
            time.sleep(max(due - time.monotonic(), 0))
            browser.call(QUESTION)
            asked.append(due)
            due += EVERY

    viewers = [threading.Thread(target=watch, args=(place,)) for place in range(count)]
    for each in viewers:
        each.start()
    for each in viewers:
        each.join()
    print(len(asked))


if __name__ == "__main__":
    main()
