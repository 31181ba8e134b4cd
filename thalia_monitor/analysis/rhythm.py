"""A run's own rhythm: how far its metric lines and its checkpoints are usually apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from thalia_monitor.history import EMPTY_FLOATS, Floats, History
from thalia_monitor.records import Checkpoint
from thalia_monitor.state import TrainingState

RECENT: Final = 200
"""Gaps that the usual one is learned from: enough for a steady median, few enough to follow a new pace."""

MEMORY: Final = 2000
"""Gaps among which recurring pauses are looked for: a sleep comes once in some hundred lines."""

ENOUGH: Final = 5
"""Gaps needed before a rhythm is spoken of."""

_RECURS: Final = 4
_RECURS_IN: Final = 200
"""A pause belongs to the rhythm when gaps as long came four times, and in one of 200 at least: the brain
sleeping does, restarts and nights do not."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """Neighbouring metric lines that both have a timestamp, in file order; clocks set back are left out."""

    seconds: Floats
    """(n,) not negative."""
    steps: Floats
    """(n,) steps done in that time; not positive where a resume lies between."""

    def __len__(self) -> int:
        return len(self.seconds)

    def regular(self) -> Gaps:
        """Leave out resumes and one-off pauses: what is longer than ten usual gaps and does not recur."""
        if not len(self):
            return self
        longest = max(10 * usual(self.seconds), recurring_pause(self.seconds) or 0.0)
        kept = (self.seconds <= longest) & (self.steps > 0)
        return Gaps(self.seconds[kept], self.steps[kept])


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How far apart things usually are, in seconds; None where the files do not tell (yet)."""

    line: float | None = None
    """Between metric lines."""
    pause: float | None = None
    """The longest gap between metric lines that recurs, such as while the brain sleeps."""
    checkpoint: float | None = None
    """Between checkpoints."""
    timestamps: bool = False
    """Whether the lines bear timestamps; without, ``line`` comes from the checkpoints' modification times."""


def gaps(history: History, count: int) -> Gaps:
    """Take the newest ``count`` gaps; the cost does not depend on the history's length."""
    tail = slice(max(len(history) - count - 1, 0), None)
    return gaps_between(history.time[tail], history.step[tail].astype(np.float64))


def progress(history: History, rows: slice) -> Gaps:
    """Take the gaps between those lines that come further than all before them of their segment.

    What lies between, lines of the same step or of another writer that is behind, costs its time and is no progress.
    """
    known = ~np.isnan(history.time[rows])
    time, step, segment = history.time[rows][known], history.step[rows][known], history.segment[rows][known]
    order = np.lexsort((step, segment))
    other = (np.diff(step[order]) != 0) | (np.diff(segment[order]) != 0)
    place = np.empty(len(order), np.int64)
    place[order] = np.cumsum(np.concatenate(([True], other)))[: len(order)]
    further = np.diff(np.maximum.accumulate(place), prepend=0) > 0
    return gaps_between(time[further], step[further].astype(np.float64))


def gaps_between(time: Floats, step: Floats) -> Gaps:
    """Take the gaps between these lines, (n,) each."""
    known = ~np.isnan(time)
    seconds, steps = np.diff(time[known]), np.diff(step[known])
    forward = seconds >= 0
    return Gaps(seconds[forward], steps[forward])


def recurring_pause(seconds: Floats) -> float | None:
    """Tell the longest gap that recurs; None while there are too few to tell."""
    rank = max(_RECURS, len(seconds) // _RECURS_IN)
    if len(seconds) < _RECURS * ENOUGH:
        return None
    return float(np.partition(seconds, -rank)[-rank])


def usual(seconds: Floats) -> float:
    """The middle gap; where lines come in bursts (most gaps are 0), the mean but for the longest ones."""
    middle = float(np.median(seconds))
    if middle > 0 or len(seconds) < _RECURS:
        return middle
    return float(np.sort(seconds)[: 1 - _RECURS].mean())


def learn(state: TrainingState) -> Rhythm:
    """Learn a run's rhythm from its timestamps, or without any from its checkpoints' modification times."""
    return state.once("rhythm", lambda: _learned(state))


def _learned(state: TrainingState) -> Rhythm:
    between_checkpoints = _usual_or_none(_checkpoint_gaps(state.checkpoints).seconds, enough=2)
    found = gaps(state.history, MEMORY)
    seconds = found.seconds[found.steps >= 0]
    line = _usual_or_none(seconds[-RECENT:])
    if line is not None:
        return Rhythm(line, recurring_pause(seconds), between_checkpoints, True)
    return Rhythm(_line_gap_by_checkpoints(state), None, between_checkpoints, bool(len(found)))


def _usual_or_none(seconds: Floats, enough: int = ENOUGH) -> float | None:
    return (usual(seconds) or None) if len(seconds) >= enough else None


def _checkpoint_gaps(checkpoints: tuple[Checkpoint, ...]) -> Gaps:
    """The gaps between the newest checkpoints as they were saved; files copied together have none."""
    saved = sorted((point.modified, point.step) for point in checkpoints[-RECENT:] if point.modified > 0)
    if len(saved) < 2:
        return Gaps(EMPTY_FLOATS, EMPTY_FLOATS)
    times, steps = np.array(saved, np.float64).T
    found = gaps_between(times, steps)
    apart = found.seconds >= 1
    return Gaps(found.seconds[apart], found.steps[apart])


def checkpoint_gaps(state: TrainingState) -> Gaps:
    """The gaps between the newest checkpoints: training time where it is told, else when they were saved."""
    told = [(point.training_seconds, point.step) for point in state.checkpoints[-RECENT:]]
    known = [(seconds, step) for seconds, step in told if seconds is not None]
    if len(known) < 2:
        return _checkpoint_gaps(state.checkpoints)
    times, steps = np.array(known, np.float64).T
    found = gaps_between(times, steps)
    apart = found.seconds > 0
    return Gaps(found.seconds[apart], found.steps[apart])


def _line_gap_by_checkpoints(state: TrainingState) -> float | None:
    """Estimate the gap between lines: their usual distance in steps, by the checkpoints' seconds a step."""
    steps = np.diff(state.history.step[-RECENT - 1 :])
    steps = steps[steps > 0]
    saved = _checkpoint_gaps(state.checkpoints)
    forward = saved.steps > 0
    if len(steps) < ENOUGH or forward.sum() < 2:
        return None
    return float(np.median(steps) * np.median(saved.seconds[forward] / saved.steps[forward]))
