"""The contents of a report on one run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.analysis import report
from thalia_monitor.analysis.control_history import controls
from thalia_monitor.analysis.curriculum import advance, course_words, retention, safety
from thalia_monitor.analysis.curriculum.run_settings import flattened
from thalia_monitor.analysis.curriculum.stage_course import courses
from thalia_monitor.analysis.event_counts import count_in_words
from thalia_monitor.analysis.formatting import NONE, counted, number
from thalia_monitor.analysis.milestones import verdicts
from thalia_monitor.analysis.quantities import places
from thalia_monitor.analysis.regions import families
from thalia_monitor.export.document import (
    EVENTS,
    LONGEST,
    MOST_ROWS,
    VIEW,
    Document,
    Drawing,
    Fact,
    Mark,
    Section,
    Table,
    bounded,
    cut,
    health,
    moment,
    sentences,
    status,
    verdict,
)
from thalia_monitor.figures import activity, consolidation, curriculum, growth, metrics, raster
from thalia_monitor.figures.chart import spanned
from thalia_monitor.figures.marks import legend
from thalia_monitor.metric_info import title
from thalia_monitor.model.control_request import COMMAND, shown
from thalia_monitor.model.series_key import metric

if TYPE_CHECKING:
    from thalia_monitor.analysis.quantities import Place
    from thalia_monitor.analysis.summary import Summary
    from thalia_monitor.figures.chart import Chart, View
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

MOST_LISTED: Final = 100
"""Findings and warnings."""
MOST_NOTES: Final = 20
DEEPEST: Final = 4
"""Levels of objects below a configuration whose settings have rows of their own."""
"""Notes about the files."""


def of_run(summary: Summary) -> Document:
    """The report on one run."""
    state = summary.state
    return Document(
        state.name or "Run",
        status(summary),
        [
            Section("Summary", sentences=sentences(summary)),
            _health(summary),
            Section("Metrics", legend=legend(state, EVENTS), drawings=_metrics(state)),
            Section("Milestones", sentences=[report.milestone_words(summary)], tables=_milestones(summary)),
            *_curriculum(state),
            _growth(summary),
            *_activity(state),
            _consolidation(summary),
            *_notes(state),
            _configuration(state),
            _files(state),
        ],
    )


def _health(summary: Summary) -> Section:
    every = health(summary)
    if not len(summary.state.history):
        said = ["There is no training log to examine."]
    elif not every:
        said = ["Nothing wrong was found in the numbers, and the trainer warns of nothing."]
    else:
        left = len(every) - MOST_LISTED
        said = [f"{left:,} more are not listed."] if left > 0 else []
    return Section("Health", items=every[:MOST_LISTED], sentences=said)


def _metrics(state: TrainingState) -> Iterator[Drawing]:
    first = [each for each in places(state) if each.filled]
    for place in first:
        yield _metric(state, place.series, place)
    drawn = {each.series for each in first}
    for name in state.history.metrics:
        if name not in drawn:
            yield _metric(state, name)


def _metric(state: TrainingState, name: str, place: Place | None = None) -> Drawing:
    chart = partial(_whole_run, metrics.metric, state, metric(name).public)
    return Drawing(cut(place.title if place else title(name), 80), chart, place.origin if place else "")


def _whole_run(draw: Callable[[TrainingState, str, View], Chart], state: TrainingState, name: str) -> Chart:
    return spanned(draw(state, name, VIEW), VIEW)


def _milestones(summary: Summary) -> list[Table]:
    if not summary.milestones:
        return []
    since = verdicts(summary.state)
    rows = [
        (
            cut(each.name, 80),
            each.group,
            cut(each.criterion, 60) or NONE,
            verdict(each.passed),
            f"{since[each.name].step:,}" if each.name in since else NONE,
        )
        for each in summary.milestones
    ]
    columns = ("Milestone", "Kind", "Criterion", "Result", "Since step")
    return [bounded("Checklist of the stage", columns, rows, numbers={4}, newest=False)]


def _curriculum(state: TrainingState) -> list[Section]:
    """Where the run is in its stages, what the present one waits for, what is kept, and its safety, if logged."""
    gate = advance.gate(state)
    said = [
        course_words.sentence(state),
        advance.sentence(state),
        advance.gate_words(gate) if gate else "",
        retention.sentence(state),
        safety.sentence(state),
    ]
    if not any(said):
        return []
    charts = {
        "Curriculum timeline": (curriculum.timeline, courses(state)),
        "Retention of earlier tasks": (curriculum.retention, retention.retention(state)),
        "Interventions": (curriculum.interventions, safety.interventions(state)),
        "Health and load": (curriculum.levels, safety.load(state) or safety.score(state)),
    }
    return [
        Section(
            "Curriculum",
            sentences=[cut(each, 600) for each in said if each],
            drawings=_drawings(state, {name: draw for name, (draw, logged) in charts.items() if logged}),
            tables=_criteria(state),
        )
    ]


def _criteria(state: TrainingState) -> list[Table]:
    listed = advance.requirements(state)
    rows = [
        (
            cut(each.milestone.name, 80),
            {True: "yes", False: "not yet", None: "not checked"}[each.met],
            number(each.measure.value) if each.measure else NONE,
            cut(each.measure.target if each.measure else each.milestone.criterion or NONE, 60),
            NONE if each.estimate.slope is None else number(each.estimate.slope),
        )
        for each in listed
    ]
    columns = ("Criterion", "Holds", "Now", "Limit", "Trend in 1,000 steps")
    return [bounded("Criteria of the stage", columns, rows, {2, 4}, newest=False)] if rows else []


def _activity(state: TrainingState) -> list[Section]:
    """The activity of regions over the run, and the newest window of spikes, if logged."""
    drawings = [
        Drawing(cut(each.name, 80), partial(_whole_run, activity.heatmap, state, each.name))
        for each in families(state)
    ]
    if state.spike_windows:
        drawings.append(Drawing("Spikes", partial(_whole_run, raster.raster, state, "")))
    return [Section("Activity", drawings=drawings)] if drawings else []


def _events(
    caption: str, events: Sequence[Event], fields: Mapping[str, str], numbers: frozenset[str]
) -> list[Table]:
    """A table of the newest events of one kind, with these fields and their headings."""
    if not events:
        return []
    rows = [
        (
            NONE if each.step is None else f"{each.step:,}",
            *(_value(each.fields.get(name)) for name in fields),
            moment(each.time),
        )
        for each in events[-MOST_ROWS:]
    ]
    columns = ("Step", *fields.values(), "Time (UTC)")
    right = [0, *(at for at, name in enumerate(fields, 1) if name in numbers)]
    return [bounded(caption, columns, rows, right, total=len(events))]


def _value(value: object) -> str:
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 1e18 else "a very large number"
    if isinstance(value, float):
        return number(value)
    return cut(value if isinstance(value, str) else json.dumps(value, default=str)[: 2 * LONGEST])


def _growth(summary: Summary) -> Section:
    state = summary.state
    events = state.events_of(contract.GROWTH)
    if not (events or state.history.neurons or state.history.capacity):
        return Section("Growth", sentences=["No growth, neuron counts or capacity are logged."])
    neurons = state.history.latest(state.history.neurons)
    totals = summary.growth
    return Section(
        "Growth",
        facts=[
            Fact("Neurons now", NONE if totals.neurons is None else f"{totals.neurons:,}"),
            Fact("Regions", f"{len(neurons):,}" if neurons else NONE),
            Fact("Growth events", *count_in_words(state, contract.GROWTH)),
            Fact("Neurons added", f"{totals.added:,}"),
        ],
        drawings=_drawings(
            state,
            {
                "Neurons by region": growth.neurons,
                "Capacity by region": growth.capacity,
                "When each region grew": growth.timeline,
                "Capacity now": growth.capacity_now,
            },
        ),
        tables=_events(
            "Growth events",
            events,
            {
                "region": "Region",
                "neurons_added": "Neurons added",
                "new_total": "New total",
                "reason": "Reason",
            },
            frozenset({"neurons_added", "new_total"}),
        ),
    )


def _drawings(state: TrainingState, charts: Mapping[str, Any]) -> Iterator[Drawing]:
    for name, draw in charts.items():
        yield Drawing(name, partial(_whole_run, draw, state, ""))


def _consolidation(summary: Summary) -> Section:
    state = summary.state
    events = state.events_of(contract.CONSOLIDATION)
    if not events:
        return Section("Consolidation", sentences=["No consolidation is logged."])
    return Section(
        "Consolidation",
        sentences=[report.sleep_words(summary)],
        facts=[Fact(*each) for each in consolidation.totals(state)],
        drawings=_drawings(
            state,
            {
                "Consolidations": consolidation.timeline,
                "Patterns replayed": consolidation.patterns,
                "Steps between consolidations": consolidation.frequency,
            },
        ),
        tables=_events(
            "Consolidation phases",
            events,
            {
                "sleep_stage": "Sleep stage",
                "patterns_replayed": "Patterns replayed",
                "duration_steps": "Duration (steps)",
            },
            frozenset({"patterns_replayed", "duration_steps"}),
        ),
    )


def _notes(state: TrainingState) -> list[Section]:
    """The notes of people, if there are any."""
    rows = [
        (
            f"{each.step:,}" + ("" if each.end is None else f" to {each.end:,}"),
            cut(each.text, 600),
            cut(each.user, 80),
            moment(each.time),
        )
        for each in state.notes
    ]
    columns = ("Step", "Note", "By", "Written (UTC)")
    return (
        [Section("Notes", tables=[bounded("Notes on this run", columns, rows, newest=False)])] if rows else []
    )


def _configuration(state: TrainingState) -> Section:
    rows: list[Sequence[str | Mark]] = []
    plan = state.plan
    if plan.weeks is not None:
        rows.append(("Planned weeks of this stage", f"{plan.weeks:g}", "the log"))
    if plan.steps is not None:
        rows.append(("Planned steps of this stage", f"{plan.steps:,.0f}", "the log"))
    for name, threshold in state.criteria.items():
        rows.append((f"Criterion of {cut(name, 80)}", number(threshold), "the files"))
    starts = [each for each in state.stage_events if each.kind == contract.STAGE_START]
    config = starts[-1].fields.get("config") if starts else None
    if isinstance(config, Mapping):
        where = "the newest stage's start"
        known = {name: value for name, value in config.items() if name != "success_criteria"}
        rows += [(cut(name, 80), _value(value), where) for name, value in flattened(known, DEEPEST)]
    for offered in controls(state).offered.values():
        if offered.kind != COMMAND:
            value = f"{shown(offered.value)} {offered.unit}".strip()
            rows.append((cut(offered.name, 80), cut(value), "the training, changeable while it runs"))
    if not rows:
        return Section("Configuration", sentences=["The files say nothing about the configuration."])
    columns = ("Setting", "Value", "From")
    return Section("Configuration", tables=[bounded("Settings in the files", columns, rows, newest=False)])


def _files(state: TrainingState) -> Section:
    rows = [
        (
            cut(each.file, 120),
            cut(each.format, 60),
            f"{each.records:,}" if each.records else NONE,
            cut(each.note),
        )
        for each in (*state.sources, *state.unread)
    ]
    notes = [cut(each, 400) for each in state.problems[:MOST_NOTES]]
    if state.total_problems > len(notes):
        notes.append(f"and {state.total_problems - len(notes):,} more")
    said = [f"{counted(state.total_problems, 'note')} about the files:", *notes] if notes else []
    columns = ("File", "Format", "Records", "Note")
    return Section(
        "Files",
        sentences=said,
        tables=[bounded("Files found", columns, rows, {2}, newest=False)] if rows else [],
    )
