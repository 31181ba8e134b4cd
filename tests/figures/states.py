"""States to draw, and what a drawn figure holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from tests.support import FIXTURES
from thalia_monitor import load_training_state
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.figures.chart import Chart, View
from thalia_monitor.model.history import Column, Floats, History, Ints, Segment
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState

EVERY_KIND = frozenset(str(kind) for kind in MarkerKind)
START = 1_765_200_000.0
"""Unix seconds of the first line of a made history."""


@cache
def fixture_state(name: str) -> TrainingState:
    """The state of a committed fixture, read once."""
    return load_training_state(FIXTURES / name)


def made(
    values: Floats | list[float],
    *,
    name: str = "loss",
    step: list[int] | None = None,
    neurons: dict[str, Column] | None = None,
    events: tuple[Event, ...] = (),
    timed: bool = True,
) -> TrainingState:
    """A state with one metric at steps 0, 10, 20, ... (or these), a resume wherever the step falls."""
    column: Floats = np.asarray(values, np.float64)
    steps: Ints = np.arange(len(column)) * 10 if step is None else np.asarray(step, np.int64)
    falls = np.diff(steps, prepend=steps[:1]) < 0
    starts = [0, *np.flatnonzero(falls).tolist()]
    time: Floats = np.arange(float(len(steps))) + (START if timed else np.nan)
    history = History(
        step=steps,
        segment=np.cumsum(falls),
        time=time,
        metrics={name: Column(column)},
        neurons=neurons or {},
        segments=tuple(
            Segment(number, row, int(steps[row]), "resume" if number else "start")
            for number, row in enumerate(starts)
        ),
    )
    return TrainingState(history=history, events=events)


def views(state: TrainingState) -> Iterator[View]:
    """Every way to look at a run: each axis, logarithmic, clipped, smoothed, zoomed in and off the run's end."""
    names = frozenset(state.history.names())
    first, last = (int(state.history.step.min()), state.current_step) if len(state.history) else (0, 0)
    time = state.history.time[~np.isnan(state.history.time)]
    clock = (float(time.min()) * 1000, float(time.max()) * 1000) if len(time) else (0.0, 0.0)
    yield View()
    yield View(markers=EVERY_KIND, smooth=0.6)
    yield View(log=names, clip=names, markers=EVERY_KIND)
    yield View(x="wall", markers=EVERY_KIND, smooth=0.999)
    yield View(x="elapsed", log=names)
    yield View(start=first + (last - first) / 3, end=first + (last - first) / 2 + 1, smooth=0.3)
    yield View(x="wall", start=clock[0] + (clock[1] - clock[0]) / 3, end=clock[1] + 1, markers=EVERY_KIND)
    yield View(x="elapsed", start=0.1, end=0.2, clip=names, markers=EVERY_KIND)
    yield View(start=last + 1e9, end=last + 2e9, markers=EVERY_KIND)
    yield View(start=-1e300, end=1e300)
    yield View(hidden=frozenset([*state.history.neurons, *state.history.capacity]))


def points(trace: dict[str, Any]) -> list[tuple[float, float]]:
    """What a trace draws: its points, without the gaps."""
    return [(x, y) for x, y in zip(trace["x"], trace["y"], strict=True) if x is not None and y is not None]


def strokes(trace: dict[str, Any]) -> list[list[tuple[float, float]]]:
    """The unbroken lines of a trace."""
    found: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(trace["x"], trace["y"], strict=True):
        if x is None or y is None:
            found.append([])
        else:
            found[-1].append((x, y))
    return [stroke for stroke in found if stroke]


def texts(value: Any) -> Iterator[str]:
    """Every text in a figure that a reader would see."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in ("hovertemplate", "customdata"):
                yield from texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)


def rug_of(chart: Chart, name: str = "not finite") -> dict[str, Any]:
    """The trace that marks at the lower edge what is not finite, or not positive."""
    [found] = [trace for trace in chart.traces if trace.get("name") == name]
    return found


def stands_for(rug: dict[str, Any]) -> int:
    """How many points the marks of a rug say that they stand for."""
    words = [stroke[0] for stroke in _marks(rug["text"])]
    return sum(int(said.split()[0].replace(",", "")) if " not finite" in said else 1 for said in words)


def _marks(texts: list[str | None]) -> list[list[str]]:
    marks: list[list[str]] = [[]]
    for text in texts:
        if text is None:
            marks.append([])
        else:
            marks[-1].append(text)
    return [mark for mark in marks if mark]
