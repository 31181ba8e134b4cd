"""Consolidation charts: when, how much was replayed, and at what distance."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypedDict

import numpy as np
import pandas as pd

from thalia_monitor import contract
from thalia_monitor.analysis.event_counts import consolidations_in_words
from thalia_monitor.analysis.formatting import NONE, counted, duration, number
from thalia_monitor.analysis.sleep.consolidations import consolidations, phase
from thalia_monitor.analysis.sleep.consolidations import gaps as gaps_between
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import (
    CAPTION_ONLY,
    OWN_AXIS,
    X_LOOKS,
    X_TITLES,
    Chart,
    View,
    nothing,
    numbers,
    times,
)
from thalia_monitor.figures.events import (
    Columns,
    Marks,
    by_label,
    caption,
    columns_of,
    marks,
    notes,
    row_addresses,
)
from thalia_monitor.model.event_tables import event_table

if TYPE_CHECKING:
    from thalia_monitor.model.history import Floats
    from thalia_monitor.model.run import TrainingState

PATTERNS: Final = ((0.0, "#2f7fd6"), (0.5, "#a65fc4"), (1.0, "#d9661f"))
"""Few to many patterns replayed, in tones that are seen on both themes."""
COLORBAR: Final = {
    "title": {"text": "patterns", "side": "right", "font": {"size": theme.SMALL}},
    "tickfont": {"size": theme.SMALL},
    "thickness": 10,
    "outlinewidth": 0,
    "nticks": 3,
    "len": 1,
}
MOST_NAMED: Final = 8
"""Sleep stages that a chart's words name."""


def sleep_color(stage: str) -> str:
    """NREM (1 to 3) in one colour, REM in another, what is neither in grey."""
    return theme.PHASES[phase(stage)]


def _placed(state: TrainingState, view: View) -> Marks:
    what = ("sleeps on", view.x, view.start, view.end)
    return state.memoized(what, lambda: marks(_columns(state).bounded(), state.history, view))


def _columns(state: TrainingState) -> Columns:
    return columns_of(state, contract.CONSOLIDATION, "sleep_stage", "patterns_replayed")


class _Texts(TypedDict):
    caption: str
    total: int
    length: int
    notes: tuple[str, ...]


def _chart_texts(state: TrainingState, placed: Marks) -> _Texts:
    """What both charts of single sleeps say beside their title."""
    count = state.count_of(contract.CONSOLIDATION)
    return {
        "caption": caption(count, placed, "phase"),
        "total": count,
        "length": count,
        "notes": notes(placed, count, "phases"),
    }


def timeline(state: TrainingState, _: str, view: View) -> Chart:
    """Show when each phase of a consolidation ran and for how long, on a lane each, coloured by patterns replayed."""
    placed = _placed(state, view)
    if not len(placed.x):
        return nothing(height=140, **_chart_texts(state, placed))
    lanes = theme.categories(sorted(set(placed.label.tolist())))
    layout = theme.layout(x_title=X_TITLES[view.x], height=max(140, 36 * len(lanes) + 70), barmode="overlay")
    layout["hovermode"] = "closest"
    layout["yaxis"] |= {
        "automargin": True,
        "ticklabelstandoff": 6,
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(lanes.values()),
    }
    layout["xaxis"] |= X_LOOKS[view.x]
    mean = placed.amount / np.maximum(placed.said, 1)
    most = float(np.nanmax(mean, initial=1.0))
    color = [
        theme.SECOND if np.isnan(each) else of
        for each, of in zip(mean, pattern_colors(mean / most), strict=True)
    ]
    bars = {
        "type": "bar",
        "orientation": "h",
        "base": times(placed.x),
        "x": times(np.nan_to_num(placed.end - placed.x)),
        "y": [lanes[stage] for stage in placed.label.tolist()],
        "width": 0.6,
        # The edge keeps one that took no time, or less than a pixel, in sight.
        "marker": {"color": color, "line": {"color": color, "width": 2}},
        "hovertext": _texts(placed),
        "customdata": row_addresses("consolidation", placed.step),
        "hovertemplate": "%{y}: %{hovertext}<extra></extra>",
    }
    traces = [bars] if np.isnan(mean).all() else [bars, _color_key(most)]
    each = ", ".join(f"{stage} {count:,}" for stage, count, *_ in by_label(placed)[:MOST_NAMED])
    words = f"{counted(placed.total, 'phase')}, the newest at step {placed.newest:,}: {each}."
    return Chart(traces, layout, summary=words, **_chart_texts(state, placed))


