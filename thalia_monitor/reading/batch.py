"""Metric lines by column, as a decoder hands them out: what a history is extended by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from thalia_monitor.model.history import EMPTY_FLOATS, EMPTY_INTS, Floats, Ints
from thalia_monitor.model.records import Event
from thalia_monitor.reading.recording import MetricLine


@dataclass(frozen=True, slots=True)
class Cells:
    """The values that one quantity has in a stretch of metric lines."""

    values: Floats
    """(n,)"""
    rows: Ints | None = None
    """(n,) the row of each within the stretch; None when every row has one."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A stretch of metric lines by column, and the events among them."""

    step: Ints = field(default_factory=lambda: EMPTY_INTS)
    """(rows,)"""
    time: Floats = field(default_factory=lambda: EMPTY_FLOATS)
    """(rows,) Unix seconds, NaN where a line has none."""
    stage: Floats = field(default_factory=lambda: EMPTY_FLOATS)
    """(rows,) the curriculum stage, NaN where a line has none."""
    metrics: Mapping[str, Cells] = field(default_factory=dict)
    neurons: Mapping[str, Cells] = field(default_factory=dict)
    capacity: Mapping[str, Cells] = field(default_factory=dict)
    events: tuple[tuple[int, Event], ...] = ()
    """Each event with the number of metric lines of this stretch before it."""

    def __len__(self) -> int:
        return len(self.step)


@dataclass(frozen=True, slots=True)
class Broken:
    """Unusable lines of a stretch, beyond those that have a problem of their own."""

    count: int


def gather(items: Iterable[MetricLine | Event]) -> Batch:
    """Turn lines and events, in file order, into columns."""
    lines: list[MetricLine] = []
    events: list[tuple[int, Event]] = []
    for item in items:
        if isinstance(item, MetricLine):
            lines.append(item)
        else:
            events.append((len(lines), item))
    return Batch(
        np.array([line.step for line in lines], np.int64),
        np.array([np.nan if line.time is None else line.time for line in lines], np.float64),
        np.array([np.nan if line.stage is None else line.stage for line in lines], np.float64),
        _columns([line.metrics for line in lines]),
        _columns([line.neurons for line in lines]),
        _columns([line.capacity for line in lines]),
        tuple(events),
    )


def _columns(tables: list[Mapping[str, float]]) -> dict[str, Cells]:
    found: dict[str, tuple[list[float], list[int]]] = {}
    for row, table in enumerate(tables):
        for name, value in table.items():
            if (column := found.get(name)) is None:
                column = found[name] = ([], [])
            column[0].append(value)
            column[1].append(row)
    return {
        name: Cells(
            np.array(values, np.float64), None if len(rows) == len(tables) else np.array(rows, np.int64)
        )
        for name, (values, rows) in found.items()
    }
