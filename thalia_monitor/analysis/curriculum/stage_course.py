"""The stages of a run: when each was trained, in which attempts, and what was planned for it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.pace import planned_end
from thalia_monitor.analysis.sleep.consolidations import (
    CONFIGURED,
    DEFAULT,
    configured_interval,
    consolidations,
)
from thalia_monitor.analysis.sleep.consolidations import interval as sleep_interval
from thalia_monitor.model.stage_begin import placed, same
from thalia_monitor.model.stage_plan import StagePlan, by_stage, stage_plan
from thalia_monitor.stages import SCHEMES, stage_name

if TYPE_CHECKING:
    from thalia_monitor.model.history import History
    from thalia_monitor.model.records import Checkpoint
    from thalia_monitor.model.run import TrainingState

MOST: Final = 200
"""Newest attempts that are kept."""
MOST_TURNS: Final = 4_000
"""Newest turns of a run that its attempts are found by."""
SAVED: Final = "saved"
"""Kind of turn at which a checkpoint tells of a stage."""
GROWTH_CHECK: Final = 5_000
"""Steps between growth checks, the default of Thalia's ``StageConfig``."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One stretch of training in a stage; a resume from a checkpoint begins another one."""

    stage: float
    number: int
    """1 for the first attempt at the stage."""
    start: int
    end: int
    """The last step of it so far."""
    segment: int = 0
    """Segment of the history that it begins in."""
    until: int = 0
    """Segment that it ends in so far: a later one where steps begin again and no event names the stage."""
    running: bool = False
    ended: bool = False
    """Whether the log says that the stage ended with it."""
    repeated_from: int | None = None
    """Step from which a later attempt repeats it; None if all of it counts."""

    @property
    def kept(self) -> int:
        """The last step of it that counts."""
        return self.end if self.repeated_from is None else min(self.end, self.repeated_from)


@dataclass(frozen=True, slots=True)
class Course:
    """One stage of the run: its attempts against its plan. Steps are those of the whole training."""

    stage: float
    name: str
    attempts: tuple[Attempt, ...]
    start: int
    """Where the part that counts begins."""
    end: int
    """Where it ends, or has come to."""
    running: bool
    planned: float | None = None
    """Step at which the plan ends, without extensions; None if not known."""
    extended: float | None = None
    """The same with extensions."""
    plan: StagePlan = field(default_factory=StagePlan)

    @property
    def overrun(self) -> float:
        """Steps that it took beyond its plan with extensions; 0 if none, or no plan is known.

        Less than 1 % of the plan does not count: a plan in weeks is known no better from checkpoints.
        """
        if self.extended is None or self.end - self.extended < 0.01 * (self.extended - self.start):
            return 0.0
        return self.end - self.extended

    @property
    def counts(self) -> bool:
        """Whether any of it counts; what was trained of a stage may all be beyond a resume."""
        return self.running or any(
            each.repeated_from is None or each.kept > each.start for each in self.attempts
        )

    @property
    def steps(self) -> int:
        """Steps that count."""
        return sum(max(each.kept - each.start, 0) for each in self.attempts)


def courses(state: TrainingState) -> tuple[Course, ...]:
    """The stages that the run has trained, in the order of their last attempts; empty if the files name none."""
    return state.memoized("courses", lambda: tuple(_courses(state)))


def _courses(state: TrainingState) -> Iterator[Course]:
    made: dict[float, list[Attempt]] = {}
    for each in attempts(state):
        made.setdefault(each.stage, []).append(each)
    events = by_stage(state.stage_events)
    saved: dict[float | None, list[Checkpoint]] = {}
    for point in state.valid_checkpoints:
        saved.setdefault(same(point.stage), []).append(point)
    for stage, tried in sorted(made.items(), key=lambda pair: _place(pair[1][-1])):
        began = state.beginnings.get(stage)
        plan = stage_plan(events.get(stage, ()), began, stage)
        kept = [each for each in tried if each.kept > each.start or each.running] or tried[-1:]
        start = plan.begun if began else kept[0].start
        planned, extended = _planned_ends(saved.get(stage, ()), plan, start, logged=began is not None)
        yield Course(
            stage,
            stage_name(stage, state.scheme),
            tuple(tried[-MOST:]),
            start,
            kept[-1].kept,
            tried[-1].running,
            planned,
            extended,
            plan,
        )


def _place(attempt: Attempt) -> tuple[int, int]:
    return attempt.segment, attempt.start


