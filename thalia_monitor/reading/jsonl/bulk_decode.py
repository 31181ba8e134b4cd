"""Many lines of the log at once: by a template where they fit it, the careful way where they do not.

Both ways mean exactly the same; only the time differs. A window of lines is tried whole; where it does not fit
it is halved until the misfits stand alone, and what they look like is learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.model.records import Event, Problem
from thalia_monitor.reading.batch import Batch, Broken, Cells, gather
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.jsonl.line import Item, TextField, decode_line
from thalia_monitor.reading.jsonl.schema import Leaf, Shape, Template, Words
from thalia_monitor.reading.jsonl.tail import Block

if TYPE_CHECKING:
    from thalia_monitor.model.history import Floats

ALONE: Final = 8
"""Lines that are read the careful way without halving them further."""
MANY_BROKEN: Final = 10_000
"""Problems after which lines without a step or an event are only counted: nobody reads so many."""
MOST_TEMPLATES: Final = 64
STEP: Final = Leaf("step", contract.STEP)
TIME: Final = Leaf("time", contract.TIMESTAMP)
EXACT: Final = 2.0**53
"""Up to here every integer is a float."""
LEAST_ROOM: Final = 2**14
"""Rows, of lines that hold few numbers."""
MOST_CELLS: Final = 2**21
"""Rows by numbers a line, where lines hold many."""


Found = Batch | Broken | Problem | TextField
"""What a bulk decoder hands out."""


class BulkDecoder:
    """Decodes blocks of complete lines; what it has learned of their shape it keeps for the next."""

    def __init__(self, file: str = contract.LOG_NAME) -> None:
        self._file = file
        self._words = Words()
        self._shape = Shape()
        self._templates = 0
        self._broken = 0
        """Problems so far."""
        self._template: Template | None = None

    def decode(self, data: bytes, first_number: int = 1) -> Iterator[Found]:
        """Read complete lines, the first of that number; batches in order, and problems in order."""
        block = Block(data, hopeful=self._broken > MANY_BROKEN)
        if block.left_out:
            yield Broken(block.left_out)
        rows = _Rows(self._template, 0, self._words)
        waiting = [(0, len(block))] if len(block) else []
        while waiting:
            first, last = waiting.pop()
            if self._broken > MANY_BROKEN and not block.hopeful:
                yield from rows.flush()
                rest, number = block.rest(first)
                yield from self.decode(rest, first_number + number)
                return
            middle = block.window(first, last)
            if middle < last:
                waiting.append((middle, last))
                last = middle
            if self._template is not rows.template or last - first > rows.room:
                yield from rows.flush()
                rows = _Rows(self._template, self._room(last - first, len(block) - first), self._words)
            found = self._read_window(block, first, last, first_number, rows)
            if found is not None:
                self._broken += len(found)
                yield from found
            elif last - first > ALONE:
                middle = (first + last) // 2
                waiting += [(middle, last), (first, middle)]
            else:
                yield from rows.flush()
                yield from self._read_carefully(block, first, last, first_number)
        yield from rows.flush()

    def _room(self, window: int, left: int) -> int:
        leaves = len(self._template.leaves) if self._template else 1
        return min(max(window, min(LEAST_ROOM, MOST_CELLS // leaves)), left)

    def _read_window(
        self, block: Block, first: int, last: int, first_number: int, rows: _Rows
    ) -> Sequence[Problem] | None:
        """Read a window by the template into rows; its problems, or None where it does not fit."""
        special = block.special_within(first, last)
        if rows.template is None or len(special) * 2 > last - first + ALONE:
            return None
        items: list[tuple[int, Item]] = []
        for place, line in enumerate(special):
            for item in decode_line(block.line(line), first_number + block.number(line), self._file):
                if not isinstance(item, Event | Problem):
                    return None
                items.append((line - first - place, item))
        if not rows.read(block.without(special, first, last), last - first - len(special)):
            return None
        rows.note(
            last - first - len(special), [(row, item) for row, item in items if isinstance(item, Event)]
        )
        return [item for _, item in items if isinstance(item, Problem)]

    def _read_carefully(self, block: Block, first: int, last: int, first_number: int) -> Iterator[Found]:
        items = [
            item
            for line in range(first, last)
            for item in decode_line(block.line(line), first_number + block.number(line), self._file)
        ]
        problems = [item for item in items if isinstance(item, Problem)]
        self._broken += len(problems)
        yield from (item for item in items if isinstance(item, TextField))
        yield from problems
        lines_and_events = [item for item in items if not isinstance(item, Problem | TextField)]
        if not lines_and_events:
            return
        yield gather(lines_and_events)
        lines = [block.line(line) for line in range(first, last)]
        if self._templates < MOST_TEMPLATES and self._shape.learn(lines):
            self._templates += 1
            self._template = self._shape.template(self._words)


class _Rows:
    """Rows read by a template, waiting to be made a batch."""

    def __init__(self, template: Template | None, room: int, words: Words) -> None:
        self.template = template
        self._words = words
        leaves = template.leaves if template else []
        self._values: Floats = np.empty((len(leaves), room if template else 0))
        self._places = {leaf: place for place, leaf in enumerate(leaves)}
        self._first = self._last = 0
        self._events: list[tuple[int, Event]] = []

    @property
    def room(self) -> int:
        """How many more rows there is room for."""
        return int(self._values.shape[1]) - self._last

    def read(self, lines: bytes, rows: int) -> bool:
        """Read lines by the template; False, and nothing kept, where any does not fit."""
        values = self._values[:, self._last : self._last + rows]
        if self.template is None or not self.template.read(lines, rows, values):
            return False
        if self._words.seen:
            values[values == self._words.null] = np.nan
        step = values[self._places[STEP]]
        if not ((step >= 0) & (step < EXACT) & (np.floor(step) == step)).all():
            return False
        time = self._column(values, TIME)
        return bool((np.isnan(time) | ((time >= 0) & (time < json_values.END_OF_TIME))).all())

    def note(self, rows: int, events: Sequence[tuple[int, Event]]) -> None:
        """Keep the rows just read, and the events among them."""
        before = self._last - self._first
        self._events += [(before + row, event) for row, event in events]
        self._last += rows

    def flush(self) -> Iterator[Batch]:
        """Hand out what is waiting."""
        values = self._values[:, self._first : self._last]
        if values.shape[1] or self._events:
            yield Batch(
                values[self._places[STEP]].astype(np.int64),
                self._column(values, TIME),
                self._stage(values),
                self._cells(values, "metrics"),
                self._cells(values, "neurons"),
                self._cells(values, "capacity"),
                tuple(self._events),
            )
        self._first, self._events = self._last, []

    def _column(self, values: Floats, leaf: Leaf) -> Floats:
        place = self._places.get(leaf)
        return np.full(values.shape[1], np.nan) if place is None else values[place]

    def _stage(self, values: Floats) -> Floats:
        stage, other = (self._column(values, Leaf("context", name)) for name in ("stage", "current_stage"))
        found = np.where(self._words.are_finite(stage), stage, other)
        return np.where(self._words.are_finite(found), found, np.nan)

    def _cells(self, values: Floats, table: str) -> dict[str, Cells]:
        found: dict[str, Cells] = {}
        for leaf, place in self._places.items():
            if leaf.table != table:
                continue
            column, rows = values[place], None
            absent = np.isnan(column)
            if absent.any():
                rows = np.flatnonzero(~absent)
                column = column[rows]
            self._words.restore(column)
            if len(column):
                found[leaf.name] = Cells(column, rows)
        return found
