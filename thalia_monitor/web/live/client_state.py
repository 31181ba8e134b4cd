"""The client's view of the charts, as one store of the browser keeps it; parsed here."""

from __future__ import annotations

import math
from typing import Any, cast
from urllib.parse import quote

from thalia_monitor.figures.chart import X_TITLES, View


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
        markers=_names(given.get("markers")),
        hidden=_names(given.get("hidden")),
        pins=_names(given.get("pins")),
        scale=round(4 * min(max(_number(given.get("scale")) or 1.0, 1.0), 4.0)) / 4,
    )


def in_address(name: str) -> str:
    """Write a name as one of a list in an address, as the browser does (``listed`` in ``assets/02-address.js``)."""
    meant = "%6Eone" if name == "none" else name.replace("%", "%25").replace(",", "%2C")
    return quote(meant, safe="")


def _number(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(cast(float, value)) if usable else None


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        return frozenset()
    return frozenset(each for each in value if isinstance(each, str))


def parse_version(said: Any) -> dict[str, Any] | None:
    """Parse the run and version that the browser shows; None where they are missing or of the wrong type."""
    names = said if isinstance(said, dict) else {}
    return names if all(isinstance(names.get(each), str) for each in ("run", "version")) else None
