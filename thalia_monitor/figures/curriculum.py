"""Curriculum charts: stages against their plan, what is kept of earlier tasks, interventions, health and load."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.curriculum import course_words, safety, stage_course
from thalia_monitor.analysis.curriculum import retention as kept
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import CAPTION_ONLY, Chart, View, nothing
from thalia_monitor.figures.events import Columns, columns_of, marks, row_addresses
from thalia_monitor.figures.lanes import MOST_LANES, Bar, Lanes, frame, level, line, mark_texts
from thalia_monitor.figures.marks import event_traces
from thalia_monitor.model.history import Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thalia_monitor.analysis.curriculum.stage_course import Course
    from thalia_monitor.model.run import TrainingState

PLAN: Final = "rgba(128,136,148,0.22)"
WINDOWS: Final = {
    "phonology": (0, 50_000),
    "grammar": (25_000, 150_000),
    "semantics": (50_000, 300_000),
    "face_recognition": (0, 100_000),
    "motor": (0, 75_000),
}
"""Critical periods in steps, from Thalia's ``learning/critical_periods.py``."""
MOST_PROBES: Final = 2_000
"""Newest probes of a task that are drawn."""
SLEEP, GROWTH = "sleep", "growth"
OWN_LANES: Final = frozenset({MarkerKind.GROWTH, MarkerKind.NREM, MarkerKind.REM, MarkerKind.SLEEP})
"""Events that have a lane of the timeline instead of a mark at its upper edge."""
SEVERE: Final = frozenset({"emergency_stop", "rollback"})
"""Interventions that end or undo training."""
MOST_KINDS: Final = 23
"""Kinds of interventions with a lane of their own; the others are on one lane together."""
OTHERS: Final = "other kinds"


def timeline(state: TrainingState, _: str, view: View) -> Chart:
    """Show each stage from its start to its end before its plan, attempts apart, and sleep and growth below."""
    found = stage_course.courses(state)
    if not found:
        return nothing("no file names a stage", CAPTION_ONLY)
    lanes = Lanes(state, view)
    stage_bars(lanes, found)
    _critical_periods(lanes)
    for kind, name, label, unit in (
        (contract.CONSOLIDATION, SLEEP, "sleep_stage", "patterns"),
        (contract.GROWTH, GROWTH, "region", "neurons"),
    ):
        _happened(lanes, kind, name, label, unit)
    if view.x == "step":
        _expected(lanes)
    others = replace(view, markers=view.markers - OWN_LANES)
    if others.markers and (ticks := event_traces(state, others)):
        lanes.names.insert(0, " ")  # room for the marks at the upper edge
        lanes.traces += ticks
    notes = () if view.x == "step" else ("plans and what is expected are drawn over steps only",)
    tried = sum(len(each.attempts) for each in found)
    words = f"{counted(len(found), 'stage')}, {counted(tried, 'attempt')}"
    words += "; light: plan, hatched: extension, grey: repeated after a resume, diamond: expected next"
    return Chart(
        lanes.traces,
        lanes.layout(),
        caption=words,
        total=tried,
        length=tried,
        notes=notes,
        summary=course_words.sentence(state),
    )


