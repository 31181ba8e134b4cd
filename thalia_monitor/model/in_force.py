"""Which health warnings are in force now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from thalia_monitor import contract

if TYPE_CHECKING:
    from thalia_monitor.model.records import Event, HealthWarning
    from thalia_monitor.model.run import TrainingState

WARNING_STEPS: Final = 10_000
"""Steps for which a logged health warning is in force: the window of Thalia's ``firing_stability``."""
MOST_WARNING_EVENTS: Final = 1_000
"""Newest warning events that are considered."""


def warnings_in_force(state: TrainingState) -> tuple[HealthWarning, ...]:
    """The newest checkpoint's health warnings, then those of the log's warning events.

    A warning event is in force until training is ``WARNING_STEPS`` steps further, a later checkpoint lists
    warnings, steps begin again (a resume, a stage), or its recovery is logged (docs/health.md). The same
    warning with other numbers counts once, as it was given last.
    """
    saved = list(state.checkpoint.warnings) if state.checkpoint else []
    listed = {each.message: each.subject for each in saved}
    logged: dict[str, HealthWarning] = {}
    for event in _warning_events(state):
        warning = event.health_warning
        newer = state.checkpoint is None or event.step is None or event.step > state.checkpoint.step
        if warning.subject in logged:
            continue
        if warning.message in listed:  # the log's own severity wins over one guessed from the text
            saved = [warning if each.message == warning.message else each for each in saved]
        elif newer or warning.subject not in listed.values():
            saved = [each for each in saved if each.subject != warning.subject]
            logged[warning.subject] = warning
    return (*saved, *logged.values())


def _warning_events(state: TrainingState) -> Iterator[Event]:
    """Yield the warning events in force, the newest first."""
    newest = state.history.segments[-1].index if state.history.segments else 0
    listed = state.checkpoint.step if state.checkpoint and state.checkpoint.warnings else 0
    oldest = max(state.current_step - WARNING_STEPS, listed)
    recovered: list[frozenset[str]] = []
    for event in reversed(state.events_of(contract.WARNING)[-MOST_WARNING_EVENTS:]):
        if event.segment < newest or (event.step is not None and event.step < oldest):
            continue
        warning = event.health_warning
        if (ended := warning.recovery) is not None:
            recovered.append(ended)
        elif not any(words <= warning.words for words in recovered):
            yield event
