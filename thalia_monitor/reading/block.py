"""A block of the log's bytes, and where its lines are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from thalia_monitor import contract
from thalia_monitor.history import Ints
from thalia_monitor.reading.tail import LONGEST_LINE

WINDOW: Final = 256 * 2**10
"""Bytes tried at once: so many that calls do not count, so few that the objects stay in the processor's cache."""

_EVENT: Final = f'"{contract.EVENT_TYPE}"'.encode()
_STEP: Final = f'"{contract.STEP}"'.encode()
_NEWLINE, _OPEN, _CLOSE = b"\n{}"
_BLANK: Final = np.isin(np.arange(256), list(b" \t\r\n"))
"""Which bytes are white space."""


class Block:
    """Complete lines that are not blank, and where each of them ends."""

    def __init__(self, data: bytes, *, hopeful: bool = False) -> None:
        """Find the lines; where they have to be ``hopeful``, of those alone that may be a metric line or an event."""
        if data.endswith(b"\r\n"):
            data = data.replace(b"\r\n", b"\n")
        self._data = data
        content = np.frombuffer(data, np.uint8)
        self._ends: Ints = np.flatnonzero(content == _NEWLINE)
        self._starts: Ints = np.concatenate([[0], self._ends[:-1] + 1]).astype(np.int64)
        self._numbers: Ints | None = None
        self._whole, self._whole_starts = data, self._starts
        self.hopeful = hopeful
        self.left_out = 0
        """Lines left out that are not blank."""
        if _BLANK[content[self._starts]].any():
            content = self._keep(np.logical_or.reduceat(~_BLANK[content], self._starts))
        if hopeful and len(self._ends):
            kept = np.isin(np.arange(len(self._ends)), self._lines_with(_STEP, _EVENT))
            self.left_out = int((~kept).sum())
            content = self._keep(kept)
        if not len(self._ends):
            self._special: Ints = np.empty(0, np.int64)
            return
        # A line that opens and closes with braces next to its newlines cannot be a part of an object on several.
        odd = (content[self._starts] != _OPEN) | (content[self._ends - 1] != _CLOSE)
        odd |= self._ends - self._starts > LONGEST_LINE
        self._special = np.union1d(np.flatnonzero(odd), self._events())

    def __len__(self) -> int:
        return len(self._ends)

    def _keep(self, kept: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Leave out the other lines, of which millions may stand one after another."""
        content = np.frombuffer(self._data, np.uint8)
        lengths = self._ends + 1 - self._starts
        self._numbers = np.flatnonzero(kept) if self._numbers is None else self._numbers[kept]
        self._data = content[np.repeat(kept, lengths)].tobytes()
        self._ends = np.cumsum(lengths[kept]) - 1
        self._starts = self._ends + 1 - lengths[kept]
        return np.frombuffer(self._data, np.uint8)

    def rest(self, line: int) -> tuple[bytes, int]:
        """Everything from that line on, and which line of the data it is."""
        number = self.number(line)
        return self._whole[self._whole_starts[number] :], number

    def number(self, line: int) -> int:
        """Which line of the data it is, the blank ones counted, from 0."""
        return line if self._numbers is None else int(self._numbers[line])

    def _events(self) -> Ints:
        return self._lines_with(_EVENT)

    def _lines_with(self, *keys: bytes) -> Ints:
        places = list[int]()
        for key in keys:
            place = -1
            while (place := self._data.find(key, place + 1)) >= 0:
                places.append(place)
        return np.unique(np.searchsorted(self._ends, np.array(places, np.int64)))

    def window(self, first: int, last: int) -> int:
        """The last line, at most, of a window that begins with the first."""
        end = int(np.searchsorted(self._ends, self._starts[first] + WINDOW))
        return min(max(end, first + 1), last)

    def special_within(self, first: int, last: int) -> list[int]:
        """The lines of a window that no template is for: events, and what does not look like an object."""
        low, high = np.searchsorted(self._special, [first, last])
        found: list[int] = self._special[low:high].tolist()
        return found

    def line(self, number: int) -> bytes:
        """One line, without its newline."""
        return self._data[self._starts[number] : self._ends[number]]

    def without(self, special: Sequence[int], first: int, last: int) -> bytes:
        """The lines of a window without the special ones."""
        if first == last:
            return b""
        start, parts = int(self._starts[first]), []
        for line in special:
            parts.append(self._data[start : self._starts[line]])
            start = int(self._ends[line]) + 1
        parts.append(self._data[start : int(self._ends[last - 1]) + 1])
        return b"".join(parts)
