"""A bounded list of problems that counts all of them, and the severity of a health warning's text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from thalia_monitor.model.records import RECOVERY, Problem, Severity

MOST_KEPT: Final = 200


class Repeated(str):
    """A reason that one field gives again on every line, such as a metric logged as text: it counts once a file."""

    __slots__ = ()


class ProblemList:
    """A bounded list of problems; memory stays flat however many a log has."""

    def __init__(self) -> None:
        self.total = 0
        self._kept: list[Problem] = []
        self._shown: tuple[Problem, ...] = ()
        self._repeated: set[str] = set()

    def add(self, problem: Problem) -> None:
        """Count a problem, and keep it if it is among the first; one that repeats counts the first time."""
        if isinstance(problem.reason, Repeated):
            if problem.reason in self._repeated:
                return
            if self.total < MOST_KEPT:
                self._repeated.add(problem.reason)
            problem = replace(
                problem, reason=str(problem.reason)
            )  # what is kept is packed for other processes
        self.total += 1
        if len(self._kept) < MOST_KEPT:
            self._kept.append(problem)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add several."""
        for problem in problems:
            self.add(problem)

    def count(self, more: int) -> None:
        """Count problems beyond those that are kept."""
        self.total += more

    def restore(self, kept: Iterable[Problem], total: int) -> None:
        """Take over what another process has counted."""
        self._kept, self._shown, self.total = list(kept), (), total
        self._repeated = {problem.reason for problem in self._kept}

    def view(self) -> Sequence[Problem]:
        """Those that were kept; the same tuple while nothing is new."""
        if len(self._shown) != len(self._kept):
            self._shown = tuple(self._kept)
        return self._shown


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
