"""Learning the shape of a log's metric lines: which keys they have, and what each of them holds."""

from __future__ import annotations

import json
from typing import Final

from thalia_monitor import contract
from thalia_monitor.reading import plain
from thalia_monitor.reading.template import (
    IGNORED,
    NUMBER,
    QUOTED,
    REGIONS,
    SCALARS,
    Leaf,
    Template,
    Tree,
    Words,
    leaves_of,
)

MOST_LEAVES: Final = 2_000
"""Lines with more numbers are read too, the careful way."""
_NEVER_IGNORED: Final = {*contract.CORE_METRICS, *REGIONS, contract.STEP, contract.TIMESTAMP}


class Shape:
    """What has been learned of the lines so far."""

    def __init__(self) -> None:
        self._tree: Tree = {}
        self._taken: set[Leaf] = set()

    def learn(self, lines: list[bytes]) -> bool:
        """Learn from some lines; tell whether there was anything new."""
        before = len(self._taken), len(self._tree)
        for line in lines:
            try:
                given = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(given, dict) and contract.EVENT_TYPE not in given:
                for key, value in given.items():
                    self._add(key, value)
        return (len(self._taken), len(self._tree)) != before

    def template(self, words: Words) -> Template | None:
        """Make the template; None where there are no lines to make it of."""
        return Template(self._tree, words) if contract.STEP in self._tree else None

    def _add(self, key: str, value: object) -> None:
        if isinstance(value, dict):
            if key in SCALARS or not _usable(key):
                return
            inner = self._tree.setdefault(key, {})
            if isinstance(inner, dict):
                for name, each in value.items():
                    self._add_inner(key, inner, name, each)
        elif self._tree.get(key, IGNORED) == IGNORED and _usable(key):
            self._add_plain(key, value)

    def _add_plain(self, key: str, value: object) -> None:
        if plain.number(value) is not None:
            if key not in REGIONS and self._take(leaves_of(key, NUMBER)):
                self._tree[key] = NUMBER
        elif value is not None and key not in _NEVER_IGNORED:
            self._tree[key] = _ignored(value)

    def _add_inner(self, key: str, inner: dict[str, str], name: str, value: object) -> None:
        if inner.get(name, IGNORED) != IGNORED or not _usable(name):
            return
        if plain.number(value) is not None:
            if self._take(leaves_of(key, {name: NUMBER})):
                inner[name] = NUMBER
        elif value is not None and key not in REGIONS and not isinstance(value, dict):
            inner[name] = _ignored(value)

    def _take(self, leaves: list[Leaf]) -> bool:
        """Claim a leaf's name: two keys that lead to one metric cannot both be in a template."""
        if leaves[0] in self._taken or len(self._taken) >= MOST_LEAVES or not _usable(leaves[0].name):
            return False
        self._taken.update(leaves)
        return True


def _ignored(value: object) -> str:
    """Numbers in quotes are ignored once the line that they were learned from was read, and reported, carefully."""
    return QUOTED if plain.is_quoted_number(value) else IGNORED


def _usable(name: str) -> bool:
    return 0 < len(name) <= plain.LONGEST_NAME and name.isprintable() and not set(name) & set('"\\')
