"""One reading per version of a file: nothing is parsed twice, and a torn file keeps its last good reading."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from thalia_monitor.records import Problem

T = TypeVar("T")

Signature = tuple[int, int, int]
"""Inode, size and modification time (ns) of a file: equal signatures mean equal contents."""


class Torn(Exception):
    """A file that cannot be read as it is now; may be whole again at the next look."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def signature_of(path: Path) -> Signature | None:
    """Take a regular file's signature; None for what is gone, forbidden, or a pipe or device."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What is known of one file: its newest good content, and what is wrong with it now."""

    value: T | None = None
    problem: Problem | None = None
    """Why the file cannot be read as it is now; ``value`` then is from before that."""


class FileCache(Generic[T]):
    """The readings of one kind of file, each parsed again only when its signature changes."""

    def __init__(self, parse: Callable[[Path, str], T]) -> None:
        self._parse = parse
        self._known: dict[Path, tuple[Signature, Reading[T]]] = {}

    def read(self, path: Path, name: str) -> Reading[T]:
        """Give the newest good reading of the file, which is shown under that name."""
        signature = signature_of(path)
        nothing: Reading[T] = Reading()
        known, reading = self._known.get(path, (None, nothing))
        if signature is None or signature != known:
            reading = self._read_anew(path, name, reading)
            if signature is not None:
                self._known[path] = (signature, reading)
        return reading

    def forget_all_but(self, paths: set[Path]) -> None:
        """Drop the readings of files that are gone."""
        self._known = {path: known for path, known in self._known.items() if path in paths}

    def _read_anew(self, path: Path, name: str, before: Reading[T]) -> Reading[T]:
        kept = "; the last good reading of it is shown" if before.value is not None else ""
        try:
            return Reading(self._parse(path, name))
        except Torn as torn:
            return Reading(before.value, Problem(name, torn.line, torn.reason + kept))
        except OSError as error:
            return Reading(before.value, Problem(name, None, f"cannot be opened: {error.strerror}{kept}"))
