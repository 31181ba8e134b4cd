"""Two runs side by side on the comparison page: their stages, tasks, regions and consolidations."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import dash_bootstrap_components as dbc
from dash import html, no_update
from plotly.io.json import to_json_plotly

from thalia_monitor.analysis.curriculum.course_words import against, tries
from thalia_monitor.analysis.formatting import NONE, counted, number, points, signed
from thalia_monitor.analysis.pairs import (
    Region,
    SleepNumber,
    region_sentence,
    regions_of,
    sleep_numbers,
    sleep_sentence,
    stage_pairs,
    stage_sentence,
    task_pairs,
    task_sentence,
)
from thalia_monitor.figures import side_by_side as figures
from thalia_monitor.figures.chart import CAPTION_ONLY, View, nothing
from thalia_monitor.figures.shares import MOST_STACKED, OTHERS
from thalia_monitor.figures.theme import SECOND, SYMBOLS, region_style, side_style
from thalia_monitor.web.components import basic
from thalia_monitor.web.components.compare.comparison_query import choice_of, sides, version
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live import charts

if TYPE_CHECKING:
    from thalia_monitor.analysis.comparison import Side
    from thalia_monitor.analysis.curriculum.retention import Retention
    from thalia_monitor.analysis.curriculum.stage_course import Course
    from thalia_monitor.analysis.pairs import Forgotten, StagePair, TaskPair, Two
    from thalia_monitor.figures.chart import Chart
    from thalia_monitor.web.components.compare.comparison_query import Choice, Compared

MOST_TASKS: Final = 24
SECTIONS: Final = {
    "stages": "Curriculum timeline",
    "kept": "Retention of earlier tasks",
    "shares": "Share of each region",
    "sleep": "Consolidation",
}
PARTS: Final = ("pair", *(f"{each}-{part}" for each in SECTIONS for part in ("words", "table", "charts")))
"""Ids, after ``compare-``, of what :func:`fill` gives new children."""
NO_DATA: Final = {
    "stages": (
        "No file of these runs names a stage",
        "Log logger.log_stage_start(stage, {'duration_weeks': 4}) where a stage begins.",
    ),
    "kept": (
        "No task was probed in these runs",
        "logger.log_evaluation(task='mnist', stage=0, accuracy=0.94, n=500, step=step) logs a probe.",
    ),
    "shares": (
        "No line of these runs has neurons by region",
        "Log neuron_counts as an object with each line.",
    ),
    "sleep": (
        "No consolidation is logged in these runs",
        "logger.log_consolidation('NREM', 120, step=step) logs a phase of one.",
    ),
}


DRAWN: Final = {
    "stages": figures.timelines,
    "kept": figures.kept,
    "shares": figures.grown,
    "neurons": figures.neurons,
    "patterns": figures.replayed,
}
"""Functions that draw the charts, by what follows ``compare-`` in their kind."""
CHARTS: Final = {
    "stages": {"stages": "Stages of both runs"},
    "kept": {"kept": SECTIONS["kept"]},
    "shares": {"shares": SECTIONS["shares"], "neurons": "Neurons by region"},
    "sleep": {"patterns": "Patterns replayed"},
}
"""Charts of each section, and their titles."""
HEIGHTS: Final = {"neurons": 300, "patterns": 260}
"""Heights of charts in pixels until they are drawn; the others' depend on what is drawn."""


def _family(draw: Callable[[Two, str, View, str], Chart]) -> charts.ChartFamily:
    """Return charts of the baseline and the run beside it; their version is that of these two runs."""

    def builder(key: str) -> charts.Builder:
        choice = choice_of(key, monitor().library)
        two = _pair_of(choice, sides(monitor(), choice, choice.pair)[0])
        if two is None:
            return lambda *_: nothing("one of the two runs cannot be read", CAPTION_ONLY)
        return lambda _, name, view: draw(two, name, view, choice.origin)

    return charts.ChartFamily(builder, lambda key: version(monitor(), choice_of(key, monitor().library).pair))


FAMILIES: Final = {f"compare-{name}": _family(draw) for name, draw in DRAWN.items()}


def panel() -> html.Section:
    """Two runs side by side: folded up, each part with its sentence."""
    beside = basic.field("Beside the baseline", dbc.Select(id="compare-beside", size="sm"))
    title = html.H2("Two runs side by side", className="card-name")
    parts = [html.Div([title, beside], className="table-tools"), html.Div(id="compare-pair")]
    for name, heading in SECTIONS.items():
        words = html.Span(id=f"compare-{name}-words", className="fact-detail log-text", dir="auto")
        body = [html.Div(id=f"compare-{name}-{part}") for part in ("table", "charts")]
        body[1].className = "grid"
        summary = html.Summary([html.H3(heading, className="card-name"), words])
        parts.append(html.Details([summary, *body]))
    return html.Section(parts, className="panel sides")


