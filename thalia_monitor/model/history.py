"""Metric lines of a run as NumPy columns, and the series that charts are drawn from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from thalia_monitor import contract
from thalia_monitor.metric_info import CORE_METRICS
from thalia_monitor.model.growable_array import IN_FILE_ORDER, Order, SortedLog
from thalia_monitor.model.series_key import Kind, SeriesKey, metric, parse

if TYPE_CHECKING:
    import pandas as pd

    from thalia_monitor.model.records import Event

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GOING_ON: Final = frozenset({contract.STAGE_START, contract.TRANSITION, contract.EXTENSION})

EMPTY_FLOATS: Floats = np.empty(0, np.float64)
EMPTY_INTS: Ints = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Column:
    """One logged quantity over the metric lines of a run; read-only arrays."""

    values: Floats
    """(n,) logged values in file order; NaN and infinities were logged as such."""
    rows: Ints | None = None
    """(n,) row of each value in the history; None if every row has one."""

    def __len__(self) -> int:
        return len(self.values)

    def last_row(self, rows: int) -> int:
        """Row of the newest value in a history of ``rows`` rows; -1 if there is none."""
        if not len(self.values):
            return -1
        return rows - 1 if self.rows is None else int(self.rows[-1])


@dataclass(frozen=True, slots=True)
class Series:
    """Logged points of one quantity, sorted by segment and step."""

    name: str
    """Public name (:attr:`SeriesKey.public`)."""
    step: Ints
    """(n,) never falls within a segment."""
    value: Floats
    """(n,)"""
    segment: Ints
    """(n,) never falls."""
    time: Floats
    """(n,) Unix seconds, NaN where the line had no timestamp."""
    order: Order | None = IN_FILE_ORDER
    """Version of the sort order, to compare with earlier versions of the series; None if unknown."""

    def __len__(self) -> int:
        return len(self.step)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of metric lines over which the step does not go back."""

    index: int
    first_row: int
    first_step: int
    kind: str = "start"
    """``start`` (the first), ``resume`` (it repeats earlier steps) or ``stage`` (steps restart by design)."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One logged value with its step and segment."""

    value: float
    step: int
    segment: int


class Lineage:
    """Identity of one log across its versions; holds results that later versions extend."""

    __slots__ = ("__weakref__", "began", "sorted_log", "span")

    def __init__(self) -> None:
        self.sorted_log = SortedLog()
        """Lines sorted by step, used if some came out of order."""
        self.span = (0, math.inf, -math.inf)
        """(rows examined, their earliest timestamp, their latest)."""
        self.began = (0, math.nan)
        """(first row that may have a timestamp, that timestamp or NaN if none is found yet)."""


