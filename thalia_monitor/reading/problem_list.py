"""Problems as they are met: the first of them kept, all of them counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from thalia_monitor.state import Problem

MOST_KEPT: Final = 200


class ProblemList:
    """A bounded list of problems; memory stays flat however many a log has."""

    def __init__(self) -> None:
        self.total = 0
        self._kept: list[Problem] = []
        self._shown: tuple[Problem, ...] = ()

    def add(self, problem: Problem) -> None:
        """Count a problem, and keep it if it is among the first."""
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

    def view(self) -> Sequence[Problem]:
        """Those that were kept; the same tuple while nothing is new."""
        if len(self._shown) != len(self._kept):
            self._shown = tuple(self._kept)
        return self._shown
