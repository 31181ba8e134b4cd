"""Where a run is, from its newest checkpoint and the end of its log: for a list of many runs, few bytes from each."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.reading.files import open_regular
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.formats.metadata import LARGEST, Unusable, read_checkpoint
from thalia_monitor.reading.run_reader import list_directory

if TYPE_CHECKING:
    from thalia_monitor.model.records import Checkpoint

END: Final = 64 * 1024
"""Bytes of the log's end that are looked at; a line has some 400."""
STEP_IN_NAME: Final = re.compile(r"metadata_(\d{1,18})\.json")


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in one line of a list."""

    stage: int | None = None
    step: int | None = None
    last_update: datetime | None = None


def summarize(directory: Path, within: Path | None = None) -> Summary:
    """Look at a run's newest checkpoint and the end of its log (no link out of ``within``); raises RunUnreadable."""
    listing = list_directory(directory, within)
    point = _newest(directory, listing.metadata, within)
    logged = _last_step(directory / contract.LOG_NAME, listing.log, within) if listing.log else None
    steps = [step for step in (logged, point.step if point else None) if step is not None]
    stage = point.stage if point else None
    return Summary(
        None if stage is None else -1 if stage == -0.5 else int(stage),
        max(steps, default=None),
        listing.last_update,
    )


def _newest(directory: Path, files: Mapping[str, os.stat_result], within: Path | None) -> Checkpoint | None:
    def by_step(name: str) -> tuple[int, float]:
        number = STEP_IN_NAME.fullmatch(name)
        return (int(number[1]) if number else -1, files[name].st_mtime)

    for name in sorted(files, key=by_step, reverse=True)[:3]:  # the newest may be half-written
        try:
            with open_regular(directory / name, within) as file:
                return read_checkpoint(file.read(LARGEST), name, files[name].st_mtime, lambda _: None)
        except (Unusable, OSError):
            continue
    return None


def _last_step(path: Path, status: os.stat_result, within: Path | None) -> int | None:
    try:
        with open_regular(path, within) as file:
            file.seek(max(status.st_size - END, 0))
            lines = file.read(END).split(b"\n")
    except OSError:
        return None
    for line in reversed(lines):
        if (step := _step_of(line)) is not None:
            return step
    return None


def _step_of(line: bytes) -> int | None:
    try:
        given: Any = json.loads(line.strip().rstrip(b",]").decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    return json_values.count(given.get(contract.STEP)) if isinstance(given, dict) else None
