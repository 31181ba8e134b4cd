"""Attaching to Thalia's ``CurriculumTrainer``: its callback for metrics, its own methods for the rest.

From 2025-12-08 the trainer calls back every 1000 steps with the global step; from 2025-12-16 at every step with
the one in the stage and an empty dict, but every 1000. For growth, sleep and milestones it has no callback, so
where the methods that bring them about exist they are wrapped on the instance: the trainer's own runs first, and
whatever goes wrong in reporting stays with the logger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import wraps
from typing import TYPE_CHECKING, Any

from thalia_monitor.writing.values import object_fields

if TYPE_CHECKING:
    from thalia_monitor.logger import CurriculumLogger


class TrainerLink:
    """Reports one trainer's doings to a logger."""

    def __init__(self, logger: CurriculumLogger, trainer: Any) -> None:
        self._logger = logger
        self._trainer = trainer
        self._reported: dict[str, int] = {}
        trainer.add_callback(self.on_step)
        self._wrap("train_stage", before=self._stage_begins, after=self._stage_is_over)
        self._wrap("_check_and_trigger_growth", after=self._look_for_events)
        self._wrap("_check_and_trigger_consolidation", after=self._look_for_events)

    def on_step(self, step: int, metrics: Any) -> None:
        """Log the metrics of a callback; without any there is nothing to log."""
        if not metrics or not isinstance(metrics, Mapping):
            return
        with self._logger.guard.lock, self._logger.guard:
            self._follow_stage()
            values = dict(metrics)
            self._logger.log_training_step(int(values.pop("global_step", step)), values)

    def _follow_stage(self) -> None:
        """Begin a stage where the trainer is in one that nobody has announced."""
        stage = getattr(self._trainer, "current_stage", None)
        number = stage.value if isinstance(stage, Enum) else stage
        if number is None:
            number = self._logger.current_stage if self._logger.current_stage is not None else -1
        if number != self._logger.current_stage:
            self._begin(number, {})

    def _begin(self, number: Any, config: Any) -> None:
        self._reported = {}
        self._logger.log_stage_start(number, config)

    def _stage_begins(self, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        values = [*arguments, *(named[name] for name in ("stage", "config") if name in named)]
        stage = values[0]
        self._begin(stage.value if isinstance(stage, Enum) else stage, values[1] if len(values) > 1 else {})

    def _stage_is_over(self, result: Any, _arguments: tuple[Any, ...]) -> None:
        stage = self._logger.current_stage
        if stage is None:
            return
        self._report_events(result)
        results = getattr(result, "milestone_results", None)
        if results:
            self._logger.log_milestone_evaluation(stage, results, step=self._global_step())
        self._logger.log_stage_end(stage)

    def _look_for_events(self, _outcome: Any, arguments: tuple[Any, ...]) -> None:
        for argument in arguments:
            if hasattr(argument, "growth_events"):
                self._report_events(argument)

    def _report_events(self, result: Any) -> None:
        """Log those of a result's events that were not logged before."""
        for event in self._unreported(result, "growth_events"):
            self._logger.log_growth_event(
                event.get("component_name", event.get("region", "unknown")),
                event.get("n_neurons_added", event.get("neurons_added", 0)),
                event.get("reason", ""),
                step=event.get("step", self._global_step()),
                new_total=event.get("new_size"),
            )
        for event in self._unreported(result, "consolidation_events"):
            self._logger.log_consolidation(
                event.get("sleep_stage", "NREM"),
                event.get("total_replayed", 0),
                step=event.get("step", self._global_step()),
            )

    def _unreported(self, result: Any, name: str) -> list[dict[str, Any]]:
        events = getattr(result, name, None) or []
        new = events[self._reported.get(name, 0) :]
        self._reported[name] = len(events)
        return [event if isinstance(event, dict) else object_fields(event) or {} for event in new]

    def _global_step(self) -> int | None:
        return getattr(self._trainer, "global_step", None)

    def _wrap(
        self,
        name: str,
        *,
        after: Callable[[Any, tuple[Any, ...]], None],
        before: Callable[[tuple[Any, ...], Mapping[str, Any]], None] | None = None,
    ) -> None:
        """Let reports surround one of the trainer's methods, where it has it."""
        method = getattr(self._trainer, name, None)
        if not callable(method):
            return

        @wraps(method)
        def reported(*arguments: Any, **named: Any) -> Any:
            if before is not None:
                with self._logger.guard.lock, self._logger.guard:
                    before(arguments, named)
            outcome = method(*arguments, **named)
            with self._logger.guard.lock, self._logger.guard:
                after(outcome, (*arguments, *named.values()))
            return outcome

        setattr(self._trainer, name, reported)
