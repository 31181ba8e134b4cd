"""zstd frames as a stream, with whichever library there is: Python 3.14's own, or ``zstandard``, or none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from io import RawIOBase
from typing import Any, BinaryIO, Final


class TooLong(Exception):
    """More of a compressed file was wanted than may be read."""


class Beginning(RawIOBase):
    """The first so many bytes of a file: a few compressed bytes, or a hole, may stand for gigabytes."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._left = most

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read on; raises TooLong behind the last byte that may be read, where the file goes on there."""
        part = self._file.read(size if self._left else 1)
        if part and not self._left:
            raise TooLong
        part = part[: self._left]
        self._left -= len(part)
        return part


@dataclass(frozen=True, slots=True)
class Decompressor:
    """How to read a compressed file, and the error that a damaged one raises."""

    open: Callable[[Any], BinaryIO]
    error: type[Exception]


def _find() -> Decompressor | None:
    with suppress(ImportError):
        standard = import_module("compression.zstd")
        return Decompressor(standard.ZstdFile, standard.ZstdError)
    with suppress(ImportError):
        library = import_module("zstandard")
        return Decompressor(library.ZstdDecompressor().stream_reader, library.ZstdError)
    return None


DECOMPRESSOR: Final = _find()
"""None where neither library is installed: then zstd files can only be listed."""
