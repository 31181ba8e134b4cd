"""``*.thalia``: header and metadata of Thalia's binary checkpoints, never the tensors.

Layout (little-endian): 256 bytes of header, metadata as JSON, tensors, an index of regions, a SHA-256. The
header is written last, so a checkpoint being written begins with zeros. From 2025-12-11 on the trainer wrote
zstd frames under the same name; they are decompressed as a stream by Python 3.14's own library or
``zstandard``, where either is installed. Source: Thalia's ``checkpoint_format.md`` and its writer, format
0.1.0.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Final

from thalia_monitor.reading.files import Torn, open_regular
from thalia_monitor.reading.formats import json_values


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


NAME: Final = re.compile(r".+\.thalia(?:\.zst|\.lz4)?")
LARGEST_METADATA: Final = 1024 * 1024
"""Bytes; real metadata take 2 to 10 KB, so a longer one is a damaged length."""
LARGEST_COMPRESSED: Final = 4 * 1024 * 1024
"""Bytes of a compressed file that are read until its metadata are in, which lie at its beginning."""
MOST_ENTRIES: Final = 10_000
"""Entries of each list in the metadata."""
LARGEST_INDEX: Final = 10_000
"""Entries; a real brain has some ten regions and pathways."""

_HEADER: Final = struct.Struct("<4sHHHHQQQQQQQQQQII")
_HEADER_LENGTH: Final = 256
_ENTRY: Final = struct.Struct("<32sQQ")
_CHECKSUM_LENGTH: Final = 32
_DELTA: Final = struct.Struct("<5sI32sQQ")

_PLAIN: Final = b"THAL"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_LZ4: Final = b"\x04\x22\x4d\x18"
_DELTA_MAGIC: Final = b"\xce\x94THL"


@dataclass(frozen=True, slots=True)
class Save:
    """One checkpoint file, as far as header and metadata tell it."""

    metadata: Mapping[str, Any]
    saved_at: int
    """Unix seconds, by the header; 0 where it does not say."""
    neurons: int
    synapses: int
    regions: tuple[str, ...] = ()
    """By the index; empty in a compressed file, where the index lies behind all tensors."""
    reasons: tuple[str, ...] = ()
    """What of the metadata is left out, and why."""
    complete: bool = True
    """False while the checksum is still missing from the end."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A file whose header is still unwritten: a save under way, or one that failed."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that holds a checkpoint and is not opened, and why."""

    reason: str
    step: int | None = None


Found = Save | Unfinished | Listed


def read_binary(path: Path, within: Path | None = None) -> Found:
    """Read a checkpoint's header and metadata; raises Torn for what is damaged or no checkpoint at all."""
    with open_regular(path, within) as file:  # unbuffered: no read-ahead into gigabytes of tensors
        return read_from(file, os.fstat(file.fileno()).st_size)


def read_from(file: BinaryIO, size: int) -> Found:
    """Read a checkpoint of ``size`` bytes from an open file, taking only the bytes that are needed."""
    start = _take(file, _HEADER_LENGTH)
    if start.startswith(_ZSTD):
        file.seek(0)
        return _compressed(file)
    if start.startswith(_LZ4):
        return Listed("is compressed with lz4, which this monitor does not read")
    if start.startswith(_DELTA_MAGIC):
        return _delta(start)
    if len(start) < _HEADER_LENGTH or not any(start[:4]):
        return Unfinished()
    return _plain(_Header.parse(start), file, size)


def _take(file: BinaryIO, count: int) -> bytes:
    """Read that many bytes, or all there are: one raw read may return fewer."""
    taken = bytearray()
    while len(taken) < count and (part := file.read(count - len(taken))):
        taken += part
    return bytes(taken)


