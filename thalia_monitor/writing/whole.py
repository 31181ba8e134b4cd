"""Files that appear whole or not at all: written under another name, flushed to the disk, then renamed."""

from __future__ import annotations

import itertools
import os
import time
from contextlib import suppress
from pathlib import Path

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
