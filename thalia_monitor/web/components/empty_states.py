"""Runs of programs that know no curriculum: what their files never tell, said once instead of shown as empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import html

from thalia_monitor.reading.formats import diagnostics, numpy_arrays, results, trials

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

FORMATS: Final = {
    trials.FORMAT,
    trials.EVENTS_FORMAT,
    trials.SAVED_FORMAT,
    diagnostics.FORMAT,
    results.SEQUENCE_FORMAT,
    numpy_arrays.FORMAT,
}
"""Files of Thalia's programs of 2026: they know neither stages, nor growth, nor sleep."""


def without_curriculum(state: TrainingState) -> bool:
    """Whether all that was read are such files."""
    formats = {source.format for source in state.sources}
    return bool(formats) and formats <= FORMATS


def sentence(state: TrainingState, what: str) -> Any:
    """Say that files of this kind never tell of ``what``; None for a run that may."""
    if not without_curriculum(state):
        return None
    formats = ", ".join(sorted({source.format for source in state.sources}))
    return html.P(
        f"Nothing to show here: the files of this run ({formats}) never tell of {what}.",
        className="lead-in nothing-here",
    )
