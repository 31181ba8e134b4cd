"""What a training measures and decides about itself: probes, cognitive load, health score, interventions, its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from thalia_monitor import contract


class Assessments:
    """Methods of the logger that write an event each; ``docs/data-contract.md`` has their fields."""

    def log_event(
        self, kind: str, fields: Mapping[str, Any] | None = None, *, step: int | None = None
    ) -> None:
        """Log an event of any kind; the logger does it."""
        raise NotImplementedError

    def log_evaluation(
        self, task: str, stage: Any, accuracy: float, n: int | None = None, step: int | None = None
    ) -> None:
        """Log how well a task is done now.

        ``stage`` is the one that teaches the task, not the one that is trained now; ``accuracy`` is 0 to 1, over
        ``n`` trials. Probe tasks of earlier stages, too: the monitor shows what of them is kept.
        """
        fields = {"task": task, "stage": stage, "accuracy": accuracy} | ({} if n is None else {"n": n})
        self.log_event(contract.EVALUATION, fields, step=step)

    def log_intervention(
        self,
        intervention: str,
        reason: str = "",
        step: int | None = None,
        *,
        actions: Sequence[str] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Log that a safety system intervened, such as ``reduce_load``, ``consolidate`` or ``rollback``.

        ``actions`` are what it did; ``details`` are further fields of the event.
        """
        given = {"reason": reason, "actions": list(actions)}
        fields = {name: value for name, value in given.items() if value}
        self.log_event(
            contract.INTERVENTION, {**(details or {}), "intervention": intervention, **fields}, step=step
        )

    def log_cognitive_load(
        self,
        load: float,
        step: int | None = None,
        *,
        threshold: float | None = None,
        deactivated: Sequence[str] = (),
    ) -> None:
        """Log the cognitive load; ``deactivated`` are the mechanisms that were switched off because of it.

        ``threshold`` is where it becomes too high: 0.9 unless it is given.
        """
        given = {"threshold": threshold, "deactivated": list(deactivated) or None}
        fields = {name: value for name, value in given.items() if value is not None}
        self.log_event(contract.COGNITIVE_LOAD, {"load": load, **fields}, step=step)

    def log_training_end(self, reason: str = "", step: int | None = None, *, stopped: bool = False) -> None:
        """Log that the training has ended: the monitor shows it as ended at once, not as quiet and then stale.

        ``stopped`` tells that it ended before it was done, ``reason`` why: the text of an error, for example.
        """
        fields = {"status": "stopped" if stopped else "complete"} | ({"reason": reason} if reason else {})
        self.log_event(contract.TRAINING_END, fields, step=step)

    def log_health_score(self, score: float, step: int | None = None) -> None:
        """Log the health score of a safety system, 0 to 1."""
        self.log_event(contract.HEALTH_SCORE, {"score": score}, step=step)
