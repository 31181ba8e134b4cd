"""``diagnostics_report.json``: the health issues that Thalia's diagnostics scripts find in one simulation.

It has no step; its rates are in Hz, unlike those of every log. Source: Thalia from 2026-03-24 on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from thalia_monitor import contract
from thalia_monitor.reading import plain, values
from thalia_monitor.reading.document import read_document
from thalia_monitor.reading.recording import Recording
from thalia_monitor.reading.severity import stated_severity
from thalia_monitor.state import Event, Problem, Severity, Source

NAME: Final = "diagnostics_report.json"
FORMAT: Final = "Thalia diagnostics"


def read_diagnostics(path: Path, name: str, within: Path | None = None) -> Recording:
    """Read the issues as warnings without a step; raises Torn while the file is half-written."""
    document = read_document(path, within)
    health = values.table(document.fields.get("health"))
    events = []
    issues = list(values.entries(health.get("issues")))
    for issue in issues[: plain.LARGEST_COLLECTION]:
        told = [issue.get(name) for name in ("message", "region", "population")]
        message, *where = [plain.text(part) if isinstance(part, str) else "" for part in told]
        place = ", ".join(filter(None, where))
        fields = {
            "severity": str(stated_severity(issue.get("severity")) or Severity.WARNING),
            "message": f"{message} ({place})" if place else message,
            "category": plain.bounded(issue.get("category")),
        }
        events.append(Event(contract.WARNING, None, fields, time=document.modified, file=name))
    reason = f"has more than {plain.LARGEST_COLLECTION:,} issues; the rest of them is left out"
    problems = (Problem(name, None, reason),) if len(issues) > plain.LARGEST_COLLECTION else ()
    return Recording(Source(name, FORMAT, len(events)), events=tuple(events), problems=problems)
