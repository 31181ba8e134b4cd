"""``curriculum_training.log`` and the console, with a Python logger of its own for each run.

Thalia's own logger shares one Python logger among all runs of a process, which writes each run's records into
the others' files, and leaves out what the system's encoding cannot hold. Here neither happens; handlers that
others have put on the logger named ``CurriculumTrainer``, or on the root, still get every record.
"""

from __future__ import annotations

import logging
from enum import Enum
from pathlib import Path
from typing import Final

from thalia_monitor.writing.append import Appender
from thalia_monitor.writing.errors import WriteErrors

NAME: Final = "CurriculumTrainer"
FILE: Final = "curriculum_training.log"
_FORMAT: Final = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"


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


class ConsoleHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic only for type checkers
    """Writes to the standard error stream, whatever its encoding can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORMAT))

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, with escapes for what the stream's encoding lacks."""
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        return super().format(record).encode(encoding, "backslashreplace").decode(encoding)

    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing: a terminal that was closed is no reason to disturb the training."""


class FileHandler(logging.Handler):
    """Appends to the text log in UTF-8, one write for each record; failures are counted."""

    def __init__(self, directory: Path, errors: WriteErrors) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORMAT))
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

    def close(self) -> None:
        """Close the file; the next record opens it again."""
        self._file.close()
        super().close()