@dataclass(frozen=True, slots=True)
class History:
    """All metric lines of a run in file order, by column. The arrays are views: nothing is copied."""

    step: Ints = field(default_factory=lambda: EMPTY_INTS)
    """(rows,)"""
    segment: Ints = field(default_factory=lambda: EMPTY_INTS)
    """(rows,) 0, 1, ...: a new one at each resume."""
    time: Floats = field(default_factory=lambda: EMPTY_FLOATS)
    """(rows,) Unix seconds, NaN where a line has no timestamp."""
    metrics: Mapping[str, Column] = field(default_factory=dict)
    neurons: Mapping[str, Column] = field(default_factory=dict)
    """Neuron counts by region."""
    capacity: Mapping[str, Column] = field(default_factory=dict)
    """Capacity (0 to 1) by region."""
    segments: tuple[Segment, ...] = ()
    ordered: bool = True
    """Whether steps never decrease within a segment; if False, :meth:`series` sorts."""
    lineage: Lineage = field(default_factory=Lineage)
    """Shared by all versions with the same earlier rows; a replaced log gets a new one."""

    def __len__(self) -> int:
        return len(self.step)

    @property
    def current_step(self) -> int:
        """The furthest step of the newest segment; 0 for an empty history."""
        if not self.segments:
            return 0
        return int(self.step[-1] if self.ordered else self.step[self.segments[-1].first_row :].max())

    @property
    def time_span(self) -> float:
        """Seconds between the earliest and the latest timestamp; 0 without timestamps."""
        seen, earliest, latest = self.lineage.span
        if seen > len(self):  # an older version
            seen, earliest, latest = 0, math.inf, -math.inf
        new = self.time[seen:]
        if len(known := new[~np.isnan(new)]):
            earliest, latest = min(earliest, float(known.min())), max(latest, float(known.max()))
        if len(self) >= self.lineage.span[0]:
            self.lineage.span = (len(self), earliest, latest)
        return latest - earliest if earliest <= latest else 0.0

    @property
    def first_time(self) -> float:
        """First timestamp in Unix seconds; NaN if there is none. Incremental: scans only new rows."""
        row, first = self.lineage.began
        if math.isnan(first) and row < len(self):
            row = first_timed(self.time, row)
            first = float(self.time[row]) if row < len(self) else math.nan
            self.lineage.began = (row, first)
        return first if row < len(self) else math.nan

    def superseded_from(self, segment: int) -> int | None:
        """Step from which a later resume repeats this segment; None if all of it is valid."""
        limit = self.supersessions()[segment]
        return int(limit) if np.isfinite(limit) else None

    def supersessions(self) -> Floats:
        """Step from which a later resume repeats each segment, (segments,); infinity if none does."""
        limits = np.full(len(self.segments), np.inf)
        least = np.inf
        for each in reversed(self.segments):
            limits[each.index] = least
            least = np.inf if each.kind == "stage" else min(least, each.first_step)
        return limits

    def counting(self, events: tuple[Event, ...], *, restarts: bool = False) -> tuple[Event, ...]:
        """Leave out the events that a later resume repeats: those from the step on that it goes back to.

        A stage that begins, or is extended, at that very step goes on. With ``restarts`` also the start of a stage
        beyond all lines before the resume counts: the process that resumes logs it before its first line.
        """
        limits = self.supersessions()
        if not np.isfinite(limits).any():
            return events
        ends = [self.step[each.first_row - 1] for each in self.segments[1:]]
        return tuple(
            each
            for each in events
            if each.step is None
            or each.segment >= len(limits)
            or each.step < limits[each.segment]
            or (each.step == limits[each.segment] and each.kind in _GOING_ON)
            or (restarts and each.kind == contract.STAGE_START and each.step >= ends[each.segment])
        )

    @property
    def passed_by(self) -> range:
        """The steps that were reached before a resume and not since."""
        if not self.segments or self.segments[-1].kind != "resume":
            return range(0)
        begun = next(each.first_row for each in reversed(self.segments) if each.kind != "resume")
        before = self.step[begun : self.segments[-1].first_row]
        return range(self.current_step + 1, int(before.max()) + 1)

    def abandoned(self, steps: Sequence[int], saved: Sequence[float]) -> list[bool]:
        """Whether a later resume repeats each save, by its step and the time at which it was saved (Unix seconds).

        A save belongs to the segment that was being trained at its time; without timestamps in the log none is
        abandoned, nor one from before the log.
        """
        if not any(each.kind == "resume" for each in self.segments):
            return [False] * len(steps)
        begun = np.fmax.accumulate(self.time[[each.first_row for each in self.segments]])
        known = begun[~np.isnan(begun)]
        if not len(known):
            return [False] * len(steps)
        begun[np.isnan(begun)] = known[0]
        segment = np.searchsorted(begun, np.asarray(saved, np.float64), side="right") - 1
        limits = np.append(self.supersessions(), np.inf)  # the last one stands for a time before the log
        found: list[bool] = (np.asarray(steps, np.float64) > limits[segment]).tolist()
        return found

    def is_of_this_stage(self, segment: int) -> bool:
        """Whether steps have not restarted by design since this segment."""
        return not any(each.kind == "stage" for each in self.segments[segment + 1 :])

    def table(self, kind: Kind) -> Mapping[str, Column]:
        """The columns of one kind, by the names that the log gives them."""
        return {Kind.METRIC: self.metrics, Kind.NEURONS: self.neurons, Kind.CAPACITY: self.capacity}[kind]

    def series_keys(self, *kinds: Kind) -> list[SeriesKey]:
        """Every series there is: metrics (the four core ones first), then neurons and capacity by region."""
        core = [name for name in CORE_METRICS if name in self.metrics]
        custom = sorted(name for name in self.metrics if name not in CORE_METRICS)
        names = {Kind.METRIC: core + custom, Kind.NEURONS: self.neurons, Kind.CAPACITY: self.capacity}
        return [SeriesKey(kind, name) for kind in kinds or Kind for name in names[kind]]

    def names(self) -> list[str]:
        """The public name of every series there is, in the order of :meth:`series_keys`."""
        return [key.public for key in self.series_keys()]

    def find(self, name: str) -> SeriesKey | None:
        """Resolve a public name or a metric's logged name; None if there is no such series."""
        key, logged = parse(name), metric(name)
        known = [each for each in (key, logged) if each.name in self.table(each.kind)]
        return known[0] if known else None

    def column(self, key: SeriesKey | str) -> Column | None:
        """Column of a series, by its key or public name; None if it was never logged."""
        kind, name = parse(key) if isinstance(key, str) else key
        return self.table(kind).get(name)

    def series(self, key: SeriesKey | str) -> Series | None:
        """Points of a series, by its key or public name; None if it was never logged."""
        key = parse(key) if isinstance(key, str) else key
        column = self.column(key)
        if column is None:
            return None
        name = key.public
        rows: Ints | slice = slice(None) if column.rows is None else column.rows
        step, segment, time = self.step[rows], self.segment[rows], self.time[rows]
        if self.ordered:
            return Series(name, step, column.values, segment, time)
        found = self.lineage.sorted_log.sort(self._lines(column), name, step, column.values, segment, time)
        if found:
            return Series(name, found.step, found.value, found.segment, found.time, found.order)
        order = np.lexsort((step, segment))  # this version is older than the one kept sorted
        return Series(name, step[order], column.values[order], segment[order], time[order], None)

    def _lines(self, column: Column) -> str:
        """Key of the set of lines that a column occurs on, named after the first column on the same lines."""
        for kind in Kind:
            for name, each in self.table(kind).items():
                if each is column or _on_the_same_lines(each, column):
                    return "all of them" if each.rows is None else f"those with {kind} {name}"
        raise ValueError("a column of another history")

    def newest(self, key: SeriesKey | str) -> Logged | None:
        """Newest value of a series not superseded by a later resume; None if there is none."""
        limits = self.supersessions()
        found = (self.newest_in(key, each.index, limits[each.index]) for each in reversed(self.segments))
        return next((each for each in found if each), None)

    def newest_in(self, key: SeriesKey | str, segment: int, before: float = math.inf) -> Logged | None:
        """Newest value of a series in a segment at a step below ``before``; None if there is none.

        The cost is independent of the history's length, unless lines came out of order.
        """
        column = self.column(key)
        if column is None or not len(column):
            return None
        first, last = self.segments[segment].first_row, len(self)
        if segment + 1 < len(self.segments):
            last = self.segments[segment + 1].first_row
        if not self.ordered:
            return self._newest_of_sorted(key, segment, before)
        if math.isfinite(before):  # within a segment steps never fall
            last = first + int(np.searchsorted(self.step[first:last], before))
        place = last - 1 if column.rows is None else int(np.searchsorted(column.rows, last)) - 1
        row = place if column.rows is None or place < 0 else int(column.rows[place])
        return Logged(float(column.values[place]), int(self.step[row]), segment) if row >= first else None

    def _newest_of_sorted(self, key: SeriesKey | str, segment: int, before: float) -> Logged | None:
        series = self.series(key)
        if series is None:
            return None
        first, last = np.searchsorted(series.segment, (segment, segment + 1)).tolist()
        if math.isfinite(before):
            last = first + int(np.searchsorted(series.step[first:last], before))
        return (
            Logged(float(series.value[last - 1]), int(series.step[last - 1]), segment)
            if last > first
            else None
        )

    def latest(self, columns: Mapping[str, Column]) -> dict[str, float]:
        """Newest value of each column, each from the newest line that has it."""
        return {name: float(column.values[-1]) for name, column in columns.items() if len(column)}

    def newest_line(self, columns: Mapping[str, Column]) -> dict[str, float]:
        """Values on the newest line that has any of these columns."""
        last = {name: column.last_row(len(self)) for name, column in columns.items()}
        newest = max(last.values(), default=-1)
        return {name: float(columns[name].values[-1]) for name, row in last.items() if row == newest >= 0}

    def frame(self, kind: Kind) -> pd.DataFrame:
        """DataFrame of ``step``, ``segment`` and all series of one kind, one row per metric line.

        NaN where a value was not logged. A series named ``step`` or ``segment`` itself has its kind
        before its name.
        """
        import pandas as pd  # noqa: PLC0415 - slow to import, and most ticks need no table

        table: dict[str, NDArray[Any]] = {"step": self.step, "segment": self.segment}
        for name, column in self.table(kind).items():
            values = column.values
            if column.rows is not None:
                values = np.full(len(self), np.nan)
                values[column.rows] = column.values
            table[SeriesKey(kind, name).column] = values
        return pd.DataFrame(table)

    def frame_where_logged(self, kind: Kind) -> pd.DataFrame:
        """Like :meth:`frame`, without the lines that have none of the series."""
        frame, columns = self.frame(kind), self.table(kind)
        sparse = [column.rows for column in columns.values() if column.rows is not None]
        if columns and len(sparse) < len(columns):  # one of them is on every line
            return frame
        rows = np.unique(np.concatenate(sparse)) if sparse else EMPTY_INTS
        return frame.iloc[rows].reset_index(drop=True)


def first_timed(time: Floats, row: int) -> int:
    """The first row, from that one on, whose time is not NaN; the number of rows if there is none."""
    if row < len(time) and not np.isnan(time[row]):
        return row
    known = np.flatnonzero(~np.isnan(time[row:]))
    return row + int(known[0]) if len(known) else len(time)


def _on_the_same_lines(one: Column, other: Column) -> bool:
    if one.rows is None or other.rows is None:
        return one.rows is other.rows
    # Compare the last rows first: cheap, and they differ for most columns.
    same_end = len(one) == len(other) and np.array_equal(one.rows[-1:], other.rows[-1:])
    return same_end and np.array_equal(one.rows, other.rows)