def pattern_colors(shares: Floats) -> list[str]:
    """The colour of each share, (n,), 0 to 1, of the most patterns; Plotly warns of numbers in their place."""
    at = [place for place, _ in PATTERNS]
    parts = [[int(color[first : first + 2], 16) for _, color in PATTERNS] for first in (1, 3, 5)]
    red, green, blue = (
        np.interp(np.nan_to_num(shares), at, part).round().astype(int).tolist() for part in parts
    )
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in zip(red, green, blue, strict=True)]


def _color_key(most: float) -> dict[str, Any]:
    """A trace without points, for its colour bar."""
    scale = {"colorscale": [list(each) for each in PATTERNS], "cmin": 0, "cmax": most, "colorbar": COLORBAR}
    marker = {"color": [0], "showscale": True, **scale}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "hoverinfo": "skip",
        "marker": marker,
    }


def patterns(state: TrainingState, _: str, view: View) -> Chart:
    """Show how many patterns each phase replayed (their mean where several are bundled)."""
    placed = _placed(state, view)
    if not len(placed.x):
        return nothing(height=260, **_chart_texts(state, placed))
    mean = placed.amount / np.maximum(placed.said, 1)
    traces: list[dict[str, Any]] = []
    texts = _texts(placed)
    for stage in sorted(set(placed.label.tolist())):
        at = np.flatnonzero(placed.label == stage)
        symbol = "square" if stage.upper().startswith("REM") else "circle"
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": theme.plain(stage, 24),
                "x": times(placed.x[at]),
                "y": numbers(mean[at]),
                "customdata": row_addresses("consolidation", placed.step[at]),
                "text": [texts[place] for place in at.tolist()],
                "hovertemplate": "%{fullData.name}: %{text}<extra></extra>",
                "cliponaxis": False,
                "marker": {"color": sleep_color(stage), "symbol": symbol, "size": 7},
            }
        )
    layout = theme.layout(x_title=X_TITLES[view.x], y_title="patterns replayed", height=260, showlegend=True)
    layout["yaxis"] |= {"rangemode": "tozero"}
    layout["hovermode"] = "closest"
    layout["xaxis"] |= X_LOOKS[view.x]
    each = "; ".join(_replayed(*stage) for stage in by_label(placed)[:MOST_NAMED])
    words = f"Patterns replayed in {counted(placed.total, 'phase')}: {each}."
    return Chart(traces, layout, summary=words, **_chart_texts(state, placed))


def _replayed(stage: str, count: int, patterns: float, said: int) -> str:
    if not said:
        return f"{stage} does not say"
    some = f" of {count:,}" if said < count else ""
    return f"{stage} {patterns:,.0f} in {said:,}{some}, {patterns / said:,.0f} on average"


