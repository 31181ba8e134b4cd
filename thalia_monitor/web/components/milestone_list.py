"""The milestone checklist as the page shows it: each criterion with its value now, and when it passed or was lost."""

from __future__ import annotations

import math
from time import time
from typing import TYPE_CHECKING, Any

from dash import html

from thalia_monitor.analysis.criteria import Measure, measure
from thalia_monitor.analysis.formatting import number
from thalia_monitor.analysis.milestones import (
    Change,
    Milestone,
    checklist,
    completion,
    lost,
    verdicts,
)
from thalia_monitor.figures.metrics import course
from thalia_monitor.model.step_times import time_at
from thalia_monitor.web.components import basic, empty_states

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

VERDICTS = {True: ("✓", "passed"), False: ("✗", "not passed"), None: ("·", "not evaluated yet")}


def checklist_panel(state: TrainingState) -> list[Any]:
    """Total, passed and completion, then every milestone by group."""
    passed, evaluated = completion(state)
    listed = checklist(state)
    if not listed and (nothing := empty_states.sentence(state, "milestones")):
        return [nothing]
    if not listed:
        where = (
            "The stage is not known yet" if state.current_stage is None else f"{state.stage_name} has none"
        )
        advice = (
            f"{where}, and no checkpoint has evaluated any: log logger.log_stage_start(stage, config) and "
            "log_milestone_evaluation(stage, {'mnist_accuracy': True}, step=step)."
        )
        return [basic.empty("No milestones to show", advice)]
    share = passed / evaluated if evaluated else 0.0
    waiting = len(listed) - evaluated
    facts = html.Div(
        [
            basic.fact(
                "Milestones",
                f"{evaluated:,}",
                f"{waiting:,} more not evaluated yet" if waiting else "evaluated",
            ),
            basic.fact("Passed", f"{passed:,}"),
            basic.fact("Completion", f"{share:.1%}"),
        ],
        className="facts",
    )
    groups = [
        _group(state, name, [each for each in listed if each.group == name])
        for name in ("Tasks", "Maintained", "Health")
    ]
    return [
        html.Div([facts, basic.progress(share, "Milestones passed")], className="panel"),
        html.Div([group for group in groups if group], className="milestone-groups"),
    ]


def _group(state: TrainingState, name: str, listed: list[Milestone]) -> Any:
    if not listed:
        return None
    results = verdicts(state)
    gone = {each.name for each in lost(state)}
    rows = [_row(state, each, results.get(each.name), each.name in gone) for each in listed]
    titles = {
        "Tasks": "Tasks of this stage",
        "Maintained": "Not forgotten from earlier stages",
        "Health": "Health",
    }
    return html.Section(
        [html.H2(titles[name], className="card-name"), html.Ul(rows, className="milestones")],
        className="panel",
    )


def _class(each: Milestone) -> str:
    return {True: "passed", False: "failed", None: "waiting"}[each.passed]


def _row(state: TrainingState, each: Milestone, newest: Change | None, gone: bool) -> html.Li:
    icon, words = VERDICTS[each.passed]
    since = newest if newest and newest.passed == each.passed else None
    found = measure(state, each.name)
    zoom = basic.zoom_range(state, since.step) if since else {}
    return html.Li(
        [
            html.Span(icon, className="verdict-icon", **{"aria-hidden": "true"}),
            html.Span(each.name[:200], className="milestone-name log-text", dir="auto"),
            *(_measured(state, found) if found else [html.Span(each.criterion, className="criterion wide")]),
            html.Span(_when(state, since, words, gone), className="verdict"),
        ],
        className=f"milestone milestone-{_class(each)}",
        **zoom,
    )


def _measured(state: TrainingState, found: Measure) -> list[Any]:
    """``0.87 of > 0.9``, how far that is away, and the metric's course."""
    return [
        html.Span(
            [html.Strong(number(found.value)), f" of {found.target}"],
            className="criterion",
            title=f"newest value of {found.series[:80]}",
        ),
        html.Span(_distance(found), className="criterion distance"),
        basic.sparkline(course(state, found.series)),
    ]


def _distance(found: Measure) -> str:
    missing = found.target.distance_to_limit(found.value)
    if not math.isfinite(missing):
        return ""
    if missing > 0:
        return f"{number(missing)} to go"
    return f"met by {number(-missing)}" if missing else "at the limit"


def _when(state: TrainingState, since: Change | None, words: str, gone: bool) -> list[Any]:
    """The verdict, and since which step and time it holds."""
    if since is None or not (since.passed or gone):
        return [words]
    reached = since.time if since.time is not None else time_at(state.history, since.step)
    return [
        "passed at step " if since.passed else "lost at step ",
        basic.step_button(since.step),
        "" if reached is None else basic.moment(reached, time()),
    ]