def fill(compared: Compared, before: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return children of :data:`PARTS`, ``no_update`` for what the browser shows, and digests of what it then shows.

    Args:
        compared: the runs and what is compared of them.
        before: the digests of what the browser shows, as they were sent there.
    """
    choice = compared.choice
    pair = _pair_of(choice, compared.sides)
    parts, with_data = _words_and_tables(pair)
    # Cards that are sent again are drawn again, so their digest is of which runs they show, or that there are none.
    cards = {f"{name}-charts": [choice.pair_key, name in with_data] for name in SECTIONS}
    digests = {name: _digest(part) for name, part in (parts | cards).items()}
    shown = before if isinstance(before, dict) else {}
    new = {name for name, digest in digests.items() if shown.get(name) != digest}
    parts |= {
        f"{name}-charts": _cards(choice, pair, name) if pair and name in with_data else []
        for name in SECTIONS
        if f"{name}-charts" in new
    }
    return {name: parts[name] if name in new else no_update for name in PARTS}, digests


def _digest(part: Any) -> str:
    return f"{zlib.crc32(to_json_plotly(part).encode('utf-8', 'replace')):x}"


def _pair_of(choice: Choice, compared: Sequence[Side]) -> Two | None:
    """Return the baseline and the run beside it; None if one of them could not be read."""
    by_run = {side.run: side for side in compared}
    both = [by_run[run] for run in choice.pair if run in by_run]
    return (both[0], both[1]) if len(both) == 2 else None


def _words_and_tables(two: Two | None) -> tuple[dict[str, Any], list[str]]:
    """Return children by their ids, and the sections for which one of the runs has data."""
    if two is None:
        advice = basic.empty("Nothing to set side by side yet", "Add a second run to the list above.")
        return dict.fromkeys(PARTS) | {"pair": html.Div(advice, className="no-pair")}, []
    states = two[0].state, two[1].state
    stages, tasks, regions = stage_pairs(states), task_pairs(states), regions_of(states)
    sleep = sleep_numbers(states)
    sections = {
        "stages": (stage_sentence(two, stages), _stages(two, stages)),
        "kept": (task_sentence(two, tasks), _tasks(two, tasks)),
        "shares": (region_sentence(two, regions), _regions(two, regions)),
        "sleep": (sleep_sentence(two, sleep), _sleep(two, sleep)),
    }
    children: dict[str, Any] = {"pair": _introduction(two)}
    for name, (words, table) in sections.items():
        children[f"{name}-words"] = words or f"{NO_DATA[name][0]}."
        children[f"{name}-table"] = table if words else basic.empty(*NO_DATA[name])
    return children, [name for name, (words, _) in sections.items() if words]


def _introduction(two: Two) -> html.P:
    base, beside = two
    return html.P(
        [
            *(basic.run_swatch(base), html.Span(base.name[:80], className="log-text"), " is the baseline, "),
            *(basic.run_swatch(beside), html.Span(beside.name[:80], className="log-text"), " is beside it. "),
            "Another baseline is chosen in the list of runs at the top. A difference is the run beside the "
            "baseline minus the baseline.",
        ],
        className="lead-in",
        dir="auto",
    )


def _cards(choice: Choice, two: Two, section: str) -> list[html.Section]:
    """Return the cards of a section's charts, one of both runs or one of each, as high as they will be drawn."""
    each_run = [*zip((figures.BASELINE, figures.BESIDE), two, strict=True)]
    return [
        _card(choice, two, name, which, f"{title}: {side.name[:60]}" if section != "stages" else title)
        for name, title in CHARTS[section].items()
        for which, side in (each_run if section != "stages" else [("", two[0])])
    ]


def _card(choice: Choice, two: Two, name: str, which: str, title: str) -> html.Section:
    height = HEIGHTS.get(name) or DRAWN[name](two, which, View(), choice.origin).layout["height"]
    kind, width = f"compare-{name}~{choice.pair_key}", "" if which else "wide"
    return charts.chart_card(kind, title, which, height=height, class_name=width)


def _stages(two: Two, pairs: Sequence[StagePair]) -> html.Div:
    columns = (
        "Stage",
        *_each(two, "steps"),
        "Difference",
        *_each(two, "attempts"),
        *_each(two, "forgotten at its end"),
    )
    rows = [
        html.Tr(
            [
                html.Td(each.label, className="log-text", dir="auto"),
                *(_course_cell(course) for course in each.courses),
                html.Td(_step_difference(each), className="number"),
                *(_attempts_cell(course) for course in each.courses),
                *(_forgotten_cell(*both) for both in zip(each.courses, each.forgotten, strict=True)),
            ]
        )
        for each in pairs
    ]
    return _scrolling(columns, rows, "Stages side by side", range(1, 8))


def _each(two: Two, what: str) -> list[str]:
    """A heading for each of the two runs."""
    return [f"{SYMBOLS[side_style(side.look)['symbol']]} {side.name[:30]}: {what}" for side in two]


def _course_cell(course: Course | None) -> html.Td:
    if course is None:
        return _missing_cell("not begun")
    until = "so far" if course.running else f"to {course.end:,}"
    words = f" from {course.start:,} {until}, {against(course)}"
    return html.Td([f"{course.steps:,}", html.Span(words, className="fact-detail")], className="number")


def _attempts_cell(course: Course | None) -> html.Td:
    if course is None:
        return html.Td(NONE, className="number")
    return html.Td(tries(course), className="number")


def _forgotten_cell(course: Course | None, found: Forgotten | None) -> html.Td:
    if course is None:
        return html.Td(NONE, className="number")
    if found is None:
        return _missing_cell("not probed")
    task = html.Span(f" {found.task}", className="fact-detail log-text", dir="auto")
    return html.Td([number(found.share, "percent"), task], className="number")


def _tasks(two: Two, pairs: Sequence[TaskPair]) -> html.Div:
    columns = ("Task", "Taught in", *_each(two, "kept"), "Difference")
    rows = [
        html.Tr(
            [
                html.Td(each.task, className="log-text", dir="auto"),
                html.Td(" / ".join(dict.fromkeys(_taught(found) for found in each.found if found))),
                *(_kept_cell(found) for found in each.found),
                html.Td(_points_with_verdict(each.difference), className="number"),
            ]
        )
        for each in pairs[:MOST_TASKS]
    ]
    more = len(pairs) - MOST_TASKS
    words = f"and {counted(more, 'more task')}" if more > 0 else ""
    note = html.P(words, className="fact-detail") if words else None
    return html.Div([_scrolling(columns, rows, "Tasks side by side", range(2, 5)), note])


def _taught(found: Retention) -> str:
    return NONE if found.stage is None else f"stage {found.stage:g}"


def _kept_cell(found: Retention | None) -> html.Td:
    """Show the share of accuracy that is kept at the newest probe, and what is forgotten and allowed."""
    if found is None:
        return _missing_cell("never probed")
    lost = found.forgetting
    if lost is None:
        return _missing_cell("being learned" if found.learning else "not probed since its stage")
    mark, look = ("✗ ", "change-bad") if found.beyond else ("", "change-good")
    words = f" {number(lost, 'percent')} forgotten of {number(found.limit, 'percent')} allowed"
    share = html.Span(f"{mark}{number(1 - lost, 'percent')}", className=look)
    return html.Td([share, html.Span(words, className="fact-detail")], className="number")


def _points_with_verdict(difference: float | None) -> Any:
    if difference is None:
        return NONE
    words = points(difference)
    if words.startswith("0"):
        return words
    arrow, look = ("▲ better", "change-good") if difference > 0 else ("▼ worse", "change-bad")
    return html.Span(f"{words} {arrow}", className=f"change {look}")


def _regions(two: Two, regions: Sequence[Region]) -> html.Div:
    columns = ("Region", *_each(two, "share at its end"), "Difference")
    shown = [*regions[:MOST_STACKED], *_others(regions[MOST_STACKED:])]
    rows = [
        html.Tr(
            [
                html.Td([_swatch(each.name), html.Span(each.name[:80], className="log-text", dir="auto")]),
                *(_share_cell(*both) for both in zip(each.shares, each.neurons, strict=True)),
                html.Td(NONE if each.difference is None else points(each.difference), className="number"),
            ]
        )
        for each in shown
    ]
    return _scrolling(columns, rows, "Regions side by side", range(1, 4))


def _others(regions: Sequence[Region]) -> list[Region]:
    """Return the regions that have no row of their own as one region; none if there is none."""
    if not regions:
        return []
    neurons = [_sum(each.neurons[at] for each in regions) for at in (0, 1)]
    shares = [_sum(each.shares[at] for each in regions) for at in (0, 1)]
    return [Region(OTHERS, (neurons[0], neurons[1]), (shares[0], shares[1]))]


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _swatch(region: str) -> html.I:
    color = SECOND if region == OTHERS else region_style(region)["color"]
    return html.I(className="swatch", style={"backgroundColor": color}, **{"aria-hidden": "true"})


def _share_cell(share: float | None, neurons: float | None) -> html.Td:
    if share is None:
        return _missing_cell("not logged" if neurons is None else NONE)
    words = f" {number(neurons, 'count')} neurons"
    return html.Td([number(share, "percent"), html.Span(words, className="fact-detail")], className="number")


def _sleep(two: Two, numbers: Sequence[SleepNumber]) -> html.Div:
    columns = ("Quantity", *_each(two, "consolidations"), "Difference")
    rows = [
        html.Tr(
            [
                html.Td(each.name),
                *(
                    html.Td(
                        [number(value, each.kind), " ", html.Span(detail, className="fact-detail")],
                        className="number",
                    )
                    for value, detail in zip(each.values, each.details, strict=True)
                ),
                html.Td(
                    NONE if each.difference is None else signed(each.difference, each.kind),
                    className="number",
                ),
            ]
        )
        for each in numbers
    ]
    return _scrolling(columns, rows, "Consolidations side by side", range(1, 4))


def _step_difference(each: StagePair) -> str:
    if each.difference is None:
        return NONE
    steps = signed(each.difference, "count")
    return steps if each.ended else f"{steps} so far"


def _missing_cell(words: str) -> html.Td:
    return html.Td(words, className="number missing")


def _scrolling(columns: Sequence[str], rows: list[html.Tr], label: str, numbers: Sequence[int]) -> html.Div:
    made = basic.table(columns, rows, numbers)
    made.className += " static-table"
    return basic.scrolled(made, label)
