"""Whether a run is live, quiet, stale or ended, judged by the trainer's, the disk's and the viewer's clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.control_history import controls
from thalia_monitor.analysis.formatting import ago, duration
from thalia_monitor.analysis.pace import MEMORY, Rhythm, learn
from thalia_monitor.model.step_times import time_at
from thalia_monitor.stages import stage_name

if TYPE_CHECKING:
    from thalia_monitor.analysis.control_history import Change
    from thalia_monitor.model.records import Checkpoint, Event
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.reading.listing import Summary as Listed

SKEW: Final = 60.0
"""Seconds of clock difference that are tolerated; with NTP it is far below one."""
_SAVED: Final = 20
"""Newest checkpoints compared with the log."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Readings of the clocks in Unix seconds, and whether they agree."""

    line: float | None
    """Newest timestamp in the log (trainer's clock)."""
    changed: float | None
    """Last change of the files (disk's clock)."""
    words: str = ""
    """Sentence on how they differ; empty if they agree."""
    line_is_right: bool = True
    """Whether ages are computed from the log's timestamps rather than the files' times."""
    copied: bool = False
    """Whether the files were copied, so that their times are those of the copy."""


def compare(state: TrainingState, now: float, slack: float) -> Clocks:
    """Compare the clocks at the viewer's time ``now``; a log may lag ``slack`` seconds behind its files.

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
    if (
        line > now + SKEW
    ):  # the lead is measured when the line is written; it must not shrink while the log is silent
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
    """Sentence that a clock is ahead by so many seconds."""
    return f"The {whose} clock is {duration(seconds)} ahead of this computer's."


def _last_line(state: TrainingState) -> float | None:
    """Time of the newest metric line or of a later event; None if neither has one."""
    recent = state.history.time[-MEMORY:]
    known = recent[~np.isnan(recent)]
    lines = [float(known[-1])] if len(known) else []
    events = [event.time for event in state.events[-20:] if event.time is not None]
    return max(lines + events[-1:], default=None)


def _explained(state: TrainingState, changed: float) -> bool:
    """Whether the last change was a checkpoint at a step beyond the log."""
    point = state.checkpoint
    ahead_of_log = point is not None and point.step > state.history.current_step
    return ahead_of_log and point is not None and changed - point.modified <= 2


def _is_copy(state: TrainingState) -> bool:
    """Whether the checkpoints' times do not fit the log lines at their steps."""
    lags = [
        point.modified - time
        for point in state.checkpoints[-_SAVED:]
        if point.modified > 0
        and point.step <= state.history.current_step
        and (time := time_at(state.history, point.step)) is not None
    ]
    return _are_of_a_copy(lags)


def _are_of_a_copy(lags: Sequence[float]) -> bool:
    """Whether checkpoints saved so many seconds after the lines at their steps were copied later."""
    return len(lags) > 1 and max(lags) - min(lags) > SKEW and float(np.median(lags)) > SKEW


QUIET_GAPS: Final = 3
STALE_GAPS: Final = 10
QUIET_FLOOR: Final = 5.0
"""Seconds; a buffered writer or a network disk may keep a line back that long."""
STALE_FLOOR: Final = 30.0
"""Seconds; a file server may show a change half a minute late (NFS attribute caches)."""
NEW_RUN: Final = 60.0
"""Seconds for which a run without a known rhythm counts as live after a sign of life."""

_GOING_ON: Final = frozenset(
    {
        contract.STAGE_START,
        contract.TRANSITION,
        contract.EXTENSION,
        contract.GROWTH,
        contract.CONSOLIDATION,
    }
)
LONGEST_REASON: Final = 300
"""Displayed characters of a reason."""
_SAME_MOMENT: Final = 2.0
"""Seconds within which a checkpoint counts as saved together with the event that ends the run."""


class Status(StrEnum):
    """Whether anything is still being written."""

    LIVE = "live"
    QUIET = "quiet"
    """Nothing written for three usual gaps."""
    STALE = "stale"
    """Nothing written for ten usual gaps."""
    FINISHED = "finished"
    """Training, or a stage with nothing after it, has ended."""
    STOPPED = "stopped"
    """Training was stopped before its end."""
    UNKNOWN = "unknown"
    """No usual gap is known, or no clock is reliable."""


