"""The folder of requests in a run's directory, as the monitor writes it and the logger empties it.

Both work within the opened folder itself, so that no link leads them elsewhere, whatever is exchanged meanwhile.
Standard library only.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thalia_monitor import contract
from thalia_monitor.model.control_request import LARGEST_REQUEST, REQUEST_NAME

if TYPE_CHECKING:
    from thalia_monitor.model.control_request import Request

OFFERED: Final = hasattr(os, "O_NOFOLLOW") and os.open in os.supports_dir_fd and os.scandir in os.supports_fd
"""Whether this system can open files so that no link leads elsewhere; Windows cannot."""
MOST_LISTED: Final = 1_000
ORPHAN_AGE: Final = 60.0
"""Seconds after which an unfinished file belongs to a monitor that was killed."""


@contextmanager
def opened(directory: Path | int) -> Iterator[int]:
    """Open the folder of a run's directory, which is given by its path or as opened.

    Raises OSError where it is missing, or a link.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    if isinstance(directory, int):
        folder = os.open(contract.CONTROL_FOLDER, flags, dir_fd=directory)
    else:
        folder = os.open(directory / contract.CONTROL_FOLDER, flags)
    try:
        yield folder
    finally:
        os.close(folder)


def names(folder: int) -> list[str]:
    """Names of the requests in the folder, the oldest first; files of other names are left out."""
    found: list[tuple[int, str]] = []
    for name, written in _entries(folder):
        if REQUEST_NAME.fullmatch(name):
            found.append((written, name))
    return [name for _, name in sorted(found)]


def _entries(folder: int) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for _, entry in zip(range(MOST_LISTED), entries, strict=False):
            with suppress(OSError):  # gone since it was listed
                yield entry.name, entry.stat(follow_symlinks=False).st_mtime_ns


def remove_orphans(folder: int) -> None:
    """Remove what killed monitors have left unfinished."""
    for name, written in _entries(folder):
        old = time.time() - written / 1e9 > ORPHAN_AGE
        if old and name.endswith(".tmp") and REQUEST_NAME.fullmatch(name[1:-4]):
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)


def content(folder: int, name: str) -> bytes | str:
    """Read a request's file, or say why it is not read: no link is followed, and no pipe waited for."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        return "the request is a link" if error.errno == errno.ELOOP else "the request cannot be read"
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return "the request is not a regular file"
        if found.st_size > LARGEST_REQUEST:
            return f"the request is larger than {LARGEST_REQUEST:,} bytes"
        return os.read(file, LARGEST_REQUEST + 1)
    except OSError:
        return "the request cannot be read"
    finally:
        os.close(file)


def put(folder: int, request: Request) -> None:
    """Put a request into the folder, whole or not at all. Raises OSError."""
    unfinished = f".{request.file}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(unfinished, flags, 0o644, dir_fd=folder)
    try:
        try:
            os.write(file, request.content())
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(unfinished, request.file, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished, dir_fd=folder)
        raise


def remove(folder: int, name: str) -> bool:
    """Remove a request: True for one of all who try. Raises OSError where it cannot be removed."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True
