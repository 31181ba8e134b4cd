"""The parts of the comparison page: the runs with their colours, the differences, milestones and totals as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import time
from typing import TYPE_CHECKING, Any, Final

import dash_bootstrap_components as dbc
from dash import html, no_update

from thalia_monitor.analysis.comparison import (
    MOST,
    RUN,
    Difference,
    RunValues,
    Side,
    common_step,
    difference,
    directed,
    run_totals,
    run_values,
    stage_starts,
)
from thalia_monitor.analysis.formatting import NONE, number, signed
from thalia_monitor.analysis.liveness import liveness
from thalia_monitor.analysis.milestones import Change, verdicts
from thalia_monitor.analysis.quantities import filled_places, series_of
from thalia_monitor.figures import compare as figures
from thalia_monitor.figures.compare import overlay
from thalia_monitor.metric_info import CORE_METRICS, title
from thalia_monitor.model.series_key import ALL_NEURONS, Kind
from thalia_monitor.web.components import basic, run_picker
from thalia_monitor.web.components.compare.comparison_query import (
    beside_options,
    choice_of,
    names,
    origin_options,
    series_names,
    series_options,
    sides,
    stages,
    version,
)
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live import charts

if TYPE_CHECKING:
    from thalia_monitor.figures.chart import Chart, View
    from thalia_monitor.reading.library import Library
    from thalia_monitor.web.components.compare.comparison_query import Choice, Compared

ARROWS: Final = {"better": "▲ better", "worse": "▼ worse", "same": "= same", "": ""}
KINDS: Final = {"better": "good", "worse": "bad", "same": "neutral", "": "neutral"}
BESIDE: Final = "beside the baseline"
MOST_MILESTONES: Final = 200
MOST_OFFERED: Final = 8
PARTS: Final = (
    *("table", "trouble", "legend", "chart", "multiples"),
    *("differences", "milestones", "totals", "offers"),
)
"""Ids, after ``compare-``, of what :func:`fill` gives new children."""
SELECTS: Final = ("series", "origin", "beside")
CONTROLS: Final = (*SELECTS, "step")
"""Ids, after ``compare-``, of the controls whose values it gives."""


def _family(draw: Callable[[Sequence[Side], str, View, str], Chart]) -> charts.ChartFamily:
    """Charts of the runs that their key names, at the version of all of these."""

    def builder(key: str) -> charts.Builder:
        watch = monitor()
        choice = choice_of(key, watch.library)
        return lambda _, name, view: draw(sides(watch, choice)[0], name, view, choice.origin)

    return charts.ChartFamily(builder, lambda key: version(monitor(), choice_of(key, monitor().library).runs))


FAMILIES: Final = {
    "compare": _family(overlay),
    "compare-small": _family(partial(overlay, small=True)),
    "compare-difference": _family(figures.differences),
}
"""The kinds of charts of the runs."""


def fill(
    compared: Compared, query: str | None, shown: Mapping[str, Any], before: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return :data:`PARTS` and the controls, ``no_update`` for what is up to date, and what the browser then shows.

    Every result is complete: Dash discards one whose callback was called again meanwhile.

    Args:
        compared: the runs and what is compared of them.
        query: the text to search runs with.
        shown: values of the controls.
        before: what the browser shows, as it was sent there.
    """
    choice, sides = compared.choice, compared.sides
    small = small_multiples(sides)
    kind = {"chart": [choice.key, choice.series], "multiples": [choice.key, *small], "choice": choice.written}
    same_chart = kind["chart"] == before.get("chart")
    # A control keeps a value that it shows already: sending it again would overwrite what is being typed.
    values = {name: getattr(choice, name) for name in CONTROLS}
    controls = {name: no_update if value == shown[name] else value for name, value in values.items()}
    parts = {
        "table": chosen(sides),
        "legend": no_update if same_chart else legend(sides),
        "trouble": [basic.notice("warning", failure) for failure in compared.failures],
        "chart": no_update if same_chart else _charts(choice, sides),
        "multiples": no_update if kind["multiples"] == before.get("multiples") else _small(choice, small),
        "differences": differences(choice, sides),
        "milestones": milestones(sides),
        "totals": totals(sides),
        "series_options": series_options(series_names(sides, choice)),
        "origin_options": origin_options(stages(sides, choice)),
        "beside_options": beside_options(sides),
        "offers": offer(str(query or ""), choice, monitor().library),
    }
    return controls | parts, kind


def runs() -> html.Section:
    """The runs compared, and a search for others to add."""
    tools = [
        html.H2("Runs compared", className="card-name"),
        basic.search_box("compare-query", "Add a run …", "Find a run to compare"),
        html.Span(id="compare-offers", className="offers"),
    ]
    parts = [
        html.Div(tools, className="table-tools"),
        html.Div(id="compare-table", className="table-scroll"),
        html.Div(id="compare-trouble"),
    ]
    return html.Section(parts, className="panel")