def stage_bars(lanes: Lanes, found: Sequence[Course], color: str = theme.ACCENT) -> None:
    """Draw what was trained of each stage, in a colour, before its plan and extension, and what was repeated."""
    plan: list[Bar] = []
    extra: list[Bar] = []
    kept_bars: list[Bar] = []
    gone: list[Bar] = []
    for course in found[-MOST_LANES:]:
        stage = f"{course.stage:g} {course.name}"
        newest = lanes.lane(stage)
        first = course.attempts[0].segment
        if course.planned is not None and lanes.view.x == "step":
            plan.append(
                (
                    newest,
                    course.start,
                    course.planned,
                    first,
                    first,
                    f"planned until step {course.planned:,.0f}",
                )
            )
        if course.planned and course.extended and course.extended > course.planned and lanes.view.x == "step":
            text = f"extended until step {course.extended:,.0f}"
            extra.append((newest, course.planned, course.extended, first, first, text))
        for each in course.attempts[-6:]:
            lost = each.repeated_from is not None and each.end > each.kept
            words = f"attempt {each.number}: steps {each.start:,} to {each.kept:,}"
            if each.kept > each.start or each.running:
                kept_bars.append((newest, each.start, each.kept, each.segment, each.until, words))
            if lost:
                again = lanes.lane(f"{course.stage:g} attempt {each.number}, repeated")
                text = f"attempt {each.number}: steps {each.kept:,} to {each.end:,}, trained again after a resume"
                gone.append((again, each.kept, each.end, each.segment, each.until, text))
    lanes.bars("plan", plan, 0.8, color=PLAN, line={"color": theme.SECOND, "width": 1})
    hatched = {"shape": "/", "fgcolor": theme.CAUTION, "bgcolor": PLAN, "size": 6, "solidity": 0.3}
    lanes.bars(
        "extension", extra, 0.8, color=PLAN, pattern=hatched, line={"color": theme.CAUTION, "width": 1}
    )
    lanes.bars("trained", kept_bars, 0.4, color=color)
    lanes.bars("repeated", gone, 0.4, color=theme.SECOND)


def _critical_periods(lanes: Lanes) -> None:
    """The learning window of each domain whose multiplier the run logs."""
    logged = (each.replace(".", "/") for each in lanes.state.history.metrics)
    domains = sorted(
        each.removeprefix("critical_period/").removesuffix("_multiplier")
        for each in logged
        if each.startswith("critical_period/") and each.endswith("_multiplier")
    )
    spans = [
        (lanes.lane(f"critical period: {each}"), *WINDOWS[each], 0, 0, f"{each}: learns best at these steps")
        for each in domains
        if each in WINDOWS and lanes.view.x == "step"
    ]
    lanes.bars("critical period", spans, 0.4, color=theme.PALETTE[4])


def _happened(lanes: Lanes, kind: str, name: str, label: str, unit: str) -> None:
    columns = columns_of(lanes.state, kind, label, "patterns_replayed" if name == SLEEP else "neurons_added")
    if not len(columns):
        return
    columns = replace(columns, label=np.full(len(columns), name))  # one lane, whatever the region or phase
    placed = marks(columns, lanes.state.history, lanes.view)
    symbol = {SLEEP: "line-ne-open", GROWTH: "line-ns-open"}[name]
    color = theme.PALETTE[0 if name == SLEEP else 2]
    lanes.points(
        name,
        lanes.lane(name),
        placed.x,
        mark_texts(placed, unit),
        customdata=row_addresses("consolidation" if name == SLEEP else "growth", placed.step),
        marker={"symbol": symbol, "size": 11, "color": color, "line": {"width": 2, "color": color}},
    )


def _expected(lanes: Lanes) -> None:
    for each in stage_course.expected(lanes.state):
        lane = lanes.lane(SLEEP if each.what == "sleep" else GROWTH)
        text = (
            f"next {each.what} expected at step {each.step:,}, every {each.interval:,} steps: {each.source}"
        )
        look = {"symbol": "diamond-open", "size": 10, "color": theme.CAUTION}
        lanes.points(f"next {each.what}", lane, np.array([float(each.step)]), [text], marker=look)


