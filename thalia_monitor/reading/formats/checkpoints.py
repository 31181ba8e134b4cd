"""The binary checkpoints of a run, put in order: which one is newest, and what they tell together.

Names and steps do not order them: the step in a name is local to its stage, and a resume saves lower steps
later, over files of the attempt that it continues. The time of saving does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from thalia_monitor import contract
from thalia_monitor.model.records import Checkpoint, Event, Problem, SavedFile, Source
from thalia_monitor.reading.files import FileCache, FoundFile
from thalia_monitor.reading.formats import binary, json_values
from thalia_monitor.reading.formats.binary import Found, Listed, Save, Unfinished
from thalia_monitor.reading.jsonl.line import Report, checked
from thalia_monitor.reading.recording import MetricLine, Recording

FORMAT: Final = "Thalia checkpoint"
MOST_EVENTS: Final = 100_000
"""Events of all checkpoints of a folder together."""
TOTALS: Final = ("total_neurons", "total_synapses")
"""Metrics that every checkpoint's header has."""
SAVING_SECONDS: Final = 600.0
"""A header still unwritten after this long is a save that failed, not one under way."""

_STAGE_IN_NAME: Final = re.compile(r"(?:.*/)?stage_(-?\d+(?:\.\d+)?)_[^/]+")
_SAFETY_NAME: Final = re.compile(
    r"(?:.*/)?stage_-?[\d.]+_((?:emergency_stop|rollback)[^/]*?)\.thalia(?:\.\w+)?"
)
_RENAMED: Final = {
    "component_name": "region",
    "n_neurons_added": "neurons_added",
    "new_size": "new_total",
}


@dataclass(frozen=True, slots=True)
class BinaryFile:
    """One ``*.thalia`` file of a run."""

    name: str
    modified: float
    """Unix seconds."""
    found: Found
    size: int = 0
    """Bytes."""


@dataclass(frozen=True, slots=True)
class _Saved:
    """One readable checkpoint in the words of a run."""

    time: float
    """Unix seconds: when it was saved."""
    checkpoint: Checkpoint
    neurons: Mapping[str, float]
    save: Save


def follow(
    _: Path, prefix: str, within: Path | None
) -> Callable[[Sequence[FoundFile], float], Iterator[Recording]]:
    """Make the reader of a folder's checkpoints: each is read once, and all are put in order."""
    cache: FileCache[Found] = FileCache(lambda path, _: binary.read_binary(path, within))

    def read(files: Sequence[FoundFile], now: float) -> Iterator[Recording]:
        cache.forget_all_but({file.path for file in files})
        found = []
        for file in files:
            reading = cache.read(file.path, file.name)
            if reading.value is not None:
                found.append(BinaryFile(file.name, file.modified, reading.value, file.signature[1]))
            if reading.problem:
                problem, size = reading.problem, file.signature[1]
                broken = SavedFile(file.name, size, file.modified, status="unreadable", reason=problem.reason)
                alone = () if reading.value else (broken,)
                yield Recording(Source(file.name, FORMAT, 0), files=alone, problems=(problem,))
        yield from recordings_of(found, f"{prefix}*.thalia", now)

    return read


def recordings_of(files: Sequence[BinaryFile], family: str, now: float) -> tuple[Recording, ...]:
    """Put a folder's checkpoints together; ``family`` names them all (``checkpoints/*.thalia``)."""
    names = json_values.Names(), json_values.Names()
    found = [
        _saved(file.name, file.modified, file.found, *names) for file in files if isinstance(file.found, Save)
    ]
    saves = sorted(found, key=_order)
    unfinished = [file for file in files if isinstance(file.found, Unfinished)]
    failed = [file for file in unfinished if is_failed(file, now)]
    counting = _counting(saves)
    wrong: dict[str, Problem] = {}  # each checkpoint repeats the growth of those before it
    events = tuple(_events(counting, wrong))
    for saved in saves:
        wrong |= {reason: Problem(saved.checkpoint.file, None, reason) for reason in saved.save.reasons}
    if any(each.full for each in names):
        wrong[json_values.TOO_MANY] = Problem(family, None, json_values.TOO_MANY)
    recording = Recording(
        _source(saves, family, len(saves) - len(counting), len(unfinished) - len(failed)),
        tuple(line for line in (_line(saved) for saved in saves) if line),
        events,
        tuple(saved.checkpoint for saved in counting),
        tuple(_files(files, saves, counting, now)),
        problems=(*(Problem(file.name, None, _FAILED) for file in failed), *wrong.values()),
    )
    listed = (_listed(file, file.found) for file in files if isinstance(file.found, Listed))
    return ((recording,) if saves or unfinished else ()) + tuple(listed)


