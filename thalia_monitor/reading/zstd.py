"""zstd frames as a stream, with whichever library there is: Python 3.14's own, or ``zstandard``, or none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import BinaryIO, Final


@dataclass(frozen=True, slots=True)
class Decompressor:
    """How to read a compressed file, and the error that a damaged one raises."""

    open: Callable[[BinaryIO], BinaryIO]
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
