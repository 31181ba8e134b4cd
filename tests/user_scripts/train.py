"""A user's training script: the logger's public names, with the types that a checker sees."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import assert_type

from thalia_monitor import CurriculumLogger, LogLevel, __version__
from thalia_monitor.logger import TrainingStopped


def main(folder: Path) -> None:
    """Log a short training."""
    assert_type(__version__, str)
    logger = CurriculumLogger(folder, log_level=LogLevel.INFO)
    logger.declare("learning_rate", 1e-3, low=1e-6, high=1e-1)
    logger.log_stage_start(stage=-1, config={"duration_weeks": 4})
    try:
        for step in range(100):
            rate = float(logger.control()["learning_rate"])
            logger.log_training_step(step, {"loss": rate / (step + 1), "neuron_counts": {"cortex": 100}})
        logger.log_event("probe", {"accuracy": 0.5}, step=99)
        logger.log_warning("The loss is flat.", severity="critical")
    except TrainingStopped:
        pass
    logger.log_stage_end(stage=-1)
    assert_type(logger.write_errors, int)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