@dataclass(frozen=True, slots=True)
class _Header:
    saved_at: int
    metadata_offset: int
    metadata_length: int
    index_offset: int
    index_length: int
    neurons: int
    synapses: int
    reasons: tuple[str, ...] = ()
    """What of it is left out, and why."""

    @staticmethod
    def parse(start: bytes) -> _Header:
        magic, *_, saved, at, length, index, index_length, _, _, neurons, synapses, _, _, _ = (
            _HEADER.unpack_from(start)
        )
        if magic != _PLAIN:
            raise Torn(f"is no Thalia checkpoint: it begins with {start[:4].hex(' ')}, not with THAL")
        if length > LARGEST_METADATA or not _HEADER_LENGTH <= at <= LARGEST_METADATA:
            raise Torn(f"has a damaged header: it tells of {length:,} bytes of metadata at {at:,}")
        totals = {"neurons": neurons, "synapses": synapses}
        absurd = {name: each for name, each in totals.items() if json_values.count(each) is None}
        reasons = (
            f"has a header that tells of {each:,} {name}; they are left out" for name, each in absurd.items()
        )
        used = totals | dict.fromkeys(absurd, 0)
        return _Header(saved, at, length, index, index_length, **used, reasons=tuple(reasons))

    @property
    def index_end(self) -> int:
        return self.index_offset + self.index_length


def _plain(header: _Header, file: BinaryIO, size: int) -> Save:
    file.seek(header.metadata_offset)
    metadata = _metadata(_take(file, header.metadata_length), header)
    complete = size >= header.index_end + _CHECKSUM_LENGTH
    regions: tuple[str, ...] = ()
    if size >= header.index_end and header.index_length <= LARGEST_INDEX * _ENTRY.size:
        file.seek(header.index_offset)
        regions = _regions(_take(file, header.index_length))
    fields, reasons = _kept(metadata)
    every = header.reasons + reasons
    return Save(fields, header.saved_at, header.neurons, header.synapses, regions, every, complete)


def _compressed(file: BinaryIO) -> Found:
    if DECOMPRESSOR is None:
        return Listed("is compressed with zstd; to read it: pip install thalia-monitor[zstd]")
    try:
        stream = DECOMPRESSOR.open(Beginning(file, LARGEST_COMPRESSED))
        start = _take(stream, _HEADER_LENGTH)
        if len(start) < _HEADER_LENGTH:
            return Unfinished()
        header = _Header.parse(start)
        _take(stream, header.metadata_offset - _HEADER_LENGTH)
        metadata = _metadata(_take(stream, header.metadata_length), header)
    except TooLong:
        size = f"{LARGEST_COMPRESSED // 2**20} MB"
        raise Torn(f"has no metadata in its first {size}, and is not decompressed further") from None
    except (DECOMPRESSOR.error, EOFError) as error:
        raise Torn(f"has a damaged zstd frame: {error}") from error
    fields, reasons = _kept(metadata)
    return Save(fields, header.saved_at, header.neurons, header.synapses, reasons=header.reasons + reasons)


def _delta(start: bytes) -> Listed:
    reason = "is a delta to another checkpoint; its content is a pickle, which is never opened"
    whole = len(start) >= _DELTA.size
    return Listed(reason, json_values.count(_DELTA.unpack_from(start)[4]) if whole else None)


def _metadata(content: bytes, header: _Header) -> Mapping[str, Any]:
    if len(content) < header.metadata_length:
        raise Torn("ends within its metadata: still being copied, or cut off")
    try:
        return json_values.table(json.loads(content.decode("utf-8", "replace")))
    except (ValueError, RecursionError) as error:
        raise Torn(f"has damaged metadata: {error}") from error


_LISTS: Final = ("growth_history", "training_history")
_FIELDS: Final = {
    *("global_step", "step", "training_steps", "total_steps", "current_stage", "stage_name", "timestamp"),
    *("current_week", "week", "total_weeks", "metrics", "regions", "milestones", "checkpoint_reason"),
    *_LISTS,
}
"""What is used of the metadata: the rest is not held in memory."""


def _kept(metadata: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Take what is used of the metadata, in bounds, and say what that leaves out."""
    fields = {name: value for name, value in metadata.items() if name in _FIELDS}
    reasons = []
    for name in _LISTS:
        if isinstance(fields.get(name), list) and len(fields[name]) > MOST_ENTRIES:
            reasons.append(
                f"has {len(fields[name]):,} entries in its {name}; only the first {MOST_ENTRIES:,} are read"
            )
            fields[name] = fields[name][:MOST_ENTRIES]
    return fields, tuple(reasons)


def _regions(index: bytes) -> tuple[str, ...]:
    """Take the names of the regions; the index also holds pathways, under a prefix."""
    whole = len(index) - len(index) % _ENTRY.size
    names = (raw.rstrip(b"\0").decode("utf-8", "replace") for raw, _, _ in _ENTRY.iter_unpack(index[:whole]))
    return tuple(name for name in names if name and not name.startswith("pathway:"))
