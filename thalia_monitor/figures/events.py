"""Events as arrays a chart can place, bundled when there are more than a chart can show."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from thalia_monitor.analysis.formatting import counted
from thalia_monitor.figures import theme
from thalia_monitor.figures.traces import HOUR, MILLISECONDS, note, positions
from thalia_monitor.model.step_times import StepFinder, times_at

if TYPE_CHECKING:
    from thalia_monitor.figures.chart import View
    from thalia_monitor.model.history import Floats, History, Ints
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

MOST_LABELS: Final = 40
OTHERS: Final = "others"
MOST_MARKS: Final = 400
"""Maximum marks per chart; more could not be distinguished, so neighbours are bundled."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Events of one chart, by column; after bundling, a mark may stand for several."""

    x: Floats
    """(n,) position on the current x axis."""
    step: Ints
    """(n,) the step of the first event of each mark."""
    label: NDArray[np.str_]
    """(n,) the row it belongs to: a region, a sleep stage."""
    amount: Floats
    """(n,) sum over its events; NaN if none has an amount."""
    count: Ints
    """(n,) number of events it represents."""
    said: Ints
    """(n,) number of them with an amount."""
    end: Floats
    """(n,) where the last of its events ends on the x axis; NaN where no duration is logged."""
    steps: Floats
    """(n,) steps that its events took together; NaN where not logged."""
    seconds: Floats
    """(n,) the same in seconds."""
    unplaced: int = 0
    """Events without a step, which are only in the table."""
    untimed: int = 0
    """Events without a time, logged or from neighbouring lines; 0 if x is the step."""

    newest: int = 0
    """The step of the newest event in the view."""

    @property
    def total(self) -> int:
        """How many events are in the view."""
        return int(self.count.sum())


@dataclass(frozen=True, slots=True)
class Columns:
    """The events of one kind, by column."""

    step: Ints
    """(n,) 0 if not logged."""
    placed: NDArray[np.bool_]
    """(n,) whether the step is logged."""
    time: Floats
    """(n,) Unix seconds; NaN if not logged."""
    label: NDArray[np.str_]
    """(n,)"""
    amount: Floats
    """(n,) NaN if not logged."""
    segment: Ints
    """(n,)"""
    steps: Floats
    """(n,) how long it took, in steps; NaN if not logged."""
    seconds: Floats
    """(n,) the same in seconds."""

    def __len__(self) -> int:
        return len(self.step)

    def where(self, kept: NDArray[np.bool_]) -> Columns:
        """Events selected by a boolean mask, (n,)."""
        return Columns(*(getattr(self, each.name)[kept] for each in fields(self)))

    def without(self, labels: Collection[str]) -> Columns:
        """The events of all other labels."""
        return self.where(~np.isin(self.label, sorted(labels))) if labels else self

    def bounded(self) -> Columns:
        """The same with at most 40 labels: the most frequent, and one for all others."""
        labels, row, count = np.unique(self.label, return_inverse=True, return_counts=True)
        if len(labels) <= MOST_LABELS:
            return self
        rare = np.argsort(-count, kind="stable")[MOST_LABELS - 1 :]
        return replace(self, label=np.where(np.isin(row, rare), OTHERS, self.label))

    def then(self, later: Columns) -> Columns:
        """These events followed by ``later``."""
        both = [(getattr(self, each.name), getattr(later, each.name)) for each in fields(self)]
        return Columns(*map(np.concatenate, both))


def columns_of(state: TrainingState, kind: str, label: str, amount: str) -> Columns:
    """The events of one kind with their field ``label`` and their field ``amount``; costs what is new."""
    what = ("columns of", kind, label, amount)
    return state.extended(
        what, lambda new, _: columns([each for each in new if each.kind == kind], label, amount), Columns.then
    )


def columns(events: Sequence[Event], label: str, amount: str) -> Columns:
    """Convert events to columns."""
    return Columns(
        np.array([event.step or 0 for event in events], np.int64),
        np.array([event.step is not None for event in events], np.bool_),
        np.array([np.nan if event.time is None else event.time for event in events], np.float64),
        np.array([str(event.fields.get(label, "unknown")) for event in events], np.str_),
        np.array([_number(event.fields.get(amount)) for event in events], np.float64),
        np.array([event.segment for event in events], np.int64),
        np.array([_duration(event.fields.get("duration_steps")) for event in events], np.float64),
        np.array([_duration(event.fields.get("duration_seconds")) for event in events], np.float64),
    )


def marks(events: Columns, history: History, view: View) -> Marks:
    """Place events on the x axis, and sum up their amounts where they are bundled."""
    x = positions(events.step, _times(events, history, view), history, view)
    inside = events.placed & ~np.isnan(x)
    untimed = int((events.placed & np.isnan(x)).sum())
    ends = _ends(events, x, history, view)
    if view.start is not None and view.end is not None:
        inside &= (np.fmax(x, ends) >= view.start) & (x <= view.end)
    shown = events.where(inside)
    ones = np.ones(len(shown), np.int64)
    said = (~np.isnan(shown.amount)).astype(np.int64)
    every = Marks(
        x[inside], shown.step, shown.label, shown.amount, ones, said, ends[inside], shown.steps, shown.seconds
    )
    return replace(
        bundle(every),
        unplaced=len(events) - int(events.placed.sum()),
        untimed=untimed,
        newest=int(shown.step[-1]) if len(shown) else 0,
    )