def controls() -> html.Div:
    """What is compared, from where, and at which step; its options come with the runs."""
    step = dbc.Input(id="compare-step", type="number", min=0, step=1, debounce=True, size="sm")
    fields = [
        basic.field("Compare", dbc.Select(id="compare-series", size="sm")),
        basic.field("Aligned at", dbc.Select(id="compare-origin", size="sm")),
        basic.field("Values at step", step),
    ]
    return html.Div(fields, className="table-tools")


def panels() -> list[html.Section]:
    """The milestones and totals of each run."""
    return [
        basic.panel("Milestones", html.Div(id="compare-milestones")),
        basic.panel("Growth, consolidation and time", html.Div(id="compare-totals")),
    ]


def small_multiples(sides: Sequence[Side]) -> list[str]:
    """The core metrics that a run logs, then what stands in for the others; four at most."""
    logged = [
        place.public
        for side in sides
        for place in filled_places(side.state)
        if side.state.history.column(series_of(side.state, place.public)) is not None
    ]
    core = [name for name in CORE_METRICS if name in logged]
    return list(dict.fromkeys([*core, *logged]))[: len(CORE_METRICS)]


def _charts(choice: Choice, sides: Sequence[Side]) -> list[html.Section]:
    """The chart of the chosen series, and that of the differences from the baseline."""
    if not sides:
        return []
    every = choice.series == ALL_NEURONS
    series = Kind.NEURONS.family if every else choice.series
    takes = () if every else ("smooth",)
    base = next((side.name for side in sides if side.baseline), "")
    return [
        charts.chart_card(
            f"compare~{choice.key}",
            title(choice.series),
            choice.series,
            height=figures.HEIGHT,
            options=() if every else ("log",),
            series=series,
            takes=takes,
        ),
        charts.chart_card(
            f"compare-difference~{choice.key}",
            f"{title(choice.series)}: difference from {base[:60]}",
            choice.series,
            height=figures.DIFFERENCE_HEIGHT,
            series=series,
            takes=takes,
        ),
    ]


def _small(choice: Choice, names: Sequence[str]) -> list[html.Section]:
    return [
        charts.chart_card(
            f"compare-small~{choice.key}",
            title(name),
            name,
            height=figures.SMALL_HEIGHT,
            options=("log",),
            series=name,
            takes=("smooth",),
        )
        for name in names
    ]


def legend(sides: Sequence[Side]) -> list[html.Button]:
    """A button for each run with its colour and symbol, which hides it in every chart."""
    return [
        basic.toggle(
            "hide",
            side.run,
            [basic.run_swatch(side), html.Span(side.name[:40], className="log-text", dir="auto")],
            f"Hide {side.name[:60]} on every chart",
        )
        for side in sides
    ]


def chosen(sides: Sequence[Side]) -> html.Table | html.Div:
    """Table of the compared runs: colour, progress, and buttons to make one the baseline or remove it."""
    if not sides:
        nothing = basic.empty("No run to compare", "Runs are listed here as soon as one is found.")
        return html.Div(nothing, className="nothing-here")
    rows = [
        html.Tr(
            [
                html.Td(
                    [
                        basic.run_swatch(side),
                        html.A(side.name[:80], href=f"?run={side.run}", className="log-text"),
                    ]
                ),
                html.Td(_stage(side)),
                html.Td(f"{side.state.current_step:,}", className="number"),
                html.Td(basic.age(liveness(side.state, time()).time)),
                html.Td(_buttons(side.run, side), className="row-tools"),
            ]
        )
        for side in sides
    ]
    tools = html.Span("Baseline, or remove", className="visually-hidden")
    return basic.table(("Run", "Stage", "Step", "Last update", tools), rows, numbers=(2,))


def _stage(side: Side) -> str:
    stage = side.state.current_stage
    return NONE if stage is None else f"{stage} · {side.state.stage_name}"


def _buttons(run: str, side: Side) -> list[html.Button]:
    return [
        _button("base", run, "baseline", f"Compare the others with {side.name[:80]}", pressed=side.baseline),
        _button("drop", run, "remove", f"Leave {side.name[:80]} out"),
    ]


def _button(what: str, run: str, words: str, meaning: str, *, pressed: bool | None = None) -> html.Button:
    state = {} if pressed is None else {"aria-pressed": str(pressed).lower()}
    return html.Button(
        words,
        type="button",
        className="option",
        title=meaning,
        **{"aria-label": meaning, "data-compare": what, "data-run-id": run} | state,
    )


