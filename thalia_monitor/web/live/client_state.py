"""What the browser shows, as it sends it with each refresh: parsed once, here; invalid values are ignored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Self, cast
from urllib.parse import quote

from werkzeug.exceptions import BadRequest

from thalia_monitor.figures.chart import X_TITLES, View

UNREADABLE: Final = "unreadable"
"""The status of a run that cannot be read."""

PartId = Mapping[str, str]
"""The id of a chart (``kind`` and ``name``) or a panel (``name``) on the page."""


@dataclass(frozen=True, slots=True)
class ClientState:
    """What the browser shows: run, frame, charts and panels."""

    view: View
    run: str | None = None
    """The run that the address names; None for the one shown by default."""
    shown: Mapping[str, Any] | None = None
    """``run`` and ``version`` on the page, and when that was ``read``; None where there is none."""
    names: object = None
    """Run and hash of the names of its series, as last sent."""
    notices: str | None = None
    """Digest of the notices on the page."""
    standing: object = None
    """The run's status, as last sent (``header.standing``)."""
    near: frozenset[tuple[str, str]] | None = None
    """Kind and name of each chart on the screen; None for all of them."""
    ahead: frozenset[tuple[str, str]] = frozenset()
    """Those a little above or below it."""
    charts: Sequence[PartId] = ()
    charts_shown: Sequence[Any] = ()
    """What each chart shows, as ``charts.update`` records it; None for one that has not been drawn yet."""
    panels: Sequence[PartId] = ()
    panels_shown: Sequence[Any] = ()
    """The version that each panel shows."""

    @classmethod
    def parse(
        cls,
        held: Mapping[str, Any],
        view: Any = None,
        near: Any = None,
        charts: tuple[Any, Any] = ((), ()),
        panels: tuple[Any, Any] = ((), ()),
    ) -> Self:
        """Parse the arguments of the refresh callback.

        Args:
            held: of the frame: ``run``, ``known``, ``named``, ``notices`` and ``standing``.
            view: the store of the view.
            near: the store of the charts on the screen and, with a third word, close to it.
            charts: ids of the charts, and what each shows.
            panels: ids of the panels, and the version that each shows.

        Raises:
            BadRequest: ids that no page of ours sends: there is nothing to answer.
        """
        run, notices = held.get("run"), held.get("notices")
        near = near if isinstance(near, list) else None
        return cls(
            view_from(view),
            run if isinstance(run, str) else None,
            parse_version(held.get("known")),
            held.get("named"),
            notices if isinstance(notices, str) else None,
            held.get("standing"),
            None if near is None else _pairs(near, 2),
            _pairs(near or [], 3),
            _parts(charts, "kind", "name"),
            charts[1],
            _parts(panels, "name"),
            panels[1],
        )

    def is_due(self, chart: PartId, run: str, shown: Any) -> bool:
        """Whether a chart is on the screen, or close to it and does not show this view of this run yet."""
        part = (chart["kind"], chart["name"])
        if self.near is None or part in self.near:
            return True
        return part in self.ahead and not (
            isinstance(shown, dict)
            and shown.get("view") == self.view.key
            and str(shown.get("version")).startswith(f"{run}:")
        )

    @property
    def opens_charts(self) -> bool:
        """Whether a chart on the screen, or close to it, has not been drawn yet."""
        return any(
            shown is None and self.is_due(chart, "", shown)
            for chart, shown in zip(self.charts, self.charts_shown, strict=True)
        )

    @property
    def digest(self) -> bytes:
        """Digest of everything here but the time at which the version on the page was read.

        Two browsers with the same digest are sent the same.
        """
        version = None if self.shown is None else (self.shown["run"], self.shown["version"])
        near = None if self.near is None else sorted(self.near)
        frame = (self.run, version, self.names, self.notices, self.standing)
        view = (self.view.key, sorted(self.view.pins))
        charts, panels = (self.charts, self.charts_shown), (self.panels, self.panels_shown)
        return digest((frame, view, near, sorted(self.ahead), charts, panels))

    @property
    def status(self) -> str | None:
        """The run's status on the page: a liveness status, or UNREADABLE; None before the first."""
        found = self.standing.get("status") if isinstance(self.standing, dict) else None
        return found if isinstance(found, str) else None


def digest(shown: object) -> bytes:
    """Digest of what a browser shows, as it is written: equal only where that is."""
    return blake2b(repr(shown).encode("utf-8", "replace"), digest_size=20).digest()


def _parts(parts: tuple[Any, Any], *names: str) -> list[PartId]:
    ids, values = parts
    if not (
        isinstance(ids, list | tuple)
        and isinstance(values, list | tuple)
        and len(ids) == len(values)
        and all(
            isinstance(each, dict) and all(isinstance(each.get(name), str) for name in names) for each in ids
        )
    ):
        raise BadRequest
    return list(ids)


def _pairs(near: list[Any], length: int) -> frozenset[tuple[str, str]]:
    """Kind and name, the first two of each list of this length."""
    pairs = (each[:2] for each in near if isinstance(each, list) and len(each) == length)
    return frozenset((kind, name) for kind, name in pairs if isinstance(kind, str) and isinstance(name, str))


def view_from(data: dict[str, Any] | None) -> View:
    """Parse the client's view; ignore invalid fields."""
    given = data if isinstance(data, dict) else {}
    start, end = _number(given.get("start")), _number(given.get("end"))
    if start is None or end is None or start >= end:
        start = end = None
    axis = given.get("x")
    smooth = _number(given.get("smooth")) or 0.0
    return View(
        x=axis if isinstance(axis, str) and axis in X_TITLES else "step",
        smooth=min(max(smooth, 0.0), 0.999),
        start=start,
        end=end,
        log=_names(given.get("log")),
        clip=_names(given.get("clip")),
        percent=_names(given.get("percent")),
        markers=_names(given.get("markers")),
        hidden=_names(given.get("hidden")),
        pins=_names(given.get("pins")),
        scale=round(4 * min(max(_number(given.get("scale")) or 1.0, 1.0), 4.0)) / 4,
    )


def in_address(name: str) -> str:
    """Write a name as one of a list in an address, as the browser does (``listed`` in ``assets/02-address.js``)."""
    meant = "%6Eone" if name == "none" else name.replace("%", "%25").replace(",", "%2C")
    return quote(meant, safe="", errors="replace")


def _number(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(cast(float, value)) if usable else None


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        return frozenset()
    return frozenset(each for each in value if isinstance(each, str))


def parse_version(given: Any) -> dict[str, Any] | None:
    """Parse the run and version that the browser shows; None where they are missing or of the wrong type."""
    names = given if isinstance(given, dict) else {}
    return names if all(isinstance(names.get(each), str) for each in ("run", "version")) else None