def _times(events: Columns, history: History, view: View) -> Floats:
    """Times of events, from the neighbouring metric line if not logged, as on the other charts."""
    lost = np.flatnonzero(np.isnan(events.time) & events.placed)
    if view.x == "step" or not len(lost):
        return events.time
    time = events.time.copy()
    time[lost] = times_at(history, events.step[lost], events.segment[lost])
    return time


def _ends(events: Columns, x: Floats, history: History, view: View) -> Floats:
    """Where events end on the x axis, (n,); NaN if unknown. What was logged in the other unit is converted."""
    if view.x == "step":
        ends = x + events.steps
        lost = np.flatnonzero(np.isnan(ends) & ~np.isnan(events.seconds + events.time))
        finder = StepFinder(history) if len(lost) else None
        if finder and finder.usable:
            ends[lost] = finder.steps_at(events.time[lost] + events.seconds[lost])
        return np.maximum(ends, x)
    unit = MILLISECONDS if view.x == "wall" else 1 / HOUR
    ends = x + events.seconds * unit
    lost = np.flatnonzero(np.isnan(ends) & ~np.isnan(events.steps))
    steps = np.minimum(events.steps[lost], 2.0**53).astype(np.int64)
    times = (times_at(history, events.step[lost] + more, events.segment[lost]) for more in (steps, 0 * steps))
    after, before = times
    ends[lost] = x[lost] + np.maximum(after - before, 0) * unit
    return ends


def caption(total: int, placed: Marks, singular: str, plural: str = "") -> str:
    """Caption: number of events, how many are in the view, and how many have no step."""
    words = counted(total, singular, plural)
    beyond = total - placed.total - placed.unplaced - placed.untimed
    words = f"{placed.total:,} of {words}" if beyond else words
    return words + (f", {placed.unplaced:,} without a step" if placed.unplaced else "")


def by_label(placed: Marks) -> list[tuple[str, int, float, int]]:
    """Per region or sleep stage in the view: name, events, sum of amounts, events with an amount."""
    return [
        (theme.short(label, 24), int(placed.count[at].sum()), float(np.nansum(placed.amount[at])), int(said))
        for label in sorted(set(placed.label.tolist()))
        for at in [placed.label == label]
        for said in [placed.said[at].sum()]
    ]


def row_addresses(page: str, step: Ints) -> list[str]:
    """Link of each mark, (n,), to its row in a page's table, for ``assets/event_links.js``."""
    return [f"{page}?find={each}" for each in step.tolist()]


def notes(placed: Marks, total: int, things: str) -> tuple[str, ...]:
    """Note on how many events cannot be placed on a time axis."""
    return note(placed.untimed, total - placed.unplaced, things)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _duration(value: object) -> float:
    length = _number(value)
    return length if length >= 0 and np.isfinite(length) else float("nan")


def bundle(every: Marks) -> Marks:
    """Join neighbours of one label until there are few enough; the cells' width is an anchored power of two."""
    labels, row = np.unique(every.label, return_inverse=True)
    width, rows = 1, max(len(labels), 1)
    order = np.lexsort((every.step, row))
    step, others = every.step[order], np.diff(row[order]) != 0
    while np.count_nonzero(others | (np.diff(step // width) != 0)) >= MOST_MARKS and width < 2**50:
        width *= 2
    cells = every.step // width * rows + row
    _, first, inverse, count = np.unique(cells, return_index=True, return_inverse=True, return_counts=True)
    if width == 1 and len(first) == len(every.x):
        first, inverse = np.arange(len(every.x)), np.arange(len(every.x))
        count = np.ones(len(every.x), np.int64)
    said = np.bincount(inverse[~np.isnan(every.amount)], minlength=len(first))
    amount = _sums(every.amount, inverse, len(first))
    end = np.full(len(first), np.nan)
    np.fmax.at(end, inverse, every.end)
    steps, seconds = (_sums(each, inverse, len(first)) for each in (every.steps, every.seconds))
    return Marks(
        every.x[first], every.step[first], every.label[first], amount, count, said, end, steps, seconds
    )


def _sums(values: Floats, inverse: Ints, number: int) -> Floats:
    """Sums of what is known by mark, (number,); NaN where nothing is."""
    known = ~np.isnan(values)
    total = np.bincount(inverse[known], values[known], number).astype(np.float64)
    total[np.bincount(inverse[known], minlength=number) == 0] = np.nan
    return total


def before_and_after(
    page: str,
    x: list[float | None],
    step: Ints,
    ends: Sequence[tuple[float, float]],
    texts: list[str],
    color: list[str],
) -> list[dict[str, Any]]:
    """A line for each event from a value before it to one after, with an open and a full dot at its ends."""
    lines = {
        "type": "scatter",
        "mode": "lines",
        "x": [place for each in x for place in (each, each, None)],
        "y": [round(value, 4) if value is not None else None for a, b in ends for value in (a, b, None)],
        "line": {"color": theme.SECOND, "width": 1.5},
        "hoverinfo": "skip",
    }
    dots = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": x,
            "y": [round(each[at], 4) for each in ends],
            "text": texts,
            "customdata": row_addresses(page, step),
            "marker": {"color": color, "symbol": symbol, "size": 8},
            "hovertemplate": "%{text}<extra></extra>",
            "cliponaxis": False,
        }
        for at, (name, symbol) in enumerate((("before", "circle-open"), ("after", "circle")))
    ]
    return [lines, *dots]
