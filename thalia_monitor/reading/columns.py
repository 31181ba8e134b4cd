"""A history under construction: batches are appended to its columns, which are read as views without copying."""

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
    """Values of one quantity. Row numbers are stored only once some row has no value."""

    __slots__ = ("_rows", "_values")

    def __init__(
        self, values: ColumnArray[np.float64] | None = None, rows: ColumnArray[np.int64] | None = None
    ) -> None:
        self._values = ColumnArray(np.float64) if values is None else values
        self._rows = rows

    def extend(self, cells: Cells, first_row: int, row_count: int) -> None:
        """Append a batch's values; the batch has ``row_count`` rows, the first of them ``first_row``."""
        if self._rows is None and (cells.rows is not None or len(self._values) < first_row):
            self._store_rows()
        if self._rows is not None:
            within = np.arange(row_count, dtype=np.int64) if cells.rows is None else cells.rows
            self._rows.append(within + first_row)
        self._values.append(cells.values)

    def column(self, row_count: int) -> Column:
        """Return a read-only view of the column, in a history of so many rows."""
        if self._rows is None and len(self._values) < row_count:
            self._store_rows()
        return Column(self._values.view, None if self._rows is None else self._rows.view)

    def _store_rows(self) -> None:
        rows = ColumnArray(np.int64)
        rows.append(np.arange(len(self._values), dtype=np.int64))
        self._rows = rows  # assigned last, complete: other threads may read it meanwhile

    def has_value_from(self, row: int) -> bool:
        """Whether it has a value at that row or later."""
        rows = self._rows
        return len(self._values) > row if rows is None else bool(len(rows)) and int(rows.view[-1]) >= row

    def add_to(self, layout: ArrayLayout, name: str) -> ColumnExtents:
        """Add its arrays to a file's layout; return where they will be."""
        rows = None if self._rows is None else layout.add(self._rows)
        return ColumnExtents(name, layout.add(self._values), rows)

    @classmethod
    def mapped(cls, extents: ColumnExtents, arrays: MappedArrays) -> GrowingColumn:
        """Return a column whose arrays are mapped from a file."""
        rows = None if extents.rows is None else arrays.array(np.int64, extents.rows)
        return cls(arrays.array(np.float64, extents.values), rows)


class ColumnSet:
    """Columns by name, in order of first appearance."""

    def __init__(self, columns: dict[str, GrowingColumn] | None = None) -> None:
        self._columns = columns or {}
        self.names_left_out = False
        """Whether columns were left out: there are more than ``MOST_SERIES`` names."""

    def extend(self, table: Mapping[str, Cells], first_row: int, row_count: int) -> None:
        """Append a batch's values of each quantity."""
        for name, cells in table.items():
            if (column := self._columns.get(name)) is None:
                if len(self._columns) >= MOST_SERIES:
                    self.names_left_out = True
                    continue
                column = self._columns[name] = GrowingColumn()
            column.extend(cells, first_row, row_count)

    def has_value_from(self, name: str, row: int) -> bool:
        """Whether a quantity has a value at that row or later."""
        column = self._columns.get(name)
        return column is not None and column.has_value_from(row)

    def view(self, row_count: int) -> dict[str, Column]:
        """Return a read-only view of every column, in a history of so many rows."""
        return {name: column.column(row_count) for name, column in self._columns.items()}

    def add_to(self, layout: ArrayLayout) -> list[ColumnExtents]:
        """Add every column's arrays to a file's layout; return where they will be."""
        return [column.add_to(layout, name) for name, column in self._columns.items()]

    @classmethod
    def mapped(cls, extents: list[ColumnExtents], arrays: MappedArrays) -> ColumnSet:
        """Return columns whose arrays are mapped from a file."""
        return cls({each.name: GrowingColumn.mapped(each, arrays) for each in extents})


