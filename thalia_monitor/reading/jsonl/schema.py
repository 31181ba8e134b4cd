"""The common shape of a log's metric lines, learned from some of them to decode the rest at C speed.

The lines of one trainer all have the same keys. From a few of them msgspec structs are made: every number a
float, every object of numbers a struct of its own, no other key allowed. Decoding a line into them and encoding
it again as MessagePack gives the same number of bytes for every line, each value at the same place, so that a
whole column is one strided view. A line that does not fit makes msgspec fail, and is decoded carefully.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from thalia_monitor import contract
from thalia_monitor.metric_info import CORE_METRICS
from thalia_monitor.model.history import Floats
from thalia_monitor.reading.formats import json_values

NUMBER: Final = "number"
IGNORED: Final = "ignored"
QUOTED: Final = "quoted"
"""Ignored, numbers in quotes too."""
REGIONS: Final = {contract.NEURON_COUNTS: "neurons", contract.CAPACITY_BY_REGION: "capacity"}
SCALARS: Final = {
    contract.STEP: "step",
    contract.TIMESTAMP: "time",
    **dict.fromkeys(contract.CONTEXT, "context"),
}

Tree = dict[str, str | dict[str, str]]
"""The keys of a line, each a NUMBER, IGNORED, QUOTED, or an object with keys of its own."""


class Leaf(NamedTuple):
    """Where a number of a line belongs."""

    table: str
    """``metrics``, ``neurons``, ``capacity``, ``step``, ``time`` or ``context``."""
    name: str


class Words:
    """Stand-ins for the words that msgspec does not take for a number: NaN, the infinities, and null.

    Each is a number of its own that no log can hold but by guessing: each process draws its own. All are
    negative, so that none can pass for a step or a time.
    """

    def __init__(self) -> None:
        drawn = random.SystemRandom()
        self.nan, self.infinity, self.minus_infinity, self.null = (
            -drawn.random() * 10.0 ** -drawn.randrange(200, 300) for _ in range(4)
        )
        words = {
            b"NaN": self.nan,
            b"Infinity": self.infinity,
            b"-Infinity": self.minus_infinity,
            b"null": self.null,
        }
        # A key ends in a quote; one that holds such a text itself becomes unknown, and its line is read carefully.
        self._written = [
            (b'":' + space + word, b'":' + repr(value).encode())
            for word, value in words.items()
            for space in (b" ", b"")
        ]

        self.seen = False
        """Whether any has ever been put in."""

    def replace(self, lines: bytes) -> bytes:
        """Put the stand-ins in place of the words."""
        if b"NaN" in lines or b"Infinity" in lines or b"null" in lines:
            self.seen = True
            for word, value in self._written:
                lines = lines.replace(word, value)
        return lines

    def restore(self, values: Floats) -> None:
        """Put the values in place of their stand-ins."""
        if self.seen:
            values[values == self.nan] = math.nan
            values[values == self.infinity] = math.inf
            values[values == self.minus_infinity] = -math.inf

    def are_finite(self, values: Floats) -> NDArray[np.bool_]:
        """Tell the numbers from what is absent or a stand-in."""
        return np.isfinite(values) & ~np.isin(values, [self.nan, self.infinity, self.minus_infinity])


class _Ignored:
    """A field that is no number: a note, a flag."""


_IGNORED: Final = _Ignored()


class _Quoted(_Ignored):
    """A field that holds numbers in quotes, which was reported when the first one was read."""


_QUOTED: Final = _Quoted()


class Template:
    """The keys that lines may have, and a decoder made for them."""

    def __init__(self, tree: Tree, words: Words) -> None:
        self._words = words
        self.leaves = [leaf for key, kind in tree.items() for leaf in leaves_of(key, kind)]
        line = _struct({key: _type(kind) for key, kind in tree.items()})
        self._decoder = msgspec.json.Decoder(line, dec_hook=self._ignore)
        self._nothing = [
            (f'"{key}":{space}null'.encode(), f'"{key}":{{}}'.encode())
            for key, kind in tree.items()
            if not isinstance(kind, str)
            for space in (" ", "")
        ]
        self._encoder = msgspec.msgpack.Encoder(enc_hook=lambda _: None)
        self._row = _row_type(self._encoder.encode(line()), len(self.leaves))

    def read(self, lines: bytes, rows: int, into: Floats) -> bool:
        """Read that many lines into (leaves, rows), NaN where a line lacks a leaf; False where any does not fit."""
        if not rows:
            return True
        found = self._decoded(lines) or self._decoded(self._prepared(lines))
        if len(found) != rows:
            return False
        packed = self._encoder.encode(found)
        table = np.frombuffer(packed, self._row, offset=len(packed) - rows * self._row.itemsize)
        for place, name in enumerate(self._row.names or ()):
            into[place] = table[name]
        return True

    def _decoded(self, lines: bytes) -> list[Any]:
        try:
            return self._decoder.decode_lines(lines)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return []

    def _prepared(self, lines: bytes) -> bytes:
        if b"null" in lines:
            for nothing, empty in self._nothing:
                lines = lines.replace(nothing, empty)
        return self._words.replace(lines)

    def _ignore(self, kind: type, value: object) -> _Ignored:
        if isinstance(value, dict) or (json_values.number(value) is not None and value != self._words.null):
            raise ValueError("a number after all, or several")
        if kind is not _Quoted and json_values.is_quoted_number(value):
            raise ValueError("a number in quotes, to be reported")
        return _QUOTED if kind is _Quoted else _IGNORED


def leaves_of(key: str, kind: str | Mapping[str, str]) -> list[Leaf]:
    """Name the numbers that a key of a line holds, in the order in which they are read."""
    if isinstance(kind, str):
        return [Leaf(SCALARS.get(key, "metrics"), key)] if kind == NUMBER else []
    table = REGIONS.get(key, "metrics")
    prefix = "" if key in REGIONS else f"{key}/"
    return [Leaf(table, prefix + name) for name, inner in kind.items() if inner == NUMBER]


def _type(kind: str | Mapping[str, str]) -> Any:
    if isinstance(kind, str):
        return {NUMBER: float, QUOTED: _Quoted}.get(kind, _Ignored)
    return _struct({name: _type(inner) for name, inner in kind.items()})


def _struct(types: Mapping[str, Any]) -> Any:
    names = {f"f{place}": key for place, key in enumerate(types)}
    defaults = {float: math.nan, _Ignored: _IGNORED, _Quoted: _QUOTED}
    fields = [
        (name, types[key], defaults[types[key]] if types[key] in defaults else types[key]())
        for name, key in names.items()
    ]
    return msgspec.defstruct("Line", fields, rename=names, forbid_unknown_fields=True, frozen=True, gc=False)


def _row_type(packed: bytes, leaves: int) -> np.dtype[Any]:
    """Find the place of each number in a line's MessagePack; all lines have the same places."""
    absent, offsets, place = msgspec.msgpack.encode(math.nan), list[int](), 0
    while (place := packed.find(absent, place)) >= 0:
        offsets.append(place + 1)
        place += len(absent)
    assert len(offsets) == leaves
    names = [f"c{place}" for place in range(leaves)]
    return np.dtype(
        {"names": names, "formats": [">f8"] * leaves, "offsets": offsets, "itemsize": len(packed)}
    )


MOST_LEAVES: Final = 2_000
"""Lines with more numbers are read too, the careful way."""
_NEVER_IGNORED: Final = {*CORE_METRICS, *REGIONS, contract.STEP, contract.TIMESTAMP}


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
        if json_values.number(value) is not None:
            if key not in REGIONS and self._take(leaves_of(key, NUMBER)):
                self._tree[key] = NUMBER
        elif value is not None and key not in _NEVER_IGNORED:
            self._tree[key] = _ignored(value)

    def _add_inner(self, key: str, inner: dict[str, str], name: str, value: object) -> None:
        if inner.get(name, IGNORED) != IGNORED or not _usable(name):
            return
        if json_values.number(value) is not None:
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
    return QUOTED if json_values.is_quoted_number(value) else IGNORED


def _usable(name: str) -> bool:
    return 0 < len(name) <= json_values.LONGEST_NAME and name.isprintable() and not set(name) & set('"\\')
