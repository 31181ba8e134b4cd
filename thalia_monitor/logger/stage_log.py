"""What a stage has logged so far, in memory and in ``stage_<N>_log.json``; and the session's file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor.logger.files import write_whole
from thalia_monitor.logger.json_values import object_fields, plain_metrics, to_bytes

if TYPE_CHECKING:
    from thalia_monitor.logger.files import WriteErrors

Record = dict[str, Any]

LISTS: Final = ("step_metrics", "growth_events", "consolidation_events", "milestone_checks", "transitions")
"""The lists of a stage's log, in the order in which they are written."""


class StageLog:
    """Log data for a single training stage; the attributes and methods of Thalia's own class."""

    def __init__(self, stage: float, start_time: float, config: Any = None) -> None:
        self.stage = stage
        self.start_time = start_time
        """Unix seconds."""
        self.end_time: float | None = None
        self.config = config
        """As the caller gave it."""
        self.step_metrics: list[Record] = []
        self.growth_events: list[Record] = []
        self.consolidation_events: list[Record] = []
        self.milestone_checks: list[Record] = []
        self.transitions: list[Record] = []
        self.counts: Counter[str] = Counter()
        """How many records there were of each list, kept or not."""

    def __getstate__(self) -> dict[str, Any]:
        """The state for pickle: of the configuration, which may be any object, its plain values."""
        return self.__dict__ | {"config": plain_metrics(config_fields(self.config))}

    def duration_seconds(self) -> float | None:
        """Seconds from start to end; None while the stage runs."""
        return None if self.end_time is None else self.end_time - self.start_time

    def duration_hours(self) -> float | None:
        """Hours from start to end; None while the stage runs."""
        seconds = self.duration_seconds()
        return None if seconds is None else seconds / 3600

    def add(self, name: str, record: Record, keep: bool) -> None:
        """Add a record to one of the lists; without ``keep`` a list holds just its newest."""
        records: list[Record] = getattr(self, name)
        if not keep:
            records.clear()
        records.append(record)
        self.counts[name] += 1

    def summary(self) -> Record:
        """Sum the stage up as the session file has it."""
        return {
            "start_time": self.start_time,
            "end_time": self.end_time,
            "duration_hours": self.duration_hours(),
            "config": plain_metrics(config_fields(self.config)),
            "n_steps": self.counts["step_metrics"],
            **{f"n_{name}": self.counts[name] for name in LISTS[1:]},
        }

    def to_json(self) -> bytes:
        """Write the stage's log as one JSON object, a line for each record."""
        head = {
            "stage": self.stage,
            "start_time": self.start_time,
            "end_time": self.end_time,
            "duration_hours": self.duration_hours(),
            "config": plain_metrics(config_fields(self.config)),
        }
        start = json.dumps(head, ensure_ascii=False, indent=2).removesuffix("\n}")
        lists = ",\n".join(f'  "{name}": [{"".join(_rows(getattr(self, name)))}]' for name in LISTS)
        return to_bytes(f"{start},\n{lists}\n}}\n")


def session_json(start_time: float, now: float, logs: Mapping[float, StageLog]) -> bytes:
    """Write the summaries of a session's stages as one JSON object."""
    session = {
        "session_start_time": start_time,
        "session_duration_hours": (now - start_time) / 3600,
        "stages": {str(stage): log.summary() for stage, log in logs.items()},
    }
    return to_bytes(json.dumps(session, ensure_ascii=False, indent=2) + "\n")


def config_fields(config: Any) -> Mapping[str, Any]:
    """Read a stage's configuration: a mapping, or the fields of an object such as Thalia's ``StageConfig``."""
    return config if isinstance(config, Mapping) else object_fields(config) or {}


def _rows(records: list[Record]) -> Iterator[str]:
    """Write the records of a list; the C encoder does one line at a time, which is what makes it fast."""
    for position, record in enumerate(records):
        yield (",\n    " if position else "\n    ") + json.dumps(plain_metrics(record), ensure_ascii=False)
    if records:
        yield "\n  "


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
