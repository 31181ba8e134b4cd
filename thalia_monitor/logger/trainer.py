"""Attaching to Thalia's ``CurriculumTrainer``: its callback for metrics, its own methods for the rest.

From 2025-12-08 the trainer calls back every 1000 steps with the global step; from 2025-12-16 at every step with
the one in the stage and an empty dict, but every 1000. For all else it has no callback, so the methods that bring
it about are replaced on the instance, where they exist: the trainer's own runs first, and whatever goes wrong in
reporting stays with the logger.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import Enum
from numbers import Integral
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.logger.control import INTERVAL, TrainingStopped
from thalia_monitor.logger.json_values import object_fields
from thalia_monitor.model.control_request import CHECKPOINT_NOW, PAUSE, STOP, STOP_AFTER_STAGE

if TYPE_CHECKING:
    from thalia_monitor.logger.logger import CurriculumLogger

PLACEHOLDERS: Final = ("firing_rate", "capacity")
"""Metrics that the first trainers report as 0.0, both and always, for they do not measure them."""

_STOPS: Final = ("request_stop", "stop")
"""What a trainer may call its own method for being stopped."""

_CRITICAL: Final = frozenset({"emergency_stop", "rollback"})
"""Interventions of the safety system that end the stage."""


class Reported:
    """A method of the trainer, or of its safety system, with reports around it.

    An object and not a closure: it is copied and pickled along with what it belongs to.
    """

    def __init__(self, owner: Any, name: str, link: TrainerLink, report: str) -> None:
        self._owner = owner
        self._name = name
        self._link = link
        self._report = report
        own = None if name in dir(type(owner)) else getattr(owner, name)
        self._replaced = vars(owner).get(name, own)

    @property
    def __wrapped__(self) -> Any:
        """The trainer's own method: what has replaced it on the instance before, or that of its class."""
        if self._replaced is not None:
            return self._replaced
        found = next(vars(each)[self._name] for each in type(self._owner).__mro__ if self._name in vars(each))
        return found.__get__(self._owner, type(self._owner)) if hasattr(found, "__get__") else found

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the trainer's own method, and report."""
        method = self.__wrapped__
        if self._report == "stage":
            self._link.stop_before_stage()
        self._link.report(f"before_{self._report}", *arguments, **named)
        try:
            outcome = method(*arguments, **named)
        except Exception as error:
            self._link.report(f"failed_{self._report}", error, *arguments, **named)
            raise
        self._link.report(f"after_{self._report}", outcome, *arguments, **named)
        return outcome


