"""Search for names: by words, or by a regular expression between slashes that cannot hang.

Python's own ``re`` goes back and tries again, so that a few characters such as ``(a+)+$`` can keep it busy for hours.
Here all ways of matching are followed at the same time (Thompson's construction), which costs at most the product of
the two lengths, and a search gives up after a fixed number of moves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from thalia_monitor.errors import BadParameter

LONGEST: Final = 80
"""Characters of an expression."""
LONGEST_NAME: Final = 200
"""Characters of a name that an expression looks at."""
MOST_MOVES: Final = 1_000_000
"""Moves of one search over all names: below a second."""
HELP: Final = "words, or an expression between slashes: /^weights.*_mean$/ (. [a-z] \\d \\w * + ? | ( ) ^ $)"
_CLASSES: Final = {
    "d": frozenset("0123456789"),
    "w": frozenset("abcdefghijklmnopqrstuvwxyz0123456789_"),
    "s": frozenset(" \t\n\r\f\v"),
}
"""The characters of an escape; one in capitals takes all others."""

Taken = tuple[frozenset[str], bool]
"""Characters in lower case, and whether it is all others that are taken."""


def _lower(text: str) -> str:
    """Text in lower case, character by character; one that would become two stays as it is."""
    return text.lower() if text.isascii() else "".join(_each_lower(each) for each in text)


def _each_lower(sign: str) -> str:
    lower = sign.lower()
    return lower if len(lower) == 1 else sign


def _both(a: Taken, b: Taken) -> Taken:
    """What either of two takes."""
    if a[1] and b[1]:
        return a[0] & b[0], True
    if a[1] or b[1]:
        others, these = (a[0], b[0]) if a[1] else (b[0], a[0])
        return others - these, True
    return a[0] | b[0], False


@dataclass(slots=True)
class _State:
    """One place in an expression: what it takes, and where it goes on."""

    takes: frozenset[str] | None = None
    """The characters it takes; None where it takes none."""
    negated: bool = False
    """Whether it takes all others instead."""
    anchor: str = ""
    """``^`` or ``$``, which take nothing and hold at an end only."""
    on: tuple[int, ...] = ()
    """Numbers of the states after it."""


class Expression:
    """A regular expression, ready to be looked for in many names."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise BadParameter(f"An expression has at most {LONGEST} characters.")
        self._text = text
        self._at = 0
        self._states: list[_State] = []
        self._end = self._add(_State())
        self._start = self._either(self._end)
        if self._at < len(self._text):
            raise BadParameter("The expression has a ) without its (.")
        self.moves = 0

    def _add(self, state: _State) -> int:
        self._states.append(state)
        return len(self._states) - 1

    def _next(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    # Each of these builds its part in front of the state ``after``, and returns the number of its first state.
    def _either(self, after: int) -> int:
        starts = [self._row(after)]
        while self._next() == "|":
            self._at += 1
            starts.append(self._row(after))
        return starts[0] if len(starts) == 1 else self._add(_State(on=tuple(starts)))

    def _row(self, after: int) -> int:
        start = joint = self._add(_State())
        while self._next() and self._next() not in "|)":
            end = self._add(_State())
            self._states[joint].on = (self._part(end),)
            joint = end
        self._states[joint].on = (after,)
        return start

    def _part(self, after: int) -> int:
        hub = self._add(_State())
        first = self._one(hub)
        repeat = self._next() if self._next() in ("*", "+", "?") else ""
        self._at += len(repeat)
        if repeat and self._next() in ("*", "+", "?"):
            raise BadParameter("The expression has two repetitions behind one another.")
        self._states[hub].on = (first, after) if repeat in ("*", "+") else (after,)
        return self._add(_State(on=(first, after))) if repeat in ("*", "?") else first

    def _one(self, after: int) -> int:
        sign = self._next()
        self._at += 1
        if sign == "(":
            self._at += 2 * self._text.startswith("?:", self._at)
            start = self._either(after)
            if self._next() != ")":
                raise BadParameter("The expression has a ( without its ).")
            self._at += 1
            return start
        if sign in "*+?":
            raise BadParameter("The expression has a repetition of nothing.")
        if sign in "^$":
            return self._add(_State(anchor=sign, on=(after,)))
        if sign == ".":
            return self._add(_State(frozenset(), True, on=(after,)))
        if sign == "[":
            takes, negated = self._class()
        else:
            takes, negated = self._escaped() if sign == "\\" else (frozenset(_lower(sign)), False)
        return self._add(_State(takes, negated, on=(after,)))

    def _escaped(self) -> Taken:
        sign = self._next()
        self._at += 1
        if not sign or (sign.isalnum() and sign not in "dwsDWS"):
            raise BadParameter(
                f"The expression has \\{sign}, which is not supported: "
                "only \\d, \\w, \\s, \\D, \\W, \\S and signs."
            )
        return _CLASSES.get(sign.lower(), frozenset(sign)), sign.isupper()

    def _class(self) -> Taken:
        negated = self._next() == "^"
        self._at += negated
        first = self._at
        taken: Taken = (frozenset(), False)
        while self._next() and (self._next() != "]" or self._at == first):
            sign = self._next()
            self._at += 1
            if sign == "\\":
                taken = _both(taken, self._escaped())
            elif self._next() == "-" and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
                last = self._text[self._at + 1]
                self._at += 2
                if not (sign.isascii() and last.isascii() and sign <= last and last != "\\"):
                    raise BadParameter(f"The expression has a range {sign}-{last} that holds nothing.")
                between = "".join(map(chr, range(ord(sign), ord(last) + 1)))
                taken = _both(taken, (frozenset(_lower(between)), False))
            else:
                taken = _both(taken, (frozenset(_lower(sign)), False))
        if self._next() != "]":
            raise BadParameter("The expression has a [ without its ].")
        self._at += 1
        return taken[0], taken[1] != negated

    def found_in(self, name: str) -> bool:
        """Whether the expression fits a part of a name, in any case; raises BadParameter after too many moves."""
        name = _lower(name[:LONGEST_NAME])
        here: set[int] = set()
        for at in range(len(name) + 1):
            self._follow(self._start, here, at, len(name))
            if self._end in here:
                return True
            if at == len(name):
                break
            sign, there = name[at], set[int]()
            for number in here:
                state = self._states[number]
                if state.takes is not None and (sign in state.takes) != state.negated:
                    for after in state.on:
                        self._follow(after, there, at + 1, len(name))
            self.moves += len(here)
            here = there
            if self._end in here:
                return True
        return False

    def _follow(self, number: int, into: set[int], at: int, length: int) -> None:
        """Add a state, and those that are reached from it without taking a character."""
        waiting = [number]
        while waiting:
            each = waiting.pop()
            if each in into:
                continue
            into.add(each)
            self.moves += 1
            if self.moves > MOST_MOVES:
                raise BadParameter("The expression takes too long: make it simpler.")
            state = self._states[each]
            holds = not state.anchor or at == (0 if state.anchor == "^" else length)
            if state.takes is None and holds:
                waiting += state.on


def search(query: str, names: Iterable[str]) -> list[str]:
    """Names that hold all words of a query, or that an expression between slashes fits.

    Raises:
        BadParameter: the expression cannot be understood, or takes too long.
    """
    query = query.strip()
    if len(query) > 1 and query.startswith("/") and query.endswith("/"):
        expression = Expression(query[1:-1])
        return [name for name in names if expression.found_in(name)]
    return [name for name in names if has_words(name, query)]


def has_words(text: str, query: str) -> bool:
    """Whether a text has every word of a query, whatever its case."""
    text = text.lower()
    return all(word in text for word in query.lower().split())
