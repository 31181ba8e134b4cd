"""Splitting a log into segments: resumes, stages that restart the steps, late lines, and several writers of one log.

A run's step rises. Where a metric line's step is below the highest of its segment, either training was
resumed from a checkpoint (a new segment begins) or the line is a *straggler* that came late (it is sorted into
the same segment). The first rule that applies decides:

1. The line's stage differs from the stage before: steps restart by design, a new segment of kind ``stage``.
2. Several writers share the log (data-parallel ranks): a resume where the step falls below that of every
   writer, else a straggler. Each writer's own steps rise; in the file they go back and forth while time goes
   on. A run that crashes and resumes in a loop pauses at each fall, repeats the very steps that it had reached,
   and only then goes beyond them.
3. The line and the segment so far both have timestamps: a later one than any in the segment is a resume, an
   earlier or equal one a straggler.
4. Otherwise a resume, unless the very next metric line is back above the highest step before the fall.

Rule 4 needs the next line: until it comes the line counts as a resume, so that the result depends only on the
complete lines in the log, not on when it was read. Several writers show after a few falls; segments begun
within the newest lines are then taken back.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import Final

import numpy as np

from thalia_monitor.model.history import Floats, Ints, Segment

SEVERAL_WRITERS: Final = (
    "is written by several writers at once: its steps go back and forth. Let only one process log (rank 0 of a "
    "data-parallel training), or give each a directory of its own"
)
"""What is reported of such a log."""
WINDOW: Final = 64
"""Newest lines that show whether a log has several writers."""
LEAST_FALLS: Final = 4
"""Falls (a step below that of the line before) that the newest lines of several writers have at least."""
LEAST_ADVANCES: Final = 3
"""Lines with the highest step so far that they have at least: a loop that gets nowhere has one writer."""


def find_writer_window(step: list[int], time: list[float]) -> int:
    """How many consecutive lines have one of every writer at least; 0 where there is one writer.

    It is four times the widest distance of two falls or advances, since writers are not equally fast.

    Args:
        step: of the newest lines, in file order.
        time: of the same; NaN where a line has none.
    """
    falls = [at for at in range(1, len(step)) if step[at] < step[at - 1] and not time[at] < time[at - 1]]
    if len(falls) < LEAST_FALLS:
        return 0
    highest = _highest_before(step)
    advances = [at for at in range(falls[0], len(step)) if step[at] > highest[at]]
    if len(advances) < LEAST_ADVANCES:
        return 0
    one_of_several = (
        _alternate(step, falls) or _overtake(step, highest, falls, time) or _climb(step, highest, falls, time)
    )
    if not one_of_several:
        return 0
    widest = max(b - a for each in (falls, advances) for a, b in pairwise(each))
    return min(max(4 * widest, 8), WINDOW)


def _highest_before(step: list[int]) -> list[float]:
    highest, found = -math.inf, []
    for each in step:
        found.append(highest)
        highest = max(highest, each)
    return found


def _alternate(step: list[int], falls: list[int]) -> bool:
    """Whether two lines of five are falls, or one of five where many lines repeat the step before."""
    share = (len(falls) - 1) / (falls[-1] - falls[0])
    repeated = sum(a == b for a, b in pairwise(step))
    return share >= 0.4 or (share >= 0.2 and 4 * repeated >= len(step))


def _overtake(step: list[int], highest: list[float], falls: list[int], time: list[float]) -> bool:
    """Whether the line after a fall is mostly beyond all before it, without a pause at the fall.

    Without timestamps, most of the fallen lines have to repeat a step of another line, too: a late line repeats none.
    """
    settled = [at for at in falls if at + 1 < len(step)]
    beyond = sum(step[at + 1] > highest[at] for at in settled)
    again = sum(step.count(step[at]) > 1 for at in settled)
    pauses = _pauses(falls, time)
    return 4 * beyond >= 3 * len(settled) and (
        pauses is False or (pauses is None and 2 * again > len(settled))
    )


def _climb(step: list[int], highest: list[float], falls: list[int], time: list[float]) -> bool:
    """Whether the lines between two falls are one of each writer, the slowest first: 10 50 90, 20 60 100, 30 70 110.

    1. From one such climb to the next the first step rises, by no more than two writers are apart (here 10 and 40).
    2. One of these holds as well: most lines that are not the highest so far are at steps that no line was at before;
       or no time passes at the falls; or there are no timestamps, and each climb begins as far above the one before.
    """
    climbs = [(step[a], step[a:b]) for a, b in pairwise(falls)]
    strides = [b - a for (a, _), (b, _) in pairwise(climbs)]
    between = [b - a for _, climb in climbs for a, b in pairwise(climb) if b > a]
    if not strides or not between or not 0 < median(strides) <= min(between):
        return False
    again = [at for at in range(falls[0], len(step)) if step[at] <= highest[at]]
    elsewhere = sum(step[at] not in step[:at] for at in again)
    pauses = _pauses(falls, time)
    return 2 * elsewhere > len(again) or (pauses is None and len(set(strides)) == 1) or pauses is False


def _pauses(falls: list[int], time: list[float]) -> bool | None:
    """Whether time passes at the falls, as it does while a run is started again; None without timestamps."""
    gaps = [b - a for a, b in pairwise(time)]
    if any(math.isnan(gap) for gap in gaps):
        return None
    here = set(falls)
    others = [gap for at, gap in enumerate(gaps, 1) if at not in here]
    return bool(others) and median(gaps[at - 1] for at in falls) > 2 * median(others)


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
    marks: list[Mark] = field(default_factory=list)
    """Of the newest segments, the newest last."""
    doubted: bool = False
    """Whether the last line is a resume by rule 4 that its next line may refute."""
    stage: float = math.nan
    """Stage of the newest line that has one; NaN without any."""
    writer_window: int = 0
    """Consecutive lines that have one of every writer at least, where several share the log; 0 for one writer."""
    steps: list[int] = field(default_factory=list)
    """Of the newest lines."""
    times: list[float] = field(default_factory=list)
    falls: list[int] = field(default_factory=list)
    """The newest rows whose step is below that of the row before."""

    def assign(self, step: Ints, time: Floats, stage: Floats) -> int:
        """Place lines; return the first row whose segment has changed or is new: :meth:`numbers` from there on."""
        changed = self.rows
        if not len(step):
            return changed
        if not self.segments:
            self._begin(int(step[0]), "start")
        if not self.doubted and step[0] >= self.marks[-1].step and bool((step[1:] >= step[:-1]).all()):
            self._rise(step, time, stage)
            return changed
        for line in zip(step.tolist(), time.tolist(), stage.tolist(), strict=True):
            changed = min(changed, self._place(*line))
        return changed

    def numbers(self, first_row: int) -> Ints:
        """The segment of each line from that row on."""
        first = max(bisect_right(self.segments, first_row, key=lambda each: each.first_row) - 1, 0)
        begins = [each.first_row for each in self.segments[first:]]
        rows = np.arange(first_row, self.rows)
        return np.searchsorted(begins, rows, side="right").astype(np.int64) + (first - 1)

    def placed_after(self, earlier: Segmenter, log_start: int) -> Segmenter:
        """This one, of a log whose own lines begin at that row, as if another log's lines came before these.

        The log's first line begins a stage then.
        """
        own = [each for each in self.segments if each.first_row >= log_start]
        later = len(earlier.segments) - own[0].index if own else 0
        rows = earlier.rows - log_start
        moved = [
            Segment(each.index + later, each.first_row + rows, each.first_step, each.kind) for each in own
        ]
        if moved:
            moved[0] = replace(moved[0], kind="stage" if earlier.segments else "start")
        return replace(
            self,
            segments=[*earlier.segments, *moved],
            ordered=earlier.ordered and self.ordered,
            rows=self.rows + rows,
            marks=[replace(mark) for mark in self.marks],
            steps=[*self.steps],
            times=[*self.times],
            falls=[fall + rows for fall in self.falls],
        )

    def forget_times(self) -> None:
        """Compare no later line with the timestamps so far: they were wrong."""
        self.times = [math.nan] * len(self.times)
        for mark in self.marks:
            mark.time = NEVER

    def _rise(self, step: Ints, time: Floats, stage: Floats) -> None:
        known = time[~np.isnan(time)]
        self.marks[-1].reach(int(step[-1]), float(known.max()) if len(known) else math.nan)
        known_stages = stage[~np.isnan(stage)]
        if len(known_stages):
            self.stage = float(known_stages[-1])
        self._remember(self.rows, step[-WINDOW:].tolist(), time[-WINDOW:].tolist())
        self.rows += len(step)

    def _remember(self, row: int, steps: list[int], times: list[float]) -> None:
        if self.steps and steps[0] < self.steps[-1]:
            self.falls = [*self.falls[1 - LEAST_FALLS :], row]
        self.steps += steps
        self.times += times
        if len(self.steps) >= 2 * WINDOW:
            del self.steps[:-WINDOW], self.times[:-WINDOW]

    def _place(self, step: int, time: float, stage: float) -> int:
        """Place one line; return the first row whose segment has changed or is new."""
        restaged = stage == stage and self.stage == self.stage and stage != self.stage
        if stage == stage:
            self.stage = stage
        self._remember(self.rows, [step], [time])
        changed = min(self._settle_doubt(step), self._find_writers())
        mark = self.marks[-1]
        if step < mark.step:
            if restaged:
                self._begin(step, "stage")
            elif self.writer_window:
                if self._is_below_all_writers(step):
                    self._begin(step, "resume")
                else:
                    self.ordered = False
            elif time == time and mark.time > NEVER:
                if time > mark.time:
                    self._begin(step, "resume")
                else:
                    self.ordered = False
            else:
                self._begin(step, "resume")
                self.doubted = True
        self.marks[-1].reach(step, time)
        self.rows += 1
        return changed

    def _settle_doubt(self, step: int) -> int:
        doubted, self.doubted = self.doubted, False
        return self._join(self.rows - 1) if doubted and step > self.marks[-2].step else self.rows

    def _find_writers(self) -> int:
        """Find out whether several writers share the log, at a fall; take back what they began as resumes."""
        often = len(self.falls) == LEAST_FALLS and self.falls[0] > self.rows - WINDOW
        if self.writer_window or not often or self.falls[-1] < self.rows:
            return self.rows
        self.falls = []  # looked at: the next time after as many again
        steps, times = self.steps[-WINDOW:], self.times[-WINDOW:]
        self.writer_window = find_writer_window(steps, times)
        return self._join(self.rows - len(steps) + 1) if self.writer_window else self.rows

    def _is_below_all_writers(self, step: int) -> bool:
        before = self.steps[-self.writer_window - 1 : -1]
        return step < min(before) and self.rows - self.segments[-1].first_row >= self.writer_window

    def _join(self, row: int) -> int:
        """Take back the resumes that began at that row or later; return the first row that is in another segment now.

        Earlier ones are taken back, too, as long as each is no longer than the window of the writers: a change of
        the writer explains them.
        """
        changed = self.rows
        while self.segments[-1].kind == "resume" and len(self.marks) > 1:
            first = self.segments[-1].first_row
            if first < row and changed - first > self.writer_window:
                break
            changed = self.segments.pop().first_row
            mark = self.marks.pop()
            self.marks[-1].reach(mark.step, mark.time)
            self.ordered = False
        return changed

    def _begin(self, step: int, kind: str) -> None:
        self.segments.append(Segment(len(self.segments), self.rows, step, kind))
        self.marks = [*self.marks[-WINDOW:], Mark()]
