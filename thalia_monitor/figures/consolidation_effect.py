"""What a consolidation did: performance before and after, the average around the event, debt and proportions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from thalia_monitor import contract
from thalia_monitor.analysis.formatting import counted, number, signed
from thalia_monitor.analysis.quantities import series_of
from thalia_monitor.analysis.sleep.consolidations import consolidations, debt_now, gaps, interval
from thalia_monitor.analysis.sleep.effects import AMOUNTS, LINES, Effect, amounts, effects
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import (
    OWN_AXIS,
    X_LOOKS,
    X_TITLES,
    Chart,
    View,
    nothing,
    numbers,
    times,
    whole,
)
from thalia_monitor.figures.events import before_and_after
from thalia_monitor.figures.traces import positions
from thalia_monitor.metric_info import PERFORMANCE, title
from thalia_monitor.model.step_times import times_at

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

MOST_DRAWN: Final = 150
LONGEST: Final = 200_000
"""Steps without a consolidation at which Thalia raises an alert."""
COLUMNS: Final = {
    "step": "Step",
    "phases": "Phases",
    "patterns": "Patterns",
    "before": "Before",
    "after": "After",
    "change": "Change",
    "gap": "Steps since the one before",
    "cycles": "Cycles",
    "her": "HER",
}


NO_EFFECT: Final = "needs a consolidation with three lines of performance before it and three after"


def _performance(state: TrainingState) -> str:
    return series_of(state, PERFORMANCE.name)


def _effects(state: TrainingState) -> list[Effect]:
    return effects(state, _performance(state))


def average(state: TrainingState, _: str, __: View) -> Chart:
    """Draw performance around a consolidation, less its mean before: the mean over all, and one deviation."""
    every = _effects(state)
    if not every:
        return nothing(NO_EFFECT, 260)
    lines = np.array([each.lines - each.before for each in every])
    known = np.isfinite(lines).sum(axis=0)
    mean = np.nansum(lines, axis=0) / np.maximum(known, 1)
    spread = np.sqrt(np.nansum((lines - mean) ** 2, axis=0) / np.maximum(known, 1))
    mean[known == 0] = spread[known == 0] = np.nan
    x = [*range(-LINES, 0), *range(1, LINES + 1)]
    layout = theme.layout(x_title="lines from the consolidation", y_title="change", height=260, **OWN_AXIS)
    layout["shapes"] = [_line(0, "x")]
    edge: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "line": {"width": 0, "color": theme.ACCENT},
        "hoverinfo": "skip",
    }
    traces = [
        edge | {"x": x, "y": numbers(mean - spread), "showlegend": False},
        edge | {"x": x, "y": numbers(mean + spread), "fill": "tonexty", "fillcolor": "rgba(61,134,198,0.22)"},
        {
            "type": "scatter",
            "mode": "lines",
            "name": "mean",
            "x": x,
            "y": numbers(mean),
            "line": {"color": theme.ACCENT, "width": 2},
            "hovertemplate": "%{y:+.4~f}",
        },
    ]
    return Chart(
        traces,
        layout,
        f"mean and one standard deviation of {counted(len(every), 'consolidation')}",
        len(every),
        len(every),
        summary=sentence(every),
    )


def sentence(every: list[Effect]) -> str:
    """How performance changed over the consolidations: the mean, its error, and how many gained."""
    change = np.array([each.after - each.before for each in every])
    gained = int((change > 0).sum())
    words = f"Performance changed by {signed(float(change.mean()))}"
    if len(change) > 1:
        words += f" ± {number(float(change.std(ddof=1) / math.sqrt(len(change))))} (standard error)"
    return f"{words} on average; {gained:,} of {counted(len(change), 'consolidation')} gained."


def change(state: TrainingState, _: str, view: View) -> Chart:
    """Draw each consolidation as a line from the performance before it to that after."""
    every = _effects(state)
    if not every:
        return nothing(NO_EFFECT, 260)
    shown = every[-MOST_DRAWN:]
    step = np.array([each.consolidation.step for each in shown], np.int64)
    segment = np.array([each.consolidation.segment for each in shown], np.int64)
    x = times(positions(step, times_at(state.history, step, segment), state.history, view))
    layout = theme.layout(x_title=X_TITLES[view.x], y_title="performance", height=260)
    layout["xaxis"] |= X_LOOKS[view.x]
    layout["hovermode"] = "closest"
    texts = [f"{number(each.before)} before, {number(each.after)} after" for each in shown]
    ends = [(each.before, each.after) for each in shown]
    color = [theme.GOOD if b > a else theme.BAD for a, b in ends]
    notes = (f"the newest {len(shown):,} of {len(every):,}",) if len(shown) < len(every) else ()
    return Chart(
        before_and_after("consolidation", x, step, ends, texts, color),
        layout,
        f"means of {LINES} lines before and after, {counted(len(shown), 'consolidation')}",
        len(shown),
        len(every),
        notes,
        sentence(every),
    )


def debt(state: TrainingState, _: str, view: View) -> Chart:
    """Draw the steps since the last consolidation, which fall to 0 at each, against the interval."""
    every = consolidations(state)
    now = debt_now(state)
    if now is None:
        return nothing("no consolidation with a step yet", 260)
    due, source = interval(state)
    shown = every[-MOST_DRAWN:]
    at: list[tuple[int, int, float | None]] = []
    for each, gap in zip(shown, gaps(every)[-len(shown) :], strict=True):
        at.append((each.step, each.segment, None if gap is None else float(gap)))
        at.append((each.step, each.segment, 0.0))
    at.append((state.current_step, len(state.history.segments) - 1, float(now)))
    step = np.array([each for each, *_ in at], np.int64)
    segment = np.maximum(np.array([each for _, each, _ in at], np.int64), 0)
    layout = theme.layout(x_title=X_TITLES[view.x], y_title="steps", height=260)
    layout["xaxis"] |= X_LOOKS[view.x]
    layout["yaxis"] |= {"rangemode": "tozero", "autorangeoptions": {"include": [0, due * 1.1]}}
    layout["shapes"] = [_line(due, "y")]
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": times(positions(step, times_at(state.history, step, segment), state.history, view)),
        "y": [each for *_, each in at],
        "line": {"color": theme.ACCENT, "width": 1.6},
        "hovertemplate": "%{y:,.0f} steps",
    }
    late = sum(gap > due * 1.5 for gap in gaps(every) if gap)
    words = f"{now:,} of {due:,.0f} steps"
    notes: tuple[str, ...] = (
        (f"more than {LONGEST:,} steps: Thalia raises an alert",) if now > LONGEST else ()
    )
    notes += (f"the newest {len(shown):,} of {len(every):,}",) if len(shown) < len(every) else ()
    summary = (
        f"{words} since the last consolidation ({source}); {late:,} came more than half an interval late."
    )
    return Chart(
        [line], layout, words, len(shown), len(every), notes, summary, band=f"due after {due:,.0f} ({source})"
    )


def _line(at: float, axis: str) -> dict[str, Any]:
    other = "y" if axis == "x" else "x"
    place = {f"{axis}0": at, f"{axis}1": at, f"{other}ref": "paper", f"{other}0": 0, f"{other}1": 1}
    return {"type": "line", "line": {"color": theme.CAUTION, "width": 1, "dash": "dash"}, **place}


def proportions(state: TrainingState, _: str, __: View) -> Chart:
    """Draw what part of the phases, patterns and time was NREM, REM or neither."""
    found = amounts(state)
    rows = {name: found[name] for name in AMOUNTS if sum(found.get(name, {}).values()) > 0}
    if not rows:
        return nothing("no consolidation yet", 140)
    layout = theme.layout(
        height=34 * len(rows) + 80, barmode="stack", showlegend=True, x_title="", **OWN_AXIS
    )
    layout["xaxis"] |= {"tickformat": ".0%", "range": [0, 1]}
    layout["yaxis"] |= {"type": "category", "categoryarray": list(rows)[::-1], "categoryorder": "array"}
    layout["hovermode"] = "closest"
    traces, words = [], []
    for phase, color in theme.PHASES.items():
        share = {name: row.get(phase, 0.0) / sum(row.values()) for name, row in rows.items()}
        if not any(share.values()):
            continue
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": phase,
                "x": [round(each, 4) for each in share.values()],
                "y": list(rows),
                "marker": {"color": color},
                "hovertemplate": "%{y}: %{x:.1%} %{fullData.name}<extra></extra>",
            }
        )
        words.append(
            f"{phase} "
            + ", ".join(f"{number(each, 'percent')} of the {name}" for name, each in share.items())
        )
    return Chart(
        traces,
        layout,
        counted(len(state.counting(contract.CONSOLIDATION)), "phase"),
        summary="; ".join(words) + ".",
    )


def facts(state: TrainingState) -> list[tuple[str, str, str]]:
    """What the consolidations did, in numbers: the change of performance, the debt, cycles and HER where recorded."""
    found: list[tuple[str, str, str]] = []
    if every := _effects(state):
        mean = float(np.mean([each.after - each.before for each in every]))
        name = title(_performance(state))[:60]
        found.append((f"{name} after", signed(mean), sentence(every)))
    if (now := debt_now(state)) is not None:
        due, source = interval(state)
        found.append(("Sleep debt", f"{now:,} steps", f"of {due:,.0f} ({source})"))
    groups = consolidations(state)
    cycles = [each for group in groups for each in group.cycles if isinstance(each, int | float)]
    if cycles:
        found.append(
            ("Cycles", number(float(np.mean(cycles))), f"on average, recorded {len(cycles):,} times")
        )
    her = [each for group in groups for each in group.her]
    if her:
        found.append(("HER", f"{sum(her):,} of {len(her):,}", "hindsight experience replay on"))
    return found


def table(state: TrainingState) -> pd.DataFrame:
    """One row for each consolidation: its phases, patterns, performance before and after, and the gap before it."""
    return state.memoized("consolidation table", lambda: _table(state))


def _table(state: TrainingState) -> pd.DataFrame:
    known = {id(each.consolidation): each for each in _effects(state)}
    every = consolidations(state)
    rows: list[dict[str, Any]] = []
    for each, gap in zip(every, gaps(every), strict=True):
        effect = known.get(id(each))
        rows.append(
            {
                "step": each.step,
                "phases": each.phases,
                "patterns": None if each.patterns is None else whole(each.patterns),
                "before": effect.before if effect else None,
                "after": effect.after if effect else None,
                "change": effect.after - effect.before if effect else None,
                "gap": gap,
                "cycles": next(iter(each.cycles), None),
                "her": next(("on" if on else "off" for on in each.her), None),
            }
        )
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    counts = ("step", "patterns", "gap")  # from the rows: a frame's column with gaps is of floats
    return frame.assign(**{name: pd.array([row[name] for row in rows], "Int64") for name in counts})
