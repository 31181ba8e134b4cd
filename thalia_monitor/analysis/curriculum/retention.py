"""How much of what earlier stages taught is kept: accuracy of each task now against the end of its stage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from thalia_monitor import contract
from thalia_monitor.analysis.curriculum.stage_course import Course, courses
from thalia_monitor.analysis.findings import Finding, Kind, Thresholds
from thalia_monitor.analysis.formatting import NONE, counted, number
from thalia_monitor.model.records import Severity
from thalia_monitor.model.series_key import metric

if TYPE_CHECKING:
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

BASE_NEURONS: Final = 50_000
"""Size of the brain for which Thalia allows 10 %."""
LEAST_ALLOWED: Final = 0.05
LAST_STAGE: Final = 20.0
"""A later stage allows no less."""
CATASTROPHIC: Final = 0.20
"""Forgetting that Thalia's failure protocol calls catastrophic."""
PATTERN: Final = "task/*_accuracy"
"""Metrics that Thalia's trainers log the accuracy of a task under."""
TRIALS: Final = 100
"""Trials that such a metric is the mean of."""
MOST_TASKS: Final = 100
LONGEST_NAME: Final = 80


def allowed(stage: float, neurons: float | None) -> float:
    """Share of a task's accuracy that may be lost: Thalia's ``adaptive_forgetting_threshold``.

    ``max(0.05, 0.10 * (1 - 0.3 * log10(N / 50000)) * (1 - 0.05 * stage))``, with a brain of 50,000 neurons where the
    size is not known. Source: Thalia's ``docs/design/curriculum_strategy.md``, "Continual Learning Validation". In
    tenths of a percent, as its table has it: 5.6 % at stage 4 with 525,000 neurons (5.55 % before rounding).

    A stage counts as one of 0 to 20, whatever number a log gives it (one that is no number as 0), and at most 100 %
    are allowed.
    """
    known = neurons if neurons is not None and neurons > 0 else BASE_NEURONS
    size = 1 - 0.3 * (math.log10(known) - math.log10(BASE_NEURONS))
    place = min(max(0.0, stage), LAST_STAGE)  # 0.0 first: NaN is not greater
    share = min(max(LEAST_ALLOWED, 0.10 * size * (1 - 0.05 * place)), 1.0)
    # Rounded in decimals: in binary, half of the last digit would fall to either side.
    return float(Decimal(f"{100 * share:.2f}").quantize(Decimal("0.1"), ROUND_HALF_UP) / 100)


@dataclass(frozen=True, slots=True)
class Probe:
    """One measurement of a task's accuracy."""

    task: str
    stage: float | None
    """The stage that teaches the task."""
    accuracy: float
    step: int
    segment: int = 0
    n: int | None = None
    """Trials that it is the mean of."""
    time: float | None = None
    """Unix seconds."""

    @property
    def error(self) -> float | None:
        """Standard error of the accuracy; None where the number of trials is not logged."""
        return math.sqrt(max(self.accuracy * (1 - self.accuracy), 0.0) / self.n) if self.n else None


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of one task."""

    task: str
    stage: float | None
    learned: Probe | None
    """The last probe in the task's own stage; None where it was never probed there, or the stage goes on."""
    by_stage: Mapping[float, Probe]
    """The last probe while each stage was trained; a stage without one is not in it."""
    probes: tuple[Probe, ...]
    """Every probe that counts, by step."""
    limit: float
    """Forgetting that is allowed now."""
    learning: bool = False
    """Whether its own stage is being trained."""

    @property
    def now(self) -> Probe | None:
        """The newest probe."""
        return self.probes[-1] if self.probes else None

    def kept(self, probe: Probe | None) -> float | None:
        """R, the accuracy of a probe over that at the end of the task's stage; None where either is missing or 0."""
        if probe is None or self.learned is None or not self.learned.accuracy > 0:
            return None
        return probe.accuracy / self.learned.accuracy if _place(probe) >= _place(self.learned) else None

    @property
    def forgetting(self) -> float | None:
        """1 - R of the newest probe after the task's stage; None where there is none."""
        later = self.now is not None and self.learned is not None and self.now != self.learned
        kept = self.kept(self.now) if later else None
        return None if kept is None else 1 - kept

    @property
    def beyond(self) -> bool:
        """Whether more is forgotten than allowed."""
        return self.forgetting is not None and self.forgetting > self.limit


def retention(state: TrainingState) -> tuple[Retention, ...]:
    """Every task that was probed, by the stage that teaches it; empty where none was."""
    return state.memoized("retention", lambda: tuple(_retention(state)))


