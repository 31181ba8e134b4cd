"""Panels that follow the run: the parts of a page that take nothing from the reader, filled with each version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

import dash
from dash import dcc, html, no_update
from flask import current_app

from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components import basic
from thalia_monitor.web.live.containment import SENTENCE, contained

if TYPE_CHECKING:
    from thalia_monitor.analysis.summary import Summary

PANELS: Final = "thalia_monitor_panels"
SUMMARIES: Final = "thalia_monitor_summaries"
"""Panels that show the run's status, which changes with time, too."""

Fill = Callable[[TrainingState], Any]


def declare(name: str, fill: Fill) -> None:
    """Register what fills the panel of this name."""
    dash.get_app().server.extensions.setdefault(PANELS, {})[name] = fill


def declare_summary(name: str, fill: Callable[[Summary], Any]) -> None:
    """Register what fills the panel of this name from the run's summary."""
    dash.get_app().server.extensions.setdefault(SUMMARIES, {})[name] = fill


def panel_id(part: str, name: Any) -> dict[str, Any]:
    """The id of a panel (``pane``), or of the store with its version (``pane-shown``)."""
    return {"type": part, "name": name}


def panel(name: str, kind: type[html.Div | html.Section] = html.Div, **properties: Any) -> html.Div:
    """A panel, empty until the run is read."""
    return html.Div(
        [kind(id=panel_id("pane", name), **properties), dcc.Store(id=panel_id("pane-shown", name))], id=name
    )


def updates(
    state: TrainingState,
    run: str,
    ids: Sequence[dict[str, str]],
    shown: Sequence[Any],
    standing: Any,
    sum_up: Callable[[], Summary],
) -> tuple[list[Any], list[Any]]:
    """Children and version of each panel; ``no_update`` for one that is current.

    Args:
        state: the run as it is to be shown.
        run: its id.
        ids: of the panels on the page.
        shown: the version that each shows.
        standing: the run's status in the browser (``status_badge.standing``).
        sum_up: sums the run up, where a panel needs it.
    """
    fills, summaries = (current_app.extensions.get(each, {}) for each in (PANELS, SUMMARIES))
    summed = cache(sum_up)
    status = standing.get("status") if isinstance(standing, dict) else None

    def update(name: str, before: Any) -> tuple[Any, Any]:
        mark = f"{run}:{state.version}:{status if name in summaries else ''}"
        if mark == before or name not in {*fills, *summaries}:
            return no_update, no_update
        if name in summaries:
            return summaries[name](summed()), mark
        return state.memoized(("pane", name), lambda: fills[name](state)), mark  # the same for every viewer

    failed = [basic.notice("critical", SENTENCE)], no_update
    answers = [
        contained(each["name"], partial(update, each["name"], before), failed)
        for each, before in zip(ids, shown, strict=True)
    ]
    return [children for children, _ in answers], [mark for _, mark in answers]
