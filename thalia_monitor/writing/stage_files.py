"""The files that Thalia's own logger writes of a stage and of a session, here whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from thalia_monitor.writing.errors import WriteErrors
from thalia_monitor.writing.stage_log import StageLog, session_json
from thalia_monitor.writing.whole import write_whole


class StageFiles:
    """``stage_<N>_log.json`` and ``session_*.json`` in one directory."""

    def __init__(self, directory: Path, errors: WriteErrors) -> None:
        self._directory = directory
        self._errors = errors

    def start(self, log: StageLog) -> None:
        """Write the log of a stage that begins, keeping one that was finished before under another name."""
        path = self._path(log)
        with suppress(OSError, ValueError, AttributeError, TypeError):
            end = datetime.fromtimestamp(json.loads(path.read_bytes()).get("end_time"))
            path.replace(path.with_name(f"{path.stem}_until_{end:%Y%m%d_%H%M%S}.json"))
        self.write(log)

    def write(self, log: StageLog) -> None:
        """Write a stage's log as it is now."""
        self._write(self._path(log), log.to_json())

    def save_session(
        self, filename: str | None, start_time: float, now: float, logs: Mapping[float, StageLog]
    ) -> str | None:
        """Write a session's summary and return its name (with the local time in it, if not given).

        None where it could not be written.
        """
        name = filename or f"session_{datetime.now():%Y%m%d_%H%M%S}.json"
        return name if self._write(self._directory / name, session_json(start_time, now, logs)) else None

    def _path(self, log: StageLog) -> Path:
        return self._directory / f"stage_{log.stage}_log.json"

    def _write(self, path: Path, content: bytes) -> bool:
        try:
            write_whole(path, content)
        except OSError as error:
            self._errors.failed(path.name, error)
            return False
        self._errors.worked(path.name)
        return True
