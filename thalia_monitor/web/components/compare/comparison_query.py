"""Which runs are compared, and how: read from what a browser sent, and written into the names of charts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor.analysis.comparison import MOST, RUN, Side, looks, stage_starts
from thalia_monitor.analysis.quantities import filled_places, places, series_of
from thalia_monitor.errors import MonitorError
from thalia_monitor.model.series_key import ALL_NEURONS

if TYPE_CHECKING:
    from thalia_monitor.reading.library import Entry, Library
    from thalia_monitor.web.context import Monitor

BY_ITSELF: Final = 4
"""Runs that are compared when nobody has chosen any."""
LONGEST: Final = 200
MOST_SERIES: Final = 1000
"""Series offered in the select."""
BETWEEN: Final = "~"
_DIGITS: Final = re.compile(r"([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader compares."""

    runs: tuple[str, ...]
    """Their ids, by name."""
    baseline: str
    series: str = "loss"
    origin: str = RUN
    step: int | None = None
    """The step whose values are compared; None is the furthest that all have reached."""
    beside: str = ""
    """The run that is shown beside the baseline in the panel of two; empty where there is no other."""

    @property
    def key(self) -> str:
        """The choice in short, but for the series: part of the name of a chart."""
        return BETWEEN.join((",".join(self.runs), self.baseline, self.origin))

    @property
    def pair_key(self) -> str:
        """The key with the run beside the baseline: part of the name of a chart of these two."""
        return BETWEEN.join((self.key, self.beside))

    @property
    def pair(self) -> tuple[str, ...]:
        """The baseline and the run beside it; fewer where there are no two."""
        return tuple(filter(None, (self.baseline, self.beside)))

    @property
    def written(self) -> dict[str, Any]:
        """The choice as the browser keeps it, and writes it into the address."""
        chosen = {
            "runs": list(self.runs),
            "base": self.baseline,
            "series": self.series,
            "origin": self.origin,
            "beside": self.beside,
        }
        return chosen if self.step is None else chosen | {"step": self.step}


@dataclass(frozen=True, slots=True)
class Compared:
    """Runs that are compared, as they are now."""

    choice: Choice
    sides: list[Side]
    """The runs that could be read."""
    failures: list[str]
    """Why the others could not, in sentences."""


def compared(watch: Monitor, data: Any, run: str | None) -> Compared:
    """Read the runs to compare.

    Args:
        watch: the monitor.
        data: the choice as the browser sent it.
        run: the run on screen.
    """
    choice = choice_from(data, watch.library, run)
    found, failures = sides(watch, choice)
    return Compared(known_series(choice, data, found), found, failures)


def choice_from(data: Any, library: Library, current: str | None) -> Choice:
    """Parse the client's choice; ignore invalid fields."""
    given = data if isinstance(data, dict) else {}
    runs = _runs(given.get("runs"), library) or _by_itself(library, current)
    series, step = given.get("series"), given.get("step")
    baseline = _one_of(runs, given.get("base"))
    return Choice(
        runs,
        baseline,
        series[:LONGEST] if isinstance(series, str) and series else "loss",
        _origin(given.get("origin")),
        step if isinstance(step, int) and not isinstance(step, bool) and 0 <= step < 2**63 else None,
        _one_of([each for each in runs if each != baseline], given.get("beside")),
    )


def _one_of(runs: Sequence[str], wanted: Any) -> str:
    """The wanted run, else the first; empty where there is none."""
    return wanted if isinstance(wanted, str) and wanted in runs else next(iter(runs), "")


def known_series(choice: Choice, data: Any, found: Sequence[Side]) -> Choice:
    """The choice; where nobody has chosen a series, of the one that most of the runs log, a loss before others."""
    if isinstance(data, dict) and data.get("series"):
        return choice
    offered = [choice.series, *(place.public for each in found for place in filled_places(each.state))]

    def runs(series: str) -> int:
        return sum(each.state.history.column(series_of(each.state, series)) is not None for each in found)

    return replace(choice, series=max(dict.fromkeys(offered), key=runs))


