"""Short ways to write the files of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thalia_monitor import contract


def line(step: int | None = None, **fields: Any) -> dict[str, Any]:
    """One line of the log, as an object."""
    return fields if step is None else {"step": step, **fields}


def growth(step: int, **fields: Any) -> dict[str, Any]:
    """A growth event's line."""
    given = {"region": "cortex", "neurons_added": 10, "new_total": 110, "reason": "capacity"}
    return {"step": step, "event_type": "growth", **given, **fields}


def consolidation(step: int, **fields: Any) -> dict[str, Any]:
    """A consolidation event's line."""
    given = {"sleep_stage": "REM", "patterns_replayed": 100, "duration_steps": 2000}
    return {"step": step, "event_type": "consolidation", **given, **fields}


def log_text(*lines: Mapping[str, Any]) -> str:
    """Lines as the log holds them."""
    return "".join(json.dumps(each) + "\n" for each in lines)


def write_log(directory: Path, *lines: Mapping[str, Any]) -> Path:
    """Write a log of these lines."""
    path = directory / contract.LOG_NAME
    path.write_text(log_text(*lines))
    return path


def append(path: Path, content: str | bytes) -> None:
    """Append to a file as a trainer does."""
    with path.open("ab") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def write_metadata(directory: Path, label: str, step: int = 0, **fields: Any) -> Path:
    """Write one checkpoint's metadata."""
    path = directory / f"metadata_{label}.json"
    path.write_text(json.dumps({"step": step, **fields}))
    return path
