"""The contents of a report on runs: on one by itself; on several how they compare, then each in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from thalia_monitor.analysis import comparison, report
from thalia_monitor.analysis.curriculum.run_settings import differing
from thalia_monitor.analysis.curriculum.stage_course import courses
from thalia_monitor.analysis.formatting import NONE, counted, number, signed
from thalia_monitor.analysis.milestones import verdicts
from thalia_monitor.analysis.quantities import filled_places
from thalia_monitor.export.document import (
    VIEW,
    Document,
    Drawing,
    Mark,
    Section,
    Table,
    bounded,
    cut,
    health,
    moment,
    sentences,
    status,
    verdict,
)
from thalia_monitor.export.run_document import of_run
from thalia_monitor.figures import compare, side_by_side
from thalia_monitor.figures.theme import SYMBOLS, side_style
from thalia_monitor.metric_info import title
from thalia_monitor.model.series_key import ALL_NEURONS

if TYPE_CHECKING:
    from thalia_monitor.analysis.comparison import RunValues, Side
    from thalia_monitor.analysis.summary import Summary

MOST_ITEMS: Final = 10
"""Warnings and findings of each run."""


def of_runs(sides: Sequence[Side], summaries: Sequence[Summary]) -> Document:
    """The report on one run, or the comparison of several, the baseline first."""
    return _comparison(sides, summaries) if len(sides) > 1 else of_run(summaries[0])


def _comparison(sides: Sequence[Side], summaries: Sequence[Summary]) -> Document:
    names = [side.name for side in sides]
    own = [
        Section(
            f"{side.name}{' (baseline)' if side.baseline else ''}",
            sentences=[status(summary), *sentences(summary)],
            items=health(summary)[:MOST_ITEMS],
        )
        for side, summary in zip(sides, summaries, strict=True)
    ]
    series = _compared_series(sides)
    step = comparison.common_step([side.state for side in sides])
    return Document(
        " and ".join(names) if len(names) == 2 else f"{len(names)} runs compared",
        f"Differences are from {names[0]}, the baseline.",
        [
            Section(
                "Runs",
                legend=[_look(side) for side in sides],
                tables=[_runs(sides, summaries)],
            ),
            Section("Values", tables=[_values(sides, name, step) for name in series]),
            Section("Charts", drawings=_compared(sides, [*series, ALL_NEURONS])),
            *_stages(sides),
            Section("Milestones", tables=_compared_milestones(sides)),
            Section("Growth, consolidation and time", tables=[_totals(sides)]),
            *_settings(sides),
            *own,
        ],
    )


def _look(side: Side) -> tuple[str, str, str]:
    style = side_style(side.look)
    return style["color"], SYMBOLS[style["symbol"]], side.name


def _compared_series(sides: Sequence[Side]) -> list[str]:
    """The quantities that the runs have at the top of their metrics."""
    return list(dict.fromkeys(place.public for side in sides for place in filled_places(side.state)))


def _compared(sides: Sequence[Side], names: Sequence[str]) -> Iterator[Drawing]:
    view = replace(VIEW, markers=frozenset())
    for name in names:
        if name == ALL_NEURONS and not any(side.state.history.neurons for side in sides):
            continue
        yield Drawing(cut(title(name), 80), partial(compare.overlay, sides, name, view))
        difference = cut(f"{title(name)}: difference from the baseline", 120)
        yield Drawing(difference, partial(compare.differences, sides, name, view))


def _runs(sides: Sequence[Side], summaries: Sequence[Summary]) -> Table:
    rows = [
        (
            cut(side.name, 80),
            report.status_words(each),
            NONE
            if side.state.current_stage is None
            else f"{side.state.current_stage} · {cut(side.state.stage_name, 60)}",
            f"{side.state.current_step:,}",
            moment(each.liveness.time),
        )
        for side, each in zip(sides, summaries, strict=True)
    ]
    return Table(
        "Runs compared", ("Run", "Status", "Stage", "Step", "Last update (UTC)"), rows, frozenset({3})
    )


def _values(sides: Sequence[Side], name: str, step: int) -> Table:
    reached = [comparison.run_values(side.state, name, step) for side in sides]
    base = reached[0]
    rows = [
        (cut(side.name, 80), *_cells(side, name, each, base))
        for side, each in zip(sides, reached, strict=True)
    ]
    at = f"At step {step:,}"
    columns = ("Run", "Last", "Difference", "Best", "Difference", at, "Difference")
    return Table(cut(title(name), 80), columns, rows, frozenset(range(1, len(columns))))


_VERDICTS: Final = {"better": ("▲ better", "good"), "worse": ("▼ worse", "bad"), "same": ("= same", "info")}


def _cells(side: Side, name: str, reached: RunValues, base: RunValues) -> Iterator[str | Mark]:
    pairs = ((reached.last, base.last), (reached.best, base.best), (reached.there, base.there))
    for value, its in pairs:
        yield number(value)
        found = None if side.baseline else comparison.difference(name, value, its)
        if found is None:
            yield "baseline" if side.baseline else NONE
            continue
        words, kind = _VERDICTS.get(found.verdict, ("", "info"))
        share = "" if found.percent is None else f" ({number(found.percent, 'change')})"
        amount = f"{signed(found.absolute)}{share}".replace(" ", "\N{NO-BREAK SPACE}")
        yield Mark(f"{amount} {words}".strip(), kind)


def _stages(sides: Sequence[Side]) -> list[Section]:
    """The stages of two runs in one chart, if any are logged."""
    if len(sides) != 2 or not any(courses(side.state) for side in sides):
        return []
    draw = partial(side_by_side.timelines, (sides[0], sides[1]), "", VIEW, comparison.RUN)
    return [Section("Curriculum", drawings=[Drawing("Stages of both runs", draw)])]


def _settings(sides: Sequence[Side]) -> list[Section]:
    """The settings in which the runs differ, if they log any."""
    differ, same = differing([side.state for side in sides])
    if not differ and not same:
        return []
    rows = [
        (each.where, cut(each.name, 80), *(NONE if value is None else cut(value) for value in each.values))
        for each in differ
    ]
    columns = ("Of", "Setting", *(cut(side.name, 40) for side in sides))
    tables = [bounded("Settings that differ", columns, rows, newest=False)] if rows else []
    verb = "differs" if len(rows) == 1 else "differ"
    said = f"{counted(len(rows), 'setting')} {verb}, {same:,} are the same in all runs."
    return [Section("Configuration", sentences=[said], tables=tables)]


def _compared_milestones(sides: Sequence[Side]) -> list[Table]:
    checked = [verdicts(side.state) for side in sides]
    names = list(dict.fromkeys(name for each in checked for name in each))
    rows: list[Sequence[str | Mark]] = [
        (cut(name, 80), *(verdict(each[name].passed if name in each else None) for each in checked))
        for name in names
    ]
    columns = ("Milestone", *(cut(side.name, 40) for side in sides))
    return [bounded("Milestones side by side", columns, rows, newest=False)] if rows else []


def _totals(sides: Sequence[Side]) -> Table:
    facts = [comparison.run_totals(side.state) for side in sides]
    rows = [(name, *(each[name] for each in facts)) for name in facts[0]]
    columns = ("Total", *(cut(side.name, 40) for side in sides))
    return Table("Totals side by side", columns, rows, frozenset(range(1, len(columns))))