class HistoryBuilder:
    """A history that grows at its end; what :meth:`history` gave before does not change."""

    def __init__(self) -> None:
        self.log_start = 0
        """Row of the log's own first line; the rows before it are another logger's (:meth:`placed_after`)."""
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
    def names_left_out(self) -> bool:
        """Whether metrics or regions were left out: there are more than ``MOST_SERIES`` names."""
        return self._metrics.names_left_out or self._neurons.names_left_out or self._capacity.names_left_out

    @property
    def has_several_writers(self) -> bool:
        """Whether several processes write to the log at the same time."""
        return self._segmenter.writer_window > 0

    def extend(self, batch: Batch) -> int:
        """Append a batch; return the first row whose segment is new or no longer the same."""
        first, row_count, self._history = len(self.step), len(batch), None
        first_changed, times_wrong = self._assign(batch)
        segment = self._segmenter.numbers(first_changed)
        if first_changed < first:
            self.segment.replace_end(segment[: first - first_changed])
        if times_wrong:
            self._time.replace_end(np.full(first - self.log_start, np.nan))
        if first_changed < first or times_wrong:
            self._lineage = Lineage()  # what was computed from earlier rows no longer holds
        self.step.append(batch.step)
        self.segment.append(segment[first - first_changed :])
        self._time.append(self.clock.corrected(batch.time))
        self._metrics.extend(batch.metrics, first, row_count)
        self._neurons.extend(batch.neurons, first, row_count)
        self._capacity.extend(batch.capacity, first, row_count)
        return first_changed

    def _assign(self, batch: Batch) -> tuple[int, bool]:
        """Find the batch's segments; return the first row whose segment changed, and whether earlier times are wrong.

        Timestamps before the first plausible one, at ``first_good``, are of a clock that was not set yet: they are
        compared only with each other, and not kept.
        """
        first, first_good = len(self.step), self.clock.examine(batch.time)
        if first_good is None:
            return self._segmenter.assign(batch.step, self.clock.corrected(batch.time), batch.stage), False
        changed = self._segmenter.assign(
            batch.step[:first_good], batch.time[:first_good], batch.stage[:first_good]
        )
        self._segmenter.forget_times()
        time = self.clock.corrected(batch.time[first_good:])
        changed = min(
            changed, self._segmenter.assign(batch.step[first_good:], time, batch.stage[first_good:])
        )
        return changed, not np.isnan(self._time.view[self.log_start : first]).all()

    @property
    def first_own_segment(self) -> int:
        """Number of segments before the log's first line."""
        return sum(each.first_row < self.log_start for each in self._segmenter.segments)

    def placed_after(self, earlier: HistoryBuilder) -> HistoryBuilder:
        """Return a copy: the rows of ``earlier``, then the log's own, the first of which begins a stage."""
        found = HistoryBuilder()
        found.log_start = len(earlier)
        found._segmenter = self._segmenter.placed_after(earlier._segmenter, self.log_start)
        found.clock, found.event_clock = self.clock, self.event_clock
        found._metrics.names_left_out = earlier.names_left_out or self.names_left_out
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
        self.history()  # so that columns without a value in the newest rows get their row numbers
        return HistoryExtents(
            layout.add(self.step),
            layout.add(self.segment),
            layout.add(self._time),
            self._metrics.add_to(layout),
            self._neurons.add_to(layout),
            self._capacity.add_to(layout),
            self.names_left_out,
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
        self._metrics.names_left_out = extents.full  # of all three sets
        self._segmenter = extents.segmenter
        self.clock, self.event_clock = extents.clock, extents.event_clock
        self._history = None
        return int(changed[0]) if len(changed) else rows

    def continue_lineage(self, before: History) -> None:
        """Keep the identity of an earlier history of the same log, if this one has the same rows and more."""
        if is_continuation(self.history(), before):
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


def is_continuation(longer: History, shorter: History) -> bool:
    """Tell whether ``longer`` is ``shorter`` with rows added at its end."""
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
    return all(_first_rows(longer.get(name), rows) == _first_rows(shorter.get(name), rows) for name in names)


def _first_rows(column: Column | None, rows: int) -> tuple[bytes, bytes]:
    """A column's values and rows within the first rows of its history, to be compared (NaN equals NaN)."""
    if column is None:
        return b"", b""
    places = np.arange(len(column), dtype=np.int64) if column.rows is None else column.rows
    known = places < rows
    return column.values[known].tobytes(), places[known].tobytes()
