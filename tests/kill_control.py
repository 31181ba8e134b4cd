"""Kills trainers and monitors while a request is under way: ``kill_control.py DIRECTORY TRIALS SEED``.

Each trial is one request to set a parameter to a number of its own. Its monitor, its trainer or both are killed
with ``kill -9``; then a new trainer looks at what was left. Every trainer writes each value that its loop gets to
see into a file of its own. Prints, as JSON, how often each trial's request was applied by the log, and was seen by
a loop. A program and not a test, for it forks.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from thalia_monitor import control_folder
from thalia_monitor.logger import CurriculumLogger
from thalia_monitor.logger import control as logger_control
from thalia_monitor.model.control_request import Request, new_id

LONGEST_LIFE = 0.12
"""Seconds after which the last of both is killed; most are killed much earlier."""


def trainer(directory: Path, steps: int | None) -> None:
    """Train so many steps, or until killed, and note each new value that the loop sees."""
    logger_control.INTERVAL = 0.0  # type: ignore[misc]
    logger = CurriculumLogger(directory, console_output=False, file_log=False, json_log=True)
    logger.declare("number", 0, low=0)
    seen = os.open(directory / "seen", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(seen, b"ready\n")
    before, step = 0, 0
    while steps is None or step < steps:
        number = logger.control()["number"]
        if number != before:
            os.write(seen, b"%d\n" % number)
            before = number
        step += 1


def monitor(directory: Path, trial: int) -> None:
    """Ask for the trial's number once, as the monitor does, by the newest session of the log."""
    session = newest_session(directory)
    request = Request(new_id(), session, "number", trial, 0, "anna", time.time())
    with control_folder.opened(directory) as folder:
        control_folder.put(folder, request)


def events(directory: Path) -> list[dict[str, object]]:
    """The whole lines of the log that are events."""
    found = []
    for line in (directory / "training_log.json").read_bytes().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:  # torn by a kill
            continue
    return found


def newest_session(directory: Path) -> str:
    """The session of the process that declared last."""
    return str([each for each in events(directory) if each["event_type"] == "declare"][-1]["session"])


def forked(work: Callable[[], None]) -> int:
    """Do something in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def one(directory: Path, trial: int, random: Random) -> None:
    """One request under fire."""
    directory.mkdir()
    (directory / "seen").touch()
    training = forked(lambda: trainer(directory, None))
    while b"ready" not in (directory / "seen").read_bytes():
        time.sleep(0.0005)
    asking = forked(lambda: monitor(directory, trial))
    deaths = [
        (LONGEST_LIFE * random.random() ** 3, each)
        for each in random.choice([[training], [asking], [training, asking]])
    ]
    start = time.monotonic()
    for after, process in sorted(deaths):
        time.sleep(max(after - (time.monotonic() - start), 0))
        os.kill(process, signal.SIGKILL)
    if asking not in [process for _, process in deaths]:
        os.waitpid(asking, 0)
    if training not in [process for _, process in deaths]:
        time.sleep(LONGEST_LIFE * random.random() ** 3)
        os.kill(training, signal.SIGKILL)
    for process in {training, asking}:
        try:
            os.waitpid(process, 0)
        except ChildProcessError:
            continue
    os.waitpid(forked(lambda: trainer(directory, 3)), 0)


def main(directory: Path, trials: int, seed: int) -> None:
    """Make so many trials, one after the other."""
    random = Random(seed)
    directory.mkdir(parents=True, exist_ok=True)
    applied, seen, left = Counter[int](), Counter[int](), 0
    for trial in range(1, trials + 1):
        place = directory / str(trial)
        one(place, trial, random)
        numbers = [each["new"] for each in events(place) if each.get("outcome") == "applied"]
        applied[len(numbers)] += 1
        assert set(numbers) <= {trial}, numbers
        seen[(place / "seen").read_text().split().count(str(trial))] += 1
        left += len(list((place / "control").glob("*.json")))
    sys.stdout.write(json.dumps({"applied": applied, "seen": seen, "left": left}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
