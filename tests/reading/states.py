"""States as plain values, to compare: everything that the files say, nothing of when they were read."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalia_monitor.model.history import Column
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState


def _array(values: Any) -> tuple[Any, ...]:
    # repr tells -0.0 from 0.0 and makes NaN equal to NaN
    return tuple(map(repr, np.asarray(values).tolist()))


def _columns(columns: Any, rows: int) -> dict[str, Any]:
    def places(column: Column) -> tuple[Any, ...]:
        return _array(np.arange(rows) if column.rows is None else column.rows)

    return {name: (places(column), _array(column.values)) for name, column in columns.items()}


def _event(event: Event) -> tuple[Any, ...]:
    return (event.kind, event.step, repr(event.fields), event.segment, repr(event.time), event.line)


def comparable(state: TrainingState) -> dict[str, Any]:
    """What a state tells of its log."""
    history = state.history
    return {
        "step": _array(history.step),
        "segment": _array(history.segment),
        "time": _array(history.time),
        "metrics": _columns(history.metrics, len(history)),
        "neurons": _columns(history.neurons, len(history)),
        "capacity": _columns(history.capacity, len(history)),
        "segments": history.segments,
        "ordered": history.ordered,
        "events": tuple(map(_event, state.events)),
        "problems": tuple(map(str, state.problems)),
        "total_problems": state.total_problems,
        "sources": state.sources,
    }
