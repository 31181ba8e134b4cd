"""The header that every page wears: stage, week, step, last update, progress; then warnings and the run's totals."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

from dash import html

from thalia_monitor import contract
from thalia_monitor.analysis.formatting import NONE, ago, duration
from thalia_monitor.web.components import basic, empty_states

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState


def header(state: TrainingState, updated: float | None = None, now: float | None = None) -> list[Any]:
    """Where the training is, in one line and a bar; ``updated`` is its last sign of life in Unix seconds."""
    now = time() if now is None else now
    percent = f"{state.stage_progress:.0%}" if state.total_weeks or state.stage_progress else ""
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


def totals(state: TrainingState) -> list[Any]:
    """Training information: how long, how much growth, how much sleep, and where the numbers come from."""
    growth, sleep = state.count_of(contract.GROWTH), state.count_of(contract.CONSOLIDATION)
    sources = ", ".join(sorted({source.format for source in state.sources})) or "nothing read yet"
    return [
        basic.fact(
            "Training time",
            duration(state.training_duration.total_seconds()) if state.training_duration else "–",
        ),
        basic.fact("Growth events", f"{growth:,}"),
        basic.fact("Consolidations", f"{sleep:,}"),
        basic.fact("Read from", sources),
    ]


def growth_facts(state: TrainingState) -> list[Any]:
    """Neurons, regions and growth events in numbers, or a sentence where the run's files never have them."""
    if nothing := empty_states.sentence(state, "neuron counts, capacity or growth"):
        return [nothing]
    events = state.growth_events
    neurons = state.history.latest(state.history.neurons)
    added = events["neurons_added"].sum() if len(events) else 0
    return [
        basic.fact("Neurons now", f"{sum(neurons.values()):,.0f}" if neurons else "–"),
        basic.fact("Regions", f"{len(neurons):,}" if neurons else "–"),
        basic.fact("Growth events", f"{len(events):,}"),
        basic.fact("Neurons added", f"{added:,}"),
    ]


def missing(state: TrainingState) -> Any:
    """Say what this directory lacks, and what to do about it."""
    if state.read_fraction < 1:
        return None
    if not state.sources:
        return basic.empty(
            "No training data in this directory yet",
            f"Neither {contract.METADATA_PATTERN} nor {contract.LOG_NAME} is here. "
            "Is the trainer writing to this directory, with json_log=True? This page fills by itself.",
        )
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
