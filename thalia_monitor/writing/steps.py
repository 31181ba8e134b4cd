"""Global steps: the contract counts on through all stages, some scripts start again from 0 at each."""

from __future__ import annotations


class GlobalSteps:
    """Turns the steps a script counts into steps of the whole training.

    A script that counts through is taken at its word. Where the first step of a *later* stage lies far below
    the last one (less than half of it) or at or before the one that the stage before began with, the script counts
    by stage, and the last step is where the new stage begins. Within a stage, or back to an earlier one,
    lower steps are a resume and stay what they are.
    """

    def __init__(self, last: int | None = None, offset: int = 0, stage: float | None = None) -> None:
        self.last = last
        """The newest global step; None before the first."""
        self.newest = last
        """The greatest step of any line, metrics or event, since training last went back."""
        self.offset = offset
        """Global step minus the script's."""
        self._stage = stage
        self._first: int | None = None
        self._first_before: int | None = None
        self._undecided = False

    def begin_stage(self, stage: float, at: int | None = None) -> None:
        """Note that a stage begins; its first step shows how the script counts, or ``at``, a global step, does."""
        if at is not None:
            self.offset, self._undecided = 0, False
        elif self._stage is not None and stage > self._stage:
            self._undecided = True
            self._first_before, self._first = self._first, None
        elif self._stage is not None and stage < self._stage:
            self.offset = 0
        self._stage = stage

    def of(self, step: int) -> int:
        """Place the step of an event in the whole training."""
        at = self._place(step)
        self.newest = at if self.newest is None else max(at, self.newest)
        return at

    def reach(self, step: int) -> int:
        """Place the step that training is at, and remember it as the newest."""
        now, before = self._place(step), self.last
        went_back = before is not None and now < before
        self.newest = now if self.newest is None or went_back else max(now, self.newest)
        self.last = now
        return now

    def finish(self, step: int) -> None:
        """Note a step that training has come to, at least: no line before it has a higher one."""
        self.of(step)
        self.last = self.newest

    def _place(self, step: int) -> int:
        if self._first is None:
            self._first = step
        if self._undecided:
            self._undecided = False
            if self.last is not None and step + self.offset <= self.last and self._starts_again(step):
                self.offset = self.last
        return step + self.offset

    def _starts_again(self, step: int) -> bool:
        assert self.last is not None
        return 2 * step < self.last or (self._first_before is not None and step <= self._first_before)
