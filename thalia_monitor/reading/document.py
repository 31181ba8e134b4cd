"""A JSON file that is one whole object, as Thalia writes them: in place, so it may be met half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from thalia_monitor.reading.cache import Torn
from thalia_monitor.reading.files import open_regular

LARGEST: Final = 128 * 1024 * 1024
"""Bytes; a larger file is refused, since it has to be in memory whole to be parsed."""


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON object, and when its file was last written."""

    fields: Mapping[str, Any]
    modified: float
    """Unix seconds."""


def read_document(path: Path, within: Path | None = None) -> Document:
    """Read one JSON object, bare ``NaN`` and ``Infinity`` included; raises Torn where there is none."""
    with open_regular(path, within) as file:
        status = os.fstat(file.fileno())
        size = status.st_size
        content = file.read() if size <= LARGEST else b""
    if size > LARGEST:
        raise Torn(f"is larger than {LARGEST // 2**20} MB, more than this monitor reads into memory")
    if not content.strip():
        raise Torn("is empty: it is being rewritten, or the save failed")
    try:
        document = json.loads(content.decode("utf-8-sig", "replace"))
    except json.JSONDecodeError as error:
        raise Torn(
            f"is not whole JSON ({error.msg}): half-written, or a save that failed", error.lineno
        ) from error
    except (ValueError, RecursionError) as error:
        raise Torn(f"cannot be parsed: {error}") from error
    if not isinstance(document, dict):
        raise Torn(f"should hold a JSON object, and holds a {type(document).__name__}")
    return Document(document, status.st_mtime)
