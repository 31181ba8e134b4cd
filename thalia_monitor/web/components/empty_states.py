"""Runs of programs that know no curriculum: what their files never tell, said once instead of shown as empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import html

from thalia_monitor import contract
from thalia_monitor.analysis import report
from thalia_monitor.reading.formats import diagnostics, numpy_arrays, results, spikes, trials

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

FORMATS: Final = {
    trials.FORMAT,
    trials.EVENTS_FORMAT,
    trials.SAVED_FORMAT,
    diagnostics.FORMAT,
    results.SEQUENCE_FORMAT,
    numpy_arrays.FORMAT,
    spikes.FORMAT,
}
"""Files of Thalia's programs of 2026: they know neither stages, nor growth, nor sleep."""


LOGGING: Final = """from thalia_monitor import CurriculumLogger

logger = CurriculumLogger({place!r})
for step in range(10_000):
    logger.record(step, {{"loss": 0.23, "firing_rate": 0.12}})
"""
"""Code that fills a directory."""


def no_data(place: str) -> html.Div:
    """The one card of a run without data: its directory, what is missing, and code that writes it."""
    return html.Div(
        [
            html.Strong(report.WAITING),
            html.P(html.Code(place, className="log-text", dir="auto")),
            html.P(
                f"Neither {contract.METADATA_PATTERN} nor {contract.LOG_NAME} is here. "
                "Is the trainer writing to this directory, with json_log=True? This page fills by itself."
            ),
            html.P("A training loop of your own writes it with:"),
            html.Pre(html.Code(LOGGING.format(place=place), id="empty-code"), tabIndex=0),
            html.Button(
                "Copy",
                type="button",
                className="option tool-copy",
                title="Copy",
                **{"data-copy": "empty-code"},
            ),
        ],
        className="empty empty-run",
    )


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
