"""Every checkpoint file of a run as a table, and the difference between any two of them or of its reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from dash import html

from thalia_monitor import contract
from thalia_monitor.analysis.formatting import NONE, counted, number
from thalia_monitor.analysis.regions import counting_segments
from thalia_monitor.figures.chart import whole
from thalia_monitor.figures.traces import value_at
from thalia_monitor.metric_info import title
from thalia_monitor.model.series_key import Kind
from thalia_monitor.stages import stage_name
from thalia_monitor.web.components import basic
from thalia_monitor.web.components.value_table import moment

if TYPE_CHECKING:
    from thalia_monitor.model.history import Ints
    from thalia_monitor.model.records import Event, SavedFile
    from thalia_monitor.model.run import TrainingState

COLUMNS: Final = {
    "step": "Step",
    "stage": "Stage",
    "size_bytes": "Bytes",
    "regions": "Regions",
    "neurons": "Neurons",
    "milestones": "Milestones passed",
    "status": "Status",
    "saved": "Saved (UTC)",
    "file": "File",
    "reason": "Why",
}
MISSING: Final = "No checkpoint in this directory"
ADVICE: Final = (
    "Checkpoints are metadata_*.json, *.thalia and checkpoint_trial_*.pt. "
    "CurriculumLogger(json_log=True) writes metadata by itself."
)
MOST_OFFERED: Final = 500
"""Newest checkpoints that can be compared."""
SUPERSEDED: Final = "training has gone back to an earlier step since"


@dataclass(frozen=True, slots=True)
class Entry:
    """What two checkpoints, or two reports, are compared by."""

    label: str
    step: int | None = None
    size: int | None = None
    regions: Mapping[str, float | None] = field(default_factory=dict)
    from_log: bool = False
    """Whether the regions' sizes are those that the log has at its step."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    """Milestones, or the state of each population."""


def saved_files(state: TrainingState) -> list[tuple[SavedFile, str, str]]:
    """Every checkpoint file by step, with its status and the reason; the newest last."""
    listed = sorted(
        state.saved_files, key=lambda each: (each.step is not None, each.step or 0, each.modified)
    )
    passed_by = state.history.passed_by
    steps, times = [each.step or 0 for each in listed], [each.modified for each in listed]
    return [
        (each, "superseded", SUPERSEDED)
        if each.status == "kept" and (abandoned or (each.step or 0) in passed_by)
        else (each, each.status, each.reason)
        for each, abandoned in zip(listed, state.history.abandoned(steps, times), strict=True)
    ]


def sizes_at(state: TrainingState, steps: Ints) -> list[dict[str, float | None]]:
    """Neurons of each region at these steps, by the log; empty where it has none by then."""
    history = state.history
    counting = counting_segments(history, "step")
    if not counting or not history.neurons:
        return [{} for _ in steps]
    begun = np.array([history.segments[each].first_step for each in counting])
    newest = [max(np.flatnonzero(begun <= each), default=0) for each in steps.tolist()]
    segment = np.array(counting)[np.array(newest, np.int64)] if len(steps) else steps
    every = {key.name: history.series(key) for key in history.series_keys(Kind.NEURONS)}
    found = {
        name: value_at(series, history, segment, steps)
        for name, series in every.items()
        if series is not None
    }
    return [
        {name: float(values[at]) for name, values in found.items() if values[at] > 0}
        for at in range(len(steps))
    ]


def entries(state: TrainingState) -> dict[str, Entry]:
    """Checkpoints that tell something, and reports, by the name they are chosen by; the newest last."""
    return state.memoized("entries to compare", lambda: _entries(state))


def _entries(state: TrainingState) -> dict[str, Entry]:
    listed = [each for each, *_ in saved_files(state) if each.step is not None][-MOST_OFFERED:]
    steps = np.array([each.step for each in listed], np.int64)
    found = {}
    for each, logged in zip(listed, sizes_at(state, steps), strict=True):
        states = {name: "passed" if passed else "not passed" for name, passed in each.milestones.items()}
        own = bool(each.regions)
        found[each.file] = Entry(
            f"step {each.step:,} · {each.file}"[:90],
            *(each.step, each.size, each.regions if own else logged, not own, each.metrics, states),
        )
    for report in sorted(state.events_of(contract.REPORT), key=lambda each: each.time or 0.0):
        found[f"report {report.file}"] = _report(report)
    return found


def _report(report: Event) -> Entry:
    status = report.fields.get("population_status", {})
    return Entry(
        f"report of {moment(report.time or -1)} · {report.file}"[:90],
        metrics=report.fields.get("numbers", {}),
        states={str(name): str(each) for name, each in status.items()},
    )


def options(state: TrainingState) -> list[dict[str, str]]:
    """What can be compared, the newest first."""
    return [{"label": each.label, "value": name} for name, each in reversed(entries(state).items())]


def facts(state: TrainingState) -> list[Any]:
    """How many checkpoints there are, how many of them count, what they take on disk, and the newest."""
    every = saved_files(state)
    if not every:
        return [basic.empty(MISSING, ADVICE)]
    statuses = [status for _, status, _ in every]
    others = {each: statuses.count(each) for each in dict.fromkeys(statuses) if each != "kept"}
    steps = [each.step for each, status, _ in every if each.step is not None and status == "kept"]
    gaps = np.diff(np.unique(steps))
    return [
        basic.fact("Checkpoints", f"{len(every):,}"),
        basic.fact(
            "Kept", f"{statuses.count('kept'):,}", ", ".join(f"{n:,} {each}" for each, n in others.items())
        ),
        basic.fact("On disk", in_bytes(sum(each.size for each, *_ in every))),
        basic.fact(
            "Newest",
            f"step {max(steps):,}" if steps else NONE,
            f"every {np.median(gaps):,.0f} steps (median)" if len(gaps) else "",
        ),
    ]


