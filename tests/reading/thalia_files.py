"""Binary checkpoints written against the described layout, for the tests of everything that reads them."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import zstandard


def header(metadata_length: int, index: tuple[int, int], entries: int, **totals: int) -> bytes:
    """Pack the 256 bytes that Thalia puts in front."""
    fields = struct.pack(
        "<4sHHHHQQQQQQQQQQII",
        *(b"THAL", 0, 1, 0, 0, totals.get("saved_at", 0), 256, metadata_length, *index, 0, 0),
        *(totals.get("neurons", 0), totals.get("synapses", 0), 0, entries, 1),
    )
    return fields.ljust(256, b"\0")


def plain(metadata: Mapping[str, Any], names: Sequence[str] = (), tensors: int = 64, **totals: int) -> bytes:
    """Lay out one whole checkpoint: header, metadata, tensors, index, checksum."""
    text = json.dumps(metadata, indent=2).encode()
    index_offset = 256 + len(text) + tensors
    index = b"".join(struct.pack("<32sQQ", name.encode(), 0, 0) for name in names)
    head = header(len(text), (index_offset, len(index)), len(names), **totals)
    return head + text + bytes(tensors) + index + b"\xaa" * 32


def compressed(metadata: Mapping[str, Any], **totals: int) -> bytes:
    """Lay out the same as a zstd frame with its checksum behind, as Thalia does from 2025-12-11 on."""
    return zstandard.ZstdCompressor().compress(plain(metadata, (), **totals)[:-32]) + b"\xbb" * 32


def metadata(step: int, stage: float | None = -1, **more: Any) -> dict[str, Any]:
    """Build the metadata of a trainer's checkpoint."""
    return {
        "global_step": step,
        "current_stage": stage,
        "stage_start_step": 0,
        "training_history": [],
        "timestamp": f"2025-12-12T09:15:{step % 60:02d}.411000",
        "training_steps": 0,
        "growth_history": [],
    } | more
