"""What every page says of its run: header, warnings, totals, and the badge of its status.

A run goes stale without any file changing, so the badge is judged at every pulse, not at every new version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from time import time
from typing import TYPE_CHECKING, Any, Final

from dash import html, no_update

from thalia_monitor import contract
from thalia_monitor.analysis import report
from thalia_monitor.analysis.event_counts import consolidations_in_words, count_in_words, neurons_added
from thalia_monitor.analysis.findings import Finding
from thalia_monitor.analysis.formatting import NONE, ago, counted, duration
from thalia_monitor.analysis.liveness import Liveness, Status
from thalia_monitor.analysis.summary import GONE_STALE, Summary, summarize
from thalia_monitor.model.records import HealthWarning, Severity
from thalia_monitor.web.components import basic, empty_states
from thalia_monitor.web.components.basic import ICONS
from thalia_monitor.web.live.client_state import UNREADABLE

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.web.context import Monitor

MOST_LISTED: Final = 20
LONGEST: Final = 500
"""Displayed characters of a warning."""
_NOUNS: Final = {Severity.CRITICAL: ("critical", "critical"), Severity.WARNING: ("warning", "warnings")}


def header(state: TrainingState, updated: float | None = None, now: float | None = None) -> list[Any]:
    """Where the training is, in one line and a bar; ``updated`` is its last sign of life in Unix seconds."""
    now = time() if now is None else now
    share = state.stage_steps / state.plan.steps if state.planned_in_steps and state.plan.steps else None
    share = state.stage_progress if share is None else share  # of steps also what is beyond the plan
    percent = f"{share:.0%}" if state.total_weeks or share else ""
    stage = "–" if state.current_stage is None else f"{state.current_stage}"
    return [
        html.Div(
            [
                html.Div(
                    [
                        html.Span(f"Stage {stage}", className="fact-label"),
                        html.Span(state.stage_name, className="stage-name"),
                    ],
                    className="fact stage",
                ),
                basic.fact(*_planned(state), percent + _over(state)),
                basic.fact("Step", f"{state.current_step:,}" if state.sources else "–", _reading(state)),
                html.Div(
                    [
                        html.Span("Last update", className="fact-label"),
                        *last_update(updated, now),
                    ],
                    className="fact",
                ),
            ],
            className="facts",
        ),
        basic.progress(state.stage_progress, "Progress in this stage", class_name="stage-bar"),
    ]


def _planned(state: TrainingState) -> tuple[str, str]:
    """How far into the planned weeks; of a stage that is planned in steps, how far into those."""
    if state.planned_in_steps:
        return "Step of stage", f"{state.stage_steps:,}/{state.plan.steps:,.0f}"
    return "Week", f"{state.current_week:g}/{state.total_weeks:g}" if state.total_weeks else "–"


def _over(state: TrainingState) -> str:
    return " extended" if state.total_weeks and state.current_week > state.total_weeks else ""


def last_update(time: float | None, now: float) -> list[Any]:
    """The clock time of the last update and its age; the browser counts the age on between two versions."""
    if time is None:
        return [html.Span(NONE, className="fact-value")]
    age = max(now - time, 0.0)
    return [
        basic.moment(time, now),
        html.Span(ago(age), className="fact-detail", **{"data-age": f"{age:.0f}"}),
    ]


def _reading(state: TrainingState) -> str:
    return f"reading the log, {state.read_fraction:.0%}" if state.read_fraction < 1 else ""


def health_bar(summary: Summary) -> html.Details | html.Div | None:
    """The bar of a run, None where nothing was read: the trainer's warnings, what was found, and a stale run."""
    state = summary.state
    if not state.sources:
        return None
    found = [HealthWarning(each.severity, each.message) for each in summary.findings if each.wrong]
    stale = summary.liveness.status is Status.STALE
    return bar(state.warnings, found, state.current_step, stale=stale)


def bar(
    warned: Sequence[HealthWarning], found: Sequence[HealthWarning], step: int, *, stale: bool = False
) -> html.Details | html.Div:
    """Bar of all warnings: the worst severity colours it; the list that it opens has the worst first.

    Closed, it shows the newest of the worst, the trainer's before what was found.

    Args:
        warned: the trainer's warnings, by which it numbers them.
        found: what this monitor found in the run's numbers.
        step: the newest step, named where there is no warning.
        stale: whether nothing has been written for long.
    """
    silent = [HealthWarning(Severity.CRITICAL, GONE_STALE)] if stale else []
    listed = [(each, "") for each in warned] + [(each, ", found in the numbers") for each in found]
    every = [(number, *each) for number, each in enumerate([*listed, *((each, "") for each in silent)], 1)]
    if not every:
        return html.Div(f"✓ No warnings at step {step:,}", className="health-bar notice-good")
    every.sort(key=lambda each: -each[1].severity.rank)
    worst = every[0][1].severity
    newest = next(each for each in [*reversed(warned), *reversed(found), *silent] if each.severity is worst)
    rows = [_row(*each) for each in islice(every, MOST_LISTED)]
    beyond = len(every) - len(rows)
    return html.Details(
        [
            html.Summary(
                [
                    html.Span(f"{ICONS[worst]} {_counts(every)}", className=f"tag tag-{worst}"),
                    html.Span(newest.message[:LONGEST], className="log-text", dir="auto"),
                ]
            ),
            html.Div(
                [html.Ol(rows), html.P(f"and {beyond:,} beyond these") if beyond else None],
                className="health-list",
                tabIndex=0,  # it scrolls
                role="region",
                **{"aria-label": "Warnings"},
            ),
        ],
        className=f"health-bar notice-{worst}",
    )


