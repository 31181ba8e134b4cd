"""The history while it grows: columns that decoded batches are appended to, handed out as views and never copied."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from thalia_monitor.model.history import Column, Floats, History, Lineage
from thalia_monitor.reading.arrays import ArrayLayout, ColumnArray, Extent, MappedArrays
from thalia_monitor.reading.batch import Batch, Cells
from thalia_monitor.reading.clock import TrainerClock
from thalia_monitor.reading.formats.json_values import MOST_SERIES
from thalia_monitor.reading.segments import Segmenter


class ColumnExtents(msgspec.Struct, frozen=True):
    """Where a column is in a file."""

    name: str
    values: Extent
    rows: Extent | None


class HistoryExtents(msgspec.Struct, frozen=True):
    """Where the arrays of a history are in a file, and what is needed to append to it."""

    step: Extent
    segment: Extent
    time: Extent
    metrics: list[ColumnExtents]
    neurons: list[ColumnExtents]
    capacity: list[ColumnExtents]
    full: bool
    segmenter: Segmenter
    clock: TrainerClock
    event_clock: TrainerClock


class GrowingColumn:
    """One quantity: dense while every row has a value, with the rows beside the values from then on."""

    __slots__ = ("_rows", "_values")

    def __init__(
        self, values: ColumnArray[np.float64] | None = None, rows: ColumnArray[np.int64] | None = None
    ) -> None:
        self._values = ColumnArray(np.float64) if values is None else values
        self._rows = rows

    def extend(self, cells: Cells, first_row: int, rows: int) -> None:
        """Append the values of a stretch of that many rows."""
        if self._rows is None and (cells.rows is not None or len(self._values) < first_row):
            self._note_rows()
        if self._rows is not None:
            within = np.arange(rows, dtype=np.int64) if cells.rows is None else cells.rows
            self._rows.append(within + first_row)
        self._values.append(cells.values)

    def column(self, rows: int) -> Column:
        """Read-only view of the column, in a history of that many rows."""
        if self._rows is None and len(self._values) < rows:
            self._note_rows()
        return Column(self._values.view, None if self._rows is None else self._rows.view)

    def _note_rows(self) -> None:
        rows = ColumnArray(np.int64)
        rows.append(np.arange(len(self._values), dtype=np.int64))
        self._rows = rows  # at the end: other threads take views meanwhile

    def has_value_from(self, row: int) -> bool:
        """Whether it has a value at that row or later."""
        rows = self._rows
        return len(self._values) > row if rows is None else bool(len(rows)) and int(rows.view[-1]) >= row

    def add_to(self, layout: ArrayLayout, name: str) -> ColumnExtents:
        """Add its arrays to those that are to be written into a file."""
        rows = None if self._rows is None else layout.add(self._rows)
        return ColumnExtents(name, layout.add(self._values), rows)

    @classmethod
    def mapped(cls, extents: ColumnExtents, arrays: MappedArrays) -> GrowingColumn:
        """The column of a file."""
        rows = None if extents.rows is None else arrays.array(np.int64, extents.rows)
        return cls(arrays.array(np.float64, extents.values), rows)


class ColumnSet:
    """Columns by name, in order of first appearance."""

    def __init__(self, columns: dict[str, GrowingColumn] | None = None) -> None:
        self._columns = columns or {}
        self.full = False
        """Whether there were more than are kept."""

    def extend(self, table: Mapping[str, Cells], first_row: int, rows: int) -> None:
        """Append what a stretch of that many rows has of each quantity."""
        for name, cells in table.items():
            if (column := self._columns.get(name)) is None:
                if len(self._columns) >= MOST_SERIES:
                    self.full = True
                    continue
                column = self._columns[name] = GrowingColumn()
            column.extend(cells, first_row, rows)

    def has_value_from(self, name: str, row: int) -> bool:
        """Whether a quantity has a value at that row or later."""
        column = self._columns.get(name)
        return column is not None and column.has_value_from(row)

    def view(self, rows: int) -> dict[str, Column]:
        """Read-only view of every column, in a history of that many rows."""
        return {name: column.column(rows) for name, column in self._columns.items()}

    def add_to(self, layout: ArrayLayout) -> list[ColumnExtents]:
        """Add every column's arrays to those that are to be written into a file."""
        return [column.add_to(layout, name) for name, column in self._columns.items()]

    @classmethod
    def mapped(cls, extents: list[ColumnExtents], arrays: MappedArrays) -> ColumnSet:
        """The columns of a file."""
        return cls({each.name: GrowingColumn.mapped(each, arrays) for each in extents})