class TrainerLink:
    """Reports one trainer's doings to a logger."""

    def __init__(self, logger: CurriculumLogger, trainer: Any) -> None:
        self._logger = logger
        self._trainer = trainer
        self._reported: dict[str, int] = {}
        self._measures = False
        self._handled: Any = None
        self._gate: Any = None
        self._stopping = ""
        """The command by which the training was asked to stop."""
        trainer.add_callback(self.on_step)
        self._wrap(trainer, "train_stage", "stage")
        self._wrap(trainer, "_check_and_trigger_growth", "check")
        self._wrap(trainer, "_check_and_trigger_consolidation", "check")
        self._wrap(trainer, "extend_stage", "extension")
        self._wrap(trainer, "transition_to_stage", "transition")
        self._wrap(trainer, "analyze_transition", "analysis")
        self._wrap(trainer, "evaluate_stage_readiness", "readiness")
        self._wrap(trainer, "_handle_safety_intervention", "intervention")
        safety = getattr(trainer, "safety_system", None)
        self._wrap(safety, "handle_intervention", "handling")
        self._wrap(safety, "force_emergency_stop", "emergency_stop")
        self._wrap(safety, "can_advance_stage", "advance")
        gates = getattr(safety, "stage_gates", None)
        for gate in gates.values() if isinstance(gates, Mapping) else ():
            self._wrap(gate, "evaluate", "gate")
        self._offer()

    def _offer(self) -> None:
        """Offer for control what this trainer has: every callback of it is a step at which it can wait or stop."""
        logger, trainer = self._logger, self._trainer
        logger.declare_command(PAUSE)
        if callable(getattr(trainer, "save_checkpoint", None)):
            logger.declare_command(CHECKPOINT_NOW, self._save_checkpoint)
        own = next((name for name in _STOPS if callable(getattr(trainer, name, None))), None)
        logger.declare_command(STOP, getattr(trainer, own) if own else self._stop_now)
        if callable(getattr(trainer, "train_stage", None)):
            logger.declare_command(STOP_AFTER_STAGE, self._stop_later)

    def _save_checkpoint(self) -> None:
        self._trainer.save_checkpoint()

    def _stop_now(self) -> None:
        self._stopping = STOP

    def _stop_later(self) -> None:
        self._stopping = self._stopping or STOP_AFTER_STAGE

    def _follow_requests(self) -> None:
        """Apply requests at a step; raises TrainingStopped where one asks for that."""
        control = self._logger.control(self._step(), wait=False)
        while control.paused and self._stopping != STOP:
            time.sleep(INTERVAL)
            control = self._logger.control(self._step(), wait=False)
        if self._stopping == STOP:
            raise TrainingStopped("stopped on request, by the command stop")

    def stop_before_stage(self) -> None:
        """Raise TrainingStopped where the training was asked to stop after the stage before."""
        if self._stopping:
            raise TrainingStopped(f"stopped on request, by the command {self._stopping}")

    def report(self, moment: str, *arguments: Any, **named: Any) -> None:
        """Report one moment of a method, if it is of interest; an error stays with the logger."""
        with self._logger.guard.lock, self._logger.guard:
            report = getattr(self, f"_{moment}", None)
            if report is not None:
                report(*arguments, **named)

    def on_step(self, step: int, metrics: Any) -> None:
        """Log the metrics of a callback, if it has any; then apply what was requested meanwhile."""
        if metrics and isinstance(metrics, Mapping):
            self._log_metrics(step, metrics)
        self._follow_requests()

    def _log_metrics(self, step: int, metrics: Mapping[str, Any]) -> None:
        with self._logger.guard.lock, self._logger.guard:
            self._follow_stage()
            values = dict(metrics)
            at = values.pop("global_step", None)
            if at is None:
                at = self._step()
            self._logger.log_training_step(int(step if at is None else at), self._measured(values))

    def _follow_stage(self) -> None:
        """Begin a stage where the trainer is in one that nobody has announced."""
        number = _number(getattr(self._trainer, "current_stage", None))
        if number is None:
            number = self._logger.current_stage if self._logger.current_stage is not None else -1
        if number != self._logger.current_stage:
            self._begin(number, {}, None)

    def _begin(self, number: Any, config: Any, step: int | None) -> None:
        self._reported = {}
        self._logger.log_stage_start(number, config, step=step)

    def _before_stage(self, stage: Any, config: Any = None, *_: Any, **__: Any) -> None:
        self._begin(_number(stage), config, self._step())

    def _after_stage(self, result: Any, stage: Any, *_: Any, **__: Any) -> None:
        self._report_events(result)
        self._reach()
        results = getattr(result, "milestone_results", None)
        if results:
            self._logger.log_milestone_evaluation(_number(stage), results, step=self._step())
        details = {
            name: getattr(result, name)
            for name in ("success", "total_steps", "training_time_seconds", "failure_reasons")
            if hasattr(result, name)
        }
        final = getattr(result, "final_metrics", None)
        metrics = self._measured(final) if isinstance(final, Mapping) else {}
        metrics.pop("global_step", None)
        self._logger.log_stage_end(_number(stage), step=self._step(), metrics=metrics, details=details)

    def _failed_stage(self, error: Exception, stage: Any, *_: Any, **__: Any) -> None:
        reason = str(error) or type(error).__name__
        self._reach()
        severity = "info" if isinstance(error, TrainingStopped) else "critical"
        self._logger.log_warning(f"Training of {_name(stage)} stopped: {reason}", severity, self._step())
        details = {"success": False, "failure_reasons": [reason]}
        self._logger.log_stage_end(_number(stage), step=self._step(), details=details)

    def _after_check(self, _outcome: Any, *arguments: Any, **named: Any) -> None:
        for argument in (*arguments, *named.values()):
            if hasattr(argument, "growth_events"):
                self._report_events(argument)

    def _after_extension(
        self, _outcome: Any, stage: Any, additional_steps: Any = 20_000, reason: str = "Milestones not met"
    ) -> None:
        self._logger.log_stage_extension(
            _number(stage), None, reason, additional_steps=additional_steps, step=self._step()
        )

    def _after_transition(self, _outcome: Any, new_stage: Any, old_stage: Any, weeks: Any = 4) -> None:
        self._logger.log_transition(
            _number(old_stage), _number(new_stage), "", step=self._step(), details={"weeks": weeks}
        )

    def _failed_transition(self, error: Exception, new_stage: Any, old_stage: Any, *_: Any) -> None:
        text = f"Transition from {_name(old_stage)} to {_name(new_stage)} failed: {error}"
        self._logger.log_warning(text, "critical", self._step())

    def _after_analysis(self, analysis: Any, *_: Any, **__: Any) -> None:
        if isinstance(analysis, Mapping):
            fields = {name: analysis[name] for name in analysis if name not in ("global_step", "timestamp")}
            step = analysis.get("global_step", self._step())
            self._logger.log_event(contract.TRANSITION_ANALYSIS, fields, step=step)

    def _after_readiness(self, ready: Any, stage: Any, *_: Any, **__: Any) -> None:
        fields = {"stage": _number(stage), "ready": bool(ready)}
        self._logger.log_event(contract.READINESS, fields, step=self._step())

    def _before_intervention(self, *_: Any, **__: Any) -> None:
        self._handled = None

    def _after_handling(self, actions: Any, intervention: Any, *_: Any, **__: Any) -> None:
        self._handled = intervention
        taken = actions.get("actions") if isinstance(actions, Mapping) else None
        self._report_intervention(intervention, {} if taken is None else {"actions": taken})

    def _after_intervention(self, _outcome: Any, intervention: Any, *_: Any, **__: Any) -> None:
        if self._handled is None:
            self._report_intervention(intervention, {})

    def _failed_intervention(self, _error: Exception, intervention: Any, *_: Any, **__: Any) -> None:
        self._after_intervention(None, intervention)

    def _before_emergency_stop(self, reason: Any = None) -> None:
        self._report_intervention("emergency_stop", {"reason": reason})

    def _report_intervention(self, intervention: Any, details: Mapping[str, Any]) -> None:
        name = str(_number(intervention))
        stage = _number(getattr(self._trainer, "current_stage", None))
        fields = {"intervention": name, "stage": stage, **details}
        self._logger.log_event(contract.INTERVENTION, fields, step=self._step())
        severity = "critical" if name in _CRITICAL else "warning"
        self._logger.log_warning(f"Safety intervention: {name}", severity, self._step())

    def _after_gate(self, result: Any, *_: Any, **__: Any) -> None:
        if result is None or result is self._gate:
            return  # the safety system passes on what the gate has just returned
        self._gate = result
        fields = object_fields(result)
        if fields is not None:
            stage = _number(getattr(self._trainer, "current_stage", None))
            self._logger.log_event(contract.GATE, {"stage": stage} | fields, step=self._step())

    def _after_advance(self, outcome: Any, *_: Any, **__: Any) -> None:
        if isinstance(outcome, tuple) and len(outcome) == 2:
            self._after_gate(outcome[1])

    def _report_events(self, result: Any) -> None:
        """Log those of a result's events that were not logged before."""
        for event in self._unreported(result, "growth_events"):
            self._logger.log_growth_event(
                _taken(event, "component_name", "region", default="unknown"),
                _taken(event, "n_neurons_added", "neurons_added"),
                _taken(event, "reason", default=""),
                step=_taken(event, "step", default=self._step()),
                new_total=_taken(event, "new_size", "new_total"),
                details=_renamed(event),
            )
        for event in self._unreported(result, "consolidation_events"):
            self._logger.log_consolidation(
                _taken(event, "sleep_stage"),
                _taken(event, "total_replayed", "patterns_replayed"),
                step=_taken(event, "step", default=self._step()),
                details=_renamed(event),
            )

    def _unreported(self, result: Any, name: str) -> list[dict[str, Any]]:
        events = getattr(result, name, None) or []
        new = events[self._reported.get(name, 0) :]
        self._reported[name] = len(events)
        return [dict(event) if isinstance(event, Mapping) else object_fields(event) or {} for event in new]

    def _measured(self, metrics: Mapping[str, Any]) -> dict[str, Any]:
        """Leave placeholders out, until one of them is something else for the first time."""
        there = [name for name in PLACEHOLDERS if name in metrics]
        self._measures = self._measures or any(metrics[name] != 0.0 for name in there)
        placeholders = len(there) == len(PLACEHOLDERS) and not self._measures
        return {name: metrics[name] for name in metrics if not (placeholders and name in there)}

    def _step(self) -> int | None:
        step = getattr(self._trainer, "global_step", None)
        return int(step) if isinstance(step, Integral) else None

    def _reach(self) -> None:
        step = self._step()
        if step is not None:
            self._logger.reach(step)

    def _wrap(self, owner: Any, name: str, report: str) -> None:
        """Let reports surround a method, where there is one and the object takes another in its place."""
        if callable(getattr(owner, name, None)) and hasattr(owner, "__dict__"):
            setattr(owner, name, Reported(owner, name, self, report))


def _number(stage: Any) -> Any:
    return stage.value if isinstance(stage, Enum) else stage


def _name(stage: Any) -> str:
    return f"stage {_number(stage)}"


def _taken(event: dict[str, Any], *names: str, default: Any = None) -> Any:
    """Take a field out of an event under the first of its names that it has."""
    for name in names:
        if name in event:
            return event.pop(name)
    return default


def _renamed(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give the rest of an event's fields; the trainer's ``stage`` is the name of one, not of a phase of sleep."""
    return {"stage_name" if name == "stage" else name: event[name] for name in event}