def _counts(every: Sequence[tuple[int, HealthWarning, str]]) -> str:
    """How many of each severity, the worst first: ``1 critical, 2 warnings``."""
    counts = Counter(each.severity for _, each, _ in every)
    found = [each for each in reversed(Severity) if counts[each]]
    return ", ".join(counted(counts[each], *_NOUNS.get(each, (str(each), str(each)))) for each in found)


def _row(number: int, warning: HealthWarning, origin: str) -> Any:
    word = f"{ICONS[warning.severity]} {warning.severity}"
    return html.Li(
        [
            html.Span(word + origin, className=f"tag tag-{warning.severity}"),
            html.Span(warning.message[:LONGEST], className="log-text", dir="auto"),
        ],
        value=number,
    )


def totals(state: TrainingState) -> list[Any]:
    """Training information: how long, how much growth, how much sleep, and where the numbers come from."""
    sources = ", ".join(sorted({source.format for source in state.sources})) or "nothing read yet"
    return [
        basic.fact(
            "Training time",
            duration(state.training_duration.total_seconds()) if state.training_duration else "–",
        ),
        basic.fact("Growth events", *count_in_words(state, contract.GROWTH)),
        basic.fact("Consolidations", *consolidations_in_words(state)),
        basic.fact("Read from", sources),
    ]


def growth_facts(state: TrainingState) -> list[Any]:
    """Neurons, regions and growth events in numbers, or a sentence where the run's files never have them."""
    if nothing := empty_states.sentence(state, "neuron counts, capacity or growth"):
        return [nothing]
    neurons = state.history.latest(state.history.neurons)
    if not neurons and not state.history.capacity and not state.count_of(contract.GROWTH):
        advice = (
            "Log neuron_counts and capacity_by_region as objects by region with each line, and "
            "logger.log_growth_event(region, n_added, reason, step)."
        )
        return [basic.empty("No growth, neuron counts or capacity are logged", advice)]
    return [
        basic.fact("Neurons now", f"{sum(neurons.values()):,.0f}" if neurons else "–"),
        basic.fact("Regions", f"{len(neurons):,}" if neurons else "–"),
        basic.fact("Growth events", *count_in_words(state, contract.GROWTH)),
        basic.fact("Neurons added", f"{neurons_added(state):,}"),
    ]


def missing(state: TrainingState, place: str) -> Any:
    """Say what this directory (``place``) lacks, and what to do about it."""
    if state.read_fraction < 1:
        return None
    if not state.sources:
        return empty_states.no_data(place)
    if empty_states.without_curriculum(state):
        return None  # their programs have nothing that these files would tell
    if not state.checkpoints:
        return basic.empty(
            f"No {contract.METADATA_PATTERN} in this directory",
            f"{'Stage, week' if state.current_stage is None else 'Week'}, milestones and warnings come from "
            "checkpoint metadata. Is json_log=True set?",
        )
    if not len(state.history) and not state.events:
        return basic.empty(
            f"No {contract.LOG_NAME} in this directory",
            "Histories, growth and consolidation come from the training log. Is json_log=True set?",
        )
    return None


MOST_CRITICALS: Final = 20
LONGEST_CRITICAL: Final = 200


def summary_of(watch: Monitor, run: str, state: TrainingState) -> Summary:
    """The run's summary at this moment; its findings are computed once per version for all viewers."""
    what = f"findings by {watch.thresholds}"
    found = watch.cached_or_computed(state, run, what, lambda: watch.examine(state), list[Finding])
    return summarize(state, time(), refresh=watch.settings.refresh_seconds, found=found)


def standing(summary: Summary, run: str) -> dict[str, Any]:
    """The run's status for the browser's store; it changes only when the browser has something to show."""
    return {
        "run": run,
        "name": summary.state.name,
        "status": str(summary.liveness.status),
        "words": report.status_words(summary),
        "criticals": [each[:LONGEST_CRITICAL] for each in summary.criticals[:MOST_CRITICALS]],
    }


def changed(summary: Summary | None, run: str | None, before: Any) -> tuple[Any, Any]:
    """The status for the store, and the badge; ``no_update`` for both where ``before`` is the same status.

    Without a summary: those of a run that cannot be read.
    """
    if summary is None:
        now = {"run": run, "name": "", "status": UNREADABLE, "criticals": ["The run cannot be read."]}
        shown = _badge("critical", "✖", "Cannot be read")
    else:
        now = standing(summary, run or "")
        status = summary.liveness.status
        shown = _badge(report.STATUS_KINDS[status], report.STATUS_ICONS[status], report.status_words(summary))
    return (no_update, no_update) if now == before else (now, shown)


def _badge(kind: str, icon: str, word: str) -> html.Span:
    return html.Span(
        [html.Span(icon, **{"aria-hidden": "true"}), f" {word}"], className=f"standing standing-{kind}"
    )


def sentence(alive: Liveness) -> list[Any]:
    """The liveness sentence, its age as an element that the browser keeps current."""
    if alive.age is None:
        return [alive.text]
    age = ago(alive.age)
    before, _, after = alive.text.partition(age)
    return [before, html.Span(age, **{"data-age": f"{alive.age:.0f}"}), after] if after else [alive.text]