def offer(query: str, choice: Choice, library: Library) -> Any:
    """Buttons that add a run whose name matches the query, or why there are none."""
    if len(choice.runs) >= MOST:
        return f"{MOST} runs are as many as can be told apart: remove one to add another."
    free = [each for each in library.entries() if each.id not in choice.runs and not each.gone]
    shown = run_picker.search(free, query)[:MOST_OFFERED]
    if not free and not choice.runs:
        return ""
    if not shown:
        return "no other run is called that" if query else "every run is here"
    named = zip(shown, names(shown), strict=True)
    return [_button("add", each.id, f"+ {name[:60]}", f"Compare {name[:80]} too") for each, name in named]


def differences(choice: Choice, sides: Sequence[Side]) -> list[Any]:
    """Last, best and at a step, each with what it differs from the baseline."""
    step = common_step([side.state for side in sides]) if choice.step is None else choice.step
    reached = {side.run: run_values(side.state, choice.series, step) for side in sides}
    base = next((reached[side.run] for side in sides if side.baseline), RunValues())
    columns = ("Run", "Last", BESIDE, "Best", BESIDE, f"At step {step:,}", BESIDE)
    rows = [html.Tr([_name(side), *_compared(choice, reached[side.run], base, side)]) for side in sides]
    neutral = "More of this is neither better nor worse, so no run is the best."
    return [
        None if directed(choice.series) else html.P(neutral, className="lead-in"),
        basic.scrolled(basic.table(columns, rows), f"{title(choice.series)}: differences from the baseline"),
    ]


def _compared(choice: Choice, reached: RunValues, base: RunValues, side: Side) -> list[html.Td]:
    """Value and difference, each; a click on a value zooms the charts to its step."""
    cells, name = [], choice.series
    starts = {} if choice.origin == RUN else stage_starts(side.state)
    origin = starts[int(choice.origin)].step if starts and int(choice.origin) in starts else 0
    for value, its, step in (
        (reached.last, base.last, reached.last_step),
        (reached.best, base.best, reached.best_step),
        (reached.there, base.there, None),
    ):
        where = [" step ", basic.step_button(step)] if step is not None else []
        zoom = basic.zoom_range(side.state, step, origin) if step is not None else {}
        shown = [number(value), html.Span(where, className="fact-detail")]
        cells.append(html.Td(shown, className="number", **zoom))
        cells.append(html.Td("baseline" if side.baseline else _difference(difference(name, value, its))))
    return cells


def _difference(found: Difference | None) -> Any:
    if found is None:
        return NONE
    share = "" if found.percent is None else f" ({number(found.percent, 'change')})"
    said = f"{signed(found.absolute)}{share} {ARROWS[found.verdict]}".strip()
    return html.Span(said, className=f"change change-{KINDS[found.verdict]}")


def milestones(sides: Sequence[Side]) -> Any:
    """Every milestone that one of the runs was ever checked for, run beside run."""
    checked = [verdicts(side.state) for side in sides]
    names = list(dict.fromkeys(name for each in checked for name in each))
    if not names:
        return basic.empty("No milestones yet", "None of these runs has evaluated any.")
    rows = [
        html.Tr(
            [
                html.Td(name[:80], className="log-text", dir="auto"),
                *(_mark(each.get(name)) for each in checked),
            ]
        )
        for name in names[:MOST_MILESTONES]
    ]
    columns = ("Milestone", *(side.name[:40] for side in sides))
    return basic.scrolled(
        basic.table(columns, rows, numbers=range(1, len(columns))), "Milestones side by side"
    )


def _mark(verdict: Change | None) -> html.Td:
    if verdict is None:
        return html.Td("·", className="number", title="not evaluated", **{"aria-label": "not evaluated"})
    words = f"{'passed' if verdict.passed else 'not passed'}, since step {verdict.step:,}"
    kind, mark = ("good", "✓") if verdict.passed else ("bad", "✗")
    shown = [
        html.Span(mark, className=f"change change-{kind}"),
        f" {verdict.step:,}" if verdict.passed else "",
    ]
    return html.Td(shown, className="number", title=words, **{"aria-label": words})


def totals(sides: Sequence[Side]) -> html.Div:
    """Growth and sleep of each run in numbers, run beside run."""
    facts = [run_totals(side.state) for side in sides]
    rows = [
        html.Tr([html.Td(name), *(html.Td(each[name], className="number") for each in facts)])
        for name in (facts[0] if facts else {})
    ]
    columns = ("Total", *(side.name[:40] for side in sides))
    return basic.scrolled(basic.table(columns, rows, numbers=range(1, len(columns))), "Totals side by side")


def _name(side: Side) -> html.Td:
    return html.Td([basic.run_swatch(side), html.Span(side.name[:80], className="log-text")], dir="auto")
