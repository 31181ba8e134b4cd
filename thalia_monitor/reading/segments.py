"""Telling a resume from lines that are merely out of order.

A run's step rises. Where a metric line's step falls below the highest of its segment, either training was
resumed from a checkpoint (a new segment begins) or the line is a *straggler* that came late (it belongs where
its step says, in the same segment). Told apart by, in this order:

1. The line's stage differs from the stage before: steps restart by design, a new segment of kind ``stage``.
2. The line and the segment so far both have timestamps: a later one than any in the segment is a resume, an
   earlier or equal one a straggler.
3. Otherwise a resume, unless the very next metric line is back above the highest step before the fall.

Rule 3 needs the next line: until it comes the line counts as a resume, so that what is shown depends only on
the complete lines in the log, not on when it was read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from thalia_monitor.history import Floats, Ints, Segment

NEVER = -math.inf


@dataclass(slots=True)
class Mark:
    """How far a segment has come."""

    step: int = -1
    """Its highest step."""
    time: float = NEVER
    """Its latest timestamp; ``NEVER`` without any."""

    def reach(self, step: int, time: float) -> None:
        """Take in one more line of the segment."""
        self.step = max(self.step, step)
        if time > self.time:  # false for NaN: no timestamp
            self.time = time


@dataclass(slots=True)
class Segmenter:
    """Assigns each metric line, in file order, to its segment."""

    segments: list[Segment] = field(default_factory=list)
    ordered: bool = True
    rows: int = 0
    mark: Mark = field(default_factory=Mark)
    """Of the newest segment."""
    doubted: Mark | None = None
    """Set while the last line is a resume by rule 3 that its next line may refute: the segment before it."""
    stage: float = math.nan
    """The last one that a line told."""

    def assign(self, step: Ints, time: Floats, stage: Floats) -> tuple[Ints, bool]:
        """Give the segment of each line, and whether the line before the first was a straggler after all."""
        if not len(step):
            return np.empty(0, np.int64), False
        if not self.segments:
            self.segments.append(Segment(0, 0, int(step[0])))
        if self.doubted is None and step[0] >= self.mark.step and bool((step[1:] >= step[:-1]).all()):
            return self._assign_rising(step, time, stage), False
        return self._assign_each(step, time, stage)

    def _assign_rising(self, step: Ints, time: Floats, stage: Floats) -> Ints:
        self.rows += len(step)
        known = time[~np.isnan(time)]
        self.mark.reach(int(step[-1]), float(known.max()) if len(known) else math.nan)
        told = stage[~np.isnan(stage)]
        if len(told):
            self.stage = float(told[-1])
        return np.full(len(step), len(self.segments) - 1, np.int64)

    def _assign_each(self, step: Ints, time: Floats, stage: Floats) -> tuple[Ints, bool]:
        assigned: list[int] = []
        refuted = False
        for line in zip(step.tolist(), time.tolist(), stage.tolist(), strict=True):
            if self._place(*line):
                if assigned:
                    assigned[-1] -= 1
                else:
                    refuted = True
            assigned.append(len(self.segments) - 1)
        return np.array(assigned, np.int64), refuted

    def _place(self, step: int, time: float, stage: float) -> bool:
        """Place one line in the newest segment; tell whether it makes the line before it a straggler."""
        restaged = stage == stage and self.stage == self.stage and stage != self.stage
        if stage == stage:
            self.stage = stage
        refuted = self._settle_doubt(step)
        if step < self.mark.step:
            if restaged:
                self._begin(step, "stage")
            elif time == time and self.mark.time > NEVER:
                if time > self.mark.time:
                    self._begin(step, "resume")
                else:
                    self.ordered = False
            else:
                self.doubted = self.mark
                self._begin(step, "resume")
        self.mark.reach(step, time)
        self.rows += 1
        return refuted

    def _settle_doubt(self, step: int) -> bool:
        before, self.doubted = self.doubted, None
        if before is None or step <= before.step:
            return False
        self.segments.pop()
        self.ordered = False
        before.reach(before.step, self.mark.time)
        self.mark = before
        return True

    def _begin(self, step: int, kind: str) -> None:
        self.segments.append(Segment(len(self.segments), self.rows, step, kind))
        self.mark = Mark()
