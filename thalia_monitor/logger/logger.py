"""The writing half: a drop-in for Thalia's own ``CurriculumLogger`` that also writes what the monitor reads.

::

    from thalia_monitor.logger import CurriculumLogger, LogLevel

    logger = CurriculumLogger(log_dir="runs/first")
    logger.log_stage_start(stage=-1, config={"duration_weeks": 4})
    logger.log_training_step(step=1000, metrics={"loss": 0.23, "firing_rate": 0.12, "capacity": 0.65})

Files in ``log_dir``: ``curriculum_training.log``, ``stage_<N>_log.json`` and ``session_*.json`` as Thalia's class
writes them, and with ``json_log`` the documented ``training_log.json`` and ``metadata_*.json``, live.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

from thalia_monitor import contract
from thalia_monitor.logger import text_log
from thalia_monitor.logger.control import ControlMethods, ControlState
from thalia_monitor.logger.event_methods import EventMethods
from thalia_monitor.logger.files import Guard, WriteErrors
from thalia_monitor.logger.json_values import plain, plain_metrics, text, whole_step
from thalia_monitor.logger.progress import CheckInterval, health_issues
from thalia_monitor.logger.recorder import Recorder
from thalia_monitor.logger.stage_log import StageFiles, StageLog, config_fields
from thalia_monitor.logger.text_log import (
    ConsoleHandler,
    FileHandler,
    LogLevel,
    session_report,
    stage_report,
    text_logger,
)
from thalia_monitor.logger.trainer import TrainerLink

__all__ = ["CurriculumLogger", "LogLevel", "StageLog"]

METADATA_INTERVAL = 1_000
"""Steps between two metadata files: as often as Thalia's trainer reports metrics."""


