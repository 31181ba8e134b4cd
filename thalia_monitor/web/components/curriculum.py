"""The curriculum page's sentences and tables, and the strip of stages on the overview."""

from __future__ import annotations

import math
from collections.abc import Sequence
from time import time
from typing import TYPE_CHECKING, Any, Final

from dash import html

from thalia_monitor.analysis.curriculum import advance, course_words, retention, safety, stage_course
from thalia_monitor.analysis.formatting import NONE, ago, number, rough, signed
from thalia_monitor.figures.metrics import course
from thalia_monitor.web.components import basic, empty_states

if TYPE_CHECKING:
    from thalia_monitor.analysis.curriculum.advance import Gate, Requirement
    from thalia_monitor.analysis.curriculum.retention import Probe, Retention
    from thalia_monitor.analysis.curriculum.stage_course import Course
    from thalia_monitor.analysis.summary import Summary
    from thalia_monitor.model.run import TrainingState

MOST_ROWS: Final = 100
MOST_STAGES: Final = 12
"""Stages that the matrix has a column for, the newest."""


NUMBERS: Final = frozenset(
    {
        *("Attempts", "From step", "To step", "Planned", "Now", "Margin", "Trend in 1,000 steps"),
        *("Count", "Newest at step"),
    }
)
"""Columns whose digits stand below each other."""


def _table(caption: str, headings: Sequence[str], rows: Sequence[html.Tr]) -> html.Div:
    """A table that is one card per row on a phone."""
    return html.Div(
        html.Table(
            [
                html.Caption(caption, className="visually-hidden"),
                html.Thead(html.Tr([html.Th(each, scope="col", className=_kind(each)) for each in headings])),
                html.Tbody(list(rows)),
            ],
            className="event-table static-table",
        ),
        className="table-scroll",
        tabIndex=0,
        role="region",
        **{"aria-label": caption},
    )


def _kind(heading: str) -> str:
    return "number" if heading in NUMBERS else ""


def _cell(heading: str, *body: Any, class_name: str = "") -> html.Td:
    return html.Td(list(body), className=class_name or _kind(heading), **{"data-label": heading})


def _text(heading: str, words: str) -> html.Td:
    """A cell with text from a log."""
    return html.Td(words, className="log-text", dir="auto", **{"data-label": heading})


def _lead(words: str) -> html.P:
    return html.P(words, className="lead-in log-text", dir="auto")


def _step(step: int | None) -> Any:
    return NONE if step is None else basic.step_button(step)


def stages(state: TrainingState) -> list[Any]:
    """Where the run is in its curriculum: a sentence, and every stage against its plan."""
    if nothing := empty_states.sentence(state, "a curriculum"):
        return [nothing]
    found = stage_course.courses(state)
    title = html.H2("Stages", className="card-name")
    if not found:
        advice = (
            "Log logger.log_stage_start(stage, {'duration_weeks': 4}) where a stage begins, "
            "and log_stage_end where it ends."
        )
        return [title, basic.empty("No file names a stage", advice)]
    headings = ("Stage", "Attempts", "From step", "To step", "Planned", "Against the plan")
    return [
        title,
        _lead(course_words.sentence(state)),
        _table("Stages and their plans", headings, [_stage(each) for each in found[::-1][:MOST_ROWS]]),
    ]


def _stage(each: Course) -> html.Tr:
    return html.Tr(
        [
            _text("Stage", f"{each.stage:g} {each.name}"),
            _cell("Attempts", course_words.tries(each)),
            _cell("From step", _step(each.start)),
            _cell("To step", f"{each.end:,}" + (" so far" if each.running else "")),
            _cell("Planned", course_words.planned(each)),
            _cell("Against the plan", course_words.against(each)),
        ]
    )


def why_not(state: TrainingState) -> list[Any]:
    """Why the stage does not advance: each criterion with its margin and trend, and the newest gate."""
    title = html.H2("Why are we not advancing?", className="card-name")
    if nothing := empty_states.sentence(state, "criteria"):
        return [title, nothing]
    listed = advance.requirements(state)
    gate = advance.gate(state)
    if not listed and gate is None:
        advice = (
            "Give log_stage_start a config with success_criteria, such as {'reaching_accuracy': 0.9}, and log these "
            "metrics."
        )
        return [title, basic.empty("No criteria for this stage", advice)]
    headings = ("Criterion", "Holds", "Now", "Limit", "Margin", "Trend in 1,000 steps", "Reaches its limit")
    rate = advance.rate(state)
    waiting_first = sorted(listed, key=lambda each: (each.met is True, each.met is None))
    rows = [_criterion(state, each, rate) for each in waiting_first[:MOST_ROWS]]
    return [
        title,
        _lead(advance.sentence(state)) if listed else None,
        _table("Criteria of the stage", headings, rows) if rows else None,
        *_gate(gate),
    ]


