from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

PREFACE = """
import _thread, os, signal, sys, threading, time
from pathlib import Path
from thalia_monitor.logger import CurriculumLogger
logger = CurriculumLogger(Path(sys.argv[1]), console_output=False, metadata_interval=100_000, keep_in_memory=False)
logger.log_stage_start(0, {})
"""


def run(program: str, directory: Path) -> str:
    """Run a program that forks or interrupts itself in a process of its own, and return what it prints."""
    process = subprocess.run(
        [sys.executable, "-c", PREFACE + program, str(directory)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


FORKS = """
def train():
    for step in range(10**9):
        logger.log_training_step(step, {"loss": 0.5})
threading.Thread(target=train, daemon=True).start()
stuck = 0
for number in range(20):
    time.sleep(0.01)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        logger.log_warning(f"from child {number}")
        os._exit(logger.write_errors)
    stuck += os.waitpid(child, 0)[1] != 0
print(stuck)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_child_that_is_forked_while_a_thread_logs_can_log(tmp_path: Path) -> None:
    """The thread that has the lock does not exist in the child, and would never give it back."""
    assert run(FORKS, tmp_path).split() == ["0"]
    lines = map(json.loads, (tmp_path / "training_log.json").read_bytes().splitlines())
    warnings = {line["message"] for line in lines if line.get("event_type") == "warning"}
    assert warnings >= {f"from child {number}" for number in range(20)}


FORK_WITHIN = """
class Forking:
    def __float__(self):
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            return 0.25
        global status
        status = os.waitpid(child, 0)[1]
        return 0.5
parent = os.getpid()
logger.log_training_step(1, {"loss": Forking()})
if os.getpid() != parent:
    thread = threading.Thread(target=logger.log_training_step, args=(2, {"loss": 0.125}))
    thread.start()
    thread.join(10)
    os._exit(thread.is_alive() or logger.write_errors)
print(status, logger.write_errors)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_fork_while_the_forking_thread_logs_leaves_both_with_a_lock(tmp_path: Path) -> None:
    """Child and parent each give back what they have, and log on."""
    assert run(FORK_WITHIN, tmp_path).split() == ["0", "0"]
    lines = list(map(json.loads, (tmp_path / "training_log.json").read_bytes().splitlines()))
    assert [line["loss"] for line in lines if "loss" in line] == [0.25, 0.125, 0.5]


INTERRUPTS = """
def interrupted(*_):
    global armed, caught
    if armed:
        armed = False
        caught += 1
        raise KeyboardInterrupt
def interrupt():
    while not done:
        time.sleep(0.0003)
        _thread.interrupt_main()
def another():
    logger.log_training_step(10**6 + number, {"loss": 0.5})
armed, done, caught, step = False, False, 0, 0
before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
signal.signal(signal.SIGINT, interrupted)
thread = threading.Thread(target=interrupt, daemon=True)
thread.start()
end = time.monotonic() + 6
while time.monotonic() < end:
    try:
        armed = True
        while time.monotonic() < end:
            logger.log_training_step(step, {"loss": 0.5})
            step += 1000
        armed = False
    except KeyboardInterrupt:
        pass
done = True
thread.join()
for number in range(3):
    other = threading.Thread(target=another, daemon=True)
    other.start()
    other.join(10)
    assert not other.is_alive(), "the lock is held for good"
after = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
print(caught > 100, after - before)
"""


def test_an_interrupt_at_any_moment_leaves_no_lock_and_no_file_behind(tmp_path: Path) -> None:
    """Thousands of Ctrl-C while it logs: other threads still log, and nothing stays open."""
    assert run(INTERRUPTS, tmp_path).split() == ["True", "0"]
