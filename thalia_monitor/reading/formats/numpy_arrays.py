"""``diagnostics_traces.npz`` and recorder snapshots: which arrays they hold, by their headers alone.

An array of objects is a pickle, which can run code: nothing of it is ever opened. Of plain arrays, too, only the
first bytes are decompressed, however large they claim to be.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.lib import format as npy

from thalia_monitor.model.records import Source
from thalia_monitor.reading.files import Torn, open_regular
from thalia_monitor.reading.recording import Recording

FORMAT: Final = "NumPy arrays"
NAME: Final = re.compile(r".+\.npz")
MOST_ARRAYS: Final = 2_000
MOST_NAMED: Final = 12
LARGEST_DIRECTORY: Final = 2**20
"""Bytes of the zip's list of members."""
_LONGEST_HEADER: Final = 4_096
_END: Final = struct.Struct("<4s4xHHLLH")


def read_arrays(path: Path, name: str, within: Path | None = None) -> Recording:
    """List the arrays of a file; raises Torn where it is none, or is being written."""
    try:
        with open_regular(path, within) as file:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                shown = [_described(archive, each) for each in members[:MOST_ARRAYS]]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise Torn(f"is no whole file of NumPy arrays ({error}): half-written, or damaged") from error
    plain = [each for each in shown if each]
    refused = len(members) - len(plain)
    more = f" and {len(plain) - MOST_NAMED:,} more" if len(plain) > MOST_NAMED else ""
    words = [", ".join(plain[:MOST_NAMED]) + more]
    if refused:
        words.append(f"{refused:,} not opened: objects, which are pickles, or no arrays")
    note = "; ".join(["listed by their headers", *filter(None, words)])
    return Recording(Source(name, FORMAT, len(plain), note=note))


def _check_directory(file: IO[bytes]) -> None:
    """Refuse a list of members that would cost more memory than any report's."""
    size = file.seek(0, 2)
    file.seek(max(size - _END.size, 0))
    end = file.read(_END.size)
    if len(end) < _END.size or not end.startswith(b"PK\5\6"):
        raise zipfile.BadZipFile("it does not end as one")
    if _END.unpack(end)[3] > LARGEST_DIRECTORY:
        raise zipfile.BadZipFile("it lists too many arrays")
    file.seek(0)


def _described(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str | None:
    """An array's name and shape; None for one of objects, and for what is no array."""
    with archive.open(member) as content:
        try:
            version = npy.read_magic(content)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, kind = read(content, max_header_size=_LONGEST_HEADER)
        except (ValueError, SyntaxError):
            return None
    if np.dtype(kind).hasobject:
        return None
    size = " × ".join(f"{each:,}" for each in shape) or "1"
    return f"{member.filename.removesuffix('.npy')[:60]} ({size})"
