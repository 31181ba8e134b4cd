"""Files that only ever grow: one record is one append, so that a killed process leaves whole lines.

Assumptions: the file is on a local disk or a network disk where ``O_APPEND`` holds; a record that was handed to
the operating system survives the death of the process (not a loss of power: that is what the fsynced metadata
are for).
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

TAIL = 1 << 16
"""Bytes at the end of a log among which its last whole line is looked for."""

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Appender:
    """Appends whole records to one file, opening it again where it was removed or replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._identity = (0, 0)
        self._torn = False

    def append(self, record: bytes) -> None:
        """Append one record, which ends in a newline, with one write.

        Raises OSError where it could not be written whole; the next record then begins on a line of its own.
        """
        descriptor = self._open()
        content = b"\n" + record if self._torn else record
        written = 0
        try:
            written = os.write(descriptor, content)
            while written < len(content):  # a nearly full disk takes a part, and refuses the rest
                written += os.write(descriptor, content[written:])
        finally:
            if written:
                self._torn = written < len(content)

    def close(self) -> None:
        """Close the file; the next record opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        self.close()

    def _open(self) -> int:
        if self._descriptor is not None and self._still_there():
            return self._descriptor
        self.close()
        # Only the directory itself is made again: a missing parent may be a disk that is not mounted.
        self.path.parent.mkdir(exist_ok=True)
        descriptor = os.open(self.path, _FLAGS, 0o666)
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self._identity = (status.st_dev, status.st_ino)
        self._torn = False
        if status.st_size:
            os.lseek(descriptor, -1, os.SEEK_END)
            self._torn = os.read(descriptor, 1) != b"\n"  # the end of a process that was killed, or another's
        return descriptor

    def _still_there(self) -> bool:
        """Tell whether the name still leads to the open file: writing to a removed one would be silent loss."""
        try:
            status = self.path.stat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity


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
