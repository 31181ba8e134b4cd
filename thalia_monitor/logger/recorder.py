"""Writes a run as the file contract has it: a line for each step and event, metadata at intervals, global steps.

The contract's steps go on through all stages; where a script starts again from 0 at each stage, they are
offset.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.errors import NotSpikes
from thalia_monitor.logger.files import Appender, last_step, remove_orphans, write_whole
from thalia_monitor.logger.json_values import to_bytes, to_line
from thalia_monitor.logger.progress import (
    CheckInterval,
    Progress,
    health_issues,
    number_in,
    stage_of,
    whole_in,
)
from thalia_monitor.logger.spikes import SpikeFiles

if TYPE_CHECKING:
    from thalia_monitor.logger.files import WriteErrors


NEWEST_KEPT: Final = 50
"""As many of the newest are all kept; of older ones, one in 2, 4, 8, ... intervals, the rarer the older."""

_NAME: Final = re.compile(r"metadata_(\d{12,})\.json")


def metadata_name(step: int) -> str:
    """Name the metadata of a step; names sort as steps do."""
    return f"metadata_{step:012d}.json"


def surplus(steps: Iterable[int], interval: int) -> list[int]:
    """Choose the steps whose metadata may go.

    The newest 50 stay. An older one stays if it is the first in its slot; a slot is one interval wide up to an
    age of 50 intervals, two up to 100, four up to 200, and so on. Slots are nested, so that what was once let
    go is never missed; a run of a million intervals keeps some 450 files.
    """
    ordered = sorted(steps)
    seen: set[tuple[int, int]] = set()
    gone = []
    for step in ordered[:-NEWEST_KEPT]:
        age = (ordered[-1] - step) // interval
        width = interval << (age // NEWEST_KEPT).bit_length()
        slot = (width, step // width)
        if slot in seen:
            gone.append(step)
        seen.add(slot)
    return gone


class MetadataFiles:
    """The metadata files that this kind of logger has written into a directory; others are left alone."""

    def __init__(self, directory: Path, interval: int) -> None:
        self._directory = directory
        self._interval = interval
        self._steps: set[int] = set()
        with suppress(OSError):
            names = (_NAME.fullmatch(path.name) for path in directory.iterdir())
            self._steps = {int(name[1]) for name in names if name}
        remove_orphans(directory)

    def newest(self) -> dict[str, Any]:
        """Read the newest of an earlier process; empty where there is none that can be read."""
        for step in sorted(self._steps, reverse=True):
            with suppress(OSError, ValueError, RecursionError):
                content = json.loads((self._directory / metadata_name(step)).read_bytes())
                if isinstance(content, dict):
                    return content
        return {}

    def save(self, step: int, metadata: Mapping[str, Any]) -> None:
        """Write the metadata of a step, and let surplus ones go. Raises OSError."""
        text = json.dumps(metadata, ensure_ascii=False, indent=2) + "\n"
        write_whole(self._directory / metadata_name(step), to_bytes(text))
        self._steps.add(step)
        for old in surplus(self._steps, self._interval):
            self._steps.discard(old)
            with suppress(OSError):
                (self._directory / metadata_name(old)).unlink()

    def supersede(self, step: int) -> bool:
        """Set aside the metadata beyond a step that training has gone back to; tell whether there were any.

        They are renamed to ``superseded_metadata_*``: the newest metadata must be those of the present.
        """
        beyond = [each for each in self._steps if each > step]
        for each in beyond:
            self._steps.discard(each)
            path = self._directory / metadata_name(each)
            with suppress(OSError):
                path.replace(path.with_name(f"superseded_{path.name}"))
        return bool(beyond)


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
        self.newest = last
        """The greatest step of any line, metrics or event, since training last went back."""
        self.offset = offset
        """Global step minus the script's."""
        self._stage = stage
        self._first: int | None = None
        self._first_before: int | None = None
        self._undecided = False

    def begin_stage(self, stage: float, at: int | None = None) -> None:
        """Note that a stage begins; its first step shows how the script counts, or ``at``, a global step, does."""
        if at is not None:
            self.offset, self._undecided = 0, False
        elif self._stage is not None and stage > self._stage:
            self._undecided = True
            self._first_before, self._first = self._first, None
        elif self._stage is not None and stage < self._stage:
            self.offset = 0
        self._stage = stage

    def of(self, step: int) -> int:
        """Place the step of an event in the whole training."""
        at = self._place(step)
        self.newest = at if self.newest is None else max(at, self.newest)
        return at

    def reach(self, step: int) -> int:
        """Place the step that training is at, and remember it as the newest."""
        now, before = self._place(step), self.last
        went_back = before is not None and now < before
        self.newest = now if self.newest is None or went_back else max(now, self.newest)
        self.last = now
        return now

    def finish(self, step: int) -> None:
        """Note a step that training has come to, at least: no line before it has a higher one."""
        self.of(step)
        self.last = self.newest

    def _place(self, step: int) -> int:
        if self._first is None:
            self._first = step
        if self._undecided:
            self._undecided = False
            if self.last is not None and step + self.offset <= self.last and self._starts_again(step):
                self.offset = self.last
        return step + self.offset

    def _starts_again(self, step: int) -> bool:
        assert self.last is not None
        return 2 * step < self.last or (self._first_before is not None and step <= self._first_before)


