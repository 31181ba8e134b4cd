"""The ``metadata_*.json`` of one directory: names that sort, how many are kept, and which a resume replaces."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from thalia_monitor.logger.files import remove_orphans, write_whole
from thalia_monitor.logger.json_values import to_bytes

NEWEST_KEPT: Final = 50
"""As many of the newest are all kept; of older ones, one in 2, 4, 8, ... intervals, the rarer the older."""

_NAME: Final = re.compile(r"metadata_(\d{12,})\.json")


def metadata_name(step: int) -> str:
    """Name the metadata of a step; names sort as steps do."""
    return f"metadata_{step:012d}.json"


def surplus(steps: Iterable[int], interval: int) -> list[int]:
    """Choose the steps whose metadata may go.

    The newest 50 stay. An older one stays if it is the first in its slot; a slot is one interval wide up to an
    age of 50 intervals, two up to 100, four up to 200, and so on. Slots are nested, so that what was once let
    go is never missed; a run of a million intervals keeps some 450 files.
    """
    ordered = sorted(steps)
    seen: set[tuple[int, int]] = set()
    gone = []
    for step in ordered[:-NEWEST_KEPT]:
        age = (ordered[-1] - step) // interval
        width = interval << (age // NEWEST_KEPT).bit_length()
        slot = (width, step // width)
        if slot in seen:
            gone.append(step)
        seen.add(slot)
    return gone


class MetadataFiles:
    """The metadata files that this kind of logger has written into a directory; others are left alone."""

    def __init__(self, directory: Path, interval: int) -> None:
        self._directory = directory
        self._interval = interval
        self._steps: set[int] = set()
        with suppress(OSError):
            names = (_NAME.fullmatch(path.name) for path in directory.iterdir())
            self._steps = {int(name[1]) for name in names if name}
        remove_orphans(directory)

    def newest(self) -> dict[str, Any]:
        """Read the newest of an earlier process; empty where there is none that can be read."""
        for step in sorted(self._steps, reverse=True):
            with suppress(OSError, ValueError, RecursionError):
                content = json.loads((self._directory / metadata_name(step)).read_bytes())
                if isinstance(content, dict):
                    return content
        return {}

    def save(self, step: int, metadata: Mapping[str, Any]) -> None:
        """Write the metadata of a step, and let surplus ones go. Raises OSError."""
        text = json.dumps(metadata, ensure_ascii=False, indent=2) + "\n"
        write_whole(self._directory / metadata_name(step), to_bytes(text))
        self._steps.add(step)
        for old in surplus(self._steps, self._interval):
            self._steps.discard(old)
            with suppress(OSError):
                (self._directory / metadata_name(old)).unlink()

    def supersede(self, step: int) -> bool:
        """Set aside the metadata beyond a step that training has gone back to; tell whether there were any.

        They are renamed to ``superseded_metadata_*``: the newest metadata must be those of the present.
        """
        beyond = [each for each in self._steps if each > step]
        for each in beyond:
            self._steps.discard(each)
            path = self._directory / metadata_name(each)
            with suppress(OSError):
                path.replace(path.with_name(f"superseded_{path.name}"))
        return bool(beyond)
