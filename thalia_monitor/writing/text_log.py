"""``curriculum_training.log`` and the console, with a Python logger of its own for each run.

Thalia's own logger shares one Python logger among all runs of a process, which writes each run's records into
the others' files, and leaves out what the system's encoding cannot hold. Here neither happens; handlers that
others have put on the logger named ``CurriculumTrainer``, or on the root, still get every record.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, Final

from thalia_monitor.writing.append import Appender
from thalia_monitor.writing.errors import WriteErrors
from thalia_monitor.writing.values import printable

NAME: Final = "CurriculumTrainer"
FILE: Final = "curriculum_training.log"


class LogLevel(Enum):
    """Which records reach the text log and the console: those of this level and above."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def text_logger(level: LogLevel) -> logging.Logger:
    """Make a Python logger that shares its name, but no handlers, with those of other runs."""
    logger = logging.Logger(NAME, level.value)
    logger.parent = logging.getLogger(NAME)
    return logger


class _Formatter(logging.Formatter):
    """Formats records as Thalia does, with escapes for what a terminal would obey."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s - %(name)s - %(levelname)s - %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


class _Unlocked(logging.Handler):
    """Handles records without a handler's lock, which an interrupt at the wrong moment leaves locked for good.

    The run's logger lets one thread in at a time, and a record is one write.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        wanted = bool(self.filter(record))
        if wanted:
            self.emit(record)
        return wanted


class ConsoleHandler(_Unlocked):
    """Writes to the standard error stream, whatever its encoding can hold.

    It stops where the descriptor of that stream leads to another file than at first, as after ``os.closerange`` and
    an ``open``: that file is somebody else's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_Formatter())
        self.stream = sys.stderr
        self._place = _place(self.stream)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a terminal that was closed is no reason to disturb the training."""
        with suppress(OSError, ValueError, AttributeError):
            if _place(self.stream) == self._place:
                encoding = getattr(self.stream, "encoding", None) or "utf-8"
                text = self.format(record).encode(encoding, "backslashreplace").decode(encoding)
                self.stream.write(text + "\n")
                self.stream.flush()


class FileHandler(_Unlocked):
    """Appends to the text log in UTF-8, one write for each record; failures are counted."""

    def __init__(self, directory: Path, errors: WriteErrors) -> None:
        super().__init__()
        self.setFormatter(_Formatter())
        self._errors = errors
        self._file = Appender(directory / FILE)

    def emit(self, record: logging.LogRecord) -> None:
        """Append one record."""
        try:
            self._file.append((self.format(record) + "\n").encode("utf-8", "replace"))
        except OSError as error:
            self._errors.failed(FILE, error)
        else:
            self._errors.worked(FILE)


def _place(stream: Any) -> tuple[int, int] | None:
    """Which file a stream's descriptor leads to; None where it has no descriptor, or a closed one."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return None
    return status.st_dev, status.st_ino
