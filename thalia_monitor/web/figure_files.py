"""How finished figures are written, and a folder of them that is tidied now and then, not at every write."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from cachelib.serializers import BaseSerializer
from flask_caching.backends.filesystemcache import FileSystemCache

SUFFIX: Final = ".figure"
NAME: Final = re.compile(
    rf"[0-9a-f]+{re.escape(SUFFIX)}|tmp\w+{re.escape(FileSystemCache._fs_transaction_suffix)}"
)
"""The files of finished entries, and of those that a killed process has left unfinished."""


class MessagePack(BaseSerializer):
    """Writes a value for a cache as MessagePack, which holds values and nothing that could be run (unlike pickle)."""

    def dumps(self, value: Any, *_: Any) -> bytes:
        """Write a value; one that the format has no place for is read as nothing."""
        try:
            return msgspec.msgpack.encode(value)
        except (OverflowError, UnicodeEncodeError):  # a number or a name
            return msgspec.msgpack.encode(None)

    def loads(self, content: bytes | None) -> Any:
        """Read a value, made of lists, tables and scalars; None for what is no MessagePack."""
        try:
            return msgspec.msgpack.decode(content or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def dump(self, value: Any, file: IO[bytes], *_: Any) -> None:
        """Write a value to a file."""
        file.write(self.dumps(value))

    def load(self, file: IO[bytes]) -> Any:
        """Read a value from a file."""
        return self.loads(file.read())


class FigureFiles(FileSystemCache):  # type: ignore[misc]  # flask-caching has no types
    """flask-caching's folder, kept small at a cost that hardly counts.

    Once its own is full, it opens every file in the folder at every write to find the oldest one, and writes down how
    many there are: with two workers and a log that grows ten lines a second, that was all they did. Here each process
    looks at the folder's times once in as many writes as an eighth of the limit, and removes the oldest files until a
    quarter of the limit is free.

    Only files that are named like ours are ever removed: the folder may hold others.
    """

    serializer = MessagePack()
    _writes = 0

    def _get_filename(self, key: str) -> str:
        """Name an entry's file."""
        return str(super()._get_filename(key)) + SUFFIX

    def _list_dir(self) -> Iterator[str]:
        """Every entry's file."""
        with os.scandir(self._path) as found:
            for each in found:
                if NAME.fullmatch(each.name) and each.is_file(follow_symlinks=False):
                    yield each.path

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
