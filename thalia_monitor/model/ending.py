"""The events by which a training ends: by itself, or because it is stopped, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from thalia_monitor import contract

ENDINGS: Final = frozenset(
    f"{what}_{end}" for what in ("training", "session", "run") for end in ("end", "complete", "finished")
) | {"task_learned"}
"""Kinds of events that say the training is over, in lower case."""
STOPS: Final = frozenset(
    {"early_stop", "early_stopping", contract.EMERGENCY_STOP, "training_stopped", "run_stopped"}
)
"""Kinds that say it was stopped before its end."""
_STOP_TEXT: Final = re.compile(r"\W*(?:checkpoint saved for )?(?:early|emergency)[ _]stop", re.I)
"""How a message begins by which Thalia's loop, or its safety system, says that it stops the training."""
_MESSAGES: Final = frozenset({contract.WARNING, "alert", "note"})
"""Kinds of events that are a message."""
_STOP_WORDS: Final = frozenset({"stopped", "failed", "aborted", "error", "cancelled", "interrupted"})
"""States of an end of training that is no completion."""
_USUAL: Final = frozenset({contract.GROWTH, contract.CONSOLIDATION, contract.MILESTONE})
"""Kinds that are no end, of which a run may have very many."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a training ended."""

    stopped: bool
    """Whether it was stopped before its end."""
    reason: str = ""
    """Why, for the reader; empty where nothing says so."""


def ending_of(kind: str, fields: Mapping[str, Any]) -> Ending | None:
    """Read how training ended from an event of this kind; None for one that is no end of it."""
    if kind in _USUAL:
        return None
    kind = kind.lower()
    if kind in _MESSAGES:
        message = fields.get("message")
        text = message if isinstance(message, str) else ""
        if _STOP_TEXT.match(text):
            return Ending(True, text)
        return Ending(False, "the task is learned") if text == "TASK_LEARNED" else None
    if kind == contract.STAGE_END:
        return _failure(fields)
    reason = _reason(fields)
    if kind in STOPS:
        return Ending(True, reason or kind.replace("_", " "))
    if contract.EMERGENCY_STOP in (fields.get("intervention"), fields.get("type")):
        return Ending(True, reason or "emergency stop")
    if kind not in ENDINGS:
        return None
    how = fields.get("status")
    if (isinstance(how, str) and how.lower() in _STOP_WORDS) or _STOP_TEXT.match(reason):
        return Ending(True, reason or str(how).lower())
    if not reason and fields.get("success") is False:
        reason = "not every milestone is passed"
    return Ending(False, "the task is learned" if kind == "task_learned" else reason)


def _failure(fields: Mapping[str, Any]) -> Ending | None:
    """A stage that ended by an error: its failures are listed, where missed milestones only make it unsuccessful."""
    failures = fields.get("failure_reasons")
    if fields.get("success") is not False or not isinstance(failures, list | tuple) or not failures:
        return None
    return Ending(True, f"{failures[0]}")


def _reason(fields: Mapping[str, Any]) -> str:
    given = (fields.get(name) for name in ("reason", "message"))
    return next((each for each in given if isinstance(each, str) and each), "")