Limits = tuple[tuple[float, Status], ...]
"""Ages in seconds, ascending, and the status that a run has above each."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """Status of a run, with the reason in words."""

    status: Status
    text: str
    """Sentence for the page: ``Last line 4 min 12 s ago, usually every 20 s.``"""
    age: float | None = None
    """Seconds since the last sign of life, at least 0; None if there is none or its time is unknown."""
    clock: str = ""
    """Sentence on disagreeing clocks; empty if they agree."""
    rhythm: Rhythm = field(default_factory=Rhythm)
    time: float | None = None
    """Time of the last sign of life in Unix seconds: the *last update* on every page; None if there is none."""
    limits: Limits = ()
    """What the run becomes while nothing is written."""

    def status_at(self, age: float) -> Status:
        """The status at a greater age, if nothing is written until then."""
        return _status_at(age, self.limits, self.status)


@dataclass(frozen=True, slots=True)
class _Ending:
    """An event by which the run ended."""

    status: Status
    words: str
    """Sentence on what ended and how: ``Training was stopped: EARLY STOP: 5 critical issues``."""
    certain: bool = True
    """False for the end of a stage, which the next may follow."""


@dataclass(frozen=True, slots=True)
class _Sign:
    """The last sign of life."""

    time: float
    what: str
    usually: float | None
    pause: float | None = None


def liveness(state: TrainingState, now: float, refresh: float = 0.0) -> Liveness:
    """Determine a run's status from the time since its last sign of life.

    ``now`` is Unix seconds by the viewer's clock, ``refresh`` how often the viewer looks. *Quiet* after three
    usual gaps (or one and a half of the longest pause that recurs, if that is longer), *stale* after ten (or three
    such pauses); never quiet within 5 s or one refresh, never stale within 30 s or three, nor while it is paused by
    request. *Finished* or *stopped*
    when an event that says so is the last thing written, or a stage's end is and the run has been quiet since. An end
    holds whatever the clocks say.
    """
    rhythm = learn(state)
    clocks = compare(state, now, max(SKEW, _quiet_after(rhythm.line, rhythm.pause, 0)))
    (sign, clock), ending = (_sign(state, clocks, rhythm), clocks.words), _ending(state)
    if sign is None:
        if ending is not None:
            return Liveness(ending.status, f"{ending.words}.", None, clock, rhythm)
        return Liveness(Status.UNKNOWN, clock or "Nothing has been written yet.", None, clock, rhythm)
    age = now - sign.time
    if age < -SKEW:
        clock = clock or ahead("files'", -age)
        if ending is not None:
            return Liveness(ending.status, f"{ending.words}.", None, clock, rhythm, sign.time)
        text = f"{sign.what} at a time that is {duration(-age)} in the future."
        return Liveness(Status.UNKNOWN, text, None, clock, rhythm, sign.time)
    age = max(age, 0.0)
    limits = _limits(sign, refresh)
    if ending is not None and (ending.certain or age > limits[0][0]):
        return Liveness(
            ending.status, f"{ending.words}; last change {ago(age)}.", age, clock, rhythm, sign.time
        )
    status = _status_at(age, limits, Status.LIVE)
    then = limits if ending is None else ((limits[0][0], ending.status),)
    if (pause := controls(state).pause) and _is_newest(pause, state):
        then = ((limits[0][0], Status.QUIET),)
        if status is not Status.LIVE:
            at = "" if pause.step is None else f" at step {pause.step:,}"
            words = f"Paused by {pause.user}{at}, {ago(age)}."
            return Liveness(Status.QUIET, words, age, clock, rhythm, sign.time, then)
    return Liveness(status, _text(sign, age), age, clock, rhythm, sign.time, then)


def listed_update(listed: Listed, now: float) -> float | None:
    """Last update of a run of which only a list entry was read, in Unix seconds, by the same clocks; None if unknown.

    The log's time at a checkpoint's step is interpolated between its first and its last line. Where the log lags
    behind files that are no copy, a checkpoint explains it or the trainer's clock is wrong: the files' time counts.
    """
    changed = listed.last_update.timestamp() if listed.last_update else None
    if listed.last_line is None:
        return changed
    (step, time), lags = listed.last_line, []
    if listed.first_line and listed.first_line[0] < step:
        first, began = listed.first_line
        lags = [
            saved - (began + (at - first) / (step - first) * (time - began))
            for at, saved in listed.saved[-_SAVED:]
            if first <= at <= step
        ]
    if changed is None or (time <= now + SKEW and (_are_of_a_copy(lags) or abs(changed - time) <= SKEW)):
        return time
    return changed


def listed_status(listed: Listed, now: float) -> Status:
    """Status of a run of which only a list entry was read: by its age in usual gaps of its log."""
    updated = listed_update(listed, now)
    if updated is None or listed.usual_gap is None:
        return Status.UNKNOWN
    age = now - updated
    if age <= _quiet_after(listed.usual_gap, None, 0):
        return Status.LIVE
    return Status.QUIET if age <= _stale_after(listed.usual_gap, None, 0) else Status.STALE


def _is_newest(pause: Change, state: TrainingState) -> bool:
    """Whether no metric line is newer than a pause: then the run is silent because of it."""
    recent = state.history.time[-1:]
    if pause.time is None or not len(recent) or np.isnan(recent[0]):
        return pause.step is not None and pause.step >= state.history.current_step
    return pause.time >= float(recent[0])


def _sign(state: TrainingState, clocks: Clocks, rhythm: Rhythm) -> _Sign | None:
    """Choose the last sign of life: the newest line, unless a checkpoint went on after it."""
    if clocks.line is not None and clocks.line_is_right:
        point = state.checkpoint
        if (
            point
            and not clocks.copied
            and point.step > state.history.current_step
            and point.modified > clocks.line
        ):
            return _Sign(point.modified, "Last checkpoint", rhythm.checkpoint)
        return _Sign(clocks.line, "Last line", rhythm.line, rhythm.pause)
    if clocks.changed is None:
        return None
    if len(state.history) or not state.checkpoints:
        return _Sign(clocks.changed, "Last change", rhythm.line or rhythm.checkpoint, rhythm.pause)
    return _Sign(clocks.changed, "Last checkpoint", rhythm.checkpoint)


def _quiet_after(usually: float | None, pause: float | None, refresh: float) -> float:
    return max(QUIET_GAPS * (usually or 0.0), (pause or 0.0) * 1.5, QUIET_FLOOR, refresh)


def _stale_after(usually: float | None, pause: float | None, refresh: float) -> float:
    return max(STALE_GAPS * (usually or 0.0), (pause or 0.0) * 3, STALE_FLOOR, 3 * refresh)


def _limits(sign: _Sign, refresh: float) -> Limits:
    """Ages above which a run is no longer live, and what it is then."""
    if sign.usually is None:
        return ((max(NEW_RUN, refresh), Status.UNKNOWN),)
    return (
        (_quiet_after(sign.usually, sign.pause, refresh), Status.QUIET),
        (_stale_after(sign.usually, sign.pause, refresh), Status.STALE),
    )


def _status_at(age: float, limits: Limits, below: Status) -> Status:
    """The status of the highest limit that an age is above; ``below`` all of them the given one."""
    return next((status for limit, status in reversed(limits) if age > limit), below)


def _ending(state: TrainingState) -> _Ending | None:
    """Event by which the run ended, unless training went on after it; None otherwise."""
    event = _newest(state)
    return (
        _meaning(event, state) if event and event.kind not in _GOING_ON and _is_last(event, state) else None
    )


def _newest(state: TrainingState) -> Event | None:
    """Newest event, over all files, that ends or continues training; None if there is none."""
    by_file = state.extended("last turn of each file", lambda new, _: _last_turns(new), _later_turns)
    each_last = list(by_file.values())
    if not each_last:
        return None
    last = each_last[-1]
    if last.time is None:
        return last
    # A log in milliseconds beside one in microseconds: what was written together has one time.
    newer = (each for each in each_last if (each.time or 0) >= last.time + 0.001)
    return max(newer, key=lambda each: each.time or 0, default=last)


def _last_turns(events: Iterable[Event]) -> dict[str, Event]:
    """Last event in each file that ends or continues training; the last of all comes last."""
    found: dict[str, Event] = {}
    for event in events:
        if event.kind in _GOING_ON or event.kind == contract.STAGE_END or event.ending:
            found.pop(event.file, None)
            found[event.file] = event
    return found


def _later_turns(before: dict[str, Event], after: dict[str, Event]) -> dict[str, Event]:
    return {file: event for file, event in before.items() if file not in after} | after


def _is_last(event: Event, state: TrainingState) -> bool:
    """Whether no metric line or checkpoint is newer; False for an event with neither time nor step."""
    if _is_passed(event, state.checkpoint):
        return False
    recent = state.history.time[-MEMORY:]
    known = recent[~np.isnan(recent)]
    if event.time is not None and len(known):
        return event.time >= float(known[-1])
    if event.step is not None:
        return event.step >= state.history.current_step
    return event.time is not None and not len(state.history)


def _is_passed(event: Event, point: Checkpoint | None) -> bool:
    """Whether a checkpoint was saved later, at a step beyond the event's."""
    if point is None or event.time is None or point.modified <= event.time + _SAME_MOMENT:
        return False
    return event.step is None or point.step > event.step


def _meaning(event: Event, state: TrainingState) -> _Ending:
    """Describe an event that ends training or a stage."""
    if end := event.ending:
        status = Status.STOPPED if end.stopped else Status.FINISHED
        what = "Training was stopped" if end.stopped else "Training has ended"
        return _Ending(status, f"{what}: {end.reason[:LONGEST_REASON].rstrip('. ')}" if end.reason else what)
    number = event.fields.get("stage", state.current_stage)
    known = isinstance(number, int | float)
    stage = f"Stage {number:g} {stage_name(number, state.scheme)}" if known else "The stage"
    return _Ending(Status.FINISHED, f"{stage} has ended", certain=False)


def _text(sign: _Sign, age: float) -> str:
    if sign.usually is None:
        return f"{sign.what} {ago(age)}."
    usually = f"usually every {duration(sign.usually)}"
    if sign.pause is not None and sign.pause > QUIET_GAPS * sign.usually and sign.pause > QUIET_FLOOR:
        usually += f" with pauses of up to {duration(sign.pause)}"
    return f"{sign.what} {ago(age)}, {usually}."
