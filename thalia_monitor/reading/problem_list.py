"""Problems as they are met: the first of them kept, all of them counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from thalia_monitor.records import Problem

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
