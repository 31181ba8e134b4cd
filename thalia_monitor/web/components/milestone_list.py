"""The milestone checklist as the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from thalia_monitor.analysis.milestones import Milestone, checklist, completion
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
        return [
            basic.empty(
                "No milestones to show",
                f"The stage table defines none for {state.stage_name}, and the newest checkpoint evaluated none.",
            )
        ]
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
        _group(name, [each for each in listed if each.group == name])
        for name in ("Tasks", "Maintained", "Health")
    ]
    return [
        html.Div([facts, basic.progress(share, "Milestones passed")], className="panel"),
        html.Div([group for group in groups if group], className="milestone-groups"),
    ]


def _group(name: str, listed: list[Milestone]) -> Any:
    if not listed:
        return None
    rows = [html.Li(_row(each), className=f"milestone milestone-{_class(each)}") for each in listed]
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


def _row(each: Milestone) -> list[Any]:
    icon, words = VERDICTS[each.passed]
    return [
        html.Span(icon, className="verdict-icon", **{"aria-hidden": "true"}),
        html.Span(each.name[:200], className="milestone-name log-text", dir="auto"),
        html.Span(each.criterion, className="criterion"),
        html.Span(words, className="verdict"),
    ]
