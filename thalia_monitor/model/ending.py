"""Recognize events that end a training: completed or stopped early, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from thalia_monitor import contract

ENDINGS: Final = frozenset(
    f"{what}_{end}" for what in ("training", "session", "run") for end in ("end", "complete", "finished")
) | {"task_learned"}
"""Event kinds (lower case) for a training that is over."""
STOPS: Final = frozenset(
    {"early_stop", "early_stopping", contract.EMERGENCY_STOP, "training_stopped", "run_stopped"}
)
"""Event kinds for a training stopped before its end."""
_STOP_TEXT: Final = re.compile(r"\W*(?:checkpoint saved for )?(?:early|emergency)[ _]stop", re.I)
"""Start of the message with which Thalia's loop or safety system stops a training."""
_MESSAGES: Final = frozenset({contract.WARNING, "alert", "note"})
"""Event kinds that carry a free-text message."""
_STOP_WORDS: Final = frozenset({"stopped", "failed", "aborted", "error", "cancelled", "interrupted"})
"""Values of ``status`` on an end event that mean it was not completed."""
_USUAL: Final = frozenset({contract.GROWTH, contract.CONSOLIDATION, contract.MILESTONE})
"""Frequent kinds that never end a run; checked first, for speed."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a training ended."""

    stopped: bool
    """True if stopped before its planned end."""
    reason: str = ""
    """Reason for the user; empty if none is logged."""


def ending_of(kind: str, fields: Mapping[str, Any]) -> Ending | None:
    """Return how an event of this kind ends training; None if it does not."""
    if kind in _USUAL:
        return None
    kind = kind.lower()
    if kind in _MESSAGES:
        message = fields.get("message")
        text = message if isinstance(message, str) else ""
        if _STOP_TEXT.match(text):
            return Ending(True, text)
        return Ending(False, "the task is learned") if text == "TASK_LEARNED" else None
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


def _reason(fields: Mapping[str, Any]) -> str:
    given = (fields.get(name) for name in ("reason", "message"))
    return next((each for each in given if isinstance(each, str) and each), "")
