"""How the server itself is doing: its processes and their memory, the runs, the cache, and the newest errors of all.

What one worker has to say to the others (it is there; what went wrong in it) lies in small files of a folder that the
first process makes before it forks, that only this user can read, and that goes when that process goes.
"""

from __future__ import annotations

import atexit
import logging
import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from thalia_monitor import system
from thalia_monitor._version import __version__
from thalia_monitor.web.server.logging import KEPT, Recent

if TYPE_CHECKING:
    from thalia_monitor.web.context import Monitor

log = logging.getLogger(__name__)

STARTED: Final = datetime.now(UTC)
"""Of this process, or of the one it was forked from."""
_master: int | None = None
"""The process whose forks the workers are; None where there is only one process."""
MOST_FILES: Final = 100
"""Processes whose log lines are listed, newest first; those of a worker that was replaced are still of interest."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process of this server."""

    pid: int
    role: str
    """``worker``, or ``master``: the one that starts the workers and answers nobody."""
    memory: int | None
    """Bytes resident, what it shares with the others counted in each; None where the system does not tell."""


@dataclass(frozen=True, slots=True)
class Report:
    """How the server is doing, as the worker that was asked sees it."""

    processes: list[Process]
    runs: int
    gone: int
    held: int
    """Runs whose history this worker holds in memory."""
    notes: tuple[str, ...]
    cache: str
    cache_answers: bool
    cache_failures: int
    """How often the cache has failed this worker."""
    errors: list[dict[str, Any]]
    """The newest warnings and errors of all processes, each its ``time``, ``level``, ``message`` and ``pid``."""
    started: datetime = STARTED

    def record(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return {
            "version": __version__,
            "python": platform.python_version(),
            "started": self.started.isoformat(timespec="seconds"),
            "uptime_seconds": round((datetime.now(UTC) - self.started).total_seconds()),
            "answered_by": os.getpid(),
            "processes": [
                {"pid": each.pid, "role": each.role, "memory_bytes": each.memory} for each in self.processes
            ],
            "runs": {"known": self.runs, "gone": self.gone, "held": self.held, "notes": list(self.notes)},
            "cache": {
                "kind": self.cache,
                "answering": self.cache_answers,
                "failures": self.cache_failures,
            },
            "errors": self.errors,
        }


def share() -> None:
    """Let the processes that will be forked from this one tell each other what goes wrong."""
    global _master
    if _master is not None:
        return
    _master = os.getpid()
    system.in_each_fork(Recent.records.clear)
    try:
        Recent.folder = temporary_folder()
    except OSError as error:
        log.warning(
            "There is no folder for temporary files (%s): the status page tells of one worker.", error
        )


@cache
def temporary_folder() -> Path:
    """A folder of this server's, and of the processes forked from this one; it goes when this process does."""
    folder = Path(tempfile.mkdtemp(prefix="thalia-monitor-"))
    atexit.register(_leave, folder, os.getpid())
    return folder


def _leave(folder: Path, master: int) -> None:
    if os.getpid() == master:  # a worker that ends leaves the folder to the others
        shutil.rmtree(folder, ignore_errors=True)


def report(watch: Monitor) -> Report:
    """Look at the server; costs a few files of /proc and one listing of the runs."""
    entries = watch.library.entries()
    errors = _newest_errors()
    lost = sum(each.gone for each in entries)
    return Report(
        processes=_processes(),
        runs=len(entries) - lost,
        gone=lost,
        held=watch.library.held,
        notes=watch.library.notes,
        cache=watch.cache.backend,
        cache_answers=watch.cache.available,
        cache_failures=watch.cache.failures,
        errors=errors[:KEPT],
    )


def _newest_errors() -> list[dict[str, Any]]:
    """What every process has logged of late, the newest first."""
    others: list[dict[str, Any]] = []
    if Recent.folder is not None:
        own = f"{os.getpid()}.json"
        files = sorted(Recent.folder.glob("*.json"), key=_age, reverse=True)[:MOST_FILES]
        others = [line for path in files if path.name != own for line in _lines(path)]
    return sorted([*others, *Recent.listed()], key=lambda each: str(each["time"]), reverse=True)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = orjson.loads(path.read_bytes())
    except (OSError, ValueError):  # a process that has just ended, or a disk that is full
        return []
    return found


def _processes() -> list[Process]:
    """This process and, under gunicorn, its siblings and their parent; elsewhere than on Linux, itself alone."""
    here = os.getpid()
    workers = system.children(_master) if _master not in (None, here) else []
    if _master is None or not workers:
        return [Process(here, "worker", system.resident_memory(here))]
    return [
        Process(_master, "master", system.resident_memory(_master)),
        *(Process(pid, "worker", system.resident_memory(pid)) for pid in workers),
    ]
