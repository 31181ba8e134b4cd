"""The history while it grows: columns that are appended to and handed out as views, never copied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.history import Column, History, Lineage
from thalia_monitor.reading.batch import Batch, Cells, gather
from thalia_monitor.reading.recording import MetricLine
from thalia_monitor.reading.segments import Segmenter

Number = TypeVar("Number", np.float64, np.int64)

FIRST_ROOM = 64


class GrowingArray(Generic[Number]):
    """An array with room at its end; what was handed out of it stays as it was."""

    __slots__ = ("_room", "_size")

    def __init__(self, kind: type[Number]) -> None:
        self._room: NDArray[Number] = np.empty(FIRST_ROOM, kind)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def extend(self, values: NDArray[Number]) -> None:
        """Append values; the room doubles when it is used up."""
        needed = self._size + len(values)
        if needed > len(self._room):
            larger = np.empty(max(needed, 2 * len(self._room)), self._room.dtype)
            larger[: self._size] = self._room[: self._size]
            self._room = larger
        self._room[self._size : needed] = values
        self._size = needed

    def replace_last(self, value: int | float) -> None:
        """Change the last value in a copy: views handed out before keep the old one."""
        self._room = self._room.copy()
        self._room[self._size - 1] = value

    def view(self) -> NDArray[Number]:
        """All values, read-only, without copying."""
        view = self._room[: self._size]
        view.flags.writeable = False
        return view


class GrowingColumn:
    """One quantity: dense while every row has a value, with the rows beside the values from then on."""

    __slots__ = ("_rows", "_values")

    def __init__(self) -> None:
        self._values = GrowingArray(np.float64)
        self._rows: GrowingArray[np.int64] | None = None

    def extend(self, cells: Cells, first_row: int, rows: int) -> None:
        """Append the values of a stretch of that many rows."""
        if self._rows is None and (cells.rows is not None or len(self._values) < first_row):
            self._note_rows()
        if self._rows is not None:
            within = np.arange(rows, dtype=np.int64) if cells.rows is None else cells.rows
            self._rows.extend(within + first_row)
        self._values.extend(cells.values)

    def column(self, rows: int) -> Column:
        """The column as it stands, in a history of that many rows."""
        if self._rows is None and len(self._values) < rows:
            self._note_rows()
        return Column(self._values.view(), None if self._rows is None else self._rows.view())

    def _note_rows(self) -> None:
        self._rows = GrowingArray(np.int64)
        self._rows.extend(np.arange(len(self._values), dtype=np.int64))


class ColumnSet:
    """Columns by name, in order of first appearance."""

    def __init__(self) -> None:
        self._columns: dict[str, GrowingColumn] = {}

    def extend(self, table: Mapping[str, Cells], first_row: int, rows: int) -> None:
        """Append what a stretch of that many rows has of each quantity."""
        for name, cells in table.items():
            if (column := self._columns.get(name)) is None:
                column = self._columns[name] = GrowingColumn()
            column.extend(cells, first_row, rows)

    def view(self, rows: int) -> dict[str, Column]:
        """Every column as it stands, in a history of that many rows."""
        return {name: column.column(rows) for name, column in self._columns.items()}


class HistoryBuilder:
    """A history that grows at its end; what :meth:`history` gave before does not change."""

    def __init__(self, generation: int = 0) -> None:
        self.generation = generation
        self._lineage = Lineage()
        self.step: GrowingArray[np.int64] = GrowingArray(np.int64)
        self.segment: GrowingArray[np.int64] = GrowingArray(np.int64)
        self._time = GrowingArray(np.float64)
        self._metrics, self._neurons, self._capacity = ColumnSet(), ColumnSet(), ColumnSet()
        self._segmenter = Segmenter()
        self._history: History | None = None

    def __len__(self) -> int:
        return len(self.step)

    def append(self, lines: Iterable[MetricLine]) -> None:
        """Append metric lines, in file order."""
        self.extend(gather(lines))

    def extend(self, batch: Batch) -> int:
        """Append a stretch by column; return the first row whose segment is new or no longer the same."""
        first, rows, self._history = len(self.step), len(batch), None
        segment, refuted = self._segmenter.assign(batch.step, batch.time, batch.stage)
        if refuted:
            self.segment.replace_last(int(self.segment.view()[-1]) - 1)
            self.generation += 1
            self._lineage = Lineage()
        self.step.extend(batch.step)
        self.segment.extend(segment)
        self._time.extend(batch.time)
        self._metrics.extend(batch.metrics, first, rows)
        self._neurons.extend(batch.neurons, first, rows)
        self._capacity.extend(batch.capacity, first, rows)
        return first - 1 if refuted else first

    def history(self) -> History:
        """The history so far, as read-only views; the very same while nothing is new."""
        if self._history is None or self._history.generation != self.generation:
            rows = len(self.step)
            self._history = History(
                self.step.view(),
                self.segment.view(),
                self._time.view(),
                self._metrics.view(rows),
                self._neurons.view(rows),
                self._capacity.view(rows),
                tuple(self._segmenter.segments),
                self._segmenter.ordered,
                self.generation,
                self._lineage,
            )
        return self._history


def extends(longer: History, shorter: History) -> bool:
    """Tell whether a history begins with another one, so that only rows were added."""
    rows = len(shorter)
    return (
        len(longer) >= rows
        and np.array_equal(longer.step[:rows], shorter.step)
        and np.array_equal(longer.segment[:rows], shorter.segment)
        and np.array_equal(longer.time[:rows], shorter.time, equal_nan=True)
        and all(
            _columns_extend(after, before, rows)
            for after, before in (
                (longer.metrics, shorter.metrics),
                (longer.neurons, shorter.neurons),
                (longer.capacity, shorter.capacity),
            )
        )
    )


def _columns_extend(longer: Mapping[str, Column], shorter: Mapping[str, Column], rows: int) -> bool:
    names = longer.keys() | shorter.keys()
    return all(_within(longer.get(name), rows) == _within(shorter.get(name), rows) for name in names)


def _within(column: Column | None, rows: int) -> tuple[bytes, bytes]:
    """A column's values and rows within the first rows of its history, to be compared (NaN equals NaN)."""
    if column is None:
        return b"", b""
    places = np.arange(len(column), dtype=np.int64) if column.rows is None else column.rows
    known = places < rows
    return column.values[known].tobytes(), places[known].tobytes()
