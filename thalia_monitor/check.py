"""``thalia-monitor check DIR``: what a run's directory holds, and everything that is wrong with it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor.contract import exact, printable
from thalia_monitor.errors import RunUnreadable
from thalia_monitor.model.records import Problem
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.formats.registry import LOGS
from thalia_monitor.reading.run_reader import RunReader
from thalia_monitor.stages import stage_name

if TYPE_CHECKING:
    from thalia_monitor.model.history import History
    from thalia_monitor.model.records import Source
    from thalia_monitor.model.run import TrainingState

CLEAN: Final = 0
PROBLEMS: Final = 1
UNUSABLE: Final = 2

_NOTHING: Final = (
    "There is no file of a training run in here: no training_log.json, metadata_*.json, stage_*_log.json, "
    "curriculum_training.log, *.thalia, results/*.json or trials.csv. Is this the run's own directory?"
)


@dataclass(frozen=True, slots=True)
class StageFound:
    """A stage found in any file."""

    number: float
    name: str


@dataclass(frozen=True, slots=True)
class SeriesFound:
    """One series: how many values it has, and over which steps."""

    name: str
    values: int
    nonfinite: int
    """How many of them are NaN or infinite."""
    first_step: int
    last_step: int


@dataclass(frozen=True, slots=True)
class Report:
    """Contents and problems of a directory."""

    directory: str
    unusable: str | None = None
    """Why the directory cannot be shown at all, and what to do; None where it can."""
    stage: StageFound | None = None
    """Current position of the training."""
    step: int = 0
    week: float = 0
    total_weeks: float = 0
    files: tuple[Source, ...] = ()
    lines: int = 0
    """Metric lines."""
    resumes: int = 0
    first_step: int | None = None
    last_step: int | None = None
    first_time: datetime | None = None
    last_time: datetime | None = None
    stages: tuple[StageFound, ...] = ()
    series: tuple[SeriesFound, ...] = ()
    events: Mapping[str, int] = field(default_factory=dict)
    """How many of each kind."""
    checkpoints: int = 0
    criteria: Mapping[str, float] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    total_problems: int = 0
    """How many problems there are; ``problems`` lists a bounded number of them."""

    @property
    def exit_code(self) -> int:
        """0 clean, 1 problems, 2 unusable."""
        if self.unusable:
            return UNUSABLE
        return PROBLEMS if self.total_problems else CLEAN

    def json(self) -> str:
        """The report for programs: the attributes by their names, times in ISO 8601, no bare NaN."""
        found = {
            **asdict(self),
            "problems": [asdict(each) for each in self.problems],
            "exit_code": self.exit_code,
        }
        return json.dumps(found, indent=2, default=datetime.isoformat, allow_nan=False)

    def text(self) -> str:
        """The report for people, some 100 columns wide."""
        return "\n".join(printable(line).rstrip() for line in _lines(self))


def inspect(directory: str | os.PathLike[str]) -> Report:
    """Read a directory whole; what cannot be read is in the report, nothing is raised."""
    try:
        state = RunReader(Path(directory)).read()
    except RunUnreadable as error:
        return Report(str(directory), str(error))
    if not state.sources and not state.problems:
        there = ", ".join(each.file for each in state.unread[:20])
        return Report(str(directory), f"{_NOTHING} It holds: {there}." if there else _NOTHING)
    return _report(str(Path(directory).resolve()), _with_window_problems(state))


def _with_window_problems(state: TrainingState) -> TrainingState:
    """The state with the problems of windows of spikes, which are otherwise read only when they are shown."""
    found = [each for each in (window.read() for window in state.spike_files) if isinstance(each, Problem)]
    return replace(
        state, problems=[*state.problems, *found], total_problems=state.total_problems + len(found)
    )


def _report(directory: str, state: TrainingState) -> Report:
    history = state.history
    known = history.time[~np.isnan(history.time)]
    steps = [int(each) for each in (history.step.min(), history.step.max())] if len(history) else [None, None]
    return Report(
        directory,
        stage=None if state.current_stage is None else _stage(state.current_stage, state.scheme),
        step=state.current_step,
        week=state.current_week,
        total_weeks=state.total_weeks,
        files=(*state.sources, *state.unread),
        lines=len(history),
        resumes=sum(segment.kind == "resume" for segment in history.segments),
        first_step=steps[0],
        last_step=steps[1],
        first_time=_moment(known.min()) if len(known) else None,
        last_time=_moment(known.max()) if len(known) else None,
        stages=tuple(_stage(number, state.scheme) for number in sorted(_stages(state))),
        series=tuple(_series(history)),
        events=dict(Counter(event.kind for event in state.events).most_common()),
        checkpoints=_saved(state),
        criteria=dict(state.criteria),
        problems=state.problems,
        total_problems=state.total_problems,
    )


def _saved(state: TrainingState) -> int:
    """Count the checkpoints that were saved as such; where training stands by its logs is none."""
    logs = {source.file for source in state.sources if source.format in LOGS}
    return sum(point.file not in logs for point in state.checkpoints)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)


def _stage(number: float, scheme: str) -> StageFound:
    return StageFound(number, stage_name(number, scheme))


def _stages(state: TrainingState) -> set[float]:
    numbers: list[object] = [point.stage for point in state.checkpoints]
    numbers += [event.fields.get("stage") for event in state.events]
    finite = (json_values.finite(each) for each in numbers)
    return {-1 if number == -0.5 else number for number in finite if number is not None}


def _series(history: History) -> Iterator[SeriesFound]:
    for name in history.names():
        if (series := history.series(name)) is not None and len(series):
            nonfinite = int((~np.isfinite(series.value)).sum())
            yield SeriesFound(name, len(series), nonfinite, int(series.step.min()), int(series.step.max()))


def _lines(report: Report) -> Iterator[str]:
    if report.unusable:
        yield report.directory
        yield ""
        yield from _indented(report.unusable)
        return
    count = report.total_problems
    yield f"{count:,} {'problem' if count == 1 else 'problems'}" if count else "No problems"
    yield report.directory
    yield _position(report)
    yield from _section("Files", _file_lines(report.files))
    yield from _section("Run", _columns(row for cells in _run_cells(report) for row in _wrapped(*cells)))
    yield from _section("Series", _columns(_series_cells(each) for each in report.series))
    problems = [line for each in report.problems for line in _problem(each)]
    more = count - len(report.problems)
    problems += [f"… and {more:,} more"] if more else []
    yield from _section("Problems", problems)


def _position(report: Report) -> str:
    stage = f"stage {report.stage.number:g}, {report.stage.name}" if report.stage else "stage unknown"
    week = f"week {report.week:g} of {report.total_weeks:g}" if report.total_weeks else ""
    return " · ".join(filter(None, (stage, week, f"step {report.step:,}")))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    body = list(lines)
    if body:
        yield ""
        yield title
        yield from (f"  {line}" for line in body)


def _file_lines(files: Sequence[Source]) -> Iterator[str]:
    for line, source in zip(_columns(_file_cells(each) for each in files), files, strict=True):
        yield line
        yield from _indented(source.note) if source.note else ()


def _file_cells(source: Source) -> list[str]:
    records = (
        f"{source.records:,} {'record' if source.records == 1 else 'records'}" if source.records else "–"
    )
    return [source.file, source.format, records, _range(source.first_step, source.last_step)]


def _series_cells(series: SeriesFound) -> list[str]:
    values = f"{series.values:,} {'value' if series.values == 1 else 'values'}"
    odd = f"{series.nonfinite:,} not finite" if series.nonfinite else ""
    return [series.name, values, _range(series.first_step, series.last_step), odd]


def _run_cells(report: Report) -> Iterator[tuple[str, str]]:
    resumes = f", resumed {report.resumes:,} ×" if report.resumes else ""
    yield "metric lines", f"{report.lines:,}{resumes}"
    if report.first_step is not None:
        yield (
            "steps",
            _range(report.first_step, report.last_step).removeprefix("steps ").removeprefix("step "),
        )
    if report.first_time and report.last_time:
        span = timedelta(seconds=round((report.last_time - report.first_time).total_seconds()))
        yield (
            "time",
            f"{report.first_time:%Y-%m-%d %H:%M:%S} – {report.last_time:%Y-%m-%d %H:%M:%S} UTC ({span})",
        )
    if report.stages:
        yield "stages", " · ".join(f"{stage.number:g} {stage.name}" for stage in report.stages)
    if report.checkpoints:
        yield "checkpoints", f"{report.checkpoints:,}"
    if report.events:
        yield "events", " · ".join(f"{count:,} {kind}" for kind, count in report.events.items())
    if report.criteria:
        yield "criteria", " · ".join(f"{name} {exact(limit)}" for name, limit in report.criteria.items())


def _wrapped(label: str, value: str) -> Iterator[list[str]]:
    for number, part in enumerate(wrap(value, 84, break_on_hyphens=False)):
        yield ["" if number else label, part]


def _range(first: int | None, last: int | None) -> str:
    if first is None or last is None:
        return ""
    return f"step {first:,}" if first == last else f"steps {first:,} – {last:,}"


def _columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Lay cells out under one another."""
    table = [list(row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]


def _problem(problem: Problem) -> Iterator[str]:
    yield problem.file if problem.line is None else f"{problem.file}, line {problem.line:,}"
    yield from _indented(problem.reason)


def _indented(text: str) -> list[str]:
    return wrap(text, 98, break_on_hyphens=False, initial_indent="    ", subsequent_indent="    ")
