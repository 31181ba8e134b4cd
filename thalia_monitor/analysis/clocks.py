"""When a run was written to last, by clocks that may disagree: the trainer's, the files', the viewer's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor.analysis.formatting import duration
from thalia_monitor.model.step_times import newest_time, time_at

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.reading.listing import Summary as Listed

SKEW: Final = 60.0
"""Seconds of clock difference that are tolerated; with NTP it is far below one."""
_CHECKPOINTS_COMPARED: Final = 20
"""Newest checkpoints compared with the log."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Readings of the clocks in Unix seconds, and whether they agree."""

    log_time: float | None
    """Newest timestamp in the log (trainer's clock)."""
    files_time: float | None
    """Last change of the files (disk's clock)."""
    words: str = ""
    """Sentence on how they differ; empty if they agree."""
    log_time_is_right: bool = True
    """Whether ages are computed from the log's timestamps rather than the files' times."""
    copied: bool = False
    """Whether the files were copied, so that their times are those of the copy."""


def compare_clocks(state: TrainingState, now: float, slack: float) -> Clocks:
    """Compare the clocks at the viewer's time ``now``; a log may lag ``slack`` seconds behind its files.

    A log time later than the viewer's clock or the files' last change is wrong. So is one more than ``slack`` before
    that change, unless a checkpoint was saved then. If checkpoint files' times do not follow the log, the files were
    copied, and their times are ignored.
    """
    line, changed = _last_log_time(state), state.last_update.timestamp() if state.last_update else None
    if line is None:
        return Clocks(None, changed)
    if _is_copy(state):
        words = "The files were copied: ages are by the log's timestamps."
        if line <= now + SKEW:
            return Clocks(line, changed, words, copied=True)
    if line > now + SKEW:  # measured as of the last write: it must not shrink while the log is silent
        wrote = now if changed is None else min(now, changed)
        return Clocks(line, changed, ahead("trainer's", line - wrote), log_time_is_right=False)
    if changed is None:
        return Clocks(line, None)
    if line > changed + SKEW:
        words = f"The log's newest timestamp is {duration(line - changed)} after the files last changed."
        return Clocks(line, changed, words, log_time_is_right=False)
    if changed - line > slack and not _changed_by_checkpoint(state, changed):
        words = f"The log's newest timestamp is {duration(changed - line)} before the files last changed."
        return Clocks(line, changed, words, log_time_is_right=False)
    return Clocks(line, changed)


def ahead(whose: str, seconds: float) -> str:
    """Sentence that a clock is ahead by so many seconds."""
    return f"The {whose} clock is {duration(seconds)} ahead of this computer's."


def _last_log_time(state: TrainingState) -> float | None:
    """Time of the newest metric line or of a later event; None if neither has one."""
    line = newest_time(state.history)
    events = [event.time for event in state.events[-20:] if event.time is not None]
    return max([each for each in (line, *events[-1:]) if each is not None], default=None)


def _changed_by_checkpoint(state: TrainingState, changed: float) -> bool:
    """Whether the last change was a checkpoint at a step beyond the log."""
    point = state.checkpoint
    ahead_of_log = point is not None and point.step > state.history.current_step
    return ahead_of_log and point is not None and changed - point.modified <= 2


def _is_copy(state: TrainingState) -> bool:
    """Whether the checkpoints' times do not follow the log lines at their steps."""
    lags = [
        point.modified - time
        for point in state.checkpoints[-_CHECKPOINTS_COMPARED:]
        if point.modified > 0
        and point.step <= state.history.current_step
        and (time := time_at(state.history, point.step)) is not None
    ]
    return _show_a_copy(lags)


def _show_a_copy(lags: Sequence[float]) -> bool:
    """Whether these delays between log lines and their checkpoint files (seconds) are those of copied files."""
    return len(lags) > 1 and max(lags) - min(lags) > SKEW and float(np.median(lags)) > SKEW


def listed_update(listed: Listed, now: float) -> float | None:
    """Last update of a run of which only a list entry was read, in Unix seconds, by the same clocks; None if unknown.

    The files' time counts if it differs from the last line's by more than ``SKEW`` and the files were not copied (a
    checkpoint, or a wrong clock), or if that line is in the future. Whether they were copied is judged by the log's
    times at the checkpoints' steps, interpolated between its first and last line.
    """
    changed = listed.last_update.timestamp() if listed.last_update else None
    if listed.last_line is None:
        return changed
    (step, time), lags = listed.last_line, []
    if listed.first_line and listed.first_line[0] < step:
        first, began = listed.first_line
        lags = [
            saved - (began + (at - first) / (step - first) * (time - began))
            for at, saved in listed.saved[-_CHECKPOINTS_COMPARED:]
            if first <= at <= step
        ]
    if changed is None or (time <= now + SKEW and (_show_a_copy(lags) or abs(changed - time) <= SKEW)):
        return time
    return changed