def _planned_ends(
    saved: Sequence[Checkpoint], plan: StagePlan, start: int, *, logged: bool
) -> tuple[float | None, float | None]:
    """Steps at which a stage's plan ends, without its extensions and with them.

    A plan in weeks becomes steps by the checkpoints' weeks. A whole week is counted when it is over, so that with the
    stage begun at ``s`` a week has at most ``(step - s) / week`` steps, by every checkpoint; the least is exact where
    checkpoints are saved at the ends of weeks.
    """
    if plan.steps is not None:
        extended = None if plan.unmeasured_weeks else start + plan.steps
        return start + plan.steps - plan.more_steps, extended
    total = plan.total_weeks(saved)
    dated = tuple((each.week, each.step) for each in saved if each.week)
    if not total or not dated:
        return None, None
    if logged:
        length = min(((step - start) / week for week, step in dated if step > start), default=0.0)
        usable = length > 0
        return (
            (start + (total - plan.more_weeks) * length, start + total * length) if usable else (None, None)
        )
    return _ends_by_weeks(dated, total - plan.more_weeks, start), _ends_by_weeks(dated, total, start)


@lru_cache(maxsize=64)
def _ends_by_weeks(dated: tuple[tuple[float, int], ...], total: float, earliest: int) -> float | None:
    """Where a stage ends whose start is not logged."""
    week, step = np.array(dated, np.float64).T
    if not week[-1] > week[0]:
        return None
    ends = planned_end(week, step, total, earliest)
    return None if ends is None else sum(ends) / 2


def attempts(state: TrainingState) -> tuple[Attempt, ...]:
    """Every attempt at a stage, in the order in which they were made.

    Of a run with more than 4,000 stage events, resumes and ends of stages together, those since the 4,000th newest of
    them: their numbers begin at 1 there.
    """
    return state.memoized("attempts", lambda: _Walk(state).attempts())


@dataclass(frozen=True, slots=True)
class _Turn:
    """A place in the run at which the stage or the attempt changes."""

    segment: int
    step: int
    order: int
    """Among turns at the same step: resumes first, then as logged."""
    kind: str
    stage: float | None = None


