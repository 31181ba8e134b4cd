"""What the server logs: a line of text for people, or one JSON object a line for programs; the newest errors kept."""

from __future__ import annotations

import json
import logging
import os
import re
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from thalia_monitor.web.private_parts import CALLBACKS

KEPT: Final = 20
QUIET_BELOW: Final = 1.0
"""Seconds: what every open page asks every few seconds is logged only when it took longer, or failed."""
ACCESS: Final = "gunicorn.access"
HUSHED: Final = "…"
IN_ADDRESS: Final = re.compile(r"(?<=://)\S+(?=@)")
"""The name and password in an address, such as Redis'."""


class Plain(logging.Formatter):
    """``2026-11-24 10:00:00Z WARNING [4711] thalia_monitor.web.server.auth: ...``, a message on one line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # logging's name for it
        """Write a record's own line; a traceback follows below it."""
        said = "".join(each if each.isprintable() else repr(each)[1:-1] for each in record.message)
        return f"{_moment(record):%Y-%m-%d %H:%M:%S}Z {record.levelname} [{record.process}] {record.name}: {said}"


class JsonLines(logging.Formatter):
    """One JSON object a line; an access line has its parts as fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; nothing in it can end the line."""
        fields: dict[str, Any] = {
            "time": _moment(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
        }
        if record.name == ACCESS and isinstance(record.args, Mapping):
            fields |= _access(record.args)
        else:
            fields["message"] = record.getMessage()
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


def _moment(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _access(atoms: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "client": atoms["h"],
        "user": atoms["u"],
        "method": atoms["m"],
        "address": atoms["{raw_uri}e"],
        "status": int(atoms["s"]),
        "bytes": atoms["B"],
        "milliseconds": int(atoms["D"]) / 1000,
    }


def worth_a_line(path: str, status: str, seconds: float) -> bool:
    """Whether the access log names a request: not the questions and streams of open pages that went well."""
    asked = path.endswith(CALLBACKS) and seconds < QUIET_BELOW
    return not (asked or path.endswith("/live")) or status[:1] not in "23"


class WithoutAddress(logging.Filter):
    """Leaves out gunicorn's own line about where it listens: ours has the base path, and one address is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is another one."""
        return not str(record.msg).startswith("Listening at")


class Recent(logging.Handler):
    """Keeps the newest warnings and errors of this process, and tells them to the others of this server."""

    records: Final[deque[tuple[datetime, str, str]]] = deque(maxlen=KEPT)
    """When, how bad, and the message with the error's own words; the newest last."""
    secrets: ClassVar[frozenset[str]] = frozenset()
    """What is never kept, whatever says it."""
    folder: ClassVar[Path | None] = None
    """Where the processes of one server tell each other (see :mod:`~thalia_monitor.web.server.status`)."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record's words."""
        said = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            said += f" ({type(error).__name__}: {error})"
        self.records.append((_moment(record), record.levelname.lower(), self._hushed(said)[:500]))
        if self.folder is not None:
            with suppress(OSError):  # a full disk must not turn one error into two
                place = self.folder / f"{os.getpid()}.json"
                place.with_suffix(".new").write_text(json.dumps(self.listed()), encoding="utf-8")
                place.with_suffix(".new").replace(place)

    @classmethod
    def listed(cls) -> list[dict[str, Any]]:
        """What is kept, as JSON values."""
        return [
            {
                "time": moment.isoformat(timespec="microseconds"),
                "level": level,
                "message": said,
                "pid": os.getpid(),
            }
            for moment, level, said in tuple(cls.records)
        ]

    @classmethod
    def _hushed(cls, said: str) -> str:
        for secret in cls.secrets:
            said = said.replace(secret, HUSHED)
        return IN_ADDRESS.sub(HUSHED, said)


def config(log_format: str) -> dict[str, Any]:
    """The configuration for :func:`logging.config.dictConfig`, for one process and for gunicorn's."""
    inherit: dict[str, Any] = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": JsonLines if log_format == "json" else Plain}},
        "filters": {"without-address": {"()": WithoutAddress}},
        "handlers": {
            "lines": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"},
            "recent": {"()": Recent, "level": "WARNING"},
        },
        "root": {"level": "INFO", "handlers": ["lines", "recent"]},
        "loggers": {
            "gunicorn.error": inherit | {"level": "INFO", "filters": ["without-address"]},
            ACCESS: inherit | {"level": "INFO"},
            "uvicorn.error": inherit | {"level": "ERROR"},  # it warns of what any client can send
        },
    }
