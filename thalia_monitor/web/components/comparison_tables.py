"""The parts of the comparison page: the runs with their colours, the differences, milestones and totals as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time
from typing import TYPE_CHECKING, Any, Final

from dash import html, no_update

from thalia_monitor import contract
from thalia_monitor.analysis.comparison import (
    MOST,
    RUN,
    Difference,
    RunValues,
    Side,
    common_step,
    difference,
    directed,
    run_values,
)
from thalia_monitor.analysis.formatting import MINUS, NONE, duration, number
from thalia_monitor.analysis.liveness import liveness
from thalia_monitor.analysis.milestones import Change, verdicts
from thalia_monitor.figures.compare import overlay
from thalia_monitor.figures.theme import side_style
from thalia_monitor.metric_info import title
from thalia_monitor.model.series_key import ALL_NEURONS, Kind
from thalia_monitor.web.components import basic, run_picker
from thalia_monitor.web.components.comparison_query import (
    choice_from,
    choice_of,
    known_series,
    names,
    series_names,
    sides,
    stages,
    version,
)
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live import charts

if TYPE_CHECKING:
    from thalia_monitor.reading.library import Entry, Library
    from thalia_monitor.web.components.comparison_query import Choice

ARROWS: Final = {"better": "▲ better", "worse": "▼ worse", "same": "= same", "": ""}
KINDS: Final = {"better": "good", "worse": "bad", "same": "neutral", "": "neutral"}
BESIDE: Final = "beside the baseline"
MOST_MILESTONES: Final = 200
MOST_OFFERED: Final = 8


def _overlay(key: str) -> charts.Builder:
    watch = monitor()
    choice = choice_of(key, watch.library)
    return lambda _, name, view: overlay(sides(watch, choice)[0], name, view, choice.origin)


CHARTS: Final = charts.Family(_overlay, lambda key: version(monitor(), choice_of(key, monitor().library)))
"""How the overlay of several runs is drawn, and what version of them it shows."""


def fill(data: Any, query: str | None, run: str | None, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Everything on the comparison page, and ``no_update`` for the chart and the controls that are up to date.

    Every result is complete: Dash discards one whose callback was called again meanwhile.

    Args:
        data: the choice as the browser sent it.
        query: the text to search runs with.
        run: the run on screen.
        shown: values of the controls, and the ``kind`` of the chart.
    """
    watch = monitor()
    choice = choice_from(data, watch.library, run)
    compared, failures = sides(watch, choice)
    choice = known_series(choice, data, compared)
    kind = [f"compare~{choice.key}", choice.series]
    same = kind == shown["kind"]
    # A control keeps a value that it shows already: sending it again would overwrite what is being typed.
    controls = {"series": choice.series, "origin": choice.origin, "step": choice.step}
    return {name: no_update if value == shown[name] else value for name, value in controls.items()} | {
        "table": chosen(choice, compared),
        "trouble": [basic.notice("warning", failure) for failure in failures],
        "chart": no_update if same else _chart(choice),
        "kind": no_update if same else kind,
        "differences": differences(choice, compared),
        "milestones": milestones(compared),
        "totals": totals(compared),
        "series_options": series_options(series_names(compared, choice)),
        "origin_options": origin_options(stages(compared, choice)),
        "offers": offer(str(query or ""), choice, watch.library),
    }


def _chart(choice: Choice) -> html.Section:
    every = choice.series == ALL_NEURONS
    return charts.chart_card(
        f"compare~{choice.key}",
        title(choice.series),
        choice.series,
        height=420,
        options=() if every else ("log",),
        series=Kind.NEURONS.family if every else choice.series,
        takes=() if every else ("smooth",),
    )


def chosen(choice: Choice, sides: Sequence[Side]) -> html.Table | html.Div:
    """Table of the compared runs: colour, progress, and buttons to make one the baseline or remove it."""
    if not sides:
        return basic.empty("No run to compare", "Add one above.")
    rows = [
        html.Tr(
            [
                html.Td([_swatch(side), html.A(side.name[:80], href=f"?run={run}", className="log-text")]),
                html.Td(_stage(side)),
                html.Td(f"{side.state.current_step:,}", className="number"),
                html.Td(basic.age(liveness(side.state, time()).time)),
                html.Td(_buttons(run, side), className="row-tools"),
            ]
        )
        for side in sides
        for run in (choice.runs[side.position],)
    ]
    tools = html.Span("Baseline, or remove", className="visually-hidden")
    return _table(("Run", "Stage", "Step", "Last update", tools), rows, numbers=(2,))


def _stage(side: Side) -> str:
    stage = side.state.current_stage
    return NONE if stage is None else f"{stage} · {side.state.stage_name}"


def _swatch(side: Side) -> html.I:
    """A piece of the run's line, in its colour and its stroke."""
    style = side_style(side.position)
    color, at, stops = style["color"], 0, []
    for place, length in enumerate([] if style["dash"] == "solid" else style["dash"].split(",")):
        end = at + int(length.removesuffix("px"))
        stops.append(f"{'transparent' if place % 2 else color} {at}px {end}px")
        at = end
    line = f"repeating-linear-gradient(90deg, {', '.join(stops)})" if stops else color
    return html.I(className="run-swatch", style={"background": line}, **{"aria-hidden": "true"})


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
    return offers(shown, names(shown)) or ("no other run is called that" if query else "every run is here")