class _Walk:
    """Goes through a run's turns and notes its attempts."""

    def __init__(self, state: TrainingState) -> None:
        self._state = state
        self._made: list[Attempt] = []
        self._tried: Counter[float] = Counter()
        """Attempts of each stage in :attr:`_made`."""
        self._counting: list[int] = []
        """Places in :attr:`_made` of the attempts of which a part counts."""
        self._open: Attempt | None = None

    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts, the last of them running unless the log says that its stage has ended."""
        turns = sorted(_turns(self._state), key=lambda each: (each.segment, each.step, each.order))
        for turn in turns[-MOST_TURNS:]:
            if turn.kind == "resume":
                self._resume(turn)
            elif turn.kind == contract.STAGE_END:
                self._end(turn)
            elif turn.stage is not None:
                self._begin(turn.stage, turn)
        if self._open:
            end = max(self._state.current_step, self._open.start)
            until = max(self._open.segment, len(self._state.history.segments) - 1)
            self._made.append(replace(self._open, end=end, until=until, running=True))
        return tuple(self._made)

    def _begin(self, stage: float, turn: _Turn) -> None:
        now = self._open
        if now and now.stage == stage and (now.segment == turn.segment or turn.kind == SAVED):
            return  # a transition and the stage's start, or a process that goes on with the stage
        before = self._made[-1] if self._made else None
        over = before if now is None and before and before.ended and before.stage == stage else None
        if over and (turn.kind == SAVED or over.start == over.end == turn.step):
            return  # its last checkpoint, or a stage without a step that is logged once more
        self._close(turn)
        self._start(stage, turn)

    def _start(self, stage: float, turn: _Turn) -> None:
        self._open = Attempt(stage, 1 + self._tried[stage], turn.step, turn.step, turn.segment)

    def _end(self, turn: _Turn) -> None:
        if self._open and turn.stage in (None, self._open.stage):
            self._close(turn, ended=True)

    def _resume(self, turn: _Turn) -> None:
        """Go back to a step: what was done beyond it is repeated, and the stage trained there goes on."""
        self._close(turn)
        at: Attempt | None = None
        while self._counting:
            place = self._counting[-1]
            each = self._made[place]
            if each.kept > turn.step:
                self._made[place] = replace(each, repeated_from=max(turn.step, each.start))
            if each.start <= turn.step:
                at = each
                break
            self._counting.pop()
        if at:
            self._start(at.stage, turn)

    def _close(self, turn: _Turn, *, ended: bool = False) -> None:
        """Let the open attempt end at a turn, or with the last line before one at which steps begin again."""
        now, self._open = self._open, None
        if now is None:
            return
        step, until, segments = turn.step, turn.segment, self._state.history.segments
        if now.segment < turn.segment < len(segments):
            step, until = int(self._state.history.step[segments[turn.segment].first_row - 1]), until - 1
        if step > now.start or ended:
            self._tried[now.stage] += 1
            self._counting.append(len(self._made))
            self._made.append(replace(now, end=max(step, now.start), until=until, ended=ended))


def _turns(state: TrainingState) -> Iterator[_Turn]:
    history, order = state.history, count(2)
    for segment in history.segments:
        if segment.kind == "resume":
            yield _Turn(segment.index, segment.first_step, 0, "resume")
    logged = state.events_of(contract.STAGE_START, contract.STAGE_END, contract.TRANSITION)
    begun = []
    for event in logged[-MOST_TURNS:]:
        stage = event.stage_begun if event.kind != contract.STAGE_END else _number(event.fields.get("stage"))
        step = placed(event, history)
        begun += [step] if event.stage_begun is not None else []
        yield _Turn(event.segment, step, next(order), event.kind, same(stage))
    if not begun or history.is_of_this_stage(0):
        for point in _telling(state.valid_checkpoints, begun):
            yield _Turn(_segment_of(history, point.step), point.step, 1, SAVED, same(point.stage))


def _telling(saved: Sequence[Checkpoint], begun: Sequence[int]) -> Iterator[Checkpoint]:
    """The checkpoints with a stage that may tell of one: where it changes, and the first after each begin."""
    named = [each for each in saved if each.stage is not None]
    steps = [each.step for each in named]
    after = {bisect_right(steps, step) for step in begun}
    for at, point in enumerate(named):
        if at in after or not at or point.stage != named[at - 1].stage:
            yield point


def _segment_of(history: History, step: int) -> int:
    began = [each.index for each in history.segments if each.first_step <= step]
    return began[-1] if began else 0


def _number(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
    return float(value) if usable else None


@dataclass(frozen=True, slots=True)
class Due:
    """When something that comes at an interval is expected next."""

    what: str
    step: int
    interval: int
    source: str
    """Where the interval comes from."""


def expected(state: TrainingState) -> tuple[Due, ...]:
    """The next sleep and growth check: whole intervals after the newest one of the stage, else after its start."""
    found = courses(state)
    if not found or not found[-1].running:
        return ()
    now = found[-1]
    sleeps = [each.step for each in consolidations(state)]  # of its phases the first
    growths = [each.step for each in state.counting(contract.GROWTH) if each.step is not None]
    made = []
    for what, kind, steps, (interval, source) in (
        ("sleep", contract.CONSOLIDATION, sleeps, sleep_interval(state)),
        ("growth check", contract.GROWTH, growths, _growth_check_interval(state)),
    ):
        if source == CONFIGURED or state.count_of(kind):
            counted_from = next(
                (each for each in reversed(steps) if now.start < each <= state.current_step), now.start
            )
            done = state.current_step - counted_from
            made.append(Due(what, counted_from + (done // interval + 1) * interval, interval, source))
    return tuple(made)


def _growth_check_interval(state: TrainingState) -> tuple[int, str]:
    """Its steps and who says so; the run's growths say nothing of it, as not every check lets a region grow."""
    configured = configured_interval(state, "growth_check_interval")
    return (configured, CONFIGURED) if configured else (GROWTH_CHECK, DEFAULT)


def curriculum(state: TrainingState) -> tuple[tuple[float, str], ...]:
    """Number and name of every stage: those of the stage table, and those that the run trained besides."""
    listed = {number: stage.name for number, stage in SCHEMES[state.scheme].items()}
    listed |= {each.stage: each.name for each in courses(state) if each.stage not in listed}
    return tuple(sorted(listed.items()))


def counted_in_weeks(state: TrainingState) -> bool:
    """Whether the present stage's progress is that of its weeks, as its checkpoints count them, not of its steps."""
    return state.total_weeks > 0 and not state.planned_in_steps
