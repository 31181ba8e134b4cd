"""The tables beside the metric lines of an export: segments, events and milestones, each a list of records."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.analysis.milestones import checklist, verdicts
from thalia_monitor.export.lines import jsonable

if TYPE_CHECKING:
    from thalia_monitor.export.lines import Selection
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

Record = dict[str, Any]

NUMBERS: Final = ("neurons_added", "new_total", "patterns_replayed", "duration_steps")
TEXTS: Final = ("region", "reason", "sleep_stage")
"""Fields of growth and consolidation that have a column of their own; ``fields`` has those of every kind."""

SEGMENTS: Final = {"segment": int, "kind": str, "first_row": int, "first_step": int, "superseded_from": int}
EVENTS: Final = {
    "event_type": str,
    "step": int,
    "segment": int,
    "timestamp": float,
    **dict.fromkeys(TEXTS, str),
    **dict.fromkeys(NUMBERS, int),
    "fields": dict,
    "file": str,
    "line": int,
}
MILESTONES: Final = {
    "name": str,
    "group": str,
    "criterion": str,
    "passed": bool,
    "since_step": int,
    "timestamp": float,
}
SCHEMAS: Final[Mapping[str, Mapping[str, type]]] = {
    "segments": SEGMENTS,
    "events": EVENTS,
    "milestones": MILESTONES,
}
"""The columns of each table and their types; any value may be None."""
_LARGEST: Final = 2**63


def tables(state: TrainingState, selection: Selection) -> dict[str, list[Record]]:
    """Every table of a run, by name; events are those between the selection's steps."""
    return {
        "segments": _segments(state),
        "events": [_event(each) for each in state.events if _within(each.step, selection)],
        "milestones": _milestones(state),
    }


def _segments(state: TrainingState) -> list[Record]:
    return [
        {
            "segment": each.index,
            "kind": each.kind,
            "first_row": each.first_row,
            "first_step": each.first_step,
            "superseded_from": state.history.superseded_from(each.index),
        }
        for each in state.history.segments
    ]


def _event(event: Event) -> Record:
    fields = jsonable(event.fields)
    return {
        "event_type": contract.legible(event.kind),
        "step": event.step,
        "segment": event.segment,
        "timestamp": event.time if event.time is not None and math.isfinite(event.time) else None,
        **{name: fields.get(name) if isinstance(fields.get(name), str) else None for name in TEXTS},
        **{name: _whole(fields.get(name)) for name in NUMBERS},
        "fields": fields,
        "file": contract.legible(event.file),
        "line": event.line,
    }


def _whole(value: object) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and -_LARGEST <= value < _LARGEST
    return value if fits else None  # type: ignore[return-value]  # checked above


def _milestones(state: TrainingState) -> list[Record]:
    since = verdicts(state)
    return [
        {
            "name": contract.legible(each.name),
            "group": each.group,
            "criterion": each.criterion,
            "passed": each.passed,
            "since_step": since[each.name].step if each.name in since else None,
            "timestamp": since[each.name].time if each.name in since else None,
        }
        for each in checklist(state)
    ]


def _within(step: int | None, selection: Selection) -> bool:
    if selection.start is None and selection.end is None:
        return True
    return step is not None and (
        (selection.start is None or step >= selection.start)
        and (selection.end is None or step <= selection.end)
    )