def retention(state: TrainingState, _: str, view: View) -> Chart:
    """Show what is kept of each task since the end of its stage, before the share that must be kept."""
    found = [each for each in kept.retention(state) if each.forgetting is not None]
    if not found:
        return nothing("no task was probed after the end of its stage", CAPTION_ONLY)
    traces, total = [], 0
    styles = theme.distinct_styles(each.task for each in found[:MOST_LANES])
    for each in found[:MOST_LANES]:
        rows = [
            (probe.step, 100 * share, probe.segment, np.nan if probe.time is None else probe.time)
            for probe in each.probes[-MOST_PROBES:]
            if (share := each.kept(probe)) is not None
        ]
        step, value, segment, time = np.array(rows, np.float64).T
        series = Series(each.task, step.astype(np.int64), value, segment.astype(np.int64), time, None)
        style = styles[each.task]
        traces.append(line(state, series, view, each.task, style, "%{y:.1f} % kept", len(found[:MOST_LANES])))
        total += len(rows)
    layout = frame(view, "% kept")
    limit = found[0].limit
    layout["shapes"] = [level(100 * (1 - limit))]
    layout["yaxis"] |= {"autorangeoptions": {"include": [100 * (1 - limit) - 1, 104]}}
    notes = (f"{len(found) - MOST_LANES:,} more tasks in the table",) if len(found) > MOST_LANES else ()
    allowed = f"{number(1 - limit, 'percent')} must be kept"
    return Chart(
        [*traces, *event_traces(state, view)],
        layout,
        caption=f"{counted(len(found), 'task')}, {counted(total, 'probe')}; dashed: {allowed}",
        total=total,
        length=total,
        notes=notes,
        summary=kept.sentence(state),
    )


def interventions(state: TrainingState, _: str, view: View) -> Chart:
    """Show each intervention of the safety system on the lane of its kind: the 23 most frequent, and all others.

    A kind that ends or undoes training has its lane however rare it is.
    """
    every = safety.interventions(state)
    if not every:
        return nothing("no intervention is logged", CAPTION_ONLY)
    lanes = Lanes(state, view)
    placed = marks(_intervention_columns(state), state.history, view)
    every_text = np.array(mark_texts(placed, ""), np.object_)
    for kind in sorted(set(placed.label.tolist()), key=lambda each: (each == OTHERS, each)):
        part = np.flatnonzero(placed.label == kind)
        texts = [f"{theme.plain(kind)}, {each}" for each in every_text[part]]
        look = {"symbol": "diamond", "size": 10, "color": theme.BAD if kind in SEVERE else theme.CAUTION}
        address = row_addresses("events", placed.step[part])
        lanes.points(
            theme.plain(kind, 24), lanes.lane(kind), placed.x[part], texts, marker=look, customdata=address
        )
    layout = lanes.layout()
    words = (
        f"{placed.total:,} of {len(every):,} in the view"
        if view.zoomed
        else counted(len(every), "intervention")
    )
    return Chart(
        lanes.traces,
        layout,
        caption=words,
        total=placed.total,
        length=len(every),
        summary=safety.sentence(state),
    )


def _intervention_columns(state: TrainingState) -> Columns:
    """The interventions by column, with the kind of each as its label."""
    found = columns_of(state, contract.INTERVENTION, "intervention", "actions")
    tallies = sorted(safety.tallies(state), key=lambda each: (each.kind not in SEVERE, -each.count))
    own = {each.kind for each in tallies[:MOST_KINDS]}
    kinds = (each.kind for each in safety.interventions(state))
    return replace(found, label=np.array([each if each in own else OTHERS for each in kinds], np.str_))


def levels(state: TrainingState, _: str, view: View) -> Chart:
    """Show the health score, and the cognitive load before its limit."""
    drawn = [
        ("health score", safety.score(state), theme.GOOD, "solid"),
        ("cognitive load", safety.load(state), theme.PALETTE[5], "5px,3px"),
    ]
    known = [(name, series, color, dash) for name, series, color, dash in drawn if series is not None]
    if not known:
        return nothing("neither health score nor cognitive load is recorded", CAPTION_ONLY)
    traces = [
        line(state, series, view, name, {"color": color, "dash": dash}, "%{y:.3~f}")
        for name, series, color, dash in known
    ]
    layout = frame(view, "")
    layout["yaxis"] |= {"autorangeoptions": {"include": [0, 1.2]}}
    words = ", ".join(counted(len(series), f"{name} value") for name, series, *_ in known)
    if safety.load(state) is not None:
        limit = safety.load_limit(state)
        layout["shapes"] = [level(limit)]
        words += f"; dashed: load limit {number(limit)}"
    total = sum(len(series) for _, series, *_ in known)
    return Chart(
        [*traces, *event_traces(state, view)],
        layout,
        caption=words,
        total=total,
        length=total,
        summary=safety.sentence(state),
    )