_HOLDS: Final = {
    True: ("✓ yes", "change-good"),
    False: ("✗ not yet", "change-bad"),
    None: ("· not checked", "missing"),
}


def _criterion(state: TrainingState, each: Requirement, rate: float | None) -> html.Tr:
    words, look = _HOLDS[each.met]
    found = each.measure
    margin = each.distance_to_limit
    finite = margin is not None and math.isfinite(margin)
    return html.Tr(
        [
            _text("Criterion", each.milestone.name[:200]),
            _cell("Holds", html.Span(words, className=look)),
            _cell("Now", number(found.value) if found else NONE),
            _cell("Limit", str(found.target) if found else each.milestone.criterion or NONE),
            _cell("Margin", signed(-margin) if finite and margin is not None else NONE),
            _cell(
                "Trend in 1,000 steps",
                signed(each.estimate.slope) if each.estimate.slope is not None else NONE,
                basic.sparkline(course(state, found.series)) if found else None,
            ),
            _cell("Reaches its limit", *_reaches(each, rate)),
        ]
    )


def _reaches(each: Requirement, rate: float | None) -> list[Any]:
    steps = each.estimate.steps
    if steps is None:
        held = each.met and not each.estimate.reason
        return [NONE if held or each.measure is None else each.estimate.reason or NONE]
    later = f"in {advance.steps_in_words(steps)}"
    if not rate:
        return [later]
    return [later, html.Span(f" {rough(steps.likely / rate)} at the present pace", className="fact-detail")]


def _gate(gate: Gate | None) -> list[Any]:
    """The newest gate with its conditions."""
    if gate is None:
        return []
    rows = [
        html.Tr([_text("Condition", each), _cell("Verdict", html.Span("✗ failed", className="change-bad"))])
        for each in gate.failures
    ] + [
        html.Tr([_text("Condition", each), _cell("Verdict", "recommended")]) for each in gate.recommendations
    ]
    values = ", ".join(f"{name} {number(value)}" for name, value in gate.measured.items())
    at = html.P(["At step ", _step(gate.step)], className="lead-in") if gate.step is not None else None
    return [
        html.H3("Gate", className="card-name"),
        _lead(advance.gate_words(gate)),
        at,
        _table("Conditions of the newest gate", ("Condition", "Verdict"), rows) if rows else None,
        _lead(f"Measured: {values}.") if values else None,
    ]


def kept(state: TrainingState) -> list[Any]:
    """What is kept of earlier stages: a sentence, and the matrix of tasks and stages."""
    title = html.H2("Retention", className="card-name")
    if nothing := empty_states.sentence(state, "tasks"):
        return [title, nothing]
    found = retention.retention(state)
    if not found:
        advice = (
            "Probe the tasks of earlier stages at intervals: "
            "logger.log_evaluation(task='mnist', stage=0, accuracy=0.94, n=500, step=step)."
        )
        return [title, basic.empty("No task was probed", advice)]
    trained = [each.stage for each in stage_course.courses(state) if each.counts][-MOST_STAGES:]
    during = [f"Stage {each:g}" for each in trained]
    headings = ("Task", "Taught in", *during, "Forgotten", "Newest probe")
    rows = [_task(state, each, trained) for each in found[:MOST_ROWS]]
    note = (
        "Each cell: the last probe while that stage was trained, and its share of the accuracy at the end of the "
        "task's own stage."
    )
    return [
        title,
        _lead(retention.sentence(state)),
        _table("Tasks by stage", headings, rows),
        html.P(note, className="fact-detail"),
    ]