def choice_of(key: str, library: Library) -> Choice:
    """Parse the choice from the kind of a chart (:attr:`Choice.key`, :attr:`Choice.pair_key`)."""
    runs, base, origin, beside = (key.split(BETWEEN) + [""] * 3)[:4]
    named = {"runs": runs.split(","), "base": base, "origin": origin, "beside": beside}
    return choice_from(named, library, None)


def _runs(given: Any, library: Library) -> tuple[str, ...]:
    wanted = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    known = []
    for run in dict.fromkeys(wanted[: 2 * MOST]):
        try:
            known.append(library.entry(run))
        except MonitorError:  # removed since, or never there
            continue
    return tuple(each.id for each in sorted(known[:MOST], key=_by_name))


def _by_itself(library: Library, current: str | None) -> tuple[str, ...]:
    there = sorted((each for each in library.entries() if not each.gone), key=_by_name)
    on_screen = [each for each in there if each.id == current]
    others = [each for each in there if each.id != current]
    return tuple(each.id for each in sorted([*on_screen, *others][:BY_ITSELF], key=_by_name))


def _by_name(entry: Entry) -> tuple[list[tuple[int, str]], str]:
    """Sort key: by name, numbers in it by their size (``run-2`` before ``run-10``), then by directory."""
    parts = _DIGITS.split(entry.name.casefold())
    return [(int(part), "") if place % 2 else (0, part) for place, part in enumerate(parts)], entry.place


def _origin(given: Any) -> str:
    text = str(given)
    return text if text.removeprefix("-").isdecimal() and len(text) < 6 else RUN


def series_names(sides: Sequence[Side], choice: Choice) -> list[str]:
    """Every series that can be compared: core metrics first, and always the chosen one."""
    listed = [
        name
        for side in sides
        for name in (
            *(place.public for place in places(side.state) if place.filled),
            *side.state.history.names(),
        )
    ]
    return list(dict.fromkeys([*listed, choice.series]))[:MOST_SERIES]


def stages(sides: Sequence[Side], choice: Choice) -> list[int]:
    """Every stage whose start the runs can be aligned at, and always the chosen one."""
    chosen = [] if choice.origin == RUN else [int(choice.origin)]
    return sorted({*(stage for side in sides for stage in stage_starts(side.state)), *chosen})


def sides(watch: Monitor, choice: Choice, only: Sequence[str] | None = None) -> tuple[list[Side], list[str]]:
    """Read the chosen runs, or ``only`` these of them; those that cannot be read are sentences instead."""
    entries = [watch.library.entry(run) for run in choice.runs]
    found, troubles = [], []
    numbers = looks(choice.runs)
    for entry, name in zip(entries, names(entries), strict=True):
        if only is not None and entry.id not in only:
            continue
        try:
            state = watch.state(entry.id)
        except MonitorError as error:
            troubles.append(f"{name}: {error}")
            continue
        found.append(Side(state, name, numbers[entry.id], entry.id == choice.baseline, entry.id))
    return found, troubles


def names(entries: Sequence[Entry]) -> list[str]:
    """What the runs are called beside each other: those of the same name with the folder they lie in."""
    often = Counter(each.name for each in entries)
    return [
        each.name if often[each.name] == 1 else f"{Path(each.place).parent.name}/{each.name}"
        for each in entries
    ]


def version(watch: Monitor, runs: Sequence[str]) -> str:
    """Changes whenever one of these runs has changed."""
    signs = []
    for run in runs:
        try:
            signs.append(watch.state(run).version)
        except MonitorError as error:
            signs.append(type(error).__name__)
    return ",".join(signs)


def beside_options(sides: Sequence[Side]) -> list[dict[str, str]]:
    """Options of the run beside the baseline: every other."""
    return [{"label": side.name[:80], "value": side.run} for side in sides if not side.baseline]


def series_options(names: Sequence[str]) -> list[dict[str, str]]:
    """Options of the series select: one per name, and the sum of all neurons."""
    every = [{"label": name[:80], "value": name} for name in names if name != ALL_NEURONS]
    return [*every, {"label": "neurons in all regions", "value": ALL_NEURONS}]


def origin_options(stages: Sequence[int]) -> list[dict[str, str]]:
    """Options of the alignment select: the start of the run, and of each stage."""
    each = [{"label": f"the start of stage {stage}", "value": str(stage)} for stage in stages]
    return [{"label": "the start of the run", "value": RUN}, *each]