def frequency(state: TrainingState, _: str, __: View) -> Chart:
    """Show the steps between one consolidation and the next."""
    gaps = np.array([each for each in gaps_between(consolidations(state)) if each], np.float64)
    if not len(gaps):
        return nothing("needs two consolidations at different steps", 260)
    if gaps.min() == gaps.max():
        return _constant(float(gaps[0]), len(gaps))
    layout = theme.layout(
        x_title="steps between consolidations", y_title="how many times", height=260, **OWN_AXIS
    )
    layout["hovermode"] = "closest"
    counts, edges = np.histogram(gaps, bins=min(24, max(5, len(gaps) // 2)))
    bars = {
        "type": "bar",
        "x": numbers((edges[:-1] + edges[1:]) / 2),
        "y": counts.tolist(),
        "width": numbers(np.diff(edges) * 0.94),
        "marker": {"color": theme.ACCENT},
        "text": [f"{low:,.0f} to {high:,.0f} steps" for low, high in pairwise(edges.tolist())],
        "textposition": "none",
        "hovertemplate": "%{text}: %{y} times<extra></extra>",
    }
    words = (
        f"Steps between one consolidation and the next, {counted(len(gaps), 'time')}: from {gaps.min():,.0f} to "
        f"{gaps.max():,.0f}, half of them at most {np.median(gaps):,.0f}."
    )
    usual = f"a consolidation every {np.median(gaps):,.0f} steps (median of {len(gaps):,})"
    return Chart([bars], layout, caption=usual, total=len(gaps), summary=words)


def _constant(gap: float, times: int) -> Chart:
    """A sentence: a diagram of one bar would say no more."""
    each = f", all {times:,} times" if times > 1 else ""
    return replace(nothing(f"one every {number(gap, 'count')} steps{each}", CAPTION_ONLY), total=times)


def totals(state: TrainingState) -> list[tuple[str, str, str]]:
    """The consolidations that count in numbers: how many, how much replayed, how long."""
    events = _kept(state)
    patterns = events["patterns_replayed"].dropna()
    steps, seconds = events["duration_steps"].dropna(), events["duration_seconds"].dropna()
    lengths = [f"{_mean(steps)} steps"] if len(steps) else []
    lengths += [duration(float(seconds.mean()))] if len(seconds) else []
    return [
        ("Consolidations", *consolidations_in_words(state)),
        ("Patterns replayed", f"{patterns.sum():,}" if len(patterns) else NONE, ""),
        ("Average patterns", *((_mean(patterns), "per phase") if len(patterns) else (NONE, ""))),
        ("Average duration", *((" · ".join(lengths), "per phase") if lengths else (NONE, ""))),
    ]


def _mean(values: pd.Series) -> str:
    return f"{values.mean():,.1f}".removesuffix(".0")


def _kept(state: TrainingState) -> pd.DataFrame:
    """The phases without those that a resume has repeated."""
    counting = state.counting(contract.CONSOLIDATION)
    if len(counting) == state.count_of(contract.CONSOLIDATION):
        return sleeps(state)
    return event_table(counting, (*contract.CONSOLIDATION_FIELDS, "duration_seconds"))


def sleeps(state: TrainingState) -> pd.DataFrame:
    """Every phase, with the seconds it lasted where that is what the trainer logged."""
    frame = state.event_frame(contract.CONSOLIDATION, (*contract.CONSOLIDATION_FIELDS, "duration_seconds"))
    stage = frame["sleep_stage"]
    return frame.assign(sleep_stage=stage.fillna("unknown")) if stage.hasnans else frame


def _texts(placed: Marks) -> list[str]:
    """What the pointer shows: patterns, how long, and from which step."""
    columns = (placed.amount, placed.count, placed.steps, placed.seconds, placed.step)
    return [
        "<br>".join(
            filter(
                None,
                (
                    ("patterns not logged" if np.isnan(amount) else f"{number(amount, 'count')} patterns")
                    + (f" in {count:,} phases" if count > 1 else ""),
                    _length(steps, seconds),
                    f"from step {step:,}",
                ),
            )
        )
        for amount, count, steps, seconds, step in zip(*(each.tolist() for each in columns), strict=True)
    ]


def _length(steps: float, seconds: float) -> str:
    known = [] if np.isnan(steps) else [f"{number(steps, 'count')} steps"]
    return " · ".join(known if np.isnan(seconds) else [*known, duration(seconds)])