class HistoryBuilder:
    """A history that grows at its end; what :meth:`history` gave before does not change."""

    def __init__(self) -> None:
        self.log_start = 0
        """Row of the log's first line; what is above was logged before, by another logger."""
        self._lineage = Lineage()
        self.step, self.segment = ColumnArray(np.int64), ColumnArray(np.int64)
        self._time = ColumnArray(np.float64)
        self._metrics, self._neurons, self._capacity = ColumnSet(), ColumnSet(), ColumnSet()
        self._segmenter = Segmenter()
        self.clock, self.event_clock = TrainerClock(), TrainerClock()
        """What is known of the clock from the lines, and from the events among them."""
        self._history: History | None = None

    def has_metric(self, name: str) -> bool:
        """Whether the log itself has a number under this name."""
        return self._metrics.has_value_from(name, self.log_start)

    def __len__(self) -> int:
        return len(self.step)

    @property
    def full(self) -> bool:
        """Whether the lines have more different names than are kept."""
        return self._metrics.full or self._neurons.full or self._capacity.full

    @property
    def shared(self) -> bool:
        """Whether several writers share the log."""
        return self._segmenter.writer_window > 0

    def extend(self, batch: Batch) -> int:
        """Append a stretch by column; return the first row whose segment is new or no longer the same."""
        first, rows, self._history = len(self.step), len(batch), None
        changed, forgotten = self._assign(batch)
        segment = self._segmenter.numbers(changed)
        if changed < first:
            self.segment.replace_end(segment[: first - changed])
        if forgotten:
            self._time.replace_end(np.full(first - self.log_start, np.nan))
        if changed < first or forgotten:
            self._lineage = Lineage()
        self.step.append(batch.step)
        self.segment.append(segment[first - changed :])
        self._time.append(self.clock.corrected(batch.time))
        self._metrics.extend(batch.metrics, first, rows)
        self._neurons.extend(batch.neurons, first, rows)
        self._capacity.extend(batch.capacity, first, rows)
        return changed

    def _assign(self, batch: Batch) -> tuple[int, bool]:
        """Find the batch's segments; return the first row whose segment changed, and whether earlier times are wrong.

        Until one time can be right, the others are compared as they are.
        """
        first, cut = len(self.step), self.clock.look(batch.time)
        if cut is None:
            return self._segmenter.assign(batch.step, self.clock.corrected(batch.time), batch.stage), False
        changed = self._segmenter.assign(batch.step[:cut], batch.time[:cut], batch.stage[:cut])
        self._segmenter.forget_times()
        time = self.clock.corrected(batch.time[cut:])
        changed = min(changed, self._segmenter.assign(batch.step[cut:], time, batch.stage[cut:]))
        return changed, not np.isnan(self._time.view[self.log_start : first]).all()

    @property
    def first_own_segment(self) -> int:
        """Number of segments before the log's first line."""
        return sum(each.first_row < self.log_start for each in self._segmenter.segments)

    def behind(self, earlier: HistoryBuilder) -> HistoryBuilder:
        """A copy of the log's own lines behind what was logged before it began; its first line begins a stage."""
        found = HistoryBuilder()
        found.log_start = len(earlier)
        found._segmenter = self._segmenter.behind(earlier._segmenter, self.log_start)
        found.clock, found.event_clock = self.clock, self.event_clock
        found._metrics.full = earlier.full or self.full
        found.segment.append(found._segmenter.numbers(0))
        for builder, start in ((earlier, 0), (self, self.log_start)):
            history, first, rows = builder.history(), len(found.step), len(builder) - start
            found.step.append(history.step[start:])
            found._time.append(history.time[start:])
            found._metrics.extend(_cells_from(history.metrics, start), first, rows)
            found._neurons.extend(_cells_from(history.neurons, start), first, rows)
            found._capacity.extend(_cells_from(history.capacity, start), first, rows)
        return found

    def history(self) -> History:
        """The history so far, as read-only views; the very same while nothing is new."""
        if self._history is None:
            rows = len(self.step)
            self._history = History(
                self.step.view,
                self.segment.view,
                self._time.view,
                self._metrics.view(rows),
                self._neurons.view(rows),
                self._capacity.view(rows),
                tuple(self._segmenter.segments),
                self._segmenter.ordered,
                self._lineage,
            )
        return self._history

    def add_to(self, layout: ArrayLayout) -> HistoryExtents:
        """Add all arrays to those that are to be written into a file."""
        self.history()  # columns that the newest rows lack have their rows noted by that
        return HistoryExtents(
            layout.add(self.step),
            layout.add(self.segment),
            layout.add(self._time),
            self._metrics.add_to(layout),
            self._neurons.add_to(layout),
            self._capacity.add_to(layout),
            self.full,
            self._segmenter,
            self.clock,
            self.event_clock,
        )

    def map_arrays(self, extents: HistoryExtents, arrays: MappedArrays) -> int:
        """Replace all arrays by those of a file, which has the same rows and perhaps more.

        Returns the first row whose segment or time differs in the two, the number of rows here if none does: a
        process that has read the log in other pieces may have judged some lines differently. Raises ValueError, and
        changes nothing, if the file is too short.
        """
        step, segment = arrays.array(np.int64, extents.step), arrays.array(np.int64, extents.segment)
        time = arrays.array(np.float64, extents.time)
        metrics = ColumnSet.mapped(extents.metrics, arrays)
        neurons = ColumnSet.mapped(extents.neurons, arrays)
        capacity = ColumnSet.mapped(extents.capacity, arrays)
        rows = len(self)
        changed = np.flatnonzero(
            (segment.view[:rows] != self.segment.view) | _differ(time.view[:rows], self._time.view)
        )
        if len(changed):
            self._lineage = Lineage()
        self.step, self.segment, self._time = step, segment, time
        self._metrics, self._neurons, self._capacity = metrics, neurons, capacity
        self._metrics.full = extents.full
        self._segmenter = extents.segmenter
        self.clock, self.event_clock = extents.clock, extents.event_clock
        self._history = None
        return int(changed[0]) if len(changed) else rows

    def continue_lineage(self, before: History) -> None:
        """Keep the identity of an earlier history of the same log, if this one has the same rows and more."""
        if extends(self.history(), before):
            self._lineage, self._history = before.lineage, None


def _differ(times: Floats, before: Floats) -> NDArray[np.bool_]:
    """Mask of the times that differ; NaN does not differ from NaN."""
    found: NDArray[np.bool_] = (times != before) & ~(np.isnan(times) & np.isnan(before))
    return found


def _cells_from(columns: Mapping[str, Column], start: int) -> dict[str, Cells]:
    """The values of columns from a row on, of those that have any."""
    found = {}
    for name, column in columns.items():
        rows = column.rows
        first = start if rows is None else int(np.searchsorted(rows, start))
        if first < len(column):
            found[name] = Cells(column.values[first:], None if rows is None else rows[first:] - start)
    return found


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
