"""The writing half: a drop-in for Thalia's own ``CurriculumLogger``. Standard library only."""

from thalia_monitor.logger.control import TrainingStopped
from thalia_monitor.logger.logger import CurriculumLogger, LogLevel, StageLog

__all__ = ["CurriculumLogger", "LogLevel", "StageLog", "TrainingStopped"]