def _retention(state: TrainingState) -> Iterator[Retention]:
    stages = courses(state)
    limit = allowed_now(state)
    found = _probed(state, stages) or _of_metrics(state, stages)
    order = {each.stage: place for place, each in enumerate(stages)}
    running = {each.stage for each in stages if each.running}
    made = []
    for task, its in found.items():
        own = its.probes[-1].stage
        learning = own in running
        learned = None if learning or own is None else its.by_stage.get(own)
        made.append(Retention(task, own, learned, its.by_stage, its.probes, limit, learning))
    yield from sorted(made, key=lambda each: (order.get(each.stage or 0, len(order)), each.task))


@dataclass(frozen=True, slots=True)
class _Probed:
    """The probes of one task that count, by step, and the last of them while each stage was trained."""

    probes: tuple[Probe, ...]
    by_stage: Mapping[float, Probe]

    def then(self, later: _Probed) -> _Probed:
        """These and those of later lines."""
        probes = self.probes + later.probes
        if _place(later.probes[0]) < _place(self.probes[-1]):
            probes = tuple(sorted(probes, key=_place))
        by_stage = dict(self.by_stage)
        for stage, probe in later.by_stage.items():
            if stage not in by_stage or _place(by_stage[stage]) <= _place(probe):
                by_stage[stage] = probe
        return _Probed(probes, by_stage)


def _place(probe: Probe) -> tuple[int, int]:
    return probe.segment, probe.step


def allowed_now(state: TrainingState) -> float:
    """Forgetting that is allowed with the present stage and size of the brain."""
    stage = state.current_stage
    number = 0 if stage is None else stage - (2 if state.scheme == "2026" else 0)
    return allowed(number, neurons(state))


def neurons(state: TrainingState) -> float | None:
    """Neurons of all regions now; None where they are not logged."""
    total = sum(state.history.latest(state.history.neurons).values())
    return total if math.isfinite(total) and total > 0 else None


Stretch = tuple[float, tuple[int, float], tuple[int, float], bool]
"""A stage, the place that it follows, its last place, and whether it is the first: that has its first step, too.

A place is a step and, before it, how often steps have begun again at a new stage until then.
"""


def _begun_again(state: TrainingState) -> tuple[int, ...]:
    """How often steps have begun again at a new stage, by segment; a resume goes on with those there were."""
    return tuple(accumulate(each.kind == "stage" for each in state.history.segments))


def _at(begun_again: Sequence[int], segment: int, step: float) -> tuple[int, float]:
    return (begun_again[min(segment, len(begun_again) - 1)] if begun_again else 0), step


def _stretches(stages: Sequence[Course], begun_again: Sequence[int]) -> tuple[Stretch, ...]:
    every = [
        (
            course.stage,
            _at(begun_again, each.segment, each.start),
            (len(begun_again), math.inf) if each.running else _at(begun_again, each.until, each.kept),
        )
        for course in stages
        for each in course.attempts
    ]
    firsts = {start[0]: start for _, start, _ in sorted(every, key=lambda each: each[1], reverse=True)}
    return tuple((stage, start, end, start == firsts[start[0]]) for stage, start, end in every)


def _trained_at(stretches: Sequence[Stretch], place: tuple[int, float]) -> float | None:
    """The stage that was trained at a place; at a boundary the one that ends there."""
    for stage, start, end, first in stretches:
        if start < place <= end or (first and place == start):
            return stage
    return None


def _probed(state: TrainingState, stages: Sequence[Course]) -> Mapping[str, _Probed]:
    """The probes that were logged, by task, without those that a resume repeats; costs what is new.

    They are read again where a stage or a segment has begun since.
    """
    limits, begun_again = tuple(state.history.supersessions().tolist()), _begun_again(state)
    stretches = _stretches(stages, begun_again)

    def read(events: Sequence[Event], _: int) -> dict[str, _Probed]:
        found: dict[str, list[Probe]] = {}
        for probe in _read(events):
            gone = probe.segment < len(limits) and probe.step >= limits[probe.segment]
            if not gone and (probe.task in found or len(found) < MOST_TASKS):
                found.setdefault(probe.task, []).append(probe)
        return {task: _grouped(probes, stretches, begun_again) for task, probes in found.items()}

    return state.extended(
        ("probes", limits, begun_again, stretches), read, lambda old, new: _add(dict(old), new)
    )


def _grouped(probes: list[Probe], stretches: Sequence[Stretch], begun_again: Sequence[int]) -> _Probed:
    probes.sort(key=_place)
    during = (
        (_trained_at(stretches, _at(begun_again, probe.segment, probe.step)), probe) for probe in probes
    )
    return _Probed(tuple(probes), {stage: probe for stage, probe in during if stage is not None})


def _add(found: dict[str, _Probed], more: Mapping[str, _Probed]) -> dict[str, _Probed]:
    for task, its in more.items():
        if task in found:
            found[task] = found[task].then(its)
        elif len(found) < MOST_TASKS:
            found[task] = its
    return found


