"""thalia-monitor: a live monitor for Thalia curriculum training.

The public names are imported when first used: a training script that only wants the
:class:`CurriculumLogger` does not load dash, pandas or plotly, and need not have them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from thalia_monitor._version import __version__
from thalia_monitor.errors import only_the_logger

if TYPE_CHECKING:
    from thalia_monitor.logger import CurriculumLogger, LogLevel
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.reading.run_reader import load_training_state
    from thalia_monitor.web.app import create_app

__all__ = [
    "CurriculumLogger",
    "LogLevel",
    "TrainingState",
    "__version__",
    "create_app",
    "load_training_state",
]

_HOMES = {
    "CurriculumLogger": "thalia_monitor.logger",
    "LogLevel": "thalia_monitor.logger",
    "TrainingState": "thalia_monitor.model.run",
    "create_app": "thalia_monitor.web.app",
    "load_training_state": "thalia_monitor.reading.run_reader",
}

if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            return getattr(import_module(_HOMES[name]), name)
        except ModuleNotFoundError as error:
            raise ImportError(only_the_logger(error), name=error.name) from error
