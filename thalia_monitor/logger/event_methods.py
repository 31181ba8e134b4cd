"""Methods of the logger: probes, cognitive load, health score, interventions, the end of a training, spikes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from thalia_monitor import contract
from thalia_monitor.logger.json_values import whole_step
from thalia_monitor.logger.spikes import sample_window

if TYPE_CHECKING:
    from thalia_monitor.logger.files import Guard
    from thalia_monitor.logger.recorder import Recorder


class EventMethods:
    """Mixin of CurriculumLogger: methods that log an event each, and ``log_spikes``, which writes a file.

    ``docs/data-contract.md`` has the fields.
    """

    guard: Guard
    _recorder: Recorder | None

    def log_event(
        self, kind: str, fields: Mapping[str, Any] | None = None, *, step: int | None = None
    ) -> None:
        """Log an event of any kind: CurriculumLogger has the method."""
        raise NotImplementedError

    def log_evaluation(
        self, task: str, stage: Any, accuracy: float, n: int | None = None, step: int | None = None
    ) -> None:
        """Log how well a task is done now.

        ``stage`` is the one that teaches the task, not the one that is trained now; ``accuracy`` is 0 to 1, over
        ``n`` trials. Log tasks of earlier stages as well: the monitor shows what of them is kept.
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

        ``threshold`` is the load from which it is too high; the monitor takes 0.9 where none is logged.
        """
        given = {"threshold": threshold, "deactivated": list(deactivated) or None}
        fields = {name: value for name, value in given.items() if value is not None}
        self.log_event(contract.COGNITIVE_LOAD, {"load": load, **fields}, step=step)

    def log_training_end(self, reason: str = "", step: int | None = None, *, stopped: bool = False) -> None:
        """Log that the training has ended: the monitor shows it as ended at once, not as quiet and then stale.

        ``stopped`` means that it ended before it was done, and ``reason`` says why: an error's text, for example.
        """
        fields = {"status": "stopped" if stopped else "complete"} | ({"reason": reason} if reason else {})
        self.log_event(contract.TRAINING_END, fields, step=step)

    def log_health_score(self, score: float, step: int | None = None) -> None:
        """Log the health score of a safety system, 0 to 1."""
        self.log_event(contract.HEALTH_SCORE, {"score": score}, step=step)

    def log_spikes(
        self,
        spikes: Mapping[str, Any],
        step: int | None = None,
        window_ms: float = 200.0,
        *,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        """Log which neurons fired when in a window of ``window_ms`` milliseconds, for a raster.

        ``spikes`` has for each region either the spike times of each neuron (``{neuron: [milliseconds since the
        window's start, ...]}``) or an array of 0 and 1 of shape (time, neurons), whose rows share the window evenly.
        Pass all neurons you have: of more than 32 in a region a sample is written. ``sizes`` are the numbers of
        neurons of regions of which ``spikes`` has only some. Call it at one step in thousands: the newest 40
        windows are kept. It never raises: invalid spikes are counted and reported as a write error.
        """
        with self.guard.lock, self.guard:
            if self._recorder:
                self._recorder.spikes(
                    None if step is None else whole_step(step), sample_window(spikes, window_ms, sizes or {})
                )