def _order(saved: _Saved) -> tuple[float, int, float]:
    """By time of saving; within a second, which is all that some writers and disks tell, by step."""
    return math.floor(saved.time), saved.checkpoint.step, saved.time


def _files(
    files: Sequence[BinaryFile], saves: Sequence[_Saved], counting: Sequence[_Saved], now: float
) -> Iterator[SavedFile]:
    """Every file of a folder, with what its header and metadata tell, and whether it counts."""
    known = {saved.checkpoint.file: saved for saved in saves}
    kept = {saved.checkpoint.file for saved in counting}
    for file in files:
        saved = known.get(file.name)
        if saved is None:
            if isinstance(file.found, Unfinished):
                unwritten = SavedFile(file.name, file.size, file.modified, status="being written")
                failed = is_failed(file, now)
                yield replace(unwritten, status="failed", reason=_FAILED) if failed else unwritten
            continue
        point, regions = saved.checkpoint, dict.fromkeys(map(json_values.text, saved.save.regions))
        yield SavedFile(
            file.name,
            file.size,
            saved.time,
            point.step,
            point.stage,
            "kept" if file.name in kept else "superseded",
            "" if file.name in kept else "a later save has a lower step: this attempt was redone",
            {**regions, **saved.neurons},
            saved.save.neurons or None,
            saved.save.synapses or None,
            {name: each for name, each in point.metrics.items() if name not in TOTALS},
            point.milestones,
        )


_FAILED: Final = "is a save that failed: its header was never written, and nothing has been for 10 minutes"


def is_failed(file: BinaryFile, now: float) -> bool:
    """Tell a save that failed from one under way."""
    return isinstance(file.found, Unfinished) and file.modified < now - SAVING_SECONDS


def _saved(
    name: str, modified: float, save: Save, metrics: json_values.Names, neurons: json_values.Names
) -> _Saved:
    metadata = save.metadata
    totals = dict(zip(TOTALS, (float(save.neurons), float(save.synapses)), strict=True))
    regions = json_values.table(metadata.get("regions")).items()
    time = (
        json_values.utc_seconds(metadata.get("timestamp")) or json_values.unix_time(save.saved_at) or modified
    )
    counts = (
        (json_values.text(region), json_values.finite(json_values.table(each).get("n_neurons")))
        for region, each in regions
    )
    checkpoint = Checkpoint(
        name,
        _step(metadata),
        _stage(metadata, name),
        _first(metadata, "current_week", "week"),
        json_values.finite(metadata.get("total_weeks")),
        metrics.keep(json_values.numbers(json_values.table(metadata.get("metrics"))))
        | {k: v for k, v in totals.items() if v},
        json_values.flags(metadata.get("milestones")),
        modified=time,
        stage_name=json_values.text(given) if isinstance(given := metadata.get("stage_name"), str) else "",
        progress=_progress(metadata),
    )
    counted = {region: count for region, count in counts if count is not None}
    return _Saved(time, checkpoint, neurons.keep(counted), save)


def _first(metadata: Mapping[str, Any], *names: str) -> float | None:
    return next(
        (found for name in names if (found := json_values.finite(metadata.get(name))) is not None), None
    )


def _step(metadata: Mapping[str, Any]) -> int:
    """The global step; ``training_steps`` stands last, because Thalia always writes 0 there."""
    steps = (json_values.count(metadata.get(name)) for name in ("global_step", "step", "training_steps"))
    return next((step for step in steps if step is not None), 0)


def _progress(metadata: Mapping[str, Any]) -> float | None:
    """Its step of ``total_steps``, as Thalia's notebook monitor has it."""
    step, total = json_values.count(metadata.get("step")), json_values.count(metadata.get("total_steps"))
    return min((_step(metadata) if step is None else step) / total, 1.0) if total else None


def _stage(metadata: Mapping[str, Any], name: str) -> float | None:
    """The stage; Thalia tests it for truth before it saves, and so writes stage 0 as null."""
    stage = json_values.finite(metadata.get("current_stage"))
    if stage is not None:
        return stage
    if named := _STAGE_IN_NAME.fullmatch(name):
        return float(named[1])
    trained = "current_stage" in metadata and _step(metadata) > 0
    return 0.0 if trained else None


def _counting(saves: Sequence[_Saved]) -> list[_Saved]:
    """Leave out what a later save of a lower step has thrown away: the part of an attempt that was redone."""
    kept: list[_Saved] = []
    lowest_later = float("inf")
    for saved in reversed(saves):
        if saved.checkpoint.step <= lowest_later:
            kept.append(saved)
        lowest_later = min(lowest_later, saved.checkpoint.step)
    return kept[::-1]


