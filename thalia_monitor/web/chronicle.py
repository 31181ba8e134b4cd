"""Everything that happened in a run, as rows of one table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from thalia_monitor.analysis.happenings import Happenings, happenings
from thalia_monitor.analysis.wording import NONE
from thalia_monitor.records import Event
from thalia_monitor.state import TrainingState
from thalia_monitor.web.toolbar import EVENTS
from thalia_monitor.web.values import moment

COLUMNS: Final = {
    "step": "Step",
    "kind": "Kind",
    "what": "What",
    "amount": "Neurons or patterns",
    "time": "Time (UTC)",
}


def chronicle(state: TrainingState) -> pd.DataFrame:
    """List every happening by step, with its symbol on the charts; those without a step come first."""
    return state.once("chronicle", lambda: _listed(state))


def _listed(state: TrainingState) -> pd.DataFrame:
    found = [(f"{EVENTS[kind][0]} {kind}", each) for kind, each in happenings(state).items()]
    if not found:
        return pd.DataFrame({name: [] for name in COLUMNS})
    every = reduce(Happenings.then, (each for _, each in found))
    kinds = np.repeat(np.array([kind for kind, _ in found], np.object_), [len(each) for _, each in found])
    order = np.lexsort((every.event, np.where(every.stepped, every.step, -1), every.segment))
    every = every.where(order)
    return pd.DataFrame(
        {
            "step": pd.arrays.IntegerArray(every.step, ~every.stepped),
            "kind": kinds[order],
            "what": every.label,
            "amount": _amounts(every),
            "time": _moments(state, every),
        }
    )


def _amounts(every: Happenings) -> pd.arrays.IntegerArray:
    told = np.isfinite(every.amount) & (np.abs(every.amount) < 2**53)
    return pd.arrays.IntegerArray(np.where(told, every.amount, 0).astype(np.int64), ~told)


def _moments(state: TrainingState, every: Happenings) -> NDArray[np.object_]:
    """When each happened, in words; an event's are written once."""
    written = state.extended("moments", lambda new, _: _written(new), lambda a, b: np.concatenate([a, b]))
    words, told = np.full(len(every), NONE, np.object_), every.event >= 0
    words[told] = written[every.event[told]]
    words[~told] = [moment(time) for time in every.time[~told].tolist()]
    return words


def _written(events: Sequence[Event]) -> NDArray[np.object_]:
    times = [float("nan") if event.time is None else event.time for event in events]
    return np.array([moment(time) for time in times], np.object_)
