"""Files of the logger: appended record by record, or replaced whole; and the count of what could not be written.

A log is opened for each record and closed after it. A descriptor that is kept can become another file's without
notice (``os.closerange``, ``dup2``, a daemon's second fork): what is written then lands in that file. Opening
costs no more than the look at the name that a kept descriptor needs, for logs are moved and removed. One record
is one write, so that a killed process leaves whole lines.

Assumptions: the file is on a local disk or a network disk where ``O_APPEND`` holds; a record that was handed to
the operating system survives the death of the process (not a loss of power: for that the metadata are flushed
to the disk).
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any
from weakref import WeakSet

from thalia_monitor import system


class WriteErrors:
    """Counts records that could not be written, and tells of each spell of failures once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.count = 0
        """Records lost so far."""
        self.unseen: list[str] = []
        """Spells of failures that no metadata have shown yet."""
        self._tell = tell
        self._lost: dict[str, int] = {}

    def failed(self, name: str, error: BaseException) -> None:
        """Note that a record of this file (or of this kind) is lost."""
        self.count += 1
        self._lost[name] = self._lost.get(name, 0) + 1
        if self._lost[name] == 1:
            message = f"{name} could not be written ({error or type(error).__name__}); training goes on"
            self.unseen = [*self.unseen[-9:], message]
            self._tell(message)

    def worked(self, name: str) -> str | None:
        """Note that a record was written; return what ends a spell of failures, which is also passed on."""
        if self._lost and name in self._lost:
            lost = self._lost.pop(name)
            message = (
                f"{name} can be written again; {lost:,} {'record was' if lost == 1 else 'records were'} lost"
            )
            self.unseen = [*self.unseen[-9:], message]
            self._tell(message)
            return message
        return None


class Guard:
    """Keeps every error of its block from the caller: training must not die of its log.

    Interrupts and exits are passed on. One thread at a time: ``with guard.lock, guard:``. The ``with`` of a lock is
    one instruction, so that no interrupt falls between taking the lock and being sure to give it back.
    """

    def __init__(self, errors: WriteErrors) -> None:
        self.lock = RLock()
        self._errors = errors
        _guards.add(self)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        with suppress(Exception):  # another's log handler must not bring down what is guarded here
            self._errors.failed("A record", error)
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        return Guard, (self._errors,)


_guards: WeakSet[Guard] = WeakSet()


def _free_locks() -> None:
    """Replace, in a forked child, the locks of threads that exist only in the parent."""
    for guard in _guards:
        if guard.lock.acquire(blocking=False):  # free, or the forking thread's own
            guard.lock.release()
        else:
            guard.lock = RLock()


system.in_each_fork(_free_locks)


ORPHAN_AGE = 60.0
"""Seconds after which a temporary file belongs to a process that was killed while writing it."""

_counter = itertools.count()


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place atomically; its temporary name is hidden and ends in ``.tmp``.

    The directory itself is not flushed: after a loss of power the file may be the one that was there before. Raises
    OSError, and leaves the file that was there before.
    """
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{next(_counter)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def remove_orphans(directory: Path) -> None:
    """Remove what killed processes have left unfinished in a directory."""
    with suppress(OSError):
        for temporary in directory.glob(".*.json.*.tmp"):
            if time.time() - temporary.stat().st_mtime > ORPHAN_AGE:
                temporary.unlink()


UNDER_WAY = (0.001, 0.004, 0.02)
"""Seconds between looks at an end that is no end of a line; by then a record that is being written is there whole."""
TAIL = 1 << 16
"""Bytes at the end of a log among which its last whole line is looked for."""


class Appender:
    """Appends whole records to one file, which it makes where there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, record: bytes) -> None:
        """Append one record, which ends in a newline, with one write.

        Raises OSError where it could not be written whole; the next record then begins on a line of its own.
        """
        # An interrupt right after it was opened closes a FileIO; a number from os.open would stay open.
        with self._open() as file:
            content = b"\n" + record if _is_torn(file) else record
            written = os.write(file.fileno(), content)
            while written < len(content):  # a nearly full disk takes a part, and refuses the rest
                written += os.write(file.fileno(), content[written:])

    def _open(self) -> FileIO:
        path, opener = str(self.path), partial(os.open, mode=0o666)
        try:
            return FileIO(path, "a+", opener=opener)
        except FileNotFoundError:
            # Only the directory itself is made again: a missing parent may be a disk that is not mounted.
            self.path.parent.mkdir(exist_ok=True)
            return FileIO(path, "a+", opener=opener)


def _is_torn(file: FileIO) -> bool:
    """Whether a file ends within a line: where a writer was killed, or the disk was full.

    A record of another process that crosses a page of the file is there in two parts for a moment, so a file that
    looks torn is looked at again.
    """
    for wait in (*UNDER_WAY, 0.0):
        try:
            file.seek(-1, os.SEEK_END)
        except OSError:  # an empty file, a pipe or a terminal
            return False
        if file.read(1) == b"\n":
            return False
        time.sleep(wait)
    return True


def last_step(path: Path) -> int | None:
    """Find the step of the last line of a log that has one; None where there is no such line."""
    if not path.is_file():  # nor a pipe or a device, which has no end to read
        return None
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        for line in reversed(file.read(TAIL).splitlines()):
            with suppress(ValueError, TypeError, KeyError, OverflowError, RecursionError):
                return int(json.loads(line)["step"])
    return None
