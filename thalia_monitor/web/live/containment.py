"""A fault in one part of a page stays there: it is logged, the part says so, and all others go on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

FAULTS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a fault of ours raises. What is meant for somebody (our own errors, HTTP's, Dash's) is none, and passes."""
FAILURE_TEXT: Final = (
    "This could not be drawn: a fault of the monitor's, and its log says which. The rest is right."
)
MOST_LOGGED: Final = 1_000

_logged: set[str] = set()


def contained(what: str, make: Callable[[], T], otherwise: T) -> T:
    """Make one part of an answer, or something else where that fails.

    A fault is logged once with its traceback: a page that stays open asks for the same again at every tick.
    """
    try:
        return make()
    except FAULTS as fault:
        message = f"{what} could not be drawn: {type(fault).__name__}: {fault}"
        if message not in _logged:
            if len(_logged) >= MOST_LOGGED:
                _logged.clear()
            _logged.add(message)
            log.exception("%s could not be drawn.", what)
        return otherwise
