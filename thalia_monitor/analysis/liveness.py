"""Whether a run is live, quiet, stale or ended, judged by the trainer's, the disk's and the viewer's clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.clocks import SKEW, Clocks, ahead, compare_clocks, listed_update
from thalia_monitor.analysis.control_history import controls
from thalia_monitor.analysis.formatting import ago, duration
from thalia_monitor.analysis.pace import Rhythm, rhythm_of
from thalia_monitor.model.step_times import newest_time
from thalia_monitor.stages import stage_name

if TYPE_CHECKING:
    from thalia_monitor.analysis.control_history import Change
    from thalia_monitor.model.records import Checkpoint, Event
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.reading.listing import Summary as Listed

QUIET_GAPS: Final = 3
STALE_GAPS: Final = 10
QUIET_FLOOR: Final = 5.0
"""Seconds; a buffered writer or a network disk may keep a line back that long."""
STALE_FLOOR: Final = 30.0
"""Seconds; a file server may show a change half a minute late (NFS attribute caches)."""
NEW_RUN: Final = 60.0
"""Seconds for which a run without a known rhythm counts as live after a sign of life."""

_CONTINUING_KINDS: Final = frozenset(
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
    typical_gap: float | None
    """Usual seconds between two such signs; None if it is not known."""
    recurring_gap: float | None = None
    """Longest gap in seconds that recurs; None if it is not known."""


def liveness(state: TrainingState, now: float, refresh: float = 0.0) -> Liveness:
    """Determine a run's status from the time since its last sign of life.

    ``now`` is Unix seconds by the viewer's clock, ``refresh`` the viewer's refresh interval in seconds.

    - *Quiet* after 3 usual gaps or 1.5 recurring gaps, whichever is longer, but not within 5 s or one refresh.
    - *Stale* after 10 usual gaps or 3 recurring gaps, but not within 30 s or three refreshes, nor while paused.
    - *Finished* or *stopped* if the last thing written says so, or if a stage's end is last and the run has been
      quiet since, whatever the clocks say.
    """
    rhythm = rhythm_of(state)
    clocks = compare_clocks(state, now, max(SKEW, _quiet_after(rhythm.line, rhythm.pause, 0)))
    sign, ending, clock = _sign(state, clocks, rhythm), _ending(state), clocks.words
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
    later_limits = limits if ending is None else ((limits[0][0], ending.status),)
    if (request := controls(state).pause) and _no_line_since(request, state):
        later_limits = ((limits[0][0], Status.QUIET),)
        if status is not Status.LIVE:
            at = "" if request.step is None else f" at step {request.step:,}"
            words = f"Paused by {request.user}{at}, {ago(age)}."
            return Liveness(Status.QUIET, words, age, clock, rhythm, sign.time, later_limits)
    return Liveness(status, _text(sign, age), age, clock, rhythm, sign.time, later_limits)


def listed_status(listed: Listed, now: float) -> Status:
    """Status of a run of which only a list entry was read: by its age in usual gaps of its log."""
    updated = listed_update(listed, now)
    if updated is None or listed.usual_gap is None:
        return Status.UNKNOWN
    age = now - updated
    if age <= _quiet_after(listed.usual_gap, None, 0):
        return Status.LIVE
    return Status.QUIET if age <= _stale_after(listed.usual_gap, None, 0) else Status.STALE


def _no_line_since(pause: Change, state: TrainingState) -> bool:
    """Whether no metric line is newer than a requested pause: then the run is silent because of it."""
    recent = state.history.time[-1:]
    if pause.time is None or not len(recent) or np.isnan(recent[0]):
        return pause.step is not None and pause.step >= state.history.current_step
    return pause.time >= float(recent[0])


def _sign(state: TrainingState, clocks: Clocks, rhythm: Rhythm) -> _Sign | None:
    """Return the last sign of life: the newest line, or a checkpoint saved later at a step beyond the log."""
    if clocks.log_time is not None and clocks.log_time_is_right:
        point = state.checkpoint
        if (
            point
            and not clocks.copied
            and point.step > state.history.current_step
            and point.modified > clocks.log_time
        ):
            return _Sign(point.modified, "Last checkpoint", rhythm.checkpoint)
        return _Sign(clocks.log_time, "Last line", rhythm.line, rhythm.pause)
    if clocks.files_time is None:
        return None
    if len(state.history) or not state.checkpoints:
        return _Sign(clocks.files_time, "Last change", rhythm.line or rhythm.checkpoint, rhythm.pause)
    return _Sign(clocks.files_time, "Last checkpoint", rhythm.checkpoint)


def _quiet_after(typical_gap: float | None, recurring_gap: float | None, refresh: float) -> float:
    return max(QUIET_GAPS * (typical_gap or 0.0), (recurring_gap or 0.0) * 1.5, QUIET_FLOOR, refresh)


def _stale_after(typical_gap: float | None, recurring_gap: float | None, refresh: float) -> float:
    return max(STALE_GAPS * (typical_gap or 0.0), (recurring_gap or 0.0) * 3, STALE_FLOOR, 3 * refresh)


def _limits(sign: _Sign, refresh: float) -> Limits:
    """Ages above which a run is no longer live, and what it is then."""
    if sign.typical_gap is None:
        return ((max(NEW_RUN, refresh), Status.UNKNOWN),)
    return (
        (_quiet_after(sign.typical_gap, sign.recurring_gap, refresh), Status.QUIET),
        (_stale_after(sign.typical_gap, sign.recurring_gap, refresh), Status.STALE),
    )


def _status_at(age: float, limits: Limits, below: Status) -> Status:
    """Return the status of the highest limit that the age exceeds; ``below`` if it exceeds none."""
    return next((status for limit, status in reversed(limits) if age > limit), below)


def _ending(state: TrainingState) -> _Ending | None:
    """Event by which the run ended, unless training went on after it; None otherwise."""
    event = _newest_status_event(state)
    if event is None or event.kind in _CONTINUING_KINDS or not _nothing_follows(event, state):
        return None
    return _meaning(event, state)


def _newest_status_event(state: TrainingState) -> Event | None:
    """Return the newest event, over all files, that ends or continues training; None if there is none."""
    by_file = state.extended(
        "last status event of each file", lambda new, _: _last_status_events(new), _merge_status_events
    )
    each_last = list(by_file.values())
    if not each_last:
        return None
    last = each_last[-1]
    if last.time is None:
        return last
    # A log in milliseconds beside one in microseconds: what was written together has one time.
    newer = (each for each in each_last if (each.time or 0) >= last.time + 0.001)
    return max(newer, key=lambda each: each.time or 0, default=last)


def _last_status_events(events: Iterable[Event]) -> dict[str, Event]:
    """Return the last event in each file that ends or continues training; the last of all comes last."""
    found: dict[str, Event] = {}
    for event in events:
        if event.kind in _CONTINUING_KINDS or event.kind == contract.STAGE_END or event.ending:
            found.pop(event.file, None)
            found[event.file] = event
    return found


def _merge_status_events(before: dict[str, Event], after: dict[str, Event]) -> dict[str, Event]:
    return {file: event for file, event in before.items() if file not in after} | after


def _nothing_follows(event: Event, state: TrainingState) -> bool:
    """Whether no metric line or checkpoint is newer; False for an event with neither time nor step."""
    if _checkpoint_follows(event, state.checkpoint):
        return False
    line = newest_time(state.history)
    if event.time is not None and line is not None:
        return event.time >= line
    if event.step is not None:
        return event.step >= state.history.current_step
    return event.time is not None and not len(state.history)


def _checkpoint_follows(event: Event, point: Checkpoint | None) -> bool:
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
    if sign.typical_gap is None:
        return f"{sign.what} {ago(age)}."
    usually = f"usually every {duration(sign.typical_gap)}"
    if (
        sign.recurring_gap is not None
        and sign.recurring_gap > QUIET_GAPS * sign.typical_gap
        and sign.recurring_gap > QUIET_FLOOR
    ):
        usually += f" with pauses of up to {duration(sign.recurring_gap)}"
    return f"{sign.what} {ago(age)}, {usually}."