def _line(saved: _Saved) -> MetricLine | None:
    """Make a line of the history, where it holds any number; without stage, since its steps are global."""
    checkpoint = saved.checkpoint
    if not checkpoint.metrics and not saved.neurons:
        return None
    return MetricLine(checkpoint.step, checkpoint.metrics, saved.neurons, time=saved.time)


def _events(saves: Iterable[_Saved], wrong: dict[str, Problem]) -> Iterator[Event]:
    """Take growth, ended stages and safety saves; each checkpoint repeats the lists of those before it."""
    seen: set[str] = set()
    before: Mapping[str, Any] = {}
    left = MOST_EVENTS
    for saved in saves:
        metadata, name = saved.save.metadata, saved.checkpoint.file
        growth, ended = (
            _new_entries(metadata, before, key) for key in ("growth_history", "training_history")
        )
        before = metadata
        left -= len(growth) + len(ended)
        if left < 0:
            reason = f"the checkpoints hold more than {MOST_EVENTS:,} different events; the rest is left out"
            wrong[reason] = Problem(name, None, reason)
            return

        def report(reason: str, file: str = name) -> None:
            wrong.setdefault(reason, Problem(file, None, reason))

        found = [_growth(entry, name, report) for entry in growth]
        found += [_stage_end(entry, name) for entry in ended]
        for event in found:
            identity = repr((event.kind, event.step, event.time, sorted(event.fields.items(), key=repr)))
            if identity not in seen:
                seen.add(identity)
                yield event
        yield from _safety_save(saved)


def _new_entries(metadata: Mapping[str, Any], before: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Take the entries of a list that do not stand at the same place in the checkpoint before."""
    now, then = list(json_values.entries(metadata.get(key))), list(json_values.entries(before.get(key)))
    known = len(then) if now[: len(then)] == then else 0
    return now[known:]


def _growth(entry: Mapping[str, Any], file: str, report: Report) -> Event:
    """Translate both shapes: ``auto_grow``'s own, and the later GrowthEvent. Neither says the step."""
    fields = {
        _RENAMED.get(name, name): value
        for name, value in json_values.bounded(entry).items()
        if name not in ("step", "timestamp")
    }
    step, time = json_values.count(entry.get("step")), json_values.utc_seconds(entry.get("timestamp"))
    return Event(contract.GROWTH, step, checked(contract.GROWTH, fields, report), time=time, file=file)


def _stage_end(entry: Mapping[str, Any], file: str) -> Event:
    return Event(contract.STAGE_END, None, json_values.bounded(entry), file=file)


def _safety_save(saved: _Saved) -> Iterator[Event]:
    reason = saved.save.metadata.get("checkpoint_reason")
    reason = json_values.text(reason) if isinstance(reason, str) else ""
    yield from _safety_warning(saved.checkpoint.file, reason, saved.checkpoint.step, saved.time)


def _safety_warning(file: str, reason: str, step: int | None, time: float) -> Iterator[Event]:
    """Events of a checkpoint that the safety system saved: by the reason in it, else by its name."""
    named = _SAFETY_NAME.fullmatch(file)
    reason = reason or (named[1] if named else "")
    if reason.startswith(("emergency_stop", "rollback")):
        severity = "critical" if reason.startswith("emergency_stop") else "warning"
        fields = {"severity": severity, "message": f"Checkpoint saved for {reason.replace('_', ' ')}"}
        yield Event(contract.WARNING, step, fields, time=time, file=file)


def _source(saves: Sequence[_Saved], family: str, superseded: int, saving: int) -> Source:
    steps = [saved.checkpoint.step for saved in saves]
    unsealed = sum(not saved.save.complete for saved in saves)
    regions = saves[-1].save.regions if saves else ()
    notes = (
        f"{superseded} superseded by a resume" if superseded else "",
        f"{saving} being written" if saving else "",
        f"{unsealed} without checksum yet" if unsealed else "",
        f"regions {', '.join(regions)}" if regions else "",
    )
    note = "; ".join(filter(None, notes))
    return Source(family, FORMAT, len(saves), min(steps, default=None), max(steps, default=None), note)


def _listed(file: BinaryFile, listed: Listed) -> Recording:
    source = Source(file.name, FORMAT, 0, listed.step, listed.step, "listed only")
    events = tuple(_safety_warning(file.name, "", listed.step, file.modified))
    problems = (Problem(file.name, None, listed.reason),)
    saved = SavedFile(
        file.name, file.size, file.modified, listed.step, status="not opened", reason=listed.reason
    )
    return Recording(source, events=events, files=(saved,), problems=problems)
