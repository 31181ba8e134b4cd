"""A folder of finished figures that a crowd can write to: it is tidied now and then, not at every write."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from flask_caching.backends.filesystemcache import FileSystemCache


class FigureFiles(FileSystemCache):  # type: ignore[misc]  # flask-caching has no types
    """flask-caching's folder, kept small at a cost that hardly counts.

    Once its own is full, it opens every file in the folder at every write to find the oldest one, and writes down how
    many there are: with two workers and a log that grows ten lines a second, that was all they did. Here each process
    looks at the folder's times once in as many writes as an eighth of the limit, and removes the oldest files until a
    quarter of the limit is free.
    """

    _writes = 0

    def _update_count(self, delta: int | None = None, value: int | None = None) -> None:
        """Keep no count: the folder itself tells."""

    def _prune(self) -> None:
        limit = self._threshold
        self._writes += 1
        if limit and self._writes % max(limit // 8, 1) == 0:
            self._tidy(limit - limit // 4)

    def _tidy(self, kept: int) -> None:
        found = []
        for path in map(Path, self._list_dir()):
            with suppress(OSError):  # another worker has just removed it
                found.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(found)[: max(len(found) - kept, 0)]:
            with suppress(OSError):
                path.unlink()
