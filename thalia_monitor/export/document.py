"""The contents of a report: sections of sentences, facts, tables and charts of one run, or of several compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from thalia_monitor import contract
from thalia_monitor.analysis import report
from thalia_monitor.analysis.formatting import NONE
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.figures.chart import Chart, View

if TYPE_CHECKING:
    from thalia_monitor.analysis.summary import Summary

EVENTS: Final = frozenset(
    (
        *(MarkerKind.GROWTH, MarkerKind.STAGE, MarkerKind.MILESTONE),
        *(MarkerKind.RESUME, MarkerKind.CONTROL, MarkerKind.NOTE),
    )
)
"""The events on the charts: those that a page shows at first."""
VIEW: Final = View(markers=EVENTS)
"""The view of every chart: the whole run by step."""
MOST_ROWS: Final = 50
"""Rows of a table; a sentence below it says how many more there are."""
LONGEST: Final = 300
"""Characters of a cell or of a sentence's part that is text of a log."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell or line with a meaning: ``good``, ``bad``, ``caution`` or ``info``."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``numbers`` are the columns whose digits stand below each other."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Mark]]
    numbers: frozenset[int] = frozenset()
    more: str = ""
    """What is left out."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart with its title."""

    title: str
    chart: Callable[[], Chart]
    """Builds it, which takes milliseconds: called only where the file has room for it."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One number with its name."""

    label: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A finding or warning, with its evidence."""

    kind: str
    severity: str
    message: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report; what it has none of is left out."""

    title: str
    sentences: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    items: Sequence[Item] = ()
    legend: Sequence[tuple[str, str, str]] = ()
    """Colour, symbol and name of each compared run or kind of event."""
    drawings: Iterable[Drawing] = ()
    """Built one after the other, as long as the file has room; the others are named."""
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    title: str
    subtitle: str
    sections: Sequence[Section] = field(default=())


def moment(seconds: float | None) -> str:
    """A time (Unix seconds) as date and time in UTC; a dash if there is none."""
    if seconds is None or not 0 <= seconds < 2e11:
        return NONE
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def cut(text: object, longest: int = LONGEST) -> str:
    """Text of a log, bounded and without what commands a terminal."""
    words = contract.printable(contract.legible(str(text)))
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def verdict(passed: bool | None) -> Mark:
    """The result of a milestone's check."""
    if passed is None:
        return Mark("· not evaluated", "info")
    return Mark("✓ passed", "good") if passed else Mark("✗ not passed", "bad")


def bounded(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str | Mark]],
    numbers: Iterable[int] = (),
    *,
    total: int | None = None,
    newest: bool = True,
) -> Table:
    """A table of at most so many rows: the newest, or the first; ``total`` is their number if not all are given."""
    count = len(rows) if total is None else total
    kept = rows[-MOST_ROWS:] if newest else rows[: 4 * MOST_ROWS]
    which = "newest" if newest else "first"
    more = f"The {which} {len(kept):,} of {count:,}." if count > len(kept) else ""
    return Table(caption, columns, kept, frozenset(numbers), more)


def status(summary: Summary) -> str:
    """Whether the run is alive, in words."""
    if summary.waiting:
        return report.WAITING
    status = summary.liveness.status
    return f"{report.STATUS_ICONS[status]} {report.STATUS_WORDS[status]}. {summary.liveness.text}"


def sentences(summary: Summary) -> list[str]:
    """The summary in words."""
    said = (
        report.stage_words(summary),
        report.pace_words(summary),
        report.metric_words(summary),
        report.milestone_words(summary),
        report.growth_words(summary),
        report.sleep_words(summary),
    )
    return [cut(each, 2_000) for each in said if each]


def health(summary: Summary) -> list[Item]:
    """What the trainer warns of, and what was found in the run's own numbers."""
    warned = [
        Item("warned by the trainer", str(each.severity), cut(each.message, 500))
        for each in summary.state.warnings
    ]
    found = [
        Item("found in the numbers", str(each.severity), cut(each.message, 500), _evidence(each.evidence))
        for each in summary.findings
    ]
    return [*warned, *found]


def _evidence(text: str) -> str:
    return cut(f"{text[:1].upper()}{text[1:]}", 500)