def series_options(names: Sequence[str]) -> list[dict[str, str]]:
    """Options of the series select: one per name, and the sum of all neurons."""
    every = [{"label": name[:80], "value": name} for name in names if name != ALL_NEURONS]
    return [*every, {"label": "neurons in all regions", "value": ALL_NEURONS}]


def origin_options(stages: Sequence[int]) -> list[dict[str, str]]:
    """Options of the alignment select: the start of the run, and of each stage."""
    each = [{"label": f"the start of stage {stage}", "value": str(stage)} for stage in stages]
    return [{"label": "the start of the run", "value": RUN}, *each]


def offers(entries: Sequence[Entry], names: Sequence[str]) -> list[html.Button]:
    """Runs that could be added."""
    return [
        _button("add", each.id, f"+ {name[:60]}", f"Compare {name[:80]} too")
        for each, name in zip(entries, names, strict=True)
    ]


def differences(choice: Choice, sides: Sequence[Side]) -> list[Any]:
    """Last, best and at a step, each with what it differs from the baseline."""
    step = common_step([side.state for side in sides]) if choice.step is None else choice.step
    reached = {side.position: run_values(side.state, choice.series, step) for side in sides}
    base = next((reached[side.position] for side in sides if side.baseline), RunValues())
    columns = ("Run", "Last", BESIDE, "Best", BESIDE, f"At step {step:,}", BESIDE)
    rows = [
        html.Tr([_name(side), *_compared(choice.series, reached[side.position], base, side)])
        for side in sides
    ]
    words = (
        "" if directed(choice.series) else "More of this is neither better nor worse, so no run is the best."
    )
    return [
        html.P(words, className="lead-in") if words else None,
        _scrolled(_table(columns, rows), f"{title(choice.series)}: differences from the baseline"),
    ]


def _compared(name: str, reached: RunValues, base: RunValues, side: Side) -> list[html.Td]:
    cells = []
    for value, its, step in (
        (reached.last, base.last, reached.last_step),
        (reached.best, base.best, reached.best_step),
        (reached.there, base.there, None),
    ):
        where = f" step {step:,}" if step is not None else ""
        cells.append(html.Td([number(value), html.Span(where, className="fact-detail")], className="number"))
        cells.append(html.Td("baseline" if side.baseline else _difference(difference(name, value, its))))
    return cells


def _difference(found: Difference | None) -> Any:
    if found is None:
        return NONE
    words = number(found.absolute)
    signed = words if words.startswith(MINUS) or not found.absolute else f"+{words}"
    share = "" if found.percent is None else f" ({number(found.percent, 'change')})"
    said = f"{signed}{share} {ARROWS[found.verdict]}".strip()
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
    return _scrolled(_table(columns, rows, numbers=range(1, len(columns))), "Milestones side by side")


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
    facts = [_totals(side) for side in sides]
    rows = [
        html.Tr([html.Td(name), *(html.Td(each[name], className="number") for each in facts)])
        for name in (facts[0] if facts else {})
    ]
    columns = ("Total", *(side.name[:40] for side in sides))
    return _scrolled(_table(columns, rows, numbers=range(1, len(columns))), "Totals side by side")


def _totals(side: Side) -> dict[str, str]:
    state = side.state
    growth, sleep = state.growth_events["neurons_added"], state.consolidation_events["patterns_replayed"]
    neurons = state.history.latest(state.history.neurons)
    checked = verdicts(state)
    passed = sum(each.passed for each in checked.values())
    seconds = state.training_duration.total_seconds()
    return {
        "Neurons now": number(sum(neurons.values()), "count") if neurons else NONE,
        "Neurons added": f"{growth.sum():,}",
        "Growth events": f"{state.count_of(contract.GROWTH):,}",
        "Consolidations": f"{state.count_of(contract.CONSOLIDATION):,}",
        "Patterns replayed": f"{sleep.sum():,}",
        "Milestones passed": f"{passed} of {len(checked)}" if checked else NONE,
        "Training time": duration(seconds) if seconds else NONE,
    }


def _name(side: Side) -> html.Td:
    return html.Td([_swatch(side), html.Span(side.name[:80], className="log-text")], dir="auto")


def _table(columns: Sequence[Any], rows: list[html.Tr], numbers: Sequence[int] = ()) -> html.Table:
    """``numbers``: which columns hold numbers."""
    head = html.Tr(
        [
            html.Th(words, scope="col", className="log-text" + (" number" if at in numbers else ""))
            for at, words in enumerate(columns)
        ]
    )
    return html.Table([html.Thead(head), html.Tbody(rows)], className="event-table")


def _scrolled(table: html.Table, label: str) -> html.Div:
    return html.Div(table, className="table-scroll", tabIndex=0, role="region", **{"aria-label": label})