def _read(events: Sequence[Event]) -> tuple[Probe, ...]:
    return tuple(
        probe for event in events if event.kind == contract.EVALUATION and (probe := probe_of(event))
    )


def probe_of(event: Event) -> Probe | None:
    """Read an evaluation event; None for one without a task, a step, or an accuracy of 0 to 1."""
    task, accuracy = event.fields.get("task"), _number(event.fields.get("accuracy"))
    if (
        not isinstance(task, str)
        or not task
        or event.step is None
        or accuracy is None
        or not 0 <= accuracy <= 1
    ):
        return None
    stage, n = _number(event.fields.get("stage")), _number(event.fields.get("n"))
    own = -1.0 if stage == -0.5 else stage
    trials = int(n) if n is not None and n >= 1 else None
    return Probe(task[:LONGEST_NAME], own, accuracy, event.step, event.segment, trials, event.time)


def _number(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None  # type: ignore[arg-type]


def _of_metrics(state: TrainingState, stages: Sequence[Course]) -> Mapping[str, _Probed]:
    """Where no evaluation is logged: ``task/*_accuracy`` at the end of each stage, and now.

    It is the mean of a task's last 100 trials. A task belongs to the stage in which it was first logged.
    """
    found: dict[str, _Probed] = {}
    names = [each for each in state.history.metrics if fnmatchcase(each.replace(".", "/"), PATTERN)]
    for name in names[:MOST_TASKS]:
        by_stage: dict[float, Probe] = {}
        for course in stages if state.history.segments else ():
            last = course.attempts[-1]
            logged = state.history.newest_in(metric(name), last.segment, last.kept + 1)
            if logged and logged.step >= last.start and math.isfinite(logged.value):
                own = next(iter(by_stage), course.stage)
                by_stage[course.stage] = Probe(
                    _task(name), own, logged.value, logged.step, last.segment, TRIALS
                )
        if by_stage:
            found[_task(name)] = _Probed(tuple(by_stage.values()), by_stage)
    return found


def _task(name: str) -> str:
    return name[len("task/") :].removesuffix("_accuracy")[:LONGEST_NAME]


def transfer(found: Sequence[Retention]) -> float | None:
    """Backward transfer: the mean over earlier tasks of their accuracy now minus that at the end of their stage.

    Negative where later stages cost earlier skills. Source: Lopez-Paz and Ranzato, "Gradient Episodic Memory for
    Continual Learning", 2017, section 2. None without a task that was probed after its stage.
    """
    changes = [
        each.now.accuracy - each.learned.accuracy
        for each in found
        if each.forgetting is not None and each.now and each.learned
    ]
    return sum(changes) / len(changes) if changes else None


def sentence(state: TrainingState) -> str:
    """The retention of a run in one sentence; empty where nothing was probed."""
    found = retention(state)
    known = [each for each in found if each.forgetting is not None]
    limit = number(allowed_now(state), "percent")
    if not found:
        return ""
    if not known:
        return f"{counted(len(found), 'task')} probed, none of them yet after the end of its stage."
    worst = max(known, key=lambda each: each.forgetting or 0.0)
    beyond = sum(each.beyond for each in known)
    first = f"{beyond:,} of {counted(len(known), 'earlier task')} forgotten beyond the allowed {limit}"
    lost = worst.forgetting or 0.0
    second = f"most {worst.task} of stage {worst.stage:g}, {number(lost, 'percent')}"
    if lost <= 0:
        second = "none of them is worse than at the end of its stage"
    change = transfer(found)
    third = "" if change is None else f" Backward transfer is {number(change)}."
    return f"{first}: {second}.{third}"


def forgetting(state: TrainingState, limits: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - one shape for all
    """Find tasks of earlier stages of which more is forgotten than Thalia allows."""
    for each in retention(state):
        lost, now, learned = each.forgetting, each.now, each.learned
        if not each.beyond or lost is None or now is None or learned is None:
            continue
        severity = Severity.CRITICAL if lost > CATASTROPHIC else Severity.WARNING
        stage = NONE if each.stage is None else f"{each.stage:g}"
        text = f"Task {each.task} of stage {stage} is being forgotten: {number(lost, 'percent')}."
        allowance = number(each.limit, "percent")
        evidence = (
            f"accuracy {number(now.accuracy)} at step {now.step:,}, {number(learned.accuracy)} at the end of its "
            f"stage; {allowance} allowed"
        )
        since = next((probe.step for probe in _tail_beyond(each)), now.step)
        yield Finding(Kind.RETENTION, severity, text, evidence, since, each.task)


def _tail_beyond(each: Retention) -> list[Probe]:
    """The newest probes in a row that are beyond the limit, by step."""
    found: list[Probe] = []
    for probe in reversed(each.probes):
        kept = each.kept(probe)
        if kept is None or 1 - kept <= each.limit:
            break
        found.append(probe)
    return found[::-1]
