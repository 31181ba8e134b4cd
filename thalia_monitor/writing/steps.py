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
        self.offset = offset
        """Global step minus the script's."""
        self._stage = stage
        self._first: int | None = None
        self._first_before: int | None = None
        self._undecided = False

    def begin_stage(self, stage: float) -> None:
        """Note that a stage begins; its first step will tell how the script counts."""
        if self._stage is not None and stage > self._stage:
            self._undecided = True
            self._first_before, self._first = self._first, None
        elif self._stage is not None and stage < self._stage:
            self.offset = 0
        self._stage = stage

    def of(self, step: int) -> int:
        """Place the step of an event in the whole training."""
        if self._first is None:
            self._first = step
        if self._undecided:
            self._undecided = False
            if self.last is not None and step + self.offset <= self.last and self._starts_again(step):
                self.offset = self.last
        return step + self.offset

    def reach(self, step: int) -> int:
        """Place the step that training is at, and remember it as the newest."""
        self.last = self.of(step)
        return self.last

    def _starts_again(self, step: int) -> bool:
        assert self.last is not None
        return 2 * step < self.last or (self._first_before is not None and step <= self._first_before)