def in_bytes(size: float) -> str:
    """A size on disk: ``1.5 MB``."""
    power = min(int(math.log10(size)) // 3, 4) if size >= 1 else 0
    return f"{number(size / 1000**power, 'rate')} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def table(state: TrainingState) -> pd.DataFrame:
    """One row for each checkpoint file."""
    return state.memoized("checkpoint table", lambda: _table(state))


def _table(state: TrainingState) -> pd.DataFrame:
    every = saved_files(state)
    known = [each for each, *_ in every if each.step is not None]
    logged = sizes_at(state, np.array([each.step for each in known], np.int64))
    by_log = {each.file: sizes for each, sizes in zip(known, logged, strict=True)}
    rows: list[dict[str, Any]] = []
    for each, status, reason in every:
        regions = each.regions or by_log.get(each.file, {})
        neurons = whole(each.neurons or sum(size or 0 for size in regions.values())) or None
        rows.append(
            {
                "step": each.step,
                "stage": stage_name(each.stage, state.scheme) if each.stage is not None else None,
                "size_bytes": each.size,
                "regions": len(regions) or None,
                "neurons": neurons,
                "milestones": f"{sum(each.milestones.values())} of {len(each.milestones)}"
                if each.milestones
                else None,
                "status": status,
                "saved": moment(each.modified),
                "file": each.file,
                "reason": reason or None,
            }
        )
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    counts = (
        "step",
        "regions",
        "neurons",
        "size_bytes",
    )  # from the rows: a frame's column with gaps is of floats
    return frame.assign(**{name: pd.array([row[name] for row in rows], "Int64") for name in counts})


def difference(state: TrainingState, first: str | None, second: str | None) -> list[Any]:
    """What changed from the first to the second: regions, growth between, numbers, milestones or states."""
    every = entries(state)
    a, b = every.get(first or ""), every.get(second or "")
    if a is None or b is None:
        return [
            basic.empty(
                "Nothing to compare yet", "Choose two checkpoints, or two diagnostics reports, above."
            )
        ]
    sizes = [
        (region, a.regions.get(region), b.regions.get(region))
        for region in dict.fromkeys([*a.regions, *b.regions])
        if a.regions.get(region) != b.regions.get(region) or (region in a.regions) != (region in b.regions)
    ]
    metrics = [
        (title(name), a.metrics.get(name), b.metrics.get(name))
        for name in dict.fromkeys([*a.metrics, *b.metrics])
        if a.metrics.get(name) != b.metrics.get(name)
    ]
    states = [
        (name, a.states.get(name, NONE), b.states.get(name, NONE))
        for name in dict.fromkeys([*a.states, *b.states])
        if a.states.get(name) != b.states.get(name)
    ]
    grown = _growth(state, a, b)
    heads = ["first", "second"]
    by_log = " (by the log)" if a.from_log or b.from_log else ""
    parts = [html.P(_sentence(a, b, sizes, metrics, states, grown), className="lead-in")]
    if sizes:
        parts.append(_numbers(f"Neurons by region{by_log}", "Region", heads, sizes, "count"))
    if grown:
        rows = [(region, f"{events:,}", f"+{added:,.0f}") for region, (events, added) in grown.items()]
        parts.append(basic.plain_table("Growth between", ("Region", "Events", "Neurons added"), rows))
    if states:
        parts.append(basic.plain_table("Milestones and states", ("Name", *heads), states))
    if metrics:
        parts.append(_numbers("Numbers", "Name", heads, metrics, "value"))
    return parts


def _growth(state: TrainingState, a: Entry, b: Entry) -> dict[str, tuple[int, float]]:
    """Events and neurons added by region after the lower of two steps, and up to the higher."""
    found: dict[str, tuple[int, float]] = {}
    if a.step is None or b.step is None:
        return found
    low, high = sorted((a.step, b.step))
    for event in state.counting(contract.GROWTH):
        if event.step is not None and low < event.step <= high:
            region, more = str(event.fields.get("region", "unknown")), event.fields.get("neurons_added")
            events, added = found.get(region, (0, 0.0))
            found[region] = events + 1, added + (more if isinstance(more, int | float) else 0)
    return found


def _sentence(
    a: Entry,
    b: Entry,
    sizes: Sequence[Any],
    metrics: Sequence[Any],
    states: Sequence[Any],
    grown: Mapping[str, Any],
) -> str:
    words = []
    if a.step is not None and b.step is not None:
        words.append(f"{abs(b.step - a.step):,} steps {'later' if b.step >= a.step else 'earlier'}")
    if a.size is not None and b.size is not None:
        words.append(f"{in_bytes(a.size)} to {in_bytes(b.size)}")
    words.append(f"{counted(len(sizes), 'region')} of another size")
    words.append(counted(sum(events for events, _ in grown.values()), "growth event"))
    words.append(f"{counted(len(metrics), 'number')} changed")
    words.append(f"{counted(len(states), 'milestone or state', 'milestones or states')} changed")
    return "; ".join(words) + "."


def _numbers(
    caption: str, name: str, heads: Sequence[str], rows: Sequence[tuple[str, Any, Any]], kind: Any
) -> html.Section:
    shown = [
        (
            label,
            number(a, kind),
            number(b, kind),
            number(b - a, kind) if a is not None and b is not None else NONE,
        )
        for label, a, b in rows
    ]
    return basic.plain_table(caption, (name, *heads, "change"), shown)