class CurriculumLogger(ControlMethods, EventMethods):
    """Logs a curriculum training: steps, growth, consolidation, milestones, transitions, reports.

    All methods may be called from any thread. None of them raises because of a file or a value: what cannot be
    written is counted in :attr:`write_errors`, reported once on the console, and shown by the monitor.
    """

    def __init__(
        self,
        log_dir: str | PathLike[str] = "logs/curriculum",
        log_level: LogLevel = LogLevel.INFO,
        console_output: bool = True,
        file_output: bool = True,
        *,
        console_log: bool | None = None,
        file_log: bool | None = None,
        json_log: bool | None = None,
        metadata_interval: int = METADATA_INTERVAL,
        keep_in_memory: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open a log directory, making it where it is missing.

        ``console_log`` and ``file_log`` are the dashboard document's names for ``console_output`` and
        ``file_output``, and win over them. ``json_log`` writes the documented files; it is on, unless
        ``file_output=False`` asks for no files at all. ``metadata_interval`` is in steps.
        ``keep_in_memory=False`` keeps of :attr:`stage_logs` only counts and newest records. ``clock`` gives Unix
        seconds.
        """
        self.log_dir = Path(log_dir)
        self.log_level = LogLevel(getattr(log_level, "value", log_level))
        self.console_output = console_output if console_log is None else console_log
        self.file_output = file_output if file_log is None else file_log
        self.current_stage: Any = None
        self.stage_logs: dict[Any, StageLog] = {}
        self.session_start_time = clock()
        self._clock = clock
        self._keep = keep_in_memory
        self._check = CheckInterval()
        self._recorder: Recorder | None = None
        self._errors = WriteErrors(self._tell)
        self._directory = self.log_dir.absolute()  # a script may go to another working directory
        self._files = StageFiles(self._directory, self._errors)
        self._controls = ControlState(self._errors, self._directory)
        self.guard = Guard(self._errors)
        """Keeps errors out of a block, and its lock other threads."""
        self._open_text_log()
        wanted = json_log if json_log is not None else self.file_output or file_log is not None
        with self.guard.lock, self.guard:
            self._open_files(wanted, metadata_interval)

    def __copy__(self) -> CurriculumLogger:
        """Return the logger itself: a copy would write everything twice."""
        return self

    def __deepcopy__(self, memo: Any) -> CurriculumLogger:
        return self

    def __getstate__(self) -> dict[str, Any]:
        """The state for pickle: unpickled, it goes on in the same directory, with the system's clock."""
        with self.guard.lock:
            return {name: value for name, value in self.__dict__.items() if name not in ("logger", "_clock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._clock = time.time
        self._open_text_log()

    @property
    def write_errors(self) -> int:
        """How many records could not be written so far."""
        return self._errors.count

    def log_stage_start(self, stage: Any, config: Any = None, *, step: int | None = None) -> None:
        """Begin a stage. ``config`` is a mapping or an object; ``duration_weeks`` in it is the plan.

        ``step`` is the step of the whole training at which it begins; by default the newest that was logged.
        """
        with self.guard.lock, self.guard:
            number, fields = plain(stage), config_fields(config)
            self.current_stage = number
            self.stage_logs[number] = StageLog(stage=number, start_time=self._clock(), config=config)
            if self._recorder:
                self._recorder.start_stage(number, plain_metrics(fields), _step(step))
            if self.file_output:
                self._files.start(self.stage_logs[number])
            self.logger.info(text_log.stage_start(number, fields))

    def log_stage_end(
        self,
        stage: Any,
        *,
        step: int | None = None,
        metrics: Mapping[str, Any] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """End a stage, at a step beyond the newest that was logged where ``step`` is given.

        ``metrics`` are those at the end; ``details`` are further fields of the event.
        """
        with self.guard.lock, self.guard:
            log = self._known(stage)
            if log is None:
                return
            log.end_time = self._clock()
            if self._recorder:
                final = plain_metrics(metrics or {})
                self._recorder.end_stage(log.stage, _step(step), final, plain_metrics(details or {}))
            if self.file_output:
                self._files.write(log)
            self.logger.info(text_log.stage_end(log.stage, log.duration_hours() or 0.0))

    def log_training_step(self, step: int, metrics: Mapping[str, Any], *, week: float | None = None) -> None:
        """Log the metrics of a step; ``neuron_counts`` and ``capacity_by_region`` may be among them.

        ``week`` (or ``current_week`` among the metrics) is how far the stage is.
        """
        with self.guard.lock, self.guard:
            log = self._active("step logging")
            if log is not None:
                self._log_step(log, step, metrics, week)

    def record(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Log the metrics of a step, in a stage or in a training that has none."""
        with self.guard.lock, self.guard:
            self._log_step(self.stage_logs.get(self.current_stage), step, metrics, None)

    def log_growth_event(
        self,
        region: str,
        n_added: int,
        reason: str,
        step: int | None = None,
        *,
        new_total: int | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Log that a region grew; ``new_total`` follows from logged ``neuron_counts`` where it is not given.

        ``details`` are further fields of the event.
        """
        with self.guard.lock, self.guard:
            log = self._active("growth event")
            if log is None:
                return
            at, added, name, why = _step(step), plain(n_added), text(region), text(reason)
            record = {"step": at, "timestamp": self._clock(), "region": name, "n_added": added}
            log.add("growth_events", record | {"reason": why}, self._keep)
            if self._recorder:
                more = plain_metrics(details or {})
                self._recorder.growth(name, added, why, at, plain(new_total), more)
            self.logger.info(text_log.growth(name, added, why, at))

    def log_consolidation(
        self,
        stage_name: str | None,
        n_patterns: int | None,
        duration_seconds: float | None = None,
        step: int | None = None,
        *,
        duration_steps: int | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Log one phase of sleep (``NREM``, ``REM``, ...), with its length in seconds, in steps, or both.

        What is not known is None, and is not written. ``details`` are further fields of the event.
        """
        with self.guard.lock, self.guard:
            log = self._active("consolidation")
            if log is None:
                return
            at, patterns = _step(step), plain(n_patterns)
            seconds, steps = plain(duration_seconds), plain(duration_steps)
            length = {"duration_seconds": seconds} | ({} if steps is None else {"duration_steps": steps})
            phase = None if stage_name is None else text(stage_name)
            record = {"step": at, "timestamp": self._clock(), "stage": phase, "n_patterns": patterns}
            log.add("consolidation_events", record | length, self._keep)
            if self._recorder:
                self._recorder.consolidation(phase, patterns, length, at, plain_metrics(details or {}))
            self.logger.info(text_log.consolidation(phase, patterns, seconds, steps, at))

    def log_milestone_evaluation(
        self, stage: Any, results: Mapping[str, Any], week: float | None = None, step: int | None = None
    ) -> None:
        """Log which of a stage's milestones are passed."""
        with self.guard.lock, self.guard:
            log = self._known(stage)
            if log is None:
                return
            at, checks, now = _step(step), plain_metrics(results), self._clock()
            record = {"step": at, "week": plain(week), "timestamp": now, "results": checks}
            log.add("milestone_checks", record, self._keep)
            if self._recorder:
                self._recorder.milestones(log.stage, checks, plain(week), at)
            self.logger.info(text_log.milestones(log.stage, checks, plain(week)))

    def log_transition(
        self,
        old_stage: Any,
        new_stage: Any,
        reason: str = "Milestones passed",
        *,
        step: int | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Log that training moves on to another stage. ``details`` are further fields of the event."""
        with self.guard.lock, self.guard:
            old, new, why = plain(old_stage), plain(new_stage), text(reason)
            if self._recorder:
                fields = {"old_stage": old, "new_stage": new, "reason": why}
                self._recorder.event(contract.TRANSITION, _step(step), plain_metrics(details or {}) | fields)
            log = self.stage_logs.get(old)
            if log is not None:
                record = {
                    "timestamp": self._clock(),
                    "old_stage": old,
                    "new_stage": new,
                    "reason": why,
                }
                log.add("transitions", record, self._keep)
                if self.file_output and log.end_time is not None:
                    self._files.write(log)  # it was written at the stage's end, before this was known
            self.logger.info(text_log.transition(old, new, why))

    def log_stage_extension(
        self,
        stage: Any,
        additional_weeks: float | None,
        reason: str,
        *,
        additional_steps: int | None = None,
        step: int | None = None,
    ) -> None:
        """Log that a stage is given more weeks, or more steps."""
        with self.guard.lock, self.guard:
            number, weeks, steps, why = (
                *map(plain, (stage, additional_weeks, additional_steps)),
                text(reason),
            )
            if self._recorder:
                self._recorder.extend(number, weeks, steps, why, _step(step))
            self.logger.warning(text_log.extension(number, weeks, steps, why))

    def log_warning(self, message: str, severity: str = "warning", step: int | None = None) -> None:
        """Log a health warning: ``severity`` is info, warning or critical, as a text or an enum of texts."""
        with self.guard.lock, self.guard:
            how, what = text(plain(severity)).strip().lower(), text(message)
            if self._recorder:
                self._recorder.alert(how, what, _step(step))
            self.logger.log(_LEVELS.get(how, logging.WARNING), text_log.health(what))

    def log_event(
        self, kind: str, fields: Mapping[str, Any] | None = None, *, step: int | None = None
    ) -> None:
        """Log anything else that happened, as an event of its own kind; the text log has a line with its fields."""
        with self.guard.lock, self.guard:
            name, values = text(kind), plain_metrics(fields or {})
            if self._recorder:
                self._recorder.event(name, _step(step), values)
            self.logger.info(text_log.event(name, values, _step(step)))

    def attach(self, trainer: Any) -> None:
        """Log what a ``CurriculumTrainer`` does: its metrics, stages, growth, sleep, milestones, safety and gates."""
        TrainerLink(self, trainer)

    def generate_stage_report(self, stage: Any) -> str:
        """Sum a stage up in text."""
        log = self.stage_logs.get(plain(stage))
        return f"No log data for stage {stage}" if log is None else stage_report(log.stage, log)

    def generate_session_report(self) -> str:
        """Sum the session's stages up in text."""
        return session_report(self.stage_logs, (self._clock() - self.session_start_time) / 3600)

    def save_session(self, filename: str | None = None) -> None:
        """Write the session's summary, by default to ``session_<YYYYmmdd_HHMMSS>.json``."""
        with self.guard.lock, self.guard:
            name = self._files.save_session(filename, self.session_start_time, self._clock(), self.stage_logs)
            if name:
                self.logger.info(f"Session saved to {self.log_dir / name}")

    def close(self) -> None:
        """Let go of the handlers of the text log; no file is open between two records, and logging may go on."""
        for handler in self.logger.handlers:
            handler.close()

    def _open_text_log(self) -> None:
        self.logger = text_logger(self.log_level)
        self.logger.addHandler(ConsoleHandler() if self.console_output else logging.NullHandler())
        if self.file_output:
            self.logger.addHandler(FileHandler(self._directory, self._errors))

    def _open_files(self, with_json: bool, interval: int) -> None:
        if self.file_output or with_json:
            try:
                self._directory.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                self._errors.failed(str(self._directory), error)
        if with_json:
            self._recorder = Recorder(
                self._directory, interval=interval, errors=self._errors, clock=self._clock
            )

    def reach(self, step: int) -> None:
        """Note that training has come to a step at which no metrics are logged, as at the end of a stage."""
        with self.guard.lock, self.guard:
            if self._recorder:
                self._recorder.reach(whole_step(step))

    def _log_step(
        self, log: StageLog | None, step: int, metrics: Mapping[str, Any], week: float | None
    ) -> None:
        values, at = plain_metrics(metrics), whole_step(step)
        if log is not None:
            record = {"step": at, "timestamp": self._clock()}
            log.add("step_metrics", record | values | record, self._keep)
        if self._recorder:
            self._recorder.step(at, dict(values), plain(week))
        if self._check.due(at):
            self.logger.info(text_log.step(at, values))
            for message in health_issues(values).values():
                self.logger.warning(text_log.health(message))

    def _active(self, purpose: str) -> StageLog | None:
        if self.current_stage is None:
            self.logger.warning(f"No active stage for {purpose}")
            return None
        return self.stage_logs[self.current_stage]

    def _known(self, stage: Any) -> StageLog | None:
        log = self.stage_logs.get(plain(stage))
        if log is None:
            self.logger.warning(f"Stage {plain(stage)} not found in logs")
        return log

    def _tell(self, message: str) -> None:
        """Report failures to write, in the text log and, where there is no console, on Python's own log."""
        self.logger.warning(message)
        if not self.console_output:
            logging.getLogger("thalia_monitor.logger").warning(message)


_LEVELS: Final = {"info": logging.INFO, "critical": logging.ERROR}
"""Levels of warnings in the text log, other than that of a warning."""


def _step(step: Any) -> int | None:
    return None if step is None else whole_step(step)
