"""How bad a health warning is: as it says itself, else by Thalia's own texts, else by whole words."""

from __future__ import annotations

import re
from typing import Final

from thalia_monitor.records import RECOVERY, Severity

_STATED: Final = {
    "info": Severity.INFO,
    "information": Severity.INFO,
    "notice": Severity.INFO,
    "debug": Severity.INFO,
    "warning": Severity.WARNING,
    "warn": Severity.WARNING,
    "caution": Severity.WARNING,
    "critical": Severity.CRITICAL,
    "fatal": Severity.CRITICAL,
    "error": Severity.CRITICAL,
}

_TEXTS: Final = (
    (RECOVERY, Severity.INFO),
    (
        re.compile(r"^\W*(activity collapse|seizure-like activity|weight collapse|weight explosion)\b", re.I),
        Severity.CRITICAL,
    ),
    (
        re.compile(
            r"^\W*(over-inhibited|under-inhibited|subcritical|supercritical|dopamine saturated"
            r"|high firing rate|low firing rate|high capacity)\b",
            re.I,
        ),
        Severity.WARNING,
    ),
)
"""The texts of Thalia's ``HealthMonitor`` and ``CurriculumLogger``, and the words that end a warning."""

_WORDS: Final = (
    (re.compile(r"\b(critical|fatal|error)\b", re.I), Severity.CRITICAL),
    (re.compile(r"\b(warning|caution|high|low)\b", re.I), Severity.WARNING),
)


def stated_severity(given: object) -> Severity | None:
    """Read a severity that a warning states itself; None where it is none of the known words."""
    return _STATED.get(given.strip().lower()) if isinstance(given, str) else None


def severity_of(message: str) -> Severity:
    """Judge a warning by its text alone."""
    for pattern, severity in _TEXTS + _WORDS:
        if pattern.search(message):
            return severity
    return Severity.INFO


def event_severity(given: object, message: str) -> Severity:
    """How bad a warning event is: as it says itself, else by its text; a recovery alone is less than a warning."""
    guessed = severity_of(message)
    if guessed is Severity.INFO and not RECOVERY.search(message):
        guessed = Severity.WARNING
    return stated_severity(given) or guessed