def _task(state: TrainingState, each: Retention, trained: Sequence[float]) -> html.Tr:
    lost = each.forgetting
    beyond = " change-bad" if each.beyond else ""
    limit = number(each.limit, "percent")
    words = (
        f"{number(lost, 'percent')} of {limit} allowed"
        if lost is not None
        else "being learned"
        if each.learning
        else NONE
    )
    return html.Tr(
        [
            _text("Task", each.task),
            _cell("Taught in", NONE if each.stage is None else f"stage {each.stage:g}"),
            *(_probed(each, stage, trained) for stage in trained),
            _cell("Forgotten", html.Span(("✗ " if each.beyond else "") + words, className=beyond.strip())),
            _cell("Newest probe", *_age(state, each.now)),
        ],
        className="severity-warning" if each.beyond else "",
    )


def _probed(each: Retention, stage: float, trained: Sequence[float]) -> html.Td:
    heading = f"Stage {stage:g}"
    probe = each.by_stage.get(stage)
    if probe is None:
        before = each.stage in trained and trained.index(stage) < trained.index(each.stage)
        return _cell(heading, "before its stage" if before else "not probed", class_name="missing")
    share = each.kept(probe)
    error = f" ± {number(probe.error)}" if probe.error is not None else ""
    accuracy = f"{number(probe.accuracy)}{error}"
    if share is None or stage == each.stage:
        return _cell(heading, accuracy)
    look = "change-bad" if 1 - share > each.limit else "change-good"
    return _cell(
        heading,
        html.Span(number(share, "percent"), className=look),
        html.Span(f" {accuracy}", className="fact-detail"),
    )


def _age(state: TrainingState, probe: Probe | None) -> list[Any]:
    if probe is None:
        return [NONE]
    behind = max(state.current_step - probe.step, 0)
    words = f"{behind:,} steps ago" if behind else "at the present step"
    when = (
        []
        if probe.time is None
        else [html.Span(f" {ago(max(time() - probe.time, 0))}", className="fact-detail")]
    )
    return [words, *when]


def protected(state: TrainingState) -> list[Any]:
    """The safety of the run: a sentence, and interventions by kind."""
    title = html.H2("Safety", className="card-name")
    if nothing := empty_states.sentence(state, "safety"):
        return [title, nothing]
    if not safety.recorded(state):
        advice = (
            "Log logger.log_intervention('reduce_load', reason, step), log_cognitive_load(0.7, step) and "
            "log_health_score(0.95, step)."
        )
        return [title, basic.empty("Nothing about safety is recorded", advice)]
    rows = [
        html.Tr(
            [
                _text("Intervention", each.kind),
                _cell("Count", f"{each.count:,}"),
                _cell("Newest at step", _step(each.newest.step)),
                _text("Reason", each.newest.reason or NONE),
            ]
        )
        for each in safety.tallies(state)[:MOST_ROWS]
    ]
    headings = ("Intervention", "Count", "Newest at step", "Reason")
    return [
        title,
        _lead(safety.sentence(state)),
        _table("Interventions by kind", headings, rows) if rows else None,
    ]


def strip(summary: Summary) -> html.Section | None:
    """The whole curriculum in small, for the overview: a cell for each stage, filled as far as it is done."""
    state = summary.state
    found = {each.stage: each for each in stage_course.courses(state) if each.counts}
    if not found:
        return None
    cells = [_part(number, name, found.get(number), state) for number, name in stage_course.curriculum(state)]
    return basic.block(
        "Curriculum",
        "/curriculum",
        html.Ol(cells, className="curriculum-strip"),
        html.P(course_words.sentence(state), className="lead-in log-text", dir="auto"),
        class_name="curriculum-block",
    )


def _part(number: float, name: str, at: Course | None, state: TrainingState) -> html.Li:
    share, words = 0.0, "not begun"
    if at is not None and not at.running:
        share, words = 1.0, "trained"
    elif at is not None:
        total = (at.extended or 0) - at.start
        in_steps = total > 0 and not stage_course.counted_in_weeks(state)
        share = (at.end - at.start) / total if in_steps else state.stage_progress
        words = f"being trained, {share:.0%} of its plan" if share else "being trained"
    return html.Li(
        [
            html.Span(f"{number:g}", className="strip-number"),
            html.I(className="strip-fill", style={"width": f"{min(round(share * 100, 1), 100.0)}%"}),
            html.Span(f" {name}: {words}", className="visually-hidden"),
        ],
        className="strip-now" if at is not None and at.running else "strip-done" if at else "",
        title=f"{name}: {words}",
    )
