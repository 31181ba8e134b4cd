"""Safety charts: interventions on lanes, and the health score with the cognitive load."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from thalia_monitor import contract
from thalia_monitor.analysis.curriculum import safety
from thalia_monitor.analysis.formatting import counted, number
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import CAPTION_ONLY, Chart, View, nothing
from thalia_monitor.figures.events import Columns, columns_of, marks, row_addresses
from thalia_monitor.figures.lanes import Lanes, frame, level, line, mark_texts
from thalia_monitor.figures.marks import event_traces

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

SEVERE: Final = frozenset({"emergency_stop", "rollback"})
"""Interventions that end or undo training."""
MOST_KINDS: Final = 23
"""Kinds of interventions with a lane of their own; the others are on one lane together."""
OTHERS: Final = "other kinds"


def interventions(state: TrainingState, _: str, view: View) -> Chart:
    """Show each intervention of the safety system on the lane of its kind: the 23 most frequent, and all others.

    A kind that ends or undoes training has its lane however rare it is.
    """
    every = safety.interventions(state)
    if not every:
        return nothing("no intervention is logged", CAPTION_ONLY)
    lanes = Lanes(state, view)
    placed = marks(_columns(state), state.history, view)
    every_text = np.array(mark_texts(placed, ""), np.object_)
    for kind in sorted(set(placed.label.tolist()), key=lambda each: (each == OTHERS, each)):
        part = np.flatnonzero(placed.label == kind)
        texts = [f"{theme.plain(kind)}, {each}" for each in every_text[part]]
        look = {"symbol": "diamond", "size": 10, "color": theme.BAD if kind in SEVERE else theme.CAUTION}
        address = row_addresses("events", placed.step[part])
        lanes.points(
            theme.plain(kind, 24), lanes.lane(kind), placed.x[part], texts, marker=look, customdata=address
        )
    layout = lanes.layout()
    words = (
        f"{placed.total:,} of {len(every):,} in the view"
        if view.zoomed
        else counted(len(every), "intervention")
    )
    return Chart(
        lanes.traces,
        layout,
        caption=words,
        total=placed.total,
        length=len(every),
        summary=safety.sentence(state),
    )


def _columns(state: TrainingState) -> Columns:
    """The interventions by column, with the kind of each as its label."""
    found = columns_of(state, contract.INTERVENTION, "intervention", "actions")
    tallies = sorted(safety.tallies(state), key=lambda each: (each.kind not in SEVERE, -each.count))
    own = {each.kind for each in tallies[:MOST_KINDS]}
    kinds = (each.kind for each in safety.interventions(state))
    return replace(found, label=np.array([each if each in own else OTHERS for each in kinds], np.str_))


def levels(state: TrainingState, _: str, view: View) -> Chart:
    """Show the health score, and the cognitive load before its limit."""
    drawn = [
        ("health score", safety.score(state), theme.GOOD, "solid"),
        ("cognitive load", safety.load(state), theme.PALETTE[5], "5px,3px"),
    ]
    known = [(name, series, color, dash) for name, series, color, dash in drawn if series is not None]
    if not known:
        return nothing("neither health score nor cognitive load is recorded", CAPTION_ONLY)
    traces = [
        line(state, series, view, name, {"color": color, "dash": dash}, "%{y:.3~f}")
        for name, series, color, dash in known
    ]
    layout = frame(view, "")
    layout["yaxis"] |= {"autorangeoptions": {"include": [0, 1.2]}}
    words = ", ".join(counted(len(series), f"{name} value") for name, series, *_ in known)
    if safety.load(state) is not None:
        limit = safety.load_limit(state)
        layout["shapes"] = [level(limit)]
        words += f"; dashed: load limit {number(limit)}"
    total = sum(len(series) for _, series, *_ in known)
    return Chart(
        [*traces, *event_traces(state, view)],
        layout,
        caption=words,
        total=total,
        length=total,
        summary=safety.sentence(state),
    )
