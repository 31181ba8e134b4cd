"""The three clocks of a run: the trainer's in the log, the disk's on the files, the viewer's on the wall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from thalia_monitor.analysis.places import time_at
from thalia_monitor.analysis.rhythm import MEMORY
from thalia_monitor.analysis.wording import duration
from thalia_monitor.state import TrainingState

SKEW: Final = 60.0
"""Seconds by which clocks may differ before it is said; machines with NTP differ by far less than one."""
_SAVED: Final = 20
"""Checkpoints that are looked at."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """What each clock says, in Unix seconds, and whether they agree."""

    line: float | None
    """The newest timestamp of the log, by the trainer's clock."""
    changed: float | None
    """When the files last changed, by the disk's clock."""
    words: str = ""
    """How they differ, for the reader; empty when they do not."""
    line_is_right: bool = True
    """Whether ages are to be told by the log's timestamps rather than by the files' times."""
    copied: bool = False
    """Whether the files' times are those of a copy."""


def compare(state: TrainingState, now: float, slack: float) -> Clocks:
    """Compare the clocks at the viewer's moment ``now``; a log may lag ``slack`` seconds behind its files.

    A timestamp that is later than the viewer's clock or than the file's last change is wrong, and so is one
    that is long before that change, unless a checkpoint explains the change. The files' times are wrong when
    the checkpoints' do not keep step with the log: then they are those of a copy.
    """
    line, changed = _last_line(state), state.last_update.timestamp() if state.last_update else None
    if line is None:
        return Clocks(None, changed)
    if _is_copy(state):
        words = "The files were copied: ages are by the log's timestamps."
        if line <= now + SKEW:
            return Clocks(line, changed, words, copied=True)
    if line > now + SKEW:  # by how much was to be seen when it wrote, and does not shrink while it is silent
        wrote = now if changed is None else min(now, changed)
        return Clocks(line, changed, ahead("trainer's", line - wrote), line_is_right=False)
    if changed is None:
        return Clocks(line, None)
    if line > changed + SKEW:
        words = f"The log's newest timestamp is {duration(line - changed)} after the files last changed."
        return Clocks(line, changed, words, line_is_right=False)
    if changed - line > slack and not _explained(state, changed):
        words = f"The log's newest timestamp is {duration(changed - line)} before the files last changed."
        return Clocks(line, changed, words, line_is_right=False)
    return Clocks(line, changed)


def ahead(whose: str, seconds: float) -> str:
    """Say that a clock is fast."""
    return f"The {whose} clock is {duration(seconds)} ahead of this computer's."


def _last_line(state: TrainingState) -> float | None:
    """The time of the newest line, or of an event after it."""
    recent = state.history.time[-MEMORY:]
    known = recent[~np.isnan(recent)]
    lines = [float(known[-1])] if len(known) else []
    events = [event.time for event in state.events[-20:] if event.time is not None]
    return max(lines + events[-1:], default=None)


def _explained(state: TrainingState, changed: float) -> bool:
    """Tell whether the last change was a checkpoint of a step that the log has not come to."""
    point = state.checkpoint
    ahead_of_log = point is not None and point.step > state.history.current_step
    return ahead_of_log and point is not None and changed - point.modified <= 2


def _is_copy(state: TrainingState) -> bool:
    """Tell whether the checkpoints were saved at moments that do not fit the lines at their steps."""
    lags = [
        point.modified - time
        for point in state.checkpoints[-_SAVED:]
        if point.modified > 0
        and point.step <= state.history.current_step
        and (time := time_at(state.history, point.step)) is not None
    ]
    return len(lags) > 1 and max(lags) - min(lags) > SKEW and float(np.median(lags)) > SKEW
