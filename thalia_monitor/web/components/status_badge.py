"""The status of a run now: the badge on every page, and what the browser puts in its title and notifications.

A run goes stale without any file changing, so this is judged at every pulse, not at every new version.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, Final

from dash import html, no_update

from thalia_monitor.analysis import report
from thalia_monitor.analysis.findings import Finding
from thalia_monitor.analysis.formatting import ago
from thalia_monitor.analysis.liveness import Liveness, Status
from thalia_monitor.analysis.summary import Summary, summarize
from thalia_monitor.web.live.client_state import UNREADABLE

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.web.context import Monitor

ICONS: Final = {
    Status.LIVE: "●",
    Status.QUIET: "◐",
    Status.STALE: "○",
    Status.FINISHED: "■",
    Status.STOPPED: "▣",
    Status.UNKNOWN: "?",
}
"""Shapes that differ without their colour."""
KINDS: Final = {
    Status.LIVE: "good",
    Status.QUIET: "warning",
    Status.STALE: "critical",
    Status.FINISHED: "info",
    Status.STOPPED: "warning",
    Status.UNKNOWN: "info",
}
MOST_CRITICALS: Final = 20
LONGEST_CRITICAL: Final = 200


def summary_of(watch: Monitor, run: str, state: TrainingState) -> Summary:
    """The run's summary at this moment; its findings are computed once per version for all viewers."""
    what = f"findings by {watch.thresholds}"
    found = watch.finished(state, run, what, lambda: watch.examine(state), list[Finding])
    return summarize(state, time(), refresh=watch.settings.refresh_seconds, found=found)


def standing(summary: Summary, run: str) -> dict[str, Any]:
    """The run's status for the browser's store; it changes only when the browser has something to show."""
    return {
        "run": run,
        "name": summary.state.name,
        "status": str(summary.liveness.status),
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
        shown = _badge(KINDS[status], ICONS[status], report.STATUS_WORDS[status])
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
