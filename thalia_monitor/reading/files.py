"""Opening a run's files and listing its folders: the only module of the reader that opens anything of a run.

Whoever writes a run's directory can exchange a file at any moment: between a look at its name and its opening, too.
So nothing is decided by a name. A file is opened in a way that cannot wait (a pipe would wait for its writer), and
what was opened is judged: a regular file, and within the directory that links may not lead out of.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from thalia_monitor.reading.links import REFUSED

_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_SCANS_DESCRIPTORS: Final = os.scandir in os.supports_fd
"""Not on Windows."""


def open_regular(path: Path, within: Path | None = None) -> BinaryIO:
    """Open a regular file for reading, unbuffered, without ever waiting for it.

    Raises OSError for anything else (a pipe, a device, a directory), and for a file outside ``within``, links
    followed.
    """
    descriptor = os.open(path, _READ)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        _refuse_outside(descriptor, path, within)
        return os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


@contextmanager
def scan(directory: Path, within: Path | None = None) -> Iterator[Iterator[os.DirEntry[str]]]:
    """List a directory; raises OSError for one outside ``within``, links followed.

    Of an entry use the name, the kind and the status, not the path.
    """
    if within is None or not _SCANS_DESCRIPTORS:
        with os.scandir(directory) as entries:
            yield entries
        return
    descriptor = os.open(directory, _READ | os.O_DIRECTORY)
    try:
        _refuse_outside(descriptor, directory, within)
        with os.scandir(descriptor) as entries:
            yield entries
    finally:
        os.close(descriptor)


def data_after(file: BinaryIO, position: int) -> int:
    """Where a file goes on behind the hole that it has at a position; the same position where it has none."""
    try:
        return os.lseek(file.fileno(), position, os.SEEK_DATA)
    except OSError as error:
        return os.fstat(file.fileno()).st_size if error.errno == errno.ENXIO else position
    except AttributeError:  # Windows
        return position


def _refuse_outside(descriptor: int, path: Path, within: Path | None) -> None:
    if within is not None and not _place_of(descriptor, path).is_relative_to(within.resolve()):
        raise OSError(errno.ELOOP, REFUSED)


def _place_of(descriptor: int, path: Path) -> Path:
    """Where an open file lies, links followed."""
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    except OSError:  # not on Linux: the name is followed again, and has to lead to the very same file
        place = path.resolve(strict=True)
        if not os.path.samestat(os.lstat(place), os.fstat(descriptor)):
            raise OSError(errno.ELOOP, "is being replaced") from None
        return place