RESERVED: Final = frozenset({contract.STEP, contract.TIMESTAMP, contract.EVENT_TYPE})
"""Fields of a line that are not the caller's: a metric of such a name is written as ``metric_<name>``."""

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Recorder:
    """Writes ``training_log.json`` and ``metadata_*.json`` live, continuing what an earlier process wrote."""

    def __init__(
        self, directory: Path, *, interval: int, errors: WriteErrors, clock: Callable[[], float]
    ) -> None:
        self._errors = errors
        self._clock = clock
        self._interval = max(1, interval)
        self._log = Appender(directory / contract.LOG_NAME)
        self._files = MetadataFiles(directory, self._interval)
        self._spikes = SpikeFiles(directory)
        before = self._files.newest()
        logged, saved = last_step(directory / contract.LOG_NAME), whole_in(before, contract.STEP)
        offset = whole_in(before, "step_offset") or 0
        self._steps = GlobalSteps(saved if logged is None else logged, offset, stage_of(before))
        self._progress = Progress(before)
        self._started = clock() - (number_in(before, "training_time_seconds") or 0.0)
        self._saved: int | None = None
        self._health: dict[str, str] = {}
        self._check = CheckInterval()

    def __getstate__(self) -> dict[str, Any]:
        """The state for pickle; unpickled, it has the system's clock, for that of a script may be any function."""
        return {name: value for name, value in self.__dict__.items() if name != "_clock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._clock = time.time

    def start_stage(self, stage: float, config: Mapping[str, Any], step: int | None = None) -> None:
        """Write that a stage begins, at a global step or the newest; its checklist is empty until it is evaluated."""
        self._steps.begin_stage(stage, step)
        if step is not None:
            self._reach(step)
        self._progress.begin(stage, config)
        self.event(contract.STAGE_START, None, {"stage": stage, "config": config})
        self._save()

    def reach(self, step: int) -> None:
        """Note that training has come to a step, where it logs no metrics; it never goes back by that."""
        self._steps.finish(step)

    def end_stage(
        self,
        stage: float,
        step: int | None = None,
        metrics: Mapping[str, Any] = NOTHING,
        details: Mapping[str, Any] = NOTHING,
    ) -> None:
        """Write that a stage is over, at a step or the newest, with its last metrics."""
        if step is not None:
            self.reach(step)
        if metrics:
            self._progress.absorb(metrics)
            details = {**details, "final_metrics": metrics}
        self.event(contract.STAGE_END, None, {"stage": stage, **details})
        self._save()

    def step(self, step: int, metrics: dict[str, Any], week: Any) -> None:
        """Write a metric line, and metadata where they are due."""
        now, went_back = self._reach(step)
        if bool in map(type, metrics.values()):  # a series is of numbers
            metrics = {name: int(value) if type(value) is bool else value for name, value in metrics.items()}
        line = {contract.STEP: now, contract.TIMESTAMP: round(self._clock(), 3)}
        self._progress.take_weeks(metrics, week)
        if not RESERVED.isdisjoint(metrics):
            metrics = {f"metric_{name}" if name in RESERVED else name: metrics[name] for name in metrics}
        self._write(line | metrics)
        due = self._progress.absorb(metrics) or went_back
        if self._check.due(now):
            self._look_at_health()
        if due or self._saved is None or now // self._interval != self._saved // self._interval:
            self._save()

    def growth(
        self,
        region: str,
        added: Any,
        reason: str,
        step: int | None,
        new_total: Any,
        details: Mapping[str, Any] = NOTHING,
    ) -> None:
        """Write that a region grew; its new size follows from the last known one where it is not given."""
        total = self._progress.grow(region, added, new_total)
        fields = {"region": region, "neurons_added": added, "new_total": total, "reason": reason}
        self.event(contract.GROWTH, step, _known(details) | _known(fields))

    def consolidation(
        self,
        sleep_stage: str | None,
        patterns: Any,
        length: Mapping[str, Any],
        step: int | None,
        details: Mapping[str, Any] = NOTHING,
    ) -> None:
        """Write one phase of sleep; ``length`` holds ``duration_steps``, ``duration_seconds``, or both."""
        fields = {"sleep_stage": sleep_stage, "patterns_replayed": patterns, **length}
        self.event(contract.CONSOLIDATION, step, _known(details) | _known(fields))

    def milestones(self, stage: float, results: dict[str, Any], week: Any, step: int | None) -> None:
        """Write the evaluation of a stage's checklist, and metadata with it."""
        self._progress.check(results, week)
        self.event(contract.MILESTONE, step, {"stage": stage, "week": week, "results": results})
        self._save()

    def extend(self, stage: float, weeks: Any, steps: Any, reason: str, step: int | None) -> None:
        """Write that a stage is given more weeks, or more steps, and plan the weeks."""
        self._progress.extend(weeks)
        more = _known({"additional_weeks": weeks, "additional_steps": steps})
        self.event(contract.EXTENSION, step, {"stage": stage, **more, "reason": reason})
        self._save()

    def alert(self, severity: str, message: str, step: int | None) -> None:
        """Write a health warning; the next metadata list it."""
        self._progress.alert(severity, message)
        self.event(contract.WARNING, step, {"severity": severity, "message": message})

    def event(self, kind: str, step: int | None, fields: Mapping[str, Any]) -> bool:
        """Write an event, at the newest step where it has none; return whether it could be written."""
        at = self._steps.last if step is None else self._steps.of(step)
        head = {
            contract.STEP: at or 0,
            contract.TIMESTAMP: round(self._clock(), 3),
            contract.EVENT_TYPE: kind,
        }
        return self._write({**head, **fields, **head})

    def spikes(self, step: int | None, window: Mapping[str, Any]) -> None:
        """Write a window of spikes, at the newest step where it has none."""
        at = (self._steps.last or 0) if step is None else self._steps.of(step)
        try:
            self._spikes.save(at, {contract.TIMESTAMP: round(self._clock(), 3), **window})
        except (OSError, NotSpikes) as error:
            self._errors.failed(contract.SPIKES_FOLDER, error)
            return
        self._errors.worked(contract.SPIKES_FOLDER)

    def _write(self, line: Mapping[str, Any]) -> bool:
        try:
            self._log.append(to_line(line))
        except OSError as error:
            self._errors.failed(contract.LOG_NAME, error)
            return False
        again = self._errors.worked(contract.LOG_NAME)
        if again:
            self._saved = None  # metadata are due: the page is to show it soon
            self.event(contract.WARNING, None, {"severity": "warning", "message": again})
        return True

    def _reach(self, step: int) -> tuple[int, bool]:
        """Place the step that training is at, and whether it went back behind metadata, which are set aside."""
        before = self._steps.last
        now = self._steps.reach(step)
        went_back = before is not None and now < before and self._files.supersede(now)
        if went_back:
            self._progress.go_back(self._files.newest())
        return now, went_back

    def _look_at_health(self) -> None:
        """Write a warning for each limit that is passed and was not when last looked at."""
        before, self._health = self._health, health_issues(self._progress.metrics)
        for issue, message in self._health.items():
            if issue not in before:
                self.event(contract.WARNING, None, {"severity": "warning", "message": message})

    def _save(self) -> None:
        """Write metadata of the present; an attempt that fails is made again when the next are due."""
        step = self._saved = self._steps.last or 0
        now = self._clock()
        warnings = [*health_issues(self._progress.metrics).values(), *self._errors.unseen]
        metadata = self._progress.metadata(step, warnings) | {
            "training_time_seconds": round(max(now - self._started, 0.0), 3),
            contract.TIMESTAMP: round(now, 3),
        }
        if self._steps.offset:
            metadata["step_offset"] = self._steps.offset
        try:
            self._files.save(step, metadata)
        except OSError as error:
            self._errors.failed(contract.METADATA_PATTERN, error)
            return
        self._errors.worked(contract.METADATA_PATTERN)
        self._progress.alerts_shown()
        self._errors.unseen = []


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not known: an absent field is no value."""
    return {name: value for name, value in fields.items() if value is not None}
